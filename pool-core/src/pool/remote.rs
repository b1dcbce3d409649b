//! [`Remote`]: a pool to submit to, without owning it.

use super::task_builder::sealed;
use super::{JoinHandle, Place, Pool, TaskBuilder};
use crate::error::{Rejected, Rejection};
use crate::strategy::Scheduler;
use crate::sync::is_inherited;
use crate::task::Task;
use crate::task::token::Guard;
use crate::worker::{Context, IfFull, Shared, WorkerThread};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Weak};

/// A pool to submit to, without owning it: from [`Pool::remote`].
///
/// It can be cloned and kept anywhere, also in tasks of the pool itself, and does not keep the pool from ending: when the
/// [`Pool`] is dropped, what was submitted runs, and later submissions are refused with [`Rejection::ShutDown`]. As with a
/// pool, what its own tasks submit is accepted until they have ended.
///
/// A `Remote` never ends its pool, and so never waits for one, even if the pool is dropped during a call. The thread of such
/// a call may then be the last to let go of what the pool was made of: the strategy and the hooks are dropped there.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// let pool = my_strategy::Pool::new();
/// let remote = pool.remote();
/// assert_eq!(remote.spawn(|| 6 * 7).join()?, 42);
/// drop(pool);
/// let refused = remote.try_execute(|| println!("here, then")).unwrap_err();
/// assert_eq!(refused.reason(), pool_core::Rejection::ShutDown);
/// # Ok::<(), pool_core::JoinError>(())
/// ```
pub struct Remote<S: Scheduler<Task> + 'static> {
    /// Identifies the pool, so that its own workers need not ask for the rest.
    pool: usize,
    shared: Weak<Shared<S>>,
}

impl<S: Scheduler<Task> + 'static> Pool<S> {
    /// This pool to submit to, without owning it.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let remote = pool.remote();
    /// std::thread::spawn(move || remote.execute(|| println!("from anywhere"))).join().unwrap();
    /// ```
    pub fn remote(&self) -> Remote<S> {
        Remote { pool: self.shared.crew.id(), shared: Arc::downgrade(&self.shared) }
    }

    /// Whether this thread is a worker of this pool.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// assert!(!pool.is_own_worker());
    /// assert!(pool.install(|| pool.is_own_worker()));
    /// ```
    pub fn is_own_worker(&self) -> bool {
        Context::with_of(&self.shared.crew, |context| context.is_some())
    }
}

impl<S: Scheduler<Task> + 'static> Remote<S> {
    /// As [`Pool::task`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// pool.remote().task().hint(()).execute(|| println!("as this strategy likes it"));
    /// ```
    pub fn task(&self) -> TaskBuilder<&Self> {
        TaskBuilder { place: self, hint: None, patience: None, guard: Guard::NONE }
    }

    /// As [`Pool::execute`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// pool.remote().execute(|| println!("fire and forget"));
    /// ```
    ///
    /// # Panics
    /// If the pool has been shut down, is gone, or is full and refuses, and this thread is not one of its workers.
    /// [`try_execute`](Self::try_execute) returns an error instead.
    #[track_caller]
    pub fn execute(&self, f: impl FnOnce() + Send + 'static) {
        self.task().execute(f);
    }

    /// As [`Pool::try_execute`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let remote = my_strategy::Pool::new().remote();
    /// remote.try_execute(|| println!("here, then")).unwrap_err().into_inner()();
    /// ```
    ///
    /// # Errors
    /// With the closure, if the pool has been shut down, is gone or is full.
    pub fn try_execute<F: FnOnce() + Send + 'static>(&self, f: F) -> Result<(), Rejected<F>> {
        self.task().try_execute(f)
    }

    /// As [`Pool::spawn`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// assert_eq!(pool.remote().spawn(|| 6 * 7).join()?, 42);
    /// # Ok::<(), pool_core::JoinError>(())
    /// ```
    ///
    /// # Panics
    /// As [`execute`](Self::execute).
    #[track_caller]
    pub fn spawn<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.task().spawn(f)
    }

    /// As [`Pool::try_spawn`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let remote = my_strategy::Pool::new().remote();
    /// assert_eq!(remote.try_spawn(|| 6 * 7).unwrap_err().into_inner()(), 42);
    /// ```
    ///
    /// # Errors
    /// As [`try_execute`](Self::try_execute).
    pub fn try_spawn<F, R>(&self, f: F) -> Result<JoinHandle<R>, Rejected<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.task().try_spawn(f)
    }

    /// The number of workers, as [`Pool::workers`]; 0 if the pool is gone.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::builder().workers(3).build()?;
    /// let remote = pool.remote();
    /// assert_eq!(remote.workers(), 3);
    /// drop(pool);
    /// assert_eq!(remote.workers(), 0);
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    pub fn workers(&self) -> usize {
        if is_inherited(self.pool) {
            return 0;
        }
        self.shared.upgrade().map_or(0, |shared| shared.crew.workers())
    }

    /// Whether this thread is a worker of the pool.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let remote = pool.remote();
    /// assert!(!remote.is_own_worker());
    /// assert!(pool.install(|| remote.is_own_worker()));
    /// ```
    pub fn is_own_worker(&self) -> bool {
        self.with_own(|context| context.is_some())
    }

    /// Whether a submission by this thread would be accepted now.
    #[cfg(feature = "futures")]
    pub(crate) fn accepts(&self) -> bool {
        self.is_own_worker() || self.shared.upgrade().is_some_and(|shared| !shared.crew.ledger.is_closed())
    }

    /// Calls `f` with the worker of the pool that this thread is, if it is one.
    #[inline(always)]
    fn with_own<R>(&self, f: impl FnOnce(Option<&Context>) -> R) -> R {
        Context::with(|context| f(context.filter(|context| context.crew().id() == self.pool)))
    }
}

impl<S: Scheduler<Task> + 'static> Place for &Remote<S> {}

impl<S: Scheduler<Task> + 'static> sealed::Submit for &Remote<S> {
    type Hint = S::Hint;

    fn identity(&self) -> Result<usize, Rejection> {
        Ok(self.pool)
    }

    fn address(&self) -> Result<sealed::Address, Rejection> {
        Ok(sealed::Address(Weak::<Shared<S>>::clone(&self.shared)))
    }

    // Always, as for a pool: it is handed a task, see `task/payload.rs` on moves.
    #[inline(always)]
    fn submit(&self, task: Task, hint: Option<S::Hint>, if_full: IfFull) -> Result<(), (Task, Rejection)> {
        self.with_own(
            #[inline(always)]
            |context| match context {
                Some(context) => {
                    // SAFETY: the context is of this very pool, whose strategy is `S`: no two pools have one identity.
                    let worker = unsafe { WorkerThread::<S>::of(context) };
                    context.submit_by(|| worker.push(task, hint));
                    Ok(())
                }
                None if is_inherited(self.pool) => Err((task, Rejection::Forked)),
                None => match self.shared.upgrade() {
                    Some(shared) => shared.submit(task, hint, if_full),
                    None => Err((task, Rejection::ShutDown)),
                },
            },
        )
    }
}

impl<S: Scheduler<Task> + 'static> Clone for Remote<S> {
    fn clone(&self) -> Self {
        Self { pool: self.pool, shared: self.shared.clone() }
    }
}

// As for a pool: a panic in a task is caught where it happens.
impl<S: Scheduler<Task> + 'static> UnwindSafe for Remote<S> {}
impl<S: Scheduler<Task> + 'static> RefUnwindSafe for Remote<S> {}

impl<S: Scheduler<Task> + 'static> fmt::Debug for Remote<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("workers", &self.workers()).finish_non_exhaustive()
    }
}
