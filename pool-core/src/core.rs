//! [`Core`]: all of a pool that does not depend on its strategy.

use crate::fork::{Frame, Taken};
use crate::idle::{Idle, MAX_WORKERS};
use crate::ledger::{Ledger, Tally, Totals};
use crate::scope::ShardStore;
use crate::seat::{Order, Seat};
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use crate::sync::{Condvar, Mutex, thread};
use crate::task::{Task, Withdrawal};
use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;

/// Takes the payload of a panic that no handle and no scope takes.
pub(crate) type PanicHandler = Arc<dyn Fn(Box<dyn Any + Send>) + Send + Sync>;
/// Called on a worker's thread with the worker's index.
pub(crate) type Hook = Arc<dyn Fn(usize) + Send + Sync>;

/// What a pool does at the edges of its threads' lives.
#[derive(Clone)]
pub(crate) struct Hooks {
    pub(crate) on_start: Option<Hook>,
    pub(crate) on_stop: Option<Hook>,
    pub(crate) on_panic: PanicHandler,
}

/// In [`Core::attention`]: the pool is to end once it is quiet. Never unset once set.
const CLOSING: usize = 1;
/// In [`Core::attention`]: one thread waits for a quiet moment.
const ONE_WAITING: usize = 2;

/// The last identity given to a pool. Of no interest to a model checker.
static LAST_ID: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// The shared, strategy-independent part of a pool.
pub(crate) struct Core {
    id: usize,
    pub(crate) idle: Idle,
    pub(crate) ledger: Ledger,
    pub(crate) hooks: Hooks,
    pub(crate) shards: ShardStore,
    seats: Mutex<Vec<Occupied>>,
    /// Workers, also those to come, take no further items. Changed under the lock of the seats. Never unset once set.
    halted: AtomicBool,
    /// Non-zero while somebody wants to know when the pool is quiet: [`CLOSING`] and a number of [`ONE_WAITING`].
    attention: AtomicUsize,
    /// The pool was closed and has become quiet: workers end. Never unset once set.
    ended: AtomicBool,
    /// What `shutdown_now` hands back.
    unrun: Mutex<Vec<Task>>,
    /// Locked before `seats` where both are.
    quiet: Mutex<Quiet>,
    changed: Condvar,
}

/// A seat and the thread that sits on it, or sat on it last.
struct Occupied {
    seat: Arc<Seat>,
    thread: Option<thread::JoinHandle<()>>,
    working: bool,
}

#[derive(Default)]
struct Quiet {
    /// Quiet moments so far, of those that somebody waited for.
    moments: u64,
    /// Threads that have not ended.
    alive: usize,
}

impl Core {
    pub(crate) fn new(hooks: Hooks, max_searching: usize) -> Self {
        // Relaxed: only the number matters.
        let id = LAST_ID.fetch_add(1, Ordering::Relaxed) + 1;
        Self {
            id,
            idle: Idle::new(max_searching),
            ledger: Ledger::new(),
            hooks,
            shards: ShardStore::new(id),
            seats: Mutex::new(Vec::new()),
            halted: AtomicBool::new(false),
            attention: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            unrun: Mutex::new(Vec::new()),
            quiet: Mutex::new(Quiet::default()),
            changed: Condvar::new(),
        }
    }

    /// This pool's identity, which no other pool has, had or will have. Not 0.
    pub(crate) fn id(&self) -> usize {
        self.id
    }

    /// Gives a payload to the panic handler. A panic in the handler ends there.
    pub(crate) fn report_panic(&self, payload: Box<dyn Any + Send>) {
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| (self.hooks.on_panic)(payload))) {
            // A payload may panic when it is dropped, and so may the payload of that panic.
            std::mem::forget(second);
        }
    }

    // Seats.

    /// Seats another worker: `start` is given the seat and starts its thread.
    ///
    /// # Errors
    /// That of `start`, or that there are too many.
    pub(crate) fn seat_one(
        &self,
        start: impl FnOnce(Arc<Seat>) -> io::Result<thread::JoinHandle<()>>,
    ) -> io::Result<()> {
        {
            let alive = &mut self.quiet.lock().alive;
            if *alive >= MAX_WORKERS {
                let message = format!("a pool has at most {MAX_WORKERS} workers");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
            *alive += 1;
        }
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
        started.inspect_err(|_| self.count_out())
    }

    /// The number of workers has changed.
    fn resize(&self, seats: &[Occupied]) {
        let working = working(seats);
        self.idle.resize(working);
        for place in seats {
            // One who was told to leave may run for long yet, and all who stay may help it.
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
            place.seat.give(Order::Retire);
            place.seat.unpark();
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
            place.seat.unpark();
        }
    }

    /// Workers that have not been told to leave.
    pub(crate) fn workers(&self) -> usize {
        working(&self.seats.lock())
    }

    /// A frame forked by the thief of `origin`, taken.
    pub(crate) fn take_descendant(&self, origin: NonNull<Frame>) -> Option<Taken> {
        self.seats.lock().iter().find_map(|place| place.seat.board.take_descendant(origin))
    }

    // The quiet moment.

    fn with_tallies<T>(&self, f: impl FnOnce(&Ledger, &[&Tally]) -> T) -> T {
        let seats = self.seats.lock();
        let tallies: Vec<&Tally> = seats.iter().map(|place| &*place.seat.tally).collect();
        f(&self.ledger, &tallies)
    }

    pub(crate) fn totals(&self) -> Totals {
        self.with_tallies(|ledger, tallies| ledger.totals(tallies.iter().copied()))
    }

    fn is_quiet(&self) -> bool {
        self.with_tallies(|ledger, tallies| ledger.is_quiet(tallies.iter().copied()))
    }

    /// Whether the pool was closed and has run dry.
    pub(crate) fn has_ended(&self) -> bool {
        // Acquire: pairs with `settle`.
        self.ended.load(Ordering::Acquire)
    }

    /// Whether outside submissions are refused.
    pub(crate) fn is_closed(&self) -> bool {
        self.ledger.is_closed()
    }

    /// Looks whether the pool is quiet, if anyone wants to know.
    ///
    /// Everyone who may have caused the last change calls it after that change and a full fence: a worker before it
    /// parks and when it ends, whoever withdraws tasks, an outside thread whose submission was refused or lost.
    pub(crate) fn settle(&self) {
        // The caller's fence pairs with the one in `attend`: either we see the flag, or whoever set it sees our change.
        // Acquire: pairs with the Release in `end_when_quiet`. Whoever sees the flag sees the gates closed, and so every submission
        // that came in time.
        let attention = self.attention.load(Ordering::Acquire);
        if attention == 0 {
            return;
        }
        // Looked at under the lock, so that the moment is later than any waiter's reading of `moments`.
        let mut quiet = self.quiet.lock();
        if !self.is_quiet() {
            return;
        }
        quiet.moments += 1;
        self.changed.notify_all();
        drop(quiet);
        if attention & CLOSING != 0 {
            // Release: pairs with `has_ended`.
            self.ended.store(true, Ordering::Release);
            self.idle.wake_all();
        }
    }

    /// Asks for attention to the next quiet moment, which may be now.
    fn attend(&self, flag: impl FnOnce(&AtomicUsize)) {
        flag(&self.attention);
        // Pairs with the fence of whoever calls `settle`.
        fence(Ordering::SeqCst);
        self.settle();
    }

    /// Waits for a moment at which nothing waits and nothing runs.
    pub(crate) fn wait_quiet(&self) {
        let before = self.quiet.lock().moments;
        self.attend(|attention| {
            // Relaxed, here and below: ordered by the fence in `attend`.
            attention.fetch_add(ONE_WAITING, Ordering::Relaxed);
        });
        let mut quiet = self.quiet.lock();
        while quiet.moments == before {
            quiet = self.changed.wait(quiet);
        }
        drop(quiet);
        self.attention.fetch_sub(ONE_WAITING, Ordering::Relaxed);
    }

    /// Ends the workers once the pool is quiet. Outside submissions are refused already.
    pub(crate) fn end_when_quiet(&self) {
        self.attend(|attention| {
            attention.fetch_or(CLOSING, Ordering::Release); // Pairs with `settle`.
        });
    }

    /// Waits until every thread has ended. Not for a worker of this pool.
    pub(crate) fn wait_ended(&self) {
        let mut quiet = self.quiet.lock();
        while quiet.alive > 0 {
            quiet = self.changed.wait(quiet);
        }
        drop(quiet);
        let threads: Vec<_> = self.seats.lock().iter_mut().filter_map(|place| place.thread.take()).collect();
        for thread in threads {
            // A worker's thread never unwinds: what panics in it is caught where it does.
            let _ = thread.join();
        }
    }

    /// Takes a task out of the pool unrun.
    pub(crate) fn withdraw(&self, task: Task) {
        match task.withdraw() {
            Withdrawal::Returned => {
                self.unrun.lock().push(task);
                self.ledger.give_back(1, 0);
            }
            Withdrawal::Cancelled => {
                // It may hold a closure whose `Drop` panics. It must be counted all the same.
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(task))) {
                    self.report_panic(payload);
                }
                self.ledger.give_back(0, 1);
            }
            Withdrawal::Void => {}
        }
    }

    /// What was withdrawn and goes back to the user, without what has been cancelled or run by its waiter since.
    pub(crate) fn take_unrun(&self) -> Vec<Task> {
        let mut unrun = std::mem::take(&mut *self.unrun.lock());
        unrun.retain(|task| task.withdraw() == Withdrawal::Returned);
        unrun
    }

    /// A worker's thread ends.
    pub(crate) fn count_out(&self) {
        self.quiet.lock().alive -= 1;
        self.changed.notify_all();
    }
}

fn working(seats: &[Occupied]) -> usize {
    seats.iter().filter(|place| place.working).count()
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("idle", &self.idle).field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}
