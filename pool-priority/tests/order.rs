//! What [`Priority`] and [`Keyed`] promise in situations that are worth a name.

use std::cmp::Reverse;
use std::sync::Arc;

use pool_core::{Scheduler, Worker};
use pool_priority::{Keyed, Level, MAX_LEVELS, Priority};

fn take<T: Send>(worker: &mut impl Worker<T>) -> Vec<T> {
    std::iter::from_fn(|| worker.next()).collect()
}

/// BS::thread_pool: equal priorities lost their submission order.
#[test]
fn equal_priorities_keep_their_submission_order() {
    let levels = Arc::new(Priority::new());
    let keyed = Arc::new(Keyed::<u8, u32>::new());
    for item in 0..1_000 {
        levels.inject(item, Some(Level::LOW));
        keyed.inject(item, Some(7));
    }
    let expected: Vec<u32> = (0..1_000).collect();
    assert_eq!(take(&mut levels.attach(0)), expected);
    assert_eq!(take(&mut keyed.attach(0)), expected);
}

/// yatp#69: a worker that took a batch of low urgency did not see what came after it.
#[test]
fn batches_do_not_invert_priorities() {
    let levels = Arc::new(Priority::new());
    let mut worker = levels.attach(0);
    levels.inject_batch(0..500, Some(Level::BACKGROUND));
    assert_eq!(worker.next(), Some(0));
    levels.inject(1_000, Some(Level::HIGH));
    assert_eq!(worker.next(), Some(1_000));
    assert_eq!(worker.next(), Some(1));
}

#[test]
fn thousands_of_urgent_items_pass_a_million_in_the_background() {
    let levels = Arc::new(Priority::new());
    let mut worker = levels.attach(0);
    levels.inject_batch(0..1_000_000_u32, Some(Level::BACKGROUND));
    for urgent in 2_000_000..2_010_000 {
        levels.inject(urgent, Some(Level::HIGH));
        assert_eq!(worker.next(), Some(urgent));
    }
    assert_eq!(worker.next(), Some(0));
}

#[test]
fn an_item_is_overtaken_just_as_often_as_its_slack_allows() {
    const SLACK: u32 = 100;
    let levels = Arc::new(Priority::with_slacks(&[0, u64::from(SLACK)]));
    let mut worker = levels.attach(0);
    levels.inject(0, Some(Level::NORMAL));
    (1..=2 * SLACK).for_each(|urgent| levels.inject(urgent, Some(Level::HIGH)));
    let order = take(&mut worker);
    assert_eq!(order.iter().position(|&item| item == 0), Some(SLACK as usize));
}

/// An item that was submitted before does not count as having overtaken.
#[test]
fn older_urgent_items_use_up_no_slack() {
    let levels = Arc::new(Priority::with_slacks(&[0, 1]));
    let mut worker = levels.attach(0);
    (0..50).for_each(|urgent| levels.inject(urgent, Some(Level::HIGH)));
    levels.inject(100, Some(Level::NORMAL));
    levels.inject(50, Some(Level::HIGH));
    levels.inject(51, Some(Level::HIGH));
    let order = take(&mut worker);
    assert_eq!(order[49..], [49, 50, 100, 51]);
}

#[test]
fn levels_beyond_the_last_mean_the_last() {
    let levels = Arc::new(Priority::with_slacks(&[0, 1_000]));
    let mut worker = levels.attach(0);
    levels.inject("one", Some(Level::NORMAL));
    levels.inject("far beyond", Some(Level::new(u8::MAX)));
    levels.inject("urgent", Some(Level::HIGH));
    assert_eq!(levels.slack(Level::BACKGROUND), 1_000);
    assert_eq!(take(&mut worker), ["urgent", "one", "far beyond"]);
}

#[test]
fn as_many_levels_as_bits() {
    let levels = Arc::new(Priority::with_slacks(&[u64::MAX; MAX_LEVELS]));
    let mut worker = levels.attach(0);
    (0..MAX_LEVELS as u8).rev().for_each(|level| levels.inject(level, Some(Level::new(level))));
    assert_eq!(take(&mut worker), (0..MAX_LEVELS as u8).collect::<Vec<_>>());
}

#[test]
#[should_panic(expected = "1 to 64 levels")]
fn more_levels_than_bits() {
    let _ = Priority::<u8>::with_slacks(&[0; MAX_LEVELS + 1]);
}

#[test]
fn a_part_is_as_urgent_as_the_work_that_it_is_part_of() {
    let levels = Arc::new(Priority::new());
    let mut worker = levels.attach(0);
    levels.inject("urgent", Some(Level::HIGH));
    levels.inject("normal", Some(Level::NORMAL));
    assert_eq!(worker.next(), Some("urgent"));
    worker.push("part of the urgent", None);
    worker.push("new work", Some(Level::NORMAL));
    assert_eq!(take(&mut worker), ["part of the urgent", "normal", "new work"]);
}

/// A batch's iterator may itself submit: it must not run under the lock.
#[test]
fn a_batch_may_submit_while_it_is_made() {
    let levels = Arc::new(Priority::new());
    let inner = Arc::clone(&levels);
    levels.inject_batch((0..600).inspect(move |&item| inner.inject(item + 1_000, Some(Level::HIGH))), Some(Level::LOW));
    let order = take(&mut levels.attach(0));
    assert_eq!(order.len(), 1_200);
    assert!(order[..600].is_sorted() && order[0] == 1_000, "the urgent first, in their order");
    assert!(order[600..].is_sorted() && order[600] == 0);
}

#[test]
fn the_largest_key_first_through_reverse() {
    let keyed = Arc::new(Keyed::<Reverse<u32>, &str>::new());
    keyed.inject("small", Some(Reverse(1)));
    keyed.inject("large", Some(Reverse(9)));
    assert_eq!(take(&mut keyed.attach(0)), ["large", "small"]);
}

/// A key whose comparison panics when it meets another like it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Touchy(u32);

impl Ord for Touchy {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        if self.0 % 7 == 3 && other.0 % 7 == 3 {
            std::panic::resume_unwind(Box::new("touchy"));
        }
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Touchy {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[test]
fn a_comparison_that_panics_loses_nothing() {
    let keyed = Arc::new(Keyed::<Touchy, u32>::new());
    let mut worker = keyed.attach(0);
    for item in 0..500 {
        keyed.inject(item, Some(Touchy(item * 31 % 500)));
    }
    let mut all = take(&mut worker);
    assert!(keyed.is_empty());
    all.sort_unstable();
    assert_eq!(all, (0..500).collect::<Vec<_>>());
}

#[test]
fn keyed_items_come_out_sorted_by_the_hundred_thousand() {
    let keyed = Arc::new(Keyed::<u32, (u32, u32)>::new());
    let mut worker = keyed.attach(0);
    for seq in 0..200_000_u32 {
        let key = seq.wrapping_mul(2_654_435_761) >> 20;
        keyed.inject((key, seq), Some(key));
    }
    let order = take(&mut worker);
    assert_eq!(order.len(), 200_000);
    assert!(order.is_sorted(), "by key, then by submission");
}
