//! [`Crew`]: all of a pool that does not depend on its strategy; here, its workers.

use super::full::WhenFull;
use super::futures::WaitingFutures;
use super::inject::Inject;
use super::quiet::Quiet;
use super::seat::Seat;
use crate::error::panic::{self, drop_quietly};
use crate::idle::{Idle, MAX_WORKERS, Order, Published};
use crate::ledger::{Ledger, Tally, Totals};
use crate::offers::frame::{Frame, Taken};
use crate::offers::shard::ShardStore;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, new_identity, thread};
use crate::task::Task;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::{Arc, OnceLock, Weak};

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

/// The shared, strategy-independent part of a pool.
pub(crate) struct Crew {
    id: usize,
    pub(crate) idle: Idle<Arc<Seat>>,
    pub(crate) ledger: Ledger,
    pub(crate) hooks: Hooks,
    pub(crate) when_full: WhenFull,
    pub(crate) shards: ShardStore,
    /// Locked after the lock in `quiet` where both are.
    seats: Mutex<Seats>,
    /// Workers, also those to come, take no further items. Changed under the lock of the seats. Never unset once set.
    halted: AtomicBool,
    pub(super) quiet: Quiet,
    pub(crate) futures: WaitingFutures,
    /// What `shutdown_now` hands back.
    pub(super) unrun: Mutex<Vec<Task>>,
    /// The strategy, whichever that is. Set when the pool is built.
    strategy: OnceLock<Weak<dyn Inject>>,
}

/// All seats, in the order of their numbers.
#[derive(Default)]
struct Seats {
    places: Vec<Place>,
    /// So many workers are to leave: those that first have nothing in hand.
    surplus: usize,
}

/// A seat and the thread that sits on it, or sat on it last.
struct Place {
    seat: Arc<Seat>,
    thread: Option<thread::JoinHandle<()>>,
    working: bool,
}

impl Seats {
    /// Workers that have not been told to leave.
    fn working(&self) -> usize {
        self.places.iter().filter(|place| place.working).count()
    }

    /// A vacant seat, reserved for a thread that is about to be started.
    fn reserve(&mut self) -> Arc<Seat> {
        let vacant = self.places.iter().position(|place| !place.working && place.seat.is_vacant());
        let index = vacant.unwrap_or_else(|| {
            let seat = Arc::new(Seat::new(self.places.len()));
            self.places.push(Place { seat, thread: None, working: false });
            self.places.len() - 1
        });
        let seat = &self.places[index].seat;
        seat.reserve();
        Arc::clone(seat)
    }
}

impl Crew {
    /// With `room` for so many tasks that wait, if it is bounded.
    pub(crate) fn new(hooks: Hooks, most_searching: usize, room: Option<(usize, WhenFull)>) -> Self {
        let id = new_identity();
        Self {
            id,
            idle: Idle::new(most_searching),
            ledger: Ledger::new(room.map(|(capacity, _)| capacity)),
            hooks,
            when_full: room.map(|(_, when_full)| when_full).unwrap_or_default(),
            shards: ShardStore::new(id),
            seats: Mutex::new(Seats::default()),
            halted: AtomicBool::new(false),
            quiet: Quiet::new(),
            futures: WaitingFutures::new(),
            unrun: Mutex::new(Vec::new()),
            strategy: OnceLock::new(),
        }
    }

    /// Tells the crew the strategy that it works for, once.
    pub(crate) fn serve(&self, strategy: Weak<dyn Inject>) {
        let _ = self.strategy.set(strategy);
    }

    /// The strategy, if the crew was told and the pool still exists.
    pub(super) fn strategy(&self) -> Option<Arc<dyn Inject>> {
        self.strategy.get().and_then(Weak::upgrade)
    }

    /// The way to the strategy, which does not keep it. `None` if the crew was not told.
    pub(crate) fn address(&self) -> Option<Weak<dyn Inject>> {
        self.strategy.get().cloned()
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

    /// The strategy panicked while it had `n` tasks in hand: it may have dropped them. Wakes workers for what it kept.
    #[cold]
    pub(crate) fn doubt(&self, n: usize) {
        self.ledger.doubt(n as u64);
        self.notify_many(usize::MAX);
        self.settle();
    }

    /// Seats another worker: `start` is given the seat and starts its thread. It may call back into this pool.
    ///
    /// # Errors
    /// That of `start`; or that there are too many workers, or that the pool has ended.
    pub(crate) fn seat_one(
        &self,
        start: impl FnOnce(Arc<Seat>) -> io::Result<thread::JoinHandle<()>>,
    ) -> io::Result<()> {
        let _starting = self.quiet.count_in(MAX_WORKERS)?;
        let seat = {
            let mut seats = self.seats.lock();
            let seat = seats.reserve();
            seat.give(Order::Work);
            seat
        };
        // Also if `start` unwinds.
        let unseat = Unseat { crew: self, seat: &seat };
        let thread = start(Arc::clone(&seat))?;
        std::mem::forget(unseat);
        let mut seats = self.seats.lock();
        let place = &mut seats.places[seat.index()];
        place.thread = Some(thread);
        place.working = true;
        // Relaxed: written under the lock that we hold.
        if self.halted.load(Ordering::Relaxed) {
            seat.give(Order::Halt);
            seat.parker.unpark();
        }
        self.resize(&seats);
        Ok(())
    }

    /// The number of workers has changed.
    fn resize(&self, seats: &Seats) {
        let working = seats.working();
        self.idle.resize(working);
        for place in &seats.places {
            place.seat.board.resize(working.saturating_sub(1));
        }
    }

    /// Lets up to `n` workers leave, but for one: those that first have nothing in hand. Returns how many.
    pub(crate) fn retire(&self, n: usize) -> usize {
        if self.has_ended() {
            return 0;
        }
        let mut seats = self.seats.lock();
        let leaving = n.min((seats.working() - seats.surplus).saturating_sub(1));
        if leaving > 0 {
            seats.surplus += leaving;
            for place in seats.places.iter().filter(|place| place.working) {
                place.seat.tell_to_ask();
            }
        }
        leaving
    }

    /// Lets up to `n` workers stay that were to leave and have not been told so yet. Returns how many.
    pub(crate) fn keep(&self, n: usize) -> usize {
        let mut seats = self.seats.lock();
        let kept = n.min(seats.surplus);
        seats.surplus -= kept;
        kept
    }

    /// The order for a worker that asks and has nothing in hand.
    #[cold]
    pub(crate) fn answer(&self, seat: &Seat) -> Order {
        let mut seats = self.seats.lock();
        if let Some(order) = seat.order() {
            return order;
        }
        let order = if seats.surplus > 0 { Order::Leave } else { Order::Work };
        seat.give(order);
        if order == Order::Leave {
            seats.surplus -= 1;
            seats.places[seat.index()].working = false;
            self.resize(&seats);
        }
        order
    }

    /// Tells every worker to take no further items.
    pub(crate) fn halt(&self) {
        let seats = self.seats.lock();
        self.halted.store(true, Ordering::Relaxed);
        for place in seats.places.iter().filter(|place| place.working) {
            place.seat.give(Order::Halt);
            place.seat.parker.unpark();
        }
    }

    /// Workers that are to stay. None once the pool has ended.
    pub(crate) fn workers(&self) -> usize {
        if self.has_ended() {
            return 0;
        }
        let seats = self.seats.lock();
        seats.working() - seats.surplus
    }

    /// Takes a frame that the thief of `origin` has forked.
    pub(crate) fn take_descendant(&self, origin: NonNull<Frame>) -> Option<Taken> {
        self.seats.lock().places.iter().find_map(|place| place.seat.board.take_descendant(origin))
    }

    /// The counts of this moment.
    pub(crate) fn totals(&self) -> Totals {
        self.with_tallies(|ledger, tallies| ledger.totals(tallies.iter().copied()))
    }

    pub(super) fn with_tallies<T>(&self, f: impl FnOnce(&Ledger, &[&Tally]) -> T) -> T {
        let seats = self.seats.lock();
        let tallies: Vec<&Tally> = seats.places.iter().map(|place| &*place.seat.tally).collect();
        f(&self.ledger, &tallies)
    }

    /// The threads that have been started, once: each is given to one caller.
    pub(super) fn take_threads(&self) -> Vec<thread::JoinHandle<()>> {
        self.seats.lock().places.iter_mut().filter_map(|place| place.thread.take()).collect()
    }
}

/// Gives up a seat whose thread was not started after all. To be forgotten once it was.
struct Unseat<'a> {
    crew: &'a Crew,
    seat: &'a Seat,
}

impl Drop for Unseat<'_> {
    fn drop(&mut self) {
        self.seat.vacate();
        self.crew.count_out();
    }
}

/// Apart from its callers, so that a submission that wakes no worker stays small.
#[cold]
#[inline(never)]
fn wake(seat: Arc<Seat>) {
    seat.parker.unpark();
}

impl fmt::Debug for Crew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crew")
            .field("idle", &self.idle)
            .field("closed", &self.ledger.is_closed())
            .finish_non_exhaustive()
    }
}

/// Doubts tasks if the strategy panics while they are handed to it: if it has dropped them, they must not be waited for.
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
        self.crew.doubt(self.lost.get());
    }
}
