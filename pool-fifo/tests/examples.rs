//! The examples show what they claim.

#[allow(dead_code, reason = "the program's `main`")]
#[path = "../examples/grow.rs"]
mod grow;
#[allow(dead_code, reason = "the program's `main`")]
#[path = "../examples/slow_task.rs"]
mod slow_task;
#[allow(dead_code, reason = "the program's `main`")]
#[path = "../examples/worker_pool.rs"]
mod worker_pool;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The result of `run`, which would hang if what it shows were not so.
fn ends<R: Send + 'static>(run: fn() -> R) -> R {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(run()));
    receiver.recv_timeout(Duration::from_secs(60)).expect("the example ends, without a panic")
}

#[test]
fn three_workers_do_ten_jobs_and_end_when_the_pool_is_closed() {
    let summary = ends(worker_pool::run);
    let mut results = summary.results;
    assert!(results.iter().all(|done| done.worker < 3), "{results:?}");
    results.sort_by_key(|done| done.job);
    let (jobs, primes): (Vec<_>, Vec<_>) = results.iter().map(|done| (done.job, done.primes)).unzip();
    assert_eq!(jobs, Vec::from_iter(1..=10), "each job once");
    assert_eq!((primes[0], primes[4], primes[9]), (2_262, 9_592, 17_984), "the known numbers of primes");
    assert_eq!(summary.ended, 3, "all workers had ended when `shutdown` returned");
    assert!(summary.refused, "a closed pool takes no job");
}

#[test]
fn workers_that_are_added_take_what_waits() {
    let expected = grow::Summary { alone: (1, 8), workers: [1, 3, 1], at_once: [3, 1], done: 15 };
    assert_eq!(ends(grow::run), expected);
}

#[test]
fn a_slow_task_does_not_hold_up_the_rest() {
    let mut ended = ends(slow_task::run);
    let slow = ended.pop().expect("ten tasks end");
    assert_eq!(slow.task, 0, "it was the last to end");
    assert!(ended.iter().all(|short| short.worker != slow.worker), "{slow:?} {ended:?}");
    ended.sort_by_key(|short| short.task);
    assert_eq!(ended.iter().map(|short| short.task).collect::<Vec<_>>(), Vec::from_iter(1..=9), "each once");
}
