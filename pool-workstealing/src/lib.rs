//! A work-stealing worker pool: a deque per worker, seeded victims, a bounded delay for outside work.
//!
//! ```
//! use pool_workstealing::{Pool, join};
//!
//! fn sum(numbers: &[u64]) -> u64 {
//!     if numbers.len() < 1_000 {
//!         return numbers.iter().sum();
//!     }
//!     let (left, right) = numbers.split_at(numbers.len() / 2);
//!     let (left, right) = join(|| sum(left), || sum(right));
//!     left + right
//! }
//! let numbers: Vec<u64> = (1..=100_000).collect();
//! let pool = Pool::builder().workers(2).build()?;
//! assert_eq!(pool.install(|| sum(&numbers)), 5_000_050_000);
//! # Ok::<(), pool_workstealing::BuildError>(())
//! ```
//!
//! This one dependency is enough: all that a user of a pool can name is re-exported here, from `pool_core::user`.
//!
//! # What it is good for, and when to take a sibling
//!
//! Take it for tasks that spawn tasks: recursion, trees, divide and conquer. Each worker keeps the tasks that it submits
//! in a deque of its own, so the common case touches no shared queue. A worker that runs out takes from the outside
//! queue, then steals from another worker.
//!
//! - **All tasks come from outside, and each is small**: every item passes the outside queue anyhow, and the deques stay
//!   empty. `pool-fifo` does the same with less.
//! - **Order matters between submitters, or the longest waiting time does**: newest first keeps the oldest own item
//!   waiting as long as its worker finds newer ones and no other worker is idle. Take `pool-fifo`.
//! - **Some tasks are urgent**: take `pool-priority`.
//!
//! # Order contract
//!
//! 1. **Own work newest first.** A worker takes the item it pushed last.
//! 2. **Thieves oldest first.** A thief takes the item that has lain longest in its victim's deque: in fork–join that is
//!    the largest piece.
//! 3. **Outside work in submission order, and soon.** Items from outside lie in one queue, first in, first out. A worker
//!    without local work takes from there before it steals. One with local work without end looks elsewhere on every
//!    [`OUTSIDE_EVERY`]-th call for an item: by turns at the outside queue, and first at the deque of one other worker,
//!    going round the workers, so that what lies with a worker that blocks is reached, too. With `m` items before it, an
//!    outside item is dispatched after at most `2 · OUTSIDE_EVERY · (m + 1)` dispatches of any one worker that does not
//!    block; with one worker and nothing before it, after
//!    [`OUTSIDE_EVERY`].
//! 4. What a retiring worker held becomes outside work, oldest first.
//!
//! Among workers nothing else is promised: two items from outside may start in either order on two workers.
//!
//! # Complexity
//!
//! | | |
//! |---|---|
//! | push by a worker | O(1) amortised, no atomic read-modify-write |
//! | own dispatch | O(1), one fence |
//! | submit from outside | O(1), one lock of the submitters' end of the queue |
//! | dispatch of outside work | O(1), one lock of the workers' end |
//! | steal | O(1) when there is much to steal, O(workers) when there is little |
//! | the promise that nothing waits | a look at each of the workers + 1 places |
//!
//! # Memory
//!
//! After a flood the memory goes back: that of the outside queue as its items are taken, that of a deque as its owner
//! takes from it. If thieves empty a deque, its owner gives the room back before it next sleeps, or within
//! [`OUTSIDE_EVERY`] calls for an item. An owner that blocks in a task cannot do so before the task ends, and a thief cannot
//! do it for the owner. Other workers let go of the old deque before they sleep, or within twice as many calls; one that
//! blocks keeps it until its task ends.
//!
//! # Sources
//!
//! The deque is [`crossbeam_deque`]'s, after Chase and Lev, *Dynamic Circular Work-Stealing Deque* (SPAA 2005), with the
//! orderings of Lê, Pop, Cohen and Zappa Nardelli, *Correct and Efficient Work-Stealing for Weak Memory Models* (PPoPP 2013).
//! The outside queue is a [`SharedQueue`]. Random victims: Blumofe and Leiserson, *Scheduling Multithreaded Computations by
//! Work Stealing* (JACM 1999).

#![forbid(unsafe_code)]

mod members;
mod random;
mod transit;
mod worker;

use std::fmt;
use std::sync::Arc;

use pool_core::strategy::shared_queue::SharedQueue;
use pool_core::strategy::{Admit, Asking, Eviction};

use members::{Member, Members};
#[doc(inline)]
pub use pool_core::user::*;
use transit::{Patience, Transit};
pub use worker::StealingWorker;

/// A pool whose workers steal from each other.
pub type Pool = pool_core::Pool<WorkStealing>;

/// A worker looks beyond its own deque at one in this many calls for an item, however much local work it has.
///
/// A look costs about as much as a dispatch, so the price is about one part in this number. A power of two.
pub const OUTSIDE_EVERY: usize = 64;

/// A deque per worker and one queue for items from outside.
///
/// ```
/// use pool_workstealing::{Scheduler, WorkStealing, Worker};
/// use std::sync::Arc;
///
/// let stealing = Arc::new(WorkStealing::default());
/// let mut owner = stealing.attach(1);
/// let mut thief = stealing.attach(2);
/// for item in ["oldest", "middle", "newest"] {
///     owner.push(item, None);
/// }
/// assert_eq!(thief.next(), Some("oldest"));
/// assert_eq!(owner.next(), Some("newest"));
/// drop(owner);
/// assert_eq!(thief.next(), Some("middle"), "what a worker leaves behind goes on");
/// ```
pub struct WorkStealing<T = Task> {
    outside: SharedQueue<T>,
    members: Members<T>,
    transit: Transit,
}

impl<T> WorkStealing<T> {
    /// No workers, no items.
    ///
    /// ```
    /// use pool_workstealing::{Pool, WorkStealing};
    ///
    /// let pool = Pool::builder_with(WorkStealing::new()).build()?;
    /// # Ok::<(), pool_workstealing::BuildError>(())
    /// ```
    pub fn new() -> Self {
        Self { outside: SharedQueue::new(), members: Members::new(), transit: Transit::new() }
    }
}

impl<T> Default for WorkStealing<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for WorkStealing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkStealing")
            .field("outside", &self.outside.len())
            .field("workers", &self.members.snapshot().1.len())
            .finish()
    }
}

impl<T: Send> Scheduler<T> for WorkStealing<T> {
    type Hint = ();
    type Worker = StealingWorker<T>;

    fn attach(self: &Arc<Self>, seed: u64) -> StealingWorker<T> {
        StealingWorker::new(Arc::clone(self), seed)
    }

    #[inline]
    fn inject(&self, item: T, _hint: Option<()>) {
        self.outside.push(item);
    }

    #[inline(always)]
    fn inject_if(&self, admit: impl FnOnce(Asking<'_>) -> Admit<T, ()>) {
        self.outside.push_if(admit);
    }

    fn inject_batch(&self, items: impl Iterator<Item = T>, _hint: Option<()>) {
        self.outside.push_all(items);
    }

    fn is_empty(&self) -> bool {
        let mut patience = Patience::new();
        loop {
            match self.look() {
                Look::Something => return false,
                Look::Nothing => return true,
                Look::Unsure => patience.pass(&self.transit),
            }
        }
    }

    fn can_evict(&self, which: Eviction) -> bool {
        which == Eviction::Oldest
    }

    /// The oldest of the outside queue; if that is empty, the oldest of the first worker whose deque is not. O(workers).
    fn evict(&self, which: Eviction, _incoming: Option<&()>) -> Option<(T, Option<()>)> {
        if which != Eviction::Oldest {
            return None;
        }
        let item = self.outside.pop().or_else(|| self.members.snapshot().1.iter().find_map(Member::steal));
        item.map(|item| (item, None))
    }

    /// By the locks of the outside queue.
    #[inline(always)]
    fn inject_is_ordered(&self) -> bool {
        true
    }
}

/// What one look at all places gave.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
enum Look {
    Something,
    /// All places were seen empty, and nothing was on its way between them.
    Nothing,
    /// All places were seen empty, but something moved meanwhile.
    Unsure,
}

impl<T> WorkStealing<T> {
    fn look(&self) -> Look {
        let arrived = self.transit.arrived();
        if !self.outside.is_empty() || self.members.hold_something() {
            Look::Something
        } else if self.transit.none_since(arrived) {
            Look::Nothing
        } else {
            Look::Unsure
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_look_during_a_move_promises_nothing() {
        let stealing = WorkStealing::<u32>::new();
        assert_eq!(stealing.look(), Look::Nothing);
        let moving = stealing.transit.depart();
        assert_eq!(stealing.look(), Look::Unsure);
        stealing.inject(7, None);
        assert_eq!(stealing.look(), Look::Something);
        assert_eq!(stealing.outside.pop(), Some(7));
        drop(moving);
        assert_eq!(stealing.look(), Look::Nothing);
    }
}
