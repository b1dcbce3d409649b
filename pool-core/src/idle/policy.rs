//! [`Policy`]: what a worker without work does next.
//!
//! A machine: the driver reports what it has [`Seen`] and does the [`Step`] that comes back. All transitions of the protocol
//! stand here, in the order in which they happen; [`README.md`](README.md) proves that no wake is lost.
//!
//! ```text
//!             search()                        budget spent
//!  Working ──────────────► Searching ───────────────────────────┐
//!     ▲  │                  │   ▲                               ▼
//!     │  └── places taken ──┼───┼────────────────────────► Sleeping (S1, S2, last look S3, park)
//!     │      found (F1, F2) │   └──────── picked ───────────────┤
//!     └──────── Run ◄───────┴──────────── found (S4) ───────────┘
//! ```

use super::backoff::{Backoff, Search};
use super::{Idle, Picked, Searching, Sleeping};
use std::sync::Arc;

/// A time on the driver's clock, in its own unit: nanoseconds for threads, whatever a simulator counts for a simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticks(pub(crate) u64);

/// What a worker is told to do beside its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Go on.
    Work,
    /// Take no further items, and end once the pool is quiet.
    Halt,
    /// Give back what the worker holds, and end. Also the order of a worker whose pool has ended.
    Leave,
}

/// What the driver saw when it did the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// No item: the last look found none, or the worker has run all that it found.
    Nothing,
    /// An item, which the driver holds. A *part* of running work was offered because workers are idle.
    Item { is_part: bool },
    /// The end of the step: the pause is over, the sleeper was unparked, or this worker's park returned.
    Done,
    /// Whether items wait, in answer to [`Step::AskForMore`].
    More(bool),
    /// A panic of the strategy, out of any step.
    Panic,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the protocol relies on each step being done"]
pub(crate) enum Step<W> {
    /// Look for an item, cheaply: the look may miss one. Then [`Seen::Item`] or [`Seen::Nothing`].
    Look,
    /// Pause for this many rounds.
    Pause(u32),
    /// Look everywhere: if this look sees nothing, the worker sleeps. Then [`Seen::Item`] or [`Seen::Nothing`].
    LookEverywhere,
    /// Take everything that waits out of the pool, unrun. Then [`Seen::Nothing`].
    Withdraw,
    /// Park until unparked, or spuriously.
    Park,
    /// Ask whether any item waits, by a look that misses none.
    AskForMore,
    /// Unpark that worker, which has been picked.
    Wake(W),
    /// Run the item that was found, and what comes after it, until no item is at hand.
    Run,
    /// End the worker.
    Leave,
}

/// Where a worker is in the protocol, with the token that it holds.
#[derive(Debug)]
enum Phase {
    /// No token: it runs tasks, or takes the next one without delay.
    Working,
    /// Looks again and again, for a bounded time.
    Searching(Searching, Search),
    /// Has announced its sleep: looks everywhere once more, then parks. Under the order that was in force then.
    Sleeping(Sleeping, Order),
    /// Has found an item, or given up, and asks for more, or wakes a worker. With what comes after.
    Leaving(Next),
}

/// What comes after a worker has given up its token.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// It runs the item in hand.
    Run,
    /// It starts anew.
    Begin,
}

/// One worker's half of the idle policy.
#[derive(Debug)]
pub(crate) struct Policy<W> {
    who: W,
    picked: Arc<Picked>,
    phase: Phase,
    backoff: Backoff,
}

impl<W: Clone> Policy<W> {
    /// For a worker that is working, with what a driver needs to wake it.
    pub(crate) fn new(who: W) -> Self {
        Self { who, picked: Arc::default(), phase: Phase::Working, backoff: Backoff::default() }
    }

    /// The next step, after the driver has seen `seen` and is under `order`. `now` tells the time; it is called only
    /// where it matters, since a call costs as much as a tiny task.
    ///
    /// O(1), but for a sleeper that finds an item in its last look: O(sleepers).
    pub(crate) fn step(&mut self, idle: &Idle<W>, seen: Seen, order: Order, now: impl FnOnce() -> Ticks) -> Step<W> {
        match std::mem::replace(&mut self.phase, Phase::Working) {
            Phase::Working if seen == Seen::Panic => self.begin(idle, order),
            Phase::Working => {
                self.backoff.look_back(now);
                self.begin(idle, order)
            }
            Phase::Searching(token, search) => self.searching(idle, token, search, seen, order, now),
            Phase::Sleeping(token, since) => self.sleeping(idle, token, since, seen, order),
            Phase::Leaving(next) => match seen {
                // A strategy that panics when it is asked may hold some.
                Seen::More(true) | Seen::Panic => match idle.pick_one() {
                    Some(sleeper) => {
                        self.phase = Phase::Leaving(next);
                        Step::Wake(sleeper)
                    }
                    None => self.go_on(idle, next, order),
                },
                _ => self.go_on(idle, next, order),
            },
        }
    }

    /// The worker has nothing to run and holds no token.
    fn begin(&mut self, idle: &Idle<W>, order: Order) -> Step<W> {
        match order {
            Order::Leave => Step::Leave,
            Order::Halt => self.fall_asleep(idle, None, order),
            Order::Work => match idle.search() {
                Some(token) => self.look(token, self.backoff.search()),
                None => self.fall_asleep(idle, None, order),
            },
        }
    }

    fn look(&mut self, token: Searching, search: Search) -> Step<W> {
        self.phase = Phase::Searching(token, search);
        Step::Look
    }

    fn searching(
        &mut self,
        idle: &Idle<W>,
        token: Searching,
        mut search: Search,
        seen: Seen,
        order: Order,
        now: impl FnOnce() -> Ticks,
    ) -> Step<W> {
        match seen {
            Seen::Item { is_part } => {
                self.backoff.found(&search, is_part, now);
                self.give_up(idle, token, Next::Run, order)
            }
            Seen::Panic => self.give_up(idle, token, Next::Begin, order),
            Seen::Nothing if order == Order::Work => match search.pause(|| idle.is_any_working(), &self.backoff) {
                Some(rounds) => {
                    self.phase = Phase::Searching(token, search);
                    Step::Pause(rounds)
                }
                None => {
                    self.backoff.found_nothing();
                    self.fall_asleep(idle, Some(token), order)
                }
            },
            _ if order == Order::Work => self.look(token, search),
            _ => self.give_up(idle, token, Next::Begin, order),
        }
    }

    /// S1 and S2; S3 is the step.
    fn fall_asleep(&mut self, idle: &Idle<W>, token: Option<Searching>, order: Order) -> Step<W> {
        self.phase = Phase::Sleeping(idle.sleep(&self.who, &self.picked, token), order);
        if order == Order::Work { Step::LookEverywhere } else { Step::Withdraw }
    }

    fn sleeping(&mut self, idle: &Idle<W>, token: Sleeping, since: Order, seen: Seen, order: Order) -> Step<W> {
        let next = if matches!(seen, Seen::Item { .. }) { Next::Run } else { Next::Begin };
        let is_over = seen == Seen::Panic || order != since;
        if matches!(next, Next::Begin) && !is_over {
            if !self.picked.is_set() {
                self.phase = Phase::Sleeping(token, since);
                return Step::Park;
            }
            return match idle.leave(&self.picked, token) {
                Some(token) if order == Order::Work => self.look(token, self.backoff.search()),
                token => self.fall_asleep(idle, token, order),
            };
        }
        // S4.
        match idle.leave(&self.picked, token) {
            Some(token) => self.give_up(idle, token, next, order),
            None if idle.must_ask() => self.ask(next),
            None => self.go_on(idle, next, order),
        }
    }

    /// F1 and F2.
    fn give_up(&mut self, idle: &Idle<W>, token: Searching, next: Next, order: Order) -> Step<W> {
        if idle.found(token) { self.ask(next) } else { self.go_on(idle, next, order) }
    }

    fn ask(&mut self, next: Next) -> Step<W> {
        self.phase = Phase::Leaving(next);
        Step::AskForMore
    }

    fn go_on(&mut self, idle: &Idle<W>, next: Next, order: Order) -> Step<W> {
        match next {
            Next::Run => Step::Run,
            Next::Begin => self.begin(idle, order),
        }
    }
}
