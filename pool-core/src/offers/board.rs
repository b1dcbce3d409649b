//! [`Board`]: what a worker offers to other workers.

use super::frame::{Frame, Taken};
use crate::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use crate::sync::processors;
use crossbeam_utils::CachePadded;
use std::ptr::{self, NonNull};

/// Slots of a board. A worker offers at most this many frames at the same time; taken ones do not count.
pub(crate) const SLOTS: usize = if cfg!(loom) { 1 } else { 4 };

/// Set while a ticket for the slot is in the strategy's queue or in a worker's hand.
pub(crate) const TICKET: usize = 1 << 0;
/// The slot holds a frame that may be taken.
pub(crate) const READY: usize = 1 << 1;
/// The rest of the word counts the exposures, so that no two have the same state.
pub(crate) const ONE_EXPOSURE: usize = 1 << 2;

/// A place where one frame at a time is offered. Lives as long as the pool.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) state: AtomicUsize,
    pub(crate) frame: AtomicPtr<Frame>,
    /// The taken frame under which the offered one was pushed, or null. Compared, never followed.
    pub(crate) origin: AtomicPtr<Frame>,
}

/// What a worker offers to other workers.
#[derive(Debug)]
pub(crate) struct Board {
    /// Demand: 1 while there may be a free slot that the owner has not seen. Set by the thief that takes a frame,
    /// cleared by the owner when it has filled all slots in use.
    ///
    /// On a line of its own: the owner reads it at each join, and the slots change more often.
    pub(crate) hunger: CachePadded<AtomicUsize>,
    /// This many slots are in use: one for each other worker ...
    in_use: AtomicUsize,
    /// ... and for fine work no more than this many: as many other workers as can run at the same time.
    at_once: usize,
    slots: [Slot; SLOTS],
}

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            hunger: CachePadded::new(AtomicUsize::new(1)),
            in_use: AtomicUsize::new(0),
            at_once: (processors() - 1).max(1),
            slots: std::array::from_fn(|_| Slot::new()),
        }
    }

    /// From now on, `others` workers may help the owner.
    pub(crate) fn resize(&self, others: usize) {
        self.in_use.store(others.min(SLOTS), Ordering::Relaxed);
        self.ask_for_more();
    }

    /// There may be a free slot that the owner does not know of.
    pub(crate) fn ask_for_more(&self) {
        // AcqRel: pairs with the exchange in `settle`. Of the two, the later one decides: if it is that of `settle`, it sees
        // the free slot; if it is ours, the owner finds demand again.
        self.hunger.swap(1, Ordering::AcqRel);
    }

    /// Relaxed: a hint; what the owner does with it is ordered by `Board::settle`.
    fn hunger(&self) -> usize {
        self.hunger.load(Ordering::Relaxed)
    }

    /// How many workers may help the owner, as far as there are slots for them.
    pub(crate) fn others(&self) -> usize {
        self.in_use.load(Ordering::Relaxed)
    }

    /// By the owner: a slot for another frame.
    ///
    /// Coarse work may block, and then each worker counts. Fine work does not: more workers than processors only take turns
    /// with its owner, and to expose a frame costs more than to run it.
    pub(crate) fn free_slot(&self, fine: bool) -> Option<usize> {
        // Acquire: pairs with the Release of the thief that emptied the slot.
        let free = |slot: &Slot| slot.state.load(Ordering::Acquire) & READY == 0;
        let in_use = self.in_use.load(Ordering::Relaxed);
        self.slots[..if fine { in_use.min(self.at_once) } else { in_use }].iter().position(free)
    }

    pub(crate) fn slot(&self, index: usize) -> &Slot {
        &self.slots[index]
    }

    /// By the owner, when it has no free slot left: ends the demand until `ask_for_more`.
    pub(crate) fn settle(&self, fine: bool) {
        if self.hunger() != 0 {
            // AcqRel: pairs with the exchange in `ask_for_more`.
            self.hunger.swap(0, Ordering::AcqRel);
            if self.free_slot(fine).is_some() {
                // An exchange, not a store, so that the next one in this function still sees what `ask_for_more` released.
                self.hunger.swap(1, Ordering::Relaxed);
            }
        }
    }

    /// Takes a frame that was pushed under `origin`, if one may be taken.
    pub(crate) fn take_descendant(&self, origin: NonNull<Frame>) -> Option<Taken> {
        self.slots.iter().find_map(|slot| {
            slot.take(TICKET, |slot| {
                // Relaxed: valid if the exchange that follows succeeds, see `take`.
                ptr::eq(slot.origin.load(Ordering::Relaxed), origin.as_ptr())
            })
        })
    }
}

impl Slot {
    fn new() -> Self {
        Self {
            state: AtomicUsize::new(0),
            frame: AtomicPtr::new(ptr::null_mut()),
            origin: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Takes the frame if one is ready and `wanted`. Of the ticket bit, only `keep` stays.
    pub(crate) fn take(&self, keep: usize, wanted: impl Fn(&Self) -> bool) -> Option<Taken> {
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
            // AcqRel: Acquire as above, since the state may have changed since the load; Release so that the owner,
            // which fills the slot again after an Acquire load, does so after our reads.
            match self.state.compare_exchange_weak(state, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return NonNull::new(frame).filter(|_| ready).map(Taken),
                Err(now) => state = now,
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod slots {
    use super::*;

    #[test]
    fn fine_work_uses_no_more_slots_than_others_can_run_at_once() {
        let board = Board { at_once: 2, ..Board::new() };
        board.resize(SLOTS);
        for filled in 0..SLOTS {
            assert_eq!(board.free_slot(false), Some(filled), "coarse work has one for each worker");
            assert_eq!(board.free_slot(true), (filled < 2).then_some(filled));
            board.slot(filled).state.fetch_or(READY, Ordering::Relaxed);
        }
        board.slot(2).state.store(0, Ordering::Relaxed);
        board.settle(true);
        assert_eq!(board.hunger(), 0, "a slot that does not count leaves no demand");
        board.ask_for_more();
        board.settle(false);
        assert_eq!(board.hunger(), 1);
    }
}

#[cfg(all(test, loom))]
mod tests {
    use super::*;
    use crate::loom_tests::model;
    use crate::sync::thread;
    use std::sync::Arc;

    /// However `Board::settle` and the taking of frames interleave, a free slot leaves demand behind.
    #[test]
    fn a_free_slot_is_not_overlooked() {
        model(|| {
            let board = Arc::new(Board::new());
            board.resize(1);
            let expose = |board: &Board| {
                let slot = board.slot(board.free_slot(false).expect("nothing lies there"));
                slot.frame.store(NonNull::dangling().as_ptr(), Ordering::Relaxed);
                slot.state.fetch_or(READY, Ordering::Release);
            };
            let thief = |board: &Arc<Board>| {
                let board = Arc::clone(board);
                thread::spawn(move || {
                    if let Some(Taken(_)) = board.slot(0).take(0, |_| true) {
                        board.ask_for_more();
                    }
                })
            };
            expose(&board);
            let first = thief(&board);
            board.settle(false);
            if board.free_slot(false).is_some() {
                expose(&board);
            }
            let second = thief(&board);
            board.settle(false);
            first.join().unwrap();
            second.join().unwrap();
            assert!(board.hunger() != 0 || board.free_slot(false).is_none());
        });
    }
}
