//! [`JoinError`]: why a task left no value.

use super::forked::FORKED;
use super::panic;
use super::reason::CancelReason;
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};

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
