//! A [`Seat`]: the face of a worker that others see. It stays for as long as the pool, while threads come and go.

use crate::fork::Board;
use crate::ledger::Tally;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use crate::sync::thread::Thread;
use crossbeam_utils::CachePadded;

/// What a worker is told to do beside its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Go on.
    Work,
    /// Give back what you hold and end.
    Retire,
    /// Take no further items, and end once the pool is quiet.
    Halt,
}

/// The shared part of one worker.
#[derive(Debug)]
pub(crate) struct Seat {
    index: usize,
    /// Written by this worker for each task.
    pub(crate) tally: CachePadded<Tally>,
    /// Written by those who take this worker's forks.
    pub(crate) board: CachePadded<Board>,
    /// Set by whoever takes this worker off the list of sleepers.
    picked: AtomicBool,
    order: AtomicU8,
    /// Nobody sits here and nobody touches the tally.
    vacant: AtomicBool,
    thread: Mutex<Option<Thread>>,
}

impl Seat {
    pub(crate) fn new(index: usize) -> Self {
        Self {
            index,
            tally: CachePadded::new(Tally::default()),
            board: CachePadded::new(Board::new()),
            picked: AtomicBool::new(false),
            order: AtomicU8::new(Order::Work as u8),
            vacant: AtomicBool::new(true),
            thread: Mutex::new(None),
        }
    }

    /// The worker's number in its pool, from 0.
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    /// The thread that sits here from now on.
    pub(crate) fn occupy(&self, thread: Thread) {
        *self.thread.lock() = Some(thread);
    }

    /// A thread is about to be started for this seat. Relaxed: under the lock of the seats.
    pub(crate) fn reserve(&self) {
        self.vacant.store(false, Ordering::Relaxed);
    }

    /// The last thing that the thread does with its seat. Release: pairs with `is_vacant`, for the tally.
    pub(crate) fn vacate(&self) {
        self.vacant.store(true, Ordering::Release);
    }

    /// Whether another thread may sit here. Acquire: pairs with `vacate`.
    pub(crate) fn is_vacant(&self) -> bool {
        self.vacant.load(Ordering::Acquire)
    }

    /// Makes the thread's next, or present, park return.
    pub(crate) fn unpark(&self) {
        if let Some(thread) = &*self.thread.lock() {
            thread.unpark();
        }
    }

    pub(crate) fn is_picked(&self) -> bool {
        // Acquire: pairs with `set_picked`, so that the token's count is seen too.
        self.picked.load(Ordering::Acquire)
    }

    /// Release: pairs with `is_picked`.
    pub(crate) fn set_picked(&self) {
        self.picked.store(true, Ordering::Release);
    }

    /// By the owner, before it can be picked again. Relaxed: under the lock of the sleepers.
    pub(crate) fn clear_picked(&self) {
        self.picked.store(false, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn order(&self) -> Order {
        // Relaxed: an order is obeyed sooner or later; whoever gives one unparks the thread after.
        match self.order.load(Ordering::Relaxed) {
            0 => Order::Work,
            1 => Order::Retire,
            _ => Order::Halt,
        }
    }

    /// Gives an order. Release: pairs with the unpark that follows.
    pub(crate) fn give(&self, order: Order) {
        self.order.store(order as u8, Ordering::Release);
    }
}
