//! The idle policy: which workers search, which sleep, and which one to wake.
//!
//! It knows no thread, no clock, no spinning and no parking, and nothing of what is queued. Two parts:
//!
//! - [`Idle`], one for each pool: the counts and the list of sleepers. A submitter asks it which worker to wake.
//! - [`Policy`], one for each worker: told what the worker has seen, it says what to do next.
//!
//! The drivers are the worker's thread ([`worker::thread`](crate::worker)), the models under loom
//! (`loom_tests/idle.rs`), and tests with virtual time (`idle/tests.rs`) and random
//! interleavings (`idle/interleavings.rs`).
//!
//! [`README.md`](README.md) tells the protocol in prose and ends in the proof; the names below are those of that page.

mod backoff;
mod counts;
#[cfg(all(test, not(loom)))]
mod interleavings;
mod policy;
#[cfg(all(test, not(loom)))]
mod tests;

pub(crate) use policy::{Order, Policy, Seen, Step, Ticks};

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use counts::Counts;
use crossbeam_utils::CachePadded;
use std::sync::Arc;

/// The most workers that a pool can have. Far fewer than the counts could hold; no system starts more threads for a process.
pub(crate) const MAX_WORKERS: usize = (1 << 16) - 1;

/// How an item became visible to the workers that look for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "sleeping workers must be told of the item"]
pub(crate) enum Published {
    /// With nothing that orders it with the looks of other workers.
    Plainly,
    /// Ordered with every promise of emptiness, by a lock of the strategy's.
    Ordered,
}

impl Published {
    /// As [`inject_is_ordered`](crate::strategy::Scheduler::inject_is_ordered) or
    /// [`push_is_ordered`](crate::strategy::Worker::push_is_ordered) says.
    #[inline(always)]
    pub(crate) fn by(is_ordered: bool) -> Self {
        if is_ordered { Self::Ordered } else { Self::Plainly }
    }
}

/// Evidence that this worker is counted as searching. Given up by [`Idle::found`] or [`Idle::sleep`], nowhere else.
#[derive(Debug)]
#[must_use = "a lost token makes every later submission believe that a worker searches"]
struct Searching(());

/// Evidence that this worker is, or was until it was picked, in the list of sleepers.
#[derive(Debug)]
#[must_use = "a sleeper that does not `Idle::leave` stays in the list"]
struct Sleeping(());

/// Set by the thread that takes a worker off the list of sleepers.
#[derive(Debug, Default)]
struct Picked(AtomicBool);

impl Picked {
    /// Acquire: pairs with `set`, so that the token's count is seen too.
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Release: pairs with `is_set`.
    fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Relaxed: under the lock of the sleepers.
    fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// A worker in the list of sleepers.
#[derive(Debug)]
struct Sleeper<W> {
    who: W,
    picked: Arc<Picked>,
}

/// The shared state of the policy, one for each pool. `W` is what a driver needs to wake a worker.
#[derive(Debug)]
pub(crate) struct Idle<W> {
    counts: CachePadded<AtomicU64>,
    /// Last in, first out: the worker that fell asleep last has the warmest cache. Changed together with the sleeping
    /// of `counts`.
    sleepers: Mutex<Vec<Sleeper<W>>>,
    /// At most this many workers search at the same time.
    most_searching: usize,
    /// Workers that have not been told to leave.
    workers: AtomicUsize,
}

impl<W: Clone> Idle<W> {
    /// At most `most_searching` workers search at the same time; the others go to sleep after one look.
    pub(crate) fn new(most_searching: usize) -> Self {
        Self {
            counts: CachePadded::new(AtomicU64::new(0)),
            sleepers: Mutex::new(Vec::new()),
            most_searching: most_searching.max(1),
            workers: AtomicUsize::new(0),
        }
    }

    /// Relaxed: ordered by the caller's fence or lock, or a figure for the metrics, or an estimate.
    fn counts(&self) -> Counts {
        Counts(self.counts.load(Ordering::Relaxed))
    }

    /// Sets the number of workers.
    pub(crate) fn resize(&self, workers: usize) {
        // Relaxed: `is_any_working` only estimates.
        self.workers.store(workers, Ordering::Relaxed);
    }

    /// Whether a worker neither searches nor sleeps. An estimate, which leaves out workers that have been told to leave.
    fn is_any_working(&self) -> bool {
        let counts = self.counts();
        // Relaxed: as in `resize`.
        counts.searching() + counts.sleeping() < self.workers.load(Ordering::Relaxed)
    }

    /// Workers asleep now.
    pub(crate) fn sleeping(&self) -> usize {
        self.counts().sleeping()
    }

    #[cfg(test)]
    pub(crate) fn searching(&self) -> usize {
        self.counts().searching()
    }

    // What a submitter does.

    /// After an item was made visible: the sleeper to wake for it, if no worker searches.
    #[inline]
    #[must_use = "the sleeper has been picked and must be woken"]
    pub(crate) fn notify(&self, published: Published) -> Option<W> {
        // N2. Either the sleeper's last look sees the item, or we see the sleeper's announcement.
        if published == Published::Plainly {
            // Pairs with the fences in `sleep` (S2) and `found` (F2).
            fence(Ordering::SeqCst);
        }
        if self.counts().needs_wake() { self.pick_one() } else { None }
    }

    /// After `n` items were made visible at once: as many sleepers to wake, less the workers that search.
    #[must_use = "the sleepers have been picked and must be woken"]
    pub(crate) fn notify_many(&self, n: usize) -> Vec<W> {
        fence(Ordering::SeqCst); // N2, as in `notify`.
        let counts = self.counts();
        if counts.sleeping() == 0 { Vec::new() } else { self.pick(n.saturating_sub(counts.searching()), false) }
    }

    /// Every sleeper, to be woken to see that the pool has ended.
    #[must_use = "the sleepers have been picked and must be woken"]
    pub(crate) fn pick_all(&self) -> Vec<W> {
        self.pick(usize::MAX, false)
    }

    /// N3. The worker that fell asleep last, unless another notifier was faster.
    #[cold]
    fn pick_one(&self) -> Option<W> {
        self.pick(1, true).pop()
    }

    /// Takes up to `n` sleepers out of the list and hands each a searching token.
    fn pick(&self, n: usize, unless_searching: bool) -> Vec<W> {
        let mut sleepers = self.sleepers.lock();
        if unless_searching && self.counts().searching() > 0 {
            // Another notifier was faster. The sleeper that it picked will look for our item: that worker has not
            // passed S2 again, see the proof.
            return Vec::new();
        }
        let keep = sleepers.len().saturating_sub(n);
        let picked = sleepers.split_off(keep);
        let moved = Counts::ONE_SEARCHING.wrapping_sub(Counts::ONE_SLEEPING).wrapping_mul(picked.len() as u64);
        // AcqRel on every change of the counts: they form one release sequence, so a worker that sees a count sees what
        // the threads before it published.
        self.counts.fetch_add(moved, Ordering::AcqRel);
        for sleeper in &picked {
            sleeper.picked.set();
        }
        picked.into_iter().map(|sleeper| sleeper.who).collect()
    }

    // What a worker does. See `Policy` for when.

    /// Counts a worker without work as searching. `None` if enough others are.
    fn search(&self) -> Option<Searching> {
        // AcqRel: as in `pick`. Relaxed on failure: nothing is read then.
        self.counts
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |counts| {
                (Counts(counts).searching() < self.most_searching).then_some(counts + Counts::ONE_SEARCHING)
            })
            .ok()
            .map(|_| Searching(()))
    }

    /// A searching worker has found an item. Whether it must ask for more: see [`must_ask`](Self::must_ask).
    ///
    /// Submitters that saw this worker searching woke no other, since they relied on it. So the last worker to stop
    /// searching looks for their items.
    #[must_use = "the last searcher must ask whether there is more"]
    fn found(&self, token: Searching) -> bool {
        let Searching(()) = token;
        // F1.
        let old = Counts(self.counts.fetch_sub(Counts::ONE_SEARCHING, Ordering::AcqRel));
        let must_ask = old.searching() == 1 && old.sleeping() > 0;
        if must_ask {
            // F2. Pairs with N2: either the submitter sees that no worker searches, or the answer includes the item.
            fence(Ordering::SeqCst);
        }
        must_ask
    }

    /// Whether a worker that found an item in its last look must ask the strategy for more (S4). Submitters that saw it
    /// while it still searched relied on it, as in [`found`](Self::found).
    fn must_ask(&self) -> bool {
        self.counts().needs_wake()
    }

    /// Announces that this worker is about to sleep. After this call, the worker looks everywhere once more, then parks
    /// until it is picked, and ends with [`leave`](Self::leave) in any case.
    fn sleep(&self, who: &W, picked: &Arc<Picked>, token: Option<Searching>) -> Sleeping {
        let searching = if token.is_some() { Counts::ONE_SEARCHING } else { 0 };
        let mut sleepers = self.sleepers.lock();
        picked.clear();
        sleepers.push(Sleeper { who: who.clone(), picked: Arc::clone(picked) });
        // S1.
        self.counts.fetch_add(Counts::ONE_SLEEPING.wrapping_sub(searching), Ordering::AcqRel);
        drop(sleepers);
        // S2. Pairs with N2.
        fence(Ordering::SeqCst);
        Sleeping(())
    }

    /// Ends a sleep: takes this worker off the list, or, if it was picked, returns the token it was given.
    fn leave(&self, picked: &Arc<Picked>, token: Sleeping) -> Option<Searching> {
        let Sleeping(()) = token;
        if picked.is_set() {
            return Some(Searching(()));
        }
        let mut sleepers = self.sleepers.lock();
        match sleepers.iter().rposition(|sleeper| Arc::ptr_eq(&sleeper.picked, picked)) {
            Some(place) => {
                sleepers.remove(place);
                self.counts.fetch_sub(Counts::ONE_SLEEPING, Ordering::AcqRel);
                None
            }
            None => Some(Searching(())),
        }
    }
}
