//! [`Pool`]: one pool for every strategy.

mod waiting;

use crate::builder::{Builder, ThreadConfig};
use crate::cell::{self, Kind};
use crate::context::Context;
use crate::error::{Rejected, Rejection, ShutdownError};
use crate::handle::JoinHandle;
use crate::metrics::Metrics;
use crate::scheduler::Scheduler;
use crate::shared::Shared;
use crate::sync::atomic::{AtomicU64, Ordering, fence};
use crate::sync::thread;
use crate::task::Task;
use crate::worker_thread::WorkerThread;
use std::fmt;
use std::io;
use std::sync::Arc;

/// Worker threads that run tasks in the order of the strategy `S`.
///
/// The strategy crates name their own, for example `pool_fifo::Pool`. All methods take `&self`: share a pool by reference
/// or in an `Arc`.
///
/// Dropping the pool is [`shutdown`](Self::shutdown): everything submitted runs first. A pool that is dropped by one of its
/// own workers is closed and ends by itself.
pub struct Pool<S: Scheduler<Task> + 'static> {
    shared: Arc<Shared<S>>,
    threads: ThreadConfig,
    /// Workers started so far: the place of the next in the stream of seeds.
    started: AtomicU64,
}

impl<S: Scheduler<Task> + Default + 'static> Pool<S> {
    /// A pool with the default settings: [`default_workers`](crate::default_workers) workers.
    ///
    /// # Panics
    /// If the system will not start a thread. [`Builder::build`] returns an error instead.
    #[expect(clippy::new_without_default, reason = "`Default` does not tell that threads are started")]
    pub fn new() -> Self {
        match Self::builder().build() {
            Ok(pool) => pool,
            Err(error) => panic!("{error}"),
        }
    }

    /// Other settings.
    pub fn builder() -> Builder<S> {
        Self::builder_with(S::default())
    }
}

impl<S: Scheduler<Task> + 'static> Pool<S> {
    /// Other settings, around a strategy that has its own.
    pub fn builder_with(scheduler: S) -> Builder<S> {
        Builder::new(scheduler)
    }

    pub(crate) fn from_parts(shared: Arc<Shared<S>>, threads: ThreadConfig) -> Self {
        Self { shared, threads, started: AtomicU64::new(0) }
    }

    // Submitting.

    /// Makes `task` the pool's: by the worker that this thread is, or from outside. Gives it back if the pool is closed.
    ///
    /// A worker's own submissions are always accepted: what runs may bring its work to an end.
    #[inline]
    fn submit(&self, task: Task, hint: S::Hint) -> Result<(), Task> {
        let core = &self.shared.core;
        Context::with_of(core, |context| {
            if let Some(context) = context {
                // A hint may make it urgent.
                let may_wait = size_of::<S::Hint>() == 0;
                context.submit_by(may_wait, || self.own_worker(context).push_with(task, hint));
                return Ok(());
            }
            self.shared.inject_if_open(task, hint).map_err(|task| self.refuse(task))
        })
    }

    /// The worker behind a context of this very pool.
    fn own_worker<'a>(&self, context: &'a Context) -> &'a WorkerThread<S> {
        debug_assert_eq!(context.core().id(), self.shared.core.id());
        // SAFETY: a context whose core is this pool's was made by `WorkerThread::<S>::main` of this pool, with a pointer to
        // the `WorkerThread<S>` itself, which outlives the context.
        unsafe { &*std::ptr::from_ref(context.queue()).cast::<WorkerThread<S>>() }
    }

    /// The pool was closed. Unless we were asked alone, our attempt was counted for an instant, so we may have hidden a quiet
    /// moment.
    #[cold]
    fn refuse<T>(&self, back: T) -> T {
        // Pairs with the fence in `Core::attend`: either we see that somebody waits for a quiet moment, or they see our
        // count gone.
        fence(Ordering::SeqCst);
        self.shared.core.settle();
        back
    }

    /// Runs `f` some time, on some worker: fire and forget. A panic in it goes to the pool's panic handler.
    ///
    /// A closure of up to two words costs no allocation, a larger one one. Never blocks for long. A pool that has been
    /// shut down still accepts what its own tasks submit, here and in the methods below, since that is a part of what
    /// it drains.
    ///
    /// # Panics
    /// If the pool has been shut down and this thread is none of its workers. [`try_execute`](Self::try_execute)
    /// returns an error instead.
    #[inline]
    pub fn execute(&self, f: impl FnOnce() + Send + 'static) {
        self.execute_with(S::Hint::default(), f);
    }

    /// Like [`execute`](Self::execute), with a hint to the strategy, for example a priority.
    ///
    /// # Panics
    /// If the pool has been shut down.
    #[inline]
    pub fn execute_with(&self, hint: S::Hint, f: impl FnOnce() + Send + 'static) {
        if let Err(task) = self.submit(Task::from_closure(f), hint) {
            drop(task);
            panic!("{}", Rejection::ShutDown);
        }
    }

    /// Like [`execute`](Self::execute).
    ///
    /// # Errors
    /// With the closure, if the pool has been shut down.
    pub fn try_execute<F: FnOnce() + Send + 'static>(&self, f: F) -> Result<(), Rejected<F>> {
        self.try_execute_with(S::Hint::default(), f)
    }

    /// Like [`execute_with`](Self::execute_with).
    ///
    /// # Errors
    /// With the closure, if the pool has been shut down.
    pub fn try_execute_with<F: FnOnce() + Send + 'static>(&self, hint: S::Hint, f: F) -> Result<(), Rejected<F>> {
        self.submit(Task::from_closure(f), hint)
            // SAFETY: made from an `F` two lines above.
            .map_err(|task| Rejected::new(unsafe { task.into_closure::<F>() }, Rejection::ShutDown))
    }

    /// Like [`execute`](Self::execute) for many closures: counted, published and announced at once. They keep their order
    /// as far as the strategy keeps any. To the strategy they come from outside, also if this thread is a worker.
    ///
    /// O(n), with one list for all of them.
    ///
    /// # Panics
    /// If the pool has been shut down; no closure runs then. With the panic of the iterator, which is run to its end
    /// before anything is submitted; no closure runs then either.
    pub fn execute_batch<F: FnOnce() + Send + 'static>(&self, batch: impl IntoIterator<Item = F>) {
        let tasks: Vec<Task> = batch.into_iter().map(Task::from_closure).collect();
        let (core, n) = (&self.shared.core, tasks.len());
        let inside =
            Context::with_of(core, |context| context.map(|context| context.seat().tally.submit(n as u64)).is_some());
        if !inside && !core.ledger.enter(n as u64) {
            drop(self.refuse(tasks));
            panic!("{}", Rejection::ShutDown);
        }
        self.shared.inject_counted_batch(tasks);
    }

    /// Runs `f` some time, on some worker, and returns the right to its result. One allocation. For a panic in it, see
    /// [`JoinHandle`].
    ///
    /// # Panics
    /// If the pool has been shut down. [`try_spawn`](Self::try_spawn) returns an error instead.
    pub fn spawn<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.spawn_with(S::Hint::default(), f)
    }

    /// Like [`spawn`](Self::spawn), with a hint to the strategy.
    ///
    /// # Panics
    /// If the pool has been shut down.
    pub fn spawn_with<F, R>(&self, hint: S::Hint, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        match self.try_spawn_with(hint, f) {
            Ok(handle) => handle,
            Err(rejected) => panic!("{rejected}"),
        }
    }

    /// Like [`spawn`](Self::spawn).
    ///
    /// # Errors
    /// With the closure, if the pool has been shut down.
    pub fn try_spawn<F, R>(&self, f: F) -> Result<JoinHandle<R>, Rejected<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.try_spawn_with(S::Hint::default(), f)
    }

    /// Like [`spawn_with`](Self::spawn_with).
    ///
    /// # Errors
    /// With the closure, if the pool has been shut down.
    pub fn try_spawn_with<F, R>(&self, hint: S::Hint, f: F) -> Result<JoinHandle<R>, Rejected<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        // SAFETY: closure and result are `'static`.
        let (task, mut holder) = unsafe { cell::new(self.shared.core.id(), Kind::Owned, f) };
        match self.submit(task, hint) {
            Ok(()) => Ok(JoinHandle::new(holder)),
            Err(_task) => {
                // SAFETY: the holder's cell was made from an `F` above, and the refused item never left this thread.
                let f = unsafe { holder.take_closure::<F>() };
                Err(Rejected::new(f.expect("a refused task has not run"), Rejection::ShutDown))
            }
        }
    }

    /// Whether this thread is a worker of this pool.
    fn is_own_worker(&self) -> bool {
        Context::with_of(&self.shared.core, |context| context.is_some())
    }

    // Ending.

    /// Ends the pool in good order:
    ///
    /// 1. *Close*: outside submissions are refused from now on. One that was accepted before is not lost, even if its
    ///    thread has yet to put it into the queue: it is counted first, and the workers wait for it.
    /// 2. *Drain*: everything accepted runs, and so does everything that it submits.
    /// 3. *Join*: when nothing waits and nothing runs, the workers end, and this returns.
    ///
    /// May be called again, from any number of threads; each returns when the pool has ended.
    ///
    /// # Errors
    /// On a worker of this pool: it is closed, and ends by itself, but cannot be waited for here.
    pub fn shutdown(&self) -> Result<(), ShutdownError> {
        self.shared.close();
        if self.is_own_worker() {
            return Err(ShutdownError(()));
        }
        self.shared.core.wait_ended();
        Ok(())
    }

    /// Ends the pool without running what waits: like [`shutdown`](Self::shutdown), but instead of draining, workers finish
    /// only what they run, and what has not started comes back.
    ///
    /// Some tasks do not come back: those of a scope that is open, which the scope runs; what an `install`, `join`,
    /// `scope` or loop from outside waits for, which panics; what was cancelled before; and what a running task waits
    /// for by its handle, which that task runs. The order is that of [`Scheduler::take_all`] as far as one thread took
    /// them.
    ///
    /// # Errors
    /// On a worker of this pool: it is closed, drains, and ends by itself; nothing comes back.
    pub fn shutdown_now(&self) -> Result<Vec<Task>, ShutdownError> {
        let core = &self.shared.core;
        if self.is_own_worker() {
            self.shared.close();
            return Err(ShutdownError(()));
        }
        // From now on, a worker that has nothing to run withdraws what waits.
        core.halt();
        self.shared.close();
        self.shared.withdraw_all();
        core.wait_ended();
        Ok(core.take_unrun())
    }

    // Workers.

    /// Starts `n` more workers. A place that a retired worker has left, with its number, is taken again first. On a
    /// pool that has ended, they end at once.
    ///
    /// # Errors
    /// If the system will not start a thread, or there would be more than [`Builder::workers`] takes; the pool keeps those it has.
    pub fn add_workers(&self, n: usize) -> io::Result<()> {
        for _ in 0..n {
            // Relaxed: only the number matters.
            let number = self.started.fetch_add(1, Ordering::Relaxed);
            let worker = self.shared.scheduler.attach(split_mix(self.threads.seed, number));
            self.shared.core.seat_one(|seat| {
                let mut builder = thread::Builder::new().name(format!("{}-{}", self.threads.name, seat.index()));
                if let Some(bytes) = self.threads.stack_size {
                    builder = builder.stack_size(bytes);
                }
                let shared = Arc::clone(&self.shared);
                builder.spawn(move || WorkerThread::main(shared, seat, worker))
            })?;
        }
        Ok(())
    }

    /// Tells up to `n` workers, those with the highest numbers, to leave once they have ended what they run. What they
    /// hold goes back to the strategy. One worker always stays. Returns how many were told, without waiting for them.
    pub fn retire_workers(&self, n: usize) -> usize {
        self.shared.core.retire(n)
    }

    /// The number of workers, without those told to leave.
    pub fn workers(&self) -> usize {
        self.shared.core.workers()
    }

    /// What became of every task so far. Takes time in proportion to the number of workers.
    pub fn metrics(&self) -> Metrics {
        let core = &self.shared.core;
        Metrics::new(core.totals(), core.workers(), core.idle.sleeping())
    }

    /// The strategy.
    pub fn scheduler(&self) -> &S {
        &self.shared.scheduler
    }
}

/// The `n`-th number of the stream of `seed`: SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
/// generators", 2014).
fn split_mix(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl<S: Scheduler<Task> + 'static> Drop for Pool<S> {
    fn drop(&mut self) {
        // An error means that this is one of the pool's own workers: it ends by itself.
        let _ = self.shutdown();
    }
}

impl<S: Scheduler<Task> + 'static> fmt::Debug for Pool<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("name", &self.threads.name).field("metrics", &self.metrics()).finish()
    }
}
