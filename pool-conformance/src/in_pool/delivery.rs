//! Laws 1, 2, 3 and 7 in a pool: each task runs, once, soon, and whichever worker comes or goes.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;

use pool_core::{Pool, Scheduler, Task, current_worker};

use super::Make;
use super::support::{Gate, Token, balanced, check, counted_pool, occupy, pool, threads, tick, until, until_parked};

/// Outside threads submit one by one and in batches, and every task submits two more from inside. Each closure runs
/// once and is dropped once.
pub fn runs_each_task_exactly_once<S: Scheduler<Task> + 'static>(make: Make<S>) {
    const PRODUCERS: usize = 3;
    const ROOTS: usize = 1500;
    check(move |name| {
        let pool = Arc::new(pool(make(), name, 4));
        let runs: Arc<Vec<AtomicU32>> = Arc::new((0..PRODUCERS * ROOTS * 3).map(|_| AtomicU32::new(0)).collect());
        let drops = Arc::new(AtomicUsize::new(0));
        let task = |id: usize| {
            let (runs, token) = (Arc::clone(&runs), Token(Arc::clone(&drops)));
            move || {
                runs[id].fetch_add(1, Ordering::Relaxed);
                drop(token);
            }
        };
        let root = |id: usize| {
            let (own, left, right) = (task(id), task(id + 1), task(id + 2));
            move || {
                pool_core::execute(left);
                own();
                let _detached = pool_core::spawn(right);
            }
        };
        thread::scope(|scope| {
            for producer in 0..PRODUCERS {
                let (pool, root) = (&pool, &root);
                scope.spawn(move || {
                    let ids = (producer * ROOTS..(producer + 1) * ROOTS).map(|n| n * 3).collect::<Vec<_>>();
                    for (n, chunk) in ids.chunks(10).enumerate() {
                        match n % 2 {
                            0 => chunk.iter().for_each(|&id| pool.execute(root(id))),
                            _ => pool.execute_batch(chunk.iter().map(|&id| root(id))),
                        }
                    }
                });
            }
        });
        pool.wait_idle().unwrap();
        let wrong = runs.iter().filter(|runs| runs.load(Ordering::Relaxed) != 1).count();
        assert_eq!(wrong, 0, "law 1 (exactly once): {wrong} tasks did not run exactly once");
        assert_eq!(drops.load(Ordering::Relaxed), runs.len(), "law 1: each closure is dropped once");
        assert_eq!(balanced(&pool).completed, runs.len() as u64);
    });
}

/// A task submits another, by each way to do that, and then blocks its worker until another worker has run that.
pub fn runs_what_a_blocked_worker_pushed<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = Arc::new(pool(make(), name, 2));
        for round in 0..560 {
            if round % 2 == 0 {
                until_parked(&pool);
            }
            let inner = Arc::clone(&pool);
            let way = round / 2 % 7;
            let pusher = pool.spawn(move || {
                let (ran, has_run) = channel();
                let child = move || ran.send(current_worker()).unwrap();
                match way {
                    0 => pool_core::execute(child),
                    1 => pool_core::task::<S::Hint>().execute(child),
                    2 => inner.execute(child),
                    3 => drop(inner.spawn(child)),
                    4 => inner.execute_batch([child]),
                    5 => drop(inner.spawn_batch([child])),
                    _ => {
                        return pool_core::scope(|scope| {
                            scope.spawn(move |_| child());
                            has_run.recv().unwrap() != current_worker()
                        });
                    }
                }
                has_run.recv().unwrap() != current_worker()
            });
            assert!(pusher.join().unwrap(), "law 2 (no lost wake): another worker runs it");
        }
    });
}

/// A chain of tiny tasks, in which each submits the next; the last one submits one more and blocks until another worker
/// has run it. A pool may learn from such a chain to leave it to the worker that it is on, but not for good.
pub fn runs_the_link_whose_maker_blocks<S: Scheduler<Task> + 'static>(make: Make<S>) {
    fn link(left: usize, end: impl FnOnce() + Send + 'static) {
        match left {
            0 => end(),
            _ => pool_core::execute(move || link(left - 1, end)),
        }
    }
    check(move |name| {
        for workers in [2, 4] {
            let pool = pool(make(), name, workers);
            for round in 0..20 {
                let (ran, has_run) = channel();
                let (told, verdict) = channel();
                let end = move || {
                    pool_core::execute(move || ran.send(current_worker()).unwrap());
                    told.send(has_run.recv().unwrap() != current_worker()).unwrap();
                };
                pool.execute(move || link(1000 * round, end));
                assert!(verdict.recv().unwrap(), "law 2 (no lost wake): another worker runs it");
            }
        }
    });
}

/// As many tasks as workers, each of which ends only when all have begun: no worker may stay parked.
pub fn occupies_every_worker<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for workers in [1, 2, 3, 8] {
            let pool = Arc::new(pool(make(), name, workers));
            for round in 0..60 {
                if round % 3 == 0 {
                    until_parked(&pool);
                }
                let all = Arc::new(Barrier::new(workers));
                let one = || {
                    let all = Arc::clone(&all);
                    move || {
                        all.wait();
                    }
                };
                match round % 4 {
                    0 => (0..workers).for_each(|_| pool.execute(one())),
                    1 => pool.execute_batch((0..workers).map(|_| one())),
                    2 => {
                        let (mut others, own) = ((1..workers).map(|_| one()).collect::<Vec<_>>(), one());
                        pool.execute(move || {
                            others.drain(..).for_each(pool_core::execute);
                            own();
                        });
                    }
                    _ => pool.scope(|scope| {
                        (0..workers).for_each(|_| {
                            scope.spawn(|_| {
                                all.wait();
                            })
                        })
                    }),
                }
                pool.wait_idle().unwrap();
            }
            assert_eq!(balanced(&pool).panicked, 0);
        }
    });
}

/// Each task submits one more and waits until that has begun, so that each worker in turn must be woken by a worker.
pub fn wakes_the_next_for_each_that_blocks<S: Scheduler<Task> + 'static>(make: Make<S>) {
    fn link(left: usize, end: Gate) {
        if left > 0 {
            let (begun, has_begun) = channel();
            let next = end.clone();
            pool_core::execute(move || {
                begun.send(()).unwrap();
                link(left - 1, next);
            });
            has_begun.recv().unwrap();
            end.pass();
        } else {
            end.open();
        }
    }
    check(move |name| {
        let pool = pool(make(), name, 6);
        for _ in 0..150 {
            until_parked(&pool);
            let end = Gate::default();
            pool.execute(move || link(5, end));
            pool.wait_idle().unwrap();
        }
        assert_eq!(balanced(&pool).completed, 150 * 6);
    });
}

/// Both halves of a join, and all four of two nested ones, at the same time if workers are free.
pub fn overlaps_the_halves_of_a_join<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let two = pool(make(), name, 2);
        for _ in 0..200 {
            let both = Barrier::new(2);
            two.join(|| both.wait(), || both.wait());
        }
        let four = pool(make(), name, 4);
        for _ in 0..200 {
            let all = Barrier::new(4);
            let pair = || pool_core::join(|| all.wait(), || all.wait());
            four.join(pair, pair);
        }
        assert_eq!(balanced(&four).submitted, 200, "the halves of a join are no tasks");
    });
}

/// One worker runs something long, the other everything else.
pub fn one_long_task_holds_up_no_other<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 2);
        let gate = Gate::default();
        let long = pool.spawn({
            let gate = gate.clone();
            move || gate.pass()
        });
        let short: Vec<_> = (0..1000).map(|i| pool.spawn(move || i)).collect();
        let sum: i32 = short.into_iter().map(|handle| handle.join().unwrap()).sum();
        assert_eq!(sum, 499_500);
        assert!(!long.is_finished());
        gate.open();
        long.join().unwrap();
    });
}

/// A worker is told to leave while it runs a task that has filled its own queue. All of that runs, on another.
pub fn retiring_loses_nothing<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for _ in 0..20 {
            let (pool, alive) = counted_pool(make(), name, 2);
            let (pushed, stay, leave) = (Arc::new(Barrier::new(3)), Gate::default(), Gate::default());
            let ran = Arc::new(AtomicUsize::new(0));
            for _ in 0..2 {
                let (pushed, stay, leave, ran) = (Arc::clone(&pushed), stay.clone(), leave.clone(), Arc::clone(&ran));
                pool.execute(move || {
                    pushed.wait();
                    if current_worker() == Some(0) {
                        return stay.pass();
                    }
                    for _ in 0..100 {
                        let ran = Arc::clone(&ran);
                        pool_core::execute(move || {
                            assert_eq!(current_worker(), Some(0), "a worker that was told to leave takes nothing new");
                            ran.fetch_add(1, Ordering::Relaxed);
                        });
                    }
                    pushed.wait();
                    leave.pass();
                });
            }
            pushed.wait();
            // The worker that first has nothing in hand leaves. It has pushed when the barrier opens for the second time; this
            // thread stands in there for the other worker, which is at its gate.
            thread::scope(|scope| {
                scope.spawn(|| pushed.wait());
                pushed.wait();
            });
            assert_eq!(pool.retire_workers(5), 1, "one always stays");
            assert_eq!(pool.workers(), 1);
            leave.open();
            until(|| alive.load(Ordering::Relaxed) == 1);
            stay.open();
            pool.wait_idle().unwrap();
            assert_eq!(ran.load(Ordering::Relaxed), 100, "law 7 (retiring loses nothing)");
            assert_eq!(balanced(&pool).panicked, 0);
        }
    });
}

/// Workers come and go while tasks run, and none of those is lost. At the end there are as many threads as workers.
pub fn workers_come_and_go_under_load<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 1);
        let ran = Arc::new(AtomicUsize::new(0));
        let submitted = thread::scope(|scope| {
            let resizer = scope.spawn(|| {
                for round in 0..60 {
                    pool.add_workers(1 + round % 3).unwrap();
                    thread::yield_now();
                    pool.retire_workers(1 + round % 3);
                }
            });
            let mut submitted = 0;
            while !resizer.is_finished() || submitted < 2000 {
                let ran = Arc::clone(&ran);
                pool.execute(move || {
                    let child = Arc::clone(&ran);
                    pool_core::execute(move || tick(&child));
                    ran.fetch_add(1, Ordering::Relaxed);
                });
                submitted += 1;
                if submitted % 64 == 0 {
                    pool.wait_idle().unwrap();
                }
            }
            submitted
        });
        pool.wait_idle().unwrap();
        assert_eq!(ran.load(Ordering::Relaxed), 2 * submitted, "law 7 (retiring loses nothing)");
        assert_eq!(balanced(&pool).completed, 2 * submitted as u64);
        assert_eq!(pool.workers(), 1);
        if cfg!(target_os = "linux") {
            until(|| threads::named(name).len() == 1);
        }
        pool.add_workers(3).unwrap();
        occupy(&pool).open();
        assert_eq!(pool.workers(), 4, "and all four can be busy at once");
    });
}

/// What a pool is given while its workers are few is done by those that are added later.
pub fn added_workers_take_part<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool: Pool<S> = pool(make(), name, 1);
        let all = Arc::new(Barrier::new(4));
        for _ in 0..4 {
            let all = Arc::clone(&all);
            pool.execute(move || {
                all.wait();
            });
        }
        // One worker stands at the barrier, three tasks wait.
        until(|| pool.metrics().running == 1);
        pool.add_workers(3).unwrap();
        assert_eq!(balanced(&pool).completed, 4);
    });
}
