//! `join`: two closures, perhaps at the same time. See [`fork`](crate::fork) for how the second one is offered to others.

use crate::cell::TaskResult;
use crate::context::Context;
use crate::fork::{self, Frame};
use crate::sync::UnsafeCell;
use crate::wait::Nap;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;

/// The second half of a running `join`, on the caller's stack.
#[repr(C)]
struct JoinFrame<B, RB> {
    head: Frame,
    /// Moved out by whoever runs it: the owner unless a thief took the frame.
    b: UnsafeCell<ManuallyDrop<B>>,
    /// Written by a thief only.
    result: UnsafeCell<MaybeUninit<TaskResult<RB>>>,
}

impl<B: FnOnce() -> RB, RB> JoinFrame<B, RB> {
    #[inline(always)]
    fn new(b: B) -> Self {
        Self {
            head: Frame::new(Self::run),
            b: UnsafeCell::new(ManuallyDrop::new(b)),
            result: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// # Safety
    /// The caller is the one that runs the closure, and takes it once.
    #[inline(always)]
    unsafe fn take(&self) -> B {
        // SAFETY: nobody else touches it, by this function's contract.
        self.b.with_mut(|b| unsafe { ManuallyDrop::take(&mut *b) })
    }

    /// # Safety
    /// `head` is that of a live `JoinFrame<B, RB>` that the caller has taken.
    unsafe fn run(head: NonNull<Frame>) {
        // SAFETY: `head` is the first field of a `repr(C)` struct that is alive.
        let this = unsafe { head.cast::<Self>().as_ref() };
        // SAFETY: the caller has taken the frame.
        let b = unsafe { this.take() };
        let result = catch_unwind(AssertUnwindSafe(b));
        // SAFETY: the owner reads it only after the caller has said that it is done.
        this.result.with_mut(|place| unsafe { (*place).write(result) });
    }
}

/// Runs both closures and returns both results; `b` runs on another worker if one is hungry meanwhile.
#[inline(always)]
pub(crate) fn join_here<A, B, RA, RB>(context: &Context, a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB,
{
    let frame = JoinFrame::new(b);
    let place = context.fork().push(NonNull::from(&frame.head));
    if context.seat().board.has_room() {
        fork::expose(context);
    }
    // Not before `frame` is off the stack and done may this function end, so a panic waits.
    let ra = catch_unwind(AssertUnwindSafe(a));
    if context.fork().pop(place) {
        // SAFETY: always private, so nobody else runs it.
        let b = unsafe { frame.take() };
        match ra {
            Ok(ra) => (ra, b()),
            Err(payload) => both_ran(payload, b),
        }
    } else {
        // SAFETY: exposed by this worker, off the stack, alive.
        let rb = unsafe { recover(context, &frame) };
        match (ra, rb) {
            (Ok(ra), Ok(rb)) => (ra, rb),
            (Err(payload), _) | (_, Err(payload)) => resume_unwind(payload),
        }
    }
}

/// `a` panicked: `b` runs all the same, as it would have if somebody had taken it.
#[cold]
#[inline(never)]
fn both_ran<B: FnOnce() -> RB, RB>(payload: Box<dyn std::any::Any + Send>, b: B) -> ! {
    let _second = catch_unwind(AssertUnwindSafe(b));
    resume_unwind(payload)
}

/// The result of a frame that was exposed: run here if nobody took it, else waited for.
///
/// # Safety
/// The frame was exposed by this worker, is off its fork stack, and has not been run here.
#[cold]
#[inline(never)]
unsafe fn recover<B, RB>(context: &Context, frame: &JoinFrame<B, RB>) -> TaskResult<RB>
where
    B: FnOnce() -> RB,
{
    // SAFETY: passed on.
    if unsafe { fork::reclaim(context, &frame.head) } {
        // SAFETY: reclaimed, so nobody else runs it.
        let b = unsafe { frame.take() };
        return catch_unwind(AssertUnwindSafe(b));
    }
    let mut nap = Nap::new();
    // SAFETY: passed on.
    while !unsafe { fork::is_done(&frame.head) } {
        // Only what the thief forked off our own frame: anything else could need a lock that we hold, take longer than what
        // we wait for, or pile up on our stack without bound.
        match context.core().take_descendant(NonNull::from(&frame.head)) {
            Some(taken) => {
                fork::run_taken(context, taken);
                nap = Nap::new();
            }
            None => nap.once(),
        }
    }
    // SAFETY: done, so the thief has stored the result and it is ours.
    frame.result.with(|result| unsafe { (*result).assume_init_read() })
}

/// Runs two closures, in parallel if a worker is free, and returns both results.
///
/// On a worker this is [`Pool::join`](crate::Pool::join) of its pool; elsewhere it runs `a`, then `b`, right here.
///
/// # Panics
/// With the panic of `a`, or else with that of `b`. Both closures run in any case.
#[inline]
pub fn join<A, B, RA, RB>(a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    Context::with(|context| match context {
        Some(context) => join_here(context, a, b),
        None => match catch_unwind(AssertUnwindSafe(a)) {
            Ok(ra) => (ra, b()),
            Err(payload) => both_ran(payload, b),
        },
    })
}
