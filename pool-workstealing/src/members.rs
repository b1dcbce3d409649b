//! The list of workers, from which thieves choose their victims.

use std::sync::Arc;

use crossbeam_deque::{Steal, Stealer, Worker as Deque};
use crossbeam_utils::{Backoff, CachePadded};
use pool_core::sync::Mutex;
use pool_core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A deque in which a thief finds this many items is replaced once it is empty. See [`Place`].
///
/// A deque of tasks that never gets that long takes up to 100 KiB, or four times that if its owner has taken it down from a
/// greater length. After a replacement each worker fetches the list once, which is little beside so many items.
pub(crate) const LONG: usize = 1 << 12;

/// Where one worker puts what it pushes: its own half of the deque.
///
/// # Memory
///
/// A deque doubles its array when it is full, and only its owner's `pop` makes the array smaller. If thieves take the
/// items, none is left to pop, and the array stays as large as it was at its largest. So a thief that finds a [`LONG`]
/// deque notes that, and the owner replaces such a deque once it is empty: no item moves, and the old deque stays empty.
/// The array goes back with the last snapshot of the list that has the old deque. Therefore a worker lets go of its
/// snapshot before it sleeps, and fetches a new one every few calls for an item while it is busy.
pub(crate) struct Place<T> {
    /// Last in, first out.
    pub(crate) deque: Deque<T>,
    was_long: Arc<AtomicBool>,
}

impl<T> Place<T> {
    pub(crate) fn new() -> Self {
        Self { deque: Deque::new_lifo(), was_long: Arc::new(AtomicBool::new(false)) }
    }

    fn member(&self, id: usize) -> Member<T> {
        Member { id, deque: self.deque.stealer(), was_long: Arc::clone(&self.was_long) }
    }

    /// Whether the deque is empty and keeps the memory of many items.
    #[inline]
    pub(crate) fn is_oversized(&self) -> bool {
        // Relaxed: ordered by the deque. `is_empty`, which comes first, acquires what thieves released when they took
        // their items, and a thief notes before it takes. See `note_long`.
        self.deque.is_empty() && self.was_long.load(Ordering::Relaxed)
    }
}

/// One worker, as the other workers see it.
pub(crate) struct Member<T> {
    id: usize,
    /// What it pushed.
    deque: Stealer<T>,
    /// Whether a thief has found the deque [`LONG`]. Never unset once set: another deque has another flag.
    was_long: Arc<AtomicBool>,
}

impl<T> Clone for Member<T> {
    fn clone(&self) -> Self {
        Self { id: self.id, deque: self.deque.clone(), was_long: Arc::clone(&self.was_long) }
    }
}

impl<T> Member<T> {
    pub(crate) fn is(&self, id: usize) -> bool {
        self.id == id
    }

    /// Looks before it tries, and tries once.
    #[inline]
    pub(crate) fn try_steal(&self) -> Option<T> {
        let len = self.deque.len();
        if len >= LONG {
            self.note_long();
        }
        if len == 0 { None } else { self.deque.steal().success() }
    }

    /// The oldest item, unless the deque is seen empty. A worker has tried [`try_steal`](Self::try_steal) before, which
    /// notes what there is to note.
    #[inline]
    pub(crate) fn steal(&self) -> Option<T> {
        until_empty(&self.deque)
    }

    #[inline]
    fn note_long(&self) {
        // Relaxed: the exchange by which the thief then takes an item releases it, to `is_oversized`. A look first, so that
        // thieves of the same deque share the line.
        if !self.was_long.load(Ordering::Relaxed) {
            self.was_long.store(true, Ordering::Relaxed);
        }
    }
}

/// The oldest item of a deque. Goes on after each lost race.
#[inline]
pub(crate) fn until_empty<T>(from: &Stealer<T>) -> Option<T> {
    let backoff = Backoff::new();
    loop {
        match from.steal() {
            Steal::Success(item) => return Some(item),
            Steal::Empty => return None,
            Steal::Retry => backoff.spin(),
        }
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
    pub(crate) fn add(&self, place: &Place<T>) -> usize {
        let mut list = self.list.lock();
        let id = list.next_id;
        list.next_id += 1;
        let newcomer = place.member(id);
        list.members = list.members.iter().cloned().chain([newcomer]).collect();
        // Release: pairs with the Acquire in `epoch`.
        self.epoch.fetch_add(1, Ordering::Release);
        id
    }

    /// From now on, the worker pushes to another place. The old one is empty and stays so, and nothing has been pushed to
    /// the new one: as with a newcomer, a thief that begins a round of looks after the first push finds it in the list.
    pub(crate) fn replace(&self, id: usize, place: &Place<T>) {
        let mut list = self.list.lock();
        let new = |member: &Member<T>| if member.is(id) { place.member(id) } else { member.clone() };
        list.members = list.members.iter().map(new).collect();
        // Release: as in `add`.
        self.epoch.fetch_add(1, Ordering::Release);
    }

    /// Removes a worker whose deque is empty and stays so.
    pub(crate) fn remove(&self, id: usize) {
        let mut list = self.list.lock();
        list.members = list.members.iter().filter(|member| member.id != id).cloned().collect();
        // Release: as in `add`.
        self.epoch.fetch_add(1, Ordering::Release);
    }

    /// The epoch of the newest version that the caller is bound to see. Acquire: pairs with `add`, `replace` and `remove`.
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
