//! The soak's own books of one pool, to be compared with the pool's metrics.
//!
//! Each closure that is submitted owns a [`Ticket`]. A ticket ends once: its closure has run, or was dropped unrun. What the
//! thread is [`Doing`] at that moment tells why, and so which of the pool's counts must have grown. Where two reasons are
//! possible, as for a task that `shutdown_now` takes out while its waiter runs it, the books allow either of them.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;

use pool_core::{Metrics, Rejection, WhenFull};

/// What can become of a task, as the metrics have it. One bit each, so that several can be allowed.
pub(crate) type Fates = u16;
pub(crate) const COMPLETED: Fates = 1;
pub(crate) const PANICKED: Fates = 1 << 1;
pub(crate) const CANCELLED: Fates = 1 << 2;
pub(crate) const REJECTED: Fates = 1 << 3;
pub(crate) const FULL: Fates = 1 << 4;
pub(crate) const CALLER_RAN: Fates = 1 << 5;
pub(crate) const DISCARDED: Fates = 1 << 6;
pub(crate) const RETURNED: Fates = 1 << 7;
pub(crate) const EXPIRED: Fates = 1 << 8;
pub(crate) const NAMES: [&str; 9] =
    ["completed", "panicked", "cancelled", "rejected", "full", "caller ran", "discarded", "returned", "expired"];

/// No round makes more tickets.
pub(crate) const MOST: usize = 1 << 17;

/// What the thread does that may end a ticket.
#[derive(Clone, Copy)]
pub(crate) enum Doing {
    /// Nothing of the kind.
    Idle,
    /// It submits the tickets from the first number up to the second.
    Submit { first: u32, end: u32, may_be_full: bool },
    /// It cancels, by a handle or a group.
    Cancel,
    /// It runs or drops what `shutdown_now` has handed back.
    Hand,
    /// It runs or drops what was refused.
    Back(Fates),
}

thread_local! {
    static DOING: Cell<Doing> = const { Cell::new(Doing::Idle) };
    /// The number of the pool whose worker this thread is, or 0.
    pub(crate) static WORKER_OF: Cell<u64> = const { Cell::new(0) };
}

/// Does `f` while the thread is said to be doing `what`.
pub(crate) fn doing<R>(what: Doing, f: impl FnOnce() -> R) -> R {
    struct Restore(Doing);
    impl Drop for Restore {
        fn drop(&mut self) {
            DOING.set(self.0);
        }
    }
    let _restore = Restore(DOING.replace(what));
    f()
}

/// The fate of a refused submission.
pub(crate) fn fate_of(reason: Rejection) -> Fates {
    match reason {
        Rejection::ShutDown => REJECTED,
        Rejection::Full => FULL,
        other => unreachable!("{other:?}"),
    }
}

/// The books of one pool.
pub(crate) struct Books {
    /// The number of the pool.
    pub(crate) pool: u64,
    /// The policy of a bounded pool.
    pub(crate) policy: Option<WhenFull>,
    /// Set before the pool is closed, and before `shutdown_now`.
    pub(crate) is_closed: AtomicBool,
    pub(crate) is_now: AtomicBool,
    made: AtomicU64,
    ended: AtomicU64,
    pub(crate) futures_open: AtomicU64,
    /// One for each ticket: whether it has ended.
    over: Box<[AtomicU8]>,
    /// Tasks of which the fate is known.
    sure: [AtomicU64; 9],
    /// Tasks that may have this fate or another one.
    maybe: [AtomicU64; 9],
    /// Tasks that have one of several fates, and tasks that need not exist.
    unsure: AtomicU64,
    optional: AtomicU64,
    faults: Mutex<Vec<String>>,
}

impl Books {
    pub(crate) fn new(pool: u64, policy: Option<WhenFull>) -> Self {
        Self {
            pool,
            policy,
            is_closed: AtomicBool::new(false),
            is_now: AtomicBool::new(false),
            made: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            futures_open: AtomicU64::new(0),
            over: (0..MOST).map(|_| AtomicU8::new(0)).collect(),
            sure: Default::default(),
            maybe: Default::default(),
            unsure: AtomicU64::new(0),
            optional: AtomicU64::new(0),
            faults: Mutex::new(Vec::new()),
        }
    }

    /// Notes that something is wrong. A panic would be caught by the pool.
    pub(crate) fn fault(&self, text: String) {
        self.faults.lock().unwrap().push(text);
    }

    pub(crate) fn faults(&self) -> Vec<String> {
        std::mem::take(&mut self.faults.lock().unwrap())
    }

    /// Whether more tickets can be made, with some to spare for what runs.
    pub(crate) fn has_pages(&self) -> bool {
        self.made.load(SeqCst) < (MOST - MOST / 4) as u64
    }

    pub(crate) fn made(&self) -> u64 {
        self.made.load(SeqCst)
    }

    /// The first of `len` numbers for things that end once.
    pub(crate) fn numbers(&self, len: u64) -> u32 {
        self.made.fetch_add(len, SeqCst) as u32
    }

    /// Whether this thread is a worker of the pool.
    pub(crate) fn is_own_worker(&self) -> bool {
        WORKER_OF.with(Cell::get) == self.pool
    }

    pub(crate) fn discards(&self) -> bool {
        matches!(self.policy, Some(WhenFull::DiscardOldest | WhenFull::DiscardLeastUrgent))
    }

    /// A task has one of these fates.
    pub(crate) fn enter(&self, fates: Fates) {
        let counts = if fates.count_ones() == 1 { &self.sure } else { &self.maybe };
        for (bit, count) in counts.iter().enumerate().filter(|(bit, _)| fates & 1 << bit != 0) {
            debug_assert!(bit < NAMES.len());
            count.fetch_add(1, SeqCst);
        }
        self.unsure.fetch_add(u64::from(fates.count_ones() > 1), SeqCst);
    }

    /// There may be a task with one of these fates.
    pub(crate) fn enter_perhaps(&self, fates: Fates) {
        for (_, count) in self.maybe.iter().enumerate().filter(|(bit, _)| fates & 1 << bit != 0) {
            count.fetch_add(1, SeqCst);
        }
        self.optional.fetch_add(1, SeqCst);
    }

    /// What has this number ends.
    pub(crate) fn end(&self, number: u32) {
        if self.over[number as usize].fetch_add(1, SeqCst) != 0 {
            self.fault(format!("ticket {number} ended twice"));
        }
        self.ended.fetch_add(1, SeqCst);
    }

    /// Fates that `shutdown_now` adds to those of a task that is in the pool.
    fn or_returned(&self, fates: Fates) -> Fates {
        if self.is_now.load(SeqCst) { fates | RETURNED } else { fates }
    }

    /// Whether this thread submits what has this number, or has it back: it never came in.
    pub(crate) fn is_refused(&self, number: u32) -> bool {
        match DOING.get() {
            Doing::Submit { first, end, .. } => (first..end).contains(&number),
            Doing::Back(_) => true,
            _ => false,
        }
    }

    /// Why a ticket is dropped unrun on this thread.
    pub(crate) fn why_unrun(&self, number: u32, is_armed: bool, may_be_skipped: bool) -> Fates {
        let skipped = self.or_returned(CANCELLED | EXPIRED | if is_armed { PANICKED } else { 0 });
        let is_skipped = may_be_skipped && self.is_own_worker();
        match DOING.get() {
            Doing::Hand => RETURNED,
            Doing::Back(fates) => fates,
            Doing::Cancel => self.or_returned(CANCELLED) | if is_skipped { skipped } else { 0 },
            Doing::Submit { first, end, may_be_full } if (first..end).contains(&number) => {
                let refused = if self.is_closed.load(SeqCst) { REJECTED } else { 0 };
                let full = if may_be_full { FULL } else { 0 };
                let may_be_discarded = self.discards() && (may_be_skipped || end - first > 1);
                // A group lends the closure until its submission returns: the task may have come in, and gone, meanwhile.
                let lent = if may_be_skipped { self.or_returned(CANCELLED | EXPIRED) } else { 0 };
                let fates = refused | full | lent | if may_be_discarded { DISCARDED } else { 0 };
                if fates == 0 || self.is_own_worker() && !may_be_skipped {
                    self.fault(format!("ticket {number} was refused without a reason"));
                }
                if fates == 0 { REJECTED } else { fates }
            }
            Doing::Submit { .. } if self.discards() => DISCARDED,
            _ if is_skipped => skipped,
            _ if self.is_now.load(SeqCst) => RETURNED,
            _ => {
                self.fault(format!("ticket {number} was dropped unrun without a reason"));
                CANCELLED
            }
        }
    }

    /// What it means that a ticket has been run on this thread.
    fn why_run(&self, doing: Doing, number: u32, ran: Fates) -> Fates {
        match doing {
            Doing::Hand => RETURNED,
            Doing::Back(fates) => fates,
            _ if self.is_own_worker() => self.or_returned(ran),
            Doing::Submit { first, end, .. }
                if (first..end).contains(&number) && self.policy == Some(WhenFull::CallerRuns) =>
            {
                CALLER_RAN
            }
            _ => {
                self.fault(format!("ticket {number} ran on a thread that is no worker"));
                ran
            }
        }
    }

    /// Compares with the pool's own counts at a quiet moment.
    pub(crate) fn compare(&self, m: &Metrics) -> u64 {
        let (made, ended) = (self.made.load(SeqCst), self.ended.load(SeqCst));
        if made != ended {
            let open: Vec<_> = (0..made as usize).filter(|&n| self.over[n].load(SeqCst) == 0).take(9).collect();
            self.fault(format!("{} tickets are open at a quiet moment, as {open:?}", made.abs_diff(ended)));
        }
        let counts = [
            m.completed,
            m.panicked,
            m.cancelled,
            m.rejected,
            m.full,
            m.caller_ran,
            m.discarded,
            m.returned,
            m.expired,
        ];
        for (i, count) in counts.into_iter().enumerate() {
            let (sure, maybe) = (self.sure[i].load(SeqCst), self.maybe[i].load(SeqCst));
            if !(sure..=sure + maybe).contains(&count) {
                self.fault(format!("{}: the pool says {count}, the books {sure} to {}", NAMES[i], sure + maybe));
            }
        }
        let all = self.sure.iter().map(|n| n.load(SeqCst)).sum::<u64>() + self.unsure.load(SeqCst);
        let most = all + self.optional.load(SeqCst);
        if !(all..=most).contains(&m.submitted) {
            self.fault(format!("submitted: the pool says {}, the books {all} to {most}", m.submitted));
        }
        if !m.is_balanced() || (m.lost, m.waiting, m.running) != (0, 0, 0) {
            self.fault(format!("lost, waiting or running at a quiet moment: {m:?}"));
        }
        counts.iter().sum()
    }

    /// Whether each ticket has ended, for a pool that has no metrics any more.
    pub(crate) fn all_ended(&self) -> bool {
        self.made.load(SeqCst) == self.ended.load(SeqCst)
    }
}

/// What a closure owns. Ends once.
pub(crate) struct Ticket {
    pub(crate) number: u32,
    books: Arc<Books>,
    is_over: bool,
    /// Whether its drop panics.
    pub(crate) is_armed: bool,
    /// Whether its group may drop it at its turn.
    pub(crate) may_be_skipped: bool,
    /// Whether the value that its closure leaves panics when it is dropped.
    pub(crate) leaves_a_bomb: bool,
}

impl Ticket {
    pub(crate) fn new(books: &Arc<Books>) -> Self {
        Self::with_number(books, books.numbers(1))
    }

    /// As many, with one number after the other.
    pub(crate) fn many(books: &Arc<Books>, len: usize) -> impl Iterator<Item = Self> {
        let first = books.numbers(len as u64);
        (first..first + len as u32).map(|number| Self::with_number(books, number))
    }

    fn with_number(books: &Arc<Books>, number: u32) -> Self {
        let books = Arc::clone(books);
        Self { number, books, is_over: false, is_armed: false, may_be_skipped: false, leaves_a_bomb: false }
    }

    /// The closure runs: `f` is the rest of it.
    pub(crate) fn run<R>(mut self, f: impl FnOnce() -> R) -> R {
        let before = DOING.get();
        let result = doing(Doing::Idle, || catch_unwind(AssertUnwindSafe(f)));
        self.is_over = true;
        let mut ran = if result.is_err() || self.is_armed { PANICKED } else { COMPLETED };
        if self.leaves_a_bomb {
            ran |= PANICKED | COMPLETED;
        }
        self.books.enter(self.books.why_run(before, self.number, ran));
        self.books.end(self.number);
        match result {
            Ok(value) => value,
            Err(payload) => {
                self.is_armed = false;
                resume_unwind(payload)
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.is_over {
            self.books.enter(self.books.why_unrun(self.number, self.is_armed, self.may_be_skipped));
            self.books.end(self.number);
        }
        if self.is_armed && !thread::panicking() {
            throw();
        }
    }
}

/// A value whose `Drop` panics.
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            throw();
        }
    }
}

/// Unwinds without the message of the panic hook.
pub(crate) fn throw() -> ! {
    resume_unwind(Box::new("a panic of the soak"))
}

/// The panic of `f`, if it panics, is nothing.
pub(crate) fn quietly<R>(f: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(f)).ok()
}
