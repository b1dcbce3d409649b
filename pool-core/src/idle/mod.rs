//! The idle policy: who searches, who sleeps, whom to wake. It does not know what is queued.
//!
//! `README.md` beside this file tells the protocol in prose and ends in the proof sketch; the names below are its names.

use crate::seat::Seat;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use crossbeam_utils::CachePadded;
use std::sync::Arc;

/// How many workers search and how many sleep, in one word.
///
/// | bits | meaning |
/// |---|---|
/// | 0–15 | searching: workers that hold a [`Searching`] token |
/// | 16–31 | sleeping: workers in the list of sleepers |
/// | 32–47 | napping: those of the sleepers who look again before long, unasked |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts(u64);

impl Counts {
    const ONE_SEARCHING: u64 = 1;
    const ONE_SLEEPING: u64 = 1 << 16;
    const ONE_NAPPING: u64 = 1 << 32;
    const MASK: u64 = (1 << 16) - 1;

    fn searching(self) -> usize {
        (self.0 & Self::MASK) as usize
    }

    fn sleeping(self) -> usize {
        (self.0 >> 16 & Self::MASK) as usize
    }

    fn napping(self) -> usize {
        (self.0 >> 32 & Self::MASK) as usize
    }

    /// Whether somebody sleeps and nobody searches: only then does a new item need a wake.
    fn needs_wake(self) -> bool {
        self.searching() == 0 && self.sleeping() > 0
    }
}

/// The most workers that a pool can have: what [`Counts`] can count.
pub(crate) const MAX_WORKERS: usize = Counts::MASK as usize;

/// How an item became visible to those who look for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "whoever sleeps must be told of the item"]
pub(crate) enum Published {
    /// With nothing that orders it with the looks of others.
    Plainly,
    /// Ordered with every promise of emptiness, by a lock of the strategy's.
    Ordered,
}

impl Published {
    /// As [`INJECT_IS_ORDERED`](crate::Scheduler::INJECT_IS_ORDERED) or [`PUSH_IS_ORDERED`](crate::Worker::PUSH_IS_ORDERED)
    /// says.
    #[inline(always)]
    pub(crate) const fn by(is_ordered: bool) -> Self {
        if is_ordered { Self::Ordered } else { Self::Plainly }
    }
}

/// Evidence that this worker is counted as searching. Given up by [`Idle::found`] or [`Idle::sleep`], nowhere else.
#[derive(Debug)]
#[must_use = "a lost token makes every later submission believe that somebody searches"]
pub(crate) struct Searching(());

/// Evidence that this worker is, or was until somebody picked it, in the list of sleepers.
#[derive(Debug)]
#[must_use = "a sleeper that leaves without `Idle::leave` stays in the list"]
pub(crate) struct Sleeping(());

/// How a worker sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Until it is picked.
    Sleep,
    /// The same, but not for long. What a worker leaves to itself ([`Idle::notify_of_own`]) may wait for the end of it.
    Nap,
}

/// A worker in the list of sleepers.
#[derive(Debug)]
struct Sleeper {
    seat: Arc<Seat>,
    rest: Rest,
}

impl Sleeper {
    /// What it counts for in [`Counts`].
    fn count(&self) -> u64 {
        match self.rest {
            Rest::Sleep => Counts::ONE_SLEEPING,
            Rest::Nap => Counts::ONE_SLEEPING + Counts::ONE_NAPPING,
        }
    }
}

/// The state of the policy, one for each pool.
#[derive(Debug)]
pub(crate) struct Idle {
    counts: CachePadded<AtomicU64>,
    /// Last in, first out: the one that slept last has the warmest cache. Changed together with the sleeping and napping of
    /// `counts`.
    sleepers: Mutex<Vec<Sleeper>>,
    max_searching: usize,
    /// Workers that have not been told to leave.
    workers: AtomicUsize,
}

impl Idle {
    /// At most `max_searching` workers search at the same time; the others go to sleep after one look.
    pub(crate) fn new(max_searching: usize) -> Self {
        Self {
            counts: CachePadded::new(AtomicU64::new(0)),
            sleepers: Mutex::new(Vec::new()),
            max_searching: max_searching.max(1),
            workers: AtomicUsize::new(0),
        }
    }

    /// Relaxed: ordered by the caller's fence or lock, or a figure for the metrics, or an estimate.
    fn counts(&self) -> Counts {
        Counts(self.counts.load(Ordering::Relaxed))
    }

    /// There are so many workers now.
    pub(crate) fn resize(&self, workers: usize) {
        // Relaxed: `somebody_works` only estimates.
        self.workers.store(workers, Ordering::Relaxed);
    }

    /// Whether somebody neither searches nor sleeps. An estimate, which leaves out workers that have been told to leave.
    pub(crate) fn somebody_works(&self) -> bool {
        let counts = self.counts();
        // Relaxed: as in `resize`.
        counts.searching() + counts.sleeping() < self.workers.load(Ordering::Relaxed)
    }

    /// Whether a worker naps. An estimate.
    pub(crate) fn somebody_naps(&self) -> bool {
        self.counts().napping() > 0
    }

    /// Workers asleep now.
    pub(crate) fn sleeping(&self) -> usize {
        self.counts().sleeping()
    }

    #[cfg(all(test, loom))]
    pub(crate) fn searching(&self) -> usize {
        self.counts().searching()
    }

    /// After an item was made visible: wakes a sleeper if nobody searches.
    #[inline]
    pub(crate) fn notify(&self, published: Published) {
        if self.counts_after(published).needs_wake() {
            self.wake_one();
        }
    }

    /// As [`notify`](Self::notify) for an item that the caller, a worker, is about to take itself if nobody else does: while
    /// somebody naps it is left to the two of them, if `may_wait`.
    #[inline]
    pub(crate) fn notify_of_own(&self, published: Published, may_wait: impl FnOnce() -> bool) {
        let counts = self.counts_after(published);
        if counts.needs_wake() {
            // N4.
            let is_left = counts.napping() > 0 && may_wait();
            if !is_left {
                self.wake_one();
            }
        }
    }

    /// The counts as a submitter must see them.
    #[inline]
    fn counts_after(&self, published: Published) -> Counts {
        // N2. Either the sleeper's last look sees the item, or we see the sleeper's announcement.
        if published == Published::Plainly {
            // Pairs with the fences in `sleep` (S2), `found` (F2) and `leave` (S5).
            fence(Ordering::SeqCst);
        }
        self.counts()
    }

    /// After `n` items were made visible at once: wakes as many sleepers, in one wave.
    pub(crate) fn notify_many(&self, n: usize) {
        fence(Ordering::SeqCst); // N2, as in `notify`.
        let counts = self.counts();
        let wanted = n.min(counts.sleeping()).saturating_sub(counts.searching());
        for sleeper in self.pick(wanted, false) {
            sleeper.seat.unpark();
        }
    }

    #[cold]
    fn wake_one(&self) {
        for sleeper in self.pick(1, true) {
            sleeper.seat.unpark();
        }
    }

    /// Wakes every sleeper, for them to see that the pool has ended.
    pub(crate) fn wake_all(&self) {
        for sleeper in self.pick(usize::MAX, false) {
            sleeper.seat.unpark();
        }
    }

    /// Takes up to `n` sleepers out of the list and hands each a searching token.
    fn pick(&self, n: usize, unless_searching: bool) -> Vec<Sleeper> {
        let mut sleepers = self.sleepers.lock();
        if unless_searching && self.counts().searching() > 0 {
            // Another notifier was faster. Its sleeper will look for our item: it has not passed S2 again, see the proof.
            return Vec::new();
        }
        let keep = sleepers.len().saturating_sub(n);
        let picked = sleepers.split_off(keep);
        let moved = picked.iter().map(|sleeper| Counts::ONE_SEARCHING.wrapping_sub(sleeper.count()));
        // AcqRel on every change of the counts: they form one release sequence, so a worker that sees a count sees what
        // those before it published.
        self.counts.fetch_add(moved.fold(0, u64::wrapping_add), Ordering::AcqRel);
        for sleeper in &picked {
            sleeper.seat.set_picked();
        }
        picked
    }

    /// A worker without work wants to look for some. `None` if enough others do.
    pub(crate) fn search(&self) -> Option<Searching> {
        // AcqRel: as in `pick`. Relaxed on failure: nothing is read then.
        self.counts
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |counts| {
                (Counts(counts).searching() < self.max_searching).then_some(counts + Counts::ONE_SEARCHING)
            })
            .ok()
            .map(|_| Searching(()))
    }

    /// A searching worker has found an item. `more` tells whether others wait.
    ///
    /// Those who submitted while this worker searched woke nobody, for its sake. So the last one to stop searching looks
    /// for them.
    pub(crate) fn found(&self, token: Searching, more: impl FnOnce() -> bool) {
        let Searching(()) = token;
        // F1.
        let old = Counts(self.counts.fetch_sub(Counts::ONE_SEARCHING, Ordering::AcqRel));
        if old.searching() == 1 && old.sleeping() > 0 {
            // F2. Pairs with N2: either the submitter sees that nobody searches, or `more` sees the item.
            fence(Ordering::SeqCst);
            if more() {
                self.wake_one();
            }
        }
    }

    /// Announces that this worker is about to sleep. After it, the worker looks everywhere once more, then parks until
    /// it is picked, or for the length of a nap, and ends with [`leave`](Self::leave) in any case.
    pub(crate) fn sleep(&self, seat: &Arc<Seat>, rest: Rest, token: Option<Searching>) -> Sleeping {
        let searching = if token.is_some() { Counts::ONE_SEARCHING } else { 0 };
        let sleeper = Sleeper { seat: Arc::clone(seat), rest };
        let slept = sleeper.count();
        let mut sleepers = self.sleepers.lock();
        seat.clear_picked();
        sleepers.push(sleeper);
        // S1.
        self.counts.fetch_add(slept.wrapping_sub(searching), Ordering::AcqRel);
        drop(sleepers);
        // S2. Pairs with N2.
        fence(Ordering::SeqCst);
        Sleeping(())
    }

    /// Ends a sleep: takes this worker off the list, or, if it was picked, returns the token it was given.
    pub(crate) fn leave(&self, seat: &Arc<Seat>, token: Sleeping) -> Option<Searching> {
        let Sleeping(()) = token;
        let mut sleepers = self.sleepers.lock();
        match sleepers.iter().rposition(|sleeper| Arc::ptr_eq(&sleeper.seat, seat)) {
            Some(place) => {
                let sleeper = sleepers.remove(place);
                self.counts.fetch_sub(sleeper.count(), Ordering::AcqRel);
                if sleeper.rest == Rest::Nap {
                    // S5. Pairs with N2: either the submitter sees that this nap is over, or our next look or question sees the item.
                    fence(Ordering::SeqCst);
                }
                None
            }
            None => Some(Searching(())),
        }
    }

    /// A worker that had announced its sleep found an item in its last look and was not picked. Those who submitted while
    /// it still searched relied on it, as in [`found`](Self::found).
    pub(crate) fn found_late(&self, more: impl FnOnce() -> bool) {
        if self.counts().needs_wake() && more() {
            self.wake_one();
        }
    }
}
