//! The idle protocol: no wake is lost. Lost ones show as a deadlock.

use super::strategy::Flagged;
use super::{bounded, model};
use crate::Scheduler;
use crate::idle::{Idle, Published};
use crate::seat::Seat;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Condvar, Mutex, thread};
use std::sync::Arc;

/// Workers, items, and what an item does: it waits until so many have been started.
struct House {
    idle: Idle,
    items: Flagged<usize>,
    left: AtomicUsize,
    started: Mutex<usize>,
    changed: Condvar,
}

impl House {
    fn new(items: usize) -> Arc<Self> {
        Arc::new(Self {
            idle: Idle::new(1),
            items: Flagged::default(),
            left: AtomicUsize::new(items),
            started: Mutex::new(0),
            changed: Condvar::new(),
        })
    }

    /// An item that ends when so many items, itself included, have been started.
    fn submit(&self, needs: usize) {
        self.items.put(needs);
        self.idle.notify(Published::Plainly);
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
        let mut token = None;
        while !self.has_ended() {
            if let Some(item) = self.items.take() {
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
            let asleep = self.idle.sleep(&seat, token.take());
            if let Some(item) = self.items.take() {
                match self.idle.leave(&seat, asleep) {
                    Some(token) => self.idle.found(token, || self.is_more()),
                    None => self.idle.found_late(|| self.is_more()),
                }
                self.run(item);
                continue;
            }
            while !seat.is_picked() && !self.has_ended() {
                thread::park();
            }
            token = self.idle.leave(&seat, asleep);
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
        let house = House::new(1);
        let worker = house.start(0);
        house.submit(1);
        house.end(vec![worker]);
    });
}

#[test]
fn a_wake_is_not_lost_with_the_token_of_the_one_before() {
    bounded(3, || {
        let house = House::new(2);
        let worker = house.start(0);
        house.submit(1);
        house.submit(1);
        house.end(vec![worker]);
    });
}

#[test]
fn two_submitters_race_with_a_worker_that_goes_to_sleep() {
    bounded(2, || {
        let house = House::new(2);
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
        let house = House::new(2);
        let workers = vec![house.start(0), house.start(1)];
        house.submit(2);
        house.submit(2);
        house.end(workers);
    });
}

#[test]
fn a_batch_wakes_as_many_as_it_needs() {
    bounded(2, || {
        let house = House::new(2);
        let workers = vec![house.start(0), house.start(1)];
        house.items.put(2);
        house.items.put(2);
        house.idle.notify_many(2);
        house.end(workers);
    });
}
