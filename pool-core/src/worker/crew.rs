//! [`Crew`]: all of a pool that does not depend on its strategy; here, its workers.

use super::quiet::Quiet;
use super::seat::Seat;
use crate::error::panic::{self, drop_quietly};
use crate::idle::{Idle, MAX_WORKERS, Order, Published};
use crate::ledger::{Ledger, Tally, Totals};
use crate::offers::frame::{Frame, Taken};
use crate::offers::shard::ShardStore;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, thread};
use crate::task::Task;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;

/// Takes the payload of a panic that no handle and no scope takes.
pub(crate) type PanicHandler = Arc<dyn Fn(panic::Payload) + Send + Sync>;
/// Called on a worker's thread with the worker's index.
pub(crate) type Hook = Arc<dyn Fn(usize) + Send + Sync>;

/// What a pool does at the edges of its threads' lives.
#[derive(Clone)]
pub(crate) struct Hooks {
    pub(crate) on_start: Option<Hook>,
    pub(crate) on_stop: Option<Hook>,
    pub(crate) on_panic: PanicHandler,
}

/// The last identity given to a pool. Of no interest to a model checker.
static LAST_ID: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// The shared, strategy-independent part of a pool.
pub(crate) struct Crew {
    id: usize,
    pub(crate) idle: Idle<Arc<Seat>>,
    pub(crate) ledger: Ledger,
    pub(crate) hooks: Hooks,
    pub(crate) shards: ShardStore,
    /// Locked after the lock in `quiet` where both are.
    seats: Mutex<Vec<Occupied>>,
    /// Workers, also those to come, take no further items. Changed under the lock of the seats. Never unset once set.
    halted: AtomicBool,
    pub(super) quiet: Quiet,
    /// What `shutdown_now` hands back.
    pub(super) unrun: Mutex<Vec<Task>>,
}

/// A seat and the thread that sits on it, or sat on it last.
struct Occupied {
    seat: Arc<Seat>,
    thread: Option<thread::JoinHandle<()>>,
    working: bool,
}

impl Crew {
    pub(crate) fn new(hooks: Hooks, most_searching: usize) -> Self {
        // Relaxed: only the number matters.
        let id = LAST_ID.fetch_add(1, Ordering::Relaxed) + 1;
        Self {
            id,
            idle: Idle::new(most_searching),
            ledger: Ledger::new(),
            hooks,
            shards: ShardStore::new(id),
            seats: Mutex::new(Vec::new()),
            halted: AtomicBool::new(false),
            quiet: Quiet::new(),
            unrun: Mutex::new(Vec::new()),
        }
    }

    /// This pool's identity, which no other pool has, had or will have. Not 0.
    pub(crate) fn id(&self) -> usize {
        self.id
    }

    /// Gives a payload to the panic handler. A panic in the handler ends there.
    pub(crate) fn report_panic(&self, payload: panic::Payload) {
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| (self.hooks.on_panic)(payload))) {
            drop_quietly(second);
        }
    }

    /// Wakes a sleeper for an item that has become visible, if one is needed.
    #[inline(always)]
    pub(crate) fn notify(&self, published: Published) {
        if let Some(seat) = self.idle.notify(published) {
            wake(seat);
        }
    }

    /// Wakes sleepers for `n` items that have become visible at once, in one wave.
    pub(crate) fn notify_many(&self, n: usize) {
        for seat in self.idle.notify_many(n) {
            seat.parker.unpark();
        }
    }

    /// Counts `n` tasks as lost, which the strategy took and dropped when it panicked, and wakes workers for what it
    /// kept.
    #[cold]
    pub(crate) fn lose(&self, n: usize) {
        self.ledger.give_back(0, n as u64);
        self.notify_many(usize::MAX);
        self.settle();
    }

    /// Seats another worker: `start` is given the seat and starts its thread.
    ///
    /// # Errors
    /// That of `start`, or that there are too many.
    pub(crate) fn seat_one(
        &self,
        start: impl FnOnce(Arc<Seat>) -> io::Result<thread::JoinHandle<()>>,
    ) -> io::Result<()> {
        self.quiet.count_in(MAX_WORKERS)?;
        let started = {
            let mut seats = self.seats.lock();
            let vacant = seats.iter().position(|place| !place.working && place.seat.is_vacant());
            let place = vacant.unwrap_or_else(|| {
                let seat = Arc::new(Seat::new(seats.len()));
                seats.push(Occupied { seat, thread: None, working: false });
                seats.len() - 1
            });
            let seat = Arc::clone(&seats[place].seat);
            // Relaxed: written under the lock that we hold.
            seat.give(if self.halted.load(Ordering::Relaxed) { Order::Halt } else { Order::Work });
            seat.reserve();
            let started = start(Arc::clone(&seat)).map(|thread| {
                seats[place].thread = Some(thread);
                seats[place].working = true;
                self.resize(&seats);
            });
            started.inspect_err(|_| seat.vacate())
        };
        started.inspect_err(|_| self.quiet.count_out())
    }

    /// The number of workers has changed.
    fn resize(&self, seats: &[Occupied]) {
        let working = working(seats);
        self.idle.resize(working);
        for place in seats {
            // A worker that was told to leave may run for long yet, and all that stay may help it.
            place.seat.board.resize(working - usize::from(place.working));
        }
    }

    /// Tells up to `n` workers, those with the highest numbers, to leave; one always stays. Returns how many were told.
    pub(crate) fn retire(&self, n: usize) -> usize {
        let mut seats = self.seats.lock();
        let before = working(&seats);
        let leaving = n.min(before.saturating_sub(1));
        for place in seats.iter_mut().rev().filter(|place| place.working).take(leaving) {
            place.working = false;
            place.seat.give(Order::Leave);
            place.seat.parker.unpark();
        }
        self.resize(&seats);
        leaving
    }

    /// Tells every worker to take no further items.
    pub(crate) fn halt(&self) {
        let seats = self.seats.lock();
        self.halted.store(true, Ordering::Relaxed);
        for place in &*seats {
            place.seat.give(Order::Halt);
            place.seat.parker.unpark();
        }
    }

    /// Workers that have not been told to leave.
    pub(crate) fn workers(&self) -> usize {
        working(&self.seats.lock())
    }

    /// Takes a frame that the thief of `origin` has forked.
    pub(crate) fn take_descendant(&self, origin: NonNull<Frame>) -> Option<Taken> {
        self.seats.lock().iter().find_map(|place| place.seat.board.take_descendant(origin))
    }

    /// The counts of this moment.
    pub(crate) fn totals(&self) -> Totals {
        self.with_tallies(|ledger, tallies| ledger.totals(tallies.iter().copied()))
    }

    pub(super) fn with_tallies<T>(&self, f: impl FnOnce(&Ledger, &[&Tally]) -> T) -> T {
        let seats = self.seats.lock();
        let tallies: Vec<&Tally> = seats.iter().map(|place| &*place.seat.tally).collect();
        f(&self.ledger, &tallies)
    }

    /// The threads that have been started, once: each is given to one caller.
    pub(super) fn take_threads(&self) -> Vec<thread::JoinHandle<()>> {
        self.seats.lock().iter_mut().filter_map(|place| place.thread.take()).collect()
    }
}

/// Apart from its callers, so that a submission that wakes no worker stays small.
#[cold]
#[inline(never)]
fn wake(seat: Arc<Seat>) {
    seat.parker.unpark();
}

fn working(seats: &[Occupied]) -> usize {
    seats.iter().filter(|place| place.working).count()
}

impl fmt::Debug for Crew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crew")
            .field("idle", &self.idle)
            .field("closed", &self.ledger.is_closed())
            .finish_non_exhaustive()
    }
}

/// Counts tasks as lost if the strategy panics while they are handed to it: it has dropped them, and they must not be
/// waited for.
///
/// To be forgotten once the strategy has returned.
pub(crate) struct Uncount<'a> {
    pub(crate) crew: &'a Crew,
    /// How many the strategy has been given and not accepted.
    pub(crate) lost: &'a std::cell::Cell<usize>,
}

impl Drop for Uncount<'_> {
    #[cold]
    fn drop(&mut self) {
        self.crew.lose(self.lost.get());
    }
}
