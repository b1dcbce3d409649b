//! [`State`]: the life of a cell in one atomic word, as named transitions.
//!
//! ```text
//!            claim                  complete
//! waiting ──────────► CLAIMED ─────────────────► CLAIMED | DONE
//!    │  cancel, claim_back
//!    └──────────────► CLAIMED | CANCELLED
//! ```
//!
//! A waiting cell can also be *withdrawn*: its item has left the pool unrun, and nothing in the pool will claim it but its
//! own waiter.

use crate::sync::atomic::{AtomicU32, Ordering};
use crate::task::Withdrawal;

/// A thread has taken the closure, to run it or to drop it. Never unset once set.
const CLAIMED: u32 = 1 << 0;
/// The result is stored. Never unset once set. Excludes `CANCELLED`.
const DONE: u32 = 1 << 1;
/// The closure will not run. Set together with `CLAIMED`, never unset once set. Excludes `DONE`.
const CANCELLED: u32 = 1 << 2;
/// The waker slot holds a waker to be woken at the end.
const WAKER: u32 = 1 << 3;
/// The item still exists. Never set again once unset.
const ITEM: u32 = 1 << 4;
/// The holder still exists. Never set again once unset.
const HOLDER: u32 = 1 << 5;
/// The task was taken out of its pool unrun, which has counted it as returned: a thread that claims it later does not count
/// it. Never unset once set.
const WITHDRAWN: u32 = 1 << 6;

/// The state of a cell.
#[derive(Debug)]
pub(super) struct State(AtomicU32);

/// Whether the holder has nothing to wait for: there is a result, there will be none, or the item has left the pool.
fn is_over(state: u32) -> bool {
    state & (DONE | CANCELLED) != 0 || state & (CLAIMED | WITHDRAWN) == WITHDRAWN
}

/// One of the two references to a cell.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reference {
    Item,
    Holder,
}

impl Reference {
    fn bit(self) -> u32 {
        match self {
            Self::Item => ITEM,
            Self::Holder => HOLDER,
        }
    }
}

/// What came of an attempt to take the closure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a claimed closure must be run or dropped"]
pub(super) enum Claim {
    /// The closure is the caller's. The pool may have counted the task as returned before.
    Ours { was_withdrawn: bool },
    /// The task was cancelled.
    Cancelled,
    /// Another thread runs it, or has run it.
    Taken,
}

/// What is left to do once the result is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a waker must be woken, and the last reference frees the cell"]
pub(super) enum Completion {
    /// The caller's reference is gone.
    Released { was_last: bool },
    /// The waker slot is the caller's, and its reference still stands.
    MustWake,
}

impl State {
    /// Waiting, with both references.
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(ITEM | HOLDER))
    }

    /// Whether the holder has nothing to wait for.
    pub(super) fn is_over(&self) -> bool {
        // Acquire: pairs with `complete` and `cancel`.
        is_over(self.0.load(Ordering::Acquire))
    }

    /// Whether the item has left the pool, and the task was not cancelled.
    pub(super) fn is_withdrawn(&self) -> bool {
        // Relaxed: no data is read on the strength of it.
        self.0.load(Ordering::Relaxed) & (WITHDRAWN | CANCELLED) == WITHDRAWN
    }

    /// Whether the closure was dropped, or will be, and does not run.
    pub(super) fn is_cancelled(&self) -> bool {
        // Relaxed: no data is read on the strength of it.
        self.0.load(Ordering::Relaxed) & CANCELLED != 0
    }

    /// Whether the result is there. If so, it is the holder's.
    pub(super) fn is_done(&self) -> bool {
        // Acquire: pairs with the Release that set `DONE`.
        self.0.load(Ordering::Acquire) & DONE != 0
    }

    /// Whether no thread has claimed it yet. A hint: one may do so right after.
    pub(super) fn is_waiting(&self) -> bool {
        // Relaxed: the claim decides.
        self.0.load(Ordering::Relaxed) & CLAIMED == 0
    }

    /// Takes the closure, to run it.
    pub(super) fn claim(&self) -> Claim {
        // Acquire: the closure was stored before the cell was shared, and sharing released it: by the queue, or by the
        // thread that gave the handle away.
        let old = self.0.fetch_or(CLAIMED, Ordering::Acquire);
        if old & CLAIMED == 0 {
            Claim::Ours { was_withdrawn: old & WITHDRAWN != 0 }
        } else if old & CANCELLED != 0 {
            Claim::Cancelled
        } else {
            Claim::Taken
        }
    }

    /// Cancels the task and takes its closure, by the thread that submitted it. `false` if it was claimed before.
    pub(super) fn claim_back(&self) -> bool {
        // Acquire: as in `claim`.
        self.0.fetch_or(CLAIMED | CANCELLED, Ordering::Acquire) & CLAIMED == 0
    }

    /// Claims the closure in order to drop it. `None` if it was claimed before; otherwise whether the waker slot, which
    /// is the caller's now, holds a waker.
    pub(super) fn cancel(&self) -> Option<bool> {
        // AcqRel: Acquire for the closure and the waker slot, whose last writer released with its own change of the word;
        // Release so that the holder that reads `CANCELLED` finds the slot given up.
        let claimed = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |old| {
            (old & CLAIMED == 0).then_some((old | CLAIMED | CANCELLED) & !WAKER)
        });
        claimed.ok().map(|old| old & WAKER != 0)
    }

    /// The task leaves its pool unrun. May be called again. With [`Withdrawal::Returned`] comes whether the waker slot, which
    /// is the caller's now, holds a waker.
    pub(super) fn withdraw(&self) -> (Withdrawal, bool) {
        // AcqRel: Acquire for the waker slot, and Release so that the holder that reads the bit finds the slot given up,
        // as in `cancel`. The bit shares one word with `CLAIMED`, which decides which side counts the task.
        let withdrawn = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |old| {
            (old & CLAIMED == 0).then_some((old | WITHDRAWN) & !WAKER)
        });
        match withdrawn {
            Ok(old) => (Withdrawal::Returned, old & WAKER != 0),
            Err(old) if old & CANCELLED != 0 => (Withdrawal::Cancelled, false),
            Err(_) => (Withdrawal::Void, false),
        }
    }

    /// Publishes the stored result, and gives up the reference unless a waker must be woken first.
    pub(super) fn complete(&self, reference: Reference) -> Completion {
        // Relaxed: the exchange decides.
        let mut old = self.0.load(Ordering::Relaxed);
        loop {
            let new = if old & WAKER == 0 { (old | DONE) & !reference.bit() } else { (old | DONE) & !WAKER };
            // Release: the holder that reads `DONE` (Acquire) sees the result. Acquire: we see the waker it stored before it
            // set `WAKER` (Release), and what a dropped holder did.
            match self.0.compare_exchange_weak(old, new, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if old & WAKER == 0 => {
                    return Completion::Released { was_last: old & (ITEM | HOLDER) == reference.bit() };
                }
                Ok(_) => return Completion::MustWake,
                Err(now) => old = now,
            }
        }
    }

    /// Publishes the result of a task that its own holder has run. A waker that an earlier wait left is not woken: the
    /// holder is here.
    pub(super) fn complete_for_holder(&self) {
        // Release: pairs with the Acquire of the thread that frees the cell or reads the result.
        self.0.fetch_or(DONE, Ordering::Release);
    }

    /// Gives up a reference. `true` if it was the last: the cell is to be freed.
    pub(super) fn release(&self, reference: Reference) -> bool {
        // AcqRel: what was done under this reference happens before the free; pairs with the other reference's release.
        self.0.fetch_and(!reference.bit(), Ordering::AcqRel) & (ITEM | HOLDER) == reference.bit()
    }

    /// By the holder: takes back the offer of a waker that it made before, if any. `false` if there is nothing to wait for;
    /// otherwise the waker slot is the holder's.
    pub(super) fn retract_waker(&self) -> bool {
        // Acquire, here and in `offer_waker`: pairs with `complete` and `cancel`, for the result.
        let mut old = self.0.load(Ordering::Acquire);
        if old & WAKER != 0 {
            let retracted = self
                .0
                .fetch_update(Ordering::Acquire, Ordering::Acquire, |old| (!is_over(old)).then_some(old & !WAKER));
            old = retracted.unwrap_or_else(|now| now);
        }
        !is_over(old)
    }

    /// By the holder: whether it has offered a waker that has not been taken.
    pub(super) fn has_offer(&self) -> bool {
        // Relaxed: the holder made the offer itself; whether it still stands is decided by `retract_waker`.
        self.0.load(Ordering::Relaxed) & WAKER != 0
    }

    /// By the holder: the slot holds a waker now, to be woken at the end. `false` if there is nothing to wait for.
    pub(super) fn offer_waker(&self) -> bool {
        // Release: pairs with the Acquire of the thread that clears `WAKER`, for the slot.
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |old| (!is_over(old)).then_some(old | WAKER)).is_ok()
    }
}
