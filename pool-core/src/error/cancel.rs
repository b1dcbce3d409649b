//! Why work ends before it is done.

use super::join::JoinError;
use super::reason::CancelReason;
use std::error::Error;
use std::fmt;

/// The error of work that its [`CancelToken`](crate::CancelToken) has told to end, from
/// [`CancelToken::check`](crate::CancelToken::check).
///
/// ```
/// use pool_core::{CancelToken, Cancelled};
///
/// fn sum(numbers: &[u64], token: &CancelToken) -> Result<u64, Cancelled> {
///     let mut sum = 0;
///     for number in numbers {
///         token.check()?;
///         sum += number;
///     }
///     Ok(sum)
/// }
/// let token = CancelToken::new();
/// assert_eq!(sum(&[1, 2, 3], &token), Ok(6));
/// token.cancel();
/// assert_eq!(sum(&[1, 2, 3], &token).unwrap_err().to_string(), "the work was cancelled");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cancelled {
    reason: CancelReason,
}

impl Cancelled {
    pub(crate) fn new(reason: CancelReason) -> Self {
        Self { reason }
    }

    /// Why.
    ///
    /// ```
    /// use pool_core::{CancelReason, CancelToken};
    /// use std::time::Duration;
    ///
    /// let late = CancelToken::new().with_timeout(Duration::ZERO).check().unwrap_err();
    /// assert_eq!(late.reason(), CancelReason::DeadlinePassed);
    /// ```
    pub fn reason(&self) -> CancelReason {
        self.reason
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl Error for Cancelled {}

/// Why [`TaskGroup::try_join_ok`](crate::TaskGroup::try_join_ok) has no results: a task returned an error, or left nothing.
///
/// As an error it is the one inside: the same text and the same source.
///
/// ```
/// use pool_core::TaskError;
///
/// let failed: TaskError<std::fmt::Error> = TaskError::Failed(std::fmt::Error);
/// assert_eq!(failed.to_string(), std::fmt::Error.to_string());
/// ```
#[derive(Debug)]
pub enum TaskError<E> {
    /// A task returned this error.
    Failed(E),
    /// A task panicked, or was cancelled before it started.
    Join(JoinError),
}

impl<E> TaskError<E> {
    /// The error inside, as the tasks' own type. For types that take in any error, such as a boxed one, which is not itself
    /// an [`Error`] and so does not go through `?` as part of another.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use pool_core::{TaskError, TaskGroup};
    /// type BoxError = Box<dyn std::error::Error + Send + Sync>;
    ///
    /// fn parse(pool: &my_strategy::Pool, texts: [&'static str; 2]) -> Result<Vec<i32>, BoxError> {
    ///     let mut group = TaskGroup::new();
    ///     for text in texts {
    ///         group.spawn(pool.task(), move || Ok::<i32, BoxError>(text.parse()?));
    ///     }
    ///     group.try_join_ok().map_err(TaskError::into_error)
    /// }
    /// # let pool = my_strategy::Pool::new();
    /// assert_eq!(parse(&pool, ["1", "2"]).unwrap(), [1, 2]);
    /// assert!(parse(&pool, ["1", "two"]).unwrap_err().is::<std::num::ParseIntError>());
    /// ```
    pub fn into_error(self) -> E
    where
        E: From<JoinError>,
    {
        match self {
            Self::Failed(error) => error,
            Self::Join(error) => error.into(),
        }
    }
}

impl<E: fmt::Display> fmt::Display for TaskError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Join(error) => error.fmt(f),
        }
    }
}

impl<E: Error> Error for TaskError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(error) => error.source(),
            Self::Join(error) => error.source(),
        }
    }
}
