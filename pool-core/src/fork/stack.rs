//! [`ForkStack`]: the frames of the joins that a worker is in, oldest first. And what a thread's joins look at first.

use super::Frame;
use super::board::Board;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::thread_local;
use std::cell::{Cell, RefCell};
use std::ptr::{self, NonNull};

thread_local! {
    /// In the thread's own memory rather than behind its [`Context`](crate::context::Context), so that the hot path of
    /// `join` asks one question, which has an answer on every thread.
    static CALM: Calm = const { Calm { stocked: Cell::new(1), hunger: Cell::new(nobody()) } };
}

/// What a join looks at first.
struct Calm {
    /// 1 if this worker has as many frames to expose later as it should have, or has no use for any; else 0.
    stocked: Cell<usize>,
    /// [`Board::hunger`].
    hunger: Cell<*const AtomicUsize>,
}

/// The hunger for what threads that are no workers could offer.
#[cfg(not(loom))]
const fn nobody() -> *const AtomicUsize {
    static NOBODY: AtomicUsize = AtomicUsize::new(0);
    &raw const NOBODY
}

/// Loom's atomics cannot be static.
#[cfg(loom)]
const fn nobody() -> *const AtomicUsize {
    ptr::null()
}

impl Calm {
    #[inline(always)]
    fn hunger(&self) -> usize {
        let hunger = self.hunger.get();
        #[cfg(loom)]
        if hunger.is_null() {
            return 0;
        }
        // SAFETY: static, or set by `enter` for as long as the worker's board lives.
        // Relaxed: a hint; what the owner does upon it is ordered by `Board::settle`.
        unsafe { &*hunger }.load(Ordering::Relaxed)
    }
}

/// Whether nobody would take a frame that is not exposed yet, and there is stock for those to come: a join now needs no frame.
#[inline(always)]
pub(crate) fn is_calm() -> bool {
    CALM.with(|calm| calm.stocked.get() > calm.hunger())
}

/// Whether somebody may want more than is exposed.
#[inline(always)]
pub(super) fn is_hungry() -> bool {
    CALM.with(|calm| calm.hunger() != 0)
}

/// The frames of one worker.
#[derive(Default)]
pub(crate) struct ForkStack {
    frames: RefCell<Vec<NonNull<Frame>>>,
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
    /// Makes the joins of this thread those of a worker with `board`, until [`leave`](Self::leave).
    pub(crate) fn enter(board: &Board) {
        CALM.with(|calm| {
            calm.stocked.set(0);
            calm.hunger.set(&*board.hunger);
        });
    }

    /// Makes this thread one without a worker again.
    pub(crate) fn leave() {
        let _ = CALM.try_with(|calm| {
            calm.stocked.set(1);
            calm.hunger.set(nobody());
        });
    }

    /// Puts a frame on top and returns its place.
    pub(super) fn push(&self, frame: NonNull<Frame>) -> usize {
        let mut frames = self.frames.borrow_mut();
        frames.push(frame);
        frames.len() - 1
    }

    /// Takes the frame at `place`, the top one, off. `true` if it has always been private, so that it is the caller's.
    pub(super) fn pop(&self, place: usize) -> bool {
        let mut frames = self.frames.borrow_mut();
        debug_assert_eq!(place + 1, frames.len());
        frames.truncate(place);
        let private = self.exposed.get() <= place;
        if !private {
            self.exposed.set(place);
        }
        private
    }

    /// When the stock has changed: are there `wanted` frames that were never exposed?
    pub(super) fn settle(&self, wanted: usize) {
        let stock = self.frames.borrow().len() - self.exposed.get();
        CALM.with(|calm| calm.stocked.set(usize::from(stock >= wanted)));
    }

    /// The oldest frame that was never exposed, with its place.
    pub(super) fn oldest_private(&self) -> Option<(NonNull<Frame>, usize)> {
        let place = self.exposed.get();
        self.frames.borrow().get(place).map(|&frame| (frame, place))
    }

    /// The frame that `oldest_private` gave is to be exposed.
    pub(super) fn count_exposed(&self) {
        self.exposed.set(self.exposed.get() + 1);
    }

    /// From here up to [`pop_origin`](Self::pop_origin), what is pushed was forked by `taken`.
    pub(super) fn push_origin(&self, taken: NonNull<Frame>) {
        let from = self.frames.borrow().len();
        self.origins.borrow_mut().push(Origin { from, taken });
    }

    pub(super) fn pop_origin(&self) {
        self.origins.borrow_mut().pop();
    }

    /// Under which taken frame the frame at `place` was pushed, or null.
    pub(super) fn origin_of(&self, place: usize) -> *mut Frame {
        let origins = self.origins.borrow();
        origins.iter().rev().find(|origin| origin.from <= place).map_or(ptr::null_mut(), |origin| origin.taken.as_ptr())
    }
}
