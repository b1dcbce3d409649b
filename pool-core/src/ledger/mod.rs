//! The ledger: what became of every task, in counters that cost next to nothing to keep.
//!
//! The balance that holds at every quiet moment:
//!
//! ```text
//! submitted = completed + panicked + cancelled + expired + discarded + returned + lost + waiting + running
//!                                                                  (rejected ones were never taken)
//! ```
//!
//! - Each worker counts on its own cache line with plain loads and stores ([`Tally`]).
//! - Outside threads count what they submit on one of a few counters ([`Gate`]). A submission is either counted before the
//!   gate closes, and then the pool runs it before it ends, or refused. To learn which, one read-modify-write counts it in
//!   the word that carries the *closed* bit; or, where the strategy asks under its lock, the lock orders it with the
//!   closing, and plain loads and stores do.
//! - A bounded pool has a second bit in that word, so that others do not pay for the question whether there is [`Room`].
//!
//! # Is the pool quiet?
//!
//! [`Ledger::is_quiet`] adds up first everything that *ended*, then everything that was *submitted*. If the two sums are
//! equal, there was a moment in between at which nothing waited and nothing ran:
//!
//! - A thread that counts an end releases it after everything the task submitted, so each end that the first sum saw
//!   brings all those submissions, and the task's own, into the second.
//! - So the submissions seen include the ends seen; equal numbers mean that they are the same tasks. A task submitted by a
//!   worker that was not seen would have an unseen, hence unended, parent, and so on up to an outside submission that was
//!   not seen, which is therefore later than the first sum.

mod metrics;
mod room;
mod tally;

pub use metrics::Metrics;
pub(crate) use room::Room;
pub(crate) use tally::Tally;

use crate::error::Rejection;
use crate::strategy::Asking;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::thread_local;
use crossbeam_utils::CachePadded;
use std::cell::Cell;
use tally::Counter;

/// One of the counters of outside submissions.
#[derive(Debug, Default)]
struct Gate {
    /// The count above, the two bits below.
    counted: AtomicU64,
    /// Submissions that were admitted [under a lock](Asking::under).
    under_lock: Counter,
}

impl Gate {
    /// Acquire: pairs with [`Ledger::enter`]; and for those admitted under a lock see `Counter`.
    fn submitted(&self) -> u64 {
        self.counted.load(Ordering::Acquire) / ONE + self.under_lock.get()
    }
}

/// The lowest bit of [`Gate::counted`]. Never unset once set.
const CLOSED: u64 = 1;
/// The bit beside it: the pool is bounded.
const BOUNDED: u64 = 2;
/// One submission.
const ONE: u64 = 4;

/// How many gates. More gates than outside threads that submit at the same time would only make the sums longer.
const GATES: usize = if cfg!(loom) { 1 } else { 8 };

thread_local! {
    /// The gate of this thread; `usize::MAX` until it needs one.
    static GATE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// All counts of a pool except the workers' own.
#[derive(Debug)]
pub(crate) struct Ledger {
    gates: Box<[CachePadded<Gate>]>,
    next_gate: AtomicUsize,
    room: Option<Room>,
    rejected: AtomicU64,
    full: AtomicU64,
    caller_ran: AtomicU64,
    discarded: AtomicU64,
    returned: AtomicU64,
    /// Cancelled tasks that left the queue by `shutdown_now`, or to make room.
    cancelled: AtomicU64,
    /// Tasks that the strategy may have dropped when it panicked, or kept: nothing tells until the pool is quiet otherwise.
    doubtful: AtomicU64,
    /// Those of them that were gone then. Changed under the lock of the quiet moment.
    lost: AtomicU64,
}

/// The counts of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) submitted: u64,
    pub(crate) started: u64,
    pub(crate) completed: u64,
    pub(crate) panicked: u64,
    pub(crate) cancelled: u64,
    pub(crate) expired: u64,
    pub(crate) rejected: u64,
    pub(crate) full: u64,
    pub(crate) caller_ran: u64,
    pub(crate) discarded: u64,
    pub(crate) returned: u64,
    pub(crate) lost: u64,
}

/// The answer to a submission from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Entry {
    /// It is counted.
    In,
    Closed,
    Full,
}

impl Totals {
    fn ended(&self) -> u64 {
        self.completed + self.panicked + self.gone()
    }

    /// Left the queue unrun.
    fn gone(&self) -> u64 {
        self.cancelled + self.expired + self.discarded + self.returned + self.lost
    }

    /// Neither started nor gone.
    fn queued(&self) -> u64 {
        self.submitted.saturating_sub(self.started + self.gone())
    }

    /// Started and not yet ended. May seem to be one too many for an instant: a worker that frees an empty shell counts.
    fn running(&self) -> u64 {
        self.started.saturating_sub(self.completed + self.panicked)
    }
}

impl Ledger {
    /// `capacity` is in tasks that wait.
    pub(crate) fn new(capacity: Option<usize>) -> Self {
        let counted = if capacity.is_some() { BOUNDED } else { 0 };
        let gate = || Gate { counted: AtomicU64::new(counted), under_lock: Counter::default() };
        Self {
            gates: (0..GATES).map(|_| CachePadded::new(gate())).collect(),
            next_gate: AtomicUsize::new(0),
            room: capacity.map(|capacity| Room::new(capacity as u64)),
            rejected: AtomicU64::new(0),
            full: AtomicU64::new(0),
            caller_ran: AtomicU64::new(0),
            discarded: AtomicU64::new(0),
            returned: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            doubtful: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// `None` if the pool is not bounded.
    pub(crate) fn room(&self) -> Option<&Room> {
        self.room.as_ref()
    }

    /// Counts `n` submissions of an outside thread, before they become visible, unless they are refused. Then the caller must
    /// look whether the pool has become quiet, since they were counted for an instant and may have hidden that.
    ///
    /// In a bounded pool, there must be room for all, unless they come in `in_any_case`.
    #[inline]
    fn enter(&self, n: u64, in_any_case: bool) -> Entry {
        let gate = &self.gates[self.my_gate()].counted;
        // AcqRel: a submission that is refused sees what the closer did before; one that is counted is seen, by the
        // closer's read of the same word, before the pool can be found quiet.
        let bits = gate.fetch_add(n * ONE, Ordering::AcqRel) & (CLOSED | BOUNDED);
        if bits == 0 {
            return Entry::In;
        }
        let undo = || {
            gate.fetch_sub(n * ONE, Ordering::AcqRel);
        };
        self.enter_at(bits, n, |room| room.take(n, in_any_case), undo)
    }

    /// As [`enter`](Self::enter), by a thread that holds the lock under which all such calls are made, and under which the
    /// submissions become visible, or before.
    ///
    /// The closer passes through that lock after [`close`](Self::close) and before it adds up. If that is after this
    /// call, the closer sees our count; if it is before, we see the closed bit. So a submission that is refused was
    /// never counted and hides no quiet moment.
    #[inline]
    fn enter_under_lock(&self, n: u64, in_any_case: bool) -> Entry {
        let gate = &self.gates[self.my_gate()];
        // Relaxed: ordered by the lock.
        let bits = gate.counted.load(Ordering::Relaxed) & (CLOSED | BOUNDED);
        if bits == 0 {
            gate.under_lock.add(n);
            return Entry::In;
        }
        self.enter_at(bits, n, |room| room.take_under_lock(n, in_any_case, || gate.under_lock.add(n)), || ())
    }

    /// A gate that has one of its bits set.
    #[cold]
    fn enter_at(&self, bits: u64, n: u64, take: impl FnOnce(&Room) -> bool, undo: impl FnOnce()) -> Entry {
        if bits & CLOSED != 0 {
            undo();
            // Relaxed: no sum depends on it.
            self.rejected.fetch_add(n, Ordering::Relaxed);
            return Entry::Closed;
        }
        if self.room.as_ref().is_none_or(take) {
            return Entry::In;
        }
        undo();
        Entry::Full
    }

    /// Counts `n` submissions of an outside thread as the strategy asks for them, unless they are refused.
    #[inline(always)]
    pub(crate) fn admit(&self, asking: &Asking<'_>, n: u64, in_any_case: bool) -> Entry {
        if asking.is_locked() { self.enter_under_lock(n, in_any_case) } else { self.enter(n, in_any_case) }
    }

    /// Counts submissions that are refused in the end: for want of room, or unasked, as the one before them was. Relaxed: no
    /// sum depends on it.
    pub(crate) fn refuse(&self, n: u64, reason: Rejection) {
        let refused = if reason == Rejection::Full { &self.full } else { &self.rejected };
        refused.fetch_add(n, Ordering::Relaxed);
    }

    /// Counts a submission that its own thread has run instead. Relaxed: no sum depends on it.
    pub(crate) fn run_by_caller(&self) {
        self.caller_ran.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a task that was dropped to make room. Release: pairs with the Acquire of `totals`.
    pub(crate) fn discard(&self) {
        self.discarded.fetch_add(1, Ordering::Release);
    }

    /// Counts a submission that cannot be refused: its parent runs in the pool.
    pub(crate) fn enter_anyway(&self) {
        // AcqRel: as in `enter`.
        self.gates[self.my_gate()].counted.fetch_add(ONE, Ordering::AcqRel);
    }

    #[inline]
    fn my_gate(&self) -> usize {
        // A thread that is being torn down has lost its choice: any gate is right.
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

    /// Up to `n` tasks may be gone: the strategy panicked while it had them in hand. Release: pairs with `is_quiet`.
    pub(crate) fn doubt(&self, n: u64) {
        self.doubtful.fetch_add(n, Ordering::Release);
    }

    /// Adds everything up: ends first, then starts, then submissions, so that no sum is behind one it must cover.
    pub(crate) fn totals<'a>(&self, tallies: impl Iterator<Item = &'a Tally> + Clone) -> Totals {
        let sum = |of: fn(&Tally) -> &Counter| tallies.clone().map(|tally| of(tally).get()).sum::<u64>();
        let returned = self.returned.load(Ordering::Acquire);
        let discarded = self.discarded.load(Ordering::Acquire);
        let lost = self.lost.load(Ordering::Acquire);
        let cancelled = self.cancelled.load(Ordering::Acquire) + sum(|tally| &tally.cancelled);
        let expired = sum(|tally| &tally.expired);
        let completed = sum(|tally| &tally.completed);
        let panicked = sum(|tally| &tally.panicked);
        let started = sum(|tally| &tally.started);
        let inside = sum(|tally| &tally.submitted);
        let outside = self.gates.iter().map(|gate| gate.submitted()).sum::<u64>();
        let rejected = self.rejected.load(Ordering::Relaxed);
        let full = self.full.load(Ordering::Relaxed);
        let caller_ran = self.caller_ran.load(Ordering::Relaxed);
        let submitted = inside + outside;
        Totals {
            submitted,
            started,
            completed,
            panicked,
            cancelled,
            expired,
            rejected,
            full,
            caller_ran,
            discarded,
            returned,
            lost,
        }
    }

    /// Whether there was a moment during this call at which nothing waited and nothing ran. One call at a time.
    ///
    /// `holds_nothing` is asked only in doubt: whether the strategy is empty.
    pub(crate) fn is_quiet<'a>(
        &self,
        tallies: impl Iterator<Item = &'a Tally> + Clone,
        holds_nothing: impl FnOnce() -> bool,
    ) -> bool {
        // Acquire: pairs with `doubt`. Before the sums: a doubt that comes later is not settled here.
        let doubtful = self.doubtful.load(Ordering::Acquire);
        let totals = self.totals(tallies);
        if doubtful == 0 && totals.ended() <= totals.submitted {
            return totals.ended() == totals.submitted;
        }
        self.is_quiet_in_doubt(doubtful, totals, holds_nothing)
    }

    /// Some of what seems to wait may be gone. If no more is missing than that, nothing runs, and the strategy says that it
    /// holds nothing, it is.
    ///
    /// A task that a worker has just taken, or a submitter is about to put away, can be mistaken for a lost one. It is
    /// found again when it has ended; a pool that has ended meanwhile runs what it submits all the same.
    #[cold]
    fn is_quiet_in_doubt(&self, doubtful: u64, totals: Totals, holds_nothing: impl FnOnce() -> bool) -> bool {
        let (ended, submitted) = (totals.ended(), totals.submitted);
        if ended > submitted {
            // Release: pairs with `totals`.
            self.lost.fetch_sub((ended - submitted).min(totals.lost), Ordering::Release);
            return true;
        }
        let missing = submitted - ended;
        if missing > doubtful || missing > 0 && !(totals.running() == 0 && holds_nothing()) {
            return false;
        }
        // Release: pairs with `totals`.
        self.lost.fetch_add(missing, Ordering::Release);
        // Relaxed: they were read by this thread.
        self.doubtful.fetch_sub(doubtful, Ordering::Relaxed);
        true
    }
}
