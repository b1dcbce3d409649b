//! The policy in virtual time: many workers, one thread, each run the same.

use super::*;
use std::cmp::Reverse;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BinaryHeap, VecDeque};
use std::hash::{Hash, Hasher};

/// What things cost, in ticks.
mod cost {
    pub(super) const LOOK: u64 = 30;
    pub(super) const LOOK_EVERYWHERE: u64 = 100;
    pub(super) const ROUND: u64 = 40;
    /// Of the waker.
    pub(super) const WAKE: u64 = 8_000;
    /// From the wake to the first step of the woken worker.
    pub(super) const WAKE_UP: u64 = 20_000;
}

/// An item: how long it runs, and how many it submits at its end, each of which runs as long and submits nothing.
#[derive(Clone, Copy)]
struct Item {
    length: u64,
    children: u32,
}

struct Worker {
    policy: Policy<usize>,
    seen: Seen,
    in_hand: Option<Item>,
    parked: bool,
    /// An unpark that came before the park.
    unparked: bool,
}

/// What happens at a time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Event {
    /// An item comes from outside.
    Arrival,
    /// A worker has done its step.
    Step(usize),
    /// A worker's item ends.
    End(usize),
}

struct World {
    now: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    scheduled: u64,
    idle: Idle<usize>,
    workers: Vec<Worker>,
    queue: VecDeque<Item>,
    random: u64,
    arrivals: u32,
    steps: u64,
    run: u64,
    submitted: u64,
    wakes: u64,
    trace: DefaultHasher,
}

impl World {
    fn new(workers: usize, seed: u64, arrivals: u32) -> Self {
        let idle = Idle::new(workers.div_ceil(2));
        idle.resize(workers);
        let worker = |who| Worker {
            policy: Policy::new(who),
            seen: Seen::Nothing,
            in_hand: None,
            parked: false,
            unparked: false,
        };
        let mut this = Self {
            now: 0,
            events: BinaryHeap::new(),
            scheduled: 0,
            idle,
            workers: (0..workers).map(worker).collect(),
            queue: VecDeque::new(),
            random: seed,
            arrivals,
            steps: 0,
            run: 0,
            submitted: 0,
            wakes: 0,
            trace: DefaultHasher::new(),
        };
        (0..workers).for_each(|who| this.after(0, Event::Step(who)));
        this.after(0, Event::Arrival);
        this
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % bound
    }

    fn after(&mut self, ticks: u64, event: Event) {
        self.scheduled += 1;
        self.events.push(Reverse((self.now + ticks, self.scheduled, event)));
    }

    fn submit(&mut self, item: Item) {
        self.submitted += 1;
        self.queue.push_back(item);
        if let Some(sleeper) = self.idle.notify(Published::Plainly) {
            self.unpark(sleeper);
        }
    }

    fn unpark(&mut self, who: usize) {
        self.wakes += 1;
        let worker = &mut self.workers[who];
        if std::mem::take(&mut worker.parked) {
            worker.seen = Seen::Done;
            self.after(cost::WAKE_UP, Event::Step(who));
        } else {
            worker.unparked = true;
        }
    }

    /// Runs to the end, and checks at each event that no item waits while every worker is parked.
    fn run(&mut self) {
        while let Some(Reverse((now, _, event))) = self.events.pop() {
            self.now = now;
            (now, event).hash(&mut self.trace);
            match event {
                Event::Arrival => self.arrive(),
                Event::Step(who) => self.step(who),
                Event::End(who) => self.end(who),
            }
            let all_parked = || self.workers.iter().all(|worker| worker.parked);
            assert!(self.queue.is_empty() || !all_parked(), "an item waits at {now}, and all workers are parked");
        }
    }

    /// A few items, now and then a flood, and pauses in which every worker falls asleep.
    fn arrive(&mut self) {
        let many = if self.below(50) == 0 { 2_000 } else { 1 + self.below(4) };
        for _ in 0..many {
            let length = [50, 500, 5_000, 50_000][self.below(4) as usize];
            let children = self.below(3) as u32;
            self.submit(Item { length, children });
        }
        if self.arrivals > 0 {
            self.arrivals -= 1;
            let gap = [100, 1_000, 10_000, 200_000][self.below(4) as usize];
            self.after(gap, Event::Arrival);
        }
    }

    fn start(&mut self, who: usize, item: Item) {
        self.run += 1;
        self.workers[who].in_hand = Some(item);
        self.after(item.length, Event::End(who));
    }

    fn end(&mut self, who: usize) {
        let Item { length, children } = self.workers[who].in_hand.take().expect("it ran");
        for _ in 0..children {
            self.submit(Item { length, children: 0 });
        }
        match self.queue.pop_front() {
            Some(item) => self.start(who, item),
            None => {
                self.workers[who].seen = Seen::Nothing;
                self.after(cost::LOOK, Event::Step(who));
            }
        }
    }

    fn look(&mut self, who: usize) -> Seen {
        let found = self.queue.pop_front();
        self.workers[who].in_hand = found;
        if found.is_some() { Seen::Item { is_part: false } } else { Seen::Nothing }
    }

    fn step(&mut self, who: usize) {
        self.steps += 1;
        let now = Ticks(self.now);
        let worker = &mut self.workers[who];
        let step = worker.policy.step(&self.idle, worker.seen, Order::Work, || now);
        let (ticks, seen) = match step {
            Step::Run => {
                let item = self.workers[who].in_hand.take().expect("an item in hand");
                return self.start(who, item);
            }
            Step::Park => {
                let worker = &mut self.workers[who];
                worker.seen = Seen::Done;
                if !std::mem::take(&mut worker.unparked) {
                    worker.parked = true;
                    return;
                }
                (0, Seen::Done)
            }
            Step::Look => (cost::LOOK, self.look(who)),
            Step::LookEverywhere => (cost::LOOK_EVERYWHERE, self.look(who)),
            Step::Pause(rounds) => (u64::from(rounds) * cost::ROUND, Seen::Done),
            Step::AskForMore => (cost::LOOK, Seen::More(!self.queue.is_empty())),
            Step::Wake(sleeper) => {
                self.unpark(sleeper);
                (cost::WAKE, Seen::Done)
            }
            Step::Withdraw | Step::Leave => unreachable!("not ordered"),
        };
        self.workers[who].seen = seen;
        self.after(ticks, Event::Step(who));
    }

    /// At the end, all has run, each worker is parked, and the counts say so.
    fn has_come_to_rest(&self) {
        assert_eq!(self.run, self.submitted);
        assert!(self.workers.iter().all(|worker| worker.parked));
        assert_eq!((self.idle.searching(), self.idle.sleeping()), (0, self.workers.len()));
    }
}

fn world(workers: usize, seed: u64, arrivals: u32) -> World {
    let mut world = World::new(workers, seed, arrivals);
    world.run();
    world.has_come_to_rest();
    world
}

#[test]
fn no_wake_is_lost_whatever_the_number_of_workers() {
    for workers in 1..20 {
        for seed in 0..10 {
            world(workers, seed, 200);
        }
    }
}

#[test]
fn a_thousand_workers_take_a_million_steps_twice_in_the_same_way() {
    let run = |seed| world(1_000, seed, 15_000);
    let (first, second, other) = (run(1), run(1), run(2));
    assert!(first.steps >= 1_000_000, "{} steps", first.steps);
    assert_eq!(first.trace.finish(), second.trace.finish());
    assert_ne!(first.trace.finish(), other.trace.finish());
}

/// A lone item wakes one worker, which finds nothing more and wakes no other.
#[test]
fn a_lone_item_wakes_no_crowd() {
    let mut world = World::new(100, 0, 0);
    world.events.retain(|Reverse((_, _, event))| *event != Event::Arrival);
    world.run();
    world.has_come_to_rest();
    for _ in 0..10 {
        let before = world.wakes;
        world.submit(Item { length: 50, children: 0 });
        world.run();
        world.has_come_to_rest();
        assert_eq!(world.wakes, before + 1);
    }
}

/// While all workers sleep nothing happens at all: a run without arrivals ends.
#[test]
fn idle_is_free() {
    let mut world = World::new(64, 0, 0);
    world.run();
    world.has_come_to_rest();
    let (steps, now) = (world.steps, world.now);
    world.run();
    assert_eq!((world.steps, world.now), (steps, now));
}

/// A worker under an order: the steps until it leaves or parks, if each look finds nothing.
fn obeys(order: Order) -> Vec<Step<usize>> {
    let idle = Idle::new(1);
    idle.resize(1);
    let mut policy = Policy::new(0);
    let mut steps = Vec::new();
    let mut seen = Seen::Nothing;
    loop {
        let step = policy.step(&idle, seen, order, || Ticks(0));
        let is_last = matches!(step, Step::Park | Step::Leave);
        seen = if matches!(step, Step::Pause(_)) { Seen::Done } else { Seen::Nothing };
        steps.push(step);
        if is_last {
            return steps;
        }
    }
}

#[test]
fn a_worker_that_is_told_to_leave_does_so_at_once() {
    assert_eq!(obeys(Order::Leave), [Step::Leave]);
}

#[test]
fn a_halted_worker_takes_nothing_but_withdraws_what_waits() {
    assert_eq!(obeys(Order::Halt), [Step::Withdraw, Step::Park]);
}

#[test]
fn a_worker_looks_everywhere_last_before_it_parks() {
    let steps = obeys(Order::Work);
    assert_eq!(steps[0], Step::Look);
    assert_eq!(steps[steps.len() - 2..], [Step::LookEverywhere, Step::Park]);
}

/// A worker gives up the token that it holds when the strategy panics, or when an order comes.
#[test]
fn a_worker_gives_up_what_it_holds() {
    for (broken, order) in [(Seen::Panic, Order::Work), (Seen::Done, Order::Leave), (Seen::Nothing, Order::Halt)] {
        for after in 0..600 {
            let idle = Idle::new(1);
            idle.resize(1);
            let mut policy = Policy::new(0);
            let mut seen = Seen::Nothing;
            for _ in 0..after {
                let step = policy.step(&idle, seen, Order::Work, || Ticks(0));
                seen = if matches!(step, Step::Pause(_) | Step::Park) { Seen::Done } else { Seen::Nothing };
            }
            let mut step = policy.step(&idle, broken, order, || Ticks(0));
            while step == Step::AskForMore {
                step = policy.step(&idle, Seen::More(false), order, || Ticks(0));
            }
            let mut step =
                if step == Step::Leave { step } else { policy.step(&idle, Seen::Panic, Order::Leave, || Ticks(0)) };
            while step == Step::AskForMore {
                step = policy.step(&idle, Seen::More(false), Order::Leave, || Ticks(0));
            }
            assert_eq!(step, Step::Leave, "{broken:?} after {after} steps");
            assert_eq!((idle.searching(), idle.sleeping()), (0, 0), "{broken:?} after {after} steps");
        }
    }
}
