//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;

/// The text of `--help`.
pub(crate) const HELP: &str = "\
Hashes every file under PATH with three worker pools and compares them with one thread.

cargo run --release -p pool-benches --example hash_tree -- [OPTIONS] PATH

  PATH               a directory, or a single file; links are followed
  --strategy NAME    fifo, workstealing or priority; may be repeated (default: all three)
  --workers N        worker threads (default: as many as there are processors)
  --repeat N         runs of each contestant (default 5)
  --big HOW          how files of more than 1 MiB are hashed: pieces, whole or both (default)
  -h, --help         this text

exit code: 0 all files were hashed and all digests agree; 1 some entries could not be hashed, all others were;
           2 bad arguments, no such path, or no threads; 3 digests differ
";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    Fifo,
    WorkStealing,
    Priority,
}

impl Strategy {
    pub(crate) const ALL: [Self; 3] = [Self::Fifo, Self::WorkStealing, Self::Priority];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fifo => "fifo",
            Self::WorkStealing => "workstealing",
            Self::Priority => "priority",
        }
    }
}

/// How a big file is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Big {
    /// By one task.
    Whole,
    /// By a task per piece.
    Pieces,
}

impl Big {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Pieces => "pieces",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) path: PathBuf,
    pub(crate) strategies: Vec<Strategy>,
    pub(crate) workers: usize,
    pub(crate) repeat: usize,
    pub(crate) big: Vec<Big>,
}

#[derive(Debug)]
pub(crate) enum Command {
    Run(Options),
    Help,
}

/// Reads the arguments that follow the program's name, or says what is wrong with them.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut path = None;
    let mut strategies = Vec::new();
    let mut workers = pool_core::default_workers();
    let mut repeat = 5;
    let mut big = vec![Big::Whole, Big::Pieces];
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next().map_err(say)? {
        match argument {
            Long("help") | Short('h') => return Ok(Command::Help),
            Long("strategy") => {
                let strategy = strategy(&text(&mut parser)?)?;
                if !strategies.contains(&strategy) {
                    strategies.push(strategy);
                }
            }
            Long("workers") => workers = positive("--workers", &text(&mut parser)?)?,
            Long("repeat") => repeat = positive("--repeat", &text(&mut parser)?)?,
            Long("big") => {
                big = match text(&mut parser)?.as_str() {
                    "pieces" => vec![Big::Pieces],
                    "whole" => vec![Big::Whole],
                    "both" => vec![Big::Whole, Big::Pieces],
                    other => return Err(format!("--big takes pieces, whole or both, not {other:?}")),
                };
            }
            Value(value) if path.is_none() => path = Some(PathBuf::from(value)),
            Value(value) => return Err(format!("only one PATH is allowed; unexpected {value:?}")),
            other => return Err(say(other.unexpected())),
        }
    }
    if strategies.is_empty() {
        strategies.extend(Strategy::ALL);
    }
    let path = path.ok_or("PATH is missing")?;
    Ok(Command::Run(Options { path, strategies, workers, repeat, big }))
}

fn strategy(name: &str) -> Result<Strategy, String> {
    let known = Strategy::ALL.map(Strategy::name).join(", ");
    let named = Strategy::ALL.into_iter().find(|strategy| strategy.name() == name);
    named.ok_or_else(|| format!("unknown strategy {name:?}; known: {known}"))
}

fn text(parser: &mut lexopt::Parser) -> Result<String, String> {
    parser.value().map_err(say)?.string().map_err(say)
}

fn positive(option: &str, text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{option} takes a whole number above 0, not {text:?}")),
    }
}

fn say(error: lexopt::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Options, String> {
        match parse(line.split_whitespace().map(OsString::from))? {
            Command::Run(options) => Ok(options),
            Command::Help => panic!("help"),
        }
    }

    #[test]
    fn a_path_is_enough() {
        let options = options("src").unwrap();
        assert_eq!(options.path, PathBuf::from("src"));
        assert_eq!(options.strategies, Strategy::ALL);
        assert_eq!(options.workers, pool_core::default_workers());
        assert_eq!(options.big, [Big::Whole, Big::Pieces]);
    }

    #[test]
    fn flags_choose() {
        let line = "--strategy priority --workers 7 src --strategy=fifo --repeat 2 --big pieces --strategy fifo";
        let options = options(line).unwrap();
        assert_eq!(options.strategies, [Strategy::Priority, Strategy::Fifo]);
        assert_eq!((options.workers, options.repeat), (7, 2));
        assert_eq!(options.big, [Big::Pieces]);
        assert!(matches!(parse(["src".into(), "--help".into()]), Ok(Command::Help)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, part) in [
            ("", "PATH"),
            ("a b", "\"b\""),
            ("a --strategy lifo", "fifo, workstealing, priority"),
            ("a --workers 0", "--workers"),
            ("a --repeat many", "\"many\""),
            ("a --big huge", "\"huge\""),
            ("a --colour", "--colour"),
            ("a --workers", "--workers"),
        ] {
            let message = options(line).unwrap_err();
            assert!(message.contains(part), "{line:?}: {message}");
        }
    }
}
