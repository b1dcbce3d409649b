//! Groups, tokens and loops that end early: nothing runs twice, nothing more begins after the end, no wait needs a free
//! worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use pool_core::{CancelToken, JoinError, Pool, Scheduler, Task, TaskError, TaskGroup, current_worker, is_cancelled};

use super::Make;
use super::support::{Gate, Token, balanced, check, occupy, pool, throw, tick, until};

/// Groups in tasks of groups, on one worker and on three, in an order that the strategy chooses. Each task runs once.
pub fn groups_end_on_one_worker<S: Scheduler<Task> + 'static>(make: Make<S>) {
    fn nest<S: Scheduler<Task> + 'static>(pool: &Arc<Pool<S>>, depth: usize, leaves: &Arc<AtomicUsize>) -> usize {
        if depth == 0 {
            tick(leaves);
            return 1;
        }
        let mut group = TaskGroup::new();
        for _ in 0..3 {
            let (inner, leaves) = (Arc::clone(pool), Arc::clone(leaves));
            group.spawn(pool.task(), move || nest(&inner, depth - 1, &leaves));
        }
        if depth % 2 == 0 {
            group.map(|(_, result)| result.expect("no panic")).sum()
        } else {
            group.try_join_all().expect("no panic").into_iter().sum()
        }
    }
    check(move |name| {
        for workers in [1, 3] {
            let pool = Arc::new(pool(make(), name, workers));
            let leaves = Arc::new(AtomicUsize::new(0));
            for round in 1..=10 {
                let (inner, inside) = (Arc::clone(&pool), Arc::clone(&leaves));
                assert_eq!(pool.install(move || nest(&inner, 4, &inside)), 81);
                assert_eq!(leaves.load(Ordering::Relaxed), 81 * round, "law 1 (exactly once)");
            }
            assert_eq!(balanced(&pool).completed, 10 * (3 + 9 + 27 + 81 + 1));
        }
    });
}

/// A thread from outside gets each result when its task has ended, and not when an earlier one has.
pub fn results_of_a_group_come_as_tasks_end<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 2);
        let (gate, begun) = (Gate::default(), Gate::default());
        let mut group = TaskGroup::new();
        let inside = (gate.clone(), begun.clone());
        group.spawn(pool.task(), move || {
            inside.1.open();
            inside.0.pass();
            0
        });
        begun.pass();
        for number in 1..500 {
            assert_eq!(group.spawn(pool.task(), move || number), number);
            if number % 5 == 0 {
                let mut ended: Vec<_> = group.by_ref().take(5).map(|(_, result)| result.unwrap()).collect();
                ended.sort_unstable();
                assert_eq!(ended, (number - 4..=number).collect::<Vec<_>>());
            }
        }
        gate.open();
        assert_eq!(group.try_join_all().unwrap(), [0, 496, 497, 498, 499]);
        balanced(&pool);
    });
}

/// The first of a hundred tasks fails, and `?` leaves the function that owns the pool: of the other tasks, only those
/// begin that workers have in hand by then, and all are dropped.
pub fn an_error_ends_a_group_at_once<S: Scheduler<Task> + 'static>(make: Make<S>) {
    fn run<S: Scheduler<Task> + 'static>(
        pool: Pool<S>,
        ran: &Arc<AtomicUsize>,
        drops: &Arc<AtomicUsize>,
    ) -> Result<Vec<usize>, TaskError<&'static str>> {
        let mut group = TaskGroup::new();
        for number in 0..100 {
            let (inside, token) = (Arc::clone(ran), Token(Arc::clone(drops)));
            group.spawn(pool.task(), move || {
                let _token = token;
                tick(&inside);
                if number == 0 {
                    return Err("no such file");
                }
                until(is_cancelled);
                Ok(number)
            });
            if number == 0 {
                until(|| ran.load(Ordering::Relaxed) == 1);
            }
        }
        group.try_join_ok()
    }
    check(move |name| {
        let (ran, drops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let error = run(pool(make(), name, 2), &ran, &drops).unwrap_err();
        assert!(matches!(error, TaskError::Failed("no such file")));
        assert!(ran.load(Ordering::Relaxed) <= 3, "the first, and one in each worker's hand");
        assert_eq!(drops.load(Ordering::Relaxed), 100, "law 1 (exactly once)");
    });
}

/// Cancelled, dropped, or ended by a token above it, while its tasks wait in the strategy: none of them runs, the rest of the
/// pool does, and the books balance.
pub fn a_cancelled_group_begins_nothing_more<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 2);
        let (ran, drops, others) = Default::default();
        let [ran, drops, others]: [Arc<AtomicUsize>; 3] = [ran, drops, others];
        for round in 1..=12 {
            let gate = occupy(&pool);
            let above = CancelToken::new();
            let mut group = TaskGroup::with_token(&above);
            for _ in 0..50 {
                let (ran, token) = (Arc::clone(&ran), Token(Arc::clone(&drops)));
                group.spawn(pool.task(), move || {
                    let _token = token;
                    tick(&ran);
                });
                let others = Arc::clone(&others);
                pool.execute(move || tick(&others));
            }
            match round % 3 {
                0 => {
                    drop(group);
                    assert_eq!(drops.load(Ordering::Relaxed), 50 * round, "dropped right there");
                    gate.open();
                }
                1 => {
                    group.cancel();
                    gate.open();
                    assert!(group.join_all().into_iter().all(|result| result.unwrap_err().is_cancelled()));
                }
                _ => {
                    above.cancel();
                    gate.open();
                    assert!(group.try_join_all().unwrap_err().is_cancelled());
                }
            }
            balanced(&pool);
            assert_eq!(ran.load(Ordering::Relaxed), 0);
            assert_eq!(drops.load(Ordering::Relaxed), 50 * round, "law 1 (exactly once)");
            assert_eq!(others.load(Ordering::Relaxed), 50 * round);
        }
    });
}

/// `shutdown_now` while threads submit and wait for groups: each wait ends, and each task has run or came back unrun.
pub fn groups_end_with_their_pool<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for _ in 0..20 {
            let pool = Arc::new(pool(make(), name, 2));
            let (ran, drops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let begin = Gate::default();
            let waiters: Vec<_> = (0..3)
                .map(|_| {
                    let (pool, ran, drops, begin) =
                        (Arc::clone(&pool), Arc::clone(&ran), Arc::clone(&drops), begin.clone());
                    thread::spawn(move || {
                        let mut group = TaskGroup::new();
                        for number in 0..100 {
                            let (ran, token) = (Arc::clone(&ran), Token(Arc::clone(&drops)));
                            let refused = group.try_spawn(pool.task(), move || (tick(&ran), drop(token)).1).is_err();
                            if refused {
                                break;
                            }
                            if number == 50 {
                                begin.open();
                            }
                        }
                        let accepted = group.len();
                        let results = group.join_all();
                        assert_eq!(results.len(), accepted);
                        let returned = results.iter().filter_map(|result| result.as_ref().err());
                        assert!(returned.clone().all(JoinError::is_returned));
                        accepted - returned.count()
                    })
                })
                .collect();
            begin.pass();
            let unrun = pool.shutdown_now().unwrap();
            let completed: usize = waiters.into_iter().map(|waiter| waiter.join().unwrap()).sum();
            pool.shutdown().unwrap();
            let late = pool.shutdown_now().unwrap();
            assert_eq!(ran.load(Ordering::Relaxed), completed, "what has not come back has run");
            let metrics = balanced(&pool);
            assert_eq!(metrics.returned, (unrun.len() + late.len()) as u64);
            assert_eq!(metrics.completed, completed as u64);
            drop((unrun, late));
            assert_eq!(drops.load(Ordering::Relaxed) as u64, metrics.submitted, "law 1 (exactly once)");
        }
    });
}

/// Tasks of one group in two pools, waited for by a worker of either and from outside; some panic.
pub fn a_group_spans_pools<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let (one, two) = (Arc::new(pool(make(), name, 1)), Arc::new(pool(make(), name, 2)));
        for round in 0..60 {
            let (first, second) = (Arc::clone(&one), Arc::clone(&two));
            let work = move || {
                let mut group = TaskGroup::new();
                for number in 0..20 {
                    let f = move || {
                        assert!(current_worker().is_some());
                        if number % 7 == 6 { throw(number) } else { number }
                    };
                    if number % 2 == 0 {
                        group.spawn(first.task(), f)
                    } else {
                        group.spawn(second.task(), f)
                    };
                }
                let results = group.join_all();
                assert_eq!(results.len(), 20);
                for (number, result) in results.into_iter().enumerate() {
                    match result {
                        Ok(value) => assert_eq!(value, number),
                        Err(error) => assert_eq!(error.into_panic().downcast_ref(), Some(&number)),
                    }
                }
            };
            match round % 3 {
                0 => one.install(work),
                1 => two.install(work),
                _ => work(),
            }
        }
        assert_eq!(balanced(&one).panicked + balanced(&two).panicked, 60 * 2);
    });
}

/// A loop returns what a plain one would, or something that it found, and calls nothing twice.
pub fn loops_end_early<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for workers in [1, 2, 4] {
            let pool = pool(make(), name, workers);
            for n in [0, 1, 2, 3, 100, 5_000] {
                for every in [1, 2, 7, 100, 10_000] {
                    let calls: Vec<AtomicUsize> = (0..n).map(|_| AtomicUsize::new(0)).collect();
                    let hit = |i: usize| {
                        tick(&calls[i]);
                        i % every == every - 1
                    };
                    let once = || calls.iter().all(|calls| calls.swap(0, Ordering::Relaxed) <= 1);
                    let first = Some(every - 1).filter(|&first| first < n);
                    assert_eq!(pool.find_first(0..n, hit), first);
                    assert!(once(), "no number twice");
                    match pool.find_any(0..n, hit) {
                        Some(found) => assert_eq!(found % every, every - 1),
                        None => assert_eq!(first, None),
                    }
                    assert!(once(), "no number twice");
                    match pool.try_for_each(0..n, |i| if hit(i) { Err(i) } else { Ok(()) }) {
                        Err(found) => {
                            let called = |i: &usize| calls[*i].load(Ordering::Relaxed) == 1;
                            assert_eq!((0..n).filter(called).find(|i| i % every == every - 1), Some(found));
                        }
                        Ok(()) => assert_eq!(first, None),
                    }
                    assert!(once(), "no number twice");
                }
            }
            balanced(&pool);
        }
    });
}
