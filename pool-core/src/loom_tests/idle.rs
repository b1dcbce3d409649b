//! The idle protocol: no wake is lost. Lost ones show as a deadlock.
//!
//! The workers here drive the policy that ships, with nothing else of a worker around it.

use super::ordered::Locked;
use super::strategy::Flagged;
use super::{bounded, model};
use crate::idle::{Idle, Order, Policy, Published, Seen, Step, Ticks};
use crate::strategy::{Scheduler, Worker};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::thread::Thread;
use crate::sync::{Condvar, Mutex, thread};
use std::sync::Arc;

/// Workers, items, and what an item does: it waits until that many have been started.
struct House<S = Flagged<usize>> {
    idle: Idle<Thread>,
    items: Arc<S>,
    left: AtomicUsize,
    started: Mutex<usize>,
    changed: Condvar,
}

impl<S: Scheduler<usize, Hint = ()> + Default + 'static> House<S> {
    fn new(items: usize) -> Arc<Self> {
        Arc::new(Self {
            idle: Idle::new(1),
            items: Arc::default(),
            left: AtomicUsize::new(items),
            started: Mutex::new(0),
            changed: Condvar::new(),
        })
    }

    /// An item that ends when `needs` items, itself included, have been started.
    fn submit(&self, needs: usize) {
        self.items.inject(needs, None);
        if let Some(sleeper) = self.idle.notify(Published::by(self.items.inject_is_ordered())) {
            sleeper.unpark();
        }
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
            self.idle.pick_all().iter().for_each(Thread::unpark);
        }
    }

    /// As the thread of a worker, but with nothing except the policy.
    fn work(&self) {
        let mut items = self.items.attach(0);
        let mut policy = Policy::new(thread::current());
        let mut in_hand = None;
        let mut seen = Seen::Nothing;
        let hold = |found: Option<usize>, in_hand: &mut Option<usize>| {
            *in_hand = found;
            if in_hand.is_some() { Seen::Item { is_part: false } } else { Seen::Nothing }
        };
        loop {
            let order = if self.left.load(Ordering::Acquire) == 0 { Order::Leave } else { Order::Work };
            seen = match policy.step(&self.idle, seen, order, || Ticks(0)) {
                Step::Run => {
                    if let Some(needs) = in_hand.take() {
                        self.run(needs);
                    }
                    Seen::Nothing
                }
                Step::Look => hold(items.try_next(), &mut in_hand),
                Step::LookEverywhere => hold(items.next(), &mut in_hand),
                Step::Park => {
                    thread::park();
                    Seen::Done
                }
                Step::AskForMore => Seen::More(!self.items.is_empty()),
                Step::Wake(sleeper) => {
                    sleeper.unpark();
                    Seen::Done
                }
                Step::Leave => return,
                step @ (Step::Pause(_) | Step::Withdraw) => unreachable!("{step:?}"),
            };
        }
    }

    fn start(self: &Arc<Self>) -> thread::JoinHandle<()> {
        let house = Arc::clone(self);
        thread::spawn(move || house.work())
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
        let worker = house.start();
        house.submit(1);
        house.end(vec![worker]);
    });
}

#[test]
fn a_wake_is_not_lost_with_the_token_of_the_one_before() {
    bounded(3, || {
        let house = House::<Flagged<_>>::new(2);
        let worker = house.start();
        house.submit(1);
        house.submit(1);
        house.end(vec![worker]);
    });
}

#[test]
fn two_submitters_race_with_a_worker_that_goes_to_sleep() {
    bounded(2, || {
        let house = House::<Flagged<_>>::new(2);
        let worker = house.start();
        let other = {
            let house = Arc::clone(&house);
            thread::spawn(move || house.submit(1))
        };
        house.submit(1);
        other.join().unwrap();
        house.end(vec![worker]);
    });
}

/// Each item blocks its worker until the other one runs too: a worker that found one must have asked for more.
fn the_last_searcher_wakes_the_next<S: Scheduler<usize, Hint = ()> + Default + 'static>() {
    bounded(2, || {
        let house = House::<S>::new(2);
        let workers = vec![house.start(), house.start()];
        house.submit(2);
        house.submit(2);
        house.end(workers);
    });
}

#[test]
fn the_last_searcher_wakes_the_next_by_a_fence() {
    the_last_searcher_wakes_the_next::<Flagged<_>>();
}

#[test]
fn the_last_searcher_wakes_the_next_by_a_lock() {
    the_last_searcher_wakes_the_next::<Locked<_>>();
}

#[test]
fn a_batch_wakes_as_many_as_it_needs() {
    bounded(2, || {
        let house = House::<Flagged<_>>::new(2);
        let workers = vec![house.start(), house.start()];
        house.items.inject(2, None);
        house.items.inject(2, None);
        house.idle.notify_many(2).iter().for_each(Thread::unpark);
        house.end(workers);
    });
}
