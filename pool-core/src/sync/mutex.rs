//! [`Mutex`] and [`Condvar`] without poisoning, of `std` or of loom.

use super::{Deadline, hint};

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
    ///
    /// ```
    /// let counter = pool_core::sync::Mutex::new(0);
    /// assert_eq!(*counter.lock(), 0);
    /// ```
    pub fn new(value: T) -> Self {
        #[cfg(loom)]
        return Self(loom::sync::Mutex::new(value));
        #[cfg(not(loom))]
        return Self(std::sync::Mutex::new(value));
    }

    /// Waits for the lock and takes it.
    ///
    /// Under contention a thread first stays away from the lock for longer and longer, up to some 10 µs in all, so that
    /// the others get several turns without losing the cache line; then it sleeps until it is woken.
    ///
    /// ```
    /// let counter = pool_core::sync::Mutex::new(0);
    /// *counter.lock() += 1;
    /// assert_eq!(*counter.lock(), 1);
    /// ```
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        // Under loom one step rather than two, which leaves fewer interleavings to explore.
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

    /// Takes the lock if it is free.
    ///
    /// ```
    /// let counter = pool_core::sync::Mutex::new(0);
    /// let guard = counter.lock();
    /// assert!(counter.try_lock().is_none());
    /// drop(guard);
    /// assert!(counter.try_lock().is_some());
    /// ```
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
    /// A condition variable without waiters.
    ///
    /// ```
    /// let changed = pool_core::sync::Condvar::new();
    /// changed.notify_all();
    /// ```
    pub fn new() -> Self {
        #[cfg(loom)]
        return Self(loom::sync::Condvar::new());
        #[cfg(not(loom))]
        return Self(std::sync::Condvar::new());
    }

    /// Waits until notified; may wake spuriously.
    ///
    /// ```
    /// use pool_core::sync::{Condvar, Mutex};
    ///
    /// let (ready, changed) = (Mutex::new(false), Condvar::new());
    /// std::thread::scope(|threads| {
    ///     threads.spawn(|| {
    ///         *ready.lock() = true;
    ///         changed.notify_all();
    ///     });
    ///     let mut guard = ready.lock();
    ///     while !*guard {
    ///         guard = changed.wait(guard);
    ///     }
    /// });
    /// ```
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        match self.0.wait(guard) {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    /// As [`wait`](Self::wait), but no longer than until the deadline. Under loom, which has no clock, a deadline passes
    /// as soon as other threads have had a turn.
    ///
    /// # Errors
    /// With the guard, once the deadline has passed.
    pub(crate) fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Deadline,
    ) -> Result<MutexGuard<'a, T>, MutexGuard<'a, T>> {
        let Some(left) = deadline.left() else { return Ok(self.wait(guard)) };
        #[cfg(loom)]
        {
            let _ = left;
            super::thread::yield_now();
            Err(guard)
        }
        #[cfg(not(loom))]
        {
            if left.is_zero() {
                return Err(guard);
            }
            let (guard, _) = self.0.wait_timeout(guard, left).unwrap_or_else(std::sync::PoisonError::into_inner);
            Ok(guard)
        }
    }

    /// Wakes one waiter, if there is one.
    ///
    /// ```
    /// let changed = pool_core::sync::Condvar::new();
    /// changed.notify_one();
    /// ```
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes all waiters.
    ///
    /// ```
    /// let changed = pool_core::sync::Condvar::new();
    /// changed.notify_all();
    /// ```
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}
