//! [`Spin`]: a bounded number of pauses before a thread parks.

use super::hint;

/// Passes a bounded time in short pauses of the processor, between looks at what the thread waits for.
///
/// It never yields the processor: a thread that yields to the one it waits for stays runnable on the same processor, and the
/// system sees no reason to move either, even if another processor is free. A thread that parks is put on a free processor
/// when it wakes.
#[derive(Debug, Default)]
pub(crate) struct Spin {
    round: u32,
}

impl Spin {
    /// Rounds of a whole spin. Together their pauses take some 10 µs: as long as it takes to wake a parked thread.
    pub(crate) const ROUNDS: u32 = if cfg!(loom) { 0 } else { 240 };
    /// Pauses in a round.
    const PAUSES: u32 = 2;

    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Rounds that have passed.
    pub(crate) fn round(&self) -> u32 {
        self.round
    }

    /// Passes one round. `false` if the spin is over.
    pub(crate) fn once(&mut self) -> bool {
        let more = self.round < Self::ROUNDS;
        if more {
            pause(1);
            self.round += 1;
        }
        more
    }
}

/// Passes the time of `rounds` rounds of a [`Spin`].
#[inline]
pub(crate) fn pause(rounds: u32) {
    for _ in 0..Spin::PAUSES * rounds {
        hint::spin_loop();
    }
}
