//! What [`WorkStealing`] promises in situations that are worth a name.

use std::sync::Arc;

use pool_core::{Scheduler, Worker};
use pool_workstealing::{BATCH, OUTSIDE_EVERY, StealingWorker, WorkStealing};

fn scheduler() -> Arc<WorkStealing<u32>> {
    Arc::new(WorkStealing::new())
}

fn take(worker: &mut StealingWorker<u32>) -> Vec<u32> {
    std::iter::from_fn(|| worker.next()).collect()
}

/// yatp#69: batches turned the order round. What a worker takes in advance comes out as it came in, block ends included.
#[test]
fn batches_keep_the_submission_order() {
    let stealing = scheduler();
    let mut worker = stealing.attach(1);
    stealing.inject_batch(0..1_000, ());
    assert_eq!(take(&mut worker), (0..1_000).collect::<Vec<_>>());
}

/// A batch in the deque would lie below whatever is pushed later.
#[test]
fn a_batch_is_not_buried_under_local_work() {
    let stealing = scheduler();
    let mut worker = stealing.attach(1);
    stealing.inject_batch(0..BATCH as u32, ());
    assert_eq!(worker.next(), Some(0));
    let mut calls_for_each = Vec::new();
    let mut calls = 0;
    while calls_for_each.len() < BATCH - 1 {
        worker.push(1_000, ());
        worker.push(1_000, ());
        calls += 1;
        if worker.next().unwrap() < 1_000 {
            calls_for_each.push(calls);
            calls = 0;
        }
        assert!(calls <= OUTSIDE_EVERY, "an item from outside waits for more than {OUTSIDE_EVERY} local dispatches");
    }
    // The first call of this worker was before the loop.
    assert_eq!(calls_for_each[0], OUTSIDE_EVERY - 1);
    assert!(calls_for_each[1..].iter().all(|&calls| calls == OUTSIDE_EVERY));
}

/// A worker took a batch and blocks on the first item; another is busy with its own work for ever. The rest of the batch is
/// reached all the same, and so is what the blocked worker had pushed.
#[test]
fn what_a_blocked_worker_holds_is_reached_by_a_busy_one() {
    let stealing = scheduler();
    let mut blocked = stealing.attach(1);
    let mut busy = stealing.attach(2);
    stealing.inject_batch(0..10, ());
    blocked.push(10, ());
    assert_eq!(blocked.next(), Some(10));
    assert_eq!(blocked.next(), Some(0));
    blocked.push(10, ());
    let mut left: Vec<u32> = (1..=10).collect();
    let bound = 2 * OUTSIDE_EVERY * 2 * left.len();
    for _ in 0..bound {
        busy.push(1_000, ());
        busy.push(1_000, ());
        let item = busy.next().unwrap();
        left.retain(|&waiting| waiting != item);
    }
    assert_eq!(left, [], "not reached within {bound} dispatches");
}

#[test]
fn what_a_leaving_worker_held_goes_on_oldest_first() {
    let stealing = scheduler();
    let mut leaving = stealing.attach(1);
    stealing.inject_batch(0..5, ());
    assert_eq!(leaving.next(), Some(0));
    (10..15).for_each(|item| leaving.push(item, ()));
    leaving.retire();
    // 1 and 2 had been taken in advance, and join the queue behind 3 and 4.
    assert_eq!(take(&mut stealing.attach(2)), [3, 4, 1, 2, 10, 11, 12, 13, 14]);
}

#[test]
fn a_thief_of_many_takes_the_oldest_each_time() {
    let stealing = scheduler();
    let mut owner = stealing.attach(1);
    let mut thief = stealing.attach(2);
    (0..100).for_each(|item| owner.push(item, ()));
    assert_eq!(take(&mut thief), (0..100).collect::<Vec<_>>());
}

/// The choice of the first victim is random, but only by the seed.
#[test]
fn the_seed_decides_who_is_robbed() {
    let robbed = |seed| {
        let stealing = scheduler();
        let mut owners: Vec<_> = (0..8).map(|_| stealing.attach(0)).collect();
        for (at, owner) in owners.iter_mut().enumerate() {
            (0..4).for_each(|_| owner.push(at as u32, ()));
        }
        take(&mut stealing.attach(seed))
    };
    assert_eq!(robbed(1), robbed(1));
    assert!((2..10).any(|seed| robbed(seed) != robbed(1)), "the seed goes unused");
}

/// The list of workers changes all the time; each snapshot lets go of those that left.
#[test]
fn workers_come_and_go_by_the_thousand() {
    let stealing = scheduler();
    let mut resident = stealing.attach(0);
    for round in 0..5_000 {
        let mut visitor = stealing.attach(round);
        visitor.push(round as u32, ());
        if round % 2 == 0 {
            assert_eq!(resident.next(), Some(round as u32));
        } else {
            visitor.retire();
            assert_eq!(resident.next(), Some(round as u32));
        }
    }
    assert!(stealing.is_empty());
    assert!(format!("{stealing:?}").contains("workers: 1"), "{stealing:?}");
}
