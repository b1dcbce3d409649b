//! [`Span`]: what one worker has left of a loop, and what helpers may take of it.

use crate::sync::atomic::{AtomicU64, Ordering};
use std::ops::Range;

/// The part of a loop that one worker has in hand. The worker takes block after block off the left end, and helpers
/// take halves off the right end, at any time, also while the worker is busy with a block.
///
/// Both ends lie in one word, so each number is given out once. Relaxed throughout: the word stands for nothing but
/// itself. What the loop's closures look at was published to the helper together with the frame that it has taken, and what
/// the helper did is published to the owner with the frame's result.
#[derive(Debug)]
pub(super) struct Span {
    base: u64,
    rest: AtomicU64,
}

/// The two ends as they lie in the word, counted from the base: the start in the upper half, the end in the lower.
#[derive(Clone, Copy, Debug)]
struct Rest {
    start: u32,
    end: u32,
}

impl Rest {
    fn pack(self) -> u64 {
        u64::from(self.start) << 32 | u64::from(self.end)
    }

    fn unpack(word: u64) -> Self {
        Self { start: (word >> 32) as u32, end: word as u32 }
    }

    fn len(self) -> u32 {
        self.end - self.start
    }
}

impl Span {
    /// The longest that there is.
    pub(super) const LONGEST: u64 = u32::MAX as u64;

    /// `range` is no longer than [`LONGEST`](Self::LONGEST).
    pub(super) fn new(range: Range<u64>) -> Self {
        debug_assert!(range.end - range.start <= Self::LONGEST);
        let rest = Rest { start: 0, end: (range.end - range.start) as u32 };
        Self { base: range.start, rest: AtomicU64::new(rest.pack()) }
    }

    /// Where it began.
    pub(super) fn base(&self) -> u64 {
        self.base
    }

    /// Whether there is enough for two.
    pub(super) fn is_divisible(&self) -> bool {
        Rest::unpack(self.rest.load(Ordering::Relaxed)).len() > 1
    }

    /// The owner's next block. `done` is how many it has done of this span.
    #[inline]
    pub(super) fn take_first(&self, done: u64) -> Option<Range<u64>> {
        let (mut start, mut end) = (0, 0);
        self.update(|rest| {
            start = rest.start;
            end = start + block_len(rest.len(), done);
            (start < end).then_some(Rest { start: end, ..rest })
        })?;
        Some(self.range(start, end))
    }

    /// The right half of what is left, or the last one, for a helper.
    pub(super) fn take_last_half(&self) -> Option<Range<u64>> {
        let (mut start, mut end) = (0, 0);
        self.update(|rest| {
            start = rest.start + rest.len() / 2;
            end = rest.end;
            (start < end).then_some(Rest { end: start, ..rest })
        })?;
        Some(self.range(start, end))
    }

    fn update(&self, mut f: impl FnMut(Rest) -> Option<Rest>) -> Option<()> {
        let f = |word| f(Rest::unpack(word)).map(Rest::pack);
        self.rest.fetch_update(Ordering::Relaxed, Ordering::Relaxed, f).ok().map(drop)
    }

    fn range(&self, start: u32, end: u32) -> Range<u64> {
        self.base + u64::from(start)..self.base + u64::from(end)
    }
}

/// The most that a worker takes in one block. An idle worker waits for a block at the longest, and the last blocks
/// should end together; but to take a block costs a few nanoseconds.
pub(super) const LONGEST_BLOCK: u32 = 4096;

/// How long the next block should be, with `left` to do and `done` done.
///
/// It grows with what is done, since what an element costs is not known before, and shrinks with what is left, so that the
/// workers of a loop end together. It does not shrink below a small fraction of what is done: so much waiting is nothing
/// against the time that the loop has taken.
#[inline]
fn block_len(left: u32, done: u64) -> u32 {
    let done = u32::try_from(done).unwrap_or(u32::MAX);
    done.min(left / 4).max(done / 128).clamp(1, LONGEST_BLOCK).min(left)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_owner_takes_all_from_the_left_in_growing_and_shrinking_blocks() {
        let span = Span::new(100..100_100);
        let (mut next, mut longest) = (100, 0);
        while let Some(block) = span.take_first(next - 100) {
            assert_eq!(block.start, next);
            assert!(block.start < block.end);
            next = block.end;
            longest = longest.max(block.end - block.start);
        }
        assert_eq!((next, longest), (100_100, u64::from(LONGEST_BLOCK)));
        assert_eq!(span.take_last_half(), None);
    }

    #[test]
    fn a_block_grows_with_what_is_done_and_shrinks_with_what_is_left() {
        assert_eq!([0, 1, 2, 4, 100].map(|done| block_len(100, done)), [1, 1, 2, 4, 25]);
        assert_eq!([0, 1, 3, 8, 1 << 31].map(|left| block_len(left, 50)), [0, 1, 1, 2, 50]);
        assert_eq!(block_len(u32::MAX, u64::MAX), LONGEST_BLOCK);
        assert_eq!(block_len(10, 1280), 10);
    }

    #[test]
    fn helpers_take_halves_from_the_right() {
        let span = Span::new(10..19);
        assert_eq!(span.take_last_half(), Some(14..19));
        assert_eq!(span.take_last_half(), Some(12..14));
        assert_eq!(span.take_first(0), Some(10..11));
        assert!(!span.is_divisible());
        assert_eq!(span.take_last_half(), Some(11..12));
        assert_eq!(span.take_first(0), None);
    }

    #[test]
    fn the_longest_span_has_room() {
        let span = Span::new(u64::MAX - Span::LONGEST..u64::MAX);
        assert_eq!(span.take_last_half().unwrap().end, u64::MAX);
        assert_eq!(span.take_first(0), Some(u64::MAX - Span::LONGEST..u64::MAX - Span::LONGEST + 1));
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use std::sync::Arc;

    /// The owner, and a helper that comes at any time, take three numbers. At most two preemptions.
    #[test]
    fn each_number_is_given_out_once() {
        crate::loom_tests::bounded(2, || {
            let span = Arc::new(Span::new(7..10));
            let helper = {
                let span = Arc::clone(&span);
                loom::thread::spawn(move || span.take_last_half())
            };
            let mut taken: Vec<u64> = Vec::new();
            while let Some(block) = span.take_first(taken.len() as u64) {
                taken.extend(block);
            }
            taken.extend(helper.join().unwrap().into_iter().flatten());
            taken.sort_unstable();
            assert_eq!(taken, [7, 8, 9]);
        });
    }
}
