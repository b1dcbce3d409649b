//! Futures when their pool ends.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Poll, Waker};
use std::thread;

use pool_core::{Pool, Rejection, Scheduler, Task, WaitError};

use super::Make;
use super::futures::Steered;
use super::support::{Bomb, Gate, Token, balanced, check, occupy, occupy_one, pool, threads, tick, until};

/// What is queued is polled; what waits for a wake is dropped, also what nothing would ever wake; and each once.
pub fn a_pool_that_ends_drops_the_futures_that_wait<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for workers in [1, 4] {
            let pool = pool(make(), name, workers);
            let (woken, never) = (Arc::new(Steered::default()), Arc::new(Steered::default()));
            let (wakes, waits) = (pool.spawn_future(woken.future()), pool.spawn_future(never.future()));
            let forgotten = pool.spawn_future(std::future::pending::<()>());
            pool.wait_idle().unwrap();
            let gate = occupy(&pool);
            woken.release();
            let queued = pool.spawn_future(async { 5 });
            let mut accepted = 0;
            thread::scope(|scope| {
                scope.spawn(|| pool.shutdown().unwrap());
                until(|| {
                    let refused = pool.try_execute(|| ()).is_err();
                    accepted += u64::from(!refused);
                    refused
                });
                assert_eq!((woken.drops(), never.drops()), (0, 0));
                gate.open();
            });
            assert_eq!((wakes.join().unwrap(), queued.join().unwrap()), (2, 5));
            assert!(waits.is_finished() && forgotten.is_finished());
            assert!(waits.join().unwrap_err().is_cancelled() && forgotten.join().unwrap_err().is_cancelled());
            assert_eq!((woken.polls(), woken.drops()), (2, 1));
            assert_eq!((never.polls(), never.drops()), (1, 1));
            never.wake();
            assert_eq!((never.polls(), never.drops()), (1, 1));
            let metrics = balanced(&pool);
            // Three first polls, one after a wake, one queued; two last turns.
            assert_eq!((metrics.completed, metrics.cancelled), (5 + workers as u64 + accepted, 2));
        }
    });
}

/// After the close, a wake from outside is refused, and drops the future; one by a task of the pool is accepted.
pub fn a_closed_pool_refuses_wakes_from_outside<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for workers in [1, 4] {
            let pool = pool(make(), name, workers);
            let (outside, inside) = (Arc::new(Steered::default()), Arc::new(Steered::default()));
            let (refused, accepted) = (pool.spawn_future(outside.future()), pool.spawn_future(inside.future()));
            pool.wait_idle().unwrap();
            let (goes_on, begun) = (Gate::default(), Gate::default());
            let (gates, woken) = ((goes_on.clone(), begun.clone()), Arc::clone(&inside));
            pool.execute(move || {
                gates.1.open();
                gates.0.pass();
                woken.release();
            });
            begun.pass();
            thread::scope(|scope| {
                scope.spawn(|| pool.shutdown().unwrap());
                until(|| pool.try_execute(|| ()).is_err());
                let rejected = pool.metrics().rejected;
                outside.wake();
                assert_eq!((outside.polls(), outside.drops()), (1, 1), "dropped by the thread that wakes");
                assert!(refused.join().unwrap_err().is_cancelled());
                assert_eq!(pool.metrics().rejected, rejected + 1);
                let back = pool.try_spawn_future(async { 5 }).unwrap_err();
                assert_eq!(back.reason(), Rejection::ShutDown);
                goes_on.open();
            });
            assert_eq!(accepted.join().unwrap(), 2);
            balanced(&pool);
        }
    });
}

/// `shutdown_now` hands back no turn of a future: what is in the queue is dropped unpolled, and so is what waits.
pub fn shutdown_now_drops_futures<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for workers in [1, 4] {
            let pool = pool(make(), name, workers);
            let (idle, queued, running) =
                (Arc::new(Steered::default()), Arc::new(Steered::default()), Arc::new(Steered::default()));
            let waits = pool.spawn_future(idle.future());
            pool.wait_idle().unwrap();
            let gate = occupy(&pool);
            let first = pool.spawn_future(queued.future());
            let plain = pool.spawn(|| 5);
            let unrun = pool.shutdown_now().unwrap();
            assert_eq!(unrun.len(), 1, "the plain task");
            unrun.into_iter().for_each(Task::run);
            assert_eq!(plain.join().unwrap(), 5);
            assert_eq!((queued.drops(), first.is_finished()), (1, true), "dropped by the thread that takes it out");
            assert!(!waits.is_finished());
            gate.open();
            pool.shutdown().unwrap();
            assert!(first.join().unwrap_err().is_cancelled() && waits.join().unwrap_err().is_cancelled());
            assert_eq!((queued.polls(), queued.drops()), (0, 1));
            assert_eq!((idle.polls(), idle.drops()), (1, 1));
            assert!(pool.try_spawn_future(running.future()).is_err());
            assert_eq!((running.polls(), running.drops()), (0, 1));
            let metrics = balanced(&pool);
            assert_eq!((metrics.returned, metrics.cancelled), (1, 2));
        }
    });
}

/// A future that `shutdown_now` takes out of the queue is dropped outside of every lock: its `Drop` may call back into the pool.
pub fn a_future_that_shutdown_now_drops_may_use_its_pool<S: Scheduler<Task> + 'static>(make: Make<S>) {
    struct CallsBack<S: Scheduler<Task> + 'static>(Weak<Pool<S>>, Arc<AtomicUsize>);
    impl<S: Scheduler<Task> + 'static> Drop for CallsBack<S> {
        fn drop(&mut self) {
            let pool = self.0.upgrade().expect("`shutdown_now` holds it");
            assert!(pool.try_execute(|| ()).is_err() || pool.is_own_worker());
            assert!(pool.shutdown_now().unwrap().is_empty());
            tick(&self.1);
        }
    }
    check(move |name| {
        for workers in [1, 4] {
            let pool = Arc::new(pool(make(), name, workers));
            let drops = Arc::new(AtomicUsize::new(0));
            let gate = occupy(&pool);
            let handles: Vec<_> = (0..20)
                .map(|_| {
                    let calls_back = CallsBack(Arc::downgrade(&pool), Arc::clone(&drops));
                    pool.spawn_future(async move {
                        let _calls_back = calls_back;
                        std::future::pending::<()>().await;
                    })
                })
                .collect();
            assert!(pool.shutdown_now().unwrap().is_empty());
            gate.open();
            pool.shutdown().unwrap();
            assert!(handles.into_iter().all(|handle| handle.join().unwrap_err().is_cancelled()));
            assert_eq!((drops.load(Ordering::Relaxed), balanced(&pool).cancelled), (20, 20));
        }
    });
}

/// The drop of a future when its pool ends is a task: what it submits runs, what it wakes is let go, and its panic goes to the
/// panic handler.
pub fn a_future_may_submit_and_panic_as_it_is_dropped<S: Scheduler<Task> + 'static>(make: Make<S>) {
    struct Submits(Arc<AtomicUsize>);
    impl Drop for Submits {
        fn drop(&mut self) {
            let ran = Arc::clone(&self.0);
            pool_core::execute(move || tick(&ran));
            let ran = Arc::clone(&self.0);
            // It waits in turn, and is dropped at the next quiet moment.
            let counts = OnDrop(ran);
            drop(pool_core::task::<()>().spawn_future(poll_fn(move |context| {
                let _ = &counts;
                std::mem::forget(context.waker().clone());
                Poll::<()>::Pending
            })));
        }
    }
    struct OnDrop(Arc<AtomicUsize>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            tick(&self.0);
        }
    }
    check(move |name| {
        for workers in [1, 4] {
            let (ran, reported) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let counted = Arc::clone(&reported);
            let builder = Pool::builder_with(make()).workers(workers).thread_name(name);
            let pool = builder.panic_handler(move |_| tick(&counted)).build().unwrap();
            let wakes = Arc::new(Steered::default());
            let woken = pool.spawn_future(wakes.future());
            pool.wait_idle().unwrap();
            let handles: Vec<_> = (0..20)
                .map(|i| {
                    let submits = Submits(Arc::clone(&ran));
                    let bomb = if i % 2 == 0 { Bomb::armed() } else { Bomb::default() };
                    let wakes = Arc::clone(&wakes);
                    pool.spawn_future(async move {
                        let _parts = (submits, bomb, wakes);
                        std::future::pending::<()>().await;
                    })
                })
                .collect();
            pool.wait_idle().unwrap();
            pool.shutdown().unwrap();
            assert!(handles.into_iter().all(|handle| handle.join().unwrap_err().is_cancelled()));
            assert!(woken.join().unwrap_err().is_cancelled());
            assert_eq!((ran.load(Ordering::Relaxed), reported.load(Ordering::Relaxed)), (40, 10));
            assert_eq!(balanced(&pool).cancelled, 41);
        }
    });
}

/// The last owner of a pool is a future that the pool polls: the pool ends with it, and leaves no thread.
pub fn a_pool_ends_with_the_future_that_owns_it<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let gone = || until(|| threads::named(name).is_empty());
        for workers in [1, 4] {
            let owned = |seen: &Arc<Steered>| {
                let pool = Arc::new(pool(make(), name, workers));
                let (own, future) = (Arc::clone(&pool), seen.future());
                let handle = pool.spawn_future(async move {
                    let _own = own;
                    future.await
                });
                pool.wait_idle().unwrap();
                (pool, handle)
            };
            // It ends, when it is woken from outside.
            let seen = Arc::new(Steered::default());
            let (pool, handle) = owned(&seen);
            drop(pool);
            seen.wake();
            until(|| seen.polls() == 2);
            seen.release();
            assert_eq!(handle.join().unwrap(), 3);
            gone();
            // It is cancelled, by a thread from outside.
            let seen = Arc::new(Steered::default());
            let (pool, handle) = owned(&seen);
            drop(pool);
            assert!(handle.cancel());
            gone();
            // Its last waker goes.
            let seen = Arc::new(Steered::default());
            let (pool, handle) = owned(&seen);
            drop((pool, handle));
            seen.forget_waker();
            assert_eq!(seen.drops(), 1);
            gone();
            // It is woken and dropped after a task of the pool has closed the pool; or nothing wakes it.
            for wakes in [true, false] {
                let seen = Arc::new(Steered::default());
                let (pool, handle) = owned(&seen);
                let gate = occupy_one(&pool);
                let closer = Arc::clone(&pool);
                pool.execute(move || assert_eq!(closer.shutdown(), Err(WaitError::OwnWorker)));
                drop(pool);
                // Before the wake: a thread that drops the last owner of a pool waits for its end.
                gate.open();
                if wakes {
                    seen.wake();
                }
                if let Err(error) = handle.join() {
                    assert!(error.is_cancelled());
                }
                assert_eq!(seen.drops(), 1);
                gone();
            }
        }
    });
}

/// Threads spawn and wake while the pool ends: each future is dropped once, each handle learns of the end, and the books
/// balance.
pub fn balances_while_futures_race_with_a_shutdown<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for round in 0..60 {
            let pool = pool(make(), name, [1, 4][round % 2]);
            let now = round % 3 == 0;
            let drops = Arc::new(AtomicUsize::new(0));
            let (spawned, dropped) = thread::scope(|scope| {
                let threads: Vec<_> = (0..4)
                    .map(|_| {
                        scope.spawn(|| {
                            let mut spawned = 0;
                            loop {
                                let token = Token(Arc::clone(&drops));
                                let mut polled = 0;
                                let shared = Arc::new(Mutex::new(None::<Waker>));
                                let left = Arc::clone(&shared);
                                let future = poll_fn(move |context| {
                                    let _ = &token;
                                    polled += 1;
                                    *left.lock().unwrap() = Some(context.waker().clone());
                                    if polled == 3 { Poll::Ready(()) } else { Poll::Pending }
                                });
                                spawned += 1;
                                let Ok(handle) = pool.try_spawn_future(future) else { return spawned };
                                for _ in 0..3 {
                                    let waker = shared.lock().unwrap().clone();
                                    waker.into_iter().for_each(Waker::wake);
                                    thread::yield_now();
                                }
                                if spawned % 3 == 0 {
                                    let _ = handle.cancel();
                                } else if spawned % 3 == 1 {
                                    // It may wait for ever for a wake, but not longer than the pool lives.
                                    until(|| {
                                        let waker = shared.lock().unwrap().clone();
                                        waker.into_iter().for_each(Waker::wake);
                                        handle.is_finished()
                                    });
                                }
                            }
                        })
                    })
                    .collect();
                thread::yield_now();
                if now {
                    assert!(pool.shutdown_now().unwrap().is_empty());
                }
                pool.shutdown().unwrap();
                let spawned: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
                (spawned, drops.load(Ordering::Acquire))
            });
            assert_eq!(spawned, dropped);
            balanced(&pool);
        }
    });
}
