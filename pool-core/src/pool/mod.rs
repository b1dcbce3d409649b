//! [`Pool`]: one pool for every strategy.

mod batch;
mod builder;
mod current;
mod early;
mod execute;
mod handle;
mod life;
mod remote;
mod task_builder;
mod waiting;

pub use builder::{Builder, default_workers};
pub use current::{CurrentWorker, current_worker, execute, spawn, try_execute, try_spawn};
pub use execute::Execute;
pub use handle::JoinHandle;
pub use remote::Remote;
pub(crate) use task_builder::refused;
pub(crate) use task_builder::sealed::Address;
pub use task_builder::{CurrentPool, Place, TaskBuilder, task};

use crate::error::Rejected;
use crate::ledger::Metrics;
use crate::strategy::Scheduler;
use crate::sync::Mutex;
use crate::sync::atomic::AtomicU64;
use crate::task::Task;
use crate::task::token::Guard;
use crate::worker::{Context, Shared, WorkerThread};
pub(crate) use builder::ThreadConfig;
#[cfg(all(test, loom))]
pub(crate) use builder::ThreadName;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

/// Worker threads that run tasks in the order of the strategy `S`.
///
/// The strategy crates name their own, for example `pool_fifo::Pool`. All methods take `&self`: share a pool by reference
/// or in an `Arc`.
///
/// Dropping the pool is [`shutdown`](Self::shutdown): everything submitted runs first. A pool that is dropped by one of its
/// own threads, at whatever moment of the thread's life, is closed and ends by itself.
///
/// # After `fork`
///
/// A child process has none of the workers. In it, calls of a pool that the parent made fail with an error that says so
/// (`Forked`), or panic with that text where they return no error, and dropping the pool returns at once. This is noticed on
/// Linux, macOS and FreeBSD. In a child that a *task* has forked, only `exec` and `_exit` make sense.
pub struct Pool<S: Scheduler<Task> + 'static> {
    shared: Arc<Shared<S>>,
    threads: ThreadConfig,
    /// Workers started so far: the place of the next in the stream of seeds.
    started: AtomicU64,
    /// Held while the number of workers is brought to a given one.
    resizing: Mutex<()>,
}

impl<S: Scheduler<Task> + Default + 'static> Pool<S> {
    /// A pool with the default settings: [`default_workers`](crate::default_workers) workers.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// assert_eq!(pool.install(|| 2 + 2), 4);
    /// ```
    ///
    /// # Panics
    /// If the system will not start a thread. [`Builder::build`] returns an error instead.
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "`Default` does not tell that threads are started")]
    pub fn new() -> Self {
        match Self::builder().build() {
            Ok(pool) => pool,
            Err(error) => panic!("{error}"),
        }
    }

    /// Other settings.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::builder().workers(2).thread_name("img").build()?;
    /// assert_eq!(pool.workers(), 2);
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    pub fn builder() -> Builder<S> {
        Self::builder_with(S::default())
    }
}

impl<S: Scheduler<Task> + 'static> Pool<S> {
    /// Other settings, around a strategy that has its own.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use my_strategy::{Pool, Stack};
    ///
    /// let pool = Pool::builder_with(Stack::default()).workers(2).build()?;
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    pub fn builder_with(scheduler: S) -> Builder<S> {
        Builder::new(scheduler)
    }

    pub(crate) fn from_parts(shared: Arc<Shared<S>>, threads: ThreadConfig) -> Self {
        Self { shared, threads, started: AtomicU64::new(0), resizing: Mutex::new(()) }
    }

    // Submitting.

    /// A task of which something is to be said, for example its priority.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// pool.task().hint(()).execute(|| println!("as this strategy likes it"));
    /// ```
    #[inline(always)]
    pub fn task(&self) -> TaskBuilder<&Self> {
        TaskBuilder { place: self, hint: None, patience: None, guard: Guard::NONE }
    }

    /// The worker behind a context of this very pool.
    fn own_worker<'a>(&self, context: &'a Context) -> &'a WorkerThread<S> {
        debug_assert_eq!(context.crew().id(), self.shared.crew.id());
        // SAFETY: the context is of this very pool.
        unsafe { WorkerThread::of(context) }
    }

    /// Runs `f` some time, on some worker: fire and forget. A panic in it goes to the pool's panic handler.
    ///
    /// A closure of up to two words costs no allocation, a larger one costs one. Never blocks for long, unless the pool
    /// is [full](Builder::capacity) and its policy is to wait. A pool that has been shut down still accepts what its own tasks
    /// submit, here and in the methods below, since that is a part of what it drains.
    ///
    /// On a worker of this pool, the task takes the urgency of the task that submits it; [`task`](Self::task) can say
    /// otherwise.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// pool.execute(|| println!("fire and forget"));
    /// ```
    ///
    /// # Panics
    /// If the pool has been shut down, or is full and refuses, and this thread is not one of its workers.
    /// [`try_execute`](Self::try_execute) returns an error instead.
    #[inline]
    #[track_caller]
    pub fn execute(&self, f: impl FnOnce() + Send + 'static) {
        self.task().execute(f);
    }

    /// Like [`execute`](Self::execute).
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// pool.shutdown()?;
    /// let refused = pool.try_execute(|| println!("here, then")).unwrap_err();
    /// refused.into_inner()();
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    ///
    /// # Errors
    /// With the closure, if the pool has been shut down or is [full](Builder::capacity).
    #[inline]
    pub fn try_execute<F: FnOnce() + Send + 'static>(&self, f: F) -> Result<(), Rejected<F>> {
        self.task().try_execute(f)
    }

    /// Runs `f` some time, on some worker, and returns the right to its result. One allocation. For a panic in it, see
    /// [`JoinHandle`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let handle = pool.spawn(|| 6 * 7);
    /// assert_eq!(handle.join()?, 42);
    /// # Ok::<(), pool_core::JoinError>(())
    /// ```
    ///
    /// # Panics
    /// As [`execute`](Self::execute). [`try_spawn`](Self::try_spawn) returns an error instead.
    #[track_caller]
    pub fn spawn<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.task().spawn(f)
    }

    /// Like [`spawn`](Self::spawn).
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// assert_eq!(pool.try_spawn(|| 6 * 7)?.join()?, 42);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    ///
    /// # Errors
    /// With the closure, if the pool has been shut down or is [full](Builder::capacity).
    pub fn try_spawn<F, R>(&self, f: F) -> Result<JoinHandle<R>, Rejected<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.task().try_spawn(f)
    }

    /// What became of every task so far. Takes time in proportion to the number of workers.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// pool.execute_batch((0..100).map(|n| move || drop(n)));
    /// pool.wait_idle()?;
    /// assert_eq!(pool.metrics().completed, 100);
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        let crew = &self.shared.crew;
        if self.is_inherited() {
            // Whatever lock was held at the fork stays locked.
            return Metrics::default();
        }
        Metrics::new(crew.totals(), crew.workers(), crew.idle.sleeping())
    }

    /// The strategy.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use pool_core::strategy::Scheduler;
    ///
    /// let pool = my_strategy::Pool::new();
    /// pool.wait_idle()?;
    /// assert!(pool.scheduler().is_empty());
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    pub fn scheduler(&self) -> &S {
        &self.shared.scheduler
    }
}

impl<S: Scheduler<Task> + 'static> Drop for Pool<S> {
    fn drop(&mut self) {
        // An error means that this is one of the pool's own threads: the pool ends by itself. Or that this process only
        // inherited the pool: there is nothing to end.
        let _ = self.shutdown();
    }
}

// A panic in a task is caught where it happens, and the pool stays whole.
impl<S: Scheduler<Task> + 'static> UnwindSafe for Pool<S> {}
impl<S: Scheduler<Task> + 'static> RefUnwindSafe for Pool<S> {}

impl<S: Scheduler<Task> + 'static> fmt::Debug for Pool<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("threads", &self.threads.name).field("metrics", &self.metrics()).finish()
    }
}
