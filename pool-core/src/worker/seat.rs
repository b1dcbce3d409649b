//! A [`Seat`]: what other threads see of a worker. It stays for as long as the pool, while threads come and go.

use crate::idle::Order;
use crate::ledger::Tally;
use crate::offers::board::Board;
use crate::sync::Parker;
use crate::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use crossbeam_utils::CachePadded;

const WORK: u8 = Order::Work as u8;
const HALT: u8 = Order::Halt as u8;
const LEAVE: u8 = Order::Leave as u8;
/// Not an order: the worker is to [ask](super::Crew::answer) for one.
const ASK: u8 = u8::MAX;

/// The shared part of one worker.
#[derive(Debug)]
pub(crate) struct Seat {
    index: usize,
    /// Written by this worker for each task.
    pub(crate) tally: CachePadded<Tally>,
    /// Written by the workers that take this worker's forks.
    pub(crate) board: CachePadded<Board>,
    /// Unparks the thread that sits here.
    pub(crate) parker: Parker,
    order: AtomicU8,
    /// No thread sits here and none touches the tally.
    vacant: AtomicBool,
}

impl Seat {
    pub(crate) fn new(index: usize) -> Self {
        Self {
            index,
            tally: CachePadded::new(Tally::default()),
            board: CachePadded::new(Board::new()),
            parker: Parker::new(),
            order: AtomicU8::new(Order::Work as u8),
            vacant: AtomicBool::new(true),
        }
    }

    /// The worker's number in its pool, from 0.
    pub(crate) fn index(&self) -> usize {
        self.index
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

    /// The order in force. `None` if the worker is to ask for one.
    #[inline]
    pub(crate) fn order(&self) -> Option<Order> {
        // Relaxed: an order is obeyed sooner or later; the thread that gives one unparks this one after.
        match self.order.load(Ordering::Relaxed) {
            WORK => Some(Order::Work),
            HALT => Some(Order::Halt),
            LEAVE => Some(Order::Leave),
            _ => None,
        }
    }

    /// Tells the worker to ask for an order, unless it has one already that it keeps. Under the lock of the seats.
    pub(super) fn tell_to_ask(&self) {
        if self.order() == Some(Order::Work) {
            self.order.store(ASK, Ordering::Release);
            self.parker.unpark();
        }
    }

    /// Gives an order. Under the lock of the seats. Release is more than `order` needs: for a parked worker, the unpark that follows orders it.
    pub(crate) fn give(&self, order: Order) {
        self.order.store(order as u8, Ordering::Release);
    }
}
