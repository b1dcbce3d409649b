//! [`Inject`]: what a pool needs of its strategy where it does not know which one it is.

use crate::task::Task;

/// The shared half of a strategy, whichever that is.
pub(crate) trait Inject: Send + Sync {
    /// Whether the strategy says that it holds no item. If it panics, it says nothing to the contrary.
    fn is_empty(&self) -> bool;
    /// Accepts the ticket of a scope's shard from a thread that is not a worker of the pool. Never refuses: the scope's
    /// owner runs, so the pool has not ended.
    ///
    /// # Errors
    /// If the strategy panicked: the ticket is gone, and the panic has been reported.
    fn inject_ticket(&self, ticket: Task) -> Result<(), ()>;
}
