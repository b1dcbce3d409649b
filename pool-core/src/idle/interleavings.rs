//! The policy in random interleavings: few workers and many short runs, each with a seed of its own.
//!
//! The driver does as the [worker's thread](crate::worker) does, one small step at a time. Which thread goes on next is
//! random, and so are:
//!
//! - how many workers there are, how many may search, and how often something happens outside;
//! - submissions, from outside and by running items: the item becomes visible, the submitter notifies, and it unparks
//!   the sleeper that it picked, each at a time of its own. So a sleeper may be picked while drowsy, and unparked late;
//! - items that block in user code, some until nothing else can happen;
//! - cheap looks that miss what waits, and parks that return spuriously;
//! - panics of the strategy: in each look, in `Withdraw`, and when it is asked for more;
//! - workers that are told to leave, and a pool that is told to halt, at any moment.
//!
//! Whenever the pool can do nothing more by itself, [`World::check_rest`] checks what the policy promises.

use super::*;
use std::mem;
use std::panic::catch_unwind;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    /// True in one of so many cases, or never for 0.
    fn one_in(&mut self, cases: usize) -> bool {
        cases > 0 && self.below(cases) == 0
    }
}

/// In one case of so many, or never for 0: a cheap look misses what waits, a call of the strategy panics, a running
/// item blocks, and something happens outside though a thread of the pool could go on.
struct Chances {
    miss: usize,
    panic: usize,
    block: usize,
    outside: usize,
}

/// What the thread of a worker does next.
#[derive(Debug, PartialEq)]
enum Doing {
    /// It looks without the policy, as long as there is an item at hand.
    RunDry,
    RunItem,
    /// It waits in user code, with the item in hand.
    Blocked,
    /// It tells the policy what it has seen.
    Report(Seen),
    /// It does what the policy said. If that is to park, it waits there.
    Step(Step<usize>),
    Left,
}

struct Worker {
    policy: Policy<usize>,
    doing: Doing,
    order: Order,
    has_item: bool,
    /// Since the last park.
    unparked: bool,
}

impl Worker {
    fn new(number: usize) -> Self {
        let policy = Policy::new(number);
        Self { policy, doing: Doing::RunDry, order: Order::Work, has_item: false, unparked: false }
    }

    fn is_parked(&self) -> bool {
        self.doing == Doing::Step(Step::Park) && !self.unparked
    }
}

/// What a thread has yet to do after a submission or an order.
enum Errand {
    /// It notifies of so many items.
    Notify(usize),
    Unpark(usize),
}

struct World {
    random: Random,
    chances: Chances,
    idle: Idle<usize>,
    workers: Vec<Worker>,
    /// Items that wait.
    items: usize,
    errands: Vec<Errand>,
    /// How much more happens outside, other than that an item stops blocking.
    events: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let chances = Chances {
            miss: random.one_of(&[1, 2]),
            panic: random.one_of(&[0, 4, 16]),
            block: random.one_of(&[0, 2, 2]),
            outside: random.one_of(&[10, 30, 100]),
        };
        let workers = 1 + random.below(4);
        let idle = Idle::new(1 + random.below(2));
        idle.resize(workers);
        let events = random.below(16);
        let workers = (0..workers).map(Worker::new).collect();
        Self { random, chances, idle, workers, items: 0, errands: Vec::new(), events }
    }

    /// Runs until nothing more can happen, and then ends the pool, as `Crew::settle` does.
    fn run(&mut self) {
        self.come_to_rest();
        self.workers.iter_mut().for_each(|worker| worker.order = Order::Leave);
        self.errands.extend(self.idle.pick_all().into_iter().map(Errand::Unpark));
        self.come_to_rest();
        assert!(self.workers.iter().all(|worker| worker.doing == Doing::Left), "all have left at the end");
    }

    fn come_to_rest(&mut self) {
        // No run takes nearly as many steps.
        for _ in 0..100_000 {
            let is_outside_first = self.random.one_in(self.chances.outside);
            let is_at_rest = !(is_outside_first && self.happens_outside() || self.goes_on());
            if is_at_rest {
                self.check_rest();
                if !self.happens_outside() {
                    return;
                }
            }
        }
        panic!("the run does not end");
    }

    /// While the pool rests, no item waits beside a parked worker, no worker that was told to leave is parked, none
    /// counts as searching, and exactly the parked ones count as sleeping.
    fn check_rest(&self) {
        let parked = self.all(Worker::is_parked);
        let disobedient = self.all(|worker| worker.is_parked() && worker.order == Order::Leave);
        assert!(self.items == 0 || parked.is_empty(), "an item waits beside parked workers: {parked:?}");
        assert!(disobedient.is_empty(), "told to leave, but parked: {disobedient:?}");
        assert_eq!((self.idle.searching(), self.idle.sleeping()), (0, parked.len()), "searching and sleeping");
    }

    /// The numbers of such workers.
    fn all(&self, is_such: impl Fn(&Worker) -> bool) -> Vec<usize> {
        (0..self.workers.len()).filter(|&number| is_such(&self.workers[number])).collect()
    }

    /// Something happens outside the pool. False if nothing is left to happen.
    fn happens_outside(&mut self) -> bool {
        let blocked = self.all(|worker| worker.doing == Doing::Blocked);
        if !blocked.is_empty() && (self.events == 0 || self.random.one_in(2)) {
            let number = self.random.one_of(&blocked);
            self.workers[number].doing = Doing::RunItem;
            return true;
        }
        if self.events == 0 {
            return false;
        }
        self.events -= 1;
        let any = self.random.below(self.workers.len());
        match self.random.below(16) {
            0..2 => self.tell_one_to_leave(),
            2 => (0..self.workers.len()).for_each(|number| self.tell(number, Order::Halt)),
            // As a park that returns spuriously.
            3..6 => self.workers[any].unparked = true,
            6..8 => self.submit(2),
            // Some, one by one.
            _ => (0..=self.random.below(3)).for_each(|_| self.submit(1)),
        }
        true
    }

    fn submit(&mut self, items: usize) {
        self.items += items;
        self.errands.push(Errand::Notify(items));
    }

    /// As `Crew::retire`: one always stays.
    fn tell_one_to_leave(&mut self) {
        let staying = self.all(|worker| worker.order != Order::Leave);
        if staying.len() > 1 {
            let number = self.random.one_of(&staying);
            self.tell(number, Order::Leave);
            self.idle.resize(staying.len() - 1);
        }
    }

    fn tell(&mut self, number: usize, order: Order) {
        self.workers[number].order = order;
        self.errands.push(Errand::Unpark(number));
    }

    /// One thread goes on by one step. False if none can.
    fn goes_on(&mut self) -> bool {
        let ready = self.all(|worker| !worker.is_parked() && !matches!(worker.doing, Doing::Blocked | Doing::Left));
        let choices = ready.len() + self.errands.len();
        if choices == 0 {
            return false;
        }
        let choice = self.random.below(choices);
        match ready.get(choice) {
            Some(&number) => self.worker_goes_on(number),
            None => self.run_errand(choice - ready.len()),
        }
        true
    }

    fn run_errand(&mut self, place: usize) {
        let picked = match self.errands.swap_remove(place) {
            Errand::Unpark(number) => return self.workers[number].unparked = true,
            Errand::Notify(1) => self.idle.notify(Published::Plainly).into_iter().collect(),
            Errand::Notify(items) => self.idle.notify_many(items),
        };
        self.errands.extend(picked.into_iter().map(Errand::Unpark));
    }

    fn worker_goes_on(&mut self, number: usize) {
        let doing = mem::replace(&mut self.workers[number].doing, Doing::Left);
        self.workers[number].doing = match doing {
            Doing::RunDry if self.workers[number].order != Order::Work => Doing::Report(Seen::Nothing),
            Doing::RunDry => match self.look(number, self.chances.miss) {
                Seen::Item { .. } => Doing::RunItem,
                seen => Doing::Report(seen),
            },
            Doing::RunItem => self.run_item(number),
            Doing::Report(seen) => self.report(number, seen),
            Doing::Step(step) => self.step(number, step),
            Doing::Blocked | Doing::Left => unreachable!("it cannot go on"),
        };
    }

    /// A part of the item, in which it may submit another and block.
    fn run_item(&mut self, number: usize) -> Doing {
        if self.events > 0 && self.random.one_in(3) {
            self.events -= 1;
            self.submit(1);
        }
        if self.random.one_in(self.chances.block) {
            return Doing::Blocked;
        }
        self.workers[number].has_item = false;
        Doing::RunDry
    }

    /// Most looks of a search miss at once, since it has hundreds and would fill the run.
    fn report(&mut self, number: usize, mut seen: Seen) -> Doing {
        let worker = &mut self.workers[number];
        loop {
            let step = worker.policy.step(&self.idle, seen, worker.order, || Ticks(0));
            seen = match step {
                Step::Pause(_) => Seen::Done,
                Step::Look if seen == Seen::Done && !self.random.one_in(64) => Seen::Nothing,
                step => return Doing::Step(step),
            };
        }
    }

    fn step(&mut self, number: usize, step: Step<usize>) -> Doing {
        let worker = &mut self.workers[number];
        Doing::Report(match step {
            Step::Look => self.look(number, self.chances.miss),
            Step::LookEverywhere => self.look(number, 0),
            Step::Withdraw | Step::AskForMore if self.random.one_in(self.chances.panic) => Seen::Panic,
            Step::Withdraw => {
                self.items = 0;
                Seen::Nothing
            }
            Step::AskForMore => Seen::More(self.items > 0),
            Step::Wake(sleeper) => {
                self.workers[sleeper].unparked = true;
                Seen::Done
            }
            Step::Park => {
                worker.unparked = false;
                Seen::Done
            }
            Step::Run if worker.has_item => return Doing::RunItem,
            Step::Leave if !worker.has_item => {
                // As if it gave back an item of its own.
                self.errands.push(Errand::Notify(1));
                return Doing::Left;
            }
            step => unreachable!("{step:?}, has an item: {}", worker.has_item),
        })
    }

    /// Takes an item in hand, unless none waits, the look misses it, or the strategy panics.
    fn look(&mut self, number: usize, miss: usize) -> Seen {
        if self.random.one_in(self.chances.panic) {
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

/// The environment may ask for another number of runs: `INTERLEAVINGS=1000000`.
#[test]
fn no_wake_is_lost_however_the_threads_interleave() {
    let runs = std::env::var("INTERLEAVINGS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(20_000);
    for seed in 0..runs {
        let outcome = catch_unwind(|| World::new(seed).run());
        assert!(outcome.is_ok(), "seed {seed}");
    }
}
