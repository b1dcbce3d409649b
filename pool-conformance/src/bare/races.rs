//! Short races between few calls, many times over.
//!
//! They rest on one consequence of laws 1 and 2: when a worker has been told by `next` that nothing waits, each item
//! that waited before has been handed to a worker. So the counts must add up, whatever the interleaving.

use std::sync::Arc;
use std::thread;

use pool_core::strategy::{Scheduler, Worker};

use super::gate::{Gate, alone};
use super::rng::Rng;
use super::{Item, Ledger};
use crate::{Law, Violation};

const RACES: usize = 2_500;
const STAMPEDES: usize = 500;
const STAMPEDERS: usize = 4;
const HANDOVERS: usize = 5_000;

/// What races against the worker that takes until it is told that nothing waits.
#[derive(Clone, Copy, Debug)]
enum Rival {
    /// None: the worker that holds items does nothing.
    Idle,
    /// Takes one item, perhaps moving others on the way.
    TakesOne,
    /// Leaves, by `retire`.
    Retires,
    /// Leaves, by being dropped.
    Drops,
    /// A thread without a worker takes everything.
    TakesAll,
    /// Joins, takes one item, and leaves.
    Joins,
    /// Takes one item and pushes it again.
    Pushes,
}

const RIVALS: [Rival; 7] =
    [Rival::Idle, Rival::TakesOne, Rival::Retires, Rival::Drops, Rival::TakesAll, Rival::Joins, Rival::Pushes];

/// One worker takes until `next` says `None`, or asks `is_empty`, while another takes, leaves, joins or takes all: laws
/// 1, 2, 3 and 5.
pub fn races<S: Scheduler<Item>>(make: impl Fn() -> S) -> Result<(), Violation> {
    let _alone = alone();
    let mut rng = Rng::new(1);
    for round in 0..RACES {
        // Few items make for close races, and some dozens for batches and block ends.
        let items = if round % 2 == 0 { 1 + rng.below(4) } else { 1 + rng.below(150) };
        let pushed = rng.below(items + 1);
        let rival = RIVALS[rng.below(RIVALS.len())];
        // To be told of an empty scheduler wrongly takes items that stay.
        if round % 4 == 3 {
            empty_during(make(), items, pushed, rival)?;
        } else {
            race(make(), items, pushed, rival)?;
        }
    }
    Ok(())
}

/// Puts `items` into place, `pushed` of them by one worker, and gives that worker.
fn placed<S: Scheduler<Item>>(scheduler: &Arc<S>, items: usize, pushed: usize) -> (Arc<Ledger>, S::Worker) {
    let ledger = Ledger::new(items);
    let mut holder = scheduler.attach(1);
    for id in 0..items {
        if id < pushed {
            holder.push(ledger.item(id), None);
        } else {
            scheduler.inject(ledger.item(id), None);
        }
    }
    (ledger, holder)
}

/// Does what the rival does, and gives the worker back if it stays.
fn act<S: Scheduler<Item>>(scheduler: &Arc<S>, mut holder: S::Worker, rival: Rival) -> Option<S::Worker> {
    match rival {
        Rival::Idle => return Some(holder),
        Rival::TakesOne => {
            holder.next().map(Item::handed_out);
            return Some(holder);
        }
        Rival::Joins => {
            let mut newcomer = scheduler.attach(3);
            newcomer.next().map(Item::handed_out);
            newcomer.retire();
            return Some(holder);
        }
        Rival::TakesAll => {
            scheduler.take_all(|item| {
                item.handed_out();
            });
            return Some(holder);
        }
        Rival::Pushes => {
            if let Some(item) = holder.next() {
                holder.push(item, None);
            }
            return Some(holder);
        }
        Rival::Retires => holder.retire(),
        Rival::Drops => drop(holder),
    }
    None
}

fn race<S: Scheduler<Item>>(scheduler: S, items: usize, pushed: usize, rival: Rival) -> Result<(), Violation> {
    let scheduler = Arc::new(scheduler);
    let (ledger, holder) = placed(&scheduler, items, pushed);
    let mut taker = scheduler.attach(2);
    let gate = Gate::new(2);
    let holder = thread::scope(|scope| {
        let rivalry = scope.spawn(|| {
            gate.pass();
            act(&scheduler, holder, rival)
        });
        gate.pass();
        while let Some(item) = taker.next() {
            item.handed_out();
        }
        let holder = rivalry.join().unwrap();
        // What it pushed last, the taker sees now at the latest.
        while let Some(item) = taker.next() {
            item.handed_out();
        }
        holder
    });
    ledger.none_twice()?;
    let Some(missing) = ledger.missing() else {
        drop((taker, holder, scheduler));
        return ledger.all_dropped_once();
    };
    // The taker was told wrongly that nothing waits, or the item is gone.
    for mut worker in [Some(taker), holder, Some(scheduler.attach(4))].into_iter().flatten() {
        while let Some(item) = worker.next() {
            item.handed_out();
        }
    }
    ledger.none_twice()?;
    let race = format!("of {items} items, {pushed} pushed by a worker that {rival:?}");
    Err(match ledger.missing() {
        None => Violation::new(Law::NothingHides, format!("{race}: another worker's next did not see item {missing}")),
        Some(lost) if lost < pushed && matches!(rival, Rival::Retires | Rival::Drops) => {
            Violation::new(Law::RetiringLosesNothing, format!("{race}: item {lost} left with it"))
        }
        Some(lost) => Violation::new(Law::ExactlyOnce, format!("{race}: item {lost} is lost")),
    })
}

/// `is_empty` must not say `true` while fewer items are taken than wait, though they may be on the move.
fn empty_during<S: Scheduler<Item>>(scheduler: S, items: usize, pushed: usize, rival: Rival) -> Result<(), Violation> {
    if items == 1 && matches!(rival, Rival::Pushes) {
        // Between taking it and pushing it again, nothing does wait.
        return Ok(());
    }
    let scheduler = Arc::new(scheduler);
    let (ledger, holder) = placed(&scheduler, items, pushed);
    let gate = Gate::new(2);
    let said_empty = thread::scope(|scope| {
        scope.spawn(|| {
            gate.pass();
            act(&scheduler, holder, rival)
        });
        gate.pass();
        (0..20).any(|_| scheduler.is_empty())
    });
    if !said_empty || ledger.handed_out() == items {
        return Ok(());
    }
    let taken = ledger.handed_out();
    let mut rest = scheduler.attach(4);
    while let Some(item) = rest.next() {
        item.handed_out();
    }
    if ledger.missing().is_some() {
        // That it is gone, `race` says.
        return Ok(());
    }
    let what =
        format!("is_empty said true of {items} items, {pushed} pushed by a worker that {rival:?}; {taken} were taken");
    Err(Violation::new(Law::EmptyAgrees, what))
}

/// Several workers ask once each for one of few items: as many get one as there are items. Laws 1 and 2.
pub fn stampedes<S: Scheduler<Item>>(make: impl Fn() -> S) -> Result<(), Violation> {
    let _alone = alone();
    for round in 0..STAMPEDES {
        let items = 1 + round % STAMPEDERS;
        let scheduler = Arc::new(make());
        let (ledger, mut first) = placed(&scheduler, items, round / STAMPEDERS % (items + 1));
        let mut others: Vec<_> = (1..STAMPEDERS).map(|seed| scheduler.attach(seed as u64)).collect();
        let gate = Gate::new(STAMPEDERS);
        thread::scope(|scope| {
            for worker in others.iter_mut().chain([&mut first]) {
                scope.spawn(|| {
                    gate.pass();
                    worker.next().map(Item::handed_out);
                });
            }
        });
        ledger.none_twice()?;
        if let Some(missing) = ledger.missing() {
            let taken = ledger.handed_out();
            for mut worker in others.into_iter().chain([first, scheduler.attach(9)]) {
                while let Some(item) = worker.next() {
                    item.handed_out();
                }
            }
            let stampede = format!("{STAMPEDERS} workers at {items} items took {taken}");
            return Err(match ledger.missing() {
                None => Violation::new(Law::NothingHides, format!("{stampede}; item {missing} was still there")),
                Some(lost) => Violation::new(Law::ExactlyOnce, format!("{stampede}; item {lost} is lost")),
            });
        }
    }
    Ok(())
}

/// A worker pushes into its own place, tells another thread, and never asks again: the other must see the item at once.
/// Law 2.
pub fn handovers<S: Scheduler<Item>>(make: impl Fn() -> S) -> Result<(), Violation> {
    let _alone = alone();
    let scheduler = Arc::new(make());
    let ledger = Ledger::new(HANDOVERS);
    let (mut pusher, mut taker) = (scheduler.attach(1), scheduler.attach(2));
    let gate = Gate::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            let _watch = gate.watch();
            for id in 0..HANDOVERS {
                pusher.push(ledger.item(id), None);
                gate.pass();
                gate.pass();
            }
        });
        let _watch = gate.watch();
        let mut verdict = Ok(());
        for id in 0..HANDOVERS {
            gate.pass();
            if taker.next().map(Item::handed_out) != Some(id) && verdict.is_ok() {
                let what = format!("item {id} lay in the place of a worker that does not ask, and was not found");
                verdict = Err(Violation::new(Law::NothingHides, what));
            }
            gate.pass();
        }
        verdict
    })
}
