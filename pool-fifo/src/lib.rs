//! A worker pool that starts tasks strictly in submission order.
//!
//! ```
//! use pool_fifo::Pool;
//!
//! let pool = Pool::builder().workers(3).build()?;
//! let handles: Vec<_> = (1..=10_u64).map(|n| pool.spawn(move || n * n)).collect();
//! pool.execute(|| println!("starts after those ten"));
//! let squares: Result<Vec<u64>, _> = handles.into_iter().map(|handle| handle.join()).collect();
//! assert_eq!(squares?.iter().sum::<u64>(), 385);
//! pool.shutdown()?; // refuses from now on, runs what waits, ends the workers
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This one dependency is enough: all that a user of a pool can name is re-exported here, from `pool_core::user`.
//!
//! # What it is good for, and when to take a sibling
//!
//! Take it for fairness between submitters, for the shortest worst waiting time, or where order itself is the point. All
//! workers share one queue, and an idle worker takes the oldest task.
//!
//! - **Tasks that spawn tasks** (fork–join, recursion, tree walks): first in, first out goes through a tree breadth
//!   first, so the queue holds a whole level of it, and all workers meet at one queue. Take `pool-workstealing`.
//! - **Some tasks are urgent**: here they wait behind everything. Take `pool-priority`.
//!
//! # Order contract
//!
//! **First in, first out, for every submitter.** If the submission of `a` returned before that of `b` began, `a` is
//! dispatched before `b`, whichever threads submitted them and whichever worker takes them. Two submissions that overlap
//! in time have the order in which they entered the queue. A worker that submits puts its task behind everything that
//! already waits, as an outside thread does. With one worker the order of starts is also the order of ends; with several,
//! a later task may well end first.
//!
//! # Complexity
//!
//! | | |
//! |---|---|
//! | submit | O(1), one lock of the submitters' end; one allocation per [chunk](pool_core::strategy::chunks::ChunkQueue::CHUNK) |
//! | … by a worker, while little waits | O(1), one lock of the workers' end |
//! | a batch | the same, with one lock per chunk |
//! | dispatch | O(1), one lock of the workers' end; when that has run out, one of the other to fetch all that has come |
//! | [`is_empty`](Scheduler::is_empty) | one lock of the workers' end, and of the other if that has run out |
//!
//! The queue has two ends ([`SharedQueue`]). Submitters and workers meet only when the workers' end has run out. A worker
//! that took the last item puts its next one at the workers' end itself, if none waits at the other. No lock is held
//! longer than it takes to move one item or a chunk of a batch, or to fetch a list of chunks by exchanging pointers. An
//! item costs its own size in memory and next to nothing more: the queue is made of chunks that are never copied and go
//! back as soon as they are empty.
//!
//! Two ends with a lock each: Michael and Scott, *Simple, Fast, and Practical Non-Blocking and Blocking Concurrent Queue
//! Algorithms* (PODC 1996), section 3.

#![forbid(unsafe_code)]

use std::fmt;
use std::sync::Arc;

use pool_core::strategy::shared_queue::{QueueEnd, SharedQueue};
use pool_core::strategy::{Admit, Asking, Eviction};

#[doc(inline)]
pub use pool_core::user::*;

/// One shared queue, strictly first in, first out.
///
/// ```
/// use pool_fifo::{Fifo, Scheduler, Worker};
/// use std::sync::Arc;
///
/// let fifo = Arc::new(Fifo::default());
/// let mut worker = fifo.attach(0);
/// worker.push("first", None);
/// fifo.inject("second", None);
/// assert_eq!(worker.next(), Some("first"));
/// assert_eq!(worker.next(), Some("second"));
/// assert_eq!(worker.next(), None);
/// ```
pub struct Fifo<T = Task> {
    queue: SharedQueue<T>,
}

/// A pool that dispatches tasks in the order in which they were submitted.
pub type Pool = pool_core::Pool<Fifo>;

impl<T> Fifo<T> {
    /// An empty queue.
    ///
    /// ```
    /// use pool_fifo::{Fifo, Pool};
    ///
    /// let pool = Pool::builder_with(Fifo::new()).build()?;
    /// # Ok::<(), pool_fifo::BuildError>(())
    /// ```
    pub fn new() -> Self {
        Self { queue: SharedQueue::new() }
    }

    /// The number of waiting items: exact when nobody submits or takes, else a recent value. O(1).
    ///
    /// ```
    /// let pool = pool_fifo::Pool::new();
    /// println!("{} tasks wait", pool.scheduler().len());
    /// ```
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether no item waits.
    ///
    /// ```
    /// let pool = pool_fifo::Pool::new();
    /// pool.wait_idle()?;
    /// assert!(pool.scheduler().is_empty());
    /// # Ok::<(), pool_fifo::WaitError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Fifo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fifo").field("len", &self.len()).finish()
    }
}

impl<T: Send> Scheduler<T> for Fifo<T> {
    type Hint = ();
    type Worker = FifoWorker<T>;

    /// The seed goes unused: nothing here is random.
    fn attach(self: &Arc<Self>, _seed: u64) -> FifoWorker<T> {
        FifoWorker { shared: Arc::clone(self), end: QueueEnd::default() }
    }

    #[inline]
    fn inject(&self, item: T, _hint: Option<()>) {
        self.queue.push(item);
    }

    #[inline(always)]
    fn inject_if(&self, admit: impl FnOnce(Asking<'_>) -> Admit<T, ()>) {
        self.queue.push_if(admit);
    }

    fn inject_batch(&self, items: impl Iterator<Item = T>, _hint: Option<()>) {
        self.queue.push_all(items);
    }

    fn can_evict(&self, which: Eviction) -> bool {
        which == Eviction::Oldest
    }

    fn evict(&self, which: Eviction, _incoming: Option<&()>) -> Option<(T, Option<()>)> {
        let item = if which == Eviction::Oldest { self.queue.pop() } else { None };
        item.map(|item| (item, None))
    }

    /// By the locks of the queue.
    #[inline(always)]
    fn inject_is_ordered(&self) -> bool {
        true
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

/// A worker of [`Fifo`]. It holds nothing of its own, so retiring has nothing to give back.
pub struct FifoWorker<T = Task> {
    shared: Arc<Fifo<T>>,
    end: QueueEnd,
}

impl<T> fmt::Debug for FifoWorker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FifoWorker").finish_non_exhaustive()
    }
}

impl<T: Send> Worker<T> for FifoWorker<T> {
    type Hint = ();

    #[inline(always)]
    fn push(&mut self, item: T, _hint: Option<()>) {
        self.end.push(&self.shared.queue, item);
    }

    fn next(&mut self) -> Option<T> {
        self.try_next().or_else(|| self.shared.queue.pop())
    }

    #[inline(always)]
    fn try_next(&mut self) -> Option<T> {
        self.end.try_pop(&self.shared.queue)
    }

    /// By the locks of the queue.
    #[inline(always)]
    fn push_is_ordered(&self) -> bool {
        true
    }
}
