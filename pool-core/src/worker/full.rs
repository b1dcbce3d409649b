//! What a pool, and a submission, say about a full pool.

use crate::strategy::Eviction;
use std::time::Duration;

/// What a [bounded](crate::Builder::capacity) pool does with a task from outside when it is full.
///
/// The `try_` methods never wait and never run the closure themselves: where `Block` or `CallerRuns` would, they give it back
/// with [`Rejection::Full`](crate::Rejection::Full). [`TaskBuilder::wait_for_room`](crate::TaskBuilder::wait_for_room) sets a limit in time instead,
/// whatever the policy.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// use pool_core::{Rejection, WhenFull};
/// use std::sync::mpsc;
///
/// let pool = my_strategy::Pool::builder().workers(1).capacity(1).when_full(WhenFull::Reject).build()?;
/// let (begun, has_begun) = mpsc::channel();
/// let (go_on, wait) = mpsc::channel::<()>();
/// pool.execute(move || {
///     begun.send(()).unwrap();
///     wait.recv().unwrap();
/// });
/// has_begun.recv()?;
/// pool.execute(|| println!("waits"));
/// assert_eq!(pool.try_execute(|| ()).unwrap_err().reason(), Rejection::Full);
/// go_on.send(())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhenFull {
    /// The submitter waits for room. The default: nothing is lost, and a pool that cannot keep up slows down its source.
    ///
    /// Threads that wait are not served in their order: one that comes in time may go before.
    #[default]
    Block,
    /// The task is refused: [`Rejection::Full`](crate::Rejection::Full).
    Reject,
    /// The submitter runs the task, outside the pool: there the free functions, such as [`scope`](crate::scope()), do not know
    /// the pool. What a task that is run so submits in turn comes in though the pool is full.
    CallerRuns,
    /// The task comes in, and the one that has waited longest is dropped unrun; its handle reports that it was cancelled. A
    /// strategy with several queues takes the oldest of one of them. If all that waits is such as an outside thread waits for, it
    /// goes to the end of the queue instead, and the task that comes in is refused.
    DiscardOldest,
    /// The task comes in, and the oldest of the least urgent is dropped unrun, as above. If none is less urgent than the one
    /// that comes in, that one is refused.
    DiscardLeastUrgent,
}

impl WhenFull {
    /// What it asks of the strategy.
    pub(crate) fn eviction(self) -> Option<Eviction> {
        match self {
            Self::Block | Self::Reject | Self::CallerRuns => None,
            Self::DiscardOldest => Some(Eviction::Oldest),
            Self::DiscardLeastUrgent => Some(Eviction::LeastUrgent),
        }
    }
}

/// What a submission says about a full pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfFull {
    /// As the pool's policy has it.
    Policy,
    /// As the pool's policy has it, but without waiting and without running the task.
    Try,
    /// To wait so long for room.
    Wait(Duration),
    /// To come in all the same: the submitter waits for the task, so each outside thread has one at most.
    Exceed,
}
