//! Errors. One that refuses a closure gives it back.

use std::fmt;
use std::io;

/// Why a submission was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// The pool has been shut down.
    ShutDown,
    /// A free function was called on a thread that is no worker of any pool.
    NoWorker,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ShutDown => "the pool has been shut down: submit before `shutdown`, or use a `try_` method",
            Self::NoWorker => "this thread is no worker of a pool: use the methods of a `Pool`, or a `try_` function",
        })
    }
}

/// A submission that was refused, with the closure.
pub struct Rejected<F> {
    f: F,
    reason: Rejection,
}

impl<F> Rejected<F> {
    pub(crate) fn new(f: F, reason: Rejection) -> Self {
        Self { f, reason }
    }

    /// The closure, unrun.
    pub fn into_inner(self) -> F {
        self.f
    }

    /// Why it was refused.
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

impl<F> std::error::Error for Rejected<F> {}

/// Why a pool could not be built. Nothing is left running.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// A number of workers that no pool can have: zero, or more than the given most.
    Workers {
        /// What was asked for.
        asked: usize,
        /// The most that a pool can have.
        most: usize,
    },
    /// The system would not start a thread. Those already started have ended.
    Thread(io::Error),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workers { asked, most } => {
                write!(f, "a pool has from 1 to {most} workers, not {asked}; without `workers` it sizes itself")
            }
            Self::Thread(error) => write!(f, "cannot start a worker thread: {error}"),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Workers { .. } => None,
            Self::Thread(error) => Some(error),
        }
    }
}

/// A pool cannot wait for its own end on one of its own workers. It has been closed all the same, and ends when it has run
/// what it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownError(pub(crate) ());

impl fmt::Display for ShutdownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a worker cannot wait for the end of its own pool; the pool is closed and ends by itself")
    }
}

impl std::error::Error for ShutdownError {}
