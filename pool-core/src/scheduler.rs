//! The contract between a pool and a strategy: [`Scheduler`] and [`Worker`].
//!
//! A *strategy* decides where waiting items lie and which item a worker takes next. It knows no threads, no clocks, no
//! sleeping, and not what an item is: it is generic over `T`. That is why the same code runs under OS threads, under a
//! model checker, in a simulator with virtual time, and against an oracle that uses plain integers.
//!
//! | half | who calls it | what it is |
//! |---|---|---|
//! | [`Scheduler`] | any thread, through `&self` | what all workers share |
//! | [`Worker`] | one thread at a time, through `&mut self` | what one worker owns: its deque, its random state |
//!
//! # The laws
//!
//! `pool-conformance` checks each of these for any strategy with one line.
//!
//! 1. **Exactly once.** Each item given to [`inject`](Scheduler::inject) or [`push`](Worker::push) comes out of
//!    [`next`](Worker::next) or [`try_next`](Worker::try_next) of some worker exactly once, or out of
//!    [`take_all`](Scheduler::take_all), under any interleaving with attaching and retiring.
//! 2. **Nothing hides.** An item whose `push` or `inject` happened before a call of `next` is seen by it, whoever pushed it
//!    and whatever the pusher does now, unless another worker took it.
//! 3. **`is_empty` agrees.** It says `true` only if, at some moment of the call, each place was seen empty, and sees every
//!    item that law 2 lets `next` see.
//! 4. **The order contract** is the strategy's own and stands in its docs.
//! 5. **Retiring loses nothing.** What a worker still held goes back to the scheduler, also if the worker is dropped
//!    without [`retire`](Worker::retire).
//! 6. **Determinism.** On one thread, the same calls with the same seeds hand out the same items.
//!
//! # Order that a lock gives
//!
//! A submitter and a worker that falls asleep must not overlook each other: one publishes an item and then asks who sleeps,
//! the other says that it sleeps and then looks for items once more. In general each needs a full fence in between, one for
//! each submission. Where both go through one lock, it has ordered them already: the look comes later and sees the item, or
//! the submission comes later and sees what was said. A strategy that can promise this says so with
//! [`INJECT_IS_ORDERED`](Scheduler::INJECT_IS_ORDERED) and [`PUSH_IS_ORDERED`](Worker::PUSH_IS_ORDERED), and its items are
//! published without a fence.
//!
//! # If a strategy panics
//!
//! It should not, but foreign code in it may (a key's `Ord`, say). A strategy must stay whole then. A panic in `inject`
//! or `push` unwinds to the submitter, and the pool counts the task as cancelled: the strategy must have dropped it. A
//! panic on a worker that looks for items goes to the panic handler, and the worker looks again.

use std::sync::Arc;

/// The pool's word on an item from outside: it may come in, and is counted then, or the pool has been closed.
///
/// What implements it is the pool, or a test. A strategy hands it on in [`Scheduler::inject_if`], and asks once for each item.
pub trait Admission {
    /// Whether the item may come in.
    fn ask(self) -> bool;

    /// The same for less, without an atomic read-modify-write: under a lock that all such calls of one scheduler hold, one
    /// at a time, and that [`Scheduler::pass`] takes.
    fn ask_alone(self) -> bool;
}

/// The shared half of a strategy: what every worker and every outside thread can reach.
///
/// All methods may be called from any thread at any time. One scheduler serves one pool: a pool's items mean nothing to
/// the workers of another.
pub trait Scheduler<T: Send>: Send + Sync + Sized {
    /// What a submitter may say about an item, for example its priority. The default hint is what plain submissions get.
    /// A strategy without hints uses `()`.
    type Hint: Clone + Default + Send;

    /// The half that one worker owns.
    type Worker: Worker<T, Hint = Self::Hint>;

    /// Whether each [`inject`](Self::inject) and [`inject_if`](Self::inject_if) is ordered with each *promise of emptiness*,
    /// which is a call of [`next`](Worker::next) that returns `None` or of [`is_empty`](Self::is_empty) that returns `true`:
    /// either that call comes after the item was put away, and sees it unless somebody has taken it; or all that the calling
    /// thread did before the call happens before the return of `inject`.
    ///
    /// That is so if `inject` puts the item away under a lock which every promise of emptiness takes, too; a look at a flag
    /// beside the lock does not do. [`try_next`](Worker::try_next) promises nothing. `false` is always right.
    const INJECT_IS_ORDERED: bool = false;

    /// Adds a worker. `seed` is the only source of randomness that the worker may use.
    ///
    /// May be called at any time, also while others push and take.
    fn attach(self: &Arc<Self>, seed: u64) -> Self::Worker;

    /// Accepts an item from outside. Never blocks for long and never refuses: [admission](Admission) is the pool's business.
    ///
    /// A thread that owns a worker may call it, too, even while a call on that worker is under way: the pool does so
    /// when the strategy's own code submits a task.
    fn inject(&self, item: T, hint: Self::Hint);

    /// As [`inject`](Self::inject) if the pool admits the item, or else gives it back.
    ///
    /// Override it where `inject` takes a lock, to [ask under that lock](Admission::ask_alone); and then [`pass`](Self::pass), too.
    ///
    /// # Errors
    /// With the item, if it is not admitted.
    fn inject_if(&self, item: T, hint: Self::Hint, admission: impl Admission) -> Result<(), T> {
        if !admission.ask() {
            return Err(item);
        }
        self.inject(item, hint);
        Ok(())
    }

    /// Takes the lock under which this strategy [asks alone](Admission::ask_alone), and gives it up: whoever was being asked
    /// has his answer then, and whoever is asked later finds the pool as it is now. The pool calls it when it has been closed.
    ///
    /// Nothing to do for a strategy that never asks alone.
    fn pass(&self) {}

    /// Accepts many items with one hint, in their order. Override it where publishing once is cheaper than publishing
    /// each.
    ///
    /// If the iterator panics, what it gave before stays accepted.
    fn inject_batch(&self, items: impl Iterator<Item = T>, hint: Self::Hint) {
        for item in items {
            self.inject(item, hint.clone());
        }
    }

    /// Whether no item waits anywhere, workers' own places included (law 3).
    ///
    /// The pool asks when a searching worker has found something, to learn whether to wake another; and a worker that has seen
    /// nothing but a chain of tiny tasks asks a few times, and naps on a `true` as it would sleep on the `None` of
    /// [`next`](Worker::next). So it should cost no more than a look at each place.
    fn is_empty(&self) -> bool;

    /// Takes every waiting item out, in the order in which one worker would get them, and hands each to `sink`.
    ///
    /// Items that are pushed while it runs may or may not be among them. The pool calls it at `shutdown_now`, from the
    /// caller's thread and from idle workers at the same time.
    fn take_all(self: &Arc<Self>, mut sink: impl FnMut(T)) {
        let mut worker = self.attach(0);
        while let Some(item) = worker.next() {
            sink(item);
        }
        worker.retire();
    }
}

/// The half of a strategy that one worker owns.
///
/// The pool calls it from one thread at a time and never re-enters it. It may move between threads between calls.
pub trait Worker<T: Send>: Send {
    /// The same as [`Scheduler::Hint`].
    type Hint;

    /// Whether each [`push`](Self::push) is ordered with each promise of emptiness, as in
    /// [`INJECT_IS_ORDERED`](Scheduler::INJECT_IS_ORDERED).
    const PUSH_IS_ORDERED: bool = false;

    /// Accepts an item from the thread that owns this worker.
    ///
    /// Another worker must be able to take it from now on, even if this one never calls [`next`](Self::next) again
    /// (law 2): the pusher may block right after.
    fn push(&mut self, item: T, hint: Self::Hint);

    /// Accepts an item that is a part of the work already running on this worker (a fork of a `join`, a share of a
    /// loop, a ticket for the tasks of a scope) rather than new work. A strategy with urgency gives it that of the item
    /// last handed out here.
    fn push_part(&mut self, item: T)
    where
        Self::Hint: Default,
    {
        self.push(item, Self::Hint::default());
    }

    /// The next item for this worker by the strategy's order, from wherever it lies.
    ///
    /// `None` is a promise, since a worker goes to sleep on it: each place where an item can lie was seen empty during the
    /// call (law 2). A race lost to another worker is a reason to look again, not to return `None`.
    fn next(&mut self) -> Option<T>;

    /// Like [`next`](Self::next), but bounded: may come back with `None` after a lost race or a cheap look. Workers call
    /// it in their hot loop and call `next` before they sleep.
    fn try_next(&mut self) -> Option<T> {
        self.next()
    }

    /// Leaves. What this worker still held goes back to the scheduler (law 5).
    fn retire(self)
    where
        Self: Sized;
}
