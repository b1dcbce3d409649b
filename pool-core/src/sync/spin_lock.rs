//! [`SpinLock`]: for critical sections of a few instructions.

use super::atomic::{AtomicBool, Ordering};
use super::{UnsafeCell, hint, thread};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

/// A lock whose release is a plain store, for critical sections of a few instructions that call no code of users.
///
/// A [`Mutex`](super::Mutex) must ask on release whether a thread sleeps, which costs as much as taking it. Here no
/// waiter registers: it looks again after a pause, then yields, then sleeps for a short time, and so on until the lock
/// is free. The later steps matter only when the holder was preempted inside.
///
/// Not fair. Not poisoned by a panic. Locking it again on the thread that holds it waits forever.
// In this order, so that the thread that takes the lock has in its cache, too, what lies beside the value, and the
// value's first part.
#[repr(C)]
pub struct SpinLock<T, B = ()> {
    locked: Flag,
    beside: B,
    value: UnsafeCell<T>,
    /// Under loom, waiting happens here: loom does not get far where two threads spin. That the flag alone does what a
    /// lock owes has models of its own, below.
    #[cfg(loom)]
    turn: super::Mutex<()>,
}

// SAFETY: the lock hands out the value to one thread at a time, so sharing the lock moves the value between threads; and it
// shares what lies beside.
unsafe impl<T: Send, B: Sync> Sync for SpinLock<T, B> {}
// SAFETY: sending the lock sends the value and what lies beside.
unsafe impl<T: Send, B: Send> Send for SpinLock<T, B> {}

// As for a mutex without poisoning: what it guards is kept whole at each point where foreign code can panic.
impl<T, B> UnwindSafe for SpinLock<T, B> {}
impl<T, B> RefUnwindSafe for SpinLock<T, B> {}

impl<T> SpinLock<T> {
    /// A free lock around `value`.
    ///
    /// ```
    /// # use pool_core::sync::SpinLock;
    /// let lock = SpinLock::new(1);
    /// assert_eq!(*lock.lock(), 1);
    /// ```
    pub fn new(value: T) -> Self {
        Self::with_beside((), value)
    }
}

impl<T, B> SpinLock<T, B> {
    /// A free lock around `value`, and beside it something small that is shared without the lock, on the same cache line.
    ///
    /// ```
    /// # use pool_core::sync::SpinLock;
    /// use pool_core::sync::atomic::{AtomicBool, Ordering};
    ///
    /// let lock = SpinLock::with_beside(AtomicBool::new(false), Vec::new());
    /// let mut items = lock.lock();
    /// items.push(1);
    /// lock.beside().store(true, Ordering::Release);
    /// ```
    pub fn with_beside(beside: B, value: T) -> Self {
        Self {
            locked: Flag::new(),
            beside,
            value: UnsafeCell::new(value),
            #[cfg(loom)]
            turn: super::Mutex::new(()),
        }
    }

    /// What lies beside the value.
    ///
    /// ```
    /// # use pool_core::sync::SpinLock;
    /// let lock = SpinLock::with_beside("read without the lock", 1);
    /// assert_eq!(*lock.beside(), "read without the lock");
    /// ```
    #[inline]
    pub fn beside(&self) -> &B {
        &self.beside
    }

    /// Waits for the lock and takes it.
    ///
    /// ```
    /// # use pool_core::sync::SpinLock;
    /// let lock = SpinLock::new(1);
    /// *lock.lock() += 1;
    /// assert_eq!(*lock.lock(), 2);
    /// ```
    #[inline]
    pub fn lock(&self) -> SpinLockGuard<'_, T, B> {
        #[cfg(loom)]
        let turn = self.turn.lock();
        self.locked.acquire();
        SpinLockGuard {
            lock: self,
            #[cfg(loom)]
            _turn: turn,
        }
    }

    /// Takes the lock if it is free.
    ///
    /// ```
    /// # use pool_core::sync::SpinLock;
    /// let lock = SpinLock::new(1);
    /// let guard = lock.lock();
    /// assert!(lock.try_lock().is_none());
    /// drop(guard);
    /// assert!(lock.try_lock().is_some());
    /// ```
    #[inline]
    pub fn try_lock(&self) -> Option<SpinLockGuard<'_, T, B>> {
        #[cfg(loom)]
        let turn = self.turn.try_lock()?;
        self.locked.try_acquire().then(|| SpinLockGuard {
            lock: self,
            #[cfg(loom)]
            _turn: turn,
        })
    }
}

/// The lock by itself.
struct Flag(AtomicBool);

impl Flag {
    fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    #[inline]
    fn acquire(&self) {
        if !self.try_acquire() {
            self.acquire_contended();
        }
    }

    #[inline]
    fn try_acquire(&self) -> bool {
        // Acquire: pairs with `release`, for the value.
        self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline]
    fn release(&self) {
        // Release: pairs with `try_acquire`.
        self.0.store(false, Ordering::Release);
    }

    /// Stays away from the lock for longer and longer, so that the holder gets several turns without losing the cache
    /// line, which is worth more than a prompt hand-over.
    #[cold]
    fn acquire_contended(&self) {
        /// Rounds of pauses, each twice as long as the one before: some 30 µs in all.
        const PAUSES: u32 = if cfg!(loom) { 0 } else { 5 };
        /// Pauses of the first round, about 1 µs: as long as other threads need for some twenty turns in a row.
        const FIRST: u32 = 64;
        /// Rounds that yield.
        const YIELDS: u32 = 32;
        const SLEEP: Duration = Duration::from_micros(50);
        let mut round = 0;
        loop {
            if round < PAUSES {
                for _ in 0..FIRST << round {
                    hint::spin_loop();
                }
            } else if cfg!(loom) || round < PAUSES + YIELDS {
                thread::yield_now();
            } else {
                thread::sleep(SLEEP);
            }
            round += 1;
            // Relaxed: a look that does not take the line from the holder; `try_acquire` orders.
            if !self.0.load(Ordering::Relaxed) && self.try_acquire() {
                return;
            }
        }
    }
}

impl<T: Default> Default for SpinLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T, B> fmt::Debug for SpinLock<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpinLock").finish_non_exhaustive()
    }
}

/// The right to the value of a [`SpinLock`]. Releases the lock when dropped.
#[must_use = "the lock is released when the guard is dropped"]
pub struct SpinLockGuard<'a, T, B = ()> {
    lock: &'a SpinLock<T, B>,
    #[cfg(loom)]
    _turn: super::MutexGuard<'a, ()>,
}

// SAFETY: a shared guard gives shared references to the value.
unsafe impl<T: Sync, B: Sync> Sync for SpinLockGuard<'_, T, B> {}

impl<T, B> Deref for SpinLockGuard<'_, T, B> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard exists, so this thread has the value to itself.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T, B> DerefMut for SpinLockGuard<'_, T, B> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard exists and is borrowed exclusively, so this thread has the value to itself.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T, B> Drop for SpinLockGuard<'_, T, B> {
    #[inline]
    fn drop(&mut self) {
        self.lock.locked.release();
    }
}

impl<T: fmt::Debug, B> fmt::Debug for SpinLockGuard<'_, T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(all(test, loom))]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// Each of two threads sees what the other did under the lock, and they are not under it at the same time.
    fn both_count(acquire: fn(&Flag) -> bool) {
        crate::loom_tests::model(move || {
            let lock = Arc::new((Flag::new(), UnsafeCell::new(0)));
            let theirs = Arc::clone(&lock);
            let count = |(flag, value): &(Flag, UnsafeCell<i32>), acquired: bool| {
                if acquired {
                    // SAFETY: under the lock, which loom checks.
                    value.with_mut(|value| unsafe { *value += 1 });
                    flag.release();
                }
                i32::from(acquired)
            };
            let other = thread::spawn(move || count(&theirs, acquire(&theirs.0)));
            lock.0.acquire();
            let counted = count(&lock, true) + other.join().unwrap();
            // SAFETY: the other has ended.
            assert_eq!(lock.1.with(|value| unsafe { *value }), counted);
        });
    }

    #[test]
    fn the_flag_locks_by_acquire() {
        both_count(|flag| {
            flag.acquire();
            true
        });
    }

    #[test]
    fn the_flag_locks_by_try_acquire() {
        both_count(Flag::try_acquire);
    }
}
