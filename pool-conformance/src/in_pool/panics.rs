//! Law 5 in a pool: a panic never kills a worker, never aborts, never goes unnoticed.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use pool_core::{Pool, Scheduler, Task};

use super::Make;
use super::support::{Bomb, balanced, check, occupy, pool, threads, throw, tick};

/// The payloads that a pool's panic handler was given.
#[derive(Clone, Default)]
struct Caught(Arc<Mutex<Vec<Box<dyn Any + Send>>>>);

impl Caught {
    fn pool<S: Scheduler<Task> + 'static>(&self, scheduler: S, name: &str, workers: usize) -> Pool<S> {
        let caught = Arc::clone(&self.0);
        let keep = move |payload| caught.lock().unwrap().push(payload);
        Pool::builder_with(scheduler).workers(workers).thread_name(name).panic_handler(keep).build().expect("threads")
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The numbers among the payloads, sorted.
    fn numbers(&self) -> Vec<i32> {
        let caught = self.0.lock().unwrap();
        let mut numbers: Vec<i32> = caught.iter().filter_map(|payload| payload.downcast_ref().copied()).collect();
        numbers.sort_unstable();
        numbers
    }
}

fn thrown<R>(f: impl FnOnce() -> R) -> Option<Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(f)).err()
}

fn number(payload: Option<Box<dyn Any + Send>>) -> Option<i32> {
    payload.and_then(|payload| payload.downcast().ok()).map(|number| *number)
}

/// A task with a handle panics: the handle has the payload, the panic handler is not told, and the same thread goes on.
pub fn a_handle_gets_the_payload<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let caught = Caught::default();
        let pool = caught.pool(make(), name, 1);
        let worker = pool.install(|| thread::current().id());
        for i in 0..100 {
            let error = pool.spawn(move || throw(i)).join().map(|never: ()| never).unwrap_err();
            assert!(error.is_panic() && !error.is_cancelled());
            assert_eq!(number(Some(error.into_panic())), Some(i), "law 5: the handle gets the payload");
        }
        assert_eq!(pool.install(|| thread::current().id()), worker, "law 5: no worker dies");
        assert_eq!((balanced(&pool).panicked, caught.count()), (100, 0));
    });
}

/// Tasks without a handle panic: the panic handler gets each payload once, and every worker still works.
pub fn the_handler_gets_what_no_handle_takes<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let caught = Caught::default();
        let pool = caught.pool(make(), name, 3);
        let before = threads::named(name).into_iter().map(|seen| seen.id).collect::<Vec<_>>();
        for i in 0..300 {
            match i % 3 {
                0 => pool.execute(move || throw(i)),
                1 => pool.execute(move || pool_core::execute(move || throw(i))),
                // Dropped while the task cannot have begun.
                _ => pool.install(|| {
                    drop(pool_core::spawn(move || {
                        if true {
                            throw(i)
                        }
                    }))
                }),
            }
        }
        assert!(balanced(&pool).panicked == 300, "{:?}", pool.metrics());
        // A handle may outlive its task for an instant; then the handle has had the payload.
        let numbers = caught.numbers();
        assert!(
            (0..300).filter(|i| i % 3 != 2).all(|i| numbers.binary_search(&i).is_ok()),
            "law 5: none goes unnoticed"
        );
        assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]), "law 5: each is reported once");
        occupy(&pool).open();
        let after = threads::named(name).into_iter().map(|seen| seen.id).collect::<Vec<_>>();
        assert_eq!(before, after, "law 5: no worker dies");
        pool.shutdown().unwrap();
        balanced(&pool);
    });
}

/// Either half of a join panics, or both: the other half runs all the same, and the first half's payload wins.
pub fn in_either_half_of_a_join<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let caught = Caught::default();
        for workers in [1, 2] {
            let pool = caught.pool(make(), name, workers);
            for round in 0..300 {
                let (ran_a, ran_b) = (AtomicBool::new(false), AtomicBool::new(false));
                let half = |panics: bool, ran: &AtomicBool, payload: i32| {
                    ran.store(true, Ordering::Relaxed);
                    if panics {
                        throw(payload);
                    }
                };
                let (a, b) = (round % 3 != 1, round % 3 != 0);
                let payload = thrown(|| pool.join(|| half(a, &ran_a, 1), || half(b, &ran_b, 2)));
                assert_eq!(number(payload), Some(if a { 1 } else { 2 }));
                assert!(ran_a.into_inner() && ran_b.into_inner(), "both halves run in any case");
            }
            // The join is a task of which the caller waits for the end, not for its being counted.
            assert_eq!(balanced(&pool).panicked, 300);
            assert_eq!(pool.workers(), workers);
        }
        assert_eq!(caught.count(), 0);
    });
}

/// The first half panics while another worker runs the second: the join does not unwind before that one is done, for it
/// borrows from the frame.
pub fn a_join_unwinds_only_after_its_thief<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 2);
        for _ in 0..200 {
            let both_run = Barrier::new(2);
            let mut done = false;
            let payload = thrown(|| {
                pool.join(
                    || {
                        both_run.wait();
                        throw(7)
                    },
                    || {
                        both_run.wait();
                        (0..50).for_each(|_| thread::yield_now());
                        done = true;
                    },
                )
            });
            assert_eq!(number(payload), Some(7));
            assert!(done, "law 5: the second half has ended before the join does");
        }
    });
}

/// What is dropped because a panic is passed on may itself panic in its `Drop`: the second half's result or payload,
/// the scope's result, the payload of its second panic. A second panic during unwinding would abort the process.
pub fn a_second_panic_in_drop_does_not_abort<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 2);
        for _ in 0..50 {
            // The second half on this worker, then on the other.
            let payload = thrown(|| pool.join(|| throw(1), Bomb::armed));
            assert_eq!(number(payload), Some(1));
            let payload = thrown(|| pool.join(|| throw(1), || throw(Bomb::armed())));
            assert_eq!(number(payload), Some(1));
            let both_run = Barrier::new(2);
            let first = || {
                both_run.wait();
                throw(1)
            };
            let payload = thrown(|| {
                pool.join(first, || {
                    both_run.wait();
                    throw(Bomb::armed())
                })
            });
            assert_eq!(number(payload), Some(1));
            let payload = thrown(|| {
                pool.join(first, || {
                    both_run.wait();
                    Bomb::armed()
                })
            });
            assert_eq!(number(payload), Some(1));
            let payload = thrown(|| {
                pool.scope(|scope| {
                    scope.spawn(|_| throw(Bomb::armed()));
                    throw(3)
                })
            });
            assert_eq!(number(payload), Some(3));
            assert!(thrown(|| pool.scope(|scope| (scope.spawn(|_| throw(4)), Bomb::armed()).1)).is_some());
            let payload = thrown(|| pool.scope(|scope| (0..5).for_each(|_| scope.spawn(|_| throw(Bomb::armed())))));
            drop(thrown(|| drop(payload)));
        }
        balanced(&pool);
        occupy(&pool).open();
    });
}

/// A task of a scope panics, or its body: all others run, then the scope passes a panic on, the body's before a task's.
pub fn in_a_scope<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let caught = Caught::default();
        for workers in [1, 3] {
            let pool = caught.pool(make(), name, workers);
            for body_panics in [false, true] {
                let ran = AtomicUsize::new(0);
                let payload = thrown(|| {
                    pool.scope(|scope| {
                        for i in 0..50 {
                            let ran = &ran;
                            scope.spawn(move |scope| {
                                scope.spawn(move |_| tick(ran));
                                ran.fetch_add(1, Ordering::Relaxed);
                                if i % 10 == 0 {
                                    throw(100);
                                }
                            });
                        }
                        if body_panics {
                            throw(200);
                        }
                    })
                });
                assert_eq!(number(payload), Some(if body_panics { 200 } else { 100 }));
                assert_eq!(ran.into_inner(), 100, "law 5: the others run");
            }
            pool.wait_idle().unwrap();
            // Ten tasks, and twice the task that the scope itself is.
            assert_eq!(balanced(&pool).panicked, 12);
        }
        assert_eq!(caught.count(), 0, "the scope has the payloads");
    });
}

/// Panics in `Drop`: of a result without a handle, of what a closure has captured, of a closure that is cancelled, of a
/// payload in the handler.
pub fn in_a_drop<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let caught = Caught::default();
        let pool = caught.pool(make(), name, 1);
        let gate = occupy(&pool);
        drop(pool.spawn(Bomb::armed));
        let (used, unused) = (Bomb::armed(), Bomb::armed());
        pool.execute(move || drop(used));
        pool.execute(move || {
            let _unused = &unused;
        });
        let cancelled = Bomb::armed();
        let handle = pool.spawn(move || drop(cancelled));
        assert!(thrown(|| handle.cancel()).is_some(), "the panic of the closure's Drop is the canceller's");
        assert!(handle.is_finished() && !handle.cancel());
        assert!(handle.join().unwrap_err().is_cancelled());
        let wanted = pool.spawn(Bomb::armed);
        gate.open();
        let wanted = wanted.join().unwrap();
        assert!(thrown(|| drop(wanted)).is_some());
        let metrics = balanced(&pool);
        assert_eq!((metrics.panicked, metrics.cancelled, caught.count()), (3, 1, 3), "{metrics:?}");
        assert_eq!(pool.install(|| 5), 5, "law 5: no worker dies");
    });
}

/// A handle that was polled, or waited for in vain, and then dropped, has not seen the panic: the handler gets it. A
/// waker that panics does no harm either.
pub fn after_a_handle_gave_up_waiting<S: Scheduler<Task> + 'static>(make: Make<S>) {
    struct Throws;
    impl Wake for Throws {
        fn wake(self: Arc<Self>) {
            throw(3)
        }
    }
    check(move |name| {
        let caught = Caught::default();
        let pool = caught.pool(make(), name, 1);
        let gate = occupy(&pool);
        let mut polled = pool.spawn(|| -> () { throw(1) });
        assert!(Pin::new(&mut polled).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(polled);
        let waited = pool.spawn(|| -> () { throw(2) });
        assert!(waited.join_timeout(Duration::from_millis(1)).is_err());
        let mut woken = pool.spawn(|| 5);
        let waker = Waker::from(Arc::new(Throws));
        assert!(Pin::new(&mut woken).poll(&mut Context::from_waker(&waker)).is_pending());
        gate.open();
        pool.wait_idle().unwrap();
        assert_eq!(woken.join().unwrap(), 5);
        assert_eq!(caught.numbers(), [1, 2, 3], "law 5: none goes unnoticed");
        assert_eq!(balanced(&pool).panicked, 3);
    });
}

/// The hooks and the handler panic themselves, and so do payloads when the handler drops them.
pub fn in_the_hooks_and_the_handler<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let told = Arc::new(AtomicUsize::new(0));
        let handler = Arc::clone(&told);
        let pool = Pool::builder_with(make())
            .workers(2)
            .thread_name(name)
            .on_start(|_| throw(Bomb::armed()))
            .on_stop(|_| throw(Bomb::armed()))
            .panic_handler(move |payload| {
                handler.fetch_add(1, Ordering::Relaxed);
                if handler.load(Ordering::Relaxed) % 2 == 0 {
                    std::mem::forget(payload);
                    throw(Bomb::armed());
                }
                drop(payload);
            })
            .build()
            .unwrap();
        for _ in 0..50 {
            pool.execute(|| throw(Bomb::armed()));
        }
        pool.wait_idle().unwrap();
        occupy(&pool).open();
        pool.shutdown().unwrap();
        assert_eq!(balanced(&pool).panicked, 50);
        assert_eq!(told.load(Ordering::Relaxed), 50 + 2 + 2, "law 5: none goes unnoticed");
    });
}

/// `install` passes the panic on to the caller, and the panic handler is not told.
pub fn in_an_install<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let caught = Caught::default();
        let pool = caught.pool(make(), name, 1);
        assert_eq!(number(thrown(|| pool.install(|| throw(6)))), Some(6));
        assert_eq!(number(thrown(|| pool.install(|| pool.install(|| throw(7))))), Some(7));
        assert_eq!((balanced(&pool).panicked, caught.count()), (2, 0));
    });
}
