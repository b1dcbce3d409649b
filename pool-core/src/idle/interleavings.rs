//! The policy in random interleavings: few workers and many short runs, each with a seed of its own.
//!
//! The driver here does as the [worker's thread](crate::worker) does, one small step at a time. Which thread goes on next is
//! random. Varied are:
//!
//! - how many workers there are, how many may search, and how often the world outside does something;
//! - submissions, by items that run and from outside: the item becomes visible, the submitter notifies, and it unparks the
//!   sleeper that it has picked, each at a time of its own. So a sleeper may be picked while it is drowsy, and unparked late;
//! - items that block in user code, some until nothing else can happen;
//! - cheap looks that miss what waits;
//! - panics of the strategy: in each look, in `Withdraw`, and when it is asked for more;
//! - workers that are told to leave, and a pool that is told to halt, at any moment;
//! - parks that return spuriously.
//!
//! Whenever nothing more can happen by itself, [`World::is_at_rest`] checks what the policy promises.

use super::*;
use std::mem;

/// Runs of the test, unless the environment asks for more: `INTERLEAVINGS=1000000`.
const RUNS: u64 = 20_000;
/// No run takes nearly as many steps.
const MOST_STEPS: u64 = 1_000_000;
/// A search has hundreds of cheap looks. One of them panics as seldom, compared with another call of the strategy.
const CHEAP_LOOKS: u64 = 64;

struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    /// Whether the one case in so many is met. Never for 0.
    fn one_in(&mut self, cases: u64) -> bool {
        cases > 0 && self.below(cases as usize) == 0
    }
}

/// How likely an event is in one run: one case in so many, or never for 0.
struct Chances {
    /// A cheap look misses what waits.
    miss: u64,
    /// A call of the strategy panics.
    panic: u64,
    /// A running item blocks.
    block: u64,
    /// The world outside does something, though a thread of the pool could go on.
    outside: u64,
}

impl Chances {
    fn new(random: &mut Random) -> Self {
        Self {
            miss: random.one_of(&[3, 1, 1]),
            panic: random.one_of(&[0, 0, 8]),
            block: random.one_of(&[0, 2, 4]),
            outside: random.one_of(&[2, 20, 200]),
        }
    }
}

/// What the thread of a worker does next.
#[derive(Debug, PartialEq)]
enum Doing {
    /// It looks without the policy, as long as there is an item at hand.
    RunDry,
    /// It runs the item in hand.
    RunItem,
    /// It waits in user code, with the item in hand.
    Blocked,
    /// It tells the policy what it has seen.
    Report(Seen),
    /// It does what the policy said.
    Step(Step<usize>),
    Parked,
    Left,
}

struct Worker {
    policy: Policy<usize>,
    doing: Doing,
    order: Order,
    has_item: bool,
    /// An unpark that came before the park.
    unparked: bool,
}

impl Worker {
    fn new(number: usize) -> Self {
        Self { policy: Policy::new(number), doing: Doing::RunDry, order: Order::Work, has_item: false, unparked: false }
    }

    fn can_go_on(&self) -> bool {
        !matches!(self.doing, Doing::Blocked | Doing::Parked | Doing::Left)
    }

    fn unpark(&mut self) {
        if self.doing == Doing::Parked {
            self.doing = Doing::Report(Seen::Done);
        } else {
            self.unparked = true;
        }
    }
}

/// What a thread has yet to do after a submission or an order.
enum Errand {
    /// It notifies of so many items.
    Notify(usize),
    Unpark(usize),
}

struct World {
    seed: u64,
    random: Random,
    chances: Chances,
    idle: Idle<usize>,
    workers: Vec<Worker>,
    /// Items that wait.
    items: usize,
    errands: Vec<Errand>,
    /// Submissions, orders and spurious returns to come.
    events: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let chances = Chances::new(&mut random);
        let workers = random.one_of(&[1, 2, 3, 4]);
        let idle = Idle::new(random.one_of(&[1, 2]));
        idle.resize(workers);
        let workers = (0..workers).map(Worker::new).collect();
        let events = random.below(16) as u64;
        Self { seed, random, chances, idle, workers, items: 0, errands: Vec::new(), events }
    }

    /// Runs until nothing more can happen, and ends the pool.
    fn run(&mut self) {
        self.come_to_rest();
        self.end();
        self.come_to_rest();
        assert!(self.workers.iter().all(|worker| worker.doing == Doing::Left), "seed {}", self.seed);
    }

    fn come_to_rest(&mut self) {
        for _ in 0..MOST_STEPS {
            let is_outside_next = self.random.one_in(self.chances.outside);
            if is_outside_next && self.happen_outside() || self.happen_inside() {
                continue;
            }
            self.is_at_rest();
            if !self.happen_outside() {
                return;
            }
        }
        panic!("no end, seed {}", self.seed);
    }

    /// While nothing happens, no item waits beside a parked worker, a worker that was told to leave has left unless it is
    /// blocked, no worker counts as searching, and exactly the parked ones count as sleeping.
    fn is_at_rest(&self) {
        let parked = self.all(|worker| worker.doing == Doing::Parked);
        let seed = self.seed;
        assert!(self.items == 0 || parked.is_empty(), "an item waits beside parked workers {parked:?}, seed {seed}");
        for &number in &parked {
            assert_ne!(
                self.workers[number].order,
                Order::Leave,
                "worker {number} parks instead of leaving, seed {seed}"
            );
        }
        assert_eq!(
            (self.idle.searching(), self.idle.sleeping()),
            (0, parked.len()),
            "searching and sleeping, seed {seed}"
        );
    }

    /// The numbers of such workers.
    fn all(&self, is_such: impl Fn(&Worker) -> bool) -> Vec<usize> {
        (0..self.workers.len()).filter(|&number| is_such(&self.workers[number])).collect()
    }

    // The world outside.

    /// Whether something did happen.
    fn happen_outside(&mut self) -> bool {
        let blocked = self.all(|worker| worker.doing == Doing::Blocked);
        if !blocked.is_empty() && (self.events == 0 || self.random.one_in(2)) {
            let number = self.random.one_of(&blocked);
            self.workers[number].doing = Doing::RunItem;
            return true;
        }
        if self.events == 0 {
            return false;
        }
        match self.random.below(16) {
            0..2 => self.tell_one_to_leave(),
            2 => self.tell_all_to_halt(),
            3..6 => self.return_spuriously(),
            6..8 => self.submit(2),
            _ => self.submit(1),
        }
        true
    }

    fn submit(&mut self, items: usize) {
        self.events -= 1;
        self.items += items;
        self.errands.push(Errand::Notify(items));
    }

    /// As `Crew::retire`: one always stays.
    fn tell_one_to_leave(&mut self) {
        self.events -= 1;
        let staying = self.all(|worker| worker.order != Order::Leave);
        if staying.len() > 1 {
            let number = self.random.one_of(&staying);
            self.tell(number, Order::Leave);
            self.idle.resize(staying.len() - 1);
        }
    }

    /// As `Crew::halt`.
    fn tell_all_to_halt(&mut self) {
        self.events -= 1;
        (0..self.workers.len()).for_each(|number| self.tell(number, Order::Halt));
    }

    fn tell(&mut self, number: usize, order: Order) {
        self.workers[number].order = order;
        self.errands.push(Errand::Unpark(number));
    }

    /// An unpark without a reason does the same.
    fn return_spuriously(&mut self) {
        self.events -= 1;
        let number = self.random.below(self.workers.len());
        self.workers[number].unpark();
    }

    /// As `Crew::settle` at the end.
    fn end(&mut self) {
        self.workers.iter_mut().for_each(|worker| worker.order = Order::Leave);
        self.errands.extend(self.idle.pick_all().into_iter().map(Errand::Unpark));
    }

    // The pool.

    /// One step of one thread, any that can go on. Whether there was one.
    fn happen_inside(&mut self) -> bool {
        let ready = self.all(Worker::can_go_on);
        let choices = ready.len() + self.errands.len();
        if choices == 0 {
            return false;
        }
        let choice = self.random.below(choices);
        match ready.get(choice) {
            Some(&number) => self.go_on(number),
            None => self.run_errand(choice - ready.len()),
        }
        true
    }

    fn run_errand(&mut self, place: usize) {
        let picked = match self.errands.swap_remove(place) {
            Errand::Unpark(number) => return self.workers[number].unpark(),
            Errand::Notify(1) => self.idle.notify(Published::Plainly).into_iter().collect(),
            Errand::Notify(items) => self.idle.notify_many(items),
        };
        self.errands.extend(picked.into_iter().map(Errand::Unpark));
    }

    fn go_on(&mut self, number: usize) {
        let doing = mem::replace(&mut self.workers[number].doing, Doing::Left);
        self.workers[number].doing = match doing {
            Doing::RunDry => self.run_dry(number),
            Doing::RunItem => self.run_item(number),
            Doing::Report(seen) => self.report(number, seen),
            Doing::Step(step) => self.step(number, step),
            Doing::Blocked | Doing::Parked | Doing::Left => unreachable!("it cannot go on"),
        };
    }

    fn run_dry(&mut self, number: usize) -> Doing {
        if self.workers[number].order != Order::Work {
            return Doing::Report(Seen::Nothing);
        }
        match self.look(number, self.chances.miss, self.chances.panic) {
            Seen::Item { .. } => Doing::RunItem,
            seen => Doing::Report(seen),
        }
    }

    fn run_item(&mut self, number: usize) -> Doing {
        if self.events > 0 && self.random.one_in(3) {
            self.submit(1);
        }
        if self.random.one_in(self.chances.block) {
            return Doing::Blocked;
        }
        self.workers[number].has_item = false;
        Doing::RunDry
    }

    fn report(&mut self, number: usize, seen: Seen) -> Doing {
        let worker = &mut self.workers[number];
        Doing::Step(worker.policy.step(&self.idle, seen, worker.order, || Ticks(0)))
    }

    fn step(&mut self, number: usize, step: Step<usize>) -> Doing {
        let Chances { miss, panic, .. } = self.chances;
        let has_item = self.workers[number].has_item;
        Doing::Report(match step {
            Step::Look => self.look(number, miss, panic * CHEAP_LOOKS),
            Step::LookEverywhere => self.look(number, 0, panic),
            Step::Withdraw | Step::AskForMore if self.random.one_in(panic) => Seen::Panic,
            Step::Withdraw => {
                self.items = 0;
                Seen::Nothing
            }
            Step::AskForMore => Seen::More(self.items > 0),
            Step::Wake(sleeper) => {
                self.workers[sleeper].unpark();
                Seen::Done
            }
            Step::Park if !mem::take(&mut self.workers[number].unparked) => return Doing::Parked,
            Step::Park | Step::Pause(_) => Seen::Done,
            Step::Run => {
                assert!(has_item, "worker {number} has nothing to run, seed {}", self.seed);
                return Doing::RunItem;
            }
            Step::Leave => {
                assert!(!has_item, "worker {number} leaves with an item, seed {}", self.seed);
                // What the worker held is back in the scheduler now.
                self.errands.push(Errand::Notify(1));
                return Doing::Left;
            }
        })
    }

    /// Takes an item in hand, unless there is none, the look misses all, or the strategy panics.
    fn look(&mut self, number: usize, miss: u64, panic: u64) -> Seen {
        if self.random.one_in(panic) {
            return Seen::Panic;
        }
        if self.items == 0 || self.random.one_in(miss) {
            return Seen::Nothing;
        }
        self.items -= 1;
        self.workers[number].has_item = true;
        Seen::Item { is_part: self.random.one_in(2) }
    }
}

#[test]
fn no_wake_is_lost_however_the_threads_interleave() {
    let runs = std::env::var("INTERLEAVINGS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS);
    (0..runs).for_each(|seed| World::new(seed).run());
}
