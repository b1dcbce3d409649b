//! Admission: the question that a strategy puts to the pool for an item from outside, and the answer.

use crate::sync::{MutexGuard, SpinLockGuard};
use std::marker::PhantomData;

/// The pool's answer to a strategy that asks whether an item from outside may come in.
#[derive(Debug)]
#[must_use = "an item that was admitted is counted: it must be put where workers find it"]
pub enum Admit<T, H> {
    /// The item may come in, and has been counted: here it is, with its hint.
    Yes(T, Option<H>),
    /// The pool has been closed.
    Closed,
    /// The pool is [bounded](crate::Builder::capacity) and has no room, or must look anew whether it has.
    Full,
}

/// Which waiting item a full pool gives up for one that comes in. See [`Scheduler::evict`](super::Scheduler::evict).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Eviction {
    /// The one that has waited longest.
    Oldest,
    /// The least urgent one, if it is less urgent than the one that comes in.
    LeastUrgent,
}

/// What a strategy shows when it asks: whether it holds a lock. See [`Scheduler::inject_if`](super::Scheduler::inject_if).
#[derive(Debug)]
pub struct Asking<'a> {
    is_locked: bool,
    lock: PhantomData<&'a ()>,
}

impl<'a> Asking<'a> {
    /// Other threads may ask at the same time.
    ///
    /// ```
    /// use pool_core::strategy::Asking;
    ///
    /// assert!(!Asking::unlocked().is_locked());
    /// ```
    #[inline(always)]
    pub fn unlocked() -> Self {
        Self { is_locked: false, lock: PhantomData }
    }

    /// All calls of [`inject_if`](super::Scheduler::inject_if) of this scheduler hold the same lock when they ask. The
    /// answer costs less then: it needs no atomic read-modify-write.
    ///
    /// ```
    /// use pool_core::strategy::Asking;
    /// use pool_core::sync::Mutex;
    ///
    /// let queue = Mutex::new(vec![1]);
    /// let guard = queue.lock();
    /// assert!(Asking::under(&guard).is_locked());
    /// ```
    #[inline(always)]
    pub fn under(guard: &'a impl LockGuard) -> Self {
        let _ = guard;
        Self { is_locked: true, lock: PhantomData }
    }

    /// Whether the strategy asks under a lock.
    ///
    /// ```
    /// use pool_core::strategy::Asking;
    /// use pool_core::sync::SpinLock;
    ///
    /// let lock = SpinLock::new(());
    /// assert!(Asking::under(&lock.lock()).is_locked());
    /// ```
    #[inline(always)]
    pub fn is_locked(&self) -> bool {
        self.is_locked
    }
}

/// Evidence that the thread holds a lock: the guards of [`sync::SpinLock`](crate::sync::SpinLock) and
/// [`sync::Mutex`](crate::sync::Mutex). Sealed.
pub trait LockGuard: sealed::Sealed {}

impl<T, B> LockGuard for SpinLockGuard<'_, T, B> {}
impl<T> LockGuard for MutexGuard<'_, T> {}

mod sealed {
    use crate::sync::{MutexGuard, SpinLockGuard};

    pub trait Sealed {}
    impl<T, B> Sealed for SpinLockGuard<'_, T, B> {}
    impl<T> Sealed for MutexGuard<'_, T> {}
}
