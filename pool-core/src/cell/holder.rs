//! [`Holder`]: the side of a cell that waits for the result.

use super::{CANCELLED, CLAIMED, DONE, HOLDER, Header, TaskResult, WAKER, WITHDRAWN, cancel, release};
use crate::sync::atomic::Ordering;
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
// SAFETY: through `&Holder` one can only cancel and ask; both work on the atomic word.
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

    /// Whether a result is there or never will be.
    pub(crate) fn is_finished(&self) -> bool {
        // Acquire: pairs with `complete` and `cancel`.
        self.this().state.load(Ordering::Acquire) & (DONE | CANCELLED) != 0
    }

    /// Whether nobody has claimed it yet. A hint: it may be claimed right after.
    pub(crate) fn is_waiting(&self) -> bool {
        // Relaxed: the claim decides.
        self.this().state.load(Ordering::Relaxed) & CLAIMED == 0
    }

    /// Drops the closure unrun if it has not started. `true` if so.
    pub(crate) fn cancel(&self) -> bool {
        // SAFETY: our reference keeps the cell alive.
        unsafe { cancel(self.header) }
    }

    /// Runs the task here if it belongs to `pool` and has not started.
    ///
    /// Also if it was taken out of the pool meanwhile, for `shutdown_now` to hand it back: whoever waits for it on a worker is
    /// in the way of that very shutdown. The pool has counted it as returned then, and the outcome is `Void`.
    pub(crate) fn run_if_waiting(&self, pool: usize) -> Option<Outcome> {
        let this = self.this();
        if this.pool != pool {
            return None;
        }
        // Acquire: the closure was stored before the cell was shared, and whoever shared it released it.
        let old = this.state.fetch_or(CLAIMED, Ordering::Acquire);
        if old & CLAIMED != 0 {
            return None;
        }
        // SAFETY: claimed just now.
        let panicked = unsafe { (this.vtable.run)(self.header) };
        // Release: pairs with the Acquire of whoever frees the cell or reads the result. A waker that an earlier wait
        // left is not woken: the holder is here.
        this.state.fetch_or(DONE, Ordering::Release);
        Some(match (old & WITHDRAWN != 0, panicked) {
            (true, _) => Outcome::Void,
            (false, true) => Outcome::Panicked,
            (false, false) => Outcome::Completed,
        })
    }

    /// Cancels a task that has not started, and takes its closure.
    ///
    /// # Safety
    /// The cell was made from an `F`.
    pub(crate) unsafe fn take_closure<F>(&mut self) -> Option<F> {
        let this = self.this();
        let mut closure = None;
        // Acquire: as in `run_item`.
        if this.state.fetch_or(CLAIMED | CANCELLED, Ordering::Acquire) & CLAIMED == 0 {
            // SAFETY: claimed just now; `out` points to an `Option<F>` of the `F` of the cell, by this function's contract.
            unsafe { (this.vtable.take_closure)(self.header, (&raw mut closure).cast()) };
        }
        closure
    }

    /// Leaves `waker` to be woken when the task ends. `false` if it has ended.
    pub(crate) fn set_waker(&mut self, waker: &Waker) -> bool {
        let this = self.this();
        // Acquire, here and in the exchanges below: pairs with `complete` and `cancel`, for the result.
        let mut old = this.state.load(Ordering::Acquire);
        if old & WAKER != 0 {
            // An earlier waker is there. Clearing the bit makes the slot ours again, unless the task ends first.
            match this.state.fetch_update(Ordering::Acquire, Ordering::Acquire, |old| {
                (old & (DONE | CANCELLED) == 0).then_some(old & !WAKER)
            }) {
                Ok(now) | Err(now) => old = now,
            }
        }
        if old & (DONE | CANCELLED) != 0 {
            return false;
        }
        // SAFETY: the holder (`&mut self`) owns the slot while `WAKER` is clear: nobody else sets it, and those who end the
        // task touch the slot only if they find it set.
        let previous = this.waker.with_mut(|slot| unsafe { (*slot).replace(waker.clone()) });
        drop(previous);
        // Release: pairs with the Acquire of whoever clears `WAKER`, for the slot.
        this.state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |old| {
                (old & (DONE | CANCELLED) == 0).then_some(old | WAKER)
            })
            .is_ok()
    }

    /// The result of a finished task, once; `None` if it was cancelled or the result is gone.
    pub(crate) fn take_result(&mut self) -> Option<TaskResult<R>> {
        let this = self.this();
        let mut result = None;
        // Acquire: pairs with the Release that set `DONE`.
        if this.state.load(Ordering::Acquire) & DONE != 0 {
            // SAFETY: done, and the holder owns the result; `out` points to the `Option<TaskResult<R>>` of this very `R`.
            unsafe { (this.vtable.take_result)(self.header, (&raw mut result).cast()) };
        }
        result
    }
}

impl<R> Drop for Holder<R> {
    fn drop(&mut self) {
        // SAFETY: the holder's own reference, given up exactly once.
        unsafe { release(self.header, HOLDER) }
    }
}
