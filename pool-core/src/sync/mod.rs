//! The one switch between `std` and [loom](https://docs.rs/loom).
//!
//! Every atomic, lock, cell and thread of the workspace comes from here. A normal build gets the types of `std`; a build
//! with `RUSTFLAGS="--cfg loom"` gets loom's, so that the model checker runs the code that ships rather than a model of it.
//!
//! Strategy crates may use [`Mutex`], [`SpinLock`] and [`atomic`]. Nothing in a strategy may use [`thread`]: a strategy
//! knows no threads.
//!
//! As the parts in [`strategy`](crate::strategy#what-10-will-not-promise), this module is exempt from semantic versioning.

/// Atomics and fences.
pub mod atomic {
    #[cfg(loom)]
    pub use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
    #[cfg(not(loom))]
    pub use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
}

/// Threads and parking. For the pool only.
pub mod thread {
    use std::time::Duration;

    #[cfg(loom)]
    pub use super::loom_park::{Thread, current, park};
    #[cfg(loom)]
    pub use loom::thread::{Builder, JoinHandle, spawn, yield_now};
    #[cfg(not(loom))]
    pub use std::thread::{Builder, JoinHandle, Thread, current, park, spawn, yield_now};

    /// Sleeps for `time`; under loom, which has no clock, lets others run.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// pool_core::sync::thread::sleep(Duration::from_micros(1));
    /// ```
    pub fn sleep(time: Duration) {
        #[cfg(not(loom))]
        std::thread::sleep(time);
        #[cfg(loom)]
        {
            let _ = time;
            yield_now();
        }
    }

    /// Parks for at most `limit`. Under loom, which has no clock, the limit never passes: whatever loom proves holds
    /// without the help of a timer.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// pool_core::sync::thread::park_timeout(Duration::from_micros(1));
    /// ```
    pub fn park_timeout(limit: Duration) {
        #[cfg(not(loom))]
        std::thread::park_timeout(limit);
        #[cfg(loom)]
        {
            let _ = limit;
            park();
        }
    }
}

/// Hints to the processor.
pub mod hint {
    #[cfg(loom)]
    pub use loom::hint::spin_loop;
    #[cfg(not(loom))]
    pub use std::hint::spin_loop;
}

mod cell;
mod deadline;
mod fork;
#[cfg(loom)]
mod loom_park;
mod mutex;
mod parker;
mod processors;
mod spin;
mod spin_lock;

pub(crate) use cell::UnsafeCell;
pub(crate) use deadline::Deadline;
pub(crate) use fork::{is_inherited, new_identity};
pub use mutex::{Condvar, Mutex, MutexGuard};
pub(crate) use parker::Parker;
pub use processors::processors;
pub(crate) use spin::{Spin, pause};
pub use spin_lock::{SpinLock, SpinLockGuard};

/// `loom::thread_local`, for the one form that this crate uses: loom knows no constant initialisers.
#[cfg(loom)]
macro_rules! loom_thread_local {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = const { $init:expr };) => {
        ::loom::thread_local! { $(#[$attribute])* static $name: $type = $init; }
    };
    ($(#[$attribute:meta])* static $name:ident: $type:ty = $init:expr;) => {
        ::loom::thread_local! { $(#[$attribute])* static $name: $type = $init; }
    };
}
#[cfg(loom)]
pub(crate) use loom_thread_local as thread_local;
#[cfg(not(loom))]
pub(crate) use std::thread_local;
