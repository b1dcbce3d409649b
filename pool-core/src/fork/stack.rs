//! The joins that this thread is in: [`Depth`] counts them, [`ForkStack`] holds the frames of those that were put on offer.

use super::{Frame, Offer};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::thread_local;
use std::cell::{Cell, RefCell};
use std::ptr::{self, NonNull};

thread_local! {
    /// In the thread's own memory rather than behind its [`Context`](crate::context::Context): a plain join touches nothing
    /// else.
    static DEPTH: Depth = const { Depth::new() };
}

/// How deep in joins a thread is, and which depths go without a frame.
pub(super) struct Depth {
    /// Joins whose first half runs.
    now: Cell<usize>,
    /// The first depth of the window.
    floor: Cell<usize>,
    /// How many depths from `floor` on are plain: [`Board::window`](super::Board), or all on a thread that is no worker.
    window: Cell<*const AtomicUsize>,
}

/// The window of threads that are no workers.
#[cfg(not(loom))]
static NO_WORKER: AtomicUsize = AtomicUsize::new(usize::MAX);

impl Depth {
    const fn new() -> Self {
        Self { now: Cell::new(0), floor: Cell::new(0), window: Cell::new(Self::no_worker()) }
    }

    #[cfg(not(loom))]
    const fn no_worker() -> *const AtomicUsize {
        &raw const NO_WORKER
    }

    /// Loom's atomics cannot be static.
    #[cfg(loom)]
    const fn no_worker() -> *const AtomicUsize {
        ptr::null()
    }

    #[inline(always)]
    pub(super) fn with<R>(f: impl FnOnce(&Self) -> R) -> R {
        DEPTH.with(f)
    }

    #[inline(always)]
    fn window(&self) -> usize {
        let window = self.window.get();
        #[cfg(loom)]
        if window.is_null() {
            return usize::MAX;
        }
        // SAFETY: static, or set by `enter` for as long as the worker's board lives.
        // Relaxed: a hint; nothing is read on the strength of it.
        unsafe { &*window }.load(Ordering::Relaxed)
    }

    /// Whether a join here and now needs no frame.
    #[inline(always)]
    pub(super) fn is_plain(&self) -> bool {
        self.now.get().wrapping_sub(self.floor.get()) < self.window()
    }

    /// Whether joins are to be put on offer at whatever depth.
    #[inline(always)]
    pub(super) fn is_window_closed(&self) -> bool {
        self.window() == 0
    }

    #[inline(always)]
    pub(super) fn now(&self) -> usize {
        self.now.get()
    }

    #[inline(always)]
    pub(super) fn set(&self, depth: usize) {
        self.now.set(depth);
    }

    /// From here on, joins may be plain.
    pub(super) fn set_floor(&self) {
        self.floor.set(self.now.get());
    }
}

/// A worker's frames, oldest first. Touched by its thread alone.
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
    pub(crate) fn new() -> Self {
        Self { frames: RefCell::new(Vec::new()), exposed: Cell::new(0), origins: RefCell::new(Vec::new()) }
    }

    /// Makes this thread that of a worker whose board has this `window`, until [`leave`](Self::leave).
    pub(crate) fn enter(&self, window: &AtomicUsize) {
        Depth::with(|depth| depth.window.set(window));
    }

    /// Makes this thread one without a worker again. It is in no join.
    pub(crate) fn leave() {
        let _ = DEPTH.try_with(|depth| {
            debug_assert_eq!(depth.now.get(), 0);
            depth.window.set(Depth::no_worker());
            depth.floor.set(0);
        });
    }

    /// Puts a frame on top and goes one join deeper.
    pub(super) fn push(&self, frame: NonNull<Frame>) -> Offer {
        let mut frames = self.frames.borrow_mut();
        let place = frames.len();
        frames.push(frame);
        let depth = Depth::with(|depth| {
            let before = depth.now();
            depth.set(before + 1);
            before
        });
        Offer { place, depth }
    }

    /// Takes the top frame off and comes back from its join. `true` if it has always been private, so that it is the caller's.
    pub(super) fn pop(&self, offer: Offer) -> bool {
        let Offer { place, depth } = offer;
        let mut frames = self.frames.borrow_mut();
        debug_assert_eq!(frames.len(), place + 1);
        frames.truncate(place);
        Depth::with(|now| now.set(depth));
        let private = self.exposed.get() <= place;
        if !private {
            self.exposed.set(place);
        }
        private
    }

    /// How many frames were never exposed.
    pub(super) fn private(&self) -> usize {
        self.frames.borrow().len() - self.exposed.get()
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
