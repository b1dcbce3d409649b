//! The order that a strategy promises between a thread that publishes an item and a worker that sees none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::thread;

use pool_core::strategy::{Admit, Scheduler, Worker};

use super::gate::{Gate, alone};
use super::{Item, Ledger};
use crate::{Law, Violation};

const LAST_LOOKS: usize = 9_000;

/// How an item comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Inject,
    InjectIf,
    Push,
}

/// How the other thread looks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Next,
    IsEmpty,
}

/// The meetings take turns: the same for both threads, without a word between them.
fn meeting(id: usize) -> (Way, Look) {
    ([Way::Inject, Way::InjectIf, Way::Push][id % 3], [Look::Next, Look::IsEmpty][id / 3 % 2])
}

/// Publishes an item. Whether the strategy promises that this is ordered.
fn publish<S: Scheduler<Item>>(scheduler: &S, pusher: &mut S::Worker, way: Way, item: Item) -> bool {
    match way {
        Way::Inject => scheduler.inject(item, None),
        Way::InjectIf => scheduler.inject_if(|_| Admit::Yes(item, None)),
        Way::Push => {
            pusher.push(item, None);
            return pusher.push_is_ordered();
        }
    }
    scheduler.inject_is_ordered()
}

/// One thread publishes an item and then reads what the other has said; the other says it and then looks for items. One
/// of the two must see the other, with the fences that the pool has there: the publisher's is left out where the
/// strategy promises order. Laws 2 and 3.
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
                let (way, _) = meeting(id);
                gate.pass();
                if !publish(&*scheduler, &mut pusher, way, item) {
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
            let (way, look) = meeting(id);
            let mut taken = None;
            gate.pass();
            said.store(true, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            let seen = match look {
                Look::Next => {
                    taken = looker.next();
                    taken.is_some()
                }
                Look::IsEmpty => !scheduler.is_empty(),
            };
            gate.pass();
            let blind = !seen && missed.load(Ordering::Relaxed);
            said.store(false, Ordering::Relaxed);
            let seen_now = taken.or_else(|| looker.next()).map(Item::handed_out).is_some();
            found.store(seen_now, Ordering::Relaxed);
            gate.pass();
            // Its pusher may see what others do not.
            gate.pass();
            let law = match look {
                _ if !found.load(Ordering::Relaxed) => Law::ExactlyOnce,
                _ if !seen_now => Law::NothingHides,
                _ if !blind => continue,
                Look::Next => Law::NothingHides,
                Look::IsEmpty => Law::EmptyAgrees,
            };
            let what = format!("{way:?} against {look:?}: item {id} was overlooked");
            verdict = verdict.and(Err(Violation::new(law, what)));
        }
        verdict
    })
}
