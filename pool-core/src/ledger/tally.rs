//! [`Tally`]: what one worker counts.

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::task::Outcome;

/// A counter with one writer and any number of readers.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// For the one writer. Release: pairs with the Acquire of `get`, see the module's docs.
    #[inline]
    pub(super) fn add(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Release);
    }

    /// For the one writer: takes one back.
    #[inline]
    fn take_back(&self) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_sub(1), Ordering::Release);
    }

    /// Acquire: pairs with `add` and `take_back`.
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// What one worker counts. Only its own thread writes.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(super) submitted: Counter,
    pub(super) started: Counter,
    pub(super) completed: Counter,
    pub(super) panicked: Counter,
    pub(super) cancelled: Counter,
    pub(super) expired: Counter,
}

impl Tally {
    /// Before the tasks become visible to any other thread.
    #[inline]
    pub(crate) fn submit(&self, n: u64) {
        self.submitted.add(n);
    }

    /// Before a task from the queue runs.
    #[inline]
    pub(crate) fn start(&self) {
        self.started.add(1);
    }

    /// After it ran.
    #[inline]
    pub(crate) fn end(&self, outcome: Outcome) {
        match outcome {
            Outcome::Completed => self.completed.add(1),
            unusual => self.end_unusual(unusual),
        }
    }

    /// Apart, so that the usual end needs no jump: the branch predictor learns where the next task begins from the
    /// jumps before it, and remembers only so many of them.
    #[cold]
    fn end_unusual(&self, outcome: Outcome) {
        match outcome {
            Outcome::Completed => self.completed.add(1),
            Outcome::Panicked => self.panicked.add(1),
            Outcome::Cancelled => {
                self.started.take_back();
                self.cancelled.add(1);
            }
            Outcome::Expired => {
                self.started.take_back();
                self.expired.add(1);
            }
            Outcome::Void => self.started.take_back(),
        }
    }
}
