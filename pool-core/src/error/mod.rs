//! Errors. An error that refuses a closure gives it back.

mod build;
mod cancel;
mod env;
mod forked;
mod join;
pub(crate) mod panic;
mod reason;

pub use build::{BuildError, StartError};
pub use cancel::{Cancelled, TaskError};
pub use env::EnvError;
pub use join::JoinError;
pub use reason::CancelReason;

use forked::FORKED;
use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Why a submission was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rejection {
    /// The pool has been shut down, or is gone.
    ShutDown,
    /// The pool is [bounded](crate::Builder::capacity) and has no room.
    Full,
    /// This process was forked after the pool was made, and has none of its workers.
    Forked,
    /// A free function was called on a thread that is not a worker of any pool.
    NoWorker,
    /// The free function [`task`](crate::task()) was given a hint of another type than the strategy of this worker's
    /// pool takes.
    OtherHint,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ShutDown => "the pool has been shut down: submit before `shutdown`, or use a `try_` method",
            Self::Full => "the pool is full: try again later, or wait with `wait_for_room`",
            Self::Forked => FORKED,
            Self::NoWorker => {
                "this thread is not a worker of a pool: use the methods of a `Pool`, or a `try_` function"
            }
            Self::OtherHint => {
                "the strategy of this worker's pool takes hints of another type: use that type, or leave the hint out"
            }
        })
    }
}

impl Error for Rejection {}

/// A submission that was refused, with the closure.
///
/// It is [`Sync`] for every closure that can be sent, so that `?` turns it into a boxed error.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// let pool = my_strategy::Pool::new();
/// pool.shutdown()?;
/// let refused = pool.try_execute(|| println!("not lost")).unwrap_err();
/// assert_eq!(refused.reason(), pool_core::Rejection::ShutDown);
/// refused.into_inner()(); // runs it here
/// # Ok::<(), pool_core::WaitError>(())
/// ```
pub struct Rejected<F> {
    /// In a mutex that is never locked: it makes the error `Sync`.
    f: Mutex<F>,
    reason: Rejection,
}

impl<F> Rejected<F> {
    pub(crate) fn new(f: F, reason: Rejection) -> Self {
        Self { f: Mutex::new(f), reason }
    }

    /// The closure, unrun.
    ///
    /// ```
    /// let refused = pool_core::try_execute(|| println!("not lost")).unwrap_err();
    /// refused.into_inner()();
    /// ```
    pub fn into_inner(self) -> F {
        self.f.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why it was refused.
    ///
    /// ```
    /// let refused = pool_core::try_execute(|| ()).unwrap_err();
    /// assert_eq!(refused.reason(), pool_core::Rejection::NoWorker);
    /// ```
    pub fn reason(&self) -> Rejection {
        self.reason
    }
}

impl<F> fmt::Debug for Rejected<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<F> fmt::Display for Rejected<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<F> Error for Rejected<F> {}

/// Why a wait for a pool could not begin or did not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitError {
    /// The calling thread is one of the pool's own, at whatever moment of its life: what it waits for includes itself.
    ///
    /// A call that was to shut the pool down has closed it: the pool ends by itself when it has run what it accepted.
    OwnWorker,
    /// The time is over. What was begun goes on: a pool that is being shut down stays closed, drains and ends.
    TimedOut,
    /// This process was forked after the pool was made, and has none of its workers.
    Forked,
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OwnWorker => {
                "a worker cannot wait for its own pool, whose work includes the task that waits; call this on another thread"
            }
            Self::TimedOut => "the pool was not done in time",
            Self::Forked => FORKED,
        })
    }
}

impl Error for WaitError {}
