//! The loops of a [`Pool`] that may end before all of their range is done.

use super::Pool;
use super::task_builder::TaskBuilder;
use crate::parallel::{self, LoopIndex};
use crate::strategy::Scheduler;
use crate::task::Task;
use std::ops::Range;

impl<S: Scheduler<Task> + 'static> Pool<S> {
    /// Calls `f` with the numbers of `range`, once each, until one call returns an error. The work is divided as by
    /// [`for_each`](Self::for_each).
    ///
    /// The end comes soon: a call that runs is not interrupted, and no worker begins another one once it sees that an error
    /// has been returned, which it looks for before each call. So no more calls follow than there are workers, but for a
    /// moment in which the news travels.
    ///
    /// Which calls are made before an error depends on the workers, so the error of a smaller number than the one returned
    /// may never have come up. A loop that should stop for another reason too can ask in `f`, for example
    /// [`CancelToken::check`](crate::CancelToken::check).
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use pool_core::{CancelToken, Cancelled};
    ///
    /// let pool = my_strategy::Pool::new();
    /// let token = CancelToken::new();
    /// let whole: Result<(), Cancelled> = pool.try_for_each(0..1_000, |i| {
    ///     token.check()?;
    ///     if i == 3 {
    ///         token.cancel();
    ///     }
    ///     Ok(())
    /// });
    /// assert!(whole.is_err());
    /// ```
    ///
    /// # Errors
    /// Of the smallest number among those whose calls returned one. The other errors are dropped.
    ///
    /// # Panics
    /// With the panic of `f`, as [`for_each`](Self::for_each).
    #[track_caller]
    pub fn try_for_each<I, E, F>(&self, range: Range<I>, f: F) -> Result<(), E>
    where
        I: LoopIndex,
        E: Send,
        F: Fn(I) -> Result<(), E> + Sync,
    {
        self.task().try_for_each(range, f)
    }

    /// A number of `range` for which `predicate` is `true`, whichever is found first in time; `None` if there is none.
    /// Ends as soon as [`try_for_each`](Self::try_for_each) does.
    ///
    /// At most one call for each number.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let numbers = [5, 8, 13, 21, 34];
    /// let even = pool.find_any(0..numbers.len(), |i| numbers[i] % 2 == 0);
    /// assert!(even == Some(1) || even == Some(4));
    /// assert_eq!(pool.find_any(0..numbers.len(), |i| numbers[i] > 50), None);
    /// ```
    ///
    /// # Panics
    /// With the panic of `predicate`, as [`for_each`](Self::for_each).
    #[track_caller]
    pub fn find_any<I, F>(&self, range: Range<I>, predicate: F) -> Option<I>
    where
        I: LoopIndex,
        F: Fn(I) -> bool + Sync,
    {
        self.task().find_any(range, predicate)
    }

    /// The smallest number of `range` for which `predicate` is `true`; `None` if there is none.
    ///
    /// `predicate` is called for all smaller numbers, and for some greater ones: no call begins for a number greater than one
    /// that is known to have been found. Where any find will do, [`find_any`](Self::find_any) ends earlier.
    ///
    /// At most one call for each number.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let numbers = [5, 8, 13, 21, 34];
    /// assert_eq!(pool.find_first(0..numbers.len(), |i| numbers[i] % 2 == 0), Some(1));
    /// ```
    ///
    /// # Panics
    /// With the panic of `predicate`, as [`for_each`](Self::for_each).
    #[track_caller]
    pub fn find_first<I, F>(&self, range: Range<I>, predicate: F) -> Option<I>
    where
        I: LoopIndex,
        F: Fn(I) -> bool + Sync,
    {
        self.task().find_first(range, predicate)
    }
}

/// Loops that may end early, placed as the other calls that wait.
impl<S: Scheduler<Task> + 'static> TaskBuilder<&Pool<S>> {
    /// As [`Pool::try_for_each`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let small = |i: u32| if i < 5 { Ok(()) } else { Err(i) };
    /// assert_eq!(my_strategy::Pool::new().task().hint(()).try_for_each(0..6, small), Err(5));
    /// ```
    ///
    /// # Errors
    /// As [`Pool::try_for_each`].
    ///
    /// # Panics
    /// As [`Pool::for_each`].
    #[track_caller]
    pub fn try_for_each<I, E, F>(self, range: Range<I>, f: F) -> Result<(), E>
    where
        I: LoopIndex,
        E: Send,
        F: Fn(I) -> Result<(), E> + Sync,
    {
        let f = &f;
        self.on_worker(move |_| parallel::try_for_each(range, f))
    }

    /// As [`Pool::find_any`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// assert_eq!(my_strategy::Pool::new().task().hint(()).find_any(0..9, |i| i == 5), Some(5));
    /// ```
    ///
    /// # Panics
    /// As [`Pool::for_each`].
    #[track_caller]
    pub fn find_any<I, F>(self, range: Range<I>, predicate: F) -> Option<I>
    where
        I: LoopIndex,
        F: Fn(I) -> bool + Sync,
    {
        let predicate = &predicate;
        self.on_worker(move |_| parallel::find_any(range, predicate))
    }

    /// As [`Pool::find_first`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// assert_eq!(my_strategy::Pool::new().task().hint(()).find_first(0..9, |i| i > 4), Some(5));
    /// ```
    ///
    /// # Panics
    /// As [`Pool::for_each`].
    #[track_caller]
    pub fn find_first<I, F>(self, range: Range<I>, predicate: F) -> Option<I>
    where
        I: LoopIndex,
        F: Fn(I) -> bool + Sync,
    {
        let predicate = &predicate;
        self.on_worker(move |_| parallel::find_first(range, predicate))
    }
}
