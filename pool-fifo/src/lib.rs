//! A worker pool that dispatches tasks strictly in submission order.
//!
//! All workers share one queue. A worker that pushes puts its item behind everything that already waits, as an outside
//! thread does.
//!
//! # Order contract
//!
//! **First in, first out, for everybody.** If the submission of `a` returned before that of `b` began, `a` is dispatched
//! before `b`, whoever submitted them and whichever worker takes them. Two submissions that overlap in time have the order
//! in which they entered the queue. With one worker that is also the order in which tasks end; with several, a later task
//! may well end first.
//!
//! # Complexity
//!
//! | | |
//! |---|---|
//! | submit | O(1), one lock of the submitters' end; one allocation per [chunk](pool_core::chunks::ChunkQueue::CHUNK) |
//! | … by a worker, while little waits | O(1), one lock of the workers' end |
//! | a batch | the same, with one lock per chunk |
//! | dispatch | O(1), one lock of the workers' end; when that has run out, one of the other to fetch all that has come |
//! | [`is_empty`](Scheduler::is_empty) | one lock of the workers' end, and of the other if that has run out |
//!
//! Submitters and workers meet only when the workers' end has run out. A worker that took the last item puts its next at the
//! workers' end itself, if nothing waits at the other. No lock is held longer than it takes to move one
//! item or a chunk of a batch, or to fetch a list of chunks by exchanging pointers. An item costs its own size in memory
//! and next to nothing more: the queue is made of chunks that are never copied and go back as soon as they are empty.
//!
//! Two ends with a lock each: Michael and Scott, *Simple, Fast, and Practical Non-Blocking and Blocking Concurrent Queue
//! Algorithms* (PODC 1996), section 3.
//!
//! # When not to take it
//!
//! - **Tasks that spawn tasks** (fork–join, recursion, tree walks): first in, first out goes through a tree breadth first,
//!   so the queue holds a whole level of it, and all workers meet at one queue. Take `pool-workstealing`.
//! - **Some tasks are urgent**: here they wait behind everything. Take `pool-priority`.
//!
//! Take it for fairness between submitters, for the shortest worst waiting time, or where order itself is the point.

#![forbid(unsafe_code)]

use std::fmt;
use std::sync::Arc;

use pool_core::shared_queue::SharedQueue;
use pool_core::{Admission, Scheduler, Task, Worker};

pub use pool_core::{
    BuildError, Builder, JoinError, JoinHandle, Metrics, Rejected, Scope, ShutdownError, current_worker, execute, join,
    scope, spawn,
};

/// One shared queue, strictly first in, first out.
///
/// ```
/// use pool_core::{Scheduler, Worker};
/// use pool_fifo::Fifo;
/// use std::sync::Arc;
///
/// let fifo = Arc::new(Fifo::default());
/// let mut worker = fifo.attach(0);
/// worker.push("first", ());
/// fifo.inject("second", ());
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
    pub fn new() -> Self {
        Self { queue: SharedQueue::new() }
    }

    /// The number of waiting items: exact when nobody submits or takes, else a recent value. O(1).
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether no item waits.
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

    /// By the locks of the queue.
    const INJECT_IS_ORDERED: bool = true;

    /// The seed goes unused: nothing here is random.
    fn attach(self: &Arc<Self>, _seed: u64) -> FifoWorker<T> {
        FifoWorker { shared: Arc::clone(self), drained: false }
    }

    #[inline]
    fn inject(&self, item: T, (): ()) {
        self.queue.push(item);
    }

    #[inline]
    fn inject_if(&self, item: T, (): (), admission: impl Admission) -> Result<(), T> {
        self.queue.push_if(item, || admission.ask_alone())
    }

    fn pass(&self) {
        self.queue.pass();
    }

    fn inject_batch(&self, items: impl Iterator<Item = T>, (): ()) {
        self.queue.push_all(items);
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

/// A worker of [`Fifo`]. It holds nothing of its own, so retiring has nothing to give back.
pub struct FifoWorker<T = Task> {
    shared: Arc<Fifo<T>>,
    /// What the queue noted at this worker's last `try_pop`.
    drained: bool,
}

impl<T> fmt::Debug for FifoWorker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FifoWorker").finish_non_exhaustive()
    }
}

impl<T: Send> Worker<T> for FifoWorker<T> {
    type Hint = ();

    /// By the locks of the queue.
    const PUSH_IS_ORDERED: bool = true;

    #[inline(always)]
    fn push(&mut self, item: T, (): ()) {
        self.shared.queue.push_near(item, self.drained);
    }

    fn next(&mut self) -> Option<T> {
        self.try_next().or_else(|| self.shared.queue.pop())
    }

    #[inline]
    fn try_next(&mut self) -> Option<T> {
        self.shared.queue.try_pop(&mut self.drained)
    }

    fn retire(self) {}
}
