//! Keys whose own code panics: no task is lost, none runs twice, the books balance and the pool ends.

mod bare;
mod fates;
mod key;

use std::sync::Arc;

use pool_conformance::in_pool::{LIMIT, within};
use pool_priority::{Keyed, KeyedPool};

use fates::Fates;
use key::{Code, Fuse, Key, defuse};

const ROOTS: u32 = 300;
const BATCH: u32 = 20;

/// A pool whose panic handler counts the panics of keys.
fn pool(keyed: Keyed<Key>, workers: usize, fates: &Arc<Fates>) -> KeyedPool<Key> {
    let told = Arc::clone(fates);
    let handler = move |payload| {
        defuse(payload);
        told.report();
    };
    KeyedPool::builder_with(keyed).workers(workers).panic_handler(handler).build().unwrap()
}

/// Submissions with a key, without one, by a task that has a key, and in batches.
fn lose_no_task(code: Code, every: usize, workers: usize) {
    let fates = Arc::new(Fates::default());
    let fuse = Fuse::new(code, every);
    let pool = pool(Keyed::new().with_plain_key(fuse.key(ROOTS / 2)), workers, &fates);
    for n in 0..ROOTS {
        let (root, child, inside) = (fates.witness(), fates.witness(), Arc::clone(&fates));
        let task = move || {
            root.run();
            inside.submitting(|| pool_priority::execute(move || child.run()));
        };
        fates.submitting(|| match n % 3 {
            0 => pool.execute(task),
            _ => pool.task().hint(fuse.key(n * 7 % ROOTS)).execute(task),
        });
        if n % 50 == 0 {
            let batch: Vec<_> = (0..BATCH).map(|_| fates.witness()).map(|witness| move || witness.run()).collect();
            fates.submitting(|| pool.task().hint(fuse.key(n)).execute_batch(batch));
        }
    }
    pool.shutdown().unwrap();
    let metrics = pool.metrics();
    assert!(metrics.is_balanced() && metrics.waiting == 0, "{metrics:?}");
    assert_eq!(metrics.submitted, metrics.ended(), "{metrics:?}");
    assert_eq!((fates.ran() + fates.came_back(), fates.lost()), (fates.made(), 0), "{fates:?}, {metrics:?}");
    assert_eq!(metrics.completed as usize, fates.ran(), "{metrics:?}");
    assert!(fuse.panics() > 0, "the test comes by no panic");
    assert_eq!(
        fates.came_back() > 0,
        code == Code::Clone,
        "the submitter learns of a clone, and only of that: {fates:?}"
    );
    assert_eq!(fates.reported() > 0, code == Code::Drop, "the handler learns of a drop, and only of that: {fates:?}");
}

fn on_one_and_four_workers(code: Code) {
    for workers in [1, 4] {
        for every in [1, 2, 3, 7, 50, 200] {
            let name = format!("{code:?} panics at each {every}, {workers} workers");
            within(LIMIT, &name, move || lose_no_task(code, every, workers));
        }
    }
}

/// The key of a task was dropped after the next one had been taken: that one was lost, and `shutdown` hung.
#[test]
fn a_key_that_panics_when_it_is_dropped_loses_no_task() {
    on_one_and_four_workers(Code::Drop);
}

#[test]
fn a_key_that_panics_when_it_is_cloned_loses_no_task() {
    on_one_and_four_workers(Code::Clone);
}

#[test]
fn a_key_that_panics_when_it_is_compared_loses_no_task() {
    on_one_and_four_workers(Code::Ord);
}

/// What waits comes back though each key that is dropped on the way panics.
#[test]
fn shutdown_now_hands_everything_back() {
    for workers in [1, 4] {
        within(LIMIT, "shutdown_now", move || {
            let fates = Arc::new(Fates::default());
            let fuse = Fuse::new(Code::Drop, 1);
            let pool = pool(Keyed::new(), workers, &fates);
            for n in 0..ROOTS {
                let witness = fates.witness();
                pool.task().hint(fuse.key(n)).execute(move || witness.run());
            }
            let unrun = pool.shutdown_now().unwrap();
            let metrics = pool.metrics();
            assert!(metrics.is_balanced() && metrics.waiting == 0, "{metrics:?}");
            assert_eq!((metrics.returned as usize, metrics.cancelled), (unrun.len(), 0), "{metrics:?}");
            unrun.into_iter().for_each(|task| task.run());
            assert_eq!(fates.ran(), ROOTS as usize);
        });
    }
}

/// The last worker to look must not take the panic for a look that found nothing: workers that leave while it happens
/// leave nothing behind.
#[test]
fn workers_that_leave_lose_nothing() {
    within(LIMIT, "retiring", || {
        let fates = Arc::new(Fates::default());
        let fuse = Fuse::new(Code::Drop, 2);
        let pool = pool(Keyed::new(), 4, &fates);
        for n in 0..2_000 {
            let witness = fates.witness();
            pool.task().hint(fuse.key(n)).execute(move || witness.run());
            match n % 100 {
                30 => drop(pool.retire_workers(3)),
                60 => pool.add_workers(3).unwrap(),
                _ => {}
            }
        }
        pool.shutdown().unwrap();
        let metrics = pool.metrics();
        assert!(metrics.is_balanced(), "{metrics:?}");
        assert_eq!((metrics.completed, fates.ran()), (2_000, 2_000), "{metrics:?}");
        assert!(fates.reported() > 0);
    });
}

/// The key of a batch is dropped when all of the batch waits: a panic then must not say that one item was not accepted.
#[test]
fn the_key_of_a_batch_panics_when_all_of_it_is_in() {
    within(LIMIT, "a batch", || {
        let fates = Arc::new(Fates::default());
        let fuse = Fuse::new(Code::Drop, 1);
        let pool = pool(Keyed::new(), 1, &fates);
        let batch: Vec<_> = (0..5).map(|_| fates.witness()).map(|witness| move || witness.run()).collect();
        pool.task().hint(fuse.key(1)).execute_batch(batch);
        pool.shutdown().unwrap();
        let metrics = pool.metrics();
        assert_eq!((metrics.submitted, metrics.completed, metrics.cancelled), (5, 5, 0), "{metrics:?}");
    });
}
