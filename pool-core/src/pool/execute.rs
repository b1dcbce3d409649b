//! [`Execute`]: a pool behind a reference, whichever its strategy.

use super::Pool;
use super::handle::JoinHandle;
use super::task_builder::sealed::{self as place, Address};
use super::task_builder::{Place, TaskBuilder};
use crate::error::{Rejected, Rejection, WaitError};
use crate::strategy::Scheduler;
use crate::task::Task;
use crate::task::token::Guard;
use crate::worker::{Context, IfFull};
use std::convert::Infallible;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

/// A pool of any strategy, as a trait object: what a library takes if it is to run its work on the pool of the program
/// that calls it.
///
/// A function that takes `&dyn Execute` is compiled once, has no type parameter to pass on, and leaves the strategy to its
/// caller: `&pool`, of any [`Pool<S>`](Pool), is one. Choose `&PoolOf<S>` instead, with `S: Scheduler<Task>`, where the
/// library gives hints.
///
/// ```
/// use pool_core::{Execute, JoinError};
///
/// /// The number of words in all texts. The pool is the caller's choice.
/// fn words(texts: Vec<String>, pool: &dyn Execute) -> Result<usize, JoinError> {
///     let counts: Vec<_> =
///         texts.into_iter().map(|text| pool.spawn(move || text.split_whitespace().count())).collect();
///     counts.into_iter().map(|count| count.join()).sum()
/// }
/// # use pool_core::doc_toy as my_strategy;
/// let pool = my_strategy::Pool::new();
/// assert_eq!(words(vec!["to be".into(), "or not to be".into()], &pool)?, 6);
/// # Ok::<(), JoinError>(())
/// ```
///
/// The methods for closures are those of [`dyn Execute`](#implementations). They keep all promises of the pool,
/// at nearly the same price: a closure of up to two words still costs no allocation, and on a worker of the pool a
/// [`JoinHandle`] runs what it waits for. A call through the reference costs an indirect call on top. A boxed closure is
/// a closure of two words.
///
/// For borrowing there is [`install`](#method.install): within it, the free functions [`join`](crate::join),
/// [`scope`](crate::scope()), [`for_each`](crate::for_each) and [`map_reduce`](crate::map_reduce) do what the pool's methods
/// do.
///
/// To keep a pool, take `Arc<dyn Execute>`. A reference, a box or an [`Arc`] of an `Execute` is an `Execute`, too. The
/// trait is sealed: its promises are those of a pool.
pub trait Execute: sealed::Accept + Send + Sync + UnwindSafe + RefUnwindSafe {
    /// The number of workers, as [`Pool::workers`]: a measure for how many parts work is worth dividing into.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use pool_core::Execute;
    ///
    /// let pool = my_strategy::Pool::builder().workers(3).build()?;
    /// let any: &dyn Execute = &pool;
    /// assert_eq!(any.workers(), 3);
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    fn workers(&self) -> usize;

    /// Waits until, at some moment of this call, no task of the pool waits and none runs, as [`Pool::wait_idle`]. Tasks of
    /// other users of the pool count, too: a library that waits for its own tasks keeps their handles.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use pool_core::Execute;
    ///
    /// let pool = my_strategy::Pool::new();
    /// let any: &dyn Execute = &pool;
    /// any.execute(|| println!("done before `wait_idle` returns"));
    /// any.wait_idle()?;
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    ///
    /// # Errors
    /// On a worker of the pool, whose own task would have to end first.
    fn wait_idle(&self) -> Result<(), WaitError>;
}

mod sealed {
    use super::{Address, IfFull, Rejection, Task};

    pub trait Accept {
        /// The identity of the pool.
        fn pool(&self) -> usize;

        /// The way to the pool.
        fn address(&self) -> Result<Address, Rejection>;

        /// Submits a task of which nothing is said, or gives it back.
        fn accept(&self, task: Task, if_full: IfFull) -> Result<(), (Task, Rejection)>;
    }
}

impl<S: Scheduler<Task> + 'static> sealed::Accept for Pool<S> {
    fn pool(&self) -> usize {
        self.shared.crew.id()
    }

    fn address(&self) -> Result<Address, Rejection> {
        place::Submit::address(&self)
    }

    fn accept(&self, task: Task, if_full: IfFull) -> Result<(), (Task, Rejection)> {
        place::Submit::submit(&self, task, None, if_full)
    }
}

impl<S: Scheduler<Task> + 'static> Execute for Pool<S> {
    fn workers(&self) -> usize {
        Pool::workers(self)
    }

    fn wait_idle(&self) -> Result<(), WaitError> {
        Pool::wait_idle(self)
    }
}

/// For what leads to an `Execute`.
macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<P: Execute + ?Sized> sealed::Accept for $pointer {
            fn pool(&self) -> usize {
                (**self).pool()
            }

            fn address(&self) -> Result<Address, Rejection> {
                (**self).address()
            }

            fn accept(&self, task: Task, if_full: IfFull) -> Result<(), (Task, Rejection)> {
                (**self).accept(task, if_full)
            }
        }

        impl<P: Execute + ?Sized> Execute for $pointer {
            fn workers(&self) -> usize {
                (**self).workers()
            }

            fn wait_idle(&self) -> Result<(), WaitError> {
                (**self).wait_idle()
            }
        }
    )*};
}

forward!(&P, Box<P>, Arc<P>);

impl place::Submit for &(dyn Execute + '_) {
    /// A library does not know which hints the strategy takes: it gives none.
    type Hint = Infallible;

    fn identity(&self) -> Result<usize, Rejection> {
        Ok(self.pool())
    }

    fn address(&self) -> Result<Address, Rejection> {
        sealed::Accept::address(*self)
    }

    fn submit(&self, task: Task, _hint: Option<Infallible>, if_full: IfFull) -> Result<(), (Task, Rejection)> {
        self.accept(task, if_full)
    }
}

impl Place for &(dyn Execute + '_) {}

impl<'a> dyn Execute + 'a {
    /// A submission as a value, as [`Pool::task`], without hints.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// # use pool_core::Execute;
    /// let pool: Box<dyn Execute> = Box::new(my_strategy::Pool::new());
    /// pool.task().execute(|| println!("fire and forget"));
    /// ```
    pub fn task(&self) -> TaskBuilder<&(dyn Execute + 'a)> {
        TaskBuilder { place: self, hint: None, patience: None, guard: Guard::NONE }
    }

    /// Runs `f` some time, on some worker, as [`Pool::execute`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// # use pool_core::Execute;
    /// let pool: Box<dyn Execute> = Box::new(my_strategy::Pool::new());
    /// pool.execute(|| println!("fire and forget"));
    /// let boxed: Box<dyn FnOnce() + Send> = Box::new(|| println!("without another allocation"));
    /// pool.execute(boxed);
    /// ```
    ///
    /// # Panics
    /// If the pool has been shut down, or is full and refuses, and this thread is not one of its workers.
    /// [`try_execute`](#method.try_execute) returns an error instead.
    #[track_caller]
    pub fn execute(&self, f: impl FnOnce() + Send + 'static) {
        self.task().execute(f);
    }

    /// Like [`execute`](#method.execute).
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// # use pool_core::Execute;
    /// let pool = my_strategy::Pool::new();
    /// pool.shutdown()?;
    /// let any: &dyn Execute = &pool;
    /// any.try_execute(|| println!("here, then")).unwrap_err().into_inner()();
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    ///
    /// # Errors
    /// With the closure, if the pool has been shut down or is full.
    pub fn try_execute<F: FnOnce() + Send + 'static>(&self, f: F) -> Result<(), Rejected<F>> {
        self.task().try_execute(f)
    }

    /// Runs `f` some time, on some worker, and returns the right to its result, as [`Pool::spawn`]. One allocation.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// # use pool_core::Execute;
    /// let pool: Box<dyn Execute> = Box::new(my_strategy::Pool::new());
    /// assert_eq!(pool.spawn(|| 6 * 7).join()?, 42);
    /// # Ok::<(), pool_core::JoinError>(())
    /// ```
    ///
    /// # Panics
    /// As [`execute`](#method.execute). [`try_spawn`](#method.try_spawn) returns an error instead.
    #[track_caller]
    pub fn spawn<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.task().spawn(f)
    }

    /// Like [`spawn`](#method.spawn).
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// # use pool_core::Execute;
    /// let pool: Box<dyn Execute> = Box::new(my_strategy::Pool::new());
    /// assert_eq!(pool.try_spawn(|| 6 * 7)?.join()?, 42);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    ///
    /// # Errors
    /// With the closure, if the pool has been shut down or is full.
    pub fn try_spawn<F, R>(&self, f: F) -> Result<JoinHandle<R>, Rejected<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.task().try_spawn(f)
    }

    /// Runs `f`, which may borrow, on a worker and waits for it, as [`Pool::install`]. On a worker of the pool: runs it
    /// right here.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use pool_core::{Execute, join};
    ///
    /// fn sum(numbers: &[u64]) -> u64 {
    ///     if numbers.len() < 1_000 {
    ///         return numbers.iter().sum();
    ///     }
    ///     let (left, right) = numbers.split_at(numbers.len() / 2);
    ///     let (left, right) = join(|| sum(left), || sum(right));
    ///     left + right
    /// }
    /// fn sum_on(pool: &dyn Execute, numbers: &[u64]) -> u64 {
    ///     pool.install(|| sum(numbers))
    /// }
    /// let numbers: Vec<u64> = (1..=10_000).collect();
    /// assert_eq!(sum_on(&my_strategy::Pool::new(), &numbers), 50_005_000);
    /// ```
    ///
    /// # Panics
    /// With the panic of `f`, or if the pool has been shut down.
    #[track_caller]
    pub fn install<F, R>(&self, f: F) -> R
    where
        F: FnOnce() -> R + Send,
        R: Send,
    {
        let pool = self.pool();
        if Context::with(|context| context.is_some_and(|context| context.crew().id() == pool)) {
            f()
        } else {
            self.task().ask_worker(pool, f)
        }
    }
}

impl fmt::Debug for dyn Execute + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execute").field("workers", &self.workers()).finish_non_exhaustive()
    }
}
