//! The shared cell of a spawned task: closure, then result, and who may touch which when.
//!
//! A cell has up to two references: the *item* (the [`Task`] in a queue) and the *holder* (a
//! [`JoinHandle`](crate::JoinHandle), or an outside thread in `install`). Whoever gives up the last one frees it. All
//! of its life is in one atomic word:
//!
//! ```text
//!            claim                 run, store result
//! waiting ──────────► CLAIMED ─────────────────────► CLAIMED | DONE
//!    │  cancel
//!    └──────────────► CLAIMED | CANCELLED
//! ```
//!
//! - The *closure* belongs to whoever set `CLAIMED`.
//! - The *result* belongs to the holder once `DONE` is set, or to whoever frees the cell.
//! - The *waker slot* belongs to the holder while `WAKER` is clear and neither `DONE` nor `CANCELLED` is set, and else
//!   to whoever clears `WAKER`, or frees the cell with `WAKER` set.
//!
//! Any worker of the pool may claim a waiting cell without its item: that is how a waiter runs what it waits for wherever
//! the strategy keeps the item. The item is then a shell, and the worker that meets it only frees it.

mod holder;

pub(crate) use holder::Holder;

use crate::payload::Payload;
use crate::sync::UnsafeCell;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::task::{Outcome, Task, TaskVtable, Withdrawal};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;
use std::task::Waker;

/// What a task leaves: its value or the payload of its panic.
pub(crate) type TaskResult<R> = Result<R, Box<dyn Any + Send>>;

/// Somebody has taken the closure, to run or to drop it. Never unset once set.
const CLAIMED: u32 = 1 << 0;
/// The result is stored. Never unset once set. Excludes `CANCELLED`.
const DONE: u32 = 1 << 1;
/// The closure will not run. Set together with `CLAIMED`, never unset once set. Excludes `DONE`.
const CANCELLED: u32 = 1 << 2;
/// The waker slot holds a waker to be woken at the end.
const WAKER: u32 = 1 << 3;
/// The item still exists. Never set again once unset.
const ITEM: u32 = 1 << 4;
/// The holder still exists. Never set again once unset.
const HOLDER: u32 = 1 << 5;
/// The task was taken out of its pool unrun, which has counted it as returned: whoever claims it later does not count it. Never
/// unset once set.
const WITHDRAWN: u32 = 1 << 6;

/// The part of a cell that does not depend on the closure.
struct Header {
    state: AtomicU32,
    /// Identifies the pool. Compared, never followed.
    pool: usize,
    vtable: &'static CellVtable,
    waker: UnsafeCell<Option<Waker>>,
}

struct CellVtable {
    /// Runs the closure and stores the result. `true` if it panicked. Never unwinds. The caller has claimed the cell.
    run: unsafe fn(NonNull<Header>) -> bool,
    /// Drops the closure. May unwind out of its `Drop`. The caller has claimed the cell.
    drop_closure: unsafe fn(NonNull<Header>),
    /// Moves the closure to the given `Option<F>`. The caller has claimed the cell.
    take_closure: unsafe fn(NonNull<Header>, *mut ()),
    /// Frees the cell, dropping what is still in it. May unwind out of the result's `Drop`, with the memory freed.
    free: unsafe fn(NonNull<Header>),
    /// Moves the stored result to the given `Option<TaskResult<R>>`. The cell is `DONE` and the result is the caller's.
    take_result: unsafe fn(NonNull<Header>, *mut ()),
    /// Takes the panic out of a stored result, if it is one. As for `take_result`.
    take_panic: unsafe fn(NonNull<Header>) -> Option<Box<dyn Any + Send>>,
}

enum Stage<F, R> {
    Closure(F),
    Running,
    Result(TaskResult<R>),
    Taken,
}

#[repr(C)]
struct TaskCell<F, R> {
    header: Header,
    stage: UnsafeCell<Stage<F, R>>,
}

/// What a cell's item does when it is taken out of its pool or dropped unrun.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Goes back to the user; dropped, it cancels the task.
    Owned,
    /// Cancels the task: the holder waits on another thread's stack and must learn of it.
    Awaited,
}

impl Kind {
    fn vtable(self) -> &'static TaskVtable {
        match self {
            Self::Owned => &TaskVtable { run: run_item, discard: discard_item, withdraw: withdraw_owned },
            Self::Awaited => &TaskVtable { run: run_item, discard: discard_item, withdraw: withdraw_awaited },
        }
    }
}

/// Makes a cell around `f`: the item for the queue and the holder for whoever waits.
///
/// `pool` identifies the pool whose workers may claim it. One allocation.
///
/// # Safety
/// What `f` borrows outlives the last moment at which the cell can be claimed and its run, and `R` outlives the holder.
/// With `F: 'static` and `R: 'static` that is always so.
pub(crate) unsafe fn new<F, R>(pool: usize, kind: Kind, f: F) -> (Task, Holder<R>)
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    let cell = Box::new(TaskCell {
        header: Header {
            state: AtomicU32::new(ITEM | HOLDER),
            pool,
            vtable: const { &TaskCell::<F, R>::VTABLE },
            waker: UnsafeCell::new(None),
        },
        stage: UnsafeCell::new(Stage::<F, R>::Closure(f)),
    });
    // The header is the first field of a `repr(C)` struct, so the two pointers are one.
    let header = NonNull::from(Box::leak(cell)).cast::<Header>();
    let payload = Payload::pointer(header.as_ptr());
    // SAFETY: the payload is what each of these vtables expects: a cell with its item reference, given away here. `F` and
    // `R` are `Send`, and the caller vouches for their lifetimes.
    let task = unsafe { Task::from_raw(kind.vtable(), payload) };
    (task, Holder::new(header))
}

impl<F: FnOnce() -> R + Send, R: Send> TaskCell<F, R> {
    const VTABLE: CellVtable = CellVtable {
        run: Self::run,
        drop_closure: Self::drop_closure,
        take_closure: Self::take_closure,
        free: Self::free,
        take_result: Self::take_result,
        take_panic: Self::take_panic,
    };

    /// # Safety
    /// `header` is that of a live `TaskCell<F, R>`.
    unsafe fn stage<T>(header: NonNull<Header>, f: impl FnOnce(*mut Stage<F, R>) -> T) -> T {
        // SAFETY: by this function's contract; only a shared reference to the cell is made.
        let cell = unsafe { header.cast::<Self>().as_ref() };
        cell.stage.with_mut(f)
    }

    /// # Safety
    /// The caller has claimed this live cell.
    unsafe fn run(header: NonNull<Header>) -> bool {
        // SAFETY: the claim makes the stage ours.
        let stage = unsafe { Self::stage(header, |stage| stage.replace(Stage::Running)) };
        let Stage::Closure(f) = stage else { unreachable!("a claimed cell holds its closure") };
        let result = catch_unwind(AssertUnwindSafe(f));
        let panicked = result.is_err();
        // SAFETY: still ours until `DONE` is set.
        unsafe { Self::stage(header, |stage| stage.write(Stage::Result(result))) };
        panicked
    }

    /// # Safety
    /// The caller has claimed this live cell.
    unsafe fn drop_closure(header: NonNull<Header>) {
        // SAFETY: the claim makes the stage ours.
        drop(unsafe { Self::stage(header, |stage| stage.replace(Stage::Taken)) });
    }

    /// # Safety
    /// The caller has claimed this live cell, and `out` points to an `Option<F>`.
    unsafe fn take_closure(header: NonNull<Header>, out: *mut ()) {
        // SAFETY: the claim makes the stage ours.
        let stage = unsafe { Self::stage(header, |stage| stage.replace(Stage::Taken)) };
        if let Stage::Closure(f) = stage {
            // SAFETY: `out` has this type, by this function's contract.
            unsafe { *out.cast::<Option<F>>() = Some(f) };
        }
    }

    /// # Safety
    /// Both references to this cell are gone, and nobody touches it again.
    unsafe fn free(header: NonNull<Header>) {
        // SAFETY: the cell came from a box in `new`, and this is its last use.
        drop(unsafe { Box::from_raw(header.cast::<Self>().as_ptr()) });
    }

    /// # Safety
    /// The cell is live, `DONE`, the result is the caller's, and `out` points to an `Option<TaskResult<R>>`.
    unsafe fn take_result(header: NonNull<Header>, out: *mut ()) {
        // SAFETY: the result is ours, by this function's contract.
        let stage = unsafe { Self::stage(header, |stage| stage.replace(Stage::Taken)) };
        if let Stage::Result(result) = stage {
            // SAFETY: `out` has this type, by this function's contract.
            unsafe { *out.cast::<Option<TaskResult<R>>>() = Some(result) };
        }
    }

    /// # Safety
    /// The cell is live, `DONE`, and the result is the caller's.
    unsafe fn take_panic(header: NonNull<Header>) -> Option<Box<dyn Any + Send>> {
        // SAFETY: the result is ours, by this function's contract.
        unsafe {
            Self::stage(header, |stage| match &*stage {
                Stage::Result(Err(_)) => match stage.replace(Stage::Taken) {
                    Stage::Result(Err(payload)) => Some(payload),
                    _ => None,
                },
                _ => None,
            })
        }
    }
}

/// # Safety
/// `payload` came from `new` and is alive.
unsafe fn header_of(payload: &Payload) -> NonNull<Header> {
    // SAFETY: `new` initialised the first word with a non-null pointer.
    unsafe { NonNull::new_unchecked(payload.first::<Header>().cast_mut()) }
}

/// # Safety
/// `payload` came from `new`; its item reference is given away.
unsafe fn run_item(payload: Payload, _pool: usize) -> Outcome {
    // SAFETY: passed on; the item reference keeps the cell alive until it is released below.
    let header = unsafe { header_of(&payload) };
    // SAFETY: alive, as above.
    let state = &unsafe { header.as_ref() }.state;
    // Acquire: pairs with the queue's own release, and with the claim of a canceller.
    let old = state.fetch_or(CLAIMED, Ordering::Acquire);
    if old & CLAIMED != 0 {
        // SAFETY: the item reference is ours to give up.
        unsafe { release(header, ITEM) };
        return if old & CANCELLED != 0 { Outcome::Cancelled } else { Outcome::Void };
    }
    // SAFETY: claimed just now.
    let panicked = unsafe { (header.as_ref().vtable.run)(header) };
    // SAFETY: we ran it, and the item reference is ours.
    unsafe { complete(header, ITEM) };
    if panicked { Outcome::Panicked } else { Outcome::Completed }
}

/// # Safety
/// As for `run_item`.
unsafe fn discard_item(payload: Payload) {
    // SAFETY: passed on.
    let header = unsafe { header_of(&payload) };
    let release_at_end = ReleaseOnDrop { header, reference: ITEM };
    // SAFETY: alive: the item reference is released at the end of this scope.
    unsafe { cancel(header) };
    drop(release_at_end);
}

/// # Safety
/// `payload` came from `new` and is alive.
unsafe fn withdraw_owned(payload: &Payload) -> Withdrawal {
    // SAFETY: passed on; the item reference keeps the cell alive.
    let state = unsafe { &header_of(payload).as_ref().state };
    // Relaxed: no data is read on the strength of it. The bit shares one word with `CLAIMED`, which decides who counts.
    match state
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| (old & CLAIMED == 0).then_some(old | WITHDRAWN))
    {
        Ok(_) => Withdrawal::Returned,
        Err(old) if old & CANCELLED != 0 => Withdrawal::Cancelled,
        Err(_) => Withdrawal::Void,
    }
}

/// # Safety
/// `payload` came from `new` and is alive.
unsafe fn withdraw_awaited(payload: &Payload) -> Withdrawal {
    // SAFETY: passed on. The holder never claims (it is outside the pool), so an item that exists has not started.
    match unsafe { withdraw_owned(payload) } {
        Withdrawal::Returned => Withdrawal::Cancelled,
        other => other,
    }
}

/// Releases a reference even if user code unwinds.
struct ReleaseOnDrop {
    header: NonNull<Header>,
    reference: u32,
}

impl Drop for ReleaseOnDrop {
    fn drop(&mut self) {
        // SAFETY: whoever made the guard gave it this reference.
        unsafe { release(self.header, self.reference) }
    }
}

/// Gives up one reference and frees the cell with the last.
///
/// # Safety
/// The caller owns `reference` and does not touch the cell again.
unsafe fn release(header: NonNull<Header>, reference: u32) {
    // SAFETY: alive until this reference is gone.
    let (state, vtable) = unsafe { (&header.as_ref().state, header.as_ref().vtable) };
    // AcqRel: what was done under this reference happens before the free; pairs with the other reference's release.
    let old = state.fetch_and(!reference, Ordering::AcqRel);
    if old & (ITEM | HOLDER) == reference {
        // SAFETY: that was the last reference.
        unsafe { (vtable.free)(header) };
    }
}

/// Claims a waiting cell in order to drop its closure. `true` if it had not been claimed.
///
/// # Safety
/// The cell is alive until this returns.
unsafe fn cancel(header: NonNull<Header>) -> bool {
    // SAFETY: alive, by this function's contract.
    let this = unsafe { header.as_ref() };
    // AcqRel: Acquire for the closure and the waker slot, whose last writer released with its own change of the word;
    // Release so that the holder that reads `CANCELLED` finds the slot given up.
    let claimed = this.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |old| {
        (old & CLAIMED == 0).then_some((old | CLAIMED | CANCELLED) & !WAKER)
    });
    let Ok(old) = claimed else { return false };
    let waker = if old & WAKER != 0 { this.take_waker() } else { None };
    let _wake_at_end = WakeOnDrop(waker);
    // SAFETY: claimed just now.
    unsafe { (this.vtable.drop_closure)(header) };
    true
}

struct WakeOnDrop(Option<Waker>);

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}

/// Publishes the stored result and gives up `reference`.
///
/// If nobody holds the cell any more, the result ends here: a panic is passed on by unwinding, to the panic handler, and so
/// is one in the result's `Drop` or in the waker.
///
/// # Safety
/// The caller claimed the cell, stored a result and owns `reference`.
unsafe fn complete(header: NonNull<Header>, reference: u32) {
    // SAFETY: alive until our reference is released.
    let this = unsafe { header.as_ref() };
    // Relaxed: the exchange decides.
    let mut old = this.state.load(Ordering::Relaxed);
    let waker = loop {
        let new = if old & WAKER == 0 { (old | DONE) & !reference } else { (old | DONE) & !WAKER };
        // Release: the holder that reads `DONE` (Acquire) sees the result. Acquire: we see the waker it stored before it
        // set `WAKER` (Release), and what a dropped holder did.
        match this.state.compare_exchange_weak(old, new, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) if old & WAKER == 0 => break None,
            Ok(_) => break Some(this.take_waker()),
            Err(now) => old = now,
        }
    };
    let (mut panic, mut held) = (None, old & (ITEM | HOLDER));
    if let Some(waker) = waker {
        // Our reference still stands: the slot lies in the cell.
        panic = catch_unwind(AssertUnwindSafe(|| waker.map_or((), Waker::wake))).err();
        // AcqRel: as in `release`.
        held = this.state.fetch_and(!reference, Ordering::AcqRel) & (ITEM | HOLDER);
    }
    if held == reference {
        // SAFETY: the last reference is gone, so result and cell are ours.
        unsafe {
            panic = (this.vtable.take_panic)(header).or(panic);
            (this.vtable.free)(header);
        }
    }
    if let Some(payload) = panic {
        resume_unwind(payload);
    }
}

impl Header {
    /// The waker of a slot that is the caller's.
    fn take_waker(&self) -> Option<Waker> {
        // SAFETY: whoever clears `WAKER`, or has it clear as the holder, owns the slot; both callers do.
        self.waker.with_mut(|slot| unsafe { (*slot).take() })
    }
}
