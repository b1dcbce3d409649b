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

use crate::context::Context;
use crate::seat::Seat;
use crate::sync::UnsafeCell;
use crate::sync::atomic::{AtomicBool, AtomicIsize, AtomicPtr, AtomicUsize, Ordering};
use crate::task::{Outcome, Payload, Task, TaskVtable, Withdrawal};
use std::cell::{Cell, RefCell};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

/// Slots of a board. A worker offers at most so many frames at the same time; taken ones do not count.
const SLOTS: usize = if cfg!(loom) { 1 } else { 4 };

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

/// The private frames of one worker thread, oldest first. Touched by that thread alone.
pub(crate) struct ForkStack {
    /// The storage, used up to `len`; a `Vec` only to grow and free it.
    frames: std::cell::UnsafeCell<Vec<NonNull<Frame>>>,
    len: Cell<usize>,
    /// So many of the oldest have been exposed at some time.
    exposed: Cell<usize>,
    /// Which taken frame this thread runs from which height of the stack on.
    origins: RefCell<Vec<Origin>>,
}

#[derive(Clone, Copy)]
struct Origin {
    from: usize,
    taken: NonNull<Frame>,
}

impl ForkStack {
    pub(crate) fn new() -> Self {
        Self {
            frames: std::cell::UnsafeCell::new(Vec::with_capacity(256)),
            len: Cell::new(0),
            exposed: Cell::new(0),
            origins: RefCell::new(Vec::new()),
        }
    }

    /// Puts a frame on top and returns its place.
    #[inline(always)]
    pub(crate) fn push(&self, frame: NonNull<Frame>) -> usize {
        let place = self.len.get();
        // SAFETY: only this thread touches the vector, and no reference to it lives outside these few lines.
        let frames = unsafe { &mut *self.frames.get() };
        if place == frames.capacity() {
            Self::grow(frames, place);
        }
        // SAFETY: below the capacity. What lies there is a stale pointer, which needs no drop.
        unsafe { frames.as_mut_ptr().add(place).write(frame) };
        self.len.set(place + 1);
        place
    }

    #[cold]
    #[inline(never)]
    fn grow(frames: &mut Vec<NonNull<Frame>>, len: usize) {
        // SAFETY: all places up to the capacity were written before it was reached.
        unsafe { frames.set_len(len) };
        frames.reserve(len.max(1));
    }

    /// Takes the frame at `place`, the top one, off. `true` if it has always been private, so that it is the caller's.
    #[inline(always)]
    pub(crate) fn pop(&self, place: usize) -> bool {
        debug_assert_eq!(self.len.get(), place + 1);
        self.len.set(place);
        if self.exposed.get() <= place {
            return true;
        }
        self.exposed.set(place);
        false
    }

    /// The oldest frame that was never exposed.
    fn oldest_private(&self) -> Option<NonNull<Frame>> {
        let place = self.exposed.get();
        // SAFETY: only this thread touches the vector, and places below `len` hold live frames.
        (place < self.len.get()).then(|| unsafe { *(*self.frames.get()).as_ptr().add(place) })
    }

    /// Under which taken frame the frame at `place` was pushed.
    fn origin_of(&self, place: usize) -> *mut Frame {
        let origins = self.origins.borrow();
        origins.iter().rev().find(|origin| origin.from <= place).map_or(ptr::null_mut(), |origin| origin.taken.as_ptr())
    }
}

/// Set while a ticket for the slot is in the strategy's queue or in a worker's hand.
const TICKET: usize = 1 << 0;
/// The slot holds a frame that may be taken.
const READY: usize = 1 << 1;
/// The rest of the word counts the exposures, so that no two have the same state.
const ONE_EXPOSURE: usize = 1 << 2;

/// A place where one frame at a time is offered. Lives as long as the pool.
#[derive(Debug)]
struct Slot {
    state: AtomicUsize,
    frame: AtomicPtr<Frame>,
    /// The taken frame under which the offered one was pushed, or null. Compared, never followed.
    origin: AtomicPtr<Frame>,
}

/// What a worker offers to others.
#[derive(Debug)]
pub(crate) struct Board {
    /// How many more frames the owner may expose.
    room: AtomicIsize,
    slots: [Slot; SLOTS],
}

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            room: AtomicIsize::new(0),
            slots: std::array::from_fn(|_| Slot {
                state: AtomicUsize::new(0),
                frame: AtomicPtr::new(ptr::null_mut()),
                origin: AtomicPtr::new(ptr::null_mut()),
            }),
        }
    }

    /// Room for one frame for each other worker. `workers` changed from `before` to `now`.
    pub(crate) fn resize(&self, before: usize, now: usize) {
        let room = |workers: usize| workers.saturating_sub(1).min(SLOTS) as isize;
        self.room.fetch_add(room(now) - room(before), Ordering::Relaxed);
    }

    /// Whether the owner should expose a frame if it has one.
    #[inline(always)]
    pub(crate) fn has_room(&self) -> bool {
        // Relaxed: a hint, on the owner's own line unless a thief has just been there.
        self.room.load(Ordering::Relaxed) > 0
    }

    /// A frame pushed under `origin` that may be taken, taken.
    pub(crate) fn take_descendant(&self, origin: NonNull<Frame>) -> Option<Taken> {
        self.slots.iter().find_map(|slot| {
            slot.take(TICKET, |slot| {
                // Relaxed: valid if the exchange that follows succeeds, see `take`.
                ptr::eq(slot.origin.load(Ordering::Relaxed), origin.as_ptr())
            })
        })
    }
}

/// A frame that this thread has taken off a slot and must run.
#[must_use]
pub(crate) struct Taken(NonNull<Frame>);

impl Slot {
    /// Takes the frame if one is ready and `wanted`. Of the ticket bit, only `keep` stays.
    fn take(&self, keep: usize, wanted: impl Fn(&Self) -> bool) -> Option<Taken> {
        // Acquire: pairs with the Release in `expose`, for the frame's content and the two pointers.
        let mut state = self.state.load(Ordering::Acquire);
        loop {
            let ready = state & READY != 0;
            if !ready && (keep != 0 || state & TICKET == 0) {
                return None;
            }
            // Relaxed: these belong to `state` if the exchange below succeeds: the owner writes them only while nothing is
            // ready, and each exposure has a state of its own.
            let frame = self.frame.load(Ordering::Relaxed);
            if ready && !wanted(self) {
                return None;
            }
            let new = state & !READY & (!TICKET | keep);
            // AcqRel: Acquire as above, since the state may have changed since the load; Release so that the owner, who
            // fills the slot again after an Acquire load, does so after our reads.
            match self.state.compare_exchange_weak(state, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return NonNull::new(frame).filter(|_| ready).map(Taken),
                Err(now) => state = now,
            }
        }
    }
}

/// Offers the oldest private frames while the board has room.
#[cold]
#[inline(never)]
pub(crate) fn expose(context: &Context) {
    let board = &context.seat().board;
    let fork = context.fork();
    while board.has_room() {
        let Some(frame) = fork.oldest_private() else { return };
        // Acquire: pairs with the Release of the thief that emptied the slot.
        let free = |slot: &Slot| slot.state.load(Ordering::Acquire) & READY == 0;
        let Some(index) = board.slots.iter().position(free) else { return };
        let slot = &board.slots[index];
        let place = fork.exposed.get();
        fork.exposed.set(place + 1);
        board.room.fetch_sub(1, Ordering::Relaxed);
        slot.frame.store(frame.as_ptr(), Ordering::Relaxed);
        slot.origin.store(fork.origin_of(place), Ordering::Relaxed);
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
            context.submit_part(ticket(slot));
        }
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
    let slot = &board.slots[exposure.slot];
    // Acquire: nothing of another thread is read after, but a thief that looked in vain has released the word.
    let reclaimed = slot.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |state| {
        (state & !TICKET == exposure.stamp).then_some(state & !READY)
    });
    if reclaimed.is_ok() {
        board.room.fetch_add(1, Ordering::Relaxed);
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
    owner.board.room.fetch_add(1, Ordering::Relaxed);
    let fork = context.fork();
    fork.origins.borrow_mut().push(Origin { from: fork.len.get(), taken: frame });
    // SAFETY: taken by us alone, and alive. It never unwinds.
    unsafe { (head.run)(frame) };
    fork.origins.borrow_mut().pop();
    // Release: pairs with `is_done`. The frame is gone for us after this store.
    done.store(true, Ordering::Release);
    owner.unpark();
}

fn ticket(slot: &Slot) -> Task {
    let payload: Payload = [MaybeUninit::new(ptr::from_ref(slot).cast()), MaybeUninit::uninit()];
    // SAFETY: the payload is a slot, as the vtable expects. Only workers of the slot's pool run tasks of its queue, and they
    // keep the pool's seats, hence the slot, alive.
    unsafe { Task::from_raw(const { &TaskVtable { run: draw, discard, withdraw } }, payload) }
}

/// Runs a ticket: takes whatever frame is ready in its slot.
///
/// # Safety
/// As `TaskVtable::run`.
unsafe fn draw(payload: Payload) -> Outcome {
    // SAFETY: made by `ticket`; the slot is alive while a worker of its pool runs tasks.
    let slot = unsafe { &*payload[0].assume_init().cast::<Slot>() };
    if let Some(taken) = slot.take(0, |_| true) {
        Context::with(|context| {
            run_taken(context.expect("tickets are drawn by workers"), taken);
        });
    }
    Outcome::Void
}

/// Leaves the slot marked as if the ticket were still queued: its pool is coming to an end, and the frame's owner reclaims it.
unsafe fn discard(_: Payload) {}

unsafe fn withdraw(_: &Payload) -> Withdrawal {
    Withdrawal::Void
}
