//! The protocol of forks: how a worker offers frames, how thieves take them, and how the owner takes them back.

use crate::offers::board::{ONE_EXPOSURE, READY, Slot, TICKET};
use crate::offers::frame::{Exposure, Frame, Taken};
use crate::offers::stock::is_hungry;
use crate::sync::atomic::{AtomicBool, Ordering, fence};
use crate::task::payload::Payload;
use crate::task::{Discarded, Outcome, Task, TaskKind, TaskVtable, Withdrawal};
use crate::worker::Context;
use std::ptr::NonNull;

/// Puts a frame on this worker's stack, offers the oldest if there is demand, and returns the frame's place.
pub(crate) fn push(context: &Context, frame: NonNull<Frame>) -> usize {
    let place = context.forks().push(frame);
    offer(context);
    place
}

/// Takes the frame at `place`, the top one, off this worker's stack. `true` if it has always been private, so that it is the
/// caller's.
pub(crate) fn pop(context: &Context, place: usize) -> bool {
    let private = context.forks().pop(place);
    offer(context);
    private
}

/// Exposes what is in stock, as far as there are free slots.
fn offer(context: &Context) {
    let (board, stack) = (&context.seat().board, context.forks());
    let has_room = loop {
        let Some(index) = board.free_slot(stack.is_fine()) else { break false };
        // Nothing is left to offer: the next fork will be offered.
        let Some((frame, place)) = stack.oldest_private() else { break true };
        expose(context, index, frame, place);
    };
    if !has_room {
        board.settle(stack.is_fine());
    }
    stack.settle(board.others(), has_room);
}

/// Offers what this worker has in stock, if there is demand. Returns whether there is demand for more: a frame pushed
/// now would be offered. `false` on a thread that is not a worker.
#[inline(always)]
pub(crate) fn is_wanted() -> bool {
    is_hungry() && offer_stock()
}

#[cold]
#[inline(never)]
fn offer_stock() -> bool {
    Context::with(|context| {
        context.is_some_and(|context| {
            offer(context);
            is_hungry()
        })
    })
}

/// Puts the oldest private frame, which lies at `place`, into a free slot.
fn expose(context: &Context, index: usize, frame: NonNull<Frame>, place: usize) {
    let (slot, stack) = (context.seat().board.slot(index), context.forks());
    stack.count_exposed();
    // Relaxed, three times: published by the exchange below.
    slot.frame.store(frame.as_ptr(), Ordering::Relaxed);
    let origin = stack.origin_of(place);
    slot.origin.store(origin, Ordering::Relaxed);
    let mut old = slot.state.load(Ordering::Relaxed);
    let had_ticket = loop {
        let stamp = (old & !TICKET).wrapping_add(ONE_EXPOSURE) | READY;
        let exposure = Exposure {
            owner: NonNull::from(&context.seat().parker),
            board: NonNull::from(&*context.seat().board),
            slot: index,
            stamp,
            done: AtomicBool::new(false),
            listening: AtomicBool::new(false),
        };
        // SAFETY: the frame is on our stack of private frames, so it is alive and no other thread knows it yet.
        unsafe { frame.as_ref().expose_with(exposure) };
        // Release: pairs with the Acquire of `take`. (Acquire is not needed: `free_slot` has it.) Only a ticket that is
        // drawn can change the state under us.
        match slot.state.compare_exchange_weak(old, stamp | TICKET, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(old) => break old & TICKET != 0,
            Err(now) => old = now,
        }
    };
    // A queued ticket of this task was announced when it was put there: a worker that goes to sleep after that finds it
    // first, and a worker that has it in hand sees the new state or clears the bit before our exchange. A ticket of an
    // earlier task may have another urgency.
    let fresh = stack.has_fresh_ticket(index);
    if !(had_ticket && fresh) && context.submit_part(ticket(slot, context.crew().id())).is_err() {
        // The frame stays in its slot until its owner takes it back. The next one gets a ticket again.
        slot.state.fetch_and(!TICKET, Ordering::Relaxed);
    }
    if let Some(origin) = NonNull::new(origin) {
        // SAFETY: this thread runs the frame `origin`, which it has taken: its owner keeps it alive until `done`.
        unsafe { wake_listener(origin) };
    }
}

/// Wakes the owner of the taken frame under which another one has just been offered, if it listens: it may help.
///
/// # Safety
/// The frame has been taken, and the thief is not done with it.
unsafe fn wake_listener(origin: NonNull<Frame>) {
    // Pairs with the fence in `HelpWait::listen`: either the owner's look sees what is offered, or we see that it listens.
    fence(Ordering::SeqCst);
    // SAFETY: alive and exposed, by this function's contract.
    let Exposure { owner, listening, .. } = unsafe { origin.as_ref().exposure() };
    // Relaxed: ordered by the fence.
    if listening.load(Ordering::Relaxed) && listening.swap(false, Ordering::Relaxed) {
        // SAFETY: parkers live as long as the pool.
        unsafe { owner.as_ref() }.unpark();
    }
}

/// Takes back a frame that was exposed and has just come off the fork stack. `false` if a thief has taken it.
///
/// # Safety
/// The frame was exposed by this worker and is alive.
pub(crate) unsafe fn reclaim(context: &Context, frame: &Frame) -> bool {
    // SAFETY: exposed, by this function's contract.
    let exposure = unsafe { frame.exposure() };
    let board = &context.seat().board;
    let slot = board.slot(exposure.slot);
    // The thread that wins the exchange has the frame. Acquire is not needed: nothing of another thread is read after.
    let reclaimed = slot.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |state| {
        (state & !TICKET == exposure.stamp).then_some(state & !READY)
    });
    if reclaimed.is_ok() {
        // There is a free slot, if it counts, and nothing to put there: all that is older has been exposed.
        let stack = context.forks();
        stack.settle(board.others(), board.free_slot(stack.is_fine()).is_some());
    }
    reclaimed.is_ok()
}

/// Whether the thief is done with a taken frame. If so, the result is the owner's.
///
/// # Safety
/// The frame was exposed by this worker and is alive.
pub(crate) unsafe fn is_done(frame: &Frame) -> bool {
    // SAFETY: exposed, by this function's contract. Acquire: pairs with the Release in `run_taken`.
    unsafe { frame.exposure() }.done.load(Ordering::Acquire)
}

/// Runs a taken frame on this worker and tells its owner.
pub(crate) fn run_taken(context: &Context, taken: Taken) {
    let Taken(frame) = taken;
    // SAFETY: the owner keeps a taken frame alive until `done`.
    let head = unsafe { frame.as_ref() };
    // SAFETY: what is taken was exposed.
    let Exposure { owner, board, done, .. } = unsafe { head.exposure() };
    // SAFETY: parker and board live as long as the pool.
    let (owner, board) = unsafe { (owner.as_ref(), board.as_ref()) };
    // The slot is free again: the owner may expose its next frame while we run this one.
    board.ask_for_more();
    context.forks().push_origin(frame);
    // SAFETY: taken by us alone, and alive. It never unwinds.
    unsafe { (head.run)(frame) };
    context.forks().pop_origin();
    // The frame may have spawned into a scope that its owner waits for. We go on with our own work, which may wait for
    // that owner.
    context.account().settle();
    // Release: pairs with `is_done`. The frame is gone for us after this store.
    done.store(true, Ordering::Release);
    owner.unpark();
}

static TICKETS: TaskVtable = TaskVtable { kind: TaskKind::ForkTicket, run: draw, discard, withdraw };

fn ticket(slot: &Slot, pool: usize) -> Task {
    let payload = Payload::pair(slot, pool);
    // SAFETY: the payload is a slot and its pool, as the vtable expects. Wherever a strategy carries the ticket, the
    // slot is only looked at by workers of that pool, and they keep the pool's seats, hence the slot, alive.
    unsafe { Task::from_raw(&TICKETS, payload) }
}

/// Runs a ticket: takes whatever frame is ready in its slot.
///
/// # Safety
/// As `TaskVtable::run`.
unsafe fn draw(payload: Payload, pool: usize) -> Outcome {
    // SAFETY: made by `ticket`.
    if unsafe { payload.second() } != pool {
        return Outcome::Void;
    }
    // SAFETY: made by `ticket`; the slot is alive while a worker of its pool, which this is, runs tasks.
    let slot = unsafe { &*payload.first::<Slot>() };
    Context::with(|context| {
        let Some(context) = context else { return };
        if let Some(taken) = slot.take(0, |_| true) {
            run_taken(context, taken);
        }
    });
    Outcome::Void
}

/// Leaves the slot marked as if the ticket were still queued, since the slot may be gone. The frame's owner reclaims
/// the frame, and the next task that offers something there makes a ticket of its own.
unsafe fn discard(_: Payload) -> Discarded {
    Discarded::Void
}

unsafe fn withdraw(_: &Payload) -> Withdrawal {
    Withdrawal::Void
}
