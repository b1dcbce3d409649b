//! A [`Task`]: one unit of work as the strategies see it, small enough to lie in a queue by value.
//!
//! ```text
//! ┌────────────┬──────────────────────────┐
//! │ vtable (8) │ payload (2 words)        │
//! └────────────┴──────────────────────────┘
//! ```
//!
//! The payload is the closure itself if it fits, else one pointer to wherever the work lies: a box, the shared cell of a
//! [`JoinHandle`](crate::JoinHandle), a slot of a worker's board. A closure of up to two words therefore costs no
//! allocation, which matters because a block that is allocated on one core and freed on another costs several times the
//! queue operation.

pub(crate) mod cell;
pub(crate) mod payload;
pub(crate) mod token;
pub(crate) mod wait;

use crate::error::{CancelReason, panic};
use payload::Payload;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind, resume_unwind};

/// How one run of a task ended, for the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Outcome {
    /// User code ran to its end.
    Completed,
    /// User code panicked; the handle, the scope or the panic handler has the payload.
    Panicked,
    /// The task had been cancelled before it could start. To be counted here, since this is where it leaves the queue.
    Cancelled,
    /// The deadline had passed before the task could start.
    Expired,
    /// Nothing to do here: what the task stood for was run or accounted for elsewhere.
    Void,
}

impl Outcome {
    /// That of a task that unwound with this payload.
    pub(crate) fn unwound(payload: &panic::Payload) -> Self {
        match panic::unstarted(payload.as_ref()) {
            None => Self::Panicked,
            Some(CancelReason::Cancelled) => Self::Cancelled,
            Some(CancelReason::DeadlinePassed) => Self::Expired,
        }
    }
}

/// What becomes of a task that is taken out of its pool unrun, for the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Withdrawal {
    /// It goes back to the user.
    Returned,
    /// It ends here: it had been cancelled, or dropping it tells its waiter so.
    Cancelled,
    /// Nothing to count: what the task stands for is run or accounted for elsewhere.
    Void,
}

/// What was discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Discarded {
    /// A task that could have run.
    Task,
    /// What a cancelled task had left in the queue.
    Shell,
    /// Nothing to count: what it stood for is run or accounted for elsewhere.
    Void,
}

/// What a task stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskKind {
    /// A closure, or the cell of one.
    Work,
    /// The same, and a thread outside the pool waits for it and will not go on before it has run.
    Awaited,
    /// A poll of a future, by a worker of its pool.
    Turn,
    /// What lies in a slot of a worker's board.
    ForkTicket,
    /// The tasks of a scope's shard.
    ScopeTicket,
}

/// What a kind of task can do with its payload.
pub(crate) struct TaskVtable {
    pub(crate) kind: TaskKind,
    /// Runs the task and consumes the payload. May unwind only out of user code, with the payload consumed.
    ///
    /// It is given the identity of the pool whose worker runs it, or 0 elsewhere: a strategy may have carried the task
    /// to a place that outlives its pool. A task that needs its pool does nothing there.
    ///
    /// # Safety
    /// The payload was made for this vtable and is not used again.
    pub(crate) run: unsafe fn(Payload, usize) -> Outcome,
    /// Discards a task that will not be run and consumes the payload. Returns what that means for the ledger of a pool
    /// whose queue held it; if user code unwinds out of it, the task ended with this call.
    ///
    /// # Safety
    /// As for `run`.
    pub(crate) discard: unsafe fn(Payload) -> Discarded,
    /// Decides what becomes of a task that leaves its pool unrun. If it goes back to the user, and a worker claims it
    /// nevertheless, the pool does not count it again. May be called again.
    ///
    /// # Safety
    /// The payload was made for this vtable.
    pub(crate) withdraw: unsafe fn(&Payload) -> Withdrawal,
}

/// A unit of work in the queue of a pool.
///
/// Users meet it in two places: as the item type of a strategy in a pool, and as what
/// [`Pool::shutdown_now`](crate::Pool::shutdown_now) hands back. Dropping a `Task` drops its closure unrun; a
/// [`JoinHandle`](crate::JoinHandle) to it then reports that it was cancelled.
pub struct Task {
    vtable: &'static TaskVtable,
    payload: Payload,
}

// SAFETY: every constructor takes work that is `Send`: `from_closure` by its bound, `from_raw` by its contract.
unsafe impl Send for Task {}

impl Task {
    /// A task that runs `f`. Allocates only if `f` is larger than two words or wants more than their alignment.
    #[inline(always)]
    pub(crate) fn from_closure<F: FnOnce() + Send + 'static>(f: F) -> Self {
        Self { vtable: &Closure::<F>::VTABLE, payload: Payload::closure(f) }
    }

    /// The closure of a task that was made from an `F`.
    ///
    /// # Safety
    /// The task came from `from_closure::<F>`.
    pub(crate) unsafe fn into_closure<F: FnOnce() + Send + 'static>(self) -> F {
        let this = ManuallyDrop::new(self);
        // SAFETY: `from_closure` made the payload from an `F`, and `this` is never used or dropped after.
        unsafe { this.payload.into_closure::<F>() }
    }

    /// A task of another kind.
    ///
    /// # Safety
    /// - `payload` is what `vtable` expects, or both come from [`into_raw`](Self::into_raw); this call gives it away.
    /// - What the task stands for may be run or discarded on any thread, at any later time.
    #[inline]
    pub(crate) unsafe fn from_raw(vtable: &'static TaskVtable, payload: Payload) -> Self {
        Self { vtable, payload }
    }

    /// The parts of a task, to be put together again by [`from_raw`](Self::from_raw). Until then it is not dropped.
    #[must_use]
    #[inline(always)]
    pub(crate) fn into_raw(self) -> (&'static TaskVtable, Payload) {
        let this = ManuallyDrop::new(self);
        (this.vtable, this.payload)
    }

    /// Runs the task, here and now, on this thread. A panic in it unwinds out of this call unless a handle takes it.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::builder().workers(1).build()?;
    /// pool.execute(|| println!("by a worker, or below"));
    /// for task in pool.shutdown_now()? {
    ///     task.run();
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run(self) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.run_raw(0))) {
            // A task whose token has ended does nothing.
            if Outcome::unwound(&payload) == Outcome::Panicked {
                resume_unwind(payload);
            }
        }
    }

    #[inline]
    fn run_raw(self, pool: usize) -> Outcome {
        let this = ManuallyDrop::new(self);
        // SAFETY: the payload belongs to this vtable, and `this` is never used or dropped after.
        unsafe { (this.vtable.run)(this.payload, pool) }
    }

    /// Runs the task for a worker of `pool`: a panic of a task that has no handle goes to `report`.
    #[inline(always)]
    pub(crate) fn run_guarded(self, pool: usize, report: impl FnOnce(panic::Payload)) -> Outcome {
        match catch_unwind(AssertUnwindSafe(|| self.run_raw(pool))) {
            Ok(outcome) => outcome,
            Err(payload) => {
                let outcome = Outcome::unwound(&payload);
                if outcome == Outcome::Panicked {
                    report(payload);
                }
                outcome
            }
        }
    }

    /// What the task stands for.
    #[inline]
    pub(crate) fn kind(&self) -> TaskKind {
        self.vtable.kind
    }

    /// Drops the task unrun, and says what that means for the ledger of the pool whose queue held it.
    pub(crate) fn discard(self) -> Discarded {
        let this = ManuallyDrop::new(self);
        // SAFETY: the payload belongs to this vtable, and `this` is never used or dropped after.
        unsafe { (this.vtable.discard)(this.payload) }
    }

    /// Takes the task out of its pool.
    pub(crate) fn withdraw(&self) -> Withdrawal {
        // SAFETY: the payload belongs to this vtable.
        unsafe { (self.vtable.withdraw)(&self.payload) }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // SAFETY: the payload belongs to this vtable; every other method that consumes the payload forgets `self`.
        let _ = unsafe { (self.vtable.discard)(self.payload) };
    }
}

// A task is run or dropped whole; what a panic in it leaves behind is the closure's own.
impl UnwindSafe for Task {}
impl RefUnwindSafe for Task {}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").finish_non_exhaustive()
    }
}

/// The kind of task whose payload is a closure.
struct Closure<F>(PhantomData<F>);

impl<F: FnOnce() + Send + 'static> Closure<F> {
    const VTABLE: TaskVtable =
        TaskVtable { kind: TaskKind::Work, run: Self::run, discard: Self::discard, withdraw: returned };

    /// # Safety
    /// `payload` was made from an `F` and is not used again.
    unsafe fn run(payload: Payload, _pool: usize) -> Outcome {
        // SAFETY: by this function's contract.
        unsafe { payload.consume::<F, ()>(|f| f(), |f| f()) };
        Outcome::Completed
    }

    /// # Safety
    /// As for `run`.
    unsafe fn discard(payload: Payload) -> Discarded {
        // SAFETY: passed on.
        unsafe { payload.consume::<F, ()>(drop, drop) };
        Discarded::Task
    }
}

/// `withdraw` of a task that only the queue knows: as long as it exists it has not started.
fn returned(_: &Payload) -> Withdrawal {
    Withdrawal::Returned
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn ran(task: Task) -> Outcome {
        task.run_guarded(0, |_| {})
    }

    #[test]
    fn a_task_is_three_words() {
        assert_eq!(size_of::<Task>(), 3 * size_of::<usize>());
    }

    #[test]
    fn small_and_large_closures_run_once_and_drop_once() {
        let token = Arc::new(());
        let (small, large) = (Arc::clone(&token), Arc::clone(&token));
        let big = [7_u8; 64];
        let tasks = [
            Task::from_closure(move || drop(small)),
            Task::from_closure(move || {
                assert_eq!(big.len(), 64);
                drop(large);
            }),
        ];
        assert_eq!(Arc::strong_count(&token), 3);
        for task in tasks {
            assert_eq!(ran(task), Outcome::Completed);
        }
        assert_eq!(Arc::strong_count(&token), 1);
    }

    #[test]
    fn an_unrun_task_drops_its_closure() {
        let token = Arc::new(());
        let (small, large) = (Arc::clone(&token), Arc::clone(&token));
        let big = [7_u8; 64];
        drop(Task::from_closure(move || drop(small)));
        drop(Task::from_closure(move || drop((large, big))));
        assert_eq!(Arc::strong_count(&token), 1);
    }

    #[test]
    fn an_overaligned_closure_is_boxed() {
        #[repr(align(64))]
        struct Wide(u8);
        let wide = Wide(3);
        let task = Task::from_closure(move || {
            let wide = wide;
            assert_eq!(std::ptr::from_ref(&wide) as usize % 64, 0);
            assert_eq!(wide.0, 3);
        });
        assert_eq!(ran(task), Outcome::Completed);
    }

    #[test]
    fn a_panic_is_reported_with_its_payload() {
        let mut seen = None;
        let outcome = Task::from_closure(|| std::panic::resume_unwind(Box::new(5_i32))).run_guarded(0, |payload| {
            seen = payload.downcast::<i32>().ok();
        });
        assert_eq!(outcome, Outcome::Panicked);
        assert_eq!(seen.as_deref(), Some(&5));
    }
}
