//! How the results of a group are waited for.

use super::TaskGroup;
use crate::error::{JoinError, TaskError};
use crate::pool::JoinHandle;
use crate::sync::Deadline;
use crate::worker::{Context, is_starting};
use std::convert::Infallible;
use std::time::Duration;

/// How far a worker of one pool has looked for tasks that it could run where it waits.
#[derive(Clone, Copy, Default)]
pub(super) struct Scan {
    /// The identity of that pool.
    pool: usize,
    /// No task before this number can be run by that pool's workers: it has been claimed, or belongs to another pool.
    next: usize,
}

impl<R: Send + 'static> TaskGroup<R> {
    /// The next result, if one comes within `limit`; else, or if no result is left, `None`: [`is_empty`](Self::is_empty)
    /// tells which.
    ///
    /// With a limit, a task that has not started is not run here, since it could take longer than that: on the only worker
    /// of a pool this waits in vain. A limit beyond what the clock can tell is none.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use std::time::Duration;
    ///
    /// let pool = my_strategy::Pool::new();
    /// let mut group = pool_core::TaskGroup::new();
    /// group.spawn(pool.task(), || 42);
    /// while !group.is_empty() {
    ///     match group.next_timeout(Duration::from_millis(100)) {
    ///         Some((_, result)) => assert_eq!(result?, 42),
    ///         None => println!("still at work"),
    ///     }
    /// }
    /// # Ok::<(), pool_core::JoinError>(())
    /// ```
    pub fn next_timeout(&mut self, limit: Duration) -> Option<(usize, Result<R, JoinError>)> {
        self.next_by(Deadline::after(limit), false)
    }

    fn next_by(&mut self, deadline: Deadline, may_run: bool) -> Option<(usize, Result<R, JoinError>)> {
        while self.left > 0 {
            let mut found = self.inherited().or_else(|| self.ended.take());
            if found.is_none() && may_run {
                found = self.run_one();
                if found.is_none() && is_starting() {
                    self.handles.iter().flatten().for_each(JoinHandle::assert_may_wait);
                }
            }
            let number = match found {
                Some(number) => number,
                None => self.ended.wait(deadline)?,
            };
            if let Some(result) = self.take_result(number, may_run) {
                return Some((number, result));
            }
        }
        None
    }

    /// The number of a task of a pool that this process has only inherited: no worker is there that would announce it. A
    /// pool accepts tasks only in the process that made it, so such tasks are the oldest of the group.
    fn inherited(&self) -> Option<usize> {
        self.handles.front()?.as_ref()?.is_inherited().then_some(self.first)
    }

    /// On a worker: runs the oldest task of the group that belongs to its pool and has not started. `None` if there is none.
    fn run_one(&mut self) -> Option<usize> {
        let pool = Context::with(|context| context.map(|context| context.crew().id()))?;
        if self.scan.pool != pool {
            self.scan = Scan { pool, next: 0 };
        }
        let from = self.scan.next.saturating_sub(self.first);
        for (at, handle) in self.handles.iter().enumerate().skip(from) {
            self.scan.next = self.first + at + 1;
            if handle.as_ref().is_some_and(JoinHandle::run_if_waiting) {
                return Some(self.first + at);
            }
        }
        None
    }

    /// The result of a task that has nothing left to wait for. `None` if it was taken before, or there is something after
    /// all: a task that was handed back is being run by hand.
    fn take_result(&mut self, number: usize, may_run: bool) -> Option<Result<R, JoinError>> {
        let at = number.checked_sub(self.first)?;
        let mut handle = self.handles.get_mut(at)?.take()?;
        if may_run {
            // What `shutdown_now` hands back is run by a worker that waits for it, as in `JoinHandle::join`.
            handle.run_if_waiting();
        }
        if !handle.is_finished() {
            self.announce_at_end(&mut handle, number);
            self.handles[at] = Some(handle);
            return None;
        }
        self.left -= 1;
        while let Some(None) = self.handles.front() {
            self.handles.pop_front();
            self.first += 1;
        }
        Some(handle.finish())
    }

    /// Waits for all tasks, and returns the results that were not taken yet, in the order of submission.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let mut group = pool_core::TaskGroup::new();
    /// group.spawn(pool.task(), || 1);
    /// group.spawn(pool.task(), || panic!("no such file"));
    /// let results = group.join_all();
    /// assert!(matches!(results[0], Ok(1)));
    /// assert!(results[1].as_ref().is_err_and(|error| error.is_panic()));
    /// ```
    pub fn join_all(self) -> Vec<Result<R, JoinError>> {
        match self.join_by(Ok::<_, Infallible>) {
            Ok(results) => results,
            Err(never) => match never {},
        }
    }

    /// Waits for all tasks, and returns their values in the order of submission; or returns at the first panic, and cancels
    /// the other tasks by dropping the group.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let mut group = pool_core::TaskGroup::new();
    /// group.spawn(pool.task(), || panic!("no such file"));
    /// group.spawn(pool.task(), || 2);
    /// assert!(group.try_join_all().unwrap_err().is_panic());
    /// ```
    ///
    /// # Errors
    /// Of the first task, in the order in which tasks end, that panicked or was cancelled.
    pub fn try_join_all(self) -> Result<Vec<R>, JoinError> {
        self.join_by(|result| result)
    }

    /// The results in the order of submission, each passed through `each`, up to the first error.
    fn join_by<T, E>(mut self, mut each: impl FnMut(Result<R, JoinError>) -> Result<T, E>) -> Result<Vec<T>, E> {
        let first = self.first;
        let mut results: Vec<Option<T>> = self.handles.iter().map(|_| None).collect();
        for (number, result) in &mut self {
            results[number - first] = Some(each(result)?);
        }
        Ok(results.into_iter().flatten().collect())
    }
}

impl<T: Send + 'static, E: Send + 'static> TaskGroup<Result<T, E>> {
    /// Waits for all tasks, and returns their values in the order of submission; or returns at the first error or panic,
    /// and cancels the other tasks by dropping the group.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use pool_core::{TaskError, TaskGroup};
    /// use std::num::ParseIntError;
    ///
    /// fn parse(pool: &my_strategy::Pool, texts: [&'static str; 2]) -> Result<Vec<i32>, TaskError<ParseIntError>> {
    ///     let mut group = TaskGroup::new();
    ///     for text in texts {
    ///         group.spawn(pool.task(), move || text.parse());
    ///     }
    ///     group.try_join_ok()
    /// }
    /// # let pool = my_strategy::Pool::new();
    /// assert_eq!(parse(&pool, ["1", "2"])?, [1, 2]);
    /// assert!(matches!(parse(&pool, ["1", "two"]), Err(TaskError::Failed(_))));
    /// # Ok::<(), TaskError<ParseIntError>>(())
    /// ```
    ///
    /// # Errors
    /// Of the first task, in the order in which tasks end, that returned an error, panicked or was cancelled.
    pub fn try_join_ok(self) -> Result<Vec<T>, TaskError<E>> {
        self.join_by(|result| result.map_err(TaskError::Join)?.map_err(TaskError::Failed))
    }
}

impl<R: Send + 'static> Iterator for TaskGroup<R> {
    type Item = (usize, Result<R, JoinError>);

    /// Waits for a task to end and returns its number and its result: see [the type](Self#waiting).
    fn next(&mut self) -> Option<Self::Item> {
        self.next_by(Deadline::Never, true)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}
