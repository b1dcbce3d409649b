//! [`Backoff`]: how long a worker without work looks for some before it sleeps, and how often.
//!
//! An item that comes while it looks costs a cache line or two; one that comes later costs a wake. So a search
//! lasts about as long as a wake takes. Three rules change this, by what the worker has seen:
//!
//! **Searches that keep finding nothing become short.** No item seems to come so soon, and the search may hold up the
//! very thread that would bring one: systems tend to put a woken thread on the processor of its waker. A waker that is
//! preempted in the midst of its submission then goes on only when the worker sleeps. Now and then a search is long
//! nevertheless, to learn whether that has changed.
//!
//! **While others work, looks are far apart.** A working worker most likely takes back soon what it pushes, unless a
//! thief takes the task first, and the cache lines with it.
//!
//! **A worker that took tiny tasks from a working one backs off further.** A task that is taken costs both sides cache
//! lines, worth several tiny tasks. A chain of tiny tasks, each of which submits the next, runs fastest where it is.

use super::policy::Ticks;
use crate::sync::Spin;

/// One worker's experience with searching.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// Searches in a row that waited and found nothing.
    fruitless: u32,
    /// When the last task was found, if it was waited for while others worked.
    found_at: Option<Ticks>,
    /// How often the distance of two looks has been doubled, because such tasks brought little work.
    doublings: u32,
}

/// One search.
#[derive(Debug)]
pub(super) struct Search {
    /// Rounds of pauses to go.
    left: u32,
    looks: u32,
    /// Rounds between two looks.
    distance: u32,
}

impl Backoff {
    /// This many searches in a row must find nothing before searches become short.
    const TRIALS: u32 = 4;
    /// From then on, one search in this many is long. A power of two.
    const LONG_EVERY: u32 = 8;
    /// Rounds of a short search: some 1 µs.
    const SHORT: u32 = 24;
    /// Rounds between two looks while others work.
    const DISTANCE: u32 = 8;
    /// Looks between two checks whether others work, as long as looks are near together.
    const RECONSIDER: u32 = 16;
    /// A task that brought less work than this, in ticks, was not worth its cache lines.
    const LITTLE: u64 = 10_000;
    /// The distance of two looks doubles so often at most: to some 1 µs, far below the time of a wake.
    const MOST_DOUBLINGS: u32 = 2;

    /// How long the next search lasts.
    pub(super) fn search(&self) -> Search {
        let is_long = self.fruitless < Self::TRIALS || self.fruitless % Self::LONG_EVERY == 0;
        let left = if is_long { Spin::ROUNDS } else { Self::SHORT.min(Spin::ROUNDS) };
        Search { left, looks: 0, distance: 1 }
    }

    /// The search has found a task. A part of running work teaches nothing: it was offered because workers are idle.
    pub(super) fn found(&mut self, search: &Search, is_part: bool, now: impl FnOnce() -> Ticks) {
        // What the first look finds tells nothing about waiting: it is what a woken worker was woken for.
        if search.looks > 0 {
            self.fruitless = 0;
        }
        self.found_at = (search.distance > 1 && !is_part).then(now);
    }

    /// The search has ended without an item.
    pub(super) fn found_nothing(&mut self) {
        self.fruitless = self.fruitless.wrapping_add(1);
    }

    /// Learns from what was found last, now that its worker has run out of work again.
    pub(super) fn look_back(&mut self, now: impl FnOnce() -> Ticks) {
        if let Some(Ticks(found_at)) = self.found_at.take() {
            let Ticks(now) = now();
            let was_little = now.saturating_sub(found_at) < Self::LITTLE;
            self.doublings = if was_little { (self.doublings + 1).min(Self::MOST_DOUBLINGS) } else { 0 };
        }
    }
}

impl Search {
    /// After a look that found nothing: how many rounds to pause before the next one. `None` if the search has been
    /// long enough.
    pub(super) fn pause(&mut self, is_any_working: impl FnOnce() -> bool, backoff: &Backoff) -> Option<u32> {
        if self.left == 0 {
            return None;
        }
        if self.distance > 1 || self.looks % Backoff::RECONSIDER == 0 {
            self.distance = if is_any_working() { Backoff::DISTANCE << backoff.doublings } else { 1 };
        }
        self.looks += 1;
        let rounds = self.distance.min(self.left);
        self.left -= rounds;
        Some(rounds)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// The looks of one search that finds nothing, or something at the look with that number.
    fn looks(backoff: &mut Backoff, is_any_working: bool, finds_at: Option<u32>) -> u32 {
        let mut search = backoff.search();
        for look in 1.. {
            if Some(look) == finds_at {
                backoff.found(&search, false, || Ticks(0));
                return look;
            }
            if search.pause(|| is_any_working, backoff).is_none() {
                assert!(finds_at.is_none());
                backoff.found_nothing();
                return look;
            }
        }
        unreachable!("a search ends")
    }

    /// A task that was waited for while others worked, and kept its worker so long.
    fn learn(backoff: &mut Backoff, ticks: u64) {
        backoff.found_at = Some(Ticks(0));
        backoff.look_back(|| Ticks(ticks));
    }

    #[test]
    fn searches_that_keep_finding_nothing_become_short() {
        let mut backoff = Backoff::default();
        let long = looks(&mut backoff, false, None);
        for fruitless in 1..5 * Backoff::LONG_EVERY {
            let looks = looks(&mut backoff, false, None);
            if fruitless < Backoff::TRIALS {
                assert_eq!(looks, long, "a few prove nothing");
            } else if fruitless % Backoff::LONG_EVERY == 0 {
                assert_eq!(looks, long, "one in `LONG_EVERY` is long");
            } else {
                assert!(looks <= Backoff::SHORT + 1 && looks < long, "{looks} of {long}");
            }
        }
        assert_eq!(looks(&mut backoff, false, None), long, "one in `LONG_EVERY` is long");
        assert_eq!(looks(&mut backoff, false, Some(1)), 1, "what it was woken for");
        assert!(looks(&mut backoff, false, None) < long, "a wake is no reason to search for long");
        looks(&mut backoff, false, Some(2));
        assert_eq!(looks(&mut backoff, false, None), long, "the wait paid");
    }

    #[test]
    fn looks_are_far_apart_while_others_work() {
        let (near, far) = (looks(&mut Backoff::default(), false, None), looks(&mut Backoff::default(), true, None));
        assert!(far <= near / Backoff::DISTANCE + 1, "{far} looks, {near} when none works");
    }

    #[test]
    fn tiny_tasks_lengthen_the_distance_and_long_ones_reset_it() {
        let mut backoff = Backoff::default();
        let looks = |backoff: &mut Backoff| {
            backoff.fruitless = 0;
            looks(backoff, true, None)
        };
        let before = looks(&mut backoff);
        (0..Backoff::MOST_DOUBLINGS).for_each(|_| learn(&mut backoff, Backoff::LITTLE / 2));
        let after = looks(&mut backoff);
        assert!(after < before / 3 && after > 1, "{after} looks, {before} before");
        learn(&mut backoff, Backoff::LITTLE / 2);
        assert_eq!(looks(&mut backoff), after, "there is an end to it");
        learn(&mut backoff, Backoff::LITTLE);
        assert_eq!(looks(&mut backoff), before, "one that was worth it");
    }

    #[test]
    fn only_what_was_waited_for_beside_others_at_work_counts() {
        let mut backoff = Backoff::default();
        looks(&mut backoff, false, Some(2));
        assert_eq!(backoff.found_at, None, "none worked");
        looks(&mut backoff, true, Some(1));
        assert_eq!(backoff.found_at, None, "it was there at once");
        looks(&mut backoff, true, Some(2));
        assert_eq!(backoff.found_at, Some(Ticks(0)));
        backoff.found(&Search { left: 0, looks: 1, distance: 8 }, true, || Ticks(0));
        assert_eq!(backoff.found_at, None, "a part of running work");
    }

    #[test]
    fn looks_come_near_again_once_no_other_works() {
        let backoff = Backoff::default();
        let (mut search, mut looks) = (backoff.search(), 0);
        while search.pause(|| looks < 2, &backoff).is_some() {
            looks += 1;
        }
        assert!(looks > 2 * Backoff::RECONSIDER, "{looks} looks");
    }
}
