//! Forks: the second halves of running `join`s, private until somebody is hungry.
//!
//! `join(a, b)` puts a [`Frame`] for `b`, which lives on the caller's stack, on the worker's [`ForkStack`], runs `a`, and
//! takes `b` back. As long as nobody else is interested, all of it is plain loads and stores.
//!
//! Others see only what lies on the worker's [`Board`]: a few slots, each with the address of one frame. A worker *exposes*
//! its oldest private frames, which stand for the largest pieces of work, while its board has room (one relaxed load for
//! each join). To expose is to fill a slot and to put a *ticket* for the slot in the strategy's queue, as an ordinary item
//! that any strategy can carry. A ticket says "look at this slot", not "run this frame": it outlives the frame, is good for
//! whatever lies in the slot when it is drawn, and there is never more than one of a slot in the queue.
//!
//! ```text
//!                 owner: expose                  thief: take
//! slot   empty ───────────────────► READY ───────────────────► empty     frame: taken, then done
//!          ▲                          │
//!          └──────────────────────────┘
//!                 owner: reclaim
//! ```
//!
//! Private deques: Acar, Charguéraud, Rainey, "Scheduling parallel programs by work stealing with private deques" (2013).
//! Oldest first: Blumofe, Leiserson, "Scheduling multithreaded computations by work stealing" (1999).
//! Helping only the thief of one's own work: Wagner, Calder, "Leapfrogging" (1993).

mod board;
mod stack;

pub(crate) use board::{Board, Taken};
pub(crate) use stack::ForkStorage;

use crate::context::Context;
use crate::seat::Seat;
use crate::sync::UnsafeCell;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::task::{Outcome, Payload, Task, TaskVtable, Withdrawal};
use board::{ONE_EXPOSURE, READY, Slot, TICKET};
use stack::ForkStack;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

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
    /// The state of the slot while it held this frame, without [`TICKET`]. No other frame has the same.
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

/// Puts a frame on top of this thread's stack and returns its place. On a thread that is no worker nothing is kept, and the
/// frame comes back as private.
#[inline(always)]
pub(crate) fn push(frame: NonNull<Frame>) -> usize {
    match ForkStack::with(|stack| stack.push(frame)) {
        Some(place) => place,
        None => push_slowly(frame),
    }
}

/// Somebody may be hungry, or the storage is full, or this thread is no worker.
#[cold]
#[inline(never)]
fn push_slowly(frame: NonNull<Frame>) -> usize {
    ForkStack::with(|stack| {
        let place = stack.len();
        Context::with(|context| {
            if let Some(context) = context {
                context.forks().put(stack, frame);
                expose(context, stack);
            }
        });
        place
    })
}

/// Offers what this worker has in stock, if others want it. Returns whether they want more: a frame pushed now would be
/// offered. `false` on a thread that is no worker.
#[inline(always)]
pub(crate) fn is_wanted() -> bool {
    ForkStack::with(ForkStack::is_limit_zero) && offer_stock()
}

#[cold]
#[inline(never)]
fn offer_stock() -> bool {
    Context::with(|context| {
        context.is_some_and(|context| {
            let board = &context.seat().board;
            board.has_room() && {
                ForkStack::with(|stack| expose(context, stack));
                board.has_room()
            }
        })
    })
}

/// Takes the frame at `place`, the top one, off this thread's stack. `true` if it has always been private, so that it is the
/// caller's.
#[inline(always)]
pub(crate) fn pop(place: usize) -> bool {
    ForkStack::with(|stack| stack.pop(place))
}

/// Offers the oldest private frames while the board has room.
fn expose(context: &Context, stack: &ForkStack) {
    let board = &context.seat().board;
    while board.has_room() {
        // With nothing left to offer, the limit stays at 0: the next fork will be offered.
        let Some((frame, place)) = stack.oldest_private() else { return };
        // Acquire: pairs with the Release of the thief that emptied the slot.
        let free = |slot: &Slot| slot.state.load(Ordering::Acquire) & READY == 0;
        let Some(index) = board.slots.iter().position(free) else { break };
        let slot = &board.slots[index];
        stack.count_exposed();
        board.room.fetch_sub(1, Ordering::Relaxed);
        slot.frame.store(frame.as_ptr(), Ordering::Relaxed);
        slot.origin.store(context.forks().origin_of(place), Ordering::Relaxed);
        let mut old = slot.state.load(Ordering::Relaxed);
        let had_ticket = loop {
            let stamp = (old & !TICKET).wrapping_add(ONE_EXPOSURE) | READY;
            let exposure =
                Exposure { owner: NonNull::from(&**context.seat()), slot: index, stamp, done: AtomicBool::new(false) };
            // SAFETY: the frame is on our stack of private frames, so it is alive and nobody else knows it yet.
            unsafe { frame.as_ref() }.exposure.with_mut(|place| unsafe { (*place).write(exposure) });
            // Release: pairs with the Acquire of `take`. Only a ticket that is drawn can change the state under us.
            match slot.state.compare_exchange_weak(old, stamp | TICKET, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(old) => break old & TICKET != 0,
                Err(now) => old = now,
            }
        };
        if had_ticket {
            context.announce();
        } else {
            // If the strategy panics, the frame stays in its slot, without a ticket, until its owner takes it back.
            let _ = context.submit_part(ticket(slot, context.core().id()));
        }
    }
    board.settle_limit(context.forks().capacity());
}

/// Takes back a frame that was exposed and has just come off the fork stack. `false` if somebody has taken it.
///
/// # Safety
/// The frame was exposed by this worker and is alive.
pub(crate) unsafe fn reclaim(context: &Context, frame: &Frame) -> bool {
    ForkStack::with(ForkStack::popped_exposed);
    // SAFETY: exposed, by this function's contract.
    let exposure = unsafe { frame.exposure() };
    let board = &context.seat().board;
    let slot = &board.slots[exposure.slot];
    // Acquire: nothing of another thread is read after, but a thief that looked in vain has released the word.
    let reclaimed = slot.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |state| {
        (state & !TICKET == exposure.stamp).then_some(state & !READY)
    });
    if reclaimed.is_ok() {
        board.make_room(1);
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
    owner.board.make_room(1);
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

fn ticket(slot: &Slot, pool: usize) -> Task {
    let payload: Payload =
        [MaybeUninit::new(ptr::from_ref(slot).cast()), MaybeUninit::new(ptr::without_provenance(pool))];
    // SAFETY: the payload is a slot and its pool, as the vtable expects. Wherever a strategy carries the ticket, the slot is only
    // looked at by workers of that pool, and they keep the pool's seats, hence the slot, alive.
    unsafe { Task::from_raw(const { &TaskVtable { run: draw, discard, withdraw } }, payload) }
}

/// Runs a ticket: takes whatever frame is ready in its slot.
///
/// # Safety
/// As `TaskVtable::run`.
unsafe fn draw(payload: Payload, pool: usize) -> Outcome {
    // SAFETY: made by `ticket`.
    if unsafe { payload[1].assume_init() }.addr() != pool {
        return Outcome::Void;
    }
    // SAFETY: made by `ticket`; the slot is alive while a worker of its pool, which this is, runs tasks.
    let slot = unsafe { &*payload[0].assume_init().cast::<Slot>() };
    Context::with(|context| {
        let Some(context) = context else { return };
        if let Some(taken) = slot.take(0, |_| true) {
            run_taken(context, taken);
        }
    });
    Outcome::Void
}

/// Leaves the slot marked as if the ticket were still queued: its pool is coming to an end, and the frame's owner reclaims it.
unsafe fn discard(_: Payload) {}

unsafe fn withdraw(_: &Payload) -> Withdrawal {
    Withdrawal::Void
}
