//! [`Holder`]: the side of a cell that waits for the result.

use super::{Claim, Header, Reference, ReleaseOnDrop, TaskResult, cancel};
use crate::task::Outcome;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::task::Waker;

/// The holder's reference to a cell.
pub(crate) struct Holder<R> {
    header: NonNull<Header>,
    result: PhantomData<fn() -> R>,
}

// SAFETY: the result is `Send` (bound of `new`), and everything else in the cell is atomic or owned by protocol.
unsafe impl<R: Send> Send for Holder<R> {}
// SAFETY: through `&Holder` a thread can ask, cancel, and run the task; each goes through the atomic word, and only a
// claim reaches the closure.
unsafe impl<R: Send> Sync for Holder<R> {}

impl<R> Holder<R> {
    /// The holder's reference of a new cell, whose result is an `R`.
    pub(super) fn new(header: NonNull<Header>) -> Self {
        Self { header, result: PhantomData }
    }

    fn this(&self) -> &Header {
        // SAFETY: our reference keeps the cell alive.
        unsafe { self.header.as_ref() }
    }

    /// Whether there is nothing to wait for: a result is there, or never will be, or the task has left its pool unrun.
    pub(crate) fn is_over(&self) -> bool {
        self.this().state.is_over()
    }

    /// Whether the task has left its pool unrun, and was not cancelled.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.this().state.is_withdrawn()
    }

    /// The identity of the task's pool.
    pub(crate) fn pool(&self) -> usize {
        self.this().pool
    }

    /// Whether no thread has claimed it yet. A hint: one may do so right after.
    pub(crate) fn is_waiting(&self) -> bool {
        self.this().state.is_waiting()
    }

    /// Drops the closure unrun if the task has not started. `true` if so.
    pub(crate) fn cancel(&self) -> bool {
        // SAFETY: our reference keeps the cell alive.
        unsafe { cancel(self.header) }
    }

    /// Runs the task here if it belongs to `pool` and has not started.
    ///
    /// Also if `shutdown_now` has taken the task out of the pool meanwhile, to hand it back: that shutdown waits for
    /// the worker that waits for the task. The pool has counted the task as returned then, and the outcome is `Void`.
    pub(crate) fn run_if_waiting(&self, pool: usize) -> Option<Outcome> {
        let this = self.this();
        if this.pool != pool {
            return None;
        }
        let Claim::Ours { was_withdrawn } = this.state.claim() else { return None };
        // SAFETY: claimed just now.
        let outcome = unsafe { (this.vtable.run)(self.header) };
        this.state.complete_for_holder();
        Some(if was_withdrawn { Outcome::Void } else { outcome })
    }

    /// Cancels a task that has not started, and takes its closure.
    ///
    /// # Safety
    /// The cell was made from an `F`.
    pub(crate) unsafe fn take_closure<F>(&mut self) -> Option<F> {
        let this = self.this();
        let mut closure = None;
        if this.state.claim_back() {
            // SAFETY: claimed just now; `out` points to an `Option<F>` of the `F` of the cell, by this function's contract.
            unsafe { (this.vtable.take_closure)(self.header, (&raw mut closure).cast()) };
        }
        closure
    }

    /// Leaves `waker` to be woken when the task ends or leaves its pool. `false` if there is nothing to wait for.
    pub(crate) fn set_waker(&mut self, waker: &Waker) -> bool {
        let this = self.this();
        if !this.state.retract_waker() {
            return false;
        }
        // SAFETY: the holder (`&mut self`) owns the slot while no waker is on offer: only the holder offers one, and
        // the threads that end the task touch the slot only if they find an offer.
        let previous = this.waker.with_mut(|slot| unsafe { (*slot).replace(waker.clone()) });
        drop(previous);
        this.state.offer_waker()
    }

    /// Takes back the waker that was left, if any, and drops it here.
    pub(crate) fn forget_waker(&mut self) {
        let this = self.this();
        if this.state.has_offer() && this.state.retract_waker() {
            drop(this.take_waker());
        }
    }

    /// The result of a finished task, once; `None` if it was cancelled or the result is gone.
    pub(crate) fn take_result(&mut self) -> Option<TaskResult<R>> {
        let this = self.this();
        let mut result = None;
        if this.state.is_done() {
            // SAFETY: done, and the holder owns the result; `out` points to the `Option<TaskResult<R>>` of this very `R`.
            unsafe { (this.vtable.take_result)(self.header, (&raw mut result).cast()) };
        }
        result
    }
}

impl<R> Drop for Holder<R> {
    fn drop(&mut self) {
        // Given up exactly once, also if the `Drop` of the waker unwinds.
        let _release = ReleaseOnDrop { header: self.header, reference: Reference::Holder };
        self.forget_waker();
    }
}
