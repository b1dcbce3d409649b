//! What a strategy owes to those who come in from outside: the pool's word is asked once and kept, under a lock if the
//! strategy says so; and the promised order with those who see nothing.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::thread;

use pool_core::{Admission, Scheduler, Worker};

use super::gate::{Gate, alone};
use super::{Item, Ledger};
use crate::{Law, Violation};

const ADMISSIONS: usize = 4_000;
const CLOSINGS: usize = 400;
const LAST_LOOKS: usize = 6_000;

/// A pool's word, and how often it was asked for.
#[derive(Debug, Default)]
struct Word {
    asked: AtomicUsize,
    /// As often as it was asked alone, unless two did so at a time.
    alone: AtomicUsize,
    /// The same, counted so that nothing gets lost.
    truly_alone: AtomicUsize,
}

struct Asking<'a> {
    word: &'a Word,
    answer: bool,
}

impl Admission for Asking<'_> {
    fn ask(self) -> bool {
        self.word.asked.fetch_add(1, Ordering::Relaxed);
        self.answer
    }

    fn ask_alone(self) -> bool {
        let before = self.word.alone.load(Ordering::Relaxed);
        // Long enough for another who does not wait to come between; on a busy machine too.
        (0..20).for_each(|_| spin_loop());
        if before % 8 == 0 {
            thread::yield_now();
        }
        self.word.alone.store(before + 1, Ordering::Relaxed);
        self.word.truly_alone.fetch_add(1, Ordering::Relaxed);
        self.ask()
    }
}

/// `inject_if` asks once, keeps out what is refused and gives it back, and asks alone only if nobody else does at the time.
/// Law 1.
pub fn admissions<S: Scheduler<Item>>(make: impl Fn() -> S) -> Result<(), Violation> {
    let _alone = alone();
    let scheduler = Arc::new(make());
    let ledger = Ledger::new(2 * ADMISSIONS);
    let word = Word::default();
    let gate = Gate::new(2);
    // Each third item is refused.
    let submit = |first: usize| {
        gate.pass();
        let mut verdict = Ok(());
        for id in first..first + ADMISSIONS {
            let answer = id % 3 > 0;
            match scheduler.inject_if(ledger.item(id), S::Hint::default(), Asking { word: &word, answer }) {
                Ok(()) if answer => {}
                Err(item) if !answer && item.id() == id => drop(item.handed_out()),
                Ok(()) => verdict = Err(format!("item {id} was not admitted and is kept")),
                Err(item) => verdict = Err(format!("for item {id}, admitted: {answer}, item {} came back", item.id())),
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
    let asked = word.asked.load(Ordering::Relaxed);
    if asked != 2 * ADMISSIONS {
        return Err(violation(format!("{asked} questions for {} items", 2 * ADMISSIONS)));
    }
    if word.alone.load(Ordering::Relaxed) != word.truly_alone.load(Ordering::Relaxed) {
        return Err(violation("two asked alone at the same time".to_owned()));
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

/// The gate of a pool, as plain as can be.
#[derive(Debug, Default)]
struct Entrance {
    /// The lowest bit: closed. Above it, admissions.
    counted: AtomicUsize,
    alone: AtomicUsize,
}

impl Admission for &Entrance {
    fn ask(self) -> bool {
        self.counted.fetch_add(2, Ordering::AcqRel) & 1 == 0
    }

    fn ask_alone(self) -> bool {
        let open = self.counted.load(Ordering::Relaxed) & 1 == 0;
        // For the closer to come between; on a busy machine too.
        thread::yield_now();
        if open {
            self.alone.store(1, Ordering::Relaxed);
        }
        open
    }
}

/// Whoever closes and then passes has seen each admission, or it is refused. Law 1.
pub fn closings<S: Scheduler<Item>>(make: impl Fn() -> S) -> Result<(), Violation> {
    let _alone = alone();
    let ledger = Ledger::new(CLOSINGS);
    for id in 0..CLOSINGS {
        let (scheduler, entrance, gate) = (make(), Entrance::default(), Gate::new(2));
        let (admitted, seen) = thread::scope(|scope| {
            let submitter = scope.spawn(|| {
                gate.pass();
                scheduler.inject_if(ledger.item(id), S::Hint::default(), &entrance).is_ok()
            });
            gate.pass();
            // At various distances.
            (0..id % 64).for_each(|_| spin_loop());
            let closed = entrance.counted.fetch_or(1, Ordering::AcqRel);
            scheduler.pass();
            let seen = closed / 2 + entrance.alone.load(Ordering::Relaxed) > 0;
            (submitter.join().unwrap(), seen)
        });
        if admitted && !seen {
            return Err(Violation::new(
                Law::ExactlyOnce,
                "an item was admitted by a pool that had been closed".to_owned(),
            ));
        }
    }
    Ok(())
}

/// Where an item comes from, and who looks for it.
#[derive(Clone, Copy, Debug)]
enum Meeting {
    InjectAndNext,
    InjectAndIsEmpty,
    PushAndNext,
    PushAndIsEmpty,
}

const MEETINGS: [Meeting; 4] =
    [Meeting::InjectAndNext, Meeting::InjectAndIsEmpty, Meeting::PushAndNext, Meeting::PushAndIsEmpty];

/// One publishes an item and then reads what the other has said; the other says it and then looks for items. One of the two
/// must see the other, with the fences that the pool has there: the publisher's is left out where the strategy promises
/// order. Laws 2 and 3.
pub fn last_looks<S: Scheduler<Item>>(make: impl Fn() -> S) -> Result<(), Violation> {
    let _alone = alone();
    let scheduler = Arc::new(make());
    let ledger = Ledger::new(LAST_LOOKS);
    let (mut pusher, mut looker) = (scheduler.attach(1), scheduler.attach(2));
    let said = AtomicBool::new(false);
    let missed = AtomicBool::new(false);
    let found = AtomicBool::new(false);
    let gate = Gate::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            let _watch = gate.watch();
            for id in 0..LAST_LOOKS {
                let item = ledger.item(id);
                let is_push = matches!(MEETINGS[id % 4], Meeting::PushAndNext | Meeting::PushAndIsEmpty);
                gate.pass();
                let is_ordered = if is_push {
                    pusher.push(item, S::Hint::default());
                    S::Worker::PUSH_IS_ORDERED
                } else {
                    scheduler.inject(item, S::Hint::default());
                    S::INJECT_IS_ORDERED
                };
                if !is_ordered {
                    fence(Ordering::SeqCst);
                }
                missed.store(!said.load(Ordering::Relaxed), Ordering::Relaxed);
                gate.pass();
                gate.pass();
                if !found.load(Ordering::Relaxed) {
                    let own = pusher.next().map(Item::handed_out);
                    found.store(own.is_some(), Ordering::Relaxed);
                }
                gate.pass();
            }
        });
        let _watch = gate.watch();
        let mut verdict = Ok(());
        for id in 0..LAST_LOOKS {
            let meeting = MEETINGS[id % 4];
            let mut taken = None;
            gate.pass();
            said.store(true, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            let seen = if matches!(meeting, Meeting::InjectAndNext | Meeting::PushAndNext) {
                taken = looker.next();
                taken.is_some()
            } else {
                !scheduler.is_empty()
            };
            gate.pass();
            let blind = !seen && missed.load(Ordering::Relaxed);
            said.store(false, Ordering::Relaxed);
            let seen_now = taken.or_else(|| looker.next()).map(Item::handed_out).is_some();
            found.store(seen_now, Ordering::Relaxed);
            gate.pass();
            // Its pusher may see what others do not.
            gate.pass();
            let law = if !found.load(Ordering::Relaxed) {
                Law::ExactlyOnce
            } else if !seen_now {
                Law::NothingHides
            } else if !blind {
                continue;
            } else if matches!(meeting, Meeting::InjectAndNext | Meeting::PushAndNext) {
                Law::NothingHides
            } else {
                Law::EmptyAgrees
            };
            verdict = verdict.and(Err(Violation::new(law, format!("{meeting:?}: item {id} was overlooked"))));
        }
        verdict
    })
}
