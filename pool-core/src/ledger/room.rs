//! [`Room`]: how much may wait in a bounded pool.
//!
//! What waits is known only as a sum over all workers' counts, too dear for each submission. So a submission compares one
//! number with a limit that was worked out from the sum of an earlier moment: tasks that have left since only make more
//! room. When the limit is reached, the submitter works it out anew.
//!
//! What the pool's own tasks submit takes room, too, and is never refused. The limit does not see it until it is worked
//! out again, so it is given out in small [grants](GRANT).
//!
//! # A thread that waits for room
//!
//! It and a worker that makes room must not overlook each other. The submitter announces that it waits, passes a full fence
//! and works out the limit; the worker counts that it has taken a task, passes a full fence and looks whether a thread
//! waits. One of the two sees the other.

use super::Totals;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use crate::sync::{Condvar, Deadline, Mutex};

/// So many submissions may come in before the limit is worked out again.
const GRANT: u64 = 64;

/// How much may wait.
#[derive(Debug)]
pub(crate) struct Room {
    /// In tasks.
    capacity: u64,
    /// How many submissions of outside threads have come in.
    outside: AtomicU64,
    /// So many may have come in.
    limit: AtomicU64,
    /// Threads that wait for room. Changed under the lock.
    waiting: AtomicUsize,
    lock: Mutex<()>,
    freed: Condvar,
}

impl Room {
    pub(super) fn new(capacity: u64) -> Self {
        Self {
            capacity,
            outside: AtomicU64::new(0),
            limit: AtomicU64::new(capacity.min(GRANT)),
            waiting: AtomicUsize::new(0),
            lock: Mutex::new(()),
            freed: Condvar::new(),
        }
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Whether `n` more fit, as far as the limit tells.
    fn fits(&self, outside: u64, n: u64) -> bool {
        // Relaxed: an old limit is too low, and a later one tells no data.
        outside.saturating_add(n) <= self.limit.load(Ordering::Relaxed)
    }

    /// Lets `n` in if they fit, or in any case. They must have been counted in a gate before.
    pub(super) fn take(&self, n: u64, in_any_case: bool) -> bool {
        let taken = self.outside.fetch_update(Ordering::Release, Ordering::Relaxed, |outside| {
            (in_any_case || self.fits(outside, n)).then_some(outside + n)
        });
        taken.is_ok()
    }

    /// As [`take`](Self::take), by a thread that holds the lock under which all such calls are made. `count` counts
    /// them in a gate.
    pub(super) fn take_under_lock(&self, n: u64, in_any_case: bool, count: impl FnOnce()) -> bool {
        // Relaxed: ordered by the lock.
        let outside = self.outside.load(Ordering::Relaxed);
        let fits = in_any_case || self.fits(outside, n);
        if fits {
            count();
            // Release: pairs with the Acquire in `has_room`, which must not see this without that count.
            self.outside.store(outside + n, Ordering::Release);
        }
        fits
    }

    /// Works out the limit from the sum of this moment. Whether `n` more fit.
    pub(crate) fn has_room(&self, n: u64, totals: impl FnOnce() -> Totals) -> bool {
        // Acquire, and before the sum: the sum holds everything that this number counts. So the limit is never too high for
        // what comes from outside.
        let outside = self.outside.load(Ordering::Acquire);
        let room = self.capacity.saturating_sub(totals().queued());
        let limit = outside + room.min(GRANT.max(n));
        // Relaxed: as in `fits`. Threads that do this at the same time may put back an older, lower one.
        self.limit.store(limit, Ordering::Relaxed);
        n <= room
    }

    /// A task has left the queue, and is counted. Wakes a thread that waits for room.
    #[inline]
    pub(crate) fn freed(&self) {
        // Pairs with the fence in `wait`.
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.wake(Condvar::notify_one);
        }
    }

    /// Many tasks have left, or the pool is closed: all that wait look again.
    pub(crate) fn changed(&self) {
        // As in `freed`.
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.wake(Condvar::notify_all);
        }
    }

    #[cold]
    fn wake(&self, wake: impl FnOnce(&Condvar)) {
        // A thread that has looked and found no room holds the lock until it sleeps.
        drop(self.lock.lock());
        wake(&self.freed);
    }

    /// Waits until `is_over`, or until the deadline: then `false`, unless it is over all the same.
    pub(crate) fn wait(&self, deadline: Deadline, mut is_over: impl FnMut() -> bool) -> bool {
        let mut guard = self.lock.lock();
        // Relaxed, here and below: ordered by the fence, and changed under the lock.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // Pairs with the one in `freed`.
        fence(Ordering::SeqCst);
        let is_in_time = loop {
            if is_over() {
                break true;
            }
            guard = match self.freed.wait_until(guard, deadline) {
                Ok(guard) => guard,
                // It may have been woken at the same time, and no other thread will be for that task.
                Err(_guard) => break is_over(),
            };
        };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        is_in_time
    }
}
