//! The number of workers from an environment variable. Each value is tried in a process of its own, as a program meets
//! it: changing the environment of a process that runs is unsafe.

#![cfg(not(loom))]

use pool_core::BuildError;
use pool_core::doc_toy::Pool;
use std::env;
use std::ffi::{OsStr, OsString};
use std::process::Command;

const VARIABLE: &str = "POOL_TEST_WORKERS";
/// Set in the process that is to build a pool.
const INSIDE: &str = "POOL_TEST_INSIDE";
/// What stands before an answer, on the output of a process that the test harness writes to as well.
const ANSWER: &str = "answer: ";

/// Four workers, unless the variable says otherwise. What the process says: their number, or the error.
fn answer() -> String {
    match Pool::builder().workers(4).workers_from_env(VARIABLE).build() {
        Ok(pool) => format!("{} workers", pool.workers()),
        Err(error) => {
            let BuildError::Env(cause) = &error else { panic!("{error}") };
            assert_eq!(cause.variable(), VARIABLE);
            assert_eq!(Some(cause.value()), env::var_os(VARIABLE).as_deref());
            error.to_string()
        }
    }
}

/// The answer of a process in which the variable has this value.
fn answer_with(value: Option<&OsStr>) -> String {
    let mut process = Command::new(env::current_exe().unwrap());
    process.args(["--exact", "a_value_is_a_number_of_workers_or_an_error", "--nocapture"]).env(INSIDE, "1");
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
fn a_value_is_a_number_of_workers_or_an_error() {
    if env::var_os(INSIDE).is_some() {
        println!("\n{ANSWER}{}", answer());
        return;
    }
    assert_eq!(answer_with(None), "4 workers", "unset: as it was");
    assert_eq!(answer_with(Some(OsStr::new(""))), "4 workers", "empty: as it was");
    assert_eq!(answer_with(Some(OsStr::new("1"))), "1 workers");
    assert_eq!(answer_with(Some(OsStr::new("7"))), "7 workers");
    for value in ["0", "-1", "65536", "99999999999999999999999", "many", " 2", "2 ", "2.0", "0x2"] {
        assert_eq!(answer_with(Some(OsStr::new(value))), refusal(value), "{value:?}");
    }
    let not_unicode = not_unicode();
    assert_eq!(answer_with(Some(&not_unicode)), refusal(&not_unicode));
}

fn refusal(value: impl AsRef<OsStr>) -> String {
    let value = value.as_ref();
    format!("the environment variable {VARIABLE} is {value:?}; it takes a number of workers, from 1 to 65535")
}

/// Begins with a digit, so that a lossy reading would be noticed.
#[cfg(unix)]
fn not_unicode() -> OsString {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(vec![b'2', 0xff])
}

#[cfg(windows)]
fn not_unicode() -> OsString {
    use std::os::windows::ffi::OsStringExt;
    OsString::from_wide(&[u16::from(b'2'), 0xd800])
}

/// The variable is read by the call, so what is said after it counts.
#[test]
fn the_last_word_on_the_number_counts() {
    // A variable that every process has and that holds no number.
    let builder = || Pool::builder().workers_from_env("PATH");
    assert!(matches!(builder().build(), Err(BuildError::Env(error)) if error.variable() == "PATH"));
    assert_eq!(builder().workers(2).build().unwrap().workers(), 2);
    assert!(matches!(Pool::builder().workers(2).workers_from_env("PATH").build(), Err(BuildError::Env(_))));
}
