//! Pools with a capacity: what comes in, what is refused, what is dropped, and that no task and no thread is lost over it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use pool_core::strategy::Eviction;
use pool_core::{BuildError, JoinHandle, Pool, Rejection, Scheduler, Task, WhenFull};

use super::support::{Gate, balanced, check, is_asleep, occupy, occupy_one, tick, until};
use super::{LIMIT, Make};

/// The policies that this strategy can serve.
fn policies<S: Scheduler<Task> + 'static>(make: Make<S>) -> Vec<WhenFull> {
    let mut all = vec![WhenFull::Block, WhenFull::Reject, WhenFull::CallerRuns];
    let scheduler = make();
    for (policy, eviction) in
        [(WhenFull::DiscardOldest, Eviction::Oldest), (WhenFull::DiscardLeastUrgent, Eviction::LeastUrgent)]
    {
        if scheduler.can_evict(eviction) {
            all.push(policy);
        } else {
            let refused = Pool::builder_with(make()).capacity(1).when_full(policy).build().map(drop);
            assert!(matches!(refused, Err(BuildError::CannotDiscard)), "{policy:?}");
        }
    }
    all
}

fn bounded<S: Scheduler<Task> + 'static>(
    scheduler: S,
    name: &str,
    workers: usize,
    capacity: usize,
    policy: WhenFull,
) -> Pool<S> {
    let builder = Pool::builder_with(scheduler).workers(workers).thread_name(name);
    builder.capacity(capacity).when_full(policy).build().expect("threads")
}

/// Exactly as many wait as the capacity says; the next one comes back; when one has left, one more comes in.
pub fn a_full_pool_refuses<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let none = Pool::builder_with(make()).capacity(0).build().map(drop);
        assert!(matches!(none, Err(BuildError::NoRoom)));
        for capacity in [1, 2, 100, 1_000] {
            let pool = bounded(make(), name, 2, capacity, WhenFull::Reject);
            let gate = occupy(&pool);
            let ran = Arc::new(AtomicUsize::new(0));
            let task = || {
                let ran = Arc::clone(&ran);
                move || tick(&ran)
            };
            for _ in 0..capacity {
                pool.execute(task());
            }
            let refused = pool.try_execute(task()).unwrap_err();
            assert_eq!(refused.reason(), Rejection::Full);
            refused.into_inner()();
            assert_eq!(pool.try_spawn(|| 5).unwrap_err().into_inner()(), 5);
            let hurried = pool.task().wait_for_room(Duration::from_millis(1)).try_execute(task());
            assert_eq!(hurried.unwrap_err().reason(), Rejection::Full, "the time was over");
            let metrics = pool.metrics();
            assert_eq!((metrics.waiting, metrics.full), (capacity as u64, 3), "{metrics:?}");
            gate.open();
            pool.task().wait_for_room(LIMIT).execute(task());
            let metrics = balanced(&pool);
            assert_eq!(ran.load(Ordering::Relaxed), capacity + 2);
            assert_eq!(metrics.completed as usize, capacity + 3, "{metrics:?}");
        }
    });
}

/// Calls that wait for what they submit come in though the pool is full, and so does what the pool's own tasks submit: a full
/// pool of one worker comes to an end under every policy.
pub fn a_full_pool_does_not_wait_for_itself<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for policy in policies(make) {
            let pool = Arc::new(bounded(make(), name, 1, 1, policy));
            let gate = occupy_one(&pool);
            pool.execute(|| ());
            let waiters: Vec<_> = (0..3)
                .map(|i| {
                    let pool = Arc::clone(&pool);
                    thread::spawn(move || match i {
                        0 => pool.install(|| 1),
                        1 => pool.join(|| 1, || 2).0,
                        _ => pool.scope(|scope| {
                            scope.spawn(|_| ());
                            1
                        }),
                    })
                })
                .collect();
            until(|| pool.metrics().waiting == 4);
            gate.open();
            assert_eq!(waiters.into_iter().map(|waiter| waiter.join().unwrap()).sum::<i32>(), 3, "{policy:?}");
            let ran = Arc::new(AtomicUsize::new(0));
            pool.install(|| {
                for _ in 0..20 {
                    let ran = Arc::clone(&ran);
                    pool.execute(move || tick(&ran));
                }
                assert!((0..20).map(|i| pool.spawn(move || i)).all(|handle| handle.join().is_ok()));
                let ran = Arc::clone(&ran);
                pool.execute_batch((0..20).map(move |_| {
                    let ran = Arc::clone(&ran);
                    move || tick(&ran)
                }));
            });
            let metrics = balanced(&pool);
            assert_eq!(ran.load(Ordering::Relaxed), 40, "{policy:?}");
            assert_eq!((metrics.full, metrics.discarded, metrics.caller_ran), (0, 0, 0), "{metrics:?}");
        }
    });
}

/// A submitter that waits goes on when a task starts, though that task runs on.
pub fn a_submitter_waits_for_room<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = Arc::new(bounded(make(), name, 1, 1, WhenFull::Block));
        // Tasks that begin, and go on when they are told.
        let (begun, has_begun) = mpsc::channel();
        let gates: Vec<_> = (0..50).map(|_| Gate::default()).collect();
        let submitter = {
            let (pool, gates) = (Arc::clone(&pool), gates.clone());
            thread::spawn(move || {
                for (i, gate) in gates.into_iter().enumerate() {
                    let begun = begun.clone();
                    pool.execute(move || {
                        begun.send(i).unwrap();
                        gate.pass();
                    });
                }
            })
        };
        for (i, gate) in gates.iter().enumerate() {
            assert_eq!(has_begun.recv().unwrap(), i);
            // This one runs, the next one waits; the one after that comes in when the next one starts.
            let accepted = (i as u64 + 2).min(50);
            until(|| pool.metrics().submitted == accepted);
            gate.open();
        }
        submitter.join().unwrap();
        assert_eq!(balanced(&pool).completed, 50);
    });
}

/// A submitter that waits goes on, too, when a worker runs the waiting task out of its turn, in a wait, and when it comes to one
/// that was cancelled, or whose deadline has passed.
pub fn room_comes_in_each_way<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = Arc::new(bounded(make(), name, 1, 1, WhenFull::Block));
        let submit = || {
            let pool = Arc::clone(&pool);
            thread::Builder::new().name(format!("{name}w")).spawn(move || pool.execute(|| ())).expect("a thread")
        };
        let (joined, gate) = (Gate::default(), Gate::default());
        let (hand, handle) = mpsc::channel::<JoinHandle<()>>();
        let inside = (joined.clone(), gate.clone());
        pool.execute(move || {
            handle.recv().unwrap().join().unwrap();
            inside.0.open();
            inside.1.pass();
        });
        until(|| pool.metrics().running == 1);
        let waiting = pool.spawn(|| ());
        let submitter = submit();
        until(|| is_asleep(&format!("{name}w")));
        hand.send(waiting).unwrap();
        joined.pass();
        // The worker is held until the submitter has come in.
        submitter.join().unwrap();
        gate.open();
        for _ in 0..500 {
            let gate = occupy_one(&pool);
            let cancelled = pool.spawn(|| ());
            let submitter = submit();
            assert!(cancelled.cancel());
            gate.open();
            submitter.join().unwrap();
            pool.wait_idle().unwrap();
            let gate = occupy_one(&pool);
            let expired = pool.task().deadline(Instant::now()).spawn(|| ());
            let submitter = submit();
            gate.open();
            assert!(expired.join().unwrap_err().is_expired());
            submitter.join().unwrap();
            pool.wait_idle().unwrap();
        }
        let metrics = balanced(&pool);
        assert_eq!((metrics.cancelled, metrics.expired), (500, 500), "{metrics:?}");
    });
}

/// Threads that wait for room when the pool is closed get their closures back; `shutdown_now` makes room for none.
pub fn submitters_that_wait_see_the_end<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for now in [false, true] {
            let pool = Arc::new(bounded(make(), name, 2, 3, WhenFull::Block));
            let gate = occupy(&pool);
            (0..3).for_each(|_| pool.execute(|| ()));
            let submitters: Vec<_> = (0..4)
                .map(|_| {
                    let pool = Arc::clone(&pool);
                    thread::spawn(move || pool.task().wait_for_room(LIMIT).try_execute(|| ()).map_err(|e| e.reason()))
                })
                .collect();
            if now {
                assert_eq!(pool.shutdown_now().unwrap().len(), 3);
            } else {
                pool.close();
            }
            for submitter in submitters {
                assert_eq!(submitter.join().unwrap(), Err(Rejection::ShutDown));
            }
            gate.open();
            pool.shutdown().unwrap();
            assert_eq!(balanced(&pool).rejected, 4);
        }
    });
}

/// The submitter runs what finds no room, and what such a task submits comes in: no chain of tasks takes the stack.
pub fn the_caller_runs_what_finds_no_room<S: Scheduler<Task> + 'static>(make: Make<S>) {
    fn chain<S: Scheduler<Task> + 'static>(pool: &Arc<Pool<S>>, left: usize) {
        if left > 0 {
            let next = Arc::clone(pool);
            pool.execute(move || chain(&next, left - 1));
        }
    }
    check(move |name| {
        let pool = Arc::new(bounded(make(), name, 1, 1, WhenFull::CallerRuns));
        let gate = occupy_one(&pool);
        pool.execute(|| ());
        let here = thread::current().id();
        assert_eq!(pool.spawn(move || thread::current().id()).join().unwrap(), here);
        assert!(pool.spawn(|| super::support::throw("in the caller")).join().unwrap_err().is_panic());
        assert_eq!(pool.try_execute(|| ()).unwrap_err().reason(), Rejection::Full, "`try_` runs nothing");
        // The first link runs here; the second comes in, and goes on on the worker.
        chain(&pool, 20_000);
        gate.open();
        pool.wait_idle().unwrap();
        let metrics = balanced(&pool);
        assert_eq!((metrics.caller_ran, metrics.full), (3, 1), "{metrics:?}");
        assert_eq!(metrics.completed, 1 + 1 + 19_999, "{metrics:?}");
    });
}

/// What is discarded is dropped once, its handle says so, and what comes in instead runs.
pub fn a_full_pool_discards<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for policy in policies(make).into_iter().filter(|policy| format!("{policy:?}").starts_with("Discard")) {
            let pool = bounded(make(), name, 1, 4, policy);
            let gate = occupy_one(&pool);
            let dropped = Arc::new(AtomicUsize::new(0));
            let handles: Vec<_> = (0..4)
                .map(|_| {
                    let token = super::support::Token(Arc::clone(&dropped));
                    pool.spawn(move || drop(token))
                })
                .collect();
            let late = pool.try_spawn(|| 7);
            if policy == WhenFull::DiscardLeastUrgent {
                // All are as urgent as the one that comes in.
                assert_eq!(late.unwrap_err().reason(), Rejection::Full);
            } else {
                let late = late.unwrap();
                assert_eq!(dropped.load(Ordering::Relaxed), 1, "dropped at once");
                let mut handles = handles.into_iter();
                assert!(handles.next().unwrap().join().unwrap_err().is_cancelled(), "the oldest");
                // A discarded closure whose `Drop` panics takes nothing with it.
                let bomb = super::support::Bomb::armed();
                let bombed = pool.spawn(move || drop(bomb));
                for _ in 0..4 {
                    pool.execute(|| ());
                }
                assert!(bombed.join().unwrap_err().is_cancelled());
                assert!(late.join().unwrap_err().is_cancelled());
                assert!(handles.all(|handle| handle.join().is_err_and(|error| error.is_cancelled())));
            }
            gate.open();
            let metrics = balanced(&pool);
            assert_eq!(dropped.load(Ordering::Relaxed), 4, "{metrics:?}");
            assert_eq!(metrics.completed, 5, "the gate's and four: {metrics:?}");
            let lost = if policy == WhenFull::DiscardLeastUrgent { (0, 1) } else { (6, 0) };
            assert_eq!((metrics.discarded, metrics.full), lost, "{metrics:?}");
        }
    });
}

/// A batch that is larger than the room goes in piece by piece, or not at all.
pub fn a_batch_is_larger_than_the_room<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for policy in policies(make) {
            let pool = bounded(make(), name, 2, 10, policy);
            let ran = Arc::new(AtomicUsize::new(0));
            let batch = |n: usize| {
                let ran = Arc::clone(&ran);
                (0..n).map(move |_| {
                    let ran = Arc::clone(&ran);
                    move || tick(&ran)
                })
            };
            let gate = occupy(&pool);
            assert_eq!(pool.task().try_execute_batch(batch(11)).unwrap_err().into_inner().len(), 11, "{policy:?}");
            pool.execute_batch(batch(10));
            assert_eq!(pool.metrics().waiting, 10, "{policy:?}");
            gate.open();
            pool.wait_idle().unwrap();
            let is_refused = catch_unwind(AssertUnwindSafe(|| pool.execute_batch(batch(1_000)))).is_err();
            // All are as urgent as what waits, so it depends on the workers whether there is room for each.
            let may_refuse = policy == WhenFull::DiscardLeastUrgent;
            assert!(is_refused == (policy == WhenFull::Reject) || may_refuse, "{policy:?}");
            let metrics = balanced(&pool);
            let ran = ran.load(Ordering::Relaxed) as u64;
            assert_eq!(ran, metrics.completed - 2 + metrics.caller_ran, "{policy:?}: {metrics:?}");
            // The whole batch, whatever came in of it before one was refused.
            assert_eq!(ran + metrics.discarded + metrics.full, 11 + 1_010, "{policy:?}: {metrics:?}");
            assert_eq!(metrics.full > 11, is_refused, "{policy:?}: {metrics:?}");
            assert!(metrics.discarded == 0 || policy == WhenFull::DiscardOldest, "{policy:?}: {metrics:?}");
        }
    });
}

/// 64 threads submit, in each way, while the pool is resized and in the end closed. The books balance by reason, and each
/// closure ran, came back, or was dropped, once.
pub fn balances_while_64_threads_fill_a_bounded_pool<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for policy in policies(make) {
            let pool = Arc::new(bounded(make(), name, 2, 8, policy));
            let (ran, back) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let dropped = Arc::new(AtomicUsize::new(0));
            let most = Arc::new(Mutex::new(0));
            let submitters: Vec<_> = (0..64)
                .map(|i| {
                    let (pool, ran, back) = (Arc::clone(&pool), Arc::clone(&ran), Arc::clone(&back));
                    let (dropped, most) = (Arc::clone(&dropped), Arc::clone(&most));
                    thread::spawn(move || {
                        for n in 0..60 {
                            let token = super::support::Token(Arc::clone(&dropped));
                            let ran = Arc::clone(&ran);
                            let task = move || {
                                let _token = token;
                                tick(&ran);
                            };
                            let patience = Duration::from_micros(n);
                            let refused = match (i + n) % 3 {
                                0 => pool.task().wait_for_room(LIMIT).try_execute(task).err(),
                                1 => pool.task().wait_for_room(patience).try_execute(task).err(),
                                _ => pool.try_execute(task).err(),
                            };
                            if refused.is_some() {
                                tick(&back);
                            }
                            let waiting = pool.metrics().waiting;
                            let mut most = most.lock().unwrap();
                            *most = waiting.max(*most);
                        }
                    })
                })
                .collect();
            for workers in [4, 1, 3, 2] {
                pool.resize(workers).unwrap();
                until(|| pool.metrics().submitted as usize >= 500 * workers);
            }
            pool.shutdown().unwrap();
            submitters.into_iter().for_each(|submitter| submitter.join().unwrap());
            let metrics = balanced(&pool);
            assert_eq!(metrics.submitted, 64 * 60, "{policy:?}: {metrics:?}");
            assert_eq!(ran.load(Ordering::Relaxed) as u64, metrics.completed, "{policy:?}: {metrics:?}");
            assert_eq!(back.load(Ordering::Relaxed) as u64, metrics.full + metrics.rejected, "{policy:?}: {metrics:?}");
            assert_eq!(dropped.load(Ordering::Relaxed), 64 * 60, "{policy:?}: {metrics:?}");
            // A snapshot is not of one moment: each of four workers may have been counted at another.
            let most = *most.lock().unwrap();
            assert!(most <= 8 + 64, "{policy:?}: {most} waited");
        }
    });
}
