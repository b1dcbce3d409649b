//! Forks: the second halves of running `join`s, private until somebody is hungry.
//!
//! A [`Frame`] stands for a `b` that waits for its `a`. It lives on the stack of the `join` that made it, and its worker
//! knows it by its [`ForkStack`]. Most joins make none: while nobody is hungry and enough frames are in stock for those who
//! will be, `join` asks [`is_calm`] and runs `a` and `b`, one after the other, as if there were no pool.
//!
//! Others see only what lies on the worker's [`Board`]: a few slots, each with the address of one frame. A worker *exposes*
//! its oldest frames, which stand for the largest pieces of work, while its board has a free slot. To expose is to fill a
//! slot and to put a *ticket* for the slot in the strategy's queue, as an ordinary item that any strategy can carry. A
//! ticket says "look at this slot", not "run this frame": it outlives the frame and is good for whatever lies in the slot
//! when it is drawn, so a task makes no second one while its first is queued. Whoever takes a frame tells the owner that
//! there is hunger, and the owner's next join finds that.
//!
//! ```text
//!                 owner: expose                  thief: take
//! slot   empty ───────────────────► READY ───────────────────► empty     frame: taken, then done
//!          ▲                          │
//!          └──────────────────────────┘
//!                 owner: reclaim
//! ```
//!
//! No frame while enough is on offer ("load-based inlining", and what it costs): Mohr, Kranz, Halstead, "Lazy task creation"
//! (1991).
//! Private deques: Acar, Charguéraud, Rainey, "Scheduling parallel programs by work stealing with private deques" (2013).
//! Oldest first: Blumofe, Leiserson, "Scheduling multithreaded computations by work stealing" (1999).
//! Helping only the thief of one's own work: Wagner, Calder, "Leapfrogging" (1993).

mod board;
mod stack;

pub(crate) use board::{Board, Taken};
pub(crate) use stack::{ForkStack, is_calm};

use crate::context::Context;
use crate::payload::Payload;
use crate::seat::Seat;
use crate::sync::UnsafeCell;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::task::{Outcome, Task, TaskVtable, Withdrawal};
use board::{ONE_EXPOSURE, READY, Slot, TICKET};
use stack::is_hungry;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// The type-erased head of a frame: the first field of the frame itself, which lives on its owner's stack.
pub(crate) struct Frame {
    /// Runs what the frame stands for and stores the result in it. Never unwinds.
    ///
    /// # Safety
    /// The frame is alive and the caller has taken it.
    run: unsafe fn(NonNull<Frame>),
    /// Initialised by the owner when it exposes the frame, not before: the common frame never is.
    exposure: UnsafeCell<MaybeUninit<Exposure>>,
}

/// What a frame that was exposed knows of it.
struct Exposure {
    owner: NonNull<Seat>,
    slot: usize,
    /// The state of the slot while it held this frame, without [`TICKET`]. No other frame has the same until the count in it,
    /// which is two bits shorter than a pointer, comes round.
    stamp: usize,
    /// The thief has stored the result and touches the frame no more.
    done: AtomicBool,
}

impl Frame {
    pub(crate) fn new(run: unsafe fn(NonNull<Frame>)) -> Self {
        Self { run, exposure: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    /// # Safety
    /// The frame was exposed.
    unsafe fn exposure(&self) -> &Exposure {
        // SAFETY: initialised when exposed, and from then on only read.
        self.exposure.with(|exposure| unsafe { (*exposure).assume_init_ref() })
    }
}

/// Puts a frame on this worker's stack, offers the oldest if others want it, and returns the frame's place.
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

/// Exposes what is in stock as far as others want it.
fn offer(context: &Context) {
    let (board, stack) = (&context.seat().board, context.forks());
    let has_room = loop {
        let Some(index) = board.free_slot(stack.is_fine()) else { break false };
        // With nothing left to offer, the next fork will be.
        let Some((frame, place)) = stack.oldest_private() else { break true };
        expose(context, index, frame, place);
    };
    if !has_room {
        board.settle(stack.is_fine());
    }
    stack.settle(board.others(), has_room);
}

/// Offers what this worker has in stock, if others want it. Returns whether they want more: a frame pushed now would be
/// offered. `false` on a thread that is no worker.
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
    slot.origin.store(stack.origin_of(place), Ordering::Relaxed);
    let mut old = slot.state.load(Ordering::Relaxed);
    let had_ticket = loop {
        let stamp = (old & !TICKET).wrapping_add(ONE_EXPOSURE) | READY;
        let exposure =
            Exposure { owner: NonNull::from(&**context.seat()), slot: index, stamp, done: AtomicBool::new(false) };
        // SAFETY: the frame is on our stack of private frames, so it is alive and nobody else knows it yet.
        unsafe { frame.as_ref() }.exposure.with_mut(|place| unsafe { (*place).write(exposure) });
        // Release: pairs with the Acquire of `take`. (Acquire is not needed: `free_slot` has it.) Only a ticket that is drawn
        // can change the state under us.
        match slot.state.compare_exchange_weak(old, stamp | TICKET, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(old) => break old & TICKET != 0,
            Err(now) => old = now,
        }
    };
    // A ticket of this task's that is queued was announced when it was put there: whoever sleeps after that finds it first,
    // and whoever has it in hand sees the new state or clears the bit before our exchange. One of an earlier task's may
    // be of another urgency.
    let fresh = stack.has_fresh_ticket(index);
    if !(had_ticket && fresh) && context.submit_part(ticket(slot, context.core().id())).is_err() {
        // The frame stays in its slot until its owner takes it back. The next one gets a ticket again.
        slot.state.fetch_and(!TICKET, Ordering::Relaxed);
    }
}

/// Takes back a frame that was exposed and has just come off the fork stack. `false` if somebody has taken it.
///
/// # Safety
/// The frame was exposed by this worker and is alive.
pub(crate) unsafe fn reclaim(context: &Context, frame: &Frame) -> bool {
    // SAFETY: exposed, by this function's contract.
    let exposure = unsafe { frame.exposure() };
    let board = &context.seat().board;
    let slot = board.slot(exposure.slot);
    // Whoever wins the exchange has the frame. Acquire is not needed: nothing of another thread is read after.
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
    // SAFETY: what is taken was exposed. The seat lives as long as the pool.
    let (owner, done) = unsafe { (head.exposure().owner.as_ref(), &head.exposure().done) };
    // The slot is free again: the owner may expose its next frame while we run this one.
    owner.board.ask_for_more();
    context.forks().push_origin(frame);
    // SAFETY: taken by us alone, and alive. It never unwinds.
    unsafe { (head.run)(frame) };
    context.forks().pop_origin();
    // It may have spawned into a scope that its owner waits for. We go on with our own work, which may wait for that owner.
    context.account().settle();
    // Release: pairs with `is_done`. The frame is gone for us after this store.
    done.store(true, Ordering::Release);
    owner.unpark();
}

/// Whether a task is the ticket of a slot.
#[inline]
pub(crate) fn is_ticket(task: &Task) -> bool {
    task.has_vtable(&TICKETS)
}

static TICKETS: TaskVtable = TaskVtable { run: draw, discard, withdraw };

fn ticket(slot: &Slot, pool: usize) -> Task {
    let payload = Payload::pair(slot, pool);
    // SAFETY: the payload is a slot and its pool, as the vtable expects. Wherever a strategy carries the ticket, the slot is only
    // looked at by workers of that pool, and they keep the pool's seats, hence the slot, alive.
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

/// Leaves the slot marked as if the ticket were still queued, since the slot may be gone. The frame's owner reclaims it, and the
/// next task that offers something there makes a ticket of its own.
unsafe fn discard(_: Payload) {}

unsafe fn withdraw(_: &Payload) -> Withdrawal {
    Withdrawal::Void
}
