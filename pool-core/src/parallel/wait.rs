//! [`HelpWait`]: how a worker passes time while it waits for a stolen half of a `join`.

use crate::sync::atomic::{AtomicBool, Ordering, fence};
use crate::sync::{Spin, thread};
use std::time::Duration;

/// Passes time for a worker that waits for a stolen half of its own `join` and may find parts of that half to help with in
/// the meantime: first a [`Spin`], then parks.
///
/// The end of the wait comes with an unpark. So does each part that the thief offers, as long as the owner *listens*: it sets
/// a flag, passes a full fence, looks once more, and parks. A thief that has offered a part passes a full fence and reads the
/// flag: either the owner's look sees the part, or the thief sees the flag. An owner that is woken and finds nothing to help
/// with, because another worker was faster, does not listen for a while, so that the thief does not pay for a wake each time.
#[derive(Debug)]
pub(crate) struct HelpWait<'a> {
    /// Whether the owner wants to be woken for parts. See [`Exposure::listening`](crate::offers::frame::Exposure).
    listening: &'a AtomicBool,
    phase: Phase,
    spin: Spin,
    /// Of the next park without listening.
    deaf_for: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Spinning,
    /// Has announced that it listens, and looks before it parks.
    Listening,
    /// Has been woken.
    Woken,
}

impl<'a> HelpWait<'a> {
    const SHORTEST: Duration = Duration::from_micros(50);
    const LONGEST: Duration = Duration::from_millis(1);
    /// While spinning, one look for parts comes with this many looks for the end.
    const LOOKS_APART: u32 = 80;

    pub(crate) fn new(listening: &'a AtomicBool) -> Self {
        Self { listening, phase: Phase::Spinning, spin: Spin::new(), deaf_for: Self::SHORTEST }
    }

    /// Whether to look now for parts to help with: now and then at first, and before and after each park.
    pub(crate) fn is_time_to_look(&self) -> bool {
        self.phase != Phase::Spinning || self.spin.round() % Self::LOOKS_APART == Self::LOOKS_APART - 1
    }

    /// The owner has helped with a part: its wait begins anew.
    pub(crate) fn restart(&mut self) {
        // Relaxed: if the thief still sees the flag, one unpark is in vain.
        self.listening.store(false, Ordering::Relaxed);
        *self = Self::new(self.listening);
    }

    /// Passes time, after a look for the end, and perhaps for parts, that found neither.
    pub(crate) fn once(&mut self) {
        match self.phase {
            Phase::Spinning => {
                if !self.spin.once() {
                    self.listen();
                }
            }
            Phase::Listening => {
                thread::park();
                self.phase = Phase::Woken;
            }
            Phase::Woken => {
                self.listening.store(false, Ordering::Relaxed);
                thread::park_timeout(self.deaf_for);
                self.deaf_for = (self.deaf_for * 2).min(Self::LONGEST);
                self.listen();
            }
        }
    }

    fn listen(&mut self) {
        // Relaxed: ordered by the fence, which pairs with the one in `wake_listener`.
        self.listening.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.phase = Phase::Listening;
    }
}
