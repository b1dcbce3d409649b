//! How many workers there are, and which of them leave.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use pool_core::{Pool, Scheduler, Task, current_worker};

use super::Make;
use super::support::{Gate, balanced, check, counted_pool, occupy, tick, until};

/// Of six workers, four are held in long tasks; two are to leave: they are the two that have nothing in hand, whatever
/// their numbers, and at once.
pub fn the_idle_leave_first<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let (left, leavers) = mpsc::channel();
        let builder = Pool::builder_with(make()).workers(6).thread_name(name);
        let pool = builder.on_stop(move |worker| left.send(worker).unwrap_or(())).build().unwrap();
        // Which worker gets which task is the strategy's business. Hold all, then let two go.
        let all: BTreeSet<usize> = (0..6).collect();
        let (arrived, arrivals) = mpsc::channel();
        let gates: Arc<Vec<Gate>> = Arc::new((0..6).map(|_| Gate::default()).collect());
        for _ in 0..6 {
            let (arrived, gates) = (arrived.clone(), Arc::clone(&gates));
            pool.execute(move || {
                let worker = current_worker().expect("a worker");
                arrived.send(worker).unwrap();
                gates[worker].pass();
            });
        }
        let held: BTreeSet<usize> = arrivals.iter().take(6).collect();
        assert_eq!(held, all);
        assert_eq!(pool.retire_workers(2), 2);
        assert_eq!((pool.workers(), pool.metrics().workers), (4, 4));
        // The lowest two finish first.
        gates[0].open();
        gates[1].open();
        let gone: BTreeSet<usize> = (0..2).map(|_| leavers.recv().unwrap()).collect();
        assert_eq!(gone, BTreeSet::from([0, 1]), "those that finish first leave");
        // Nothing new is begun by more than four.
        let begun = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&begun);
        pool.execute(move || tick(&counted));
        gates[5].open();
        until(|| begun.load(Ordering::Relaxed) == 1);
        gates[2..5].iter().for_each(Gate::open);
        pool.wait_idle().unwrap();
        assert_eq!(pool.workers(), 4);
        pool.shutdown().unwrap();
        balanced(&pool);
    });
}

/// The number of workers becomes what it was set to, up, down, and down and up again before any has left.
pub fn a_pool_is_resized_to_a_number<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let (pool, alive) = counted_pool(make(), name, 2);
        let alive = || alive.load(Ordering::Relaxed);
        for n in [5, 1, 3, 3, 4, 2] {
            pool.resize(n).unwrap();
            assert_eq!(pool.workers(), n);
            occupy(&pool).open();
            until(|| alive() == n);
        }
        let gate = occupy(&pool);
        pool.resize(1).unwrap();
        assert_eq!(pool.workers(), 1);
        pool.resize(2).unwrap();
        assert_eq!(pool.workers(), 2);
        gate.open();
        occupy(&pool).open();
        assert_eq!(alive(), 2, "both are still there: the second was kept");
        assert!(pool.resize(0).is_err());
        thread::scope(|scope| {
            for n in 1..=4 {
                let pool = &pool;
                scope.spawn(move || (0..5).for_each(|_| pool.resize(n).unwrap()));
            }
        });
        assert!((1..=4).contains(&pool.workers()));
        pool.resize(3).unwrap();
        until(|| alive() == 3);
        balanced(&pool);
    });
}
