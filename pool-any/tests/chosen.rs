//! A strategy is chosen by its name, and the program stays the same.

use pool_any::{AnyStrategy, Execute, Level, Pool, Strategy, UnknownStrategy, join, task};
use std::collections::{BTreeMap, HashSet};
use std::env;
use std::ffi::{OsStr, OsString};
use std::process::Command;

const TEXT: &str = "a rose is a rose is a rose";

/// A program that uses handles, forks, borrows, hints, a batch, and the pool behind a reference.
fn program(pool: &Pool) -> (BTreeMap<&'static str, usize>, u64, usize) {
    let words: Vec<&str> = TEXT.split(' ').collect();
    let distinct: HashSet<&str> = words.iter().copied().collect();
    let count = |word: &'static str| move || (word, TEXT.split(' ').filter(|other| *other == word).count());
    let counts = pool.spawn_batch(distinct.into_iter().map(count));
    let urgent = pool.task().hint(Level::HIGH).spawn(|| task().hint(Level::LOW).spawn(|| fibonacci(12)).join());
    let mut lengths = vec![0; words.len()];
    pool.scope(|scope| {
        for (length, word) in lengths.iter_mut().zip(&words) {
            scope.spawn(move |_| *length = word.len());
        }
    });
    let counts = counts.into_iter().map(|count| count.join().unwrap()).collect();
    (counts, urgent.join().unwrap().unwrap(), behind_a_reference(pool, lengths))
}

fn fibonacci(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = join(|| fibonacci(n - 1), || fibonacci(n - 2));
    a + b
}

fn behind_a_reference(pool: &dyn Execute, lengths: Vec<usize>) -> usize {
    pool.spawn(move || lengths.iter().sum()).join().unwrap()
}

#[test]
fn every_strategy_runs_the_same_program() {
    let expected = (BTreeMap::from([("a", 3), ("is", 2), ("rose", 3)]), 144, 19);
    let mut names = Vec::new();
    for strategy in Strategy::ALL {
        let chosen: Strategy = strategy.name().parse().unwrap();
        let pool = pool_any::builder(chosen).workers(2).build().unwrap();
        assert_eq!(pool.scheduler().strategy(), *strategy);
        assert_eq!(program(&pool), expected, "{strategy}");
        pool.shutdown().unwrap();
        let metrics = pool.metrics();
        assert!(metrics.is_balanced() && metrics.completed > 0, "{strategy}: {metrics:?}");
        names.push(strategy.name());
    }
    assert_eq!(names, ["fifo", "workstealing", "priority"]);
}

#[test]
fn only_the_strategy_with_urgency_heeds_it() {
    let order = |strategy| {
        let pool = pool_any::builder(strategy).workers(1).build().unwrap();
        let (log, order) = std::sync::mpsc::channel();
        let (open, gate) = std::sync::mpsc::channel();
        pool.execute(move || gate.recv().unwrap());
        for level in [Level::BACKGROUND, Level::NORMAL, Level::HIGH] {
            let log = log.clone();
            pool.task().hint(level).execute(move || log.send(level.get()).unwrap());
        }
        open.send(()).unwrap();
        pool.wait_idle().unwrap();
        order.try_iter().collect::<Vec<_>>()
    };
    assert_eq!(order(Strategy::Fifo), [3, 1, 0]);
    assert_eq!(order(Strategy::WorkStealing), [3, 1, 0]);
    assert_eq!(order(Strategy::Priority), [0, 1, 3]);
}

#[test]
fn a_name_is_read_as_it_is_written() {
    for strategy in Strategy::ALL {
        assert_eq!(strategy.to_string().parse(), Ok(*strategy));
        assert_eq!(format!("{strategy:>14}").trim_start(), strategy.name());
        assert_eq!(format!("{strategy:>14}").len(), 14);
    }
    for name in ["", "FIFO", "Fifo", " fifo", "fifo ", "work-stealing", "keyed"] {
        let error: UnknownStrategy = name.parse::<Strategy>().unwrap_err();
        assert_eq!(error.name(), name);
        let message = error.to_string();
        assert_eq!(message, format!("no strategy is called {name:?}; there are fifo, workstealing, priority"));
    }
}

#[test]
fn it_says_which_strategy_it_is() {
    let shown = Strategy::ALL.iter().map(|&strategy| format!("{:?}", AnyStrategy::<u8>::new(strategy)));
    let names: Vec<_> = shown.map(|shown| shown.split([' ', '(']).nth(1).unwrap().to_owned()).collect();
    assert_eq!(names, ["Fifo", "WorkStealing", "Priority"]);
}

const VARIABLE: &str = "POOL_TEST_STRATEGY";
/// Set in the process that is to read the variable.
const INSIDE: &str = "POOL_TEST_INSIDE";
/// What stands before an answer, on the output of a process that the test harness writes to as well.
const ANSWER: &str = "answer: ";

fn answer() -> String {
    match Strategy::from_env(VARIABLE) {
        Ok(None) => "none".to_owned(),
        Ok(Some(strategy)) => strategy.to_string(),
        Err(error) => {
            assert_eq!(error.variable(), VARIABLE);
            assert_eq!(Some(error.value()), env::var_os(VARIABLE).as_deref());
            error.to_string()
        }
    }
}

/// What a process answers in which the variable has this value: changing the environment of one that runs is unsafe.
fn answer_with(value: Option<&OsStr>) -> String {
    let mut process = Command::new(env::current_exe().unwrap());
    process.args(["--exact", "a_variable_names_a_strategy_or_is_an_error", "--nocapture"]).env(INSIDE, "1");
    match value {
        Some(value) => process.env(VARIABLE, value),
        None => process.env_remove(VARIABLE),
    };
    let output = process.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let answer = text.lines().find_map(|line| line.split_once(ANSWER)).map(|(_, answer)| answer.to_owned());
    answer.unwrap_or_else(|| panic!("no answer in {text}"))
}

#[test]
fn a_variable_names_a_strategy_or_is_an_error() {
    if env::var_os(INSIDE).is_some() {
        println!("\n{ANSWER}{}", answer());
        return;
    }
    assert_eq!(answer_with(None), "none", "unset");
    assert_eq!(answer_with(Some(OsStr::new(""))), "none", "empty");
    for strategy in Strategy::ALL {
        assert_eq!(answer_with(Some(OsStr::new(strategy.name()))), strategy.name());
    }
    for value in [OsString::from("lifo"), OsString::from(" fifo"), not_unicode()] {
        let expected = format!(
            "the environment variable {VARIABLE} is {value:?}; \
             it takes the name of a strategy: fifo, workstealing, priority"
        );
        assert_eq!(answer_with(Some(&value)), expected);
    }
}

/// Begins with the name of a strategy, so that a lossy reading would be noticed.
#[cfg(unix)]
fn not_unicode() -> OsString {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec([b"fifo".as_slice(), &[0xff]].concat())
}

#[cfg(windows)]
fn not_unicode() -> OsString {
    use std::os::windows::ffi::OsStringExt;
    OsString::from_wide(&"fifo".encode_utf16().chain([0xd800]).collect::<Vec<_>>())
}
