//! The one switch between `std` and [loom](https://docs.rs/loom).
//!
//! Every atomic, lock, cell and thread of the workspace comes from here. A normal build gets the types of `std`; a build
//! with `RUSTFLAGS="--cfg loom"` gets loom's, so that the model checker runs the code that ships rather than a model of it.
//!
//! Strategy crates may use [`Mutex`], [`SpinLock`] and [`atomic`]. Nothing in a strategy may use [`thread`]: a strategy
//! knows no threads.

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
    pub use super::park::{Thread, current, park};
    #[cfg(loom)]
    pub use loom::thread::{Builder, JoinHandle, spawn, yield_now};
    #[cfg(not(loom))]
    pub use std::thread::{Builder, JoinHandle, Thread, current, park, spawn, yield_now};

    /// Sleeps for `time`; under loom, which has no clock, lets others run.
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

#[cfg(loom)]
mod park;
mod spin_lock;
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

#[cfg(loom)]
pub use loom::sync::MutexGuard;
#[cfg(not(loom))]
pub use std::sync::MutexGuard;

/// A mutex without poisoning.
///
/// What it guards in this workspace is kept whole at every point where foreign code can panic, so a poisoned lock would
/// only turn one panic into many.
#[derive(Debug)]
pub struct Mutex<T>(#[cfg(loom)] loom::sync::Mutex<T>, #[cfg(not(loom))] std::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// A free mutex around `value`.
    pub fn new(value: T) -> Self {
        #[cfg(loom)]
        return Self(loom::sync::Mutex::new(value));
        #[cfg(not(loom))]
        return Self(std::sync::Mutex::new(value));
    }

    /// Waits for the lock and takes it.
    ///
    /// Under contention a thread first keeps away from the lock for ever longer, up to some 10 µs in all, so that the others
    /// get several turns without losing the cache line; then it sleeps until it is woken.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        // One step rather than two, for those who explore all interleavings.
        #[cfg(loom)]
        return self.lock_contended();
        #[cfg(not(loom))]
        match self.try_lock() {
            Some(guard) => guard,
            None => self.lock_contended(),
        }
    }

    #[cold]
    fn lock_contended(&self) -> MutexGuard<'_, T> {
        const ROUNDS: u32 = if cfg!(loom) { 0 } else { 9 };
        for round in 0..ROUNDS {
            for _ in 0..1 << round {
                hint::spin_loop();
            }
            if let Some(guard) = self.try_lock() {
                return guard;
            }
        }
        match self.0.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    /// Takes the lock if nobody holds it.
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }
}

/// A condition variable for [`Mutex`].
#[derive(Debug)]
pub struct Condvar(#[cfg(loom)] loom::sync::Condvar, #[cfg(not(loom))] std::sync::Condvar);

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

impl Condvar {
    /// A condition variable that nobody waits on.
    pub fn new() -> Self {
        #[cfg(loom)]
        return Self(loom::sync::Condvar::new());
        #[cfg(not(loom))]
        return Self(std::sync::Condvar::new());
    }

    /// Waits until notified; may wake spuriously.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        match self.0.wait(guard) {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    /// Wakes everyone who waits.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// An `UnsafeCell` whose accesses loom can check.
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(#[cfg(loom)] loom::cell::UnsafeCell<T>, #[cfg(not(loom))] std::cell::UnsafeCell<T>);

/// The end of a cell is an access too: it must come after all others.
#[cfg(loom)]
impl<T> Drop for UnsafeCell<T> {
    fn drop(&mut self) {
        self.0.with_mut(|_| ());
    }
}

impl<T> UnsafeCell<T> {
    pub(crate) fn new(value: T) -> Self {
        #[cfg(loom)]
        return Self(loom::cell::UnsafeCell::new(value));
        #[cfg(not(loom))]
        return Self(std::cell::UnsafeCell::new(value));
    }

    /// Calls `f` with a pointer for reading. Under loom a concurrent write is an error.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        #[cfg(loom)]
        return self.0.with(f);
        #[cfg(not(loom))]
        return f(self.0.get());
    }

    /// Calls `f` with a pointer for writing. Under loom any concurrent access is an error.
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        #[cfg(loom)]
        return self.0.with_mut(f);
        #[cfg(not(loom))]
        return f(self.0.get());
    }
}
