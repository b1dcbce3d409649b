//! Law 6 in a pool: the books balance at every quiet moment, whatever races.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use pool_core::{Scheduler, Task};

use super::Make;
use super::support::{Gate, Token, balanced, check, occupy, occupy_one, pool, tick, until};

/// Every task is cancelled by one thread while another works on it: it either ran or was cancelled, and its closure was
/// dropped once.
pub fn balances_in_cancel_races<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 2);
        let (ran, drops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (mut cancelled, mut total) = (0, 0);
        for round in 0..60 {
            let handles: Vec<_> = (0..40)
                .map(|_| {
                    let (ran, token) = (Arc::clone(&ran), Token(Arc::clone(&drops)));
                    pool.spawn(move || {
                        ran.fetch_add(1, Ordering::Relaxed);
                        drop(token);
                    })
                })
                .collect();
            total += handles.len();
            // From the newest, towards the workers; in the other rounds together with them, from the oldest.
            let newest_first = round % 2 == 0;
            let order: Vec<_> = if newest_first { handles.iter().rev().collect() } else { handles.iter().collect() };
            let (one, other) = order.split_at(20);
            let cancel =
                |handles: &[&pool_core::JoinHandle<()>]| handles.iter().filter(|handle| handle.cancel()).count();
            let now = thread::scope(|scope| scope.spawn(|| cancel(one)).join().unwrap() + cancel(other));
            let told =
                handles.into_iter().filter_map(|handle| handle.join().err()).filter(|e| e.is_cancelled()).count();
            assert_eq!(told, now, "`cancel` says what the handle says");
            cancelled += now;
        }
        let metrics = balanced(&pool);
        assert_eq!((metrics.cancelled, metrics.completed), (cancelled as u64, (total - cancelled) as u64));
        assert_eq!((ran.load(Ordering::Relaxed), drops.load(Ordering::Relaxed)), (total - cancelled, total));
    });
}

/// What had not started comes back from `shutdown_now` and can be run; a handle to it then has its result, and one to a
/// task that is dropped instead says that it was cancelled.
pub fn shutdown_now_hands_back_what_did_not_run<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 2);
        let ran = Arc::new(AtomicUsize::new(0));
        let gate = occupy(&pool);
        let mut handles = Vec::new();
        for i in 0..300 {
            let ran = Arc::clone(&ran);
            let task = move || tick(&ran);
            match i % 3 {
                0 => pool.execute(task),
                1 => pool.execute_batch([task]),
                _ => handles.push(pool.spawn(task)),
            }
        }
        for handle in &handles[..20] {
            assert!(handle.cancel());
        }
        // At once: both workers are held.
        let mut tasks = pool.shutdown_now().unwrap();
        gate.open();
        pool.shutdown().unwrap();
        let metrics = balanced(&pool);
        assert_eq!((metrics.returned, metrics.cancelled, metrics.completed), (280, 20, 2), "{metrics:?}");
        assert_eq!((tasks.len(), ran.load(Ordering::Relaxed)), (280, 0));
        let (unrun, mut ran_here) = (tasks.split_off(140), 0);
        for task in tasks {
            task.run();
            ran_here += 1;
        }
        drop(unrun);
        assert_eq!(ran.load(Ordering::Relaxed), ran_here, "law 1: each returned task runs once");
        let results = handles.into_iter().map(|handle| handle.join());
        let cancelled = results.filter(|result| result.as_ref().is_err_and(|error| error.is_cancelled())).count();
        assert!((20..=100).contains(&cancelled));
        assert_eq!(pool.metrics(), metrics, "what happens outside is not the pool's");
        assert!(pool.shutdown_now().unwrap().is_empty());
    });
}

/// Threads submit while `shutdown_now` runs: each task ran, came back or was refused.
pub fn balances_while_threads_submit_into_a_shutdown_now<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for round in 0..15 {
            let pool = pool(make(), name, 3);
            let (ran, drops) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
            let accepted = AtomicU64::new(0);
            let returned = thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        loop {
                            let (ran, token) = (Arc::clone(&ran), Token(Arc::clone(&drops)));
                            let task = move || {
                                ran.fetch_add(1, Ordering::Relaxed);
                                drop(token);
                                // The running may always submit.
                                pool_core::execute(|| ());
                            };
                            if pool.try_execute(task).is_err() {
                                break;
                            }
                            accepted.fetch_add(1, Ordering::Relaxed);
                        }
                    });
                }
                until(|| ran.load(Ordering::Relaxed) > 30 * round);
                let mut returned = pool.shutdown_now().unwrap();
                pool.shutdown().unwrap();
                // What the last ones to run have submitted.
                returned.extend(pool.shutdown_now().unwrap());
                returned
            });
            let metrics = balanced(&pool);
            let (ran, accepted) = (ran.load(Ordering::Relaxed), accepted.into_inner());
            assert_eq!(metrics.returned, returned.len() as u64);
            assert_eq!(metrics.submitted - metrics.rejected, accepted + ran, "{metrics:?}");
            drop(returned);
            assert_eq!(drops.load(Ordering::Relaxed) as u64, accepted + 4, "law 1: each closure is dropped once");
        }
    });
}

/// A running task waits for one that it spawned and that `shutdown_now` has handed back meanwhile: it runs that one.
pub fn shutdown_now_lets_the_running_wait_for_what_they_spawned<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for workers in [1, 2] {
            let pool = pool(make(), name, workers);
            let rest = if workers == 2 { Some(occupy_one(&pool)) } else { None };
            let (spawned, go) = (Gate::default(), Gate::default());
            let parent = pool.spawn({
                let (spawned, go) = (spawned.clone(), go.clone());
                move || {
                    let child = pool_core::spawn(|| 1);
                    spawned.open();
                    go.pass();
                    child.join().unwrap()
                }
            });
            spawned.pass();
            let tasks = pool.shutdown_now().unwrap();
            assert_eq!(tasks.len(), 1);
            go.open();
            rest.inspect(Gate::open);
            pool.shutdown().unwrap();
            balanced(&pool);
            assert_eq!(parent.join().unwrap(), 1);
            // A shell.
            tasks.into_iter().for_each(Task::run);
        }
    });
}
