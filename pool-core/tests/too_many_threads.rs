//! A pool of more threads than the system will start: an error, after which those that had started have ended.

#![cfg(all(target_os = "linux", not(loom)))]

use pool_core::BuildError;
use pool_core::doc_toy::Pool;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs};

/// Set in the process that has little memory.
const INSIDE: &str = "TOO_MANY_THREADS_INSIDE";

#[test]
fn the_threads_that_started_have_ended_when_a_later_one_fails() {
    if env::var_os(INSIDE).is_some() {
        return build_until_it_fails();
    }
    with_little_memory("the_threads_that_started_have_ended_when_a_later_one_fails");
}

/// More workers than can be started: the error says how many were, and the pool keeps those.
#[test]
fn add_workers_says_how_many_it_started() {
    if env::var_os(INSIDE).is_none() {
        return with_little_memory("add_workers_says_how_many_it_started");
    }
    let pool = Pool::builder().workers(2).stack_size(64 << 20).build().unwrap();
    let error = pool.add_workers(300).unwrap_err();
    assert!(error.started() < 300, "300 stacks of 64 MB are more than 3 GB");
    assert_eq!(pool.workers(), 2 + error.started());
    assert_eq!(pool.install(|| 5), 5);
}

/// Runs a test in a process of its own, with an address space of 3 GB: the limit holds for all of a process.
fn with_little_memory(test: &str) {
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 3000000 && exec \"$0\" \"$@\""])
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

fn build_until_it_fails() {
    let (started, stopped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (starts, stops) = (Arc::clone(&started), Arc::clone(&stopped));
    let error = Pool::builder()
        .workers(300)
        .thread_name("many")
        .stack_size(64 << 20)
        .on_start(move |_| {
            starts.fetch_add(1, Ordering::Relaxed);
        })
        .on_stop(move |_| {
            stops.fetch_add(1, Ordering::Relaxed);
        })
        .build()
        .expect_err("300 stacks of 64 MB are more than 3 GB");
    assert!(matches!(error, BuildError::Thread(_)), "{error}");
    let started = started.load(Ordering::Relaxed);
    assert!(started > 0, "some could be started");
    assert_eq!(started, stopped.load(Ordering::Relaxed), "`build` returns when they have ended");
    // The system may list a thread for an instant after it was joined.
    while fs::read_dir("/proc/self/task")
        .unwrap()
        .any(|entry| fs::read_to_string(entry.unwrap().path().join("comm")).is_ok_and(|name| name.starts_with("many")))
    {
        std::thread::yield_now();
    }
}
