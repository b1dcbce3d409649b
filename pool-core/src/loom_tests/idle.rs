//! The idle protocol: no wake is lost. Lost ones show as a deadlock.

use super::ordered::Locked;
use super::strategy::Flagged;
use super::{bounded, model};
use crate::idle::{Idle, Published, Rest};
use crate::seat::Seat;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Condvar, Mutex, thread};
use crate::{Scheduler, Worker};
use std::sync::Arc;

/// Workers, items, and what an item does: it waits until so many have been started.
struct House<S = Flagged<usize>> {
    idle: Idle,
    /// Workers nap so often before they sleep, and each nap ends by itself if it is to.
    naps: usize,
    naps_end: bool,
    items: Arc<S>,
    left: AtomicUsize,
    started: Mutex<usize>,
    changed: Condvar,
}

impl<S: Scheduler<usize, Hint = ()> + Default + 'static> House<S> {
    fn new(items: usize) -> Arc<Self> {
        Self::with_naps(items, 0, false)
    }

    fn with_naps(items: usize, naps: usize, naps_end: bool) -> Arc<Self> {
        Arc::new(Self {
            idle: Idle::new(1),
            naps,
            naps_end,
            items: Arc::default(),
            left: AtomicUsize::new(items),
            started: Mutex::new(0),
            changed: Condvar::new(),
        })
    }

    /// An item that ends when so many items, itself included, have been started.
    fn submit(&self, needs: usize) {
        self.items.inject(needs, ());
        self.idle.notify(Published::by(S::INJECT_IS_ORDERED));
    }

    /// The same by a worker, who would take it itself if it did not block.
    fn submit_own(&self, needs: usize) {
        self.items.inject(needs, ());
        self.idle.notify_of_own(Published::by(S::INJECT_IS_ORDERED), || true);
    }

    fn run(&self, needs: usize) {
        if needs > 1 {
            let mut started = self.started.lock();
            *started += 1;
            self.changed.notify_all();
            while *started < needs {
                started = self.changed.wait(started);
            }
        }
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.idle.wake_all();
        }
    }

    fn has_ended(&self) -> bool {
        self.left.load(Ordering::Acquire) == 0
    }

    fn is_more(&self) -> bool {
        !self.items.is_empty()
    }

    /// The rules of the protocol as a worker follows them, without all else that one does.
    fn work(&self, index: usize) {
        let seat = Arc::new(Seat::new(index));
        seat.occupy(thread::current());
        let mut items = self.items.attach(0);
        let mut token = None;
        let mut naps = self.naps;
        while !self.has_ended() {
            if let Some(item) = items.next() {
                if let Some(token) = token.take() {
                    self.idle.found(token, || self.is_more());
                }
                self.run(item);
                continue;
            }
            if token.is_none() {
                token = self.idle.search();
                if token.is_some() {
                    continue;
                }
            }
            let rest = if naps > 0 { Rest::Nap } else { Rest::Sleep };
            naps = naps.saturating_sub(1);
            let asleep = self.idle.sleep(&seat, rest, token.take());
            // S3, with either promise of emptiness.
            let found = if rest == Rest::Nap && self.items.is_empty() { None } else { items.next() };
            if let Some(item) = found {
                match self.idle.leave(&seat, asleep) {
                    Some(token) => self.idle.found(token, || self.is_more()),
                    None => self.idle.found_late(|| self.is_more()),
                }
                self.run(item);
                continue;
            }
            while !seat.is_picked() && !self.has_ended() {
                if rest == Rest::Nap && self.naps_end {
                    thread::yield_now();
                    break;
                }
                thread::park();
            }
            token = self.idle.leave(&seat, asleep).or_else(|| self.idle.search());
        }
        if let Some(token) = token {
            self.idle.found(token, || self.is_more());
        }
    }

    fn start(self: &Arc<Self>, index: usize) -> thread::JoinHandle<()> {
        let house = Arc::clone(self);
        thread::spawn(move || house.work(index))
    }

    fn end(self: Arc<Self>, workers: Vec<thread::JoinHandle<()>>) {
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(self.idle.sleeping(), 0);
        assert_eq!(self.idle.searching(), 0);
    }
}

#[test]
fn a_submission_races_with_a_worker_that_goes_to_sleep() {
    model(|| {
        let house = House::<Flagged<_>>::new(1);
        let worker = house.start(0);
        house.submit(1);
        house.end(vec![worker]);
    });
}

#[test]
fn a_wake_is_not_lost_with_the_token_of_the_one_before() {
    bounded(3, || {
        let house = House::<Flagged<_>>::new(2);
        let worker = house.start(0);
        house.submit(1);
        house.submit(1);
        house.end(vec![worker]);
    });
}

#[test]
fn two_submitters_race_with_a_worker_that_goes_to_sleep() {
    bounded(2, || {
        let house = House::<Flagged<_>>::new(2);
        let worker = house.start(0);
        let other = {
            let house = Arc::clone(&house);
            thread::spawn(move || house.submit(1))
        };
        house.submit(1);
        other.join().unwrap();
        house.end(vec![worker]);
    });
}

/// Each item blocks its worker until the other one runs too: a worker that found one must have seen to the other.
#[test]
fn the_last_searcher_wakes_the_next() {
    bounded(2, || {
        let house = House::<Flagged<_>>::new(2);
        let workers = vec![house.start(0), house.start(1)];
        house.submit(2);
        house.submit(2);
        house.end(workers);
    });
}

#[test]
fn a_batch_wakes_as_many_as_it_needs() {
    bounded(2, || {
        let house = House::<Flagged<_>>::new(2);
        let workers = vec![house.start(0), house.start(1)];
        house.items.inject(2, ());
        house.items.inject(2, ());
        house.idle.notify_many(2);
        house.end(workers);
    });
}

/// Without the end of the nap.
#[test]
fn a_submission_ends_a_nap() {
    model(|| {
        let house = House::<Flagged<_>>::with_naps(1, 1, false);
        let worker = house.start(0);
        house.submit(1);
        house.end(vec![worker]);
    });
}

#[test]
fn what_is_left_to_a_nap_is_found_at_its_end() {
    model(|| {
        let house = House::<Flagged<_>>::with_naps(1, 1, true);
        let worker = house.start(0);
        house.submit_own(1);
        house.end(vec![worker]);
    });
}

/// The second item's maker may see one nap or the other, or a sleeper.
#[test]
fn nothing_is_left_to_a_nap_that_is_over() {
    bounded(3, || {
        let house = House::<Flagged<_>>::with_naps(2, 2, true);
        let worker = house.start(0);
        house.submit_own(1);
        house.submit_own(1);
        house.end(vec![worker]);
    });
}

/// Whoever takes the first item after a nap, and blocks, sees to the second, which was left to the same nap.
fn nothing_is_left_to_a_sleeper<S: Scheduler<usize, Hint = ()> + Default + 'static>() {
    bounded(2, || {
        let house = House::<S>::with_naps(2, 1, true);
        let workers = vec![house.start(0), house.start(1)];
        house.submit_own(2);
        house.submit_own(2);
        house.end(workers);
    });
}

#[test]
fn nothing_is_left_to_a_sleeper_by_a_fence() {
    nothing_is_left_to_a_sleeper::<Flagged<_>>();
}

#[test]
fn nothing_is_left_to_a_sleeper_by_a_lock() {
    nothing_is_left_to_a_sleeper::<Locked<_>>();
}
