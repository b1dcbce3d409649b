use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use pool_core::strategy::{Scheduler, Worker};

use super::gate::alone;
use super::rng::Rng;
use super::{Item, Ledger};
use crate::{Law, Violation};

const PRODUCERS: usize = 2;
const WORKERS: u64 = 4;
/// Items that each producer injects.
const ROOTS: usize = 10_000;
/// Items that a worker pushes for each root it takes.
const CHILDREN: usize = 3;
/// A producer that is so many roots ahead lets others run for a moment: races are closest where little waits.
const AHEAD: usize = 500;
const ITEMS: usize = PRODUCERS * ROOTS * (1 + CHILDREN);

/// Everything at once: producers inject singly and in batches; workers take and push; a visitor takes everything out
/// now and then. Each item must come out once (law 1), also when workers leave and others join all the time (law 5).
pub fn traffic<S: Scheduler<Item>>(make: impl Fn() -> S) -> Result<(), Violation> {
    let _alone = alone();
    drive(make(), false)?;
    // What is lost only when workers leave is lost by their leaving.
    drive(make(), true).map_err(|violation| Violation::new(Law::RetiringLosesNothing, violation.what))
}

fn drive<S: Scheduler<Item>>(scheduler: S, leaving: bool) -> Result<(), Violation> {
    let scheduler = Arc::new(scheduler);
    let ledger = Ledger::new(ITEMS);
    let (done, roots_taken) = (AtomicBool::new(false), AtomicUsize::new(0));
    let shared = Shared { scheduler: &scheduler, ledger: &ledger, done: &done, roots_taken: &roots_taken };
    thread::scope(|scope| {
        let producers = [0, 1].map(|producer| scope.spawn(move || shared.produce(producer)));
        for seed in 1..=WORKERS {
            scope.spawn(move || shared.work(seed, leaving));
        }
        scope.spawn(move || shared.visit());
        let ended = producers.map(|producer| producer.join());
        // Also if one panicked: the others must end.
        done.store(true, Ordering::Release);
        ended.into_iter().for_each(|end| end.unwrap_or_else(|payload| resume_unwind(payload)));
    });
    let mut last = scheduler.attach(99);
    while let Some(item) = last.next() {
        shared.expand(item, |child| last.push(child, None));
    }
    ledger.none_twice()?;
    if let Some(id) = ledger.missing() {
        let kind = if id % (1 + CHILDREN) == 0 { "injected" } else { "pushed by a worker" };
        let lost = ITEMS - ledger.handed_out();
        return Err(Violation::new(Law::ExactlyOnce, format!("{lost} items are lost; the first, {id}, was {kind}")));
    }
    drop((last, scheduler));
    ledger.all_dropped_once()
}

/// What the threads share.
struct Shared<'a, S> {
    scheduler: &'a Arc<S>,
    ledger: &'a Arc<Ledger>,
    done: &'a AtomicBool,
    roots_taken: &'a AtomicUsize,
}

impl<S> Clone for Shared<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Shared<'_, S> {}

impl<S: Scheduler<Item>> Shared<'_, S> {
    fn produce(self, producer: usize) {
        let mut rng = Rng::new(producer as u64);
        let root = |n: usize| self.ledger.item((producer * ROOTS + n) * (1 + CHILDREN));
        let mut sent = 0;
        while sent < ROOTS {
            let count = (1 + rng.below(20)).min(ROOTS - sent);
            if count < 15 {
                (sent..sent + count).for_each(|n| self.scheduler.inject(root(n), None));
            } else {
                self.scheduler.inject_batch((sent..sent + count).map(root), None);
            }
            sent += count;
            // Not for long: a strategy that loses items would never catch up.
            for _ in 0..50 {
                if sent < self.roots_taken.load(Ordering::Relaxed) / PRODUCERS + AHEAD {
                    break;
                }
                thread::yield_now();
            }
        }
    }

    fn work(self, seed: u64, leaving: bool) {
        let mut rng = Rng::new(seed);
        let mut worker = self.scheduler.attach(seed);
        loop {
            let item = if rng.below(2) == 0 { worker.try_next() } else { worker.next() };
            match item {
                Some(item) => self.expand(item, |child| worker.push(child, None)),
                None if self.done.load(Ordering::Acquire) => break,
                None => thread::yield_now(),
            }
            // With what it has just pushed.
            match rng.below(200) {
                0 if leaving => std::mem::replace(&mut worker, self.scheduler.attach(seed)).retire(),
                1 if leaving => worker = self.scheduler.attach(seed),
                _ => {}
            }
        }
        // `try_next` may have been wrong, and a worker that must not be seen to leave leaves nothing behind.
        while let Some(item) = worker.next() {
            self.expand(item, |child| worker.push(child, None));
        }
        worker.retire();
    }

    fn visit(self) {
        while !self.done.load(Ordering::Acquire) {
            self.scheduler.take_all(|item| {
                self.expand(item, |child| self.scheduler.inject(child, None));
            });
            thread::yield_now();
        }
    }

    /// A root has children, with the numbers after its own.
    fn expand(self, item: Item, mut push: impl FnMut(Item)) {
        let id = item.handed_out();
        if id % (1 + CHILDREN) == 0 {
            self.roots_taken.fetch_add(1, Ordering::Relaxed);
            (1..=CHILDREN).for_each(|child| push(self.ledger.item(id + child)));
        }
    }
}
