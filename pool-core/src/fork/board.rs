//! [`Board`]: what a worker offers to others.

use super::Frame;
use crate::sync::atomic::{AtomicIsize, AtomicPtr, AtomicUsize, Ordering, fence};
use std::ptr::{self, NonNull};

/// Slots of a board. A worker offers at most so many frames at the same time; taken ones do not count.
const SLOTS: usize = if cfg!(loom) { 1 } else { 4 };

/// Set while a ticket for the slot is in the strategy's queue or in a worker's hand.
pub(super) const TICKET: usize = 1 << 0;
/// The slot holds a frame that may be taken.
pub(super) const READY: usize = 1 << 1;
/// The rest of the word counts the exposures, so that no two have the same state.
pub(super) const ONE_EXPOSURE: usize = 1 << 2;

/// A place where one frame at a time is offered. Lives as long as the pool.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) state: AtomicUsize,
    pub(super) frame: AtomicPtr<Frame>,
    /// The taken frame under which the offered one was pushed, or null. Compared, never followed.
    pub(super) origin: AtomicPtr<Frame>,
}

/// What a worker offers to others.
#[derive(Debug)]
pub(crate) struct Board {
    /// From this height of the owner's stack on, a fork goes the slow way: the length of the storage, or 0 while the board
    /// has room. One load so tells the owner both that there is space and that nobody is hungry.
    pub(crate) limit: AtomicUsize,
    /// How many more frames the owner may expose.
    pub(super) room: AtomicIsize,
    pub(super) slots: [Slot; SLOTS],
}

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            limit: AtomicUsize::new(0),
            room: AtomicIsize::new(0),
            slots: std::array::from_fn(|_| Slot {
                state: AtomicUsize::new(0),
                frame: AtomicPtr::new(ptr::null_mut()),
                origin: AtomicPtr::new(ptr::null_mut()),
            }),
        }
    }

    /// Room for one frame for each other worker. `workers` changed from `before` to `now`.
    pub(crate) fn resize(&self, before: usize, now: usize) {
        let room = |workers: usize| workers.saturating_sub(1).min(SLOTS) as isize;
        self.make_room(room(now) - room(before));
    }

    /// `more` frames may be exposed than before.
    pub(super) fn make_room(&self, more: isize) {
        self.room.fetch_add(more, Ordering::Relaxed);
        // Pairs with the fence in `settle_limit`: either the owner sees the room, or our 0 comes after its limit.
        fence(Ordering::SeqCst);
        self.limit.store(0, Ordering::Relaxed);
    }

    pub(super) fn has_room(&self) -> bool {
        self.room.load(Ordering::Relaxed) > 0
    }

    /// By the owner, when the board is full: forks are fast again until `make_room`.
    pub(super) fn settle_limit(&self, capacity: usize) {
        self.limit.store(capacity, Ordering::Relaxed);
        // Pairs with the fence in `make_room`: a 0 of its that our limit has replaced comes with the room that it made.
        fence(Ordering::SeqCst);
        if self.has_room() {
            self.limit.store(0, Ordering::Relaxed);
        }
    }

    /// A frame pushed under `origin` that may be taken, taken.
    pub(crate) fn take_descendant(&self, origin: NonNull<Frame>) -> Option<Taken> {
        self.slots.iter().find_map(|slot| {
            slot.take(TICKET, |slot| {
                // Relaxed: valid if the exchange that follows succeeds, see `take`.
                ptr::eq(slot.origin.load(Ordering::Relaxed), origin.as_ptr())
            })
        })
    }
}

/// A frame that this thread has taken off a slot and must run.
#[must_use]
pub(crate) struct Taken(pub(super) NonNull<Frame>);

impl Slot {
    /// Takes the frame if one is ready and `wanted`. Of the ticket bit, only `keep` stays.
    pub(super) fn take(&self, keep: usize, wanted: impl Fn(&Self) -> bool) -> Option<Taken> {
        // Acquire: pairs with the Release in `expose`, for the frame's content and the two pointers.
        let mut state = self.state.load(Ordering::Acquire);
        loop {
            let ready = state & READY != 0;
            if !ready && (keep != 0 || state & TICKET == 0) {
                return None;
            }
            // Relaxed: these belong to `state` if the exchange below succeeds: the owner writes them only while nothing is
            // ready, and each exposure has a state of its own.
            let frame = self.frame.load(Ordering::Relaxed);
            if ready && !wanted(self) {
                return None;
            }
            let new = state & !READY & (!TICKET | keep);
            // AcqRel: Acquire as above, since the state may have changed since the load; Release so that the owner, who
            // fills the slot again after an Acquire load, does so after our reads.
            match self.state.compare_exchange_weak(state, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return NonNull::new(frame).filter(|_| ready).map(Taken),
                Err(now) => state = now,
            }
        }
    }
}
