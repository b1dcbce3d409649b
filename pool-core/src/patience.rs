//! [`Patience`]: how long a worker without work looks for some before it sleeps, and how often.
//!
//! What comes while it looks is found for the price of a cache line or two; what comes later costs a wake. So a search
//! lasts about as long as a wake takes ([`Spin`]). This is changed by what the worker has seen:
//!
//! **Searches that keep ending in vain become short.** It seems that nothing comes so soon, and the search may hold up the
//! very thread that would bring something: systems like to put a woken thread on the processor of the one who woke it, and
//! that one, having been preempted in the midst of its submission, goes on only when the worker sleeps. Now and then a
//! search is long all the same, to learn whether times have changed.
//!
//! **While others work, looks are far apart.** What a working one pushes it most likely takes back soon itself, unless we
//! take its cache lines, and the task, from under its hands.
//!
//! **Whoever took tiny tasks from a working one keeps farther away.** A task that is taken costs both sides cache lines, worth
//! several tiny tasks. A chain of them, each of which submits the next, runs fastest where it is.
//!
//! **Whoever finds nothing but links of such chains naps** instead of searching: see [`napping`].

mod napping;
#[cfg(all(test, loom))]
pub(crate) use napping::models::with_naps;

use crate::idle::{Idle, Rest};
use crate::ledger::Tally;
use crate::wait::{Deadline, Spin};
use napping::{Napping, Stay};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// One worker's experience with searching.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// Searches in a row that waited and found nothing.
    in_vain: Cell<u32>,
    /// The task that was found last.
    found: Cell<Option<Find>>,
    /// Such tasks in a row that gave little work, as far as that matters.
    shyness: Cell<u32>,
    napping: Napping,
}

/// A task that was found.
#[derive(Clone, Copy, Debug)]
struct Find {
    /// Not always known: to ask for the time costs as much as a tiny task.
    at: Option<Instant>,
    /// Tasks that the worker had started and submitted before.
    started: u64,
    submitted: u64,
    /// It was waited for while others worked.
    waited: bool,
}

impl Patience {
    /// So many searches in a row must end in vain before they become short.
    const TRIALS: u32 = 4;
    /// From then on, one in so many is long. A power of two.
    const LONG_EVERY: u32 = 8;
    /// Rounds of a short search: some 1 µs.
    const SHORT: u32 = 24;
    /// Rounds between two looks while others work.
    const STRIDE: u32 = 8;
    /// Looks between two questions whether others work, as long as they are near.
    const RECONSIDER: u32 = 16;
    /// A task that brought less work than this was not worth its cache lines.
    const LITTLE: Duration = Duration::from_micros(10);
    /// The distance of two looks doubles so often at most: to some 2 µs, far below the time of a wake.
    const SHYEST: u32 = 3;

    /// Learns from what was found last, now that its worker has run out of work again.
    pub(crate) fn look_back(&self, tally: &Tally) {
        if let Some(found) = self.found.take() {
            self.learn(found.stay(tally), found.waited);
        }
    }

    /// Whether it does not pay to search, since all that comes are links of a chain. Only where a short sleep is short, and a nap
    /// does what it should: on some systems it may last 16 ms.
    pub(crate) fn is_weary(&self, idle: &Idle) -> bool {
        cfg!(any(target_os = "linux", target_os = "android")) && self.napping.is_due() && idle.somebody_works()
    }

    /// Looks until `look` finds something or it has been long enough.
    pub(crate) fn search<T>(&self, idle: &Idle, tally: &Tally, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let in_vain = self.in_vain.get();
        let long = in_vain < Self::TRIALS || in_vain % Self::LONG_EVERY == 0;
        let mut spin = if long { Spin::new() } else { Spin::lasting(Self::SHORT) };
        let mut stride = 1;
        for looks in 0.. {
            if let Some(found) = look() {
                // What the first look finds tells nothing about waiting: it is what a woken worker was woken for.
                if looks > 0 {
                    self.in_vain.set(0);
                }
                let waited = stride > 1;
                // Not under loom, which would explore differently each time.
                let asks = !cfg!(loom) && (waited || self.napping.is_curious());
                let at = asks.then(Instant::now);
                self.found.set(Some(Find { at, started: tally.started(), submitted: tally.submitted(), waited }));
                return Some(found);
            }
            if spin.is_over() {
                break;
            }
            if stride > 1 || looks % Self::RECONSIDER == 0 {
                stride = if idle.somebody_works() { Self::STRIDE << self.shyness.get() } else { 1 };
            }
            spin.pass(stride);
        }
        self.in_vain.set(in_vain.wrapping_add(1));
        None
    }

    /// When such a rest ends by itself.
    pub(crate) fn end_of(rest: Rest) -> Deadline {
        match rest {
            Rest::Sleep => Deadline::Never,
            Rest::Nap => Deadline::after(Napping::LENGTH),
        }
    }

    /// The last look of a weary worker: what `next` finds, unless all is seen empty before. What is taken at once by others is
    /// left to them.
    pub(crate) fn look_wearily<T>(&self, is_empty: impl Fn() -> bool, next: impl FnOnce() -> Option<T>) -> Option<T> {
        if self.napping.is_cared_for(is_empty) {
            return None;
        }
        next().inspect(|_| self.napping.doubt())
    }

    /// A nap is over that nobody ended.
    pub(crate) fn has_napped(&self) {
        self.napping.count();
    }

    /// A weary worker is needed, for something that is no link of a chain.
    pub(crate) fn is_needed(&self) {
        self.napping.stop();
    }

    /// What was found last teaches nothing: it is a part of running work, offered because this worker is hungry.
    pub(crate) fn disregard(&self) {
        self.found.set(None);
    }

    fn learn(&self, stay: Stay, waited: bool) {
        self.napping.learn(stay);
        if waited {
            let little = stay.busy.is_some_and(|busy| busy < Self::LITTLE);
            self.shyness.set(if little { (self.shyness.get() + 1).min(Self::SHYEST) } else { 0 });
        }
    }
}

impl Find {
    /// What has come of it.
    fn stay(self, tally: &Tally) -> Stay {
        Stay {
            busy: self.at.map(|at| at.elapsed()),
            started: tally.started().wrapping_sub(self.started),
            submitted: tally.submitted().wrapping_sub(self.submitted),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// The looks of one search that finds nothing, or something at the look with that number.
    fn looks(patience: &Patience, idle: &Idle, finds_at: Option<u32>) -> u32 {
        let mut looks = 0;
        let found = patience.search(idle, &Tally::default(), || {
            looks += 1;
            (Some(looks) == finds_at).then_some(())
        });
        assert_eq!(found.is_some(), finds_at.is_some());
        looks
    }

    /// A task alone that kept its worker so long.
    fn learn(patience: &Patience, busy: Duration) {
        patience.learn(Stay { busy: Some(busy), started: 1, submitted: 0 }, true);
    }

    #[test]
    fn searches_that_keep_ending_in_vain_become_short() {
        let (patience, idle) = (Patience::default(), Idle::new(1));
        let long = looks(&patience, &idle, None);
        for in_vain in 1..5 * Patience::LONG_EVERY {
            let looks = looks(&patience, &idle, None);
            if in_vain < Patience::TRIALS {
                assert_eq!(looks, long, "a few in vain prove nothing");
            } else if in_vain % Patience::LONG_EVERY == 0 {
                assert_eq!(looks, long, "one in so many is long");
            } else {
                assert!(looks <= Patience::SHORT + 1 && looks < long, "{looks} of {long}");
            }
        }
        assert_eq!(looks(&patience, &idle, None), long, "one in so many is long");
        assert_eq!(looks(&patience, &idle, Some(1)), 1, "what it was woken for");
        assert!(looks(&patience, &idle, None) < long, "a wake is no reason to trust");
        looks(&patience, &idle, Some(2));
        assert_eq!(looks(&patience, &idle, None), long, "it paid to wait");
    }

    #[test]
    fn looks_are_far_apart_while_somebody_works() {
        let (near, far) = (Idle::new(1), Idle::new(1));
        far.resize(1);
        let (near, far) = (looks(&Patience::default(), &near, None), looks(&Patience::default(), &far, None));
        assert!(far <= near / Patience::STRIDE + 1, "{far} looks, {near} when nobody works");
    }

    #[test]
    fn tiny_tasks_teach_distance_and_long_ones_make_up_for_them() {
        let idle = Idle::new(1);
        idle.resize(1);
        let looks = |patience: &Patience| looks(patience, &idle, None);
        let patience = Patience::default();
        let before = looks(&patience);
        (0..Patience::SHYEST).for_each(|_| learn(&patience, Patience::LITTLE / 2));
        let shy = looks(&patience);
        assert!(shy < before / 4 && shy > 1, "{shy} looks, {before} before");
        learn(&patience, Patience::LITTLE / 2);
        assert_eq!(looks(&patience), shy, "there is an end to it");
        learn(&patience, Patience::LITTLE);
        assert_eq!(looks(&Patience { in_vain: Cell::new(0), ..patience }), before, "one that was worth it");
    }

    #[test]
    fn only_what_was_waited_for_beside_others_at_work_teaches() {
        let (alone, beside) = (Idle::new(1), Idle::new(1));
        beside.resize(1);
        let patience = Patience::default();
        let waited = || patience.found.get().map(|found| found.waited);
        looks(&patience, &alone, Some(2));
        assert_eq!(waited(), Some(false), "nobody worked");
        looks(&patience, &beside, Some(1));
        assert_eq!(waited(), Some(false));
        looks(&patience, &beside, Some(2));
        assert_eq!(waited(), Some(true));
        patience.disregard();
        assert_eq!(waited(), None);
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn pieces_of_a_chain_make_weary() {
        let (idle, patience) = (Idle::new(1), Patience::default());
        idle.resize(1);
        let tire = || {
            while !patience.is_weary(&idle) {
                patience.learn(Stay { busy: Some(Duration::ZERO), started: 9, submitted: 9 }, false);
            }
        };
        tire();
        idle.resize(0);
        assert!(!patience.is_weary(&idle), "nobody works");
        idle.resize(1);
        patience.has_napped();
        assert_eq!(patience.look_wearily(|| true, || -> Option<()> { panic!("it was seen empty") }), None);
        assert!(patience.is_weary(&idle));
        assert_eq!(patience.look_wearily(|| false, || Some(7)), Some(7));
        assert!(!patience.is_weary(&idle), "nobody cared for it");
        tire();
        assert_eq!(patience.look_wearily(|| false, || None::<()>), None);
        assert!(patience.is_weary(&idle), "somebody did, after all");
        patience.is_needed();
        assert!(!patience.is_weary(&idle));
    }

    #[test]
    fn looks_come_near_again_once_nobody_works() {
        let idle = Idle::new(1);
        idle.resize(1);
        let mut looks = 0;
        let found = Patience::default().search(&idle, &Tally::default(), || {
            looks += 1;
            if looks == 2 {
                idle.resize(0);
            }
            None::<()>
        });
        assert!(found.is_none());
        assert!(looks > 2 * Patience::RECONSIDER, "{looks} looks");
    }
}
