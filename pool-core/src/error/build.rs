//! [`BuildError`] and [`StartError`]: why a pool, or a worker, could not be started.

use super::env::EnvError;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};

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
    /// A capacity of zero: nothing could ever wait.
    NoRoom,
    /// The strategy cannot discard the task that [`when_full`](crate::Builder::when_full) names.
    CannotDiscard,
    /// The system would not start a thread. Those already started have ended.
    Thread(io::Error),
    /// An environment variable that the builder was told to read has a value that cannot be used.
    Env(EnvError),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workers { asked, most } => {
                write!(f, "a pool has from 1 to {most} workers, not {asked}; without `workers` it sizes itself")
            }
            Self::NoRoom => f.write_str("the capacity of a pool is at least 1 task"),
            Self::CannotDiscard => f.write_str("this strategy cannot tell which task to discard when the pool is full"),
            Self::Thread(error) => write!(f, "cannot start a worker thread: {error}"),
            Self::Env(error) => error.fmt(f),
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // The message of an `EnvError` is this error's own.
            Self::Workers { .. } | Self::NoRoom | Self::CannotDiscard | Self::Env(_) => None,
            Self::Thread(error) => Some(error),
        }
    }
}

impl From<EnvError> for BuildError {
    fn from(error: EnvError) -> Self {
        Self::Env(error)
    }
}

// `io::Error` is neither, only because it may hold a foreign error. Nothing here is ever half done.
impl UnwindSafe for BuildError {}
impl RefUnwindSafe for BuildError {}
impl UnwindSafe for StartError {}
impl RefUnwindSafe for StartError {}

/// Not all of the workers asked for were started. The pool keeps those that were.
#[derive(Debug)]
pub struct StartError {
    started: usize,
    source: io::Error,
}

impl StartError {
    pub(crate) fn new(started: usize, source: io::Error) -> Self {
        Self { started, source }
    }

    /// How many workers were started before the one that failed.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// # let pool = my_strategy::Pool::new();
    /// if let Err(error) = pool.add_workers(2) {
    ///     println!("{} of 2", error.started());
    /// }
    /// ```
    pub fn started(&self) -> usize {
        self.started
    }

    /// Why the next one was not.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// # let pool = my_strategy::Pool::new();
    /// fn grow(pool: &my_strategy::Pool) -> std::io::Result<()> {
    ///     pool.add_workers(2).map_err(|error| error.into_source())
    /// }
    /// # grow(&pool).unwrap();
    /// ```
    pub fn into_source(self) -> io::Error {
        self.source
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot start a worker thread, after {} that were started: {}", self.started, self.source)
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}
