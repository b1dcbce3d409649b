//! [`Context`]: what code that runs on a worker can reach through its thread, without holding the pool.

use super::crew::{Crew, Uncount};
use super::inject::Inject;
use super::seat::Seat;
use crate::idle::Published;
use crate::offers::credit::Account;
use crate::offers::shard::Maker;
use crate::offers::stock::ForkStack;
use crate::sync::thread_local;
use crate::task::payload::Payload;
use crate::task::{Outcome, Task, TaskVtable};
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// A worker's own half of the strategy, whichever that is.
pub(crate) trait Queue {
    /// Accepts a task, or a part of the work that runs here, without a hint. It comes in its parts, which are passed in
    /// registers: see `task/payload.rs` on moves.
    ///
    /// # Safety
    /// The parts come from one call of [`Task::into_raw`], and this call gives them away.
    unsafe fn push(&self, vtable: &'static TaskVtable, payload: Payload) -> Published;
    /// Whether the strategy has hints, and so may give one item another urgency than another.
    fn has_hints(&self) -> bool;
    /// Whether `hint` is an `Option` of the strategy's hints.
    fn takes(&self, hint: &dyn Any) -> bool;
    /// Accepts a task with a hint that the strategy [takes](Self::takes).
    fn push_hinted(&self, task: Task, hint: &dyn Any) -> Published;
    /// The shared half.
    fn shared(&self) -> NonNull<dyn Inject>;
}

/// The worker that this thread is.
pub(crate) struct Context {
    crew: Arc<Crew>,
    seat: Arc<Seat>,
    /// The number of the thread among all that the pool has started.
    number: u64,
    forks: ForkStack,
    account: Account,
    queue: NonNull<dyn Queue>,
}

thread_local! {
    static CURRENT: Cell<*const Context> = const { Cell::new(ptr::null()) };
}

impl Context {
    /// Makes this thread, the pool's `number`-th, the worker on `seat` while `f` runs.
    ///
    /// # Safety
    /// `queue` is valid until `f` has returned.
    pub(crate) unsafe fn enter<R>(
        crew: Arc<Crew>,
        seat: Arc<Seat>,
        number: u64,
        queue: NonNull<dyn Queue>,
        f: impl FnOnce(&Self) -> R,
    ) -> R {
        struct Leave;
        impl Drop for Leave {
            fn drop(&mut self) {
                ForkStack::leave();
                let _ = CURRENT.try_with(|current| current.set(ptr::null()));
            }
        }
        let context = Self { crew, seat, number, forks: ForkStack::default(), account: Account::new(), queue };
        CURRENT.with(|current| current.set(&raw const context));
        ForkStack::enter(&context.seat.board);
        let _leave = Leave;
        f(&context)
    }

    /// Calls `f` with the worker that this thread is, if it is one.
    #[inline(always)]
    pub(crate) fn with<R>(f: impl FnOnce(Option<&Self>) -> R) -> R {
        let current = CURRENT.try_with(Cell::get).unwrap_or(ptr::null());
        // SAFETY: set by `enter` for as long as the context lives on this thread's stack, below the caller.
        f(unsafe { current.as_ref() })
    }

    /// Calls `f` with the worker that this thread is, if it belongs to `crew`.
    #[inline(always)]
    pub(crate) fn with_of<R>(crew: &Crew, f: impl FnOnce(Option<&Self>) -> R) -> R {
        Self::with(|context| f(context.filter(|context| ptr::eq(&*context.crew, crew))))
    }

    /// This worker's forks.
    pub(crate) fn forks(&self) -> &ForkStack {
        &self.forks
    }

    /// This worker's credit with a scope.
    #[inline(always)]
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    #[inline(always)]
    pub(crate) fn seat(&self) -> &Seat {
        &self.seat
    }

    #[inline(always)]
    pub(crate) fn crew(&self) -> &Crew {
        &self.crew
    }

    /// The worker's half of the strategy.
    #[inline(always)]
    pub(crate) fn queue(&self) -> &dyn Queue {
        // SAFETY: valid as long as the context exists, by the contract of `enter`.
        unsafe { self.queue.as_ref() }
    }

    /// The run of the task in hand, as the maker of tickets.
    pub(crate) fn maker(&self) -> Maker {
        if self.queue().has_hints() { Maker::new(self.number, self.forks.task()) } else { Maker::ANY }
    }

    /// Counts a new task of this worker's, pushes it and wakes a sleeper for it if one is needed.
    #[inline(always)]
    pub(crate) fn submit(&self, task: Task) {
        let (vtable, payload) = task.into_raw();
        // SAFETY: from `into_raw`, just now.
        self.submit_by(|| unsafe { self.queue().push(vtable, payload) });
    }

    /// Counts a new task, calls `push`, which makes it visible, and wakes a sleeper for it if one is needed.
    // Always, as `submit`: `push` holds a task, see `task/payload.rs` on moves.
    #[inline(always)]
    pub(crate) fn submit_by(&self, push: impl FnOnce() -> Published) {
        self.seat.tally.submit(1);
        let lost = Cell::new(1);
        let uncount = Uncount { crew: &self.crew, lost: &lost };
        let published = push();
        std::mem::forget(uncount);
        self.crew.notify(published);
    }

    /// As [`submit_by`](Self::submit_by) for many tasks, with one wave of wakes.
    pub(crate) fn submit_many(&self, tasks: Vec<Task>, push: impl Fn(Task) -> Published) {
        let n = tasks.len();
        self.seat.tally.submit(n as u64);
        let lost = Cell::new(n);
        let uncount = Uncount { crew: &self.crew, lost: &lost };
        for task in tasks {
            // `notify_many` has the fence for all.
            let (Published::Plainly | Published::Ordered) = push(task);
            lost.set(lost.get() - 1);
        }
        std::mem::forget(uncount);
        self.crew.notify_many(n);
    }

    /// Pushes a part of the running work, which is not a task of its own, and wakes a sleeper for it if one is needed.
    ///
    /// # Errors
    /// If the strategy panicked: the part is gone, its owner still has what it stood for, and the panic has been reported.
    pub(crate) fn submit_part(&self, part: Task) -> Result<(), ()> {
        let (vtable, payload) = part.into_raw();
        // SAFETY: from `into_raw`, just now.
        let pushed = catch_unwind(AssertUnwindSafe(|| unsafe { self.queue().push(vtable, payload) }));
        self.crew.notify(Published::Plainly);
        pushed.map(drop).map_err(|payload| self.crew.report_panic(payload))
    }

    /// Runs a task of this pool here, outside its turn, and counts it. `run` is given the pool's identity and returns `None`
    /// if there is nothing to run after all.
    // Always: `run` holds a task, see `task/payload.rs` on moves.
    #[inline(always)]
    pub(crate) fn run_now(&self, run: impl FnOnce(usize) -> Option<Outcome>) -> bool {
        let outcome = run(self.crew.id());
        if let Some(outcome) = outcome {
            self.seat.tally.start();
            self.seat.tally.end(outcome);
            // What it leaves in the queue makes no room when a worker comes to it.
            self.crew.room_freed();
        }
        outcome.is_some()
    }
}
