//! Results as tasks end, and waits that need no free worker.

use crate::support::{Counter, Gate, LIMIT, named, occupy, pool, thread_name, wait_until};
use pool_core::{TaskGroup, task};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

#[test]
fn results_come_as_tasks_end() {
    let pool = pool(2);
    let gate = Gate::default();
    let mut group = TaskGroup::new();
    let inside = gate.clone();
    assert_eq!(group.spawn(pool.task(), move || (inside.pass(), "slow").1), 0);
    for number in 1..=3 {
        assert_eq!(group.spawn(pool.task(), || "quick"), number);
        let (ended, result) = group.next().unwrap();
        assert_eq!((ended, result.unwrap(), group.len()), (number, "quick", 1));
    }
    gate.open();
    let (ended, result) = group.next().unwrap();
    assert_eq!((ended, result.unwrap()), (0, "slow"));
    assert!(group.next().is_none() && group.is_empty());
    assert_eq!(group.spawn(pool.task(), || "more"), 4);
    assert_eq!(group.next().unwrap().0, 4);
}

#[test]
fn join_all_keeps_the_order_of_submission() {
    // Each task ends before the one that was submitted before it.
    let pool = pool(8);
    let gates: Vec<Gate> = (0..9).map(|_| Gate::default()).collect();
    let mut group = TaskGroup::new();
    for (number, pair) in gates.windows(2).enumerate() {
        let (own, next) = (pair[0].clone(), pair[1].clone());
        group.spawn(pool.task(), move || {
            next.pass();
            own.open();
            number
        });
    }
    gates[8].open();
    assert_eq!(group.try_join_all().unwrap(), (0..8).collect::<Vec<_>>());
}

#[test]
fn join_all_returns_what_next_has_left() {
    let pool = pool(1);
    let mut group = TaskGroup::new();
    for n in 0..5 {
        group.spawn(pool.task(), move || if n == 3 { resume_unwind(Box::new(n)) } else { n });
    }
    // One worker of a stack: the order of the ends is none of this test's business.
    let (taken, _) = group.next().unwrap();
    let expected: Vec<_> = (0..5).filter(|&n| n != taken).map(|n| if n == 3 { None } else { Some(n) }).collect();
    let results: Vec<_> = group.join_all().into_iter().map(Result::ok).collect();
    assert_eq!(results, expected);
}

#[test]
fn on_the_only_worker_a_group_ends() {
    let pool = Arc::new(pool(1));
    let inner = Arc::clone(&pool);
    let ran = Counter::default();
    let inside = ran.clone();
    let sums = pool.install(move || {
        let mut group = TaskGroup::new();
        for outer in 0..10 {
            let (pool, ran) = (Arc::clone(&inner), inside.clone());
            group.spawn(inner.task(), move || {
                let mut group = TaskGroup::new();
                (0..10).for_each(|n| {
                    let ran = ran.clone();
                    group.spawn(pool.task(), move || (ran.tick(), outer * 10 + n).1);
                });
                group.map(|(_, result)| result.unwrap()).sum::<i32>()
            });
        }
        group.try_join_all().unwrap()
    });
    assert_eq!(sums, (0..10).map(|outer| 100 * outer + 45).collect::<Vec<_>>());
    assert_eq!(ran.count(), 100);
    pool.wait_idle().unwrap();
    assert!(pool.metrics().is_balanced());
}

#[test]
fn groups_nest_a_hundred_deep_on_one_worker() {
    fn nest(depth: u32) -> u32 {
        if depth == 0 {
            return 0;
        }
        let mut group = TaskGroup::new();
        group.spawn(task::<()>(), move || nest(depth - 1));
        group.try_join_all().unwrap()[0] + 1
    }
    assert_eq!(pool(1).install(|| nest(100)), 100);
}

#[test]
fn a_waiting_worker_runs_what_no_other_worker_can() {
    let pool = Arc::new(pool(2));
    let inner = Arc::clone(&pool);
    let mut ended = pool.install(move || {
        let (begun, gate) = (Gate::default(), Gate::default());
        let mut group = TaskGroup::new();
        let inside = (begun.clone(), gate.clone());
        group.spawn(inner.task(), move || {
            inside.0.open();
            inside.1.pass();
        });
        begun.pass(); // it holds the other worker
        group.spawn(inner.task(), move || gate.open());
        group.map(|(number, _)| number).collect::<Vec<_>>()
    });
    ended.sort_unstable();
    assert_eq!(ended, [0, 1]);
}

#[test]
fn a_worker_of_another_pool_runs_none_of_it() {
    let (ours, theirs) = (named("ours", 1), Arc::new(named("theirs", 1)));
    let inner = Arc::clone(&theirs);
    let names = ours.install(move || {
        let mut group = TaskGroup::new();
        (0..20).for_each(|_| assert!(group.spawn(inner.task(), thread_name) < 20));
        group.try_join_all().unwrap()
    });
    assert!(names.iter().all(|name| name == "theirs-0"), "{names:?}");
}

#[test]
fn a_group_of_two_pools_is_waited_for_on_either() {
    let (one, two) = (named("one", 1), named("two", 1));
    // Waited for from outside first, then on the only worker of each pool, whose queue it must not need.
    let (gate_one, gate_two) = (occupy(&one), occupy(&two));
    let mut group = TaskGroup::new();
    for _ in 0..5 {
        group.spawn(one.task(), thread_name);
        group.spawn(two.task(), thread_name);
    }
    assert!(group.next_timeout(Duration::from_millis(1)).is_none());
    // These run before what lies in the queues (the toy is a stack), so nothing of the group has started.
    let (back, back_inside) = (Gate::default(), Arc::new(Mutex::new(None)));
    let (inside, opened) = (Arc::clone(&back_inside), back.clone());
    one.execute(move || {
        let own: Vec<_> = group.by_ref().take(5).map(|(number, result)| (number, result.unwrap())).collect();
        assert!(own.iter().all(|(number, name)| number % 2 == 0 && name == "one-0"), "{own:?}");
        *inside.lock().unwrap() = Some(group);
        opened.open();
    });
    gate_one.open();
    back.pass();
    let mut group = back_inside.lock().unwrap().take().unwrap();
    assert_eq!(group.len(), 5);
    let done = Gate::default();
    let opened = done.clone();
    two.execute(move || {
        let rest: Vec<_> = group.by_ref().map(|(number, result)| (number, result.unwrap())).collect();
        assert!(rest.iter().all(|(number, name)| number % 2 == 1 && name == "two-0"), "{rest:?}");
        opened.open();
    });
    gate_two.open();
    done.pass();
}

#[test]
fn next_timeout_runs_nothing_and_comes_back() {
    let pool = Arc::new(pool(1));
    let inner = Arc::clone(&pool);
    pool.install(move || {
        let mut group = TaskGroup::new();
        group.spawn(inner.task(), || 42);
        for limit in [Duration::ZERO, Duration::from_millis(2)] {
            assert!(group.next_timeout(limit).is_none() && !group.is_empty(), "the only worker is this one");
        }
        assert_eq!(group.next().unwrap().1.unwrap(), 42);
        assert!(group.next_timeout(LIMIT).is_none() && group.is_empty());
    });
    let gate = occupy(&pool);
    let mut group = TaskGroup::new();
    group.spawn(pool.task(), || 43);
    assert!(group.next_timeout(Duration::from_millis(2)).is_none());
    gate.open();
    assert_eq!(group.next_timeout(Duration::MAX).unwrap().1.unwrap(), 43);
}

#[test]
fn a_task_of_the_group_adds_to_it() {
    let pool = Arc::new(pool(2));
    let group = Arc::new(Mutex::new(TaskGroup::new()));
    let (inner, inside) = (Arc::clone(&pool), Arc::clone(&group));
    let ran = Counter::default();
    let counted = ran.clone();
    group.lock().unwrap().spawn(pool.task(), move || {
        for _ in 0..10 {
            let counted = counted.clone();
            inside.lock().unwrap().spawn(inner.task(), move || counted.tick());
        }
    });
    let mut ended = Vec::new();
    while ended.len() < 11 {
        // Not held while it waits, since the first task wants it.
        let next = group.lock().unwrap().next_timeout(Duration::ZERO);
        ended.extend(next.map(|(number, result)| (result.unwrap(), number).1));
    }
    ended.sort_unstable();
    assert_eq!(ended, (0..11).collect::<Vec<_>>());
    assert_eq!(ran.count(), 10);
}

#[test]
fn a_stream_of_tasks_keeps_its_numbers() {
    let pool = pool(2);
    let gate = Gate::default();
    let inside = gate.clone();
    let mut group = TaskGroup::new();
    group.spawn(pool.task(), move || (inside.pass(), 0).1);
    for number in 1..20_000 {
        assert_eq!(group.spawn(pool.task(), move || number), number);
        if number % 3 == 0 {
            for _ in 0..3 {
                let (ended, result) = group.next().unwrap();
                assert_eq!(result.unwrap(), ended);
            }
        }
        if number == 10_000 {
            gate.open();
        }
    }
    let rest: Vec<_> = group.by_ref().map(|(ended, result)| (result.unwrap(), ended)).collect();
    assert!(rest.iter().all(|(value, ended)| value == ended));
    assert!(group.is_empty());
}

#[test]
fn many_groups_from_many_threads_and_tasks() {
    let pool = Arc::new(pool(3));
    let (ran, dropped) = (Counter::default(), Counter::default());
    let spawned = Counter::default();
    thread::scope(|threads| {
        for thread in 0..4_usize {
            let (pool, ran, dropped, spawned) = (Arc::clone(&pool), ran.clone(), dropped.clone(), spawned.clone());
            threads.spawn(move || {
                for round in 0..150 {
                    let size = 1 + (7 * round + thread) % 13;
                    let inner = Arc::clone(&pool);
                    let (ran, dropped, spawned) = (ran.clone(), dropped.clone(), spawned.clone());
                    let work = move || {
                        let mut group = TaskGroup::new();
                        for number in 0..size {
                            let (ran, on_drop) = (ran.clone(), dropped.on_drop());
                            spawned.tick();
                            group.spawn(inner.task(), move || (ran.tick(), drop(on_drop), number).2);
                        }
                        match round % 4 {
                            0 => assert_eq!(group.try_join_all().unwrap(), (0..size).collect::<Vec<_>>()),
                            1 => assert!(group.take(size / 2).all(|(number, result)| result.unwrap() == number)),
                            2 => drop(group),
                            _ => assert_eq!(group.count(), size),
                        }
                    };
                    if round % 2 == 0 { work() } else { pool.install(work) }
                }
            });
        }
    });
    pool.wait_idle().unwrap();
    assert_eq!(dropped.count(), spawned.count());
    let metrics = pool.metrics();
    assert!(metrics.is_balanced());
    // A task that starts between the end of the token and its own counts as completed, and has not run.
    assert!(ran.count() as u64 + metrics.cancelled <= spawned.count() as u64, "{metrics:?}");
}

#[test]
fn a_wait_outside_is_woken_by_each_end() {
    // Parks for each: the task ends only when the waiting thread has been asleep for long, or so the gate has it.
    let pool = pool(1);
    for _ in 0..200 {
        let mut group = TaskGroup::new();
        let asked = Arc::new(AtomicBool::new(false));
        let inside = Arc::clone(&asked);
        group.spawn(pool.task(), move || wait_until("the wait", || inside.load(Ordering::Acquire)));
        thread::scope(|threads| {
            let waiter = threads.spawn(|| group.next().is_some_and(|(_, result)| result.is_ok()));
            (0..50).for_each(|_| thread::yield_now());
            asked.store(true, Ordering::Release);
            assert!(waiter.join().unwrap());
        });
    }
}
