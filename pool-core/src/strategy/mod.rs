//! For authors of strategies: the two traits of a strategy, and parts to build one from.
//!
//! A *strategy* decides where waiting items lie and which item a worker takes next. It knows no threads, no clocks, no
//! sleeping, and not what an item is: it is generic over `T`. That is why the same code runs under OS threads, under a
//! model checker, in a simulator with virtual time, and against an oracle that uses plain integers.
//!
//! | half | called by | what it is |
//! |---|---|---|
//! | [`Scheduler`] | any thread, through `&self` | what all workers share |
//! | [`Worker`] | one thread at a time, through `&mut self` | what one worker owns: its deque, its random state |
//!
//! # The whole of a strategy
//!
//! The shipped strategies differ from this one in where items lie, not in what they must know.
//!
#![doc = "```"]
#![doc = include_str!("toy.rs")]
#![doc = "let pool = Pool::new();"]
#![doc = "assert_eq!(pool.install(|| 2 + 2), 4);"]
#![doc = "```"]
//!
//! # The laws
//!
//! `pool-conformance` checks each of these for any strategy with one line.
//!
//! 1. **Exactly once.** Each item given to [`inject`](Scheduler::inject) or [`push`](Worker::push) comes out of
//!    [`next`](Worker::next) or [`try_next`](Worker::try_next) of some worker exactly once, or out of
//!    [`take_all`](Scheduler::take_all), under any interleaving with attaching and retiring.
//! 2. **Nothing hides.** A call of `next` sees each item whose `push` or `inject` happened before it, whichever thread
//!    pushed the item and whatever that thread does now, unless another worker took the item.
//! 3. **`is_empty` agrees.** It says `true` only if, at some moment of the call, each place was seen empty, and sees every
//!    item that law 2 lets `next` see.
//! 4. **The order contract** is the strategy's own and stands in its docs.
//! 5. **Retiring loses nothing.** What a worker still held goes back to the scheduler, also if the worker is dropped
//!    without [`retire`](Worker::retire).
//! 6. **Determinism.** On one thread, the same calls with the same seeds hand out the same items.
//!
//! # Hints
//!
//! A submitter may say something about an item, a [`Hint`](Scheduler::Hint): its priority, its deadline. `None` means
//! that the submitter said nothing, and the strategy decides:
//!
//! - [`inject`](Scheduler::inject) gets `None` for a plain submission from outside. A strategy with urgency treats it as
//!   ordinary, never as the most urgent by accident.
//! - [`push`](Worker::push) gets `None` for a task that is submitted by the task running on this worker, and for a part
//!   of that task (a fork of a `join`, a share of a loop, a ticket for the tasks of a scope). A strategy with urgency
//!   gives it the urgency of the item that it last handed out here: children inherit.
//!
//! # Admission under a lock
//!
//! The pool decides whether an item from outside may come in, and counts it. In general that takes an atomic
//! read-modify-write. A strategy whose `inject` holds a lock can save it: it overrides
//! [`inject_if`](Scheduler::inject_if), takes the lock, and asks [`under`](Asking::under) it. The lock orders the count with
//! the closing of the pool, because the pool goes through the very same method when it closes, with an answer that is
//! [`Closed`](Admit::Closed). There is no second half to forget. The one lock must serve all calls of `inject_if`; a hint
//! cannot select it, since the hint comes with the answer.
//!
//! A refused item never enters the strategy, so the pool does not depend on the strategy to give it back.
//!
//! # Order that a lock gives
//!
//! A submitter and a worker that falls asleep must not overlook each other: the submitter publishes an item and then reads
//! how many workers sleep; the worker announces that it sleeps and then looks for items once more. In general each needs a
//! full fence in between, one for each submission. Where both go through one lock, the lock has ordered them already: either
//! the look comes later and sees the item, or the submission comes later and sees the announcement. A strategy that can
//! promise this says so with [`inject_is_ordered`](Scheduler::inject_is_ordered) and
//! [`push_is_ordered`](Worker::push_is_ordered), and its items are published without a fence.
//!
//! # If a strategy panics
//!
//! It should not, but foreign code in it may (a key's `Ord`, say). A strategy must stay intact then. A panic in
//! `inject`, `inject_if` or `push` unwinds to the submitter. A task that the strategy has dropped then counts as
//! [lost](crate::Metrics::lost); one that it has kept is handed out later like any other. A panic on a worker that looks for items, or while the pool closes, goes to the panic handler.
//!
//! # What 1.0 will not promise
//!
//! [`chunks`] and [`shared_queue`] are the parts that the shipped strategies are built from. They are public so that other
//! strategies can use them and so that they can be read, but their shape follows measurements: they are exempt from
//! semantic versioning. Pin the exact version of this crate if you build on them.

mod admission;
pub mod chunks;
pub mod shared_queue;

pub use admission::{Admit, Asking, Eviction, LockGuard};

use std::sync::Arc;

/// The shared half of a strategy: what every worker and every outside thread can reach.
///
/// All methods may be called from any thread at any time. One scheduler serves one pool: a pool's items mean nothing to
/// the workers of another.
pub trait Scheduler<T: Send>: Send + Sync + Sized {
    /// What a submitter may say about an item, for example its priority. A strategy without hints uses `()`.
    type Hint: Clone + Send;

    /// The half that one worker owns.
    type Worker: Worker<T, Hint = Self::Hint>;

    /// Adds a worker. `seed` is the only source of randomness that the worker may use.
    ///
    /// May be called at any time, also while other threads push and take.
    fn attach(self: &Arc<Self>, seed: u64) -> Self::Worker;

    /// Accepts an item from outside. Never blocks for long and never refuses: admission is the pool's business.
    ///
    /// A thread that owns a worker may call it, too, even while a call on that worker is under way: the pool does so
    /// when the strategy's own code submits a task.
    fn inject(&self, item: T, hint: Option<Self::Hint>);

    /// Whether no item waits anywhere, workers' own places included (law 3).
    ///
    /// The pool asks when a searching worker has found something, to learn whether to wake another. So it should cost
    /// no more than a look at each place.
    fn is_empty(&self) -> bool;

    /// As [`inject`](Self::inject) for an item that the pool must admit first: calls `admit` once, and accepts the item that
    /// comes with [`Admit::Yes`]. There is nothing to do for any other answer.
    ///
    /// Override it where `inject` takes a lock, to ask [under that lock](Asking::under).
    fn inject_if(&self, admit: impl FnOnce(Asking<'_>) -> Admit<T, Self::Hint>) {
        if let Admit::Yes(item, hint) = admit(Asking::unlocked()) {
            self.inject(item, hint);
        }
    }

    /// Accepts many items with one hint, in their order. Override it where publishing once is cheaper than publishing
    /// each.
    ///
    /// If the iterator panics, what it gave before stays accepted.
    fn inject_batch(&self, items: impl Iterator<Item = T>, hint: Option<Self::Hint>) {
        for item in items {
            self.inject(item, hint.clone());
        }
    }

    /// Whether [`evict`](Self::evict) can do this. The answer is the same each time.
    fn can_evict(&self, _which: Eviction) -> bool {
        false
    }

    /// Takes one waiting item out, from any thread, to make room in a full pool for an item with the hint `incoming`. `None`
    /// if there is none of the kind. With it comes the hint with which [`inject`](Self::inject) puts it back among its like:
    /// the pool does that with what must not be dropped.
    fn evict(&self, _which: Eviction, _incoming: Option<&Self::Hint>) -> Option<(T, Option<Self::Hint>)> {
        None
    }

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

    /// Whether each [`inject`](Self::inject) and [`inject_if`](Self::inject_if) is ordered with each *promise of emptiness*,
    /// which is a call of [`next`](Worker::next) that returns `None` or of [`is_empty`](Self::is_empty) that returns `true`:
    /// either that call comes after the item was put away, and sees it unless a worker has taken it; or all that the calling
    /// thread did before the call happens before the return of `inject`.
    ///
    /// That is so if `inject` puts the item away under a lock which every promise of emptiness takes, too; a look at a
    /// flag beside the lock is not enough. [`try_next`](Worker::try_next) promises nothing. `false` is always right.
    ///
    /// The answer is the same each time.
    #[inline(always)]
    fn inject_is_ordered(&self) -> bool {
        false
    }
}

/// The half of a strategy that one worker owns.
///
/// The pool calls it from one thread at a time and never re-enters it. It may move between threads between calls.
pub trait Worker<T: Send>: Send {
    /// The same as [`Scheduler::Hint`].
    type Hint;

    /// Accepts an item from the thread that owns this worker. Without a hint, a strategy with urgency gives it that of
    /// the item last handed out here.
    ///
    /// Another worker must be able to take it from now on, even if this one never calls [`next`](Self::next) again
    /// (law 2): the pusher may block right after.
    fn push(&mut self, item: T, hint: Option<Self::Hint>);

    /// The next item for this worker by the strategy's order, from wherever it lies.
    ///
    /// `None` is a promise, since a worker goes to sleep on it: each place where an item can lie was seen empty during the
    /// call (law 2). A race lost to another worker is a reason to look again, not to return `None`.
    fn next(&mut self) -> Option<T>;

    /// Like [`next`](Self::next), but bounded: may come back with `None` after a lost race or a cheap look. Workers call
    /// it in their hot loop and call `next` before they sleep.
    #[inline(always)]
    fn try_next(&mut self) -> Option<T> {
        self.next()
    }

    /// Leaves. What this worker still held goes back to the scheduler (law 5). The default drops the worker: a worker that
    /// holds items gives them back in its `Drop`.
    fn retire(self)
    where
        Self: Sized,
    {
    }

    /// Whether each [`push`](Self::push) is ordered with each promise of emptiness, as in
    /// [`inject_is_ordered`](Scheduler::inject_is_ordered).
    #[inline(always)]
    fn push_is_ordered(&self) -> bool {
        false
    }
}
