//! [`Napping`]: when a worker without work naps instead of searching, because all there is are links of a chain.
//!
//! A chain is a task that submits the next one and ends. If its tasks are tiny, it runs fastest where it is, and a second
//! processor that looks for its links costs as much as the first, which runs them. But nobody may rely on the maker of a link
//! to run it: a maker can block, or go on for long. So the others do not sleep but nap ([`Rest::Nap`](crate::idle::Rest)):
//! they look again before long, and take what still lies there.
//!
//! Whatever is more than the next link wakes a worker that naps at once: a second task of the same task, a part of running
//! work, a submission from outside.

use crate::wait::Spin;
use std::cell::Cell;
use std::time::Duration;

/// What came of something that a worker had found beside others at work, up to the time when it found nothing more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stay {
    /// So long it lasted.
    pub(super) busy: Duration,
    /// So many tasks this worker started in that time ...
    pub(super) started: u64,
    /// ... and so many it submitted.
    pub(super) submitted: u64,
}

impl Stay {
    /// Tasks that take less than this on average are tiny: two processors run a chain of them no faster than one.
    const TINY: Duration = Duration::from_nanos(500);
    /// The first one comes from another processor, which takes so much longer at most.
    const FETCH: Duration = Duration::from_micros(1);

    /// Whether it was a piece of a chain of tiny tasks: each submitted one.
    fn is_chain(self) -> bool {
        let tasks = self.started.try_into().unwrap_or(u32::MAX);
        self.submitted == self.started && self.busy < Self::FETCH + Self::TINY * tasks
    }
}

/// One worker's experience with chains.
#[derive(Debug, Default)]
pub(super) struct Napping {
    /// Pieces of a chain in a row.
    pieces: Cell<u32>,
    /// Naps in a row that were wrong, as far as that matters.
    doubts: Cell<u32>,
    /// Naps in a row without a sign of the chain.
    naps: Cell<u32>,
}

impl Napping {
    /// So many pieces in a row lead to a nap ...
    const PIECES: u32 = 4;
    /// ... and twice as many after each nap that was wrong, but for so many times.
    const MOST_DOUBTS: u32 = 7;
    /// So many naps without a sign of the chain, and the worker sleeps.
    const MANY: u32 = 8;
    /// How long a nap lasts: far longer than it costs to fall asleep and wake up, and no longer than it need be. The system
    /// adds some 50 µs.
    pub(super) const LENGTH: Duration = Duration::from_micros(100);
    /// Looks before a nap, and rounds of a [`Spin`] between them: some 2 µs in all.
    const LOOKS: u32 = 16;
    const LOOKS_APART: u32 = 4;

    /// Whether to nap rather than to search.
    pub(super) fn is_due(&self) -> bool {
        self.pieces.get() >= Self::PIECES << self.doubts.get()
    }

    /// Something was found the usual way.
    pub(super) fn learn(&self, stay: Stay) {
        self.pieces.set(if stay.is_chain() { self.pieces.get().saturating_add(1) } else { 0 });
    }

    /// Something lay there when a nap was due. Returns whether it was the chain.
    pub(super) fn learn_after_nap(&self, stay: Stay) -> bool {
        let right = stay.is_chain();
        if right {
            self.doubts.set(0);
        } else {
            self.was_wrong();
        }
        right
    }

    /// Somebody needed this worker while it napped, or what lay there after a nap was worth more.
    pub(super) fn was_wrong(&self) {
        self.doubts.set((self.doubts.get() + 1).min(Self::MOST_DOUBTS));
        self.stop();
    }

    /// A nap is over that nobody ended.
    pub(super) fn count(&self) {
        self.naps.set(self.naps.get() + 1);
        if self.naps.get() >= Self::MANY {
            self.stop();
        }
    }

    /// Before a nap: whether what is submitted is also taken, so that all places are seen empty soon. If they are not, there is
    /// something that nobody cares for.
    pub(super) fn is_cared_for(&self, is_empty: impl Fn() -> bool) -> bool {
        for look in 0..Self::LOOKS {
            if is_empty() {
                if look > 0 {
                    self.naps.set(0);
                }
                return true;
            }
            let mut pause = Spin::lasting(Self::LOOKS_APART);
            while pause.once() {}
        }
        self.naps.set(0);
        false
    }

    fn stop(&self) {
        self.pieces.set(0);
        self.naps.set(0);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn stay(busy: Duration, started: u64, submitted: u64) -> Stay {
        Stay { busy, started, submitted }
    }

    fn chain(links: u32) -> Stay {
        stay(Stay::TINY / 2 * links, links.into(), links.into())
    }

    fn learn(napping: &Napping, pieces: u32) {
        (0..pieces).for_each(|_| napping.learn(chain(100)));
    }

    #[test]
    fn a_chain_is_tiny_tasks_each_of_which_submits_one() {
        assert!(chain(1).is_chain() && chain(1_000_000).is_chain());
        assert!(stay(Stay::FETCH, 1, 1).is_chain(), "the first may take longer");
        assert!(!stay(Stay::TINY * 1000 + Stay::FETCH, 1000, 1000).is_chain(), "tasks worth a processor of their own");
        assert!(!stay(Duration::ZERO, 100, 101).is_chain(), "more and more");
        assert!(!stay(Duration::ZERO, 100, 99).is_chain(), "an end");
        assert!(stay(Duration::ZERO, u64::MAX, u64::MAX).is_chain(), "no overflow");
    }

    #[test]
    fn only_a_row_of_pieces_leads_to_naps() {
        let napping = Napping::default();
        learn(&napping, Napping::PIECES - 1);
        assert!(!napping.is_due());
        napping.learn(stay(Duration::ZERO, 1, 0));
        learn(&napping, Napping::PIECES - 1);
        assert!(!napping.is_due());
        learn(&napping, 1);
        assert!(napping.is_due());
        assert!(napping.learn_after_nap(chain(1)) && napping.is_due());
    }

    #[test]
    fn each_wrong_nap_doubles_the_row_until_one_was_right() {
        let napping = Napping::default();
        let needed = || {
            let mut pieces = 0;
            while !napping.is_due() {
                learn(&napping, 1);
                pieces += 1;
            }
            pieces
        };
        assert_eq!(needed(), Napping::PIECES);
        napping.was_wrong();
        assert_eq!(needed(), 2 * Napping::PIECES);
        assert!(!napping.learn_after_nap(stay(Duration::from_millis(1), 1, 1)), "a long task");
        assert_eq!(needed(), 4 * Napping::PIECES);
        (0..100).for_each(|_| napping.was_wrong());
        assert_eq!(needed(), Napping::PIECES << Napping::MOST_DOUBTS);
        assert!(napping.learn_after_nap(chain(10)));
        napping.stop();
        assert_eq!(needed(), Napping::PIECES);
    }

    #[test]
    fn naps_end_when_nothing_comes() {
        let napping = Napping::default();
        learn(&napping, Napping::PIECES);
        for _ in 0..3 * Napping::MANY {
            napping.count();
            // There was a link, and somebody took it.
            let looks = Cell::new(0);
            assert!(napping.is_cared_for(|| looks.replace(looks.get() + 1) == 1));
        }
        assert!(napping.is_due());
        for _ in 0..Napping::MANY {
            assert!(napping.is_due());
            assert!(napping.is_cared_for(|| true));
            napping.count();
        }
        assert!(!napping.is_due());
    }

    #[test]
    fn what_is_never_gone_is_not_cared_for() {
        let looks = Cell::new(0);
        let napping = Napping::default();
        let never = || {
            looks.set(looks.get() + 1);
            false
        };
        assert!(!napping.is_cared_for(never));
        assert_eq!(looks.get(), Napping::LOOKS);
    }
}
