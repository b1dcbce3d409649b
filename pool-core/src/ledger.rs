//! The ledger: what became of every task, in counters that cost next to nothing to keep.
//!
//! The balance that holds at every quiet moment:
//!
//! ```text
//! submitted = completed + panicked + cancelled + returned + waiting + running        (rejected ones were never taken)
//! ```
//!
//! - Each worker counts on its own cache line with plain loads and stores ([`Tally`]).
//! - Outside threads count what they submit on one of a few shards ([`Gate`]). A submission is either counted before the
//!   gate closes, and then the pool runs it before it ends, or refused. To learn which, one read-modify-write counts it in
//!   the word that carries the *closed* bit; or, where the strategy asks under its lock, the lock orders it with the closing,
//!   and plain loads and stores do.
//!
//! # Is the pool quiet?
//!
//! [`Ledger::is_quiet`] adds up first everything that *ended*, then everything that was *submitted*. If the two sums are
//! equal, there was a moment in between at which nothing waited and nothing ran:
//!
//! - Whoever counts an end releases it after everything the task submitted, so each end that the first sum saw brings all
//!   those submissions, and the task's own, into the second.
//! - So the submissions seen include the ends seen; equal numbers mean that they are the same tasks. A task submitted by a
//!   worker that was not seen would have an unseen, hence unended, parent, and so on up to an outside submission that was
//!   not seen, which is therefore later than the first sum.

use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::thread_local;
use crate::task::Outcome;
use crossbeam_utils::CachePadded;
use std::cell::Cell;

/// A counter with one writer and any number of readers.
#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl Counter {
    /// For the one writer. Release: pairs with the Acquire of `get`, see the module's docs.
    #[inline]
    fn add(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Release);
    }

    /// For the one writer: takes one back.
    #[inline]
    fn take_back(&self) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_sub(1), Ordering::Release);
    }

    /// Acquire: pairs with `add` and `take_back`.
    fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// What one worker counts. Only its own thread writes.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    submitted: Counter,
    started: Counter,
    completed: Counter,
    panicked: Counter,
    cancelled: Counter,
}

impl Tally {
    /// Before the tasks become visible to anyone.
    #[inline]
    pub(crate) fn submit(&self, n: u64) {
        self.submitted.add(n);
    }

    /// Before a task from the queue runs.
    #[inline]
    pub(crate) fn start(&self) {
        self.started.add(1);
    }

    /// Tasks that this worker has submitted.
    pub(crate) fn submitted(&self) -> u64 {
        self.submitted.get()
    }

    /// Tasks that this worker has started.
    pub(crate) fn started(&self) -> u64 {
        self.started.get()
    }

    /// After it ran.
    #[inline]
    pub(crate) fn end(&self, outcome: Outcome) {
        match outcome {
            Outcome::Completed => self.completed.add(1),
            unusual => self.end_unusual(unusual),
        }
    }

    /// Apart, so that the usual end needs no jump: the processor foretells where the next task begins by the way that led
    /// there, and remembers only so many jumps of it.
    #[cold]
    fn end_unusual(&self, outcome: Outcome) {
        match outcome {
            Outcome::Completed => self.completed.add(1),
            Outcome::Panicked => self.panicked.add(1),
            Outcome::Cancelled => {
                self.started.take_back();
                self.cancelled.add(1);
            }
            Outcome::Void => self.started.take_back(),
        }
    }
}

/// One shard of the outside submissions.
#[derive(Debug, Default)]
struct Gate {
    /// The count above, the closed bit below.
    counted: AtomicU64,
    /// Submissions that were admitted [alone](crate::Admission::ask_alone).
    alone: Counter,
}

impl Gate {
    /// Acquire: pairs with [`Ledger::enter`]; and for those admitted alone see `Counter`.
    fn submitted(&self) -> u64 {
        self.counted.load(Ordering::Acquire) / ONE + self.alone.get()
    }
}

/// The lowest bit of [`Gate::counted`]. Never unset once set.
const CLOSED: u64 = 1;
/// One submission.
const ONE: u64 = 2;

/// How many shards. More than the outside threads that submit at the same time on machines where that matters would only
/// make the sums longer.
const GATES: usize = if cfg!(loom) { 1 } else { 8 };

thread_local! {
    /// The shard of this thread; `usize::MAX` until it needs one.
    static GATE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// All counts of a pool except the workers' own.
#[derive(Debug)]
pub(crate) struct Ledger {
    gates: Box<[CachePadded<Gate>]>,
    next_gate: AtomicUsize,
    rejected: AtomicU64,
    returned: AtomicU64,
    /// Cancelled tasks that left the queue by `shutdown_now`.
    cancelled: AtomicU64,
}

/// The counts of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) submitted: u64,
    pub(crate) started: u64,
    pub(crate) completed: u64,
    pub(crate) panicked: u64,
    pub(crate) cancelled: u64,
    pub(crate) rejected: u64,
    pub(crate) returned: u64,
}

impl Totals {
    fn ended(&self) -> u64 {
        self.completed + self.panicked + self.cancelled + self.returned
    }
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            gates: (0..GATES).map(|_| CachePadded::new(Gate::default())).collect(),
            next_gate: AtomicUsize::new(0),
            rejected: AtomicU64::new(0),
            returned: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
        }
    }

    /// Counts `n` submissions of an outside thread, before they become visible. `false` if the pool is closed: they are
    /// then counted as rejected, and the caller must look whether the pool has become quiet, for they were in the way.
    #[inline]
    pub(crate) fn enter(&self, n: u64) -> bool {
        let gate = &self.gates[self.my_gate()].counted;
        // AcqRel: a submission that is refused sees what the closer did before; one that is counted is seen, by the
        // closer's read of the same word, before the pool can be found quiet.
        if gate.fetch_add(n * ONE, Ordering::AcqRel) & CLOSED == 0 {
            return true;
        }
        gate.fetch_sub(n * ONE, Ordering::AcqRel);
        // Relaxed: no sum depends on it.
        self.rejected.fetch_add(n, Ordering::Relaxed);
        false
    }

    /// As [`enter`](Self::enter) for one submission, by a thread that holds the lock under which all such calls are made, and
    /// under which the submission becomes visible.
    ///
    /// Whoever closes passes through that lock after [`close`](Self::close) and before it adds up. If that is after us, it sees
    /// our count; if it is before us, we see the closed bit. So a submission that is refused was never counted and is in
    /// nobody's way.
    #[inline]
    pub(crate) fn enter_alone(&self) -> bool {
        let gate = &self.gates[self.my_gate()];
        // Relaxed: ordered by the lock.
        if gate.counted.load(Ordering::Relaxed) & CLOSED == 0 {
            gate.alone.add(1);
            return true;
        }
        // Relaxed: no sum depends on it.
        self.rejected.fetch_add(1, Ordering::Relaxed);
        false
    }

    /// Counts a submission that cannot be refused: its parent runs in the pool.
    pub(crate) fn enter_anyway(&self) {
        // AcqRel: as in `enter`.
        self.gates[self.my_gate()].counted.fetch_add(ONE, Ordering::AcqRel);
    }

    #[inline]
    fn my_gate(&self) -> usize {
        // A thread that is being torn down has lost its choice: any shard is right.
        let gate = GATE.try_with(Cell::get).unwrap_or(0);
        if gate < GATES { gate } else { self.choose_gate() }
    }

    #[cold]
    fn choose_gate(&self) -> usize {
        // Relaxed: it only spreads the threads.
        let gate = self.next_gate.fetch_add(1, Ordering::Relaxed) % GATES;
        let _ = GATE.try_with(|mine| mine.set(gate));
        gate
    }

    /// Refuses every later outside submission.
    pub(crate) fn close(&self) {
        for gate in &self.gates {
            // AcqRel: pairs with `enter` on the same word.
            gate.counted.fetch_or(CLOSED, Ordering::AcqRel);
        }
    }

    /// Whether outside submissions are refused. Acquire: pairs with `close`.
    pub(crate) fn is_closed(&self) -> bool {
        self.gates[0].counted.load(Ordering::Acquire) & CLOSED != 0
    }

    /// Counts tasks that leave unrun. Release: pairs with the Acquire of `totals`.
    pub(crate) fn give_back(&self, returned: u64, cancelled: u64) {
        self.returned.fetch_add(returned, Ordering::Release);
        self.cancelled.fetch_add(cancelled, Ordering::Release);
    }

    /// Adds everything up: ends first, then starts, then submissions, so that no sum is behind one it must cover.
    pub(crate) fn totals<'a>(&self, tallies: impl Iterator<Item = &'a Tally> + Clone) -> Totals {
        let sum = |of: fn(&Tally) -> &Counter| tallies.clone().map(|tally| of(tally).get()).sum::<u64>();
        let returned = self.returned.load(Ordering::Acquire);
        let cancelled = self.cancelled.load(Ordering::Acquire) + sum(|tally| &tally.cancelled);
        let completed = sum(|tally| &tally.completed);
        let panicked = sum(|tally| &tally.panicked);
        let started = sum(|tally| &tally.started);
        let inside = sum(|tally| &tally.submitted);
        let outside = self.gates.iter().map(|gate| gate.submitted()).sum::<u64>();
        let rejected = self.rejected.load(Ordering::Relaxed);
        Totals { submitted: inside + outside, started, completed, panicked, cancelled, rejected, returned }
    }

    /// Whether there was a moment during this call at which nothing waited and nothing ran.
    pub(crate) fn is_quiet<'a>(&self, tallies: impl Iterator<Item = &'a Tally> + Clone) -> bool {
        let totals = self.totals(tallies);
        // More ends than submissions there are only if the strategy panicked and kept the item all the same, so that it is
        // counted as lost and as run. Better early than never, then: who waits here would wait for good.
        totals.ended() >= totals.submitted
    }
}
