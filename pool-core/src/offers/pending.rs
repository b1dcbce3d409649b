//! [`Pending`]: the count of a scope's pending tasks.

use crate::sync::Parker;
use crate::sync::atomic::{AtomicUsize, Ordering};
use std::ptr::NonNull;

/// How many tasks a scope waits for, in units; see [`credit`](super::credit). The body of the scope is one unit.
#[derive(Debug)]
pub(crate) struct Pending {
    units: AtomicUsize,
    /// Unparked when no unit is left. Lives as long as the pool. `None` for a scope outside of any pool.
    owner: Option<NonNull<Parker>>,
}

// SAFETY: `Parker` may be shared and sent between threads, and the pointer is only read through.
unsafe impl Send for Pending {}
// SAFETY: as above.
unsafe impl Sync for Pending {}

impl Pending {
    /// One unit, for the body of the scope.
    pub(crate) fn new(owner: Option<NonNull<Parker>>) -> Self {
        Self { units: AtomicUsize::new(1), owner }
    }

    /// Counts `n` units more. The caller holds one, so the count cannot be at zero.
    pub(crate) fn add(&self, n: usize) {
        // Relaxed: nothing is read on the strength of it.
        self.units.fetch_add(n, Ordering::Relaxed);
    }

    /// Gives up `n` units. The scope may be gone when this returns.
    ///
    /// # Safety
    /// The caller holds the units, which keep the scope alive until now.
    pub(crate) unsafe fn subtract(this: NonNull<Self>, n: usize) {
        // SAFETY: alive, by this function's contract.
        let (units, owner) = unsafe { (&this.as_ref().units, this.as_ref().owner) };
        // AcqRel: what all tasks did happens before the owner sees zero, by the release sequence of the count.
        if units.fetch_sub(n, Ordering::AcqRel) == n {
            // A worker of the scope's pool, or the owner itself, keeps the pool alive until here.
            if let Some(owner) = owner {
                // SAFETY: the parker lives as long as the pool.
                unsafe { owner.as_ref() }.unpark();
            }
        }
    }

    /// Gives up one unit, by the owner of the scope, which need not be told.
    pub(crate) fn subtract_own(&self) {
        // AcqRel: as in `subtract`.
        self.units.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether all tasks have ended and all credit has been returned.
    pub(crate) fn is_zero(&self) -> bool {
        // Acquire: pairs with `subtract`.
        self.units.load(Ordering::Acquire) == 0
    }
}
