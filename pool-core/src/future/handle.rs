//! [`FutureHandle`]: the right to the result of a future that a pool polls.

use super::cell::Observed;
use super::header::Header;
use super::state::Join;
use crate::error::JoinError;
use crate::sync::Deadline;
use crate::task::cell::TaskResult;
use crate::task::wait;
use crate::worker::{Context, Life, STARTING, life_in};
use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// The right to the result of a future that a pool polls, from [`Pool::spawn_future`](crate::Pool::spawn_future).
///
/// As a [`JoinHandle`](crate::JoinHandle) it can be blocked on with [`join`](Self::join), awaited on any executor, or dropped,
/// which lets the future run on unobserved, and lets go at once of the waker that an earlier poll has left.
///
/// A panic of a future without a handle goes to the pool's panic handler. So does a panic in the `Drop` of a future.
#[must_use = "dropping the handle detaches the future"]
pub struct FutureHandle<R> {
    cell: Arc<dyn Observed<R>>,
}

impl<R> FutureHandle<R> {
    pub(crate) fn new(cell: Arc<dyn Observed<R>>) -> Self {
        Self { cell }
    }

    /// Waits for the future to end and returns what it left.
    ///
    /// On a worker of the future's pool, this worker polls the future itself whenever it is to be polled, and sleeps in
    /// between. So one worker is enough to join a future that is woken from outside. It is not enough for one that awaits
    /// another task of the pool, if all workers wait in this way: a waiting worker never picks up other work.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// assert_eq!(pool.spawn_future(async { 42 }).join()?, 42);
    /// # Ok::<(), pool_core::JoinError>(())
    /// ```
    ///
    /// # Errors
    /// If the future panicked, with the payload; or if it was cancelled, or its pool ended before it did; or if this process
    /// was forked after the pool was made.
    ///
    /// # Panics
    /// In the `on_start` hook of the future's pool, if the future has not ended: perhaps no worker is there yet to poll it.
    #[track_caller]
    pub fn join(self) -> Result<R, JoinError> {
        let header = self.cell.header();
        if life_in(header.pool()) == Some(Life::Starting) && !header.state.is_done() {
            panic!("{STARTING}");
        }
        Context::with(|context| match context {
            Some(context) if header.is_of(context) => self.join_on_worker(),
            _ => {
                wait::for_task(&mut { header }, Deadline::Never);
            }
        });
        self.outcome()
    }

    /// Waits on a worker of the future's pool, and polls the future meanwhile.
    fn join_on_worker(&self) {
        let header = self.cell.header();
        loop {
            match header.state.join() {
                Join::Due => {
                    // A part of the task that joins: not counted as one of its own.
                    let _ = Arc::clone(&self.cell).advance();
                }
                Join::Wait => {
                    wait::for_task(&mut { header }, Deadline::Never);
                }
                Join::Done => return,
            }
        }
    }

    /// Like [`join`](Self::join), but gives the handle back if the future has not ended after `limit`. With a limit, the
    /// future is not polled here.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use std::time::Duration;
    ///
    /// let pool = my_strategy::Pool::new();
    /// let handle = pool.spawn_future(std::future::pending::<()>());
    /// let handle = handle.join_timeout(Duration::from_millis(1)).expect_err("it never ends");
    /// handle.cancel();
    /// assert!(handle.join().unwrap_err().is_cancelled());
    /// ```
    ///
    /// # Errors
    /// The handle, if the time is over.
    pub fn join_timeout(self, limit: Duration) -> Result<Result<R, JoinError>, Self> {
        let is_over = wait::for_task(&mut { self.cell.header() }, Deadline::after(limit));
        if is_over { Ok(self.outcome()) } else { Err(self) }
    }

    /// Cancels the future if it has not ended: drops it right here, or, if it is being polled, has the polling thread do so
    /// right after, whatever that poll returns. `true` if so: the handle then reports that the future was cancelled.
    ///
    /// A panic in the `Drop` of the future goes to the pool's panic handler.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let handle = pool.spawn_future(std::future::pending::<()>());
    /// assert!(handle.cancel());
    /// assert!(handle.join().unwrap_err().is_cancelled());
    /// ```
    pub fn cancel(&self) -> bool {
        self.cell.cancel()
    }

    /// Whether [`join`](Self::join) would return at once.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let handle = pool.spawn_future(async { 42 });
    /// pool.wait_idle()?;
    /// assert!(handle.is_finished());
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    pub fn is_finished(&self) -> bool {
        self.header().state.is_done() || self.header().is_inherited()
    }

    fn header(&self) -> &Header {
        self.cell.header()
    }

    /// What an ended future has left.
    fn outcome(&self) -> Result<R, JoinError> {
        let result: Option<TaskResult<R>> =
            if self.header().state.has_result() { self.cell.take_result() } else { None };
        match result {
            Some(Ok(value)) => Ok(value),
            Some(Err(payload)) => Err(JoinError::unwound(payload)),
            None if self.header().state.is_done() => Err(JoinError::cancelled()),
            None => Err(JoinError::forked()),
        }
    }
}

impl<R> Future for FutureHandle<R> {
    type Output = Result<R, JoinError>;

    /// Never polls the future behind the handle. Polled again after it was ready, it reports that the future was cancelled.
    fn poll(self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        if !self.header().is_inherited() && self.header().set_waker(context.waker()) {
            Poll::Pending
        } else {
            Poll::Ready(self.outcome())
        }
    }
}

impl<R> Drop for FutureHandle<R> {
    fn drop(&mut self) {
        self.header().forget_waker();
        if self.header().state.let_go() {
            drop(self.cell.take_result());
        }
    }
}

// What a panic could leave half done behind a handle is the future's own, and `join` reports it.
impl<R> UnwindSafe for FutureHandle<R> {}
impl<R> RefUnwindSafe for FutureHandle<R> {}

impl<R> fmt::Debug for FutureHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FutureHandle").field("is_finished", &self.is_finished()).finish()
    }
}
