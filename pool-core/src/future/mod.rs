//! Futures on a pool: each poll is a task.
//!
//! - [`state`]: the life of a future, as named transitions.
//! - [`header`] and [`cell`]: what a future, its turns, its wakers and its handle share.
//! - [`handle`]: the right to a future's result.

mod cell;
mod handle;
mod header;
#[cfg(feature = "futures")]
mod spawn;
mod state;

#[cfg(all(test, loom))]
pub(crate) use cell::FutureCell as ModelledCell;
pub use handle::FutureHandle;

use crate::error::Rejected;
use crate::pool::{Address, Place, Pool, Remote, TaskBuilder, refused};
use crate::strategy::Scheduler;
use crate::task::Task;
use crate::worker::IfFull;
use cell::FutureCell;
use std::future::Future;

/// Futures: see [`Pool::spawn_future`].
impl<P: Place> TaskBuilder<P> {
    /// Polls `future` on the workers, and returns the right to its result, as [`Pool::spawn_future`]. What the builder says
    /// holds for each poll.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// assert_eq!(pool.task().hint(()).spawn_future(async { 1 + 1 }).join()?, 2);
    /// // On a worker, without its pool:
    /// let inner = pool.install(|| pool_core::task::<()>().spawn_future(async { 3 }));
    /// assert_eq!(inner.join()?, 3);
    /// # Ok::<(), pool_core::JoinError>(())
    /// ```
    ///
    /// # Panics
    /// If it is refused, for one of the reasons of [`Rejection`](crate::Rejection).
    /// [`try_spawn_future`](Self::try_spawn_future) returns an error instead.
    #[track_caller]
    pub fn spawn_future<F>(self, future: F) -> FutureHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
        P::Hint: Send + 'static,
    {
        let if_full = self.or_wait(IfFull::Policy);
        match self.spawn_future_if(future, if_full) {
            Ok(handle) => handle,
            Err(rejected) => refused(rejected.reason()),
        }
    }

    /// Like [`spawn_future`](Self::spawn_future).
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// assert_eq!(pool.task().try_spawn_future(async { 1 + 1 })?.join()?, 2);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    ///
    /// # Errors
    /// With the future, unpolled, if it is refused.
    pub fn try_spawn_future<F>(self, future: F) -> Result<FutureHandle<F::Output>, Rejected<F>>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
        P::Hint: Send + 'static,
    {
        let if_full = self.or_wait(IfFull::Try);
        self.spawn_future_if(future, if_full)
    }

    fn spawn_future_if<F>(self, future: F, if_full: IfFull) -> Result<FutureHandle<F::Output>, Rejected<F>>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
        P::Hint: Send + 'static,
    {
        let (pool, Address(home)) = match self.place.identity().and_then(|pool| Ok((pool, self.place.address()?))) {
            Ok(found) => found,
            Err(reason) => return Err(Rejected::new(future, reason)),
        };
        let (turn, cell) = FutureCell::new(pool, home, self.hint.clone(), future);
        match self.place.submit(turn, self.hint, if_full) {
            Ok(()) => Ok(FutureHandle::new(cell)),
            Err((_turn, reason)) => {
                let future = cell.take_back();
                Err(Rejected::new(future.expect("a refused future was never polled"), reason))
            }
        }
    }
}

impl<S: Scheduler<Task> + 'static> Pool<S> {
    /// Polls `future` on the workers, and returns the right to its result. One allocation, and none for each poll.
    ///
    /// Each poll is a task of its own: it is submitted when the future is spawned or woken, waits its turn by the strategy's
    /// order, and counts in the [metrics](Self::metrics). A future that is woken several times before a poll is polled once;
    /// one that is woken during a poll is polled again. A poll that is not in a queue has no place in the order: without a
    /// hint, it has the urgency of the task that wakes it, or is ordinary if it is woken from outside.
    ///
    /// [`wait_idle`](Self::wait_idle) does not wait for a future that waits for a wake: no task waits then, and none runs.
    ///
    /// # At the end of the pool
    /// 1. What is in the queue when the pool is closed is polled, and so is what the pool's own tasks wake meanwhile.
    /// 2. A wake from outside is refused, as any submission: the waking thread drops the future.
    /// 3. When the closed pool has become quiet, the workers drop the futures that still wait for a wake, also those that
    ///    nothing would ever wake, and the pool ends when that, and all that it has submitted, is done.
    ///
    /// After [`shutdown_now`](Self::shutdown_now) it is the same, except that what is in the queue is dropped unpolled; it
    /// does not come back, since nothing could wake it. In each case the handle reports that the future was cancelled.
    ///
    /// A future that nothing can wake any more and whose handle was dropped is dropped at once. So a pool that its last
    /// future owns ends with that future.
    ///
    /// # Example
    /// A future that waits for a channel of one value, made of nothing but a lock:
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use std::future::poll_fn;
    /// use std::sync::{Arc, Mutex};
    /// use std::task::{Poll, Waker};
    ///
    /// let channel = Arc::new(Mutex::new((None, None::<Waker>)));
    /// let receiver = Arc::clone(&channel);
    /// let pool = my_strategy::Pool::new();
    /// let doubled = pool.spawn_future(async move {
    ///     let received: u32 = poll_fn(|context| {
    ///         let (value, waker) = &mut *receiver.lock().unwrap();
    ///         if value.is_none() {
    ///             *waker = Some(context.waker().clone());
    ///         }
    ///         value.take().map_or(Poll::Pending, Poll::Ready)
    ///     })
    ///     .await;
    ///     2 * received
    /// });
    /// let waker = {
    ///     let mut channel = channel.lock().unwrap();
    ///     channel.0 = Some(21);
    ///     channel.1.take()
    /// };
    /// if let Some(waker) = waker {
    ///     waker.wake();
    /// }
    /// assert_eq!(doubled.join()?, 42);
    /// # Ok::<(), pool_core::JoinError>(())
    /// ```
    ///
    /// # Panics
    /// If the pool has been shut down and this thread is not one of its workers.
    /// [`try_spawn_future`](Self::try_spawn_future) returns an error instead.
    #[track_caller]
    pub fn spawn_future<F>(&self, future: F) -> FutureHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.task().spawn_future(future)
    }

    /// Like [`spawn_future`](Self::spawn_future).
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// pool.shutdown()?;
    /// let refused = pool.try_spawn_future(async { 42 }).unwrap_err();
    /// let _future = refused.into_inner();
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    ///
    /// # Errors
    /// With the future, unpolled, if the pool has been shut down.
    pub fn try_spawn_future<F>(&self, future: F) -> Result<FutureHandle<F::Output>, Rejected<F>>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.task().try_spawn_future(future)
    }
}

impl<S: Scheduler<Task> + 'static> Remote<S> {
    /// As [`Pool::spawn_future`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// assert_eq!(pool.remote().spawn_future(async { 42 }).join()?, 42);
    /// # Ok::<(), pool_core::JoinError>(())
    /// ```
    ///
    /// # Panics
    /// If the pool has been shut down or is gone. [`try_spawn_future`](Self::try_spawn_future) returns an error instead.
    #[track_caller]
    pub fn spawn_future<F>(&self, future: F) -> FutureHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.task().spawn_future(future)
    }

    /// Like [`spawn_future`](Self::spawn_future).
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let remote = my_strategy::Pool::new().remote();
    /// assert!(remote.try_spawn_future(async { 42 }).is_err(), "the pool is gone");
    /// ```
    ///
    /// # Errors
    /// With the future, unpolled, if the pool has been shut down or is gone.
    pub fn try_spawn_future<F>(&self, future: F) -> Result<FutureHandle<F::Output>, Rejected<F>>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.task().try_spawn_future(future)
    }
}
