//! [`Account`]: how a worker counts a scope's tasks without touching the count that all workers share.
//!
//! A scope ends when its count of pending tasks reaches zero. Counting each task there, up and down, would send its cache
//! line from worker to worker all the time. So a worker takes *credit* from the count, many units at once, spends a unit for
//! each task that it spawns, earns one for each task that it ends, and returns what it has when it turns to other work:
//!
//! ```text
//! count = tasks spawned and not ended + units of credit in workers' hands
//! ```
//!
//! So the count is zero only when all tasks have ended and all credit was returned. A worker that holds credit keeps the
//! scope alive, and must not sleep on it: [`Account::settle`] is called before the worker runs other work, or sleeps.
//!
//! The idea is that of weighted reference counts: Bevan, "Distributed garbage collection using reference counting" (1987).

use super::pending::Pending;
use std::cell::Cell;
use std::ptr::{self, NonNull};

/// The credit of one worker with one scope.
#[derive(Debug)]
pub(crate) struct Account {
    scope: Cell<*const Pending>,
    credit: Cell<usize>,
}

impl Account {
    /// Units taken at once.
    const BATCH: usize = if cfg!(loom) { 2 } else { 256 };

    pub(crate) fn new() -> Self {
        Self { scope: Cell::new(ptr::null()), credit: Cell::new(0) }
    }

    /// Pays for a task that the caller is about to spawn into `scope`, which is alive.
    #[inline]
    pub(crate) fn spend(&self, scope: &Pending) {
        let credit = self.credit.get();
        if ptr::eq(self.scope.get(), scope) && credit > 0 {
            self.credit.set(credit - 1);
        } else {
            self.borrow(scope);
        }
    }

    #[cold]
    fn borrow(&self, scope: &Pending) {
        self.turn_to(scope);
        scope.add(Self::BATCH);
        self.credit.set(Self::BATCH - 1);
    }

    /// Takes over the unit of a task of `scope` that has ended.
    #[inline]
    pub(crate) fn earn(&self, scope: &Pending) {
        self.turn_to(scope);
        self.credit.set(self.credit.get() + 1);
    }

    /// Makes `scope` the one that the credit is with, and returns any credit with another.
    #[inline]
    pub(crate) fn turn_to(&self, scope: &Pending) {
        if !ptr::eq(self.scope.get(), scope) {
            self.settle();
            self.scope.set(scope);
        }
    }

    /// Returns all credit.
    #[inline]
    pub(crate) fn settle(&self) {
        if let Some(scope) = NonNull::new(self.scope.get().cast_mut()) {
            self.return_to(scope);
        }
    }

    #[cold]
    fn return_to(&self, scope: NonNull<Pending>) {
        self.scope.set(ptr::null());
        let credit = self.credit.replace(0);
        if credit > 0 {
            // SAFETY: the credit keeps the scope alive until it is returned.
            unsafe { Pending::subtract(scope, credit) };
        }
    }
}
