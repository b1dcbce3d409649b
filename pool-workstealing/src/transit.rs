//! Items on their way from one place to another.
//!
//! A worker that looks at one place after another could miss an item that moves from a place it has not reached yet to one
//! that it has passed, and promise that nothing waits while something does. Dispatching an item is not a move: the item no
//! longer waits. The only move is the one by which a leaving worker gives back what it held.

use crossbeam_utils::Backoff;
use pool_core::sync::atomic::{AtomicUsize, Ordering, fence};
use pool_core::sync::{Mutex, MutexGuard};

/// Counts the moves begun and the moves ended.
///
/// A worker that found each place empty between [`arrived`](Transit::arrived) and [`none_since`](Transit::none_since)
/// that says `true` has missed nothing:
///
/// 1. An item missed was seen by neither the look at the place it left nor the look at the place it went to. So the former
///    read a value written by its removal, or a later one.
/// 2. That write comes after the release fence in [`depart`](Transit::depart), and the look reads it with acquire: the
///    increment of `departed` happens before the look, and `none_since` sees it.
/// 3. So if `none_since` says `true`, the end of this move had been counted in what `arrived` read. `arrived` synchronizes
///    with the increment that ended the move: the item lay in its new place before the first look, and was seen there.
#[derive(Debug)]
pub(crate) struct Transit {
    departed: AtomicUsize,
    arrived: AtomicUsize,
    /// Held while a move is under way, for workers that wait for its end.
    under_way: Mutex<()>,
}

/// A move under way; it ends when this is dropped.
#[must_use]
pub(crate) struct Moving<'a> {
    transit: &'a Transit,
    _under_way: MutexGuard<'a, ()>,
}

impl Transit {
    pub(crate) fn new() -> Self {
        Self { departed: AtomicUsize::new(0), arrived: AtomicUsize::new(0), under_way: Mutex::new(()) }
    }

    /// To be called before an item leaves its place. Waits for any other move to end.
    pub(crate) fn depart(&self) -> Moving<'_> {
        let under_way = self.under_way.lock();
        // Relaxed: the fence releases it.
        self.departed.fetch_add(1, Ordering::Relaxed);
        // Synchronizes with the look that misses an item removed after this, and so with `none_since`.
        fence(Ordering::Release);
        Moving { transit: self, _under_way: under_way }
    }

    /// Waits, asleep, for the move under way to end, if there is one.
    fn wait(&self) {
        drop(self.under_way.lock());
    }

    /// The number of moves that have ended. Acquire: pairs with the end of a [`Moving`].
    #[inline]
    pub(crate) fn arrived(&self) -> usize {
        self.arrived.load(Ordering::Acquire)
    }

    /// Whether no move was under way between the call of [`arrived`](Self::arrived) that gave this number and now.
    ///
    /// Needs no Acquire of its own: the look that misses an item has synchronized with the fence in
    /// [`depart`](Self::depart).
    #[inline]
    pub(crate) fn none_since(&self, arrived: usize) -> bool {
        self.departed.load(Ordering::Acquire) == arrived
    }
}

impl Drop for Moving<'_> {
    #[inline]
    fn drop(&mut self) {
        // Synchronizes with `Transit::arrived`.
        self.transit.arrived.fetch_add(1, Ordering::Release);
    }
}

/// How a worker that can promise nothing, because something moved while it looked, passes the time until it looks again.
///
/// A move is a few instructions, so it spins and yields at first. But a thread can be preempted in the midst of one:
/// then other workers sleep until it goes on, instead of taking its processor.
pub(crate) struct Patience(Backoff);

impl Patience {
    pub(crate) fn new() -> Self {
        Self(Backoff::new())
    }

    pub(crate) fn pass(&mut self, transit: &Transit) {
        if self.0.is_completed() {
            transit.wait();
        } else {
            self.0.snooze();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::thread;

    use super::{Patience, Transit};

    /// A leaving worker may be preempted while it gives back what it holds. The others must not spin meanwhile.
    #[test]
    fn a_worker_sleeps_until_a_move_has_ended() {
        let transit = Transit::new();
        let (looks, has_ended) = (AtomicUsize::new(0), AtomicBool::new(false));
        let moving = transit.depart();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let mut patience = Patience::new();
                let arrived = transit.arrived();
                while transit.arrived() == arrived {
                    looks.fetch_add(1, Ordering::Relaxed);
                    patience.pass(&transit);
                }
                assert!(has_ended.load(Ordering::Relaxed));
            });
            // It comes to rest: no look is added while this thread yields again and again.
            let mut last = 0;
            let mut calm = 0;
            while calm < 1_000 {
                thread::yield_now();
                let now = looks.load(Ordering::Relaxed);
                calm = if now == last && now > 0 { calm + 1 } else { 0 };
                last = now;
            }
            has_ended.store(true, Ordering::Relaxed);
            drop(moving);
            waiter.join().unwrap();
        });
        let looks = looks.into_inner();
        assert!(looks < 50, "{looks} looks while one move was under way");
    }

    #[test]
    fn a_move_shows_however_it_lies_in_time() {
        let transit = Transit::new();
        let arrived = transit.arrived();
        assert!(transit.none_since(arrived));
        // Within the look.
        drop(transit.depart());
        assert!(!transit.none_since(arrived));
        // Begun before it, ended within.
        let moving = transit.depart();
        let arrived = transit.arrived();
        drop(moving);
        assert!(!transit.none_since(arrived));
        // Begun within it, not ended.
        let arrived = transit.arrived();
        let moving = transit.depart();
        assert!(!transit.none_since(arrived));
        drop(moving);
        assert!(transit.none_since(transit.arrived()));
    }
}
