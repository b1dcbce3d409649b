//! [`Context`]: what code that runs on a worker can reach through its thread, without holding the pool.

use crate::cell::{self, Kind};
use crate::core::Core;
use crate::error::{Rejected, Rejection};
use crate::fork::ForkStack;
use crate::handle::JoinHandle;
use crate::idle::Published;
use crate::payload::Payload;
use crate::scope::Account;
use crate::seat::Seat;
use crate::sync::thread_local;
use crate::task::{Outcome, Task, TaskVtable};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// A worker's own half of the strategy, whichever that is.
pub(crate) trait Queue {
    /// Accepts a new task, with the default hint. It comes in its parts, which are passed in registers: see `payload.rs` on
    /// moves.
    ///
    /// # Safety
    /// The parts come from one call of [`Task::into_raw`], and this call gives them away.
    unsafe fn push(&self, vtable: &'static TaskVtable, payload: Payload) -> Published;
    /// Accepts a part of the work that runs here.
    fn push_part(&self, task: Task);
    /// The shared half.
    fn shared(&self) -> NonNull<dyn Inject>;
}

/// The shared half of a strategy, whichever that is.
pub(crate) trait Inject: Send + Sync {
    /// Accepts the ticket of a scope's shard from a thread that is none of the pool's workers. Never refuses: the scope's
    /// owner runs, so the pool has not ended.
    ///
    /// # Errors
    /// If the strategy panicked: the ticket is gone, and the panic has been reported.
    fn inject_ticket(&self, ticket: Task) -> Result<(), ()>;
}

/// The worker that this thread is.
pub(crate) struct Context {
    core: Arc<Core>,
    seat: Arc<Seat>,
    forks: ForkStack,
    account: Account,
    queue: NonNull<dyn Queue>,
    /// The last task that submitted one which may wait for this worker.
    left_by: Cell<u64>,
}

thread_local! {
    static CURRENT: Cell<*const Context> = const { Cell::new(ptr::null()) };
}

impl Context {
    /// Makes this thread the worker on `seat` while `f` runs.
    ///
    /// # Safety
    /// `queue` is valid until `f` has returned.
    pub(crate) unsafe fn enter<R>(
        core: Arc<Core>,
        seat: Arc<Seat>,
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
        let context =
            Self { core, seat, forks: ForkStack::default(), account: Account::new(), queue, left_by: Cell::new(0) };
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

    /// Calls `f` with the worker that this thread is, if it belongs to `core`.
    #[inline(always)]
    pub(crate) fn with_of<R>(core: &Core, f: impl FnOnce(Option<&Self>) -> R) -> R {
        Self::with(|context| f(context.filter(|context| ptr::eq(&*context.core, core))))
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
    pub(crate) fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }

    #[inline(always)]
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// The worker's half of the strategy.
    #[inline(always)]
    pub(crate) fn queue(&self) -> &dyn Queue {
        // SAFETY: valid as long as the context exists, by the contract of `enter`.
        unsafe { self.queue.as_ref() }
    }

    /// Counts a new task of this worker's, pushes it and wakes somebody for it.
    #[inline]
    pub(crate) fn submit(&self, task: Task) {
        let (vtable, payload) = task.into_raw();
        // SAFETY: from `into_raw`, just now.
        self.submit_by(true, || unsafe { self.queue().push(vtable, payload) });
    }

    /// Counts a new task, calls `push`, which makes it visible, and wakes somebody. One that `may_wait` for this worker, if it is
    /// the first of the task in hand, may be left to whoever naps.
    #[inline]
    pub(crate) fn submit_by(&self, may_wait: bool, push: impl FnOnce() -> Published) {
        /// The strategy panicked (a user's `Ord`, say) and dropped the task: it must not be waited for.
        struct Uncount<'a>(&'a Seat);
        impl Drop for Uncount<'_> {
            #[cold]
            fn drop(&mut self) {
                self.0.tally.start();
                self.0.tally.end(Outcome::Cancelled);
            }
        }
        self.seat.tally.submit(1);
        let uncount = Uncount(&self.seat);
        let published = push();
        std::mem::forget(uncount);
        // The first is what this worker runs next, most likely. With a second one there is enough for two.
        let is_first = || {
            let task = self.forks.task();
            self.left_by.replace(task) != task
        };
        self.core.idle.notify_of_own(published, || may_wait && is_first());
    }

    /// Pushes a part of the running work, which is no task of its own, and wakes somebody for it.
    ///
    /// # Errors
    /// If the strategy panicked: the part is gone, its owner still has what it stood for, and the panic has been reported.
    pub(crate) fn submit_part(&self, part: Task) -> Result<(), ()> {
        let pushed = catch_unwind(AssertUnwindSafe(|| self.queue().push_part(part)));
        self.announce();
        pushed.map_err(|payload| self.core.report_panic(payload))
    }

    /// Wakes somebody for a part that has become visible.
    pub(crate) fn announce(&self) {
        self.core.idle.notify(Published::Plainly);
    }

    /// Runs a task of this pool here, outside its turn, and counts it. `run` is given the pool's identity and returns `None`
    /// if there is nothing to run after all.
    // Always: `run` holds a task, see `payload.rs` on moves.
    #[inline(always)]
    pub(crate) fn run_now(&self, run: impl FnOnce(usize) -> Option<Outcome>) -> bool {
        let outcome = run(self.core.id());
        if let Some(outcome) = outcome {
            self.seat.tally.start();
            self.seat.tally.end(outcome);
        }
        outcome.is_some()
    }
}

/// Runs `f` on the pool whose worker this thread is, without holding the pool. See [`Pool::execute`](crate::Pool::execute).
///
/// # Panics
/// If this thread is no worker. [`try_execute`] returns an error instead.
pub fn execute<F: FnOnce() + Send + 'static>(f: F) {
    if let Err(rejected) = try_execute(f) {
        panic!("{rejected}");
    }
}

/// Like [`execute`].
///
/// # Errors
/// With the closure, if this thread is no worker.
pub fn try_execute<F: FnOnce() + Send + 'static>(f: F) -> Result<(), Rejected<F>> {
    Context::with(|context| match context {
        Some(context) => {
            context.submit(Task::from_closure(f));
            Ok(())
        }
        None => Err(Rejected::new(f, Rejection::NoWorker)),
    })
}

/// Runs `f` on the pool whose worker this thread is and returns the right to its result. See
/// [`Pool::spawn`](crate::Pool::spawn).
///
/// # Panics
/// If this thread is no worker. [`try_spawn`] returns an error instead.
pub fn spawn<F, R>(f: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    match try_spawn(f) {
        Ok(handle) => handle,
        Err(rejected) => panic!("{rejected}"),
    }
}

/// Like [`spawn`].
///
/// # Errors
/// With the closure, if this thread is no worker.
pub fn try_spawn<F, R>(f: F) -> Result<JoinHandle<R>, Rejected<F>>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    Context::with(|context| match context {
        Some(context) => {
            // SAFETY: closure and result are `'static`.
            let (task, holder) = unsafe { cell::new(context.core.id(), Kind::Owned, f) };
            context.submit(task);
            Ok(JoinHandle::new(holder))
        }
        None => Err(Rejected::new(f, Rejection::NoWorker)),
    })
}

/// The number of the worker that this thread is, from 0, in its pool; `None` elsewhere.
pub fn current_worker() -> Option<usize> {
    Context::with(|context| context.map(|context| context.seat.index()))
}
