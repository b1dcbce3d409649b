//! [`Patience`]: how long a worker without work looks for some before it sleeps, and how often.
//!
//! What comes while it looks is found for the price of a cache line or two; what comes later costs a wake. So a search
//! lasts about as long as a wake takes ([`Spin`]). Three things change that.
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

use crate::idle::Idle;
use crate::wait::Spin;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// One worker's experience with searching.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// Searches in a row that waited and found nothing.
    in_vain: Cell<u32>,
    /// When the last search found a task beside others who work, having waited for it.
    found: Cell<Option<Instant>>,
    /// Such tasks in a row that gave little work, as far as that matters.
    shyness: Cell<u32>,
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

    /// Looks until `look` finds something or it has been long enough.
    pub(crate) fn search<T>(&self, idle: &Idle, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        if let Some(found) = self.found.take() {
            self.learn(found.elapsed());
        }
        let in_vain = self.in_vain.get();
        let long = in_vain < Self::TRIALS || in_vain % Self::LONG_EVERY == 0;
        let mut spin = if long { Spin::new() } else { Spin::lasting(Self::SHORT) };
        let mut stride = 1;
        for looks in 0.. {
            if let Some(found) = look() {
                // What the first look finds tells nothing about waiting: it is what a woken worker was woken for.
                if looks > 0 {
                    self.in_vain.set(0);
                    self.found.set((stride > 1).then(Instant::now));
                }
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

    /// What the last search found teaches nothing: it is a part of running work, offered because this worker is hungry; or
    /// the worker does not search now, and sleeps next.
    pub(crate) fn disregard(&self) {
        self.found.set(None);
    }

    /// What the last search found kept this worker busy for so long, with all that came of it.
    fn learn(&self, busy: Duration) {
        let shyness = if busy < Self::LITTLE { (self.shyness.get() + 1).min(Self::SHYEST) } else { 0 };
        self.shyness.set(shyness);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// The looks of one search that finds nothing, or something at the look with that number.
    fn looks(patience: &Patience, idle: &Idle, finds_at: Option<u32>) -> u32 {
        let mut looks = 0;
        let found = patience.search(idle, || {
            looks += 1;
            (Some(looks) == finds_at).then_some(())
        });
        assert_eq!(found.is_some(), finds_at.is_some());
        looks
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
        (0..Patience::SHYEST).for_each(|_| patience.learn(Patience::LITTLE / 2));
        let shy = looks(&patience);
        assert!(shy < before / 4 && shy > 1, "{shy} looks, {before} before");
        patience.learn(Patience::LITTLE / 2);
        assert_eq!(looks(&patience), shy, "there is an end to it");
        patience.learn(Patience::LITTLE);
        assert_eq!(looks(&Patience { in_vain: Cell::new(0), ..patience }), before, "one that was worth it");
    }

    #[test]
    fn only_what_was_waited_for_beside_others_at_work_teaches() {
        let (alone, beside) = (Idle::new(1), Idle::new(1));
        beside.resize(1);
        let patience = Patience::default();
        looks(&patience, &alone, Some(2));
        assert_eq!(patience.found.get(), None, "nobody worked");
        looks(&patience, &beside, Some(1));
        assert_eq!(patience.found.get(), None, "it had not waited");
        looks(&patience, &beside, Some(2));
        assert!(patience.found.get().is_some());
        patience.disregard();
        assert_eq!(patience.found.get(), None);
    }

    #[test]
    fn looks_come_near_again_once_nobody_works() {
        let idle = Idle::new(1);
        idle.resize(1);
        let mut looks = 0;
        let found = Patience::default().search(&idle, || {
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
