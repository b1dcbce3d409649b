//! `join`: two closures, perhaps at the same time. See [`offers`](crate::offers) for how the second one is offered to
//! other workers.

use super::fork;
use super::wait::HelpWait;
use crate::error::panic::{self, drop_quietly};
use crate::offers::frame::Frame;
use crate::offers::stock::is_calm;
use crate::sync::UnsafeCell;
use crate::task::cell::TaskResult;
use crate::worker::Context;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;

/// The second half of a running `join`, on the caller's stack.
#[repr(C)]
struct JoinFrame<B, RB> {
    head: Frame,
    /// Moved out by the thread that runs it: the owner unless a thief took the frame.
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
        // SAFETY: no other thread touches it, by this function's contract.
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

/// Runs two closures, in parallel if a worker is free, and returns both results.
///
/// On a worker this is [`Pool::join`](crate::Pool::join) of its pool; elsewhere it runs `a`, then `b`, right here.
///
/// `b` may begin as soon as `join` is called, but need not begin before `a` has ended: `a` must not wait for `b`. Where
/// joins are nested, the outermost halves are offered to other workers first. Costs a few instructions while no worker
/// asks for more.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// let pool = my_strategy::Pool::new();
/// let sum = pool.install(|| {
///     let (a, b) = pool_core::join(|| (1..=50).sum::<u32>(), || (51..=100).sum::<u32>());
///     a + b
/// });
/// assert_eq!(sum, 5050);
/// ```
///
/// # Panics
/// With the panic of `a`, or else with that of `b`. Both closures run in any case. As anywhere, a value whose `Drop` panics
/// while a panic unwinds aborts the process: here, the result of `a` when `b` panics.
// No `#[inline]`: the function that forks is then inlined into this one, and a recursion that forks at each level
// makes one call for each, not two.
pub fn join<A, B, RA, RB>(a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    if is_calm() {
        // Enough is on offer, and `b` waits its turn here.
        match catch_unwind(AssertUnwindSafe(a)) {
            Ok(ra) => (ra, b()),
            Err(payload) => second_and_unwind(&mut Some(b), payload),
        }
    } else {
        join_offering(a, b)
    }
}

/// `join` with a frame for `b`, where other workers find it.
#[cold]
#[inline(never)]
fn join_offering<A, B, RA, RB>(a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB,
{
    Context::with(|context| {
        let context = context.expect("only a worker has other workers to offer to");
        let frame = JoinFrame::new(b);
        // From the whole frame, not from its head: its thief goes from the head to the frame.
        let place = fork::push(context, NonNull::from(&frame).cast());
        // This function may end only when `frame` is off the stack and done, so a panic waits.
        let ra = catch_unwind(AssertUnwindSafe(a));
        let second = || {
            if fork::pop(context, place) {
                // SAFETY: always private, so no other thread runs it.
                let b = unsafe { frame.take() };
                b()
            } else {
                // SAFETY: exposed by this worker, off its stack, alive, not run here.
                unsafe { recover(context, &frame) }
            }
        };
        match ra {
            Ok(ra) => (ra, second()),
            Err(payload) => second_and_unwind(&mut Some(second), payload),
        }
    })
}

/// The second half of a join, once.
trait Second {
    fn run(&mut self);
}

impl<F: FnOnce() -> R, R> Second for Option<F> {
    fn run(&mut self) {
        if let Some(second) = self.take() {
            drop(second());
        }
    }
}

/// The first half panicked: the second runs nevertheless, as if a thief had taken it.
// Not generic: the compiler would take what the second half borrows out of memory and keep it in a register for this
// call, across the first half, in each join.
#[cold]
#[inline(never)]
fn second_and_unwind(second: &mut dyn Second, payload: panic::Payload) -> ! {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| second.run())) {
        drop_quietly(second);
    }
    resume_unwind(payload);
}

/// The result of a frame that was exposed: run here if it was not taken, otherwise waited for. Unwinds with its panic.
///
/// # Safety
/// The frame was exposed by this worker, is off its fork stack, and has not been run here.
#[cold]
#[inline(never)]
unsafe fn recover<B, RB>(context: &Context, frame: &JoinFrame<B, RB>) -> RB
where
    B: FnOnce() -> RB,
{
    // SAFETY: passed on.
    if unsafe { fork::reclaim(context, &frame.head) } {
        // SAFETY: reclaimed, so no other thread runs it.
        let b = unsafe { frame.take() };
        return b();
    }
    // SAFETY: exposed, by this function's contract.
    let mut wait = HelpWait::new(unsafe { &frame.head.exposure().listening });
    // SAFETY: passed on.
    while !unsafe { fork::is_done(&frame.head) } {
        // Helps only with what the thief forked off our own frame: other work could need a lock that we hold, take
        // longer than what we wait for, or pile up on our stack without bound. Not in each round, since a look takes
        // cache lines from the thief.
        let taken = wait.is_time_to_look().then(|| context.crew().take_descendant(NonNull::from(frame).cast()));
        match taken.flatten() {
            Some(taken) => {
                fork::run_taken(context, taken);
                wait.restart();
            }
            None => wait.once(),
        }
    }
    // SAFETY: done, so the thief has stored the result and it is ours.
    match frame.result.with(|result| unsafe { (*result).assume_init_read() }) {
        Ok(rb) => rb,
        Err(payload) => resume_unwind(payload),
    }
}
