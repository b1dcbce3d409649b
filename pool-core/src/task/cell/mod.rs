//! The shared cell of a spawned task: closure, then result, and which thread may touch which when.
//!
//! A cell has up to two references: the *item* (the [`Task`] in a queue) and the *holder* (a
//! [`JoinHandle`](crate::JoinHandle), or an outside thread in `install`). The thread that gives up the last one frees
//! it. All of its life is in one atomic word, whose transitions [`state`] names.
//!
//! - The *closure* belongs to the thread that claimed the cell.
//! - The *result* belongs to the holder once the cell is done, or to the thread that frees the cell.
//! - The *waker slot* belongs to the holder while no waker is on offer and the cell has not ended, and otherwise to the
//!   thread that retracts the offer, or frees the cell.
//!
//! Any worker of the pool may claim a waiting cell without its item: that is how a waiter runs what it waits for wherever
//! the strategy keeps the item. The item is then a shell, and the worker that meets it only frees it.

mod closure;
mod holder;
mod state;

pub(crate) use holder::Holder;

use super::payload::Payload;
use super::{Discarded, Outcome, Task, TaskKind, TaskVtable, Withdrawal};
use crate::error::panic;
use crate::sync::UnsafeCell;
use closure::{Boxed, Hold, InCell};
use state::{Claim, Completion, Reference, State};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;
use std::task::Waker;

/// What a task leaves: its value or the payload of its panic.
pub(crate) type TaskResult<R> = Result<R, panic::Payload>;

/// The part of a cell that does not depend on the closure.
struct Header {
    state: State,
    /// Identifies the pool. Compared, never followed.
    pool: usize,
    vtable: &'static CellVtable,
    waker: UnsafeCell<Option<Waker>>,
}

struct CellVtable {
    /// Runs the closure and stores the result. Never unwinds. The caller has claimed the cell.
    run: unsafe fn(NonNull<Header>) -> Outcome,
    /// Drops the closure. May unwind out of its `Drop`. The caller has claimed the cell.
    drop_closure: unsafe fn(NonNull<Header>),
    /// Moves the closure to the given `Option<F>`. The caller has claimed the cell.
    take_closure: unsafe fn(NonNull<Header>, *mut ()),
    /// Frees the cell, dropping what is still in it. May unwind out of the result's `Drop`, with the memory freed.
    free: unsafe fn(NonNull<Header>),
    /// Moves the stored result to the given `Option<TaskResult<R>>`. The cell is `DONE` and the result is the caller's.
    take_result: unsafe fn(NonNull<Header>, *mut ()),
    /// Takes the panic out of a stored result, if it is one. As for `take_result`.
    take_panic: unsafe fn(NonNull<Header>) -> Option<panic::Payload>,
}

/// `C` holds the closure.
enum Stage<C, R> {
    Closure(C),
    Running,
    Result(TaskResult<R>),
    Taken,
}

#[repr(C)]
struct TaskCell<C, F, R> {
    header: Header,
    stage: UnsafeCell<Stage<C, R>>,
    closure: PhantomData<F>,
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
            Self::Owned => {
                &TaskVtable { kind: TaskKind::Work, run: run_item, discard: discard_item, withdraw: withdraw_owned }
            }
            Self::Awaited => &TaskVtable {
                kind: TaskKind::Awaited,
                run: run_item,
                discard: discard_item,
                withdraw: withdraw_awaited,
            },
        }
    }
}

/// Makes a cell around `f`: the item for the queue and the holder for the thread that waits.
///
/// `pool` identifies the pool whose workers may claim it. One allocation; two for a [large](closure) closure.
///
/// # Safety
/// What `f` borrows outlives the last moment at which the cell can be claimed and its run, and `R` outlives the holder.
/// With `F: 'static` and `R: 'static` that is always so.
pub(crate) unsafe fn new<F, R>(pool: usize, kind: Kind, f: F) -> (Task, Holder<R>)
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    // SAFETY: passed on.
    unsafe {
        if const { size_of::<F>() > closure::LARGEST_IN_CELL } {
            make::<Boxed<F>, F, R>(pool, kind, f)
        } else {
            make::<InCell<F>, F, R>(pool, kind, f)
        }
    }
}

/// # Safety
/// As for [`new`].
unsafe fn make<C, F, R>(pool: usize, kind: Kind, f: F) -> (Task, Holder<R>)
where
    C: Hold<F, R>,
    F: FnOnce() -> R + Send,
    R: Send,
{
    let cell = Box::new(TaskCell {
        header: Header {
            state: State::new(),
            pool,
            vtable: const { &TaskCell::<C, F, R>::VTABLE },
            waker: UnsafeCell::new(None),
        },
        stage: UnsafeCell::new(Stage::<C, R>::Closure(C::hold(f))),
        closure: PhantomData::<F>,
    });
    // The header is the first field of a `repr(C)` struct, so the two pointers are one.
    let header = NonNull::from(Box::leak(cell)).cast::<Header>();
    let payload = Payload::pointer(header.as_ptr());
    // SAFETY: the payload is what each of these vtables expects: a cell with its item reference, given away here. `F` and
    // `R` are `Send`, and the caller vouches for their lifetimes.
    let task = unsafe { Task::from_raw(kind.vtable(), payload) };
    (task, Holder::new(header))
}

impl<C: Hold<F, R>, F: FnOnce() -> R + Send, R: Send> TaskCell<C, F, R> {
    const VTABLE: CellVtable = CellVtable {
        run: Self::run,
        drop_closure: Self::drop_closure,
        take_closure: Self::take_closure,
        free: Self::free,
        take_result: Self::take_result,
        take_panic: Self::take_panic,
    };

    /// # Safety
    /// `header` is that of a live `TaskCell<C, F, R>`.
    unsafe fn stage<T>(header: NonNull<Header>, f: impl FnOnce(*mut Stage<C, R>) -> T) -> T {
        // SAFETY: by this function's contract; only a shared reference to the cell is made.
        let cell = unsafe { header.cast::<Self>().as_ref() };
        cell.stage.with_mut(f)
    }

    /// # Safety
    /// The caller has claimed this live cell.
    unsafe fn run(header: NonNull<Header>) -> Outcome {
        // SAFETY: the claim makes the stage ours.
        let stage = unsafe { Self::stage(header, |stage| stage.replace(Stage::Running)) };
        let Stage::Closure(f) = stage else { unreachable!("a claimed cell holds its closure") };
        let result = catch_unwind(AssertUnwindSafe(|| f.call()));
        let outcome = result.as_ref().err().map_or(Outcome::Completed, Outcome::unwound);
        // SAFETY: still ours until `DONE` is set.
        unsafe { Self::stage(header, |stage| stage.write(Stage::Result(result))) };
        outcome
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
            unsafe { *out.cast::<Option<F>>() = Some(f.give_back()) };
        }
    }

    /// # Safety
    /// Both references to this cell are gone, and this is the last access to it.
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
    unsafe fn take_panic(header: NonNull<Header>) -> Option<panic::Payload> {
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
    let claim = unsafe { header.as_ref() }.state.claim();
    if let Claim::Ours { .. } = claim {
        // SAFETY: claimed just now.
        let outcome = unsafe { (header.as_ref().vtable.run)(header) };
        // SAFETY: we ran it, and the item reference is ours.
        unsafe { complete(header, Reference::Item) };
        outcome
    } else {
        // SAFETY: the item reference is ours to give up.
        unsafe { release(header, Reference::Item) };
        if claim == Claim::Cancelled { Outcome::Cancelled } else { Outcome::Void }
    }
}

/// # Safety
/// As for `run_item`.
unsafe fn discard_item(payload: Payload) -> Discarded {
    // SAFETY: passed on.
    let header = unsafe { header_of(&payload) };
    let release_at_end = ReleaseOnDrop { header, reference: Reference::Item };
    // SAFETY: alive: the item reference is released at the end of this scope.
    let is_ours = unsafe { cancel(header) };
    // SAFETY: likewise.
    let is_shell = unsafe { header.as_ref() }.state.is_cancelled();
    drop(release_at_end);
    match (is_ours, is_shell) {
        (true, _) => Discarded::Task,
        (false, true) => Discarded::Shell,
        (false, false) => Discarded::Void,
    }
}

/// # Safety
/// `payload` came from `new` and is alive.
unsafe fn withdraw_owned(payload: &Payload) -> Withdrawal {
    // SAFETY: passed on; the item reference keeps the cell alive.
    let this = unsafe { header_of(payload).as_ref() };
    let (withdrawal, had_waker) = this.state.withdraw();
    if had_waker {
        // Foreign code, which may panic: the caller has its books to keep.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(WakeOnDrop(this.take_waker())))) {
            panic::drop_quietly(payload);
        }
    }
    withdrawal
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
    reference: Reference,
}

impl Drop for ReleaseOnDrop {
    fn drop(&mut self) {
        // SAFETY: the guard was given this reference when it was made.
        unsafe { release(self.header, self.reference) }
    }
}

/// Gives up one reference and frees the cell with the last.
///
/// # Safety
/// The caller owns `reference` and does not touch the cell again.
unsafe fn release(header: NonNull<Header>, reference: Reference) {
    // SAFETY: alive until this reference is gone.
    let (state, vtable) = unsafe { (&header.as_ref().state, header.as_ref().vtable) };
    if state.release(reference) {
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
    let Some(had_waker) = this.state.cancel() else { return false };
    let waker = if had_waker { this.take_waker() } else { None };
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
/// If there is no holder any more, the result ends here: a panic is passed on by unwinding, to the panic handler, and so
/// is one in the result's `Drop` or in the waker.
///
/// # Safety
/// The caller claimed the cell, stored a result and owns `reference`.
unsafe fn complete(header: NonNull<Header>, reference: Reference) {
    // SAFETY: alive until our reference is released.
    let this = unsafe { header.as_ref() };
    let (mut unwound, was_last) = match this.state.complete(reference) {
        Completion::Released { was_last } => (None, was_last),
        // Our reference still stands: the slot lies in the cell.
        Completion::MustWake => {
            let waker = this.take_waker();
            let unwound = catch_unwind(AssertUnwindSafe(|| waker.map_or((), Waker::wake))).err();
            (unwound, this.state.release(reference))
        }
    };
    if was_last {
        // SAFETY: the last reference is gone, so result and cell are ours.
        unsafe {
            unwound = (this.vtable.take_panic)(header).or(unwound);
            (this.vtable.free)(header);
        }
    }
    if let Some(payload) = unwound {
        resume_unwind(payload);
    }
}

impl Header {
    /// The waker of a slot that is the caller's.
    fn take_waker(&self) -> Option<Waker> {
        // SAFETY: a thread that retracts the offer of a waker, or is the holder while there is none, owns the slot;
        // all callers retracted it.
        self.waker.with_mut(|slot| unsafe { (*slot).take() })
    }
}
