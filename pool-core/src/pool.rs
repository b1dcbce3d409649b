//! [`Pool`]: one pool for every strategy.

use crate::builder::{Builder, ThreadConfig};
use crate::cell::{self, Holder, Kind};
use crate::context::Context;
use crate::error::{Rejected, Rejection, ShutdownError};
use crate::handle::JoinHandle;
use crate::join::join;
use crate::metrics::Metrics;
use crate::parallel::{self, LoopIndex};
use crate::scheduler::Scheduler;
use crate::scope::{Scope, scope_here};
use crate::sync::atomic::{AtomicU64, Ordering, fence};
use crate::sync::thread;
use crate::task::Task;
use crate::wait::{self, Deadline};
use crate::worker_thread::{Shared, WorkerThread};
use std::fmt;
use std::io;
use std::ops::Range;
use std::panic::resume_unwind;
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
                context.submit_by(|| self.own_worker(context).push_with(task, hint));
                return Ok(());
            }
            if !core.ledger.enter(1) {
                return Err(self.refuse(task));
            }
            self.shared.inject_counted(task, hint);
            core.idle.notify();
            Ok(())
        })
    }

    /// The worker behind a context of this very pool.
    fn own_worker<'a>(&self, context: &'a Context) -> &'a WorkerThread<S> {
        debug_assert_eq!(context.core().id(), self.shared.core.id());
        // SAFETY: a context whose core is this pool's was made by `WorkerThread::<S>::main` of this pool, with a pointer to
        // the `WorkerThread<S>` itself, which outlives the context.
        unsafe { &*std::ptr::from_ref(context.queue()).cast::<WorkerThread<S>>() }
    }

    /// The pool was closed. Our attempt was counted for an instant, so we may have hidden a quiet moment.
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

    // Running and waiting.

    /// Runs `f` on a worker and waits for it. On a worker of this pool: runs it right here. Elsewhere it is a task with
    /// the default hint, and one allocation.
    ///
    /// A worker of another pool blocks meanwhile, and its pool does not know for what: two pools whose workers all wait
    /// for each other like that wait for ever. So it is with [`join`](Self::join), [`scope`](Self::scope) and the
    /// loops.
    ///
    /// # Panics
    /// With the panic of `f`, or if the pool has been shut down.
    pub fn install<F, R>(&self, f: F) -> R
    where
        F: FnOnce() -> R + Send,
        R: Send,
    {
        self.on_worker(|_| f())
    }

    /// Runs `f` with the context of a worker of this pool: this one, or else a worker is asked and waited for.
    fn on_worker<F, R>(&self, f: F) -> R
    where
        F: FnOnce(&Context) -> R + Send,
        R: Send,
    {
        Context::with_of(&self.shared.core, |context| match context {
            Some(context) => f(context),
            None => self.ask_worker(move || Context::with(|context| f(context.expect("a worker has a context")))),
        })
    }

    /// Has a worker run `f` and waits for it.
    fn ask_worker<F, R>(&self, f: F) -> R
    where
        F: FnOnce() -> R + Send,
        R: Send,
    {
        // SAFETY: this function does not return before the cell is finished, and takes the result itself: nothing below
        // unwinds before `for_task` has returned, except a refused or dropped submission, and then `f` has been dropped.
        let (task, mut holder) = unsafe { cell::new(self.shared.core.id(), Kind::Awaited, f) };
        let wait = WaitOnDrop(&mut holder);
        if let Err(task) = self.submit(task, S::Hint::default()) {
            drop(task);
        }
        drop(wait);
        match holder.take_result() {
            Some(Ok(value)) => value,
            Some(Err(payload)) => resume_unwind(payload),
            None => panic!("{}", Rejection::ShutDown),
        }
    }

    /// Runs two closures, in parallel if a worker is free, and returns both results.
    ///
    /// `b` is offered to others while this worker runs `a`; if nobody has taken it by then, this worker runs it too.
    /// Neither half may wait for the other to *start*: they may run one after the other. A worker offers only a few
    /// halves at a time, the oldest that it has, and no more than there are other workers.
    ///
    /// Costs a few instructions and no allocation on a worker of this pool while nobody wants `b`; elsewhere as
    /// [`install`](Self::install).
    ///
    /// Oldest first: Blumofe and Leiserson, "Scheduling multithreaded computations by work stealing" (1999). What a
    /// worker does while it waits for a half that runs elsewhere: Wagner and Calder, "Leapfrogging" (1993).
    ///
    /// # Panics
    /// With the panic of `a`, or else with that of `b`. Both closures run in any case. Also if the pool has been shut down.
    ///
    /// If `b` panics, the result of `a` is dropped by the unwinding: as anywhere, a panic in its `Drop` then aborts the
    /// process.
    #[inline]
    pub fn join<A, B, RA, RB>(&self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce() -> RA + Send,
        B: FnOnce() -> RB + Send,
        RA: Send,
        RB: Send,
    {
        self.on_worker(|_| join(a, b))
    }

    /// Opens a scope: everything spawned in it has ended when this returns, so it may borrow.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let mut parts = [0; 3];
    /// pool.scope(|s| {
    ///     for (i, part) in parts.iter_mut().enumerate() {
    ///         s.spawn(move |_| *part = i * i);
    ///     }
    /// });
    /// assert_eq!(parts, [0, 1, 4]);
    /// ```
    ///
    /// # Panics
    /// With the panic of `f`, or else with the first panic of a task, after all tasks have ended. Also if the pool has been
    /// shut down. If a task panicked and the `Drop` of the result of `f` panics too, with the latter.
    pub fn scope<'scope, F, R>(&self, f: F) -> R
    where
        F: FnOnce(&Scope<'scope>) -> R + Send,
        R: Send,
    {
        self.on_worker(|context| scope_here(Some(context), f))
    }

    /// Calls `f` with every number of `range`, once each, in parallel if workers are free, and in no particular order.
    ///
    /// The range is divided only when a worker comes for a part of it, as often as that happens, and the calling worker
    /// takes part. A worker does a block of the numbers at a time, first short ones, and in the middle of a long range
    /// a few thousand numbers at most. All that is in nobody's block can be taken by whoever has time, also while an
    /// element runs: a slow one holds up its block. The exception is a loop that starts while its worker has older work
    /// on offer that nobody has come for: its own follows between two blocks. No call may wait for another to *start*.
    ///
    /// O(n) calls of `f`. A helper costs a small allocation, a loop without helpers none beyond that of
    /// [`install`](Self::install).
    ///
    /// Ranges that are divided when they are stolen: Tzannes, Caragea, Barua, Vishkin, "Lazy binary-splitting" (2010).
    /// Blocks that shrink towards the end: Polychronopoulos, Kuck, "Guided self-scheduling" (1987).
    ///
    /// # Panics
    /// With the panic of `f`, after all running calls have ended; with one of them, if there are several. Once one has
    /// panicked, no further block begins. Also if the pool has been shut down.
    pub fn for_each<I, F>(&self, range: Range<I>, f: F)
    where
        I: LoopIndex,
        F: Fn(I) + Sync,
    {
        let f = &f;
        self.on_worker(move |_| parallel::for_each(range, f));
    }

    /// Calls `f` with every element of `slice`, as [`for_each`](Self::for_each) does with every number of a range.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let mut words = ["some", "words"].map(String::from);
    /// pool.for_each_mut(&mut words, |word| word.make_ascii_uppercase());
    /// assert_eq!(words, ["SOME", "WORDS"]);
    /// ```
    ///
    /// # Panics
    /// As [`for_each`](Self::for_each).
    pub fn for_each_mut<T, F>(&self, slice: &mut [T], f: F)
    where
        T: Send,
        F: Fn(&mut T) + Sync,
    {
        let f = &f;
        self.on_worker(move |_| parallel::for_each_mut(slice, f));
    }

    /// Calls `map` with every number of `range` and combines the results with `reduce`. `None` if the range is empty. The
    /// work is divided as by [`for_each`](Self::for_each).
    ///
    /// `reduce` must be associative, which allows to combine any neighbours first. It need not be commutative: its first
    /// argument always comes from the left of its second. With floating-point numbers the grouping, and so the
    /// rounding, differs from that of a plain loop, and from run to run; without helpers, too, since several sums run side by
    /// side.
    ///
    /// O(n): `map` is called for each number, `reduce` once less.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let numbers = [3, 1, 4, 1, 5];
    /// assert_eq!(pool.map_reduce(0..numbers.len(), |i| numbers[i], |a, b| a + b), Some(14));
    /// assert_eq!(pool.map_reduce(0..3, |i: u32| i.to_string(), |a, b| a + &b).as_deref(), Some("012"));
    /// assert_eq!(pool.map_reduce(0..0, |i: u32| i, u32::max), None);
    /// ```
    ///
    /// # Panics
    /// With the panic of `map` or `reduce`, as [`for_each`](Self::for_each). Results that were not reduced yet are
    /// dropped by the unwinding: as anywhere, a panic in the `Drop` of one then aborts the process.
    pub fn map_reduce<I, R, M, F>(&self, range: Range<I>, map: M, reduce: F) -> Option<R>
    where
        I: LoopIndex,
        R: Send,
        M: Fn(I) -> R + Sync,
        F: Fn(R, R) -> R + Sync,
    {
        let (map, reduce) = (&map, &reduce);
        self.on_worker(move |_| parallel::map_reduce(range, map, reduce))
    }

    /// Waits until, at some moment of this call, no task waits and none runs. Without a time limit: a task that submits
    /// another for ever keeps it waiting.
    ///
    /// # Panics
    /// On a worker of this pool, whose own task would have to end first.
    pub fn wait_idle(&self) {
        assert!(!self.is_own_worker(), "`wait_idle` on a worker of the same pool would wait for itself");
        self.shared.core.wait_quiet();
    }

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
        self.shared.core.close();
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
            core.close();
            return Err(ShutdownError(()));
        }
        // From now on, a worker that has nothing to run withdraws what waits.
        core.halt();
        core.close();
        self.shared.withdraw_all();
        core.wait_ended();
        Ok(core.take_unrun())
    }

    // Workers.

    /// Starts `n` more workers. A place that a retired worker has left, with its number, is taken again first. On a
    /// pool that has ended, they end at once.
    ///
    /// # Errors
    /// If the system will not start a thread, or there would be more than 65,535; the pool keeps those it has.
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

/// Waits for a task whose closure borrows from the caller, even while unwinding.
struct WaitOnDrop<'a, R>(&'a mut Holder<R>);

impl<R> Drop for WaitOnDrop<'_, R> {
    fn drop(&mut self) {
        wait::for_task(self.0, Deadline::Never);
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
