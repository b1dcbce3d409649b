//! [`Inject`]: what a pool needs of its strategy where it does not know which one it is.

use super::futures::WaitingFutures;
use crate::error::panic;
use crate::task::Task;
use std::any::Any;

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
    /// The pool's list of futures that wait for a wake.
    fn futures(&self) -> &WaitingFutures;
    /// Gives a payload to the pool's panic handler.
    fn report_panic(&self, payload: panic::Payload);
    /// Submits a task from a thread that is not a worker of the pool, or gives it back if the pool refuses it. `hint` is an
    /// `Option` of the strategy's hints; a `None` may be of any type.
    fn submit_from_outside(&self, task: Task, hint: &dyn Any) -> Result<(), Task>;
    /// Accepts a task that has been [counted](crate::ledger::Ledger::enter_anyway). Never unwinds.
    fn inject_counted(&self, task: Task);
}
