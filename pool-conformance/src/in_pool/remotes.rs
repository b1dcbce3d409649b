//! Remotes: submissions without owning the pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use pool_core::{CurrentWorker, Rejection, Scheduler, Task, current_worker};

use super::Make;
use super::support::{Gate, balanced, check, pool, threads, tick, until};

/// A remote does what its pool does, from outside and on a worker, and knows which workers are the pool's.
pub fn a_remote_submits_as_its_pool<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for workers in [1, 4] {
            let (pool, other) = (pool(make(), name, workers), pool(make(), name, 1));
            let remote = pool.remote();
            let ran = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&ran);
            remote.execute(move || tick(&counted));
            assert_eq!(remote.task().spawn(|| 6 * 7).join().unwrap(), 42);
            pool.wait_idle().unwrap();
            assert_eq!((ran.load(Ordering::Relaxed), balanced(&pool).completed), (1, 2));
            let own = remote.clone();
            let seen = pool.install(move || {
                let handle = own.spawn(CurrentWorker::get);
                (own.is_own_worker(), own.workers(), handle.join().unwrap())
            });
            let here = seen.2.expect("on a worker");
            assert_eq!((seen.0, seen.1, here.workers()), (true, workers, workers));
            assert!(here.index() < workers);
            assert!(!remote.is_own_worker() && !other.install(|| remote.is_own_worker() || pool.is_own_worker()));
            assert!(pool.install(|| pool.is_own_worker()));
            assert_eq!(other.install(|| remote.spawn(|| 5).join()).unwrap(), 5);
            assert_eq!(
                (CurrentWorker::get(), pool.install(CurrentWorker::get).map(|w| w.index()).is_some()),
                (None, true)
            );
            assert!(pool.install(|| CurrentWorker::get().map(|worker| worker.index()) == current_worker()));
        }
    });
}

/// A remote does not keep its pool: it is refused once the pool is closed, and later when it is gone. Closures come back.
pub fn a_remote_does_not_keep_its_pool<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 2);
        let remote = pool.remote();
        let (begun, goes_on, ran) = (Gate::default(), Gate::default(), Arc::new(AtomicUsize::new(0)));
        let (gates, own, counted) = ((begun.clone(), goes_on.clone()), remote.clone(), Arc::clone(&ran));
        pool.execute(move || {
            gates.0.open();
            gates.1.pass();
            own.execute(move || tick(&counted));
        });
        begun.pass();
        let refused = |what| {
            let back = remote.try_execute(|| ()).expect_err(what);
            assert_eq!(back.reason(), Rejection::ShutDown);
            back.into_inner()();
            let text = String::from("mine");
            let back = remote.try_spawn(move || text).expect_err(what);
            assert_eq!((back.reason(), back.into_inner()()), (Rejection::ShutDown, "mine".into()));
            let back = remote.try_spawn_future(async { 5 }).expect_err(what);
            assert_eq!(back.reason(), Rejection::ShutDown);
        };
        thread::scope(|scope| {
            scope.spawn(|| drop(pool));
            until(|| remote.try_execute(|| ()).is_err());
            refused("the pool is closed");
            goes_on.open();
        });
        assert_eq!(ran.load(Ordering::Relaxed), 1, "a task of a closed pool submits");
        refused("the pool is gone");
        assert_eq!((remote.workers(), remote.is_own_worker()), (0, false));
        until(|| threads::named(name).is_empty());
    });
}

/// Threads submit by remotes while the last `Pool` is dropped: what was accepted runs, and no call hangs.
pub fn remotes_race_with_the_end<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for round in 0..60 {
            let pool = Arc::new(pool(make(), name, [1, 4][round % 2]));
            let remote = pool.remote();
            let (ran, gate) = (Arc::new(AtomicUsize::new(0)), Gate::default());
            let by_a_worker = round % 3 == 0;
            if by_a_worker {
                // Has begun before the flood: what the strategy puts first then does not matter.
                let (begun, own) = (Gate::default(), Arc::clone(&pool));
                let gates = (begun.clone(), gate.clone());
                pool.execute(move || {
                    gates.0.open();
                    gates.1.pass();
                    drop(own);
                });
                begun.pass();
            }
            let accepted: usize = thread::scope(|scope| {
                let threads: Vec<_> = (0..4)
                    .map(|_| {
                        let (remote, ran) = (remote.clone(), &ran);
                        scope.spawn(move || {
                            let mut accepted = 0;
                            loop {
                                let ran = Arc::clone(ran);
                                if remote.try_execute(move || tick(&ran)).is_err() {
                                    return accepted;
                                }
                                accepted += 1;
                            }
                        })
                    })
                    .collect();
                drop(pool);
                gate.open();
                threads.into_iter().map(|thread| thread.join().unwrap()).sum()
            });
            until(|| threads::named(name).is_empty());
            assert_eq!(ran.load(Ordering::Relaxed), accepted);
        }
    });
}
