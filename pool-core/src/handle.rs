//! [`JoinHandle`]: the right to the result of a spawned task.

use crate::cell::{Holder, TaskResult};
use crate::context::Context;
use crate::wait::{self, Deadline};
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

/// Why a task left no value.
pub enum JoinError {
    /// It panicked. This is the payload.
    Panicked(Box<dyn Any + Send>),
    /// It never ran: [`JoinHandle::cancel`] was in time, or the pool gave it back unrun.
    Cancelled,
}

impl JoinError {
    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }

    /// Whether the task never ran.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }

    /// The payload of the panic, for [`std::panic::resume_unwind`].
    ///
    /// # Panics
    /// If the task did not panic.
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        match self {
            Self::Panicked(payload) => payload,
            Self::Cancelled => panic!("the task was cancelled, it did not panic"),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(payload) => f.debug_tuple("Panicked").field(&message(payload.as_ref())).finish(),
            Self::Cancelled => f.write_str("Cancelled"),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(payload) => write!(f, "the task panicked: {}", message(payload.as_ref())),
            Self::Cancelled => f.write_str("the task was cancelled before it started"),
        }
    }
}

impl std::error::Error for JoinError {}

/// The message of a panic, if its payload is one of the usual kinds.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "(a payload that is no text)"
    }
}

/// The right to the result of a task, from [`Pool::spawn`](crate::Pool::spawn) or [`spawn`](crate::spawn).
///
/// Three ways to use it: block with [`join`](Self::join), `.await` it on any executor, or drop it, which lets the task run
/// on unobserved.
///
/// A panic of the task after the handle was dropped goes to the pool's panic handler. A task that panicked *before*
/// that has left its payload to the handle: dropping the handle drops the payload, and nobody else is told, as with
/// [`std::thread::JoinHandle`]. So it is with a value, whose `Drop` then runs on the thread that drops the handle.
#[must_use = "dropping the handle detaches the task; `execute` says so and is cheaper"]
pub struct JoinHandle<R> {
    holder: Holder<R>,
}

impl<R> JoinHandle<R> {
    pub(crate) fn new(holder: Holder<R>) -> Self {
        Self { holder }
    }

    /// Waits for the task and returns what it left.
    ///
    /// On a worker of the same pool a task that has not started is run right here, so that waiting inside a task needs
    /// no free worker; one that already runs elsewhere is waited for asleep. Each nested `join` of an unstarted task
    /// takes stack, as deep as the program's own chain of waits. On any other thread, a worker of another pool
    /// included, it blocks.
    ///
    /// # Errors
    /// [`JoinError::Panicked`] with the payload, or [`JoinError::Cancelled`].
    pub fn join(mut self) -> Result<R, JoinError> {
        self.run_if_waiting();
        wait::for_task(&mut self.holder, Deadline::Never);
        self.finish()
    }

    /// Like [`join`](Self::join), but gives the handle back if the task has not ended after `limit`.
    ///
    /// With a limit, a task that has not started is not run here: it could take longer than that. A limit beyond what
    /// the clock can tell is none.
    ///
    /// # Errors
    /// The handle, if the time is over.
    pub fn join_timeout(mut self, limit: Duration) -> Result<Result<R, JoinError>, Self> {
        if wait::for_task(&mut self.holder, Deadline::after(limit)) { Ok(self.finish()) } else { Err(self) }
    }

    /// Cancels the task if it has not started, and drops its closure right here. `true` if so; a task that runs or ran is
    /// left alone.
    ///
    /// It leaves the pool's queue, and counts as cancelled in its metrics, when a worker comes to it.
    ///
    /// # Panics
    /// With whatever the `Drop` of the closure panics with; the task is cancelled all the same.
    pub fn cancel(&self) -> bool {
        self.holder.cancel()
    }

    /// Whether [`join`](Self::join) would return at once.
    pub fn is_finished(&self) -> bool {
        self.holder.is_finished()
    }

    /// On a worker of the task's pool: runs it here if nobody has started it.
    fn run_if_waiting(&self) {
        if self.holder.is_waiting() {
            Context::with(|context| {
                if let Some(context) = context {
                    context.run_now(|pool| self.holder.run_if_waiting(pool));
                }
            });
        }
    }

    fn finish(mut self) -> Result<R, JoinError> {
        outcome(self.holder.take_result())
    }
}

fn outcome<R>(result: Option<TaskResult<R>>) -> Result<R, JoinError> {
    match result {
        Some(Ok(value)) => Ok(value),
        Some(Err(payload)) => Err(JoinError::Panicked(payload)),
        None => Err(JoinError::Cancelled),
    }
}

impl<R> Future for JoinHandle<R> {
    type Output = Result<R, JoinError>;

    /// Never runs the task: a poll must not block. Polled again after it was ready, it reports `Cancelled`.
    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        if self.holder.set_waker(context.waker()) {
            Poll::Pending
        } else {
            Poll::Ready(outcome(self.holder.take_result()))
        }
    }
}

impl<R> fmt::Debug for JoinHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("is_finished", &self.is_finished()).finish()
    }
}
