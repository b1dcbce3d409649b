//! What becomes of closures that are submitted.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::key::thrown;

thread_local! {
    /// Inside [`Fates::submitting`]: how many closures this thread has dropped unrun since it began.
    static DROPPED: Cell<Option<usize>> = const { Cell::new(None) };
}

/// What became of the closures of a test.
#[derive(Debug, Default)]
pub(crate) struct Fates {
    made: AtomicUsize,
    ran: AtomicUsize,
    /// Dropped unrun by a submission that then unwound.
    came_back: AtomicUsize,
    /// Dropped unrun, and no submitter learnt of it.
    lost: AtomicUsize,
    /// Panics that the handler was told of.
    reported: AtomicUsize,
}

/// Lies in a closure, and tells whether that ran.
pub(crate) struct Witness {
    fates: Arc<Fates>,
    ran: bool,
}

impl Fates {
    pub(crate) fn witness(self: &Arc<Self>) -> Witness {
        self.made.fetch_add(1, Ordering::Relaxed);
        Witness { fates: Arc::clone(self), ran: false }
    }

    /// Submits closures. Those that a panic drops have come back as an error.
    pub(crate) fn submitting(&self, submit: impl FnOnce()) {
        let outer = DROPPED.replace(Some(0));
        let unwound = thrown(submit);
        let dropped = DROPPED.replace(outer).unwrap_or(0);
        if unwound { &self.came_back } else { &self.lost }.fetch_add(dropped, Ordering::Relaxed);
    }

    pub(crate) fn report(&self) {
        self.reported.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    pub(crate) fn ran(&self) -> usize {
        self.ran.load(Ordering::Relaxed)
    }

    pub(crate) fn came_back(&self) -> usize {
        self.came_back.load(Ordering::Relaxed)
    }

    pub(crate) fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
    }

    pub(crate) fn reported(&self) -> usize {
        self.reported.load(Ordering::Relaxed)
    }
}

impl Witness {
    pub(crate) fn run(mut self) {
        self.ran = true;
        self.fates.ran.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if self.ran {
            return;
        }
        match DROPPED.get() {
            Some(dropped) => DROPPED.set(Some(dropped + 1)),
            None => _ = self.fates.lost.fetch_add(1, Ordering::Relaxed),
        }
    }
}
