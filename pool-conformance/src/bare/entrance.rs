//! What a strategy owes to a pool that decides what comes in from outside: it asks once for each item, and one at a
//! time if it says that it holds its lock.
//!
//! What the types see to needs no check: a strategy cannot ask twice, cannot have an item that was refused, and cannot
//! leave out a call for the closing of the pool, since the closer goes through [`Scheduler::inject_if`] as every
//! submitter does.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use pool_core::strategy::{Admit, Asking, Scheduler, Worker};

use super::gate::{Gate, alone};
use super::{Item, Ledger};
use crate::{Law, Violation};

const ADMISSIONS: usize = 4_000;
const CLOSINGS: usize = 400;

/// How often a pool was asked under a lock.
#[derive(Debug, Default)]
struct Questions {
    /// Unless two were asked at the same time: then one of them is lost here.
    one_by_one: AtomicUsize,
    /// Counted so that none is lost.
    all: AtomicUsize,
}

impl Questions {
    fn note(&self, asking: &Asking<'_>) {
        if !asking.is_locked() {
            return;
        }
        let before = self.one_by_one.load(Ordering::Relaxed);
        // Long enough for another thread that does not wait to come between; on a busy machine too.
        (0..20).for_each(|_| spin_loop());
        if before % 8 == 0 {
            thread::yield_now();
        }
        self.one_by_one.store(before + 1, Ordering::Relaxed);
        self.all.fetch_add(1, Ordering::Relaxed);
    }
}

/// `inject_if` asks for each item, asks one at a time if it says so, hands out what was admitted, once, and nothing
/// that was refused. Law 1.
pub fn admissions<S: Scheduler<Item>>(make: impl Fn() -> S) -> Result<(), Violation> {
    let _alone = alone();
    let scheduler = Arc::new(make());
    let ledger = Ledger::new(2 * ADMISSIONS);
    let questions = Questions::default();
    let gate = Gate::new(2);
    let submit = |first: usize| {
        gate.pass();
        let mut verdict = Ok(());
        for id in first..first + ADMISSIONS {
            let mut item = Some(ledger.item(id));
            let mut was_asked = false;
            scheduler.inject_if(|asking| {
                was_asked = true;
                questions.note(&asking);
                // Each third item is refused, for either reason.
                match id % 6 {
                    0 => Admit::Closed,
                    3 => Admit::Full,
                    _ => Admit::Yes(item.take().expect("it is asked for once"), None),
                }
            });
            // One that comes out of the strategy all the same is then counted twice.
            item.map(Item::handed_out);
            if !was_asked {
                verdict = Err(format!("inject_if did not ask for item {id}"));
            }
        }
        verdict
    };
    let verdicts = thread::scope(|scope| {
        let other = scope.spawn(|| submit(ADMISSIONS));
        [submit(0), other.join().unwrap()]
    });
    let violation = |what| Violation::new(Law::ExactlyOnce, what);
    for verdict in verdicts {
        verdict.map_err(violation)?;
    }
    if questions.one_by_one.load(Ordering::Relaxed) != questions.all.load(Ordering::Relaxed) {
        return Err(violation("two threads asked under the lock at the same time".to_owned()));
    }
    let mut worker = scheduler.attach(1);
    while let Some(item) = worker.next() {
        item.handed_out();
    }
    ledger.none_twice()?;
    match ledger.missing() {
        Some(missing) => Err(violation(format!("item {missing} was admitted and is lost"))),
        None => Ok(()),
    }
}

/// The entrance of a pool, as plain as can be.
#[derive(Debug, Default)]
struct Entrance {
    /// The lowest bit: closed. Above it, admissions.
    counted: AtomicUsize,
    under_lock: AtomicUsize,
}

impl Entrance {
    fn admits(&self, asking: &Asking<'_>) -> bool {
        if !asking.is_locked() {
            return self.counted.fetch_add(2, Ordering::AcqRel) & 1 == 0;
        }
        let open = self.counted.load(Ordering::Relaxed) & 1 == 0;
        // For the closer to come between; on a busy machine too.
        thread::yield_now();
        if open {
            self.under_lock.store(1, Ordering::Relaxed);
        }
        open
    }

    /// Closes it. Whether an admission was seen.
    fn close<S: Scheduler<Item>>(&self, scheduler: &S) -> bool {
        let closed = self.counted.fetch_or(1, Ordering::AcqRel);
        scheduler.inject_if(|_| Admit::Closed);
        closed / 2 + self.under_lock.load(Ordering::Relaxed) > 0
    }
}

/// A thread that closes the pool and then goes through `inject_if` itself has seen each admission: what it has not seen
/// is refused. Law 1.
pub fn closings<S: Scheduler<Item>>(make: impl Fn() -> S) -> Result<(), Violation> {
    let _alone = alone();
    let ledger = Ledger::new(CLOSINGS);
    let violation = |what: &str| Err(Violation::new(Law::ExactlyOnce, what));
    for id in 0..CLOSINGS {
        let (scheduler, entrance, gate) = (Arc::new(make()), Entrance::default(), Gate::new(2));
        let (was_admitted, was_seen) = thread::scope(|scope| {
            let submitter = scope.spawn(|| {
                let item = ledger.item(id);
                let mut was_admitted = false;
                gate.pass();
                scheduler.inject_if(|asking| {
                    was_admitted = entrance.admits(&asking);
                    if was_admitted { Admit::Yes(item, None) } else { Admit::Closed }
                });
                was_admitted
            });
            gate.pass();
            // At various distances.
            (0..id % 64).for_each(|_| spin_loop());
            let was_seen = entrance.close(&*scheduler);
            (submitter.join().unwrap(), was_seen)
        });
        if was_admitted && !was_seen {
            return violation("an item was admitted by a pool that had been closed");
        }
        let came_out = scheduler.attach(1).next().map(Item::handed_out).is_some();
        match (was_admitted, came_out) {
            (true, false) => return violation("an item that was admitted while the pool was being closed is lost"),
            (false, true) => return violation("an item that was refused came out"),
            _ => {}
        }
    }
    Ok(())
}
