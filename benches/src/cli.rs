//! The command line of the comparison.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;

use crate::matrix::{self, Entry};
use crate::measure::Scale;
use crate::targets::{self, TARGETS};
use crate::workload::{self, Workload};

/// The text of `--help`.
pub const HELP: &str = "\
Compares the strategies of this workspace with other crates on the same workloads.

cargo bench --bench compare -- [OPTIONS] [FILTER...]

  FILTER                 only workloads with this text in their name
  --workloads A,B        only these workloads
  --contestants X,Y      only these contestants
  --workers N            worker threads of each contestant (default 2)
  --reps N               repetitions (default 9)
  --quick                small sizes, 3 repetitions
  --full                 the sizes of the published figures
  --gate                 judges the targets: full sizes, at least 9 repetitions; exit code 1 if one is missed
  --seed N               seed of all random numbers (default 1)
  --data FILE            the input of the quicksort (default: this executable)
  --out DIR              directory of the report (default: pool-bench in the target directory)
  --list                 lists all workloads and contestants
";

/// What to measure, and how.
#[derive(Debug)]
pub struct Options {
    /// The workloads, in the order of the tables.
    pub workloads: Vec<Workload>,
    /// The contestants.
    pub contestants: Vec<Entry>,
    /// Worker threads of each.
    pub workers: usize,
    /// How often every measurement is repeated.
    pub repetitions: usize,
    /// How large the workloads are.
    pub scale: Scale,
    /// Whether to judge the targets.
    pub gate: bool,
    /// The seed of all random numbers.
    pub seed: u64,
    /// The input of the quicksort.
    pub data: Option<PathBuf>,
    /// The directory of the report.
    pub out: Option<PathBuf>,
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Command {
    /// Measure.
    Run(Options),
    /// List the workloads and the contestants.
    List,
    /// Show the help.
    Help,
}

/// Reads the arguments that follow the program's name.
///
/// `cargo bench` passes `--bench`. Without it (`cargo test --benches` starts bench targets too), the default is one
/// tiny repetition.
///
/// # Errors
/// A message for the user. For an unknown name it lists the known ones.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let (mut workloads, mut contestants) = (None, None);
    let (mut workers, mut repetitions, mut scale, mut seed) = (None, None, None, 1);
    let (mut gate, mut bench, mut data, mut out) = (false, false, None, None);
    let mut filters = Vec::new();
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Long("bench") => bench = true,
            Long("list") => return Ok(Command::List),
            Long("help") | Short('h') => return Ok(Command::Help),
            Long("workloads") => workloads = Some(names(value(&mut parser)?)?),
            Long("contestants") => contestants = Some(names(value(&mut parser)?)?),
            Long("workers") => workers = Some(number("--workers", value(&mut parser)?)?),
            Long("reps") => repetitions = Some(number("--reps", value(&mut parser)?)?),
            Long("seed") => seed = number("--seed", value(&mut parser)?)? as u64,
            Long("quick") => scale = Some(Scale::Quick),
            Long("full") => scale = Some(Scale::Full),
            Long("gate") => gate = true,
            Long("data") => data = Some(value(&mut parser)?.into()),
            Long("out") => out = Some(value(&mut parser)?.into()),
            Value(filter) => filters.push(text(filter)?),
            other => return Err(format!("{}\n\n{HELP}", other.unexpected())),
        }
    }
    let scale = scale.unwrap_or(match (gate, bench) {
        (true, _) => Scale::Full,
        (false, true) => Scale::Standard,
        (false, false) => Scale::Tiny,
    });
    let usual = match scale {
        _ if gate => 9,
        Scale::Tiny => 1,
        Scale::Quick => 3,
        Scale::Standard | Scale::Full => 9,
    };
    let workers = workers.unwrap_or(2);
    Ok(Command::Run(Options {
        workloads: choose_workloads(workloads, &filters, gate, workers)?,
        contestants: choose_contestants(contestants)?,
        workers,
        repetitions: repetitions.unwrap_or(usual).max(if gate { 9 } else { 1 }),
        scale,
        gate,
        seed,
        data,
        out,
    }))
}

fn choose_workloads(
    named: Option<Vec<String>>,
    filters: &[String],
    gate: bool,
    workers: usize,
) -> Result<Vec<Workload>, String> {
    let all = workload::all();
    let known: Vec<&str> = all.iter().map(|workload| workload.name).collect();
    let named = named.map(|names| all_known("workload", names, &known)).transpose()?;
    let needed = targets::workloads(TARGETS);
    let mut chosen = all.clone();
    chosen.retain(|workload| match &named {
        Some(names) => names.iter().any(|name| name == workload.name),
        None if !filters.is_empty() => filters.iter().any(|filter| workload.name.contains(filter)),
        None if gate => needed.contains(&workload.name),
        None => workload.standard,
    });
    if chosen.is_empty() {
        return Err(format!("no workload has {} in its name; known: {}", filters.join(" or "), known.join(", ")));
    }
    let asked = chosen.len();
    chosen.retain(|workload| workload.workers.unwrap_or(workers) >= workload.least_workers);
    if chosen.is_empty() || (named.is_some() && chosen.len() < asked) {
        return Err("a chosen workload needs more workers".to_owned());
    }
    Ok(chosen)
}

fn choose_contestants(named: Option<Vec<String>>) -> Result<Vec<Entry>, String> {
    let mut all = matrix::all();
    if let Some(names) = named {
        let known: Vec<&str> = all.iter().map(|entry| entry.name).collect();
        let names = all_known("contestant", names, &known)?;
        all.retain(|entry| names.iter().any(|name| name == entry.name));
    }
    Ok(all)
}

fn all_known(kind: &str, names: Vec<String>, known: &[&str]) -> Result<Vec<String>, String> {
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("unknown {kind} {name:?}; known: {}", known.join(", "))),
        None => Ok(names),
    }
}

fn value(parser: &mut lexopt::Parser) -> Result<OsString, String> {
    parser.value().map_err(|error| error.to_string())
}

fn text(value: OsString) -> Result<String, String> {
    value.into_string().map_err(|value| format!("{} is not UTF-8", value.display()))
}

fn names(value: OsString) -> Result<Vec<String>, String> {
    Ok(text(value)?.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect())
}

fn number(option: &str, value: OsString) -> Result<usize, String> {
    let value = text(value)?;
    match value.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{option} takes a whole number above 0, not {value:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Options, String> {
        match parse(line.split_whitespace().map(OsString::from))? {
            Command::Run(options) => Ok(options),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn defaults_and_what_cargo_adds() {
        let defaults = options("--bench").unwrap();
        assert_eq!((defaults.workers, defaults.repetitions, defaults.scale), (2, 9, Scale::Standard));
        assert!(defaults.workloads.iter().all(|workload| workload.standard));
        assert_eq!(defaults.contestants.len(), matrix::all().len());
        let without_bench = options("").unwrap();
        assert_eq!((without_bench.scale, without_bench.repetitions), (Scale::Tiny, 1));
    }

    #[test]
    fn flags_choose() {
        let chosen = options("--workloads fib-8w,outside-1 --contestants rayon --workers 3 --reps 7 --quick").unwrap();
        let names: Vec<_> = chosen.workloads.iter().map(|workload| workload.name).collect();
        assert_eq!(names, ["outside-1", "fib-8w"]);
        assert_eq!(chosen.contestants[0].name, "rayon");
        assert_eq!((chosen.workers, chosen.repetitions, chosen.scale), (3, 7, Scale::Quick));
        let filtered = options("trip --bench").unwrap();
        assert!(filtered.workloads.iter().all(|workload| workload.name.contains("trip")));
        assert_eq!(filtered.workloads.len(), 3);
        let gate = options("--bench --gate --reps 2").unwrap();
        assert_eq!((gate.repetitions, gate.scale), (9, Scale::Full));
        assert!(gate.workloads.iter().any(|workload| workload.name == "fib-8w"));
        assert!(matches!(parse(["--list".into()]), Ok(Command::List)));
        assert!(matches!(parse(["-h".into()]), Ok(Command::Help)));
    }

    #[test]
    fn what_is_unknown_is_answered_with_what_is_known() {
        let error = options("--workloads fibb").unwrap_err();
        assert!(error.contains("\"fibb\"") && error.contains("fib-8w"), "{error}");
        let error = options("--contestants rayonn").unwrap_err();
        assert!(error.contains("\"rayonn\"") && error.contains("rayon, chili"), "{error}");
        assert!(options("nothing-like-it").unwrap_err().contains("outside-1"));
        assert!(options("--workers 1 --workloads sleeper").unwrap_err().contains("more workers"));
        assert!(options("--workers 1").is_ok());
        assert!(options("--workers 0").unwrap_err().contains("--workers"));
        assert!(options("--workers").is_err());
        assert!(options("--colour").unwrap_err().contains("--colour"));
    }
}
