//! [`TaskGroup`]: tasks whose results come as they end, and which are cancelled together.

mod results;

use super::ended::Ended;
#[cfg(doc)]
use crate::error::JoinError;
use crate::error::Rejected;
use crate::error::panic::{self, drop_quietly};
use crate::pool::{JoinHandle, Place, TaskBuilder};
use crate::task::token::{CancelToken, current_token};
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::{Wake, Waker};

use results::Scan;

/// Tasks that are waited for together, and cancelled together.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// use pool_core::TaskGroup;
///
/// let pool = my_strategy::Pool::new();
/// let mut group = TaskGroup::new();
/// for n in 1..=4 {
///     group.spawn(pool.task(), move || n * n);
/// }
/// assert_eq!(group.try_join_all()?, [1, 4, 9, 16]);
/// # Ok::<(), pool_core::JoinError>(())
/// ```
///
/// # Results
/// Tasks are numbered from 0, in the order of their submission. A group is an iterator: [`next`](Iterator::next) waits for a
/// task and returns its number with its result, in the order in which tasks end, and `None` when no result is left. More
/// tasks can be spawned meanwhile.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// # use pool_core::TaskGroup;
/// # let pool = my_strategy::Pool::new();
/// let texts = ["12", "twelve", "13"];
/// let mut group = TaskGroup::new();
/// for text in texts {
///     group.spawn(pool.task(), move || text.parse::<u32>());
/// }
/// for (number, result) in &mut group {
///     match result? {
///         Ok(value) => println!("{value}"),
///         Err(error) => println!("{}: {error}", texts[number]),
///     }
/// }
/// # Ok::<(), pool_core::JoinError>(())
/// ```
///
/// # Ending early
/// Each task runs with the [token](Self::token) of the group as its [current token](current_token). [`cancel`](Self::cancel)
/// cancels that token and drops the closures of the tasks that have not started. So does dropping a group, also by a `?`,
/// unless all of its results were taken. It does not wait: tasks that run go on until they look at their token.
///
/// A group that is made by a task with a current token is cancelled with it.
///
/// # Waiting
/// A worker that waits for a group runs those tasks of it that have not started, one after the other, right where it waits,
/// if they belong to its own pool; then it parks. So one worker is enough. Two things follow:
/// - A task that is run in this way may end later than another one whose result is then ready.
/// - A lock that is held around the wait must not be wanted by a task of the group.
///
/// On any other thread, a worker of another pool included, the wait blocks. A token that ends does not end a wait: that is
/// over when the tasks have returned. A task that [`shutdown_now`](crate::Pool::shutdown_now) hands back counts as ended: its
/// result is an error that [says so](JoinError::is_returned).
///
/// # Costs
/// A task of a group costs what [`Pool::spawn`](crate::Pool::spawn) does, a second allocation, and a lock at its end.
/// [`spawn`](Self::spawn), `next` and `len` are O(1) amortised, [`cancel`](Self::cancel) is O(tasks). The group's own memory
/// grows with the distance between the oldest task whose result was not taken and the newest task.
#[must_use = "dropping a group cancels its tasks"]
pub struct TaskGroup<R> {
    token: CancelToken,
    ended: Arc<Ended>,
    /// From number `first` on; `None` where the result was taken. The first one is never `None`.
    handles: VecDeque<Option<JoinHandle<R>>>,
    first: usize,
    /// Results that were not taken.
    left: usize,
    scan: Scan,
}

/// Announces a task when its handle has nothing left to wait for: it has ended, was cancelled, or was handed back.
struct Announce {
    ended: Arc<Ended>,
    number: usize,
}

impl Wake for Announce {
    fn wake(self: Arc<Self>) {
        self.ended.announce(self.number);
    }
}

impl<R> TaskGroup<R> {
    /// A group without tasks. Its token is a child of the [current token](current_token), if there is one.
    ///
    /// ```
    /// let group = pool_core::TaskGroup::<u32>::new();
    /// assert!(group.is_empty());
    /// ```
    pub fn new() -> Self {
        Self::of(current_token().map_or_else(CancelToken::new, |token| token.child()))
    }

    /// A group without tasks, whose token is a child of `parent`: for a group with a deadline, or one that ends with other
    /// work.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use pool_core::{CancelToken, TaskGroup, is_cancelled};
    /// use std::time::Duration;
    ///
    /// let pool = my_strategy::Pool::new();
    /// let mut group = TaskGroup::with_token(&CancelToken::new().with_timeout(Duration::from_millis(1)));
    /// group.spawn(pool.task(), || {
    ///     while !is_cancelled() {
    ///         std::thread::yield_now(); // a step of the work
    ///     }
    /// });
    /// assert_eq!(group.join_all().len(), 1);
    /// ```
    pub fn with_token(parent: &CancelToken) -> Self {
        Self::of(parent.child())
    }

    fn of(token: CancelToken) -> Self {
        let ended = Arc::new(Ended::new());
        Self { token, ended, handles: VecDeque::new(), first: 0, left: 0, scan: Scan::default() }
    }

    /// The token that the tasks of the group run with.
    ///
    /// ```
    /// let group = pool_core::TaskGroup::<u32>::new();
    /// let token = group.token().clone();
    /// group.cancel();
    /// assert!(token.is_cancelled());
    /// ```
    pub fn token(&self) -> &CancelToken {
        &self.token
    }

    /// How many results were not taken yet: those of tasks that wait, that run, and that have ended.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let mut group = pool_core::TaskGroup::new();
    /// group.spawn(pool.task(), || 42);
    /// assert_eq!(group.len(), 1);
    /// assert!(group.next().is_some());
    /// assert_eq!(group.len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.left
    }

    /// Whether no result is left.
    ///
    /// ```
    /// assert!(pool_core::TaskGroup::<u32>::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Cancels the token, and each task that has not started: its closure is dropped right here, and its result is an error
    /// that [is cancelled](JoinError::is_cancelled). Does not wait for the tasks that run. What is spawned from now on is
    /// accepted, and cancelled at its turn.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let mut group = pool_core::TaskGroup::new();
    /// group.spawn(pool.task(), || 42);
    /// group.cancel();
    /// match group.next() {
    ///     Some((0, Ok(value))) => assert_eq!(value, 42), // it had started
    ///     Some((0, Err(error))) => assert!(error.is_cancelled()),
    ///     other => unreachable!("{other:?}"),
    /// }
    /// ```
    ///
    /// # Panics
    /// With the first panic of the `Drop` of a closure, after all were dropped.
    pub fn cancel(&self) {
        if let Some(payload) = self.cancel_all() {
            resume_unwind(payload);
        }
    }

    /// Returns the first panic.
    fn cancel_all(&self) -> Option<panic::Payload> {
        self.token.cancel();
        let mut first = None;
        for handle in self.handles.iter().flatten() {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| handle.cancel())) {
                match first {
                    None => first = Some(payload),
                    Some(_) => drop_quietly(payload),
                }
            }
        }
        first
    }
}

impl<R: Send + 'static> TaskGroup<R> {
    /// Submits a task of the group, by whatever place it is built for: `pool.task()`, or [`task`](crate::task()) on a
    /// worker. The token of the group takes the place of one that the builder was given; a [deadline](TaskBuilder::deadline)
    /// stands beside it. Returns its number: how many were submitted before it.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let mut group = pool_core::TaskGroup::new();
    /// assert_eq!(group.spawn(pool.task(), || "the first"), 0);
    /// assert_eq!(group.spawn(pool.task().hint(()), || "the second"), 1);
    /// ```
    ///
    /// # Panics
    /// If the task is refused, as [`TaskBuilder::spawn`]. [`try_spawn`](Self::try_spawn) returns an error instead.
    #[track_caller]
    pub fn spawn<P, F>(&mut self, task: TaskBuilder<P>, f: F) -> usize
    where
        P: Place,
        F: FnOnce() -> R + Send + 'static,
    {
        let handle = task.token(&self.token).spawn(f);
        self.add(handle)
    }

    /// Like [`spawn`](Self::spawn).
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// pool.shutdown()?;
    /// let mut group = pool_core::TaskGroup::new();
    /// let refused = group.try_spawn(pool.task(), || 42).unwrap_err();
    /// assert_eq!(refused.into_inner()(), 42); // here, then
    /// assert!(group.is_empty());
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    ///
    /// # Errors
    /// With the closure, if the task is refused.
    pub fn try_spawn<P, F>(&mut self, task: TaskBuilder<P>, f: F) -> Result<usize, Rejected<F>>
    where
        P: Place,
        F: FnOnce() -> R + Send + 'static,
    {
        let handle = task.token(&self.token).try_spawn(f)?;
        Ok(self.add(handle))
    }

    fn add(&mut self, mut handle: JoinHandle<R>) -> usize {
        let number = self.first + self.handles.len();
        self.announce_at_end(&mut handle, number);
        self.handles.push_back(Some(handle));
        self.left += 1;
        number
    }

    fn announce_at_end(&self, handle: &mut JoinHandle<R>, number: usize) {
        let ended = Arc::clone(&self.ended);
        if !handle.set_waker(&Waker::from(Arc::new(Announce { ended, number }))) {
            self.ended.announce(number);
        }
    }
}

impl<R> Default for TaskGroup<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> Drop for TaskGroup<R> {
    fn drop(&mut self) {
        if self.left == 0 {
            return;
        }
        match self.cancel_all() {
            // A second panic would abort the process.
            Some(payload) if std::thread::panicking() => drop_quietly(payload),
            Some(payload) => resume_unwind(payload),
            None => {}
        }
    }
}

impl<R> fmt::Debug for TaskGroup<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup").field("len", &self.left).field("token", &self.token).finish()
    }
}
