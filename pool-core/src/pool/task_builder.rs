//! [`TaskBuilder`]: a submission as a value.

use super::Pool;
use super::handle::JoinHandle;
use crate::error::{Rejected, Rejection};
use crate::strategy::Scheduler;
use crate::task::Task;
use crate::task::cell::{self, Kind};
use crate::task::token::{CancelToken, Guard, Lent};
use crate::worker::{Context, IfFull, Inject, Shared};
use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Everything that can be said about a task before it is submitted. It allocates nothing.
///
/// [`Pool::task`] makes one for a pool, and the free function [`task`] one for the pool whose worker the thread is. The
/// short forms, such as [`Pool::execute`], submit a task of which nothing is said.
///
/// | said | means |
/// |---|---|
/// | [`hint`](Self::hint) | what the strategy understands, for example a priority |
/// | [`wait_for_room`](Self::wait_for_room) | how long to wait if the pool is full |
/// | [`token`](Self::token), [`deadline`](Self::deadline) | what ends the task, before it starts or while it runs |
///
/// Without a hint, a submission from outside is ordinary, and one by a task takes the urgency of that task: children
/// inherit.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// let pool = my_strategy::Pool::new();
/// let handle = pool.task().hint(()).spawn(|| 6 * 7);
/// assert_eq!(handle.join()?, 42);
/// # Ok::<(), pool_core::JoinError>(())
/// ```
#[must_use = "nothing is submitted before `execute` or `spawn`"]
pub struct TaskBuilder<P: Place> {
    pub(crate) place: P,
    pub(crate) hint: Option<P::Hint>,
    /// How long to wait if the pool is full, if that was said.
    pub(crate) patience: Option<Duration>,
    pub(crate) guard: Guard,
}

/// Where a [`TaskBuilder`] submits to: `&Pool<S>`, `&Remote<S>`, [`CurrentPool`], or `&dyn` [`Execute`](crate::Execute).
/// Sealed.
pub trait Place: sealed::Submit {}

impl<S: Scheduler<Task> + 'static> Place for &Pool<S> {}
impl<H: Clone + 'static> Place for CurrentPool<H> {}

/// The pool whose worker the calling thread is, with hints of the type `H`. See [`task`].
pub struct CurrentPool<H>(PhantomData<fn() -> H>);

impl<H> fmt::Debug for CurrentPool<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CurrentPool")
    }
}

pub(crate) mod sealed {
    use super::{IfFull, Inject, Rejection, Task, Weak};

    /// The way to a pool, whichever its strategy is, without owning it.
    #[derive(Debug)]
    pub struct Address(pub(crate) Weak<dyn Inject>);

    pub trait Submit {
        type Hint: Clone;

        /// The identity of the pool, if there is one.
        fn identity(&self) -> Result<usize, Rejection>;

        /// The way to the pool, if there is one.
        fn address(&self) -> Result<Address, Rejection>;

        /// Submits a task, or gives it back.
        fn submit(&self, task: Task, hint: Option<Self::Hint>, if_full: IfFull) -> Result<(), (Task, Rejection)>;
    }
}

impl<S: Scheduler<Task> + 'static> sealed::Submit for &Pool<S> {
    type Hint = S::Hint;

    #[inline]
    fn identity(&self) -> Result<usize, Rejection> {
        Ok(self.shared.crew.id())
    }

    fn address(&self) -> Result<sealed::Address, Rejection> {
        Ok(sealed::Address(Arc::<Shared<S>>::downgrade(&self.shared)))
    }

    /// By the worker that this thread is, or from outside. A worker's own submissions are always accepted: what runs
    /// may bring its work to an end.
    #[inline(always)]
    fn submit(&self, task: Task, hint: Option<S::Hint>, if_full: IfFull) -> Result<(), (Task, Rejection)> {
        Context::with_of(
            &self.shared.crew,
            #[inline(always)]
            |context| match context {
                Some(context) => {
                    context.submit_by(|| self.own_worker(context).push(task, hint));
                    Ok(())
                }
                None if self.is_inherited() => Err((task, Rejection::Forked)),
                None => self.shared.submit(task, hint, if_full),
            },
        )
    }
}

impl<H: Clone + 'static> sealed::Submit for CurrentPool<H> {
    type Hint = H;

    fn identity(&self) -> Result<usize, Rejection> {
        Context::with(|context| context.map(|context| context.crew().id()).ok_or(Rejection::NoWorker))
    }

    fn address(&self) -> Result<sealed::Address, Rejection> {
        let address = Context::with(|context| context.and_then(|context| context.crew().address()));
        address.map(sealed::Address).ok_or(Rejection::NoWorker)
    }

    // Always, as for a pool: it is handed a task, see `task/payload.rs` on moves.
    #[inline(always)]
    fn submit(&self, task: Task, hint: Option<H>, _if_full: IfFull) -> Result<(), (Task, Rejection)> {
        Context::with(
            #[inline(always)]
            |context| match context {
                None => Err((task, Rejection::NoWorker)),
                Some(context) if hint.is_none() => {
                    context.submit(task);
                    Ok(())
                }
                Some(context) => submit_hinted(context, task, &hint),
            },
        )
    }
}

/// Submits a task with a hint, an `Option` of whatever type the submitter takes for the hints of the strategy.
fn submit_hinted(context: &Context, task: Task, hint: &dyn Any) -> Result<(), (Task, Rejection)> {
    if !context.queue().takes(hint) {
        return Err((task, Rejection::OtherHint));
    }
    context.submit_by(|| context.queue().push_hinted(task, hint));
    Ok(())
}

/// A task for the pool whose worker this thread is, without holding the pool. `H` is the type of the strategy's hints; the
/// strategy crates have a `task` of their own that fills it in.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// let pool = my_strategy::Pool::new();
/// let answer = pool.spawn(|| pool_core::task().hint(()).spawn(|| 42).join());
/// assert_eq!(answer.join()??, 42);
/// // Elsewhere there is no such pool, and the closure comes back.
/// let refused = pool_core::task::<()>().try_spawn(|| 42).unwrap_err();
/// assert_eq!(refused.reason(), pool_core::Rejection::NoWorker);
/// # Ok::<(), pool_core::JoinError>(())
/// ```
pub fn task<H: Clone + 'static>() -> TaskBuilder<CurrentPool<H>> {
    TaskBuilder { place: CurrentPool(PhantomData), hint: None, patience: None, guard: Guard::NONE }
}

impl<P: Place> TaskBuilder<P> {
    /// What the strategy should know of the task, for example its priority. The last one counts.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// my_strategy::Pool::new().task().hint(()).execute(|| println!("as urgent as any"));
    /// ```
    #[inline(always)]
    pub fn hint(self, hint: P::Hint) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// How long the submission may wait if the pool is [full](crate::Builder::capacity), whatever its policy; after that the task
    /// is refused, and a `try_` method gives the closure back. A worker of the pool never waits.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use std::time::Duration;
    ///
    /// let pool = my_strategy::Pool::builder().capacity(100).build()?;
    /// let job = pool.task().wait_for_room(Duration::from_millis(50)).try_spawn(|| 42);
    /// assert_eq!(job?.join()?, 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn wait_for_room(self, limit: Duration) -> Self {
        Self { patience: Some(limit), ..self }
    }

    /// Ends the task by this token: one that has ended before the task starts makes it a cancelled one, which never runs;
    /// while the task runs, it is its [`current_token`](crate::current_token). What the task submits does not inherit it.
    ///
    /// For closures that are submitted; calls that wait, such as [`install`](Self::install), and futures pay no heed.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use pool_core::{CancelToken, is_cancelled};
    ///
    /// let (pool, token) = (my_strategy::Pool::new(), CancelToken::new());
    /// let search = pool.task().token(&token).spawn(|| {
    ///     while !is_cancelled() {
    ///         std::thread::yield_now();
    ///     }
    ///     "stopped"
    /// });
    /// token.cancel();
    /// // Before it began, or while it ran.
    /// assert!(search.join().map_or_else(|error| error.is_cancelled(), |word| word == "stopped"));
    /// ```
    ///
    /// One allocation more where the closure can come back. Dropping a task that may not start costs an unwinding: some
    /// microseconds.
    pub fn token(self, token: &CancelToken) -> Self {
        Self { guard: Guard { token: Some(token.clone()), ..self.guard }, ..self }
    }

    /// Ends the task by this time: if it has not started then, it [never does](crate::JoinError::is_expired), and counts as
    /// [`expired`](crate::Metrics::expired); while it runs, its [`current_token`](crate::current_token) tells. For the same calls as
    /// [`token`](Self::token), beside which it may stand.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use std::time::{Duration, Instant};
    ///
    /// let pool = my_strategy::Pool::new();
    /// let by = Instant::now() + Duration::from_secs(1);
    /// assert_eq!(pool.task().deadline(by).spawn(|| pool_core::is_cancelled()).join()?, false);
    /// # Ok::<(), pool_core::JoinError>(())
    /// ```
    ///
    /// As for a token; and one allocation for the token that it makes.
    pub fn deadline(self, deadline: Instant) -> Self {
        Self { guard: Guard { deadline: Some(deadline), ..self.guard }, ..self }
    }

    /// What to do if the pool is full.
    #[inline(always)]
    pub(crate) fn or_wait(&self, otherwise: IfFull) -> IfFull {
        self.patience.map_or(otherwise, IfFull::Wait)
    }

    /// Runs `f` some time, on some worker, as [`Pool::execute`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// pool.task().execute(|| println!("fire and forget"));
    /// ```
    ///
    /// # Panics
    /// If the task is refused, for one of the reasons of [`Rejection`]. [`try_execute`](Self::try_execute) returns an error
    /// instead.
    #[inline(always)]
    #[track_caller]
    pub fn execute(self, f: impl FnOnce() + Send + 'static) {
        let if_full = self.or_wait(IfFull::Policy);
        let task = match self.guard.into_token() {
            None => Task::from_closure(f),
            Some(token) => Task::from_closure(move || token.run(f)),
        };
        if let Err((task, reason)) = self.place.submit(task, self.hint, if_full) {
            drop(task);
            refused(reason);
        }
    }

    /// Like [`execute`](Self::execute).
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// pool.shutdown()?;
    /// let refused = pool.task().try_execute(|| println!("here, then")).unwrap_err();
    /// refused.into_inner()();
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    ///
    /// # Errors
    /// With the closure, if the task is refused.
    #[inline]
    pub fn try_execute<F: FnOnce() + Send + 'static>(self, f: F) -> Result<(), Rejected<F>> {
        let if_full = self.or_wait(IfFull::Try);
        if let Some(token) = self.guard.into_token() {
            let f = Lent::new(f);
            let lent = f.again();
            let task = Task::from_closure(move || token.run(|| lent.take()()));
            return self.place.submit(task, self.hint, if_full).map_err(|(_, reason)| Rejected::new(f.take(), reason));
        }
        self.place.submit(Task::from_closure(f), self.hint, if_full).map_err(|(task, reason)| {
            // SAFETY: made from an `F` just now, and what is refused is the very task that was submitted: it was never
            // given to a strategy.
            Rejected::new(unsafe { task.into_closure::<F>() }, reason)
        })
    }

    /// Runs `f` some time, on some worker, and returns the right to its result, as [`Pool::spawn`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// assert_eq!(pool.task().spawn(|| 1 + 1).join()?, 2);
    /// # Ok::<(), pool_core::JoinError>(())
    /// ```
    ///
    /// # Panics
    /// As [`execute`](Self::execute).
    #[track_caller]
    pub fn spawn<F, R>(self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let if_full = self.or_wait(IfFull::Policy);
        match self.spawn_if(f, if_full) {
            Ok(handle) => handle,
            Err(rejected) => refused(rejected.reason()),
        }
    }

    /// Like [`spawn`](Self::spawn).
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// assert_eq!(pool.task().try_spawn(|| 1 + 1)?.join()?, 2);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    ///
    /// # Errors
    /// As [`try_execute`](Self::try_execute).
    pub fn try_spawn<F, R>(self, f: F) -> Result<JoinHandle<R>, Rejected<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let if_full = self.or_wait(IfFull::Try);
        self.spawn_if(f, if_full)
    }

    fn spawn_if<F, R>(self, f: F, if_full: IfFull) -> Result<JoinHandle<R>, Rejected<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let pool = match self.place.identity() {
            Ok(pool) => pool,
            Err(reason) => return Err(Rejected::new(f, reason)),
        };
        if let Some(token) = self.guard.into_token() {
            let f = Lent::new(f);
            let lent = f.again();
            // SAFETY: closure and result are `'static`.
            let (task, holder) = unsafe { cell::new(pool, Kind::Owned, move || token.run(|| lent.take()())) };
            return match self.place.submit(task, self.hint, if_full) {
                Ok(()) => Ok(JoinHandle::new(holder)),
                Err((_task, reason)) => Err(Rejected::new(f.take(), reason)),
            };
        }
        // SAFETY: closure and result are `'static`.
        let (task, mut holder) = unsafe { cell::new(pool, Kind::Owned, f) };
        match self.place.submit(task, self.hint, if_full) {
            Ok(()) => Ok(JoinHandle::new(holder)),
            Err((_task, reason)) => {
                // SAFETY: the holder's cell was made from an `F` above.
                let f = unsafe { holder.take_closure::<F>() };
                Err(Rejected::new(f.expect("a refused task has not run"), reason))
            }
        }
    }
}

/// Apart from its callers, so that they stay small.
#[cold]
#[inline(never)]
#[track_caller]
pub(crate) fn refused(reason: Rejection) -> ! {
    panic!("{reason}");
}

impl<P: Place> fmt::Debug for TaskBuilder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskBuilder").field("has_hint", &self.hint.is_some()).finish_non_exhaustive()
    }
}
