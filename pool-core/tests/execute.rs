//! A pool behind `&dyn Execute` keeps the promises of the pool.

#![cfg(not(loom))]

use pool_core::doc_toy::Pool;
use pool_core::{Execute, Rejection, WaitError, current_worker, join};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, panic_any};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

fn pool(workers: usize) -> Pool {
    Pool::builder().workers(workers).panic_handler(drop).build().unwrap()
}

/// Each way to submit, through the reference that a library has.
fn each_way(pool: &dyn Execute, runs: &Arc<AtomicUsize>) {
    let count = || {
        let runs = Arc::clone(runs);
        move || {
            runs.fetch_add(1, Ordering::Relaxed);
        }
    };
    pool.execute(count());
    assert!(pool.try_execute(count()).is_ok());
    pool.task().execute(count());
    let boxed: Box<dyn FnOnce() + Send> = Box::new(count());
    pool.execute(boxed);
    let handles = [pool.spawn(count()), pool.try_spawn(count()).unwrap(), pool.task().spawn(count())];
    for handle in handles {
        handle.join().unwrap();
    }
    pool.install(count());
    pool.wait_idle().unwrap();
}

#[test]
fn each_way_to_submit_runs_once_and_the_books_balance() {
    let pool = pool(2);
    let runs = Arc::default();
    each_way(&pool, &runs);
    assert_eq!(runs.load(Ordering::Relaxed), 8);
    let metrics = pool.metrics();
    assert_eq!((metrics.completed, metrics.rejected), (8, 0));
    assert!(metrics.is_balanced());
}

#[test]
fn references_boxes_and_arcs_lead_to_the_same_pool() {
    let pool = Arc::new(pool(3));
    let runs = Arc::default();
    let kept: Arc<dyn Execute> = Arc::clone(&pool) as _;
    let boxed: Box<dyn Execute> = Box::new(Arc::clone(&kept));
    let borrowed: &dyn Execute = &&boxed;
    for any in [borrowed, &kept, &boxed, &pool, &&*pool] {
        assert_eq!(any.workers(), 3);
        each_way(any, &runs);
    }
    assert_eq!(runs.load(Ordering::Relaxed), 5 * 8);
    assert_eq!(pool.metrics().completed, 5 * 8);
    assert_eq!(format!("{kept:?}"), "Execute { workers: 3, .. }");
}

/// A program may lend a pool that lives on its stack, and work that borrows from there.
#[test]
fn a_library_borrows_with_install() {
    fn total(pool: &dyn Execute, numbers: &[u64]) -> u64 {
        pool.install(|| {
            let (left, right) = numbers.split_at(numbers.len() / 2);
            let (left, right) = join(|| left.iter().sum::<u64>(), || right.iter().sum::<u64>());
            left + right
        })
    }
    let numbers: Vec<u64> = (1..=100).collect();
    let pool = pool(2);
    assert_eq!(total(&pool, &numbers), 5050);
    assert!(pool.install(|| total(&pool, &numbers) == 5050), "and on a worker");
}

#[test]
fn a_wait_on_the_only_worker_runs_what_it_waits_for() {
    let pool: Arc<dyn Execute> = Arc::new(pool(1));
    let inner = Arc::clone(&pool);
    let (sender, receiver) = mpsc::channel();
    pool.execute(move || {
        let innermost = Arc::clone(&inner);
        let nested = inner.spawn(move || innermost.spawn(|| 6 * 7).join().unwrap()).join().unwrap();
        let in_place = inner.install(current_worker);
        sender.send((nested, in_place, inner.wait_idle())).unwrap();
    });
    // A guard against hanging: with a handle that only blocks, no worker would be left.
    let answer = receiver.recv_timeout(std::time::Duration::from_secs(60));
    assert_eq!(answer, Ok((42, Some(0), Err(WaitError::OwnWorker))));
}

/// A worker of another pool is outside.
#[test]
fn an_install_from_the_worker_of_another_pool_goes_to_the_pool() {
    let other = pool(1);
    let pool = Pool::builder().workers(1).thread_name("own").build().unwrap();
    let any: &dyn Execute = &pool;
    let name = other.install(|| any.install(|| std::thread::current().name().map(str::to_owned)));
    assert_eq!(name.as_deref(), Some("own-0"));
}

#[test]
fn a_closed_pool_gives_the_closure_back() {
    let pool = pool(1);
    pool.shutdown().unwrap();
    let any: &dyn Execute = &pool;
    let boxed: Box<dyn FnOnce() + Send> = Box::new(|| panic_any("of the closure"));
    let refused = any.try_execute(boxed).unwrap_err();
    assert_eq!(refused.reason(), Rejection::ShutDown);
    let boxed: Box<dyn FnOnce() + Send> = refused.into_inner();
    let payload = catch_unwind(AssertUnwindSafe(boxed)).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"of the closure"));
    let refused = any.try_spawn(|| 42).unwrap_err();
    assert_eq!(refused.into_inner()(), 42);
    assert_eq!(pool.metrics().rejected, 2);
}

#[test]
fn a_panic_reaches_the_handle_the_caller_or_the_handler() {
    let (sender, payloads) = mpsc::channel();
    let sender = Mutex::new(sender);
    let handler = move |payload| sender.lock().unwrap().send(payload).unwrap();
    let pool = Pool::builder().workers(1).panic_handler(handler).build().unwrap();
    let any: &dyn Execute = &pool;
    let error = any.spawn(|| panic_any(1)).join().unwrap_err();
    assert_eq!(error.into_panic().downcast_ref(), Some(&1));
    // Without `AssertUnwindSafe`: what a panic in a task leaves is the task's own.
    let payload = catch_unwind(|| any.install(|| panic_any(2))).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&2));
    any.execute(|| panic_any(3));
    any.wait_idle().unwrap();
    let handled: Vec<_> = payloads.try_iter().collect();
    assert_eq!(handled.iter().map(|payload| payload.downcast_ref()).collect::<Vec<_>>(), [Some(&3)]);
}

/// As for the pool's own methods.
#[test]
fn a_submission_to_a_closed_pool_panics_at_the_callers_line() {
    let pool = pool(1);
    pool.shutdown().unwrap();
    let any: &dyn Execute = &pool;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let previous = std::panic::take_hook();
    let lines = Arc::clone(&seen);
    std::panic::set_hook(Box::new(move |info| {
        if let Some(location) = info.location().filter(|location| location.file() == file!()) {
            lines.lock().unwrap().push(location.line());
        }
    }));
    let here = Location::caller().line();
    let outcomes = [
        catch_unwind(|| any.execute(|| ())).is_err(),
        catch_unwind(|| drop(any.spawn(|| ()))).is_err(),
        catch_unwind(|| any.install(|| ())).is_err(),
    ];
    std::panic::set_hook(previous);
    assert_eq!(outcomes, [true; 3]);
    let lines = seen.lock().unwrap();
    assert!([2, 3, 4].iter().all(|line| lines.contains(&(here + line))), "{lines:?}");
}
