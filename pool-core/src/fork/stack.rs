//! [`ForkStack`]: the frames of the joins that this thread is in, oldest first.

use super::Frame;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::thread_local;
use std::cell::{Cell, RefCell};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

thread_local! {
    /// In the thread's own memory rather than behind its [`Context`](crate::context::Context), so that the hot path of
    /// `join` asks no question: on a thread that is no worker the limit is 0, and every fork goes the slow way.
    static STACK: ForkStack = const { ForkStack::new() };
}

/// The frames of one thread. A worker's own; empty elsewhere.
pub(super) struct ForkStack {
    /// The storage of the worker's [`ForkStorage`].
    base: Cell<*mut NonNull<Frame>>,
    len: Cell<usize>,
    /// So many of the oldest have been exposed at some time.
    exposed: Cell<usize>,
    /// From this height on, a fork goes the slow way: [`Board::limit`](super::board::Board), or nothing.
    limit: Cell<*const AtomicUsize>,
}

/// The limit of threads that are no workers.
#[cfg(not(loom))]
static NO_WORKER: AtomicUsize = AtomicUsize::new(0);

impl ForkStack {
    const fn new() -> Self {
        Self {
            base: Cell::new(ptr::null_mut()),
            len: Cell::new(0),
            exposed: Cell::new(0),
            limit: Cell::new(Self::no_worker()),
        }
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
        STACK.with(f)
    }

    #[inline(always)]
    fn limit(&self) -> usize {
        let limit = self.limit.get();
        #[cfg(loom)]
        if limit.is_null() {
            return 0;
        }
        // SAFETY: static, or set by `enter` for as long as the worker's board lives.
        // Relaxed: a hint of the thieves; as a bound it was written by this very thread.
        unsafe { &*limit }.load(Ordering::Relaxed)
    }

    /// Whether every fork goes the slow way, for its worker to look whether somebody is hungry.
    #[inline(always)]
    pub(super) fn is_limit_zero(&self) -> bool {
        self.limit() == 0
    }

    /// Puts a frame on top if that needs no second thought, and returns its place.
    #[inline(always)]
    pub(super) fn push(&self, frame: NonNull<Frame>) -> Option<usize> {
        let place = self.len.get();
        if place >= self.limit() {
            return None;
        }
        // SAFETY: the limit is never above the capacity.
        unsafe { self.put(frame) };
        Some(place)
    }

    /// # Safety
    /// `len` is below the storage's capacity.
    #[inline(always)]
    unsafe fn put(&self, frame: NonNull<Frame>) {
        let place = self.len.get();
        // SAFETY: within the storage, by this function's contract.
        unsafe { self.base.get().add(place).write(frame) };
        self.len.set(place + 1);
    }

    /// Takes the frame at `place`, the top one, off. `true` if it has always been private, so that it is the caller's.
    #[inline(always)]
    pub(super) fn pop(&self, place: usize) -> bool {
        self.len.set(place);
        self.exposed.get() <= place
    }

    /// The frame just popped had been exposed.
    pub(super) fn popped_exposed(&self) {
        self.exposed.set(self.len.get());
    }

    pub(super) fn len(&self) -> usize {
        self.len.get()
    }

    /// The oldest frame that was never exposed, with its place.
    pub(super) fn oldest_private(&self) -> Option<(NonNull<Frame>, usize)> {
        let place = self.exposed.get();
        // SAFETY: places below `len` lie in the storage and hold live frames.
        (place < self.len.get()).then(|| (unsafe { self.base.get().add(place).read() }, place))
    }

    /// The frame that `oldest_private` gave is to be exposed.
    pub(super) fn count_exposed(&self) {
        self.exposed.set(self.exposed.get() + 1);
    }
}

/// The memory behind a worker's [`ForkStack`].
pub(crate) struct ForkStorage {
    places: RefCell<Vec<MaybeUninit<NonNull<Frame>>>>,
    /// Which taken frame this thread runs from which height of the stack on.
    origins: RefCell<Vec<Origin>>,
}

#[derive(Clone, Copy)]
struct Origin {
    from: usize,
    taken: NonNull<Frame>,
}

impl ForkStorage {
    /// Room for this many frames before the storage grows: the depth of most recursions.
    const FIRST: usize = 256;

    pub(crate) fn new() -> Self {
        Self { places: RefCell::new(Vec::new()), origins: RefCell::new(Vec::new()) }
    }

    /// Makes the stack of this thread that of a worker whose board has `limit`, until [`leave`](Self::leave).
    pub(crate) fn enter(&self, limit: &AtomicUsize) {
        // The seat may have had another thread, whose storage was larger than ours, which is empty yet.
        limit.store(0, Ordering::Relaxed);
        ForkStack::with(|stack| stack.limit.set(limit));
    }

    /// Makes this thread one without a worker again. Its stack is empty.
    pub(crate) fn leave() {
        let _ = STACK.try_with(|stack| {
            debug_assert_eq!(stack.len.get(), 0);
            stack.limit.set(ForkStack::no_worker());
            stack.base.set(ptr::null_mut());
        });
    }

    /// Puts a frame on top of this thread's stack, after growing the storage if it is full.
    pub(super) fn put(&self, stack: &ForkStack, frame: NonNull<Frame>) {
        if stack.len() == self.capacity() {
            let mut places = self.places.borrow_mut();
            let capacity = (2 * places.len()).max(Self::FIRST);
            places.resize(capacity, MaybeUninit::uninit());
            stack.base.set(places.as_mut_ptr().cast());
        }
        // SAFETY: below the capacity, as was just seen to.
        unsafe { stack.put(frame) };
    }

    pub(super) fn capacity(&self) -> usize {
        self.places.borrow().len()
    }

    /// From here up to [`pop_origin`](Self::pop_origin), what is pushed was forked by `taken`.
    pub(super) fn push_origin(&self, taken: NonNull<Frame>) {
        let from = ForkStack::with(ForkStack::len);
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
