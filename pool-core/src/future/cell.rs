//! The shared cell of a future in a pool: the future, then its result, and the way back to the pool. One allocation.
//!
//! A cell is reached through an `Arc`: by the *turn* in a queue (a [`Task`] of one word), by wakers, by the handle, and for
//! the time of a poll by the thread that polls. Its [state](super::state) says which of them may touch the future. When none of them is left,
//! nothing can wake the future and no thread awaits it, and it is dropped.

use super::header::Header;
use super::state::{Cancel, Paused, Turn, Woken};
use crate::error::panic::{self, drop_caught, drop_quietly};
use crate::sync::UnsafeCell;
use crate::task::cell::TaskResult;
use crate::task::payload::Payload;
use crate::task::{Discarded, Outcome, Task, TaskKind, TaskVtable, Withdrawal};
use crate::worker::{Context, Inject, WaitingFuture};
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::ptr;
use std::sync::{Arc, Weak};
use std::task::{Poll, Wake, Waker};

enum Stage<F: Future> {
    Future(F),
    Result(TaskResult<F::Output>),
    Gone,
}

/// A future, and what is said of each of its turns.
pub(crate) struct FutureCell<F: Future, H> {
    header: Header,
    /// Cloned by the thread that is to submit a turn.
    hint: Option<H>,
    stage: UnsafeCell<Stage<F>>,
}

// SAFETY: the future, the place and the hint belong to one thread at a time, by the transitions of the state, and so are sent
// from one to the next; the result goes to one thread. The rest is `Sync` itself.
unsafe impl<F: Future + Send, H: Send> Sync for FutureCell<F, H> where F::Output: Send {}
// SAFETY: as above.
unsafe impl<F: Future + Send, H: Send> Send for FutureCell<F, H> where F::Output: Send {}

/// A cell as its handle sees it, whichever the future is.
pub(crate) trait Observed<R>: Send + Sync {
    fn header(&self) -> &Header;
    /// Polls the future. The caller is its owner, and a worker of its pool.
    fn advance(self: Arc<Self>) -> Outcome;
    /// Drops the future if it has not ended, or has the thread do so that polls it. `true` if so.
    fn cancel(&self) -> bool;
    /// Takes the result, if it is there. The caller is the handle, or was it and has the right to the result.
    fn take_result(&self) -> Option<TaskResult<R>>;
}

impl<F: Future, H> FutureCell<F, H> {
    /// Moves the stage out.
    ///
    /// # Safety
    /// The stage is the caller's. If it holds the future, that was never polled.
    unsafe fn take(&self) -> Stage<F> {
        // SAFETY: the stage is the caller's, by this function's contract.
        let stage = self.stage.with_mut(|stage| unsafe { stage.replace(Stage::Gone) });
        #[cfg(loom)]
        self.header.show_loom_the_order();
        stage
    }

    /// Drops what the stage holds, in its place, and puts `next` there.
    ///
    /// # Safety
    /// The caller owns the future.
    unsafe fn drop_in_place(stage: *mut Stage<F>, next: Stage<F>) -> Option<panic::Payload> {
        // SAFETY: the stage is the caller's, and is overwritten without being dropped again.
        let dropped = catch_unwind(AssertUnwindSafe(|| unsafe { ptr::drop_in_place(stage) }));
        // SAFETY: as above.
        unsafe { stage.write(next) };
        dropped.err()
    }

    /// Drops the future and ends. The caller owns the future.
    fn drop_future(&self) {
        // SAFETY: the owner calls it.
        let unwound = self.stage.with_mut(|stage| unsafe { Self::drop_in_place(stage, Stage::Gone) });
        self.header.leave_list();
        let is_handed = self.header.state.finish();
        debug_assert!(!is_handed, "it was cancelled");
        let unwound = [unwound, self.header.wake_handle()];
        unwound.into_iter().flatten().for_each(|payload| self.header.report(payload));
    }
}

impl<F, H> FutureCell<F, H>
where
    F: Future<Output: Send + 'static> + Send + 'static,
    H: Clone + Send + 'static,
{
    const TURN: TaskVtable =
        TaskVtable { kind: TaskKind::Turn, run: Self::run, discard: Self::discard, withdraw: Self::withdraw };

    /// A cell with its first turn, which is the caller's to submit to the pool that `pool` identifies.
    pub(crate) fn new(pool: usize, home: Weak<dyn Inject>, hint: Option<H>, future: F) -> (Task, Arc<Self>) {
        let cell =
            Arc::new(Self { header: Header::new(pool, home), hint, stage: UnsafeCell::new(Stage::Future(future)) });
        (Self::turn(Arc::clone(&cell)), cell)
    }

    /// A turn, which a change of the state to `SCHEDULED` has given to the caller.
    fn turn(cell: Arc<Self>) -> Task {
        // SAFETY: the payload is what this vtable expects, an `Arc` of this type, given away here. The future, its result
        // and the hint are `Send` and `'static`.
        unsafe { Task::from_raw(&Self::TURN, Payload::pointer(Arc::into_raw(cell))) }
    }

    /// The future back, of a cell whose first turn was refused.
    pub(super) fn take_back(&self) -> Option<F> {
        let Cancel::Ours = self.header.state.cancel() else { return None };
        // SAFETY: ours, and no thread has polled it.
        let stage = unsafe { self.take() };
        let _ = self.header.state.finish();
        if let Stage::Future(future) = stage { Some(future) } else { None }
    }

    /// # Safety
    /// `payload` was made by `turn` and is not used again.
    unsafe fn run(payload: Payload, pool: usize) -> Outcome {
        // SAFETY: `turn` made it of an `Arc<Self>`, which is given to us.
        let this = unsafe { Arc::from_raw(payload.first::<Self>()) };
        if !this.header.is_of_pool(pool) {
            // Carried to a place that outlives the pool, or to another pool: nothing could poll it again.
            let _ = this.end_turn();
            return Outcome::Void;
        }
        match this.header.state.take_turn() {
            Turn::Poll => this.advance(),
            Turn::Drop => {
                this.drop_future();
                Outcome::Cancelled
            }
            Turn::Cancelled => Outcome::Cancelled,
            Turn::Spent => Outcome::Completed,
            Turn::Void => Outcome::Void,
        }
    }

    /// # Safety
    /// As for `run`.
    unsafe fn discard(payload: Payload) -> Discarded {
        // SAFETY: as in `run`.
        let this = unsafe { Arc::from_raw(payload.first::<Self>()) };
        this.end_turn()
    }

    /// A turn is of no use without its pool, so it never goes back to the user. Runs nothing foreign: the future is dropped
    /// with the turn.
    ///
    /// # Safety
    /// `payload` was made by `turn` and is alive.
    unsafe fn withdraw(payload: &Payload) -> Withdrawal {
        // SAFETY: `turn` made it of an `Arc<Self>`, which lives as long as the payload.
        let this = unsafe { &*payload.first::<Self>() };
        this.header.state.withdraw_turn()
    }

    /// Ends a turn that will not be run, and the future with it.
    fn end_turn(&self) -> Discarded {
        match self.header.state.discard_turn() {
            Turn::Poll | Turn::Drop => {
                self.drop_future();
                Discarded::Task
            }
            Turn::Cancelled | Turn::Spent => Discarded::Shell,
            Turn::Void => Discarded::Void,
        }
    }

    /// Submits a turn, which a change of the state to `SCHEDULED` has given to the caller. If the pool refuses it, the future
    /// is dropped here. Never unwinds.
    fn submit(self: Arc<Self>) {
        // By the thread that made the change, which until the turn is visible has the hint to itself.
        let hint = match catch_unwind(AssertUnwindSafe(|| self.hint.clone())) {
            Ok(hint) => hint,
            Err(payload) => {
                self.header.report(payload);
                drop(Self::turn(self));
                return;
            }
        };
        Context::with(|context| match context {
            Some(context) if self.header.is_of(context) => {
                let turn = Self::turn(self);
                let submitted = catch_unwind(AssertUnwindSafe(|| match hint {
                    None => context.submit(turn),
                    hint => context.submit_by(|| context.queue().push_hinted(turn, &hint)),
                }));
                if let Err(payload) = submitted {
                    context.crew().report_panic(payload);
                }
            }
            _ => {
                let home = self.header.home();
                let turn = Self::turn(self);
                // Without a pool the turn is dropped, and so is one that comes back.
                let Some(home) = home else { return drop(turn) };
                match catch_unwind(AssertUnwindSafe(|| home.submit_from_outside(turn, &hint))) {
                    Ok(Ok(())) => {}
                    Ok(Err(turn)) => drop(turn),
                    Err(payload) => home.report_panic(payload),
                }
            }
        });
    }
}

impl<F, H> Observed<F::Output> for FutureCell<F, H>
where
    F: Future<Output: Send + 'static> + Send + 'static,
    H: Clone + Send + 'static,
{
    fn header(&self) -> &Header {
        &self.header
    }

    fn advance(self: Arc<Self>) -> Outcome {
        let header = &self.header;
        let Poll::Ready(panicked) = self.poll() else {
            header.enter_list(|| Arc::<Self>::downgrade(&self));
            match header.state.pause() {
                // If nothing can wake it any more, it is dropped here, with the last reference.
                Paused::Idle => {}
                Paused::Submit => self.submit(),
                Paused::Joiner => header.wake_joiner(),
                Paused::Drop => self.drop_future(),
            }
            return Outcome::Completed;
        };
        header.leave_list();
        let is_handed = header.state.finish();
        // First the handle learns of it.
        let unwound = header.wake_handle();
        // SAFETY: the result is ours, since it was not handed on.
        let left = if is_handed { Stage::Gone } else { unsafe { self.take() } };
        let lost = match left {
            Stage::Result(Ok(value)) => drop_caught(value).err(),
            Stage::Result(Err(payload)) => Some(payload),
            Stage::Future(_) | Stage::Gone => None,
        };
        let panicked = panicked || unwound.is_some() || lost.is_some();
        [unwound, lost].into_iter().flatten().for_each(|payload| header.report(payload));
        if panicked { Outcome::Panicked } else { Outcome::Completed }
    }

    fn cancel(&self) -> bool {
        match self.header.state.cancel() {
            Cancel::Ours => self.drop_future(),
            Cancel::Asked => {}
            Cancel::Late => return false,
        }
        true
    }

    fn take_result(&self) -> Option<TaskResult<F::Output>> {
        // SAFETY: the handle calls this, and the result is its own.
        match unsafe { self.take() } {
            Stage::Result(result) => Some(result),
            Stage::Future(_) | Stage::Gone => None,
        }
    }
}

impl<F, H> FutureCell<F, H>
where
    F: Future<Output: Send + 'static> + Send + 'static,
    H: Clone + Send + 'static,
{
    /// Polls once. If the future ends, drops it and stores the result: `Ready` says whether that is a panic. The caller owns
    /// the future.
    fn poll(self: &Arc<Self>) -> Poll<bool> {
        // A waker that is only lent needs no reference of its own.
        // SAFETY: the pointer is that of an `Arc` that lives as long as the waker, which is never dropped; so no reference
        // is given up that was not counted.
        let waker = ManuallyDrop::new(Waker::from(unsafe { Arc::from_raw(Arc::as_ptr(self)) }));
        let mut context = std::task::Context::from_waker(&waker);
        self.stage.with_mut(|stage| {
            // SAFETY: the owner of the future has the stage to itself.
            let Stage::Future(future) = (unsafe { &mut *stage }) else { unreachable!("it has not ended") };
            // SAFETY: the future lies in the cell, which does not move, from its first poll to its drop, which is in place.
            let future = unsafe { Pin::new_unchecked(future) };
            let result = match catch_unwind(AssertUnwindSafe(|| future.poll(&mut context))) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(value)) => Ok(value),
                Err(payload) => Err(payload),
            };
            // SAFETY: as above.
            let unwound = unsafe { Self::drop_in_place(stage, Stage::Gone) };
            let result = match (result, unwound) {
                (Ok(value), Some(payload)) => {
                    drop_quietly(value);
                    Err(payload)
                }
                (result, unwound) => {
                    drop_quietly(unwound);
                    result
                }
            };
            let panicked = result.is_err();
            // SAFETY: as above; what is overwritten is `Gone`.
            unsafe { stage.write(Stage::Result(result)) };
            Poll::Ready(panicked)
        })
    }
}

impl<F, H> Wake for FutureCell<F, H>
where
    F: Future<Output: Send + 'static> + Send + 'static,
    H: Clone + Send + 'static,
{
    fn wake(self: Arc<Self>) {
        match self.header.state.wake() {
            Woken::Submit => self.submit(),
            Woken::Joiner => self.header.wake_joiner(),
            Woken::Nothing => {}
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        match self.header.state.wake() {
            Woken::Submit => Arc::clone(self).submit(),
            Woken::Joiner => self.header.wake_joiner(),
            Woken::Nothing => {}
        }
    }
}

impl<F, H> WaitingFuture for FutureCell<F, H>
where
    F: Future<Output: Send + 'static> + Send + 'static,
    H: Clone + Send + 'static,
{
    fn abandon(&self) -> bool {
        self.header.state.abandon()
    }

    fn submit_last_turn(self: Arc<Self>) {
        // A pool that has not ended has a worker, which holds it.
        let home = self.header.home();
        let turn = Self::turn(self);
        if let Some(home) = home {
            home.inject_counted(turn);
        }
    }
}

impl<F: Future, H> Drop for FutureCell<F, H> {
    /// Nothing can wake the future, and no thread awaits it.
    fn drop(&mut self) {
        #[cfg(loom)]
        self.header.show_loom_the_order();
        self.header.leave_list();
        // SAFETY: no other reference is left.
        let unwound = self.stage.with_mut(|stage| unsafe { Self::drop_in_place(stage, Stage::Gone) });
        if let Some(payload) = unwound {
            self.header.report(payload);
        }
    }
}
