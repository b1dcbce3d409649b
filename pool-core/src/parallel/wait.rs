//! [`HelpWait`]: how a worker passes time while it waits for a stolen half of a `join`.

use crate::sync::{Spin, thread};
use std::time::Duration;

/// Passes time for a worker that waits for a stolen half of its own `join` and may find parts of that half to help with in
/// the meantime: first a [`Spin`], then longer and longer timed parks, each ended early by an unpark.
///
/// The end of the wait always comes with an unpark. The parks end by themselves only so that the worker looks for new parts
/// to help with; their length is bounded below by what a wake costs and above by what a missed chance costs.
#[derive(Debug)]
pub(crate) struct HelpWait {
    spin: Spin,
    /// Of the next park.
    length: Duration,
}

impl HelpWait {
    const SHORTEST: Duration = Duration::from_micros(50);
    const LONGEST: Duration = Duration::from_millis(1);
    /// While spinning, one look for parts comes with this many looks for the end.
    const LOOKS_APART: u32 = 80;

    pub(crate) fn new() -> Self {
        Self { spin: Spin::new(), length: Self::SHORTEST }
    }

    /// Whether to look now for parts to help with: now and then at first, and before and after each park.
    pub(crate) fn is_time_to_look(&self) -> bool {
        let round = self.spin.round();
        round % Self::LOOKS_APART == Self::LOOKS_APART - 1 || round == Spin::ROUNDS
    }

    pub(crate) fn once(&mut self) {
        if !self.spin.once() {
            thread::park_timeout(self.length);
            self.length = (self.length * 2).min(Self::LONGEST);
        }
    }
}
