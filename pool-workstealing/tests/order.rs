//! What [`WorkStealing`] promises in situations that are worth a name.

use std::sync::Arc;

use pool_core::{Scheduler, Worker};
use pool_workstealing::{OUTSIDE_EVERY, StealingWorker, WorkStealing};

fn scheduler() -> Arc<WorkStealing<u32>> {
    Arc::new(WorkStealing::new())
}

fn take(worker: &mut StealingWorker<u32>) -> Vec<u32> {
    std::iter::from_fn(|| worker.next()).collect()
}

/// yatp#69: batches turned the order round. What comes as a batch goes as it came.
#[test]
fn batches_keep_the_submission_order() {
    let stealing = scheduler();
    let mut worker = stealing.attach(1);
    stealing.inject_batch(0..1_000, None);
    assert_eq!(take(&mut worker), (0..1_000).collect::<Vec<_>>());
}

#[test]
fn outside_work_is_not_buried_under_local_work() {
    const OUTSIDE: u32 = 16;
    let stealing = scheduler();
    let mut worker = stealing.attach(1);
    stealing.inject_batch(0..OUTSIDE, None);
    for expected in 0..OUTSIDE {
        for call in 1.. {
            worker.push(1_000, None);
            worker.push(1_000, None);
            let item = worker.next().unwrap();
            if item < 1_000 {
                assert_eq!((item, call), (expected, OUTSIDE_EVERY));
                break;
            }
            assert!(call < OUTSIDE_EVERY, "{expected} waits for more than {OUTSIDE_EVERY} local dispatches");
        }
    }
}

/// A worker pushes an item and blocks; another is busy with its own work for ever.
#[test]
fn what_a_blocked_worker_holds_is_reached_by_a_busy_one() {
    let stealing = scheduler();
    let mut blocked = stealing.attach(1);
    let mut busy = stealing.attach(2);
    stealing.inject_batch(0..9, None);
    blocked.push(9, None);
    let mut left: Vec<u32> = (0..10).collect();
    let bound = 2 * OUTSIDE_EVERY * left.len();
    for _ in 0..bound {
        busy.push(1_000, None);
        busy.push(1_000, None);
        let item = busy.next().unwrap();
        left.retain(|&waiting| waiting != item);
    }
    assert_eq!(left, [], "not reached within {bound} dispatches");
}

#[test]
fn what_a_leaving_worker_held_goes_on_oldest_first() {
    let stealing = scheduler();
    let mut leaving = stealing.attach(1);
    stealing.inject_batch(0..3, None);
    assert_eq!(leaving.next(), Some(0));
    (10..15).for_each(|item| leaving.push(item, None));
    leaving.retire();
    assert_eq!(take(&mut stealing.attach(2)), [1, 2, 10, 11, 12, 13, 14]);
}

#[test]
fn a_thief_of_many_takes_the_oldest_each_time() {
    let stealing = scheduler();
    let mut owner = stealing.attach(1);
    let mut thief = stealing.attach(2);
    (0..100).for_each(|item| owner.push(item, None));
    assert_eq!(take(&mut thief), (0..100).collect::<Vec<_>>());
}

/// The choice of the first victim is random, but only by the seed.
#[test]
fn the_seed_decides_which_worker_is_robbed() {
    let robbed = |seed| {
        let stealing = scheduler();
        let mut owners: Vec<_> = (0..8).map(|_| stealing.attach(0)).collect();
        for (at, owner) in owners.iter_mut().enumerate() {
            (0..4).for_each(|_| owner.push(at as u32, None));
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
        visitor.push(round as u32, None);
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
