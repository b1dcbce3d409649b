//! The list of workers, from which thieves choose their victims.

use std::sync::Arc;

use crossbeam_deque::Stealer;
use crossbeam_utils::CachePadded;
use pool_core::sync::Mutex;
use pool_core::sync::atomic::{AtomicUsize, Ordering};

/// One worker, as the other workers see it.
pub(crate) struct Member<T> {
    id: usize,
    /// What it pushed.
    pub(crate) deque: Stealer<T>,
}

impl<T> Clone for Member<T> {
    fn clone(&self) -> Self {
        Self { id: self.id, deque: self.deque.clone() }
    }
}

/// A version of the list. Never changed once published.
pub(crate) type Snapshot<T> = Arc<[Member<T>]>;

struct List<T> {
    members: Snapshot<T>,
    next_id: usize,
}

/// The list of workers. Workers keep a snapshot and fetch a new one when the epoch has moved.
pub(crate) struct Members<T> {
    list: Mutex<List<T>>,
    /// Counts the versions of the list.
    epoch: CachePadded<AtomicUsize>,
}

impl<T> Members<T> {
    pub(crate) fn new() -> Self {
        Self {
            list: Mutex::new(List { members: Arc::new([]), next_id: 0 }),
            epoch: CachePadded::new(AtomicUsize::new(0)),
        }
    }

    /// Adds a worker and returns its id. A thief that begins a round of looks after the worker has pushed an item finds
    /// the worker in the list: the push comes after the new epoch.
    pub(crate) fn add(&self, deque: Stealer<T>) -> usize {
        let mut list = self.list.lock();
        let id = list.next_id;
        list.next_id += 1;
        let newcomer = Member { id, deque };
        list.members = list.members.iter().cloned().chain([newcomer]).collect();
        // Release: pairs with the Acquire in `epoch`.
        self.epoch.fetch_add(1, Ordering::Release);
        id
    }

    /// Removes a worker whose deque is empty and stays so.
    pub(crate) fn remove(&self, id: usize) {
        let mut list = self.list.lock();
        list.members = list.members.iter().filter(|member| member.id != id).cloned().collect();
        // Release: as in `add`.
        self.epoch.fetch_add(1, Ordering::Release);
    }

    /// The epoch of the newest version that the caller is bound to see. Acquire: pairs with `add` and `remove`.
    #[inline]
    pub(crate) fn epoch(&self) -> usize {
        self.epoch.load(Ordering::Acquire)
    }

    /// The list, and its epoch.
    pub(crate) fn snapshot(&self) -> (usize, Snapshot<T>) {
        let list = self.list.lock();
        // Relaxed: the epoch moves under the lock, so the two agree.
        (self.epoch.load(Ordering::Relaxed), Arc::clone(&list.members))
    }

    /// Whether some worker's deque holds an item.
    pub(crate) fn hold_something(&self) -> bool {
        let list = self.list.lock();
        list.members.iter().any(|member| !member.deque.is_empty())
    }
}

impl<T> Member<T> {
    pub(crate) fn is(&self, id: usize) -> bool {
        self.id == id
    }
}
