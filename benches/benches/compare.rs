//! The comparison: `cargo bench --bench compare -- --help`.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use pool_benches::capability::Class;
use pool_benches::cli::{self, Command, HELP, Options};
use pool_benches::cpu::Disturbance;
use pool_benches::measure::Params;
use pool_benches::report::{About, json, page, table};
use pool_benches::results::Results;
use pool_benches::targets::{Judged, TARGETS, judge};
use pool_benches::{matrix, runner, workload};

fn main() -> ExitCode {
    match cli::parse(std::env::args_os().skip(1)) {
        Ok(Command::Run(options)) => compare(options),
        Ok(Command::List) => {
            list();
            ExitCode::SUCCESS
        }
        Ok(Command::Help) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

fn compare(options: Options) -> ExitCode {
    let start = Instant::now();
    let mut params = Params::new(options.workers, options.scale);
    params.seed = options.seed;
    params.data.clone_from(&options.data);
    params.memory_probe = Some(PathBuf::from(env!("CARGO_BIN_EXE_memory-probe")));
    let mut about = About::here(&params, options.repetitions);
    let watch = Disturbance::watch();
    let results = measure(&mut params, &options);
    about.taken = watch.taken();
    println!("{}", table::report(&about, &results));
    let judged = if options.gate { judged(&results) } else { Vec::new() };
    if options.gate {
        println!("Targets\n{}", table::gate(&judged));
    }
    println!("{} measurements in {:.0} s", results.records.len(), start.elapsed().as_secs_f64());
    let directory = options.out.unwrap_or_else(default_directory);
    let page = page::report(&about, &results, &judged);
    let raw = json::report(&about, &results).to_string();
    match write(&directory, &page, &raw) {
        Ok((page, raw)) => println!("raw results: {}\nreport: {}", raw.display(), page.display()),
        Err(error) => {
            eprintln!("error: the report cannot be written to {}: {error}", directory.display());
            return ExitCode::FAILURE;
        }
    }
    // A wrong result of a peer is only shown; a wrong result of ours fails the run.
    let invalid = |&(name, class): &(&str, Class)| {
        class == Class::Ours
            && results.records.iter().any(|record| record.contestant == name && record.measured.is_err())
    };
    if results.contestants.iter().any(invalid) || judged.iter().any(|judged| !judged.reached()) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn measure(params: &mut Params, options: &Options) -> Results {
    let terminal = std::io::stderr().is_terminal();
    let mut last = usize::MAX;
    let results = runner::run(
        params,
        &options.workloads,
        &options.contestants,
        options.repetitions,
        |repetition, workload, contestant| {
            let (number, of) = (repetition + 1, options.repetitions);
            if terminal {
                eprint!("\r\x1b[Krepetition {number} of {of}: {} · {}", workload.name, contestant.name);
                let _ = std::io::stderr().flush();
            } else if repetition != last {
                eprintln!("repetition {number} of {of}");
            }
            last = repetition;
        },
    );
    if terminal {
        eprint!("\r\x1b[K");
    }
    results
}

/// The judged targets, as far as their workloads were measured.
fn judged(results: &Results) -> Vec<Judged> {
    let mut targets = TARGETS.to_vec();
    targets.retain(|target| results.workload(target.workload).is_some());
    judge(results, &targets)
}

fn list() {
    println!("workloads (* runs only if named)");
    for workload in workload::all() {
        println!("  {:16} {}{}", workload.name, if workload.standard { "" } else { "* " }, workload.title);
    }
    println!("contestants");
    for contestant in matrix::all() {
        println!("  {}", contestant.name);
    }
}

/// `pool-bench` in the target directory that this executable was built in, else in the current directory.
fn default_directory() -> PathBuf {
    let executable = std::env::current_exe().unwrap_or_default();
    // <target>/<profile>/deps/<executable>
    let target = executable.ancestors().nth(3).filter(|target| target.join("CACHEDIR.TAG").exists());
    target.unwrap_or(Path::new(".")).join("pool-bench")
}

fn write(directory: &Path, page: &str, raw: &str) -> std::io::Result<(PathBuf, PathBuf)> {
    std::fs::create_dir_all(directory)?;
    let directory = directory.canonicalize()?;
    let (page_file, raw_file) = (directory.join("report.html"), directory.join("results.json"));
    std::fs::write(&page_file, page)?;
    std::fs::write(&raw_file, raw)?;
    Ok((page_file, raw_file))
}
