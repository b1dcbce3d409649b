//! Errors. An error that refuses a closure gives it back.

mod cancel;
mod env;
pub(crate) mod panic;
mod reason;

pub use cancel::{Cancelled, TaskError};
pub use env::EnvError;
pub use reason::CancelReason;

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Mutex, PoisonError};

/// What a child process is told.
const FORKED: &str = "the pool belongs to the process that this one was forked from, and has no workers here; make a pool after the fork";

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

/// Why a task left no value.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// # let pool = my_strategy::Pool::new();
/// let error = pool.spawn(|| panic!("no such file")).join().unwrap_err();
/// assert!(error.is_panic());
/// assert_eq!(error.to_string(), "the task panicked: no such file");
/// ```
///
/// It passes through `?` into boxed errors:
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// fn answer(pool: &my_strategy::Pool) -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
///     Ok(pool.spawn(|| 42).join()?)
/// }
/// assert_eq!(answer(&my_strategy::Pool::new()).unwrap(), 42);
/// ```
pub struct JoinError(Cause);

enum Cause {
    /// In a mutex because a payload need not be `Sync`, and errors should be.
    Panicked(Mutex<panic::Payload>),
    Cancelled,
    Expired,
    Returned,
    Forked,
}

impl JoinError {
    /// That of a task that unwound.
    pub(crate) fn unwound(payload: panic::Payload) -> Self {
        Self(match panic::unstarted(payload.as_ref()) {
            None => Cause::Panicked(Mutex::new(payload)),
            Some(CancelReason::Cancelled) => Cause::Cancelled,
            Some(CancelReason::DeadlinePassed) => Cause::Expired,
        })
    }

    pub(crate) fn cancelled() -> Self {
        Self(Cause::Cancelled)
    }

    pub(crate) fn returned() -> Self {
        Self(Cause::Returned)
    }

    pub(crate) fn forked() -> Self {
        Self(Cause::Forked)
    }

    /// Whether the task panicked.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// # let pool = my_strategy::Pool::new();
    /// assert!(pool.spawn(|| panic!("no such file")).join().unwrap_err().is_panic());
    /// ```
    pub fn is_panic(&self) -> bool {
        matches!(self.0, Cause::Panicked(_))
    }

    /// Whether the task will never run: [`JoinHandle::cancel`](crate::JoinHandle::cancel) was in time, or it was dropped
    /// unrun. Or whether a future was dropped before its end: by [`FutureHandle::cancel`](crate::FutureHandle::cancel), or
    /// because its pool ended.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let handle = pool.spawn(|| 42);
    /// if handle.cancel() {
    ///     assert!(handle.join().unwrap_err().is_cancelled());
    /// }
    /// ```
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0, Cause::Cancelled)
    }

    /// Whether the task will never run: its [deadline](crate::TaskBuilder::deadline) had passed before it could start.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use std::time::Instant;
    ///
    /// let pool = my_strategy::Pool::new();
    /// let late = pool.task().deadline(Instant::now()).spawn(|| 42);
    /// assert!(late.join().unwrap_err().is_expired());
    /// pool.wait_idle()?;
    /// assert_eq!(pool.metrics().expired, 1);
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    pub fn is_expired(&self) -> bool {
        matches!(self.0, Cause::Expired)
    }

    /// Whether the task left its pool unrun: [`Pool::shutdown_now`](crate::Pool::shutdown_now) has handed it back.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let handle = pool.spawn(|| 42);
    /// let unrun = pool.shutdown_now()?;
    /// assert_eq!(handle.join().is_err_and(|error| error.is_returned()), unrun.len() == 1);
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    pub fn is_returned(&self) -> bool {
        matches!(self.0, Cause::Returned)
    }

    /// The payload of the panic, for [`std::panic::resume_unwind`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// # let pool = my_strategy::Pool::new();
    /// let error = pool.spawn(|| std::panic::resume_unwind(Box::new(5))).join().unwrap_err();
    /// assert_eq!(error.into_panic().downcast_ref(), Some(&5));
    /// ```
    ///
    /// # Panics
    /// If the task did not panic.
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(error) => panic!("`into_panic` on an error that is not a panic: {error}"),
        }
    }

    /// The payload of the panic.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// # let pool = my_strategy::Pool::new();
    /// let error = pool.spawn(|| std::panic::resume_unwind(Box::new(5))).join().unwrap_err();
    /// match error.try_into_panic() {
    ///     Ok(payload) => assert_eq!(payload.downcast_ref(), Some(&5)),
    ///     Err(error) => println!("{error}"),
    /// }
    /// ```
    ///
    /// # Errors
    /// This error itself, if the task did not panic.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        match self.0 {
            Cause::Panicked(payload) => Ok(payload.into_inner().unwrap_or_else(PoisonError::into_inner)),
            _ => Err(self),
        }
    }
}

impl Cause {
    fn text(&self) -> &'static str {
        match self {
            Self::Panicked(_) => "the task panicked",
            Self::Cancelled => "the task was cancelled",
            Self::Expired => "the deadline of the task passed before it started",
            Self::Returned => "the task was handed back by `shutdown_now` before it started",
            Self::Forked => FORKED,
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Panicked(payload) => {
                let payload = payload.lock().unwrap_or_else(PoisonError::into_inner);
                f.debug_tuple("Panicked").field(&panic::message(payload.as_ref())).finish()
            }
            Cause::Cancelled => f.write_str("Cancelled"),
            Cause::Expired => f.write_str("Expired"),
            Cause::Returned => f.write_str("Returned"),
            Cause::Forked => f.write_str("Forked"),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.text())?;
        if let Cause::Panicked(payload) = &self.0 {
            let payload = payload.lock().unwrap_or_else(PoisonError::into_inner);
            write!(f, ": {}", panic::message(payload.as_ref()))?;
        }
        Ok(())
    }
}

impl Error for JoinError {}

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
