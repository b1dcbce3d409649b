//! Free functions for code that runs on a worker and does not hold the pool.

use super::handle::JoinHandle;
use super::task_builder::{refused, task};
use crate::error::Rejected;
use crate::worker::Context;

/// Runs `f` on the pool whose worker this thread is, without holding the pool. See [`Pool::execute`](crate::Pool::execute).
///
/// The task takes the urgency of the task that submits it; [`task`] can say otherwise.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// let pool = my_strategy::Pool::new();
/// pool.install(|| pool_core::execute(|| println!("from a task")));
/// ```
///
/// # Panics
/// If this thread is not a worker. [`try_execute`] returns an error instead.
#[inline]
#[track_caller]
pub fn execute<F: FnOnce() + Send + 'static>(f: F) {
    task::<()>().execute(f);
}

/// Like [`execute`].
///
/// ```
/// let refused = pool_core::try_execute(|| println!("here, then")).unwrap_err();
/// refused.into_inner()();
/// ```
///
/// # Errors
/// With the closure, if this thread is not a worker.
pub fn try_execute<F: FnOnce() + Send + 'static>(f: F) -> Result<(), Rejected<F>> {
    task::<()>().try_execute(f)
}

/// Runs `f` on the pool whose worker this thread is and returns the right to its result. See
/// [`Pool::spawn`](crate::Pool::spawn).
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// let pool = my_strategy::Pool::new();
/// assert_eq!(pool.install(|| pool_core::spawn(|| 42).join())?, 42);
/// # Ok::<(), pool_core::JoinError>(())
/// ```
///
/// # Panics
/// If this thread is not a worker. [`try_spawn`] returns an error instead.
#[track_caller]
pub fn spawn<F, R>(f: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    match task::<()>().try_spawn(f) {
        Ok(handle) => handle,
        Err(rejected) => refused(rejected.reason()),
    }
}

/// Like [`spawn`].
///
/// ```
/// assert!(pool_core::try_spawn(|| 42).is_err(), "this thread is not a worker");
/// ```
///
/// # Errors
/// With the closure, if this thread is not a worker.
pub fn try_spawn<F, R>(f: F) -> Result<JoinHandle<R>, Rejected<F>>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    task::<()>().try_spawn(f)
}

/// The worker that a thread is: its number, and how many there are in its pool.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// use pool_core::CurrentWorker;
///
/// let pool = my_strategy::Pool::builder().workers(2).build()?;
/// let here = pool.install(CurrentWorker::get).expect("`install` runs it on a worker");
/// assert!(here.index() < 2);
/// assert_eq!(here.workers(), 2);
/// assert_eq!(CurrentWorker::get(), None);
/// # Ok::<(), pool_core::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CurrentWorker {
    index: usize,
    workers: usize,
}

impl CurrentWorker {
    /// The worker that the calling thread is; `None` elsewhere. Takes a lock, and time in proportion to the number of
    /// workers; [`current_worker`] is the cheap form.
    ///
    /// ```
    /// assert_eq!(pool_core::CurrentWorker::get(), None);
    /// ```
    pub fn get() -> Option<Self> {
        Context::with(|context| {
            let context = context?;
            Some(Self { index: context.seat().index(), workers: context.crew().workers() })
        })
    }

    /// The worker's number in its pool, from 0: as [`current_worker`]. It may exceed the number of workers after some have
    /// retired.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::builder().workers(1).build()?;
    /// assert_eq!(pool.install(pool_core::CurrentWorker::get).map(|here| here.index()), Some(0));
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    pub fn index(&self) -> usize {
        self.index
    }

    /// How many workers the pool had at the time of [`get`](Self::get): as [`Pool::workers`](crate::Pool::workers).
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::builder().workers(3).build()?;
    /// assert_eq!(pool.install(pool_core::CurrentWorker::get).map(|here| here.workers()), Some(3));
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    pub fn workers(&self) -> usize {
        self.workers
    }
}

/// The number of the worker that this thread is, from 0, in its pool; `None` elsewhere.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// let pool = my_strategy::Pool::builder().workers(1).build()?;
/// assert_eq!(pool.install(pool_core::current_worker), Some(0));
/// assert_eq!(pool_core::current_worker(), None);
/// # Ok::<(), pool_core::BuildError>(())
/// ```
pub fn current_worker() -> Option<usize> {
    Context::with(|context| context.map(|context| context.seat().index()))
}
