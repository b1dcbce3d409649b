//! Loads of any size: small ones as checks, large ones for `examples/loads.rs`.
//!
//! Each takes a pool or what makes one, checks what it did, and returns the metrics at the end, which balance.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use pool_core::{Metrics, Pool, Rejection, Scheduler, Task};

use super::support::{Gate, balanced, check, occupy, pool, threads, tick, until, until_parked};
use super::{LIMIT, Make};

/// At most so many tasks wait at the same time in [`tiny_tasks`].
const WAVE: u64 = 1 << 18;

/// At most about so many tasks wait at the same time in [`submit_into_a_shutdown`].
const BACKLOG: usize = 2000;

/// `n` tasks that add one: half of them from outside, a quarter of those in batches; the others from inside.
pub fn tiny_tasks<S: Scheduler<Task> + 'static>(pool: &Pool<S>, n: u64) -> Metrics {
    let before = pool.metrics().completed;
    let sum = Arc::new(AtomicU64::new(0));
    let add = |sum: &Arc<AtomicU64>| {
        let sum = Arc::clone(sum);
        move || {
            black_box(sum.fetch_add(1, Ordering::Relaxed));
        }
    };
    let with_child = || {
        let (own, child) = (Arc::clone(&sum), Arc::clone(&sum));
        move || {
            pool_core::execute(add(&child));
            own.fetch_add(1, Ordering::Relaxed);
        }
    };
    let mut left = n / 2;
    while left > 0 {
        let wave = left.min(WAVE);
        let batched = wave / 4;
        (batched..wave).for_each(|_| pool.execute(with_child()));
        let batch: Vec<_> = (0..batched).map(|_| with_child()).collect();
        pool.execute_batch(batch);
        pool.wait_idle().unwrap();
        left -= wave;
    }
    if n % 2 == 1 {
        pool.execute(add(&sum));
    }
    let metrics = balanced(pool);
    assert_eq!((sum.load(Ordering::Relaxed), metrics.completed - before), (n, n), "law 1 (exactly once)");
    metrics
}

/// `n` tasks wait at the same time, while every worker is held; then all of them run.
pub fn all_waiting_at_once<S: Scheduler<Task> + 'static>(pool: &Pool<S>, n: u64) -> Metrics {
    let ran = Arc::new(AtomicU64::new(0));
    let gate = occupy(pool);
    for _ in 0..n {
        let ran = Arc::clone(&ran);
        pool.execute(move || {
            black_box(ran.fetch_add(1, Ordering::Relaxed));
        });
    }
    let metrics = pool.metrics();
    assert_eq!((metrics.waiting, metrics.running), (n, pool.workers() as u64), "law 6 (balance): {metrics:?}");
    gate.open();
    let metrics = balanced(pool);
    assert_eq!(ran.load(Ordering::Relaxed), n, "law 1 (exactly once)");
    metrics
}

/// `n` tasks, each submitted when the one before it has ended.
pub fn round_trips<S: Scheduler<Task> + 'static>(pool: &Pool<S>, n: u64) -> Metrics {
    for i in 0..n {
        assert_eq!(pool.spawn(move || i).join().expect("no panic"), i);
    }
    balanced(pool)
}

/// `depth` tasks, each of which spawns the next and joins its handle; and as many joins, and as many scopes.
pub fn nested_waits<S: Scheduler<Task> + 'static>(pool: &Pool<S>, depth: u32) -> Metrics {
    fn handles(depth: u32) -> u32 {
        if depth == 0 { 0 } else { 1 + pool_core::spawn(move || handles(depth - 1)).join().expect("no panic") }
    }
    fn joins(depth: u32) -> u32 {
        if depth == 0 { 0 } else { pool_core::join(|| joins(depth - 1), || 1).0 + 1 }
    }
    fn scopes(depth: u32) -> u32 {
        let mut sum = 0;
        if depth > 0 {
            pool_core::scope(|scope| scope.spawn(|_| sum = 1 + scopes(depth - 1)));
        }
        sum
    }
    let before = pool.metrics().completed;
    for nested in [handles, joins, scopes] {
        assert_eq!(pool.spawn(move || nested(depth)).join().expect("no panic"), depth);
    }
    let metrics = balanced(pool);
    assert_eq!(metrics.completed - before, 3 + 2 * u64::from(depth), "law 1: each once, whichever worker ran it");
    metrics
}

/// The last owner of a pool is one of its own tasks: what is queued still runs, then all threads end. `name` must be
/// the beginning of no other thread's.
pub fn dropped_by_its_own_worker<S: Scheduler<Task> + 'static>(scheduler: S, name: &str, workers: usize, close: bool) {
    let (ready, dropped, ran) = (Gate::default(), Gate::default(), Arc::new(AtomicUsize::new(0)));
    let pool = Arc::new(pool(scheduler, name, workers));
    let inner = Arc::clone(&pool);
    let inside = (ready.clone(), dropped.clone());
    pool.execute(move || {
        inside.0.pass();
        if close {
            assert!(inner.shutdown().is_err(), "it cannot wait for itself");
            assert!(inner.shutdown_timeout(LIMIT).is_err());
        }
        assert_eq!(Arc::strong_count(&inner), 1);
        drop(inner);
        inside.1.open();
    });
    for _ in 0..50 {
        let ran = Arc::clone(&ran);
        pool.execute(move || {
            let last = Arc::clone(&ran);
            pool_core::execute(move || tick(&last));
            tick(&ran);
        });
    }
    drop(pool);
    ready.open();
    dropped.pass();
    until(|| ran.load(Ordering::Relaxed) == 100);
    // Nothing is left: not the closures, which hold `ran`, and not the threads.
    until(|| Arc::strong_count(&ran) == 1 && threads::named(name).is_empty());
}

/// 64 threads submit until they are refused, while the pool shuts down, which begins when `some` tasks have run: what
/// was accepted runs, what was refused comes back.
pub fn submit_into_a_shutdown<S: Scheduler<Task> + 'static>(scheduler: S, name: &str, some: usize) -> Metrics {
    let pool = pool(scheduler, name, 4);
    let (ran, accepted, refused) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for thread in 0..64 {
            let (pool, ran, accepted, refused) = (&pool, &ran, &accepted, &refused);
            scope.spawn(move || {
                for n in 0.. {
                    // 64 threads outrun any pool: what matters is that they submit, not how much waits.
                    while accepted.load(Ordering::Relaxed) > ran.load(Ordering::Relaxed) + BACKLOG {
                        thread::yield_now();
                    }
                    let count = Arc::clone(ran);
                    let task = move || tick(&count);
                    let back = match (thread + n) % 2 {
                        0 => pool.try_execute(task).err(),
                        _ => pool.try_spawn(task).err(),
                    };
                    let Some(back) = back else {
                        tick(accepted);
                        continue;
                    };
                    assert_eq!(back.reason(), Rejection::ShutDown);
                    // The closure itself came back: it runs here.
                    back.into_inner()();
                    tick(refused);
                    break;
                }
            });
        }
        until(|| ran.load(Ordering::Relaxed) > some);
        pool.shutdown().unwrap();
        let at_end = pool.metrics();
        assert_eq!(at_end.waiting + at_end.running, 0, "law 6: an accepted task ran before the end: {at_end:?}");
    });
    let metrics = balanced(&pool);
    let (accepted, refused) = (accepted.into_inner(), refused.into_inner());
    assert_eq!((metrics.completed, metrics.rejected, refused), (accepted as u64, 64, 64), "law 6: {metrics:?}");
    assert_eq!(ran.load(Ordering::Relaxed), accepted + refused, "law 1 (exactly once)");
    metrics
}

/// [`tiny_tasks`] and [`all_waiting_at_once`], small.
pub fn takes_a_flood<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 3);
        tiny_tasks(&pool, 40_001);
        all_waiting_at_once(&pool, 30_000);
    });
}

/// [`round_trips`] with more workers than processors, and with workers that are all parked in between.
pub fn wakes_a_sleeper_for_each_round_trip<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 8);
        round_trips(&pool, 4000);
        for _ in 0..200 {
            until_parked(&pool);
            round_trips(&pool, 1);
        }
    });
}

/// [`nested_waits`]: as deep as 200, on one worker and on two.
pub fn one_worker_suffices_for_200_nested_waits<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for workers in [1, 2] {
            nested_waits(&pool(make(), name, workers), 200);
        }
    });
}

/// [`dropped_by_its_own_worker`], closed before and not.
pub fn a_pool_may_be_dropped_by_its_own_worker<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for round in 0..40 {
            dropped_by_its_own_worker(make(), name, 1 + round % 3, round % 2 == 0);
        }
    });
}

/// [`submit_into_a_shutdown`].
pub fn balances_while_64_threads_submit_into_a_shutdown<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for round in 0..6 {
            submit_into_a_shutdown(make(), name, 400 * round);
        }
    });
}
