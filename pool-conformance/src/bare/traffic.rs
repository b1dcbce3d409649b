use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use pool_core::{Scheduler, Worker};

use super::rng::Rng;
use super::{Item, Ledger};
use crate::{Law, Violation};

const PRODUCERS: usize = 2;
const WORKERS: u64 = 4;
/// Items that each producer injects.
const ROOTS: usize = 30_000;
/// Items that a worker pushes for each root it takes.
const CHILDREN: usize = 3;
const ITEMS: usize = PRODUCERS * ROOTS * (1 + CHILDREN);

/// Everything at once: producers inject singly and in batches; workers take, push, leave and join; a visitor takes
/// everything out now and then. Each item must come out once. Laws 1 and 5.
pub fn traffic<S: Scheduler<Item>>(make: impl Fn() -> S) -> Result<(), Violation> {
    let scheduler = Arc::new(make());
    let ledger = Ledger::new(ITEMS);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|producer| {
                let (scheduler, ledger) = (&*scheduler, &ledger);
                scope.spawn(move || produce(scheduler, ledger, producer))
            })
            .collect();
        for seed in 1..=WORKERS {
            let (scheduler, ledger, done) = (&scheduler, &ledger, &done);
            scope.spawn(move || work(scheduler, ledger, done, seed));
        }
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                scheduler.take_all(|item| expand(item, &ledger, |child| scheduler.inject(child, S::Hint::default())));
                thread::yield_now();
            }
        });
        for producer in producers {
            producer.join().unwrap();
        }
        done.store(true, Ordering::Release);
    });
    let mut last = scheduler.attach(99);
    while let Some(item) = last.next() {
        expand(item, &ledger, |child| last.push(child, S::Hint::default()));
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

fn produce<S: Scheduler<Item>>(scheduler: &S, ledger: &Arc<Ledger>, producer: usize) {
    let mut rng = Rng::new(producer as u64);
    let root = |n: usize| ledger.item((producer * ROOTS + n) * (1 + CHILDREN));
    let mut sent = 0;
    while sent < ROOTS {
        let count = (1 + rng.below(20)).min(ROOTS - sent);
        if count < 15 {
            (sent..sent + count).for_each(|n| scheduler.inject(root(n), S::Hint::default()));
        } else {
            scheduler.inject_batch((sent..sent + count).map(root), S::Hint::default());
        }
        sent += count;
    }
}

/// A root has children, with the numbers after its own.
fn expand(item: Item, ledger: &Arc<Ledger>, mut push: impl FnMut(Item)) {
    let id = item.handed_out();
    if id % (1 + CHILDREN) == 0 {
        (1..=CHILDREN).for_each(|child| push(ledger.item(id + child)));
    }
}

fn work<S: Scheduler<Item>>(scheduler: &Arc<S>, ledger: &Arc<Ledger>, done: &AtomicBool, seed: u64) {
    let mut rng = Rng::new(seed);
    let mut worker = scheduler.attach(seed);
    loop {
        let item = if rng.below(2) == 0 { worker.try_next() } else { worker.next() };
        match item {
            Some(item) => expand(item, ledger, |child| worker.push(child, S::Hint::default())),
            None if done.load(Ordering::Acquire) => break,
            None => thread::yield_now(),
        }
        // With what it has just pushed.
        match rng.below(400) {
            0 => std::mem::replace(&mut worker, scheduler.attach(seed)).retire(),
            1 => worker = scheduler.attach(seed),
            _ => {}
        }
    }
    worker.retire();
}
