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
    /// How many depths of joins the owner may pass without a frame; 0 while it should put each on offer. One load so tells it
    /// both that nobody is hungry and that there is enough on offer.
    pub(crate) window: AtomicUsize,
    /// How many more frames the owner may expose.
    pub(super) room: AtomicIsize,
    pub(super) slots: [Slot; SLOTS],
}

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            window: AtomicUsize::new(0),
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
        // Pairs with the fence in `open_window`: either the owner sees the room, or our 0 comes after its window. An order of
        // the two on this side alone would not do: a store that is overwritten unseen brings nothing with it.
        fence(Ordering::SeqCst);
        self.window.store(0, Ordering::Relaxed);
    }

    pub(super) fn has_room(&self) -> bool {
        self.room.load(Ordering::Relaxed) > 0
    }

    /// By the owner, when the board is full and more is in stock: joins may be plain until `make_room`.
    pub(super) fn open_window(&self, depths: usize) {
        self.window.store(depths, Ordering::Relaxed);
        // Pairs with `make_room`: its store of 0 is not lost under ours without our seeing the room that it made.
        fence(Ordering::SeqCst);
        if self.has_room() {
            self.window.store(0, Ordering::Relaxed);
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
