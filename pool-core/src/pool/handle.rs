//! [`JoinHandle`]: the right to the result of a spawned task.

use crate::error::JoinError;
use crate::sync::{Deadline, is_inherited};
use crate::task::cell::Holder;
use crate::task::token::Entered;
use crate::task::wait;
use crate::worker::{Context, Life, STARTING, life_in};
use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Poll, Waker};
use std::time::Duration;

/// The right to the result of a task, from [`Pool::spawn`](crate::Pool::spawn) or [`spawn`](crate::spawn).
///
/// Three ways to use it: block with [`join`](Self::join), `.await` it on any executor, or drop it, which lets the task run
/// on unobserved.
///
/// A panic of the task after the handle was dropped goes to the pool's panic handler. A task that panicked *before*
/// that has left its payload to the handle: dropping the handle drops the payload, and nothing else reports it, as with
/// [`std::thread::JoinHandle`]. The same holds for a value, whose `Drop` then runs on the thread that drops the handle.
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
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// assert_eq!(pool.spawn(|| 42).join()?, 42);
    /// # Ok::<(), pool_core::JoinError>(())
    /// ```
    ///
    /// On a worker of the same pool a task that has not started is run right here, so that waiting inside a task needs
    /// no free worker; one that already runs elsewhere is waited for asleep. Each nested `join` of an unstarted task
    /// takes stack, as deep as the program's own chain of waits. On any other thread, a worker of another pool
    /// included, it blocks.
    ///
    /// # Errors
    /// If the task panicked, with the payload; if it was cancelled, or handed back by
    /// [`shutdown_now`](crate::Pool::shutdown_now); in a child process, if the pool belongs to its parent.
    ///
    /// # Panics
    /// In [`Builder::on_start`](crate::Builder::on_start) of the task's own pool, unless the task has ended: perhaps no
    /// worker is there yet.
    #[track_caller]
    pub fn join(mut self) -> Result<R, JoinError> {
        self.run_if_waiting();
        self.assert_may_wait();
        wait::for_task(&mut self.holder, Deadline::Never);
        self.finish()
    }

    /// Like [`join`](Self::join), but gives the handle back if the task has not ended after `limit`.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use std::time::Duration;
    ///
    /// let pool = my_strategy::Pool::new();
    /// match pool.spawn(|| 42).join_timeout(Duration::from_secs(60)) {
    ///     Ok(result) => assert_eq!(result?, 42),
    ///     Err(handle) => drop(handle), // not yet: the task runs on
    /// }
    /// # Ok::<(), pool_core::JoinError>(())
    /// ```
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
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let handle = pool.spawn(|| 42);
    /// if handle.cancel() {
    ///     assert!(handle.join().unwrap_err().is_cancelled());
    /// }
    /// ```
    ///
    /// # Panics
    /// With whatever the `Drop` of the closure panics with; the task is cancelled nevertheless.
    pub fn cancel(&self) -> bool {
        self.holder.cancel()
    }

    /// Whether [`join`](Self::join) would return at once.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let handle = pool.spawn(|| 42);
    /// pool.wait_idle()?;
    /// assert!(handle.is_finished());
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    pub fn is_finished(&self) -> bool {
        self.holder.is_over() || self.is_inherited()
    }

    /// On a worker of the task's pool: runs it here if it has not started. `true` if so.
    pub(crate) fn run_if_waiting(&self) -> bool {
        self.holder.is_waiting()
            && Context::with(|context| {
                context.is_some_and(|context| {
                    // The token of the task that waits is not that of the task that it waits for.
                    let _entered = Entered::without_token();
                    context.run_now(|pool| self.holder.run_if_waiting(pool))
                })
            })
    }

    /// Panics in a hook that runs before the thread is a worker of the task's pool, if the task has not ended.
    #[track_caller]
    pub(crate) fn assert_may_wait(&self) {
        if life_in(self.holder.pool()) == Some(Life::Starting) && !self.holder.is_over() {
            panic!("{STARTING}");
        }
    }

    /// Whether the task belongs to a pool of the process that this one was forked from.
    pub(crate) fn is_inherited(&self) -> bool {
        is_inherited(self.holder.pool())
    }

    /// Leaves `waker` to be woken when there is nothing left to wait for. `false` if that is so now.
    pub(crate) fn set_waker(&mut self, waker: &Waker) -> bool {
        self.holder.set_waker(waker)
    }

    /// The result of a task that [is finished](Self::is_finished).
    pub(crate) fn finish(mut self) -> Result<R, JoinError> {
        self.take_outcome()
    }

    /// What a task left for which there is nothing to wait.
    fn take_outcome(&mut self) -> Result<R, JoinError> {
        match self.holder.take_result() {
            Some(Ok(value)) => Ok(value),
            Some(Err(payload)) => Err(JoinError::unwound(payload)),
            None => Err(self.why_none()),
        }
    }

    #[cold]
    fn why_none(&self) -> JoinError {
        // First, since a task that was handed back may be running by hand, and is not over then.
        if self.holder.is_withdrawn() {
            JoinError::returned()
        } else if !self.holder.is_over() {
            JoinError::forked()
        } else {
            JoinError::cancelled()
        }
    }
}

// What a panic could leave half done behind a handle is the task's own, and `join` reports it.
impl<R> UnwindSafe for JoinHandle<R> {}
impl<R> RefUnwindSafe for JoinHandle<R> {}

impl<R> Future for JoinHandle<R> {
    type Output = Result<R, JoinError>;

    /// Never runs the task: a poll must not block. Polled again after it was ready, it reports that the task was cancelled.
    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        if !self.is_inherited() && self.set_waker(context.waker()) {
            Poll::Pending
        } else {
            Poll::Ready(self.take_outcome())
        }
    }
}

impl<R> fmt::Debug for JoinHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("is_finished", &self.is_finished()).finish()
    }
}
