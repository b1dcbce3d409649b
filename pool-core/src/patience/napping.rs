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

/// What came of something that a worker had found, up to the time when it found nothing more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stay {
    /// So long it lasted, if somebody looked at the time.
    pub(super) busy: Option<Duration>,
    /// So many tasks this worker started in that time ...
    pub(super) started: u64,
    /// ... and so many it submitted.
    pub(super) submitted: u64,
}

/// What a stay was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// A piece of a chain of tiny tasks: each submitted one.
    Piece,
    /// A piece of a chain, of tasks of some length.
    Perhaps,
    /// Too little to tell.
    Open,
    /// Something else.
    Other,
}

impl Stay {
    /// Tasks that take less than this on average are tiny: two processors run a chain of them no faster than one.
    const TINY: Duration = Duration::from_nanos(500);
    /// The first one comes from another processor, which takes so much longer.
    const FETCH: Duration = Duration::from_nanos(500);

    fn verdict(self) -> Verdict {
        let tasks = self.started.try_into().unwrap_or(u32::MAX);
        let is_tiny = |busy| busy < Self::FETCH + Self::TINY * tasks;
        match (self.started, self.submitted, self.busy) {
            // What turned out to be void tells nothing. A single task may be a link; or one of a pipeline, which gains by a second
            // processor.
            (0, 0, _) => Verdict::Open,
            (1, 1, busy) if busy.is_none_or(is_tiny) => Verdict::Open,
            (2.., submitted, None) if submitted == self.started => Verdict::Perhaps,
            (2.., submitted, Some(busy)) if submitted == self.started && is_tiny(busy) => Verdict::Piece,
            _ => Verdict::Other,
        }
    }
}

/// One worker's experience with chains.
#[derive(Debug)]
pub(super) struct Napping {
    /// Pieces of a chain in a row.
    pieces: Cell<u32>,
    /// How many more naps held something up than came to pass as they should, as far as that matters.
    doubts: Cell<u32>,
    /// Naps in a row without a sign of the chain.
    naps: Cell<u32>,
}

impl Default for Napping {
    fn default() -> Self {
        #[cfg(all(test, loom))]
        let pieces = if models::ARE_DUE.get() { Self::PIECES } else { 0 };
        #[cfg(not(all(test, loom)))]
        let pieces = 0;
        Self { pieces: Cell::new(pieces), doubts: Cell::new(0), naps: Cell::new(0) }
    }
}

impl Napping {
    /// So many pieces in a row lead to a nap ...
    const PIECES: u32 = 4;
    /// ... and twice as many for each doubt, of which there are so many at most.
    const MOST_DOUBTS: u32 = 7;
    /// So many naps without a sign of the chain, and the worker sleeps.
    const MANY: u32 = if cfg!(loom) { 1 } else { 8 };
    /// How long a nap lasts: far longer than it costs to fall asleep and wake up, and no longer than it need be. The system
    /// adds some 50 µs.
    pub(super) const LENGTH: Duration = Duration::from_micros(100);
    /// Looks before a nap ...
    const LOOKS: u32 = 8;
    /// ... and rounds of a [`Spin`] between them, some 1.5 µs: a look may hold up the chain for as long as somebody waits for a
    /// lock that is taken.
    const LOOKS_APART: u32 = 64;

    /// Whether to nap rather than to search.
    pub(super) fn is_due(&self) -> bool {
        self.pieces.get() >= Self::PIECES << self.doubts.get()
    }

    /// Whether it matters how long the next stay lasts.
    pub(super) fn is_curious(&self) -> bool {
        self.pieces.get() > 0
    }

    /// Something was found the usual way, and this came of it.
    pub(super) fn learn(&self, stay: Stay) {
        match stay.verdict() {
            Verdict::Piece => self.pieces.set(self.pieces.get().saturating_add(1)),
            Verdict::Perhaps => self.pieces.set(self.pieces.get().max(1)),
            Verdict::Open => {}
            Verdict::Other => self.pieces.set(0),
        }
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
                    self.doubts.set(self.doubts.get().saturating_sub(1));
                }
                return true;
            }
            let mut pause = Spin::lasting(Self::LOOKS_APART);
            while pause.once() {}
        }
        false
    }

    /// Something lay there that nobody cared for: its maker blocks, or goes on for long. A search would have found it sooner.
    pub(super) fn doubt(&self) {
        self.doubts.set((self.doubts.get() + 1).min(Self::MOST_DOUBTS));
        self.stop();
    }

    /// There is more than a chain.
    pub(super) fn stop(&self) {
        self.pieces.set(0);
        self.naps.set(0);
    }
}

/// For models, in which nobody lives long enough to learn.
#[cfg(all(test, loom))]
pub(crate) mod models {
    use std::cell::Cell;

    std::thread_local! {
        /// Whether workers begin with a nap. Loom runs all threads of a model on one thread.
        pub(super) static ARE_DUE: Cell<bool> = const { Cell::new(false) };
    }

    /// In the models that `f` explores, each worker naps once as soon as somebody else works.
    pub(crate) fn with_naps(f: impl FnOnce()) {
        ARE_DUE.set(true);
        f();
        ARE_DUE.set(false);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn stay(busy: Duration, started: u64, submitted: u64) -> Stay {
        Stay { busy: Some(busy), started, submitted }
    }

    fn chain(links: u32) -> Stay {
        stay(Stay::TINY / 2 * links, links.into(), links.into())
    }

    fn learn(napping: &Napping, pieces: u32) {
        (0..pieces).for_each(|_| napping.learn(chain(100)));
    }

    /// How many pieces it takes to nap.
    fn needed(napping: &Napping) -> u32 {
        let mut pieces = 0;
        while !napping.is_due() {
            learn(napping, 1);
            pieces += 1;
        }
        pieces
    }

    /// A nap after which the chain was seen and had gone on.
    fn nap_well(napping: &Napping) {
        napping.count();
        let looks = Cell::new(0);
        assert!(napping.is_cared_for(|| looks.replace(looks.get() + 1) == 1));
    }

    #[test]
    fn a_chain_is_tiny_tasks_each_of_which_submits_one() {
        let verdict = |busy, started, submitted| stay(busy, started, submitted).verdict();
        assert_eq!(chain(2).verdict(), Verdict::Piece);
        assert_eq!(chain(1_000_000).verdict(), Verdict::Piece);
        assert_eq!(verdict(Duration::ZERO, u64::MAX, u64::MAX), Verdict::Piece, "no overflow");
        assert_eq!(
            verdict(Stay::TINY * 1000 + Stay::FETCH, 1000, 1000),
            Verdict::Other,
            "worth a processor of their own"
        );
        assert_eq!(verdict(Duration::ZERO, 100, 101), Verdict::Other, "more and more");
        assert_eq!(verdict(Duration::ZERO, 100, 99), Verdict::Other, "an end");
        assert_eq!(chain(1).verdict(), Verdict::Open, "a link, or a stage of a pipeline");
        assert_eq!(verdict(Duration::ZERO, 0, 0), Verdict::Open, "void");
        assert_eq!(verdict(Duration::from_micros(5), 1, 1), Verdict::Other);
    }

    #[test]
    fn nobody_asks_for_the_time_unless_it_matters() {
        let napping = Napping::default();
        let learn = |started, submitted| {
            napping.learn(Stay { busy: None, started, submitted });
            napping.is_curious()
        };
        assert!(!learn(1, 0) && !learn(1, 1) && !learn(100, 0) && !learn(3, 2), "no chain");
        assert!(learn(2, 2) && learn(2, 2) && learn(1, 1), "perhaps a chain");
        assert!(!napping.is_due());
        assert!(!learn(3, 2));
    }

    #[test]
    fn only_a_row_of_pieces_leads_to_naps() {
        let napping = Napping::default();
        learn(&napping, Napping::PIECES - 1);
        assert!(!napping.is_due());
        napping.learn(stay(Duration::ZERO, 1, 0));
        learn(&napping, Napping::PIECES - 1);
        napping.learn(chain(1));
        assert!(!napping.is_due());
        learn(&napping, 1);
        assert!(napping.is_due());
        napping.stop();
        assert_eq!(needed(&napping), Napping::PIECES);
    }

    #[test]
    fn what_a_nap_held_up_doubles_the_row_and_good_naps_halve_it() {
        let napping = Napping::default();
        for doubts in 1..=2 {
            napping.doubt();
            assert_eq!(needed(&napping), Napping::PIECES << doubts);
        }
        nap_well(&napping);
        napping.stop();
        assert_eq!(needed(&napping), 2 * Napping::PIECES);
        (0..100).for_each(|_| napping.doubt());
        assert_eq!(needed(&napping), Napping::PIECES << Napping::MOST_DOUBTS);
        (0..100).for_each(|_| nap_well(&napping));
        napping.stop();
        assert_eq!(needed(&napping), Napping::PIECES);
    }

    #[test]
    fn naps_end_when_nothing_comes() {
        let napping = Napping::default();
        learn(&napping, Napping::PIECES);
        (0..3 * Napping::MANY).for_each(|_| nap_well(&napping));
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
        let never = || {
            looks.set(looks.get() + 1);
            false
        };
        assert!(!Napping::default().is_cared_for(never));
        assert_eq!(looks.get(), Napping::LOOKS);
    }
}
