//! [`Counts`]: how many workers search and how many sleep, in one word.

/// One reading of the word.
///
/// | bits | meaning |
/// |---|---|
/// | 0–31 | searching: workers that hold a [`Searching`](super::Searching) token |
/// | 32–63 | sleeping: workers in the list of sleepers |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts(pub(super) u64);

impl Counts {
    pub(super) const ONE_SEARCHING: u64 = 1;
    pub(super) const ONE_SLEEPING: u64 = 1 << 32;
    const SEARCHING: u64 = Self::ONE_SLEEPING - 1;

    pub(super) fn searching(self) -> usize {
        (self.0 & Self::SEARCHING) as usize
    }

    pub(super) fn sleeping(self) -> usize {
        (self.0 >> 32) as usize
    }

    /// Whether a worker sleeps and none searches: only then does a new item need a wake.
    pub(super) fn needs_wake(self) -> bool {
        // In one comparison: no bit of the lower half, and a bit of the upper.
        self.0 != 0 && self.0 & Self::SEARCHING == 0
    }
}
