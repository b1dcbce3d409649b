use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Law, Violation};

/// A value on the heap that tells its [`Ledger`] what becomes of it.
///
/// A strategy that hands out a bitwise copy, or forgets a value, is found out by the counts or by the allocator.
#[derive(Debug)]
pub struct Item {
    id: Box<usize>,
    ledger: Arc<Ledger>,
}

impl Item {
    /// Its number.
    pub fn id(&self) -> usize {
        *self.id
    }

    /// Records that a worker was given it, and gives its number.
    pub fn handed_out(self) -> usize {
        self.ledger.handed_out[*self.id].fetch_add(1, Ordering::Relaxed);
        *self.id
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        self.ledger.dropped[*self.id].fetch_add(1, Ordering::Relaxed);
    }
}

/// What became of each of a number of items. To be read once all threads have been joined.
#[derive(Debug)]
pub struct Ledger {
    handed_out: Box<[AtomicU32]>,
    dropped: Box<[AtomicU32]>,
}

impl Ledger {
    /// For items numbered from 0 to `items - 1`.
    pub fn new(items: usize) -> Arc<Self> {
        let zeros = || (0..items).map(|_| AtomicU32::new(0)).collect();
        Arc::new(Self { handed_out: zeros(), dropped: zeros() })
    }

    /// The item with this number. To be made once each.
    pub fn item(self: &Arc<Self>, id: usize) -> Item {
        Item { id: Box::new(id), ledger: Arc::clone(self) }
    }

    /// How many items were handed out at least once.
    pub fn handed_out(&self) -> usize {
        self.handed_out.iter().filter(|count| count.load(Ordering::Relaxed) > 0).count()
    }

    /// The first item that was never handed out.
    pub fn missing(&self) -> Option<usize> {
        self.handed_out.iter().position(|count| count.load(Ordering::Relaxed) == 0)
    }

    /// Law 1 for handing out: no worker got what another had got.
    pub fn none_twice(&self) -> Result<(), Violation> {
        match self.handed_out.iter().position(|count| count.load(Ordering::Relaxed) > 1) {
            Some(id) => Err(Violation::new(Law::ExactlyOnce, format!("item {id} was handed out more than once"))),
            None => Ok(()),
        }
    }

    /// Law 1 for dropping: each item that was made is gone, once.
    pub fn all_dropped_once(&self) -> Result<(), Violation> {
        let counts = || self.dropped.iter().map(|count| count.load(Ordering::Relaxed));
        match counts().enumerate().find(|&(_, count)| count != 1) {
            Some((id, count)) => Err(Violation::new(Law::ExactlyOnce, format!("item {id} was dropped {count} times"))),
            None => Ok(()),
        }
    }
}
