//! [`ForkStack`]: the frames of the joins that a worker is in, oldest first. And what a thread's joins look at first.

use super::board::{Board, SLOTS};
use super::frame::Frame;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::thread_local;
use std::cell::{Cell, RefCell};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

thread_local! {
    /// In the thread's own memory rather than behind its [`Context`](crate::worker::Context), so that the hot path of
    /// `join` asks few questions, which have answers on every thread.
    static CALM: Calm = const {
        Calm { down_to: Cell::new(0), hunger: Cell::new(nobody()), has_room: Cell::new(false) }
    };
}

/// What a join looks at first.
struct Calm {
    /// Joins that lie above this address on the thread's stack need no frame as long as there is no demand.
    /// `usize::MAX` while the worker has too few frames in stock; 0 on a thread without other workers to offer to.
    down_to: Cell<usize>,
    /// [`Board::hunger`].
    hunger: Cell<*const AtomicUsize>,
    /// The worker has seen a free slot on its board, and nothing to put there.
    has_room: Cell<bool>,
}

/// The demand that a thread outside any pool sees: there never is any.
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
    fn is_hungry(&self) -> bool {
        let hunger = self.hunger.get();
        #[cfg(loom)]
        if hunger.is_null() {
            return false;
        }
        // SAFETY: static, or set by `enter` for as long as the worker's board lives.
        // Relaxed: a hint; what the owner does with it is ordered by `Board::settle`.
        unsafe { &*hunger }.load(Ordering::Relaxed) != 0
    }
}

/// Whether a join needs no frame now: there is no demand beyond what is exposed, there is stock for demand to come, and
/// not too many joins have gone without a frame since.
#[inline(always)]
pub(crate) fn is_calm() -> bool {
    let here = MaybeUninit::<u8>::uninit();
    let here = (&raw const here).addr();
    CALM.try_with(|calm| here >= calm.down_to.get() && !calm.is_hungry()).unwrap_or(true)
}

/// Whether there may be demand for more than is exposed.
#[inline(always)]
pub(crate) fn is_hungry() -> bool {
    CALM.try_with(|calm| calm.has_room.get() || calm.is_hungry()).unwrap_or(false)
}

/// The frames of one worker, and how many it should have.
///
/// No worker can help later with a join that makes no frame. So a worker begins each task with a large stock as its
/// goal: coarse work makes few frames, and each counts. Work that makes many in a short time is fine, and one in stock
/// is enough for it. In any case, joins that lie deep below the stock on the thread's stack make frames again, so that
/// only a bounded part of a deep recursion lacks frames.
#[derive(Default)]
pub(crate) struct ForkStack {
    frames: RefCell<Vec<NonNull<Frame>>>,
    /// This many of the oldest have been exposed at some time.
    exposed: Cell<usize>,
    /// Which taken frame this thread runs, from which height of `frames` on.
    origins: RefCell<Vec<Origin>>,
    /// Whether the work in hand makes many frames in a short time.
    fine: Cell<bool>,
    /// This many more frames until that is looked at again ...
    until_look: Cell<u32>,
    /// ... and when it was looked at last, if at all in this task.
    looked: Cell<Option<Instant>>,
    /// Counts the tasks that this worker has begun.
    task: Cell<u64>,
    /// The task under which each slot's last ticket was made.
    tickets: [Cell<u64>; SLOTS],
}

#[derive(Clone, Copy)]
struct Origin {
    from: usize,
    taken: NonNull<Frame>,
}

impl ForkStack {
    /// Work that makes this many frames ...
    const MANY: u32 = 64;
    /// ... in so short a time is fine.
    const SHORT: Duration = Duration::from_micros(64);
    /// Frames in stock for work that may be coarse.
    const LARGE_STOCK: usize = 32;
    /// Frames in stock for work that is fine.
    const SMALL_STOCK: usize = 1;
    /// A join without a frame may lie this far below the stock, in bytes: room for the depth of most recursions.
    const REACH: usize = 2048;

    /// Makes the joins of this thread those of a worker with `board`, until [`leave`](Self::leave).
    pub(crate) fn enter(board: &Board) {
        CALM.with(|calm| {
            calm.down_to.set(usize::MAX);
            calm.hunger.set(&*board.hunger);
            calm.has_room.set(false);
        });
    }

    /// Makes this thread one without a worker again.
    pub(crate) fn leave() {
        let _ = CALM.try_with(|calm| {
            calm.down_to.set(0);
            calm.hunger.set(nobody());
            calm.has_room.set(false);
        });
    }

    /// An item from the queue is about to run: a ticket, or a task, which may be fine or coarse.
    #[inline]
    pub(crate) fn begin(&self, ticket: bool) {
        self.task.set(self.task.get() + 1);
        if !ticket {
            self.fine.set(false);
            self.until_look.set(Self::MANY);
            self.looked.set(None);
        }
    }

    /// The number of the task in hand, from 1, among those that this worker has taken from the queue.
    pub(crate) fn task(&self) -> u64 {
        self.task.get()
    }

    /// Whether the work in hand makes many frames in a short time.
    pub(crate) fn is_fine(&self) -> bool {
        self.fine.get()
    }

    /// Whether the slot's last ticket was made under the task in hand, which counts as its maker from now on. If not,
    /// the ticket may be anywhere in the strategy's order.
    pub(crate) fn has_fresh_ticket(&self, slot: usize) -> bool {
        self.tickets[slot].replace(self.task.get()) == self.task.get()
    }

    /// Puts a frame on top and returns its place.
    pub(crate) fn push(&self, frame: NonNull<Frame>) -> usize {
        match self.until_look.get() {
            Self::MANY if self.looked.get().is_none() => self.looked.set(Some(Instant::now())),
            0 => self.look(),
            _ => {}
        }
        self.until_look.set(self.until_look.get().saturating_sub(1));
        let mut frames = self.frames.borrow_mut();
        frames.push(frame);
        frames.len() - 1
    }

    /// Many frames have been made since the last look.
    #[cold]
    fn look(&self) {
        let now = Instant::now();
        self.fine.set(self.looked.get().is_some_and(|last| now.duration_since(last) < Self::SHORT));
        self.looked.set(Some(now));
        self.until_look.set(Self::MANY);
    }

    /// Takes the frame at `place`, the top one, off. `true` if it has always been private, so that it is the caller's.
    pub(crate) fn pop(&self, place: usize) -> bool {
        let mut frames = self.frames.borrow_mut();
        debug_assert_eq!(place + 1, frames.len());
        frames.truncate(place);
        let private = self.exposed.get() <= place;
        if !private {
            self.exposed.set(place);
        }
        private
    }

    /// Brings what joins look at first up to date, after the stock or the board has changed. The board `has_room` if no
    /// private frame was left for a free slot.
    pub(crate) fn settle(&self, others: usize, has_room: bool) {
        let wanted = match (others, self.fine.get()) {
            (0, _) => 0,
            (_, true) => Self::SMALL_STOCK,
            (_, false) => Self::LARGE_STOCK,
        };
        let frames = self.frames.borrow();
        let stock = &frames[self.exposed.get()..];
        let down_to = if wanted == 0 {
            0
        } else if stock.len() < wanted {
            usize::MAX
        } else {
            stock[stock.len().min(Self::LARGE_STOCK) - 1].addr().get().saturating_sub(Self::REACH)
        };
        CALM.with(|calm| {
            calm.down_to.set(down_to);
            calm.has_room.set(has_room);
        });
    }

    /// The oldest frame that was never exposed, with its place.
    pub(crate) fn oldest_private(&self) -> Option<(NonNull<Frame>, usize)> {
        let place = self.exposed.get();
        self.frames.borrow().get(place).map(|&frame| (frame, place))
    }

    /// The frame that `oldest_private` gave is to be exposed.
    pub(crate) fn count_exposed(&self) {
        self.exposed.set(self.exposed.get() + 1);
    }

    /// From here up to [`pop_origin`](Self::pop_origin), what is pushed was forked by `taken`.
    pub(crate) fn push_origin(&self, taken: NonNull<Frame>) {
        let from = self.frames.borrow().len();
        self.origins.borrow_mut().push(Origin { from, taken });
    }

    pub(crate) fn pop_origin(&self) {
        self.origins.borrow_mut().pop();
    }

    /// Under which taken frame the frame at `place` was pushed, or null.
    pub(crate) fn origin_of(&self, place: usize) -> *mut Frame {
        let origins = self.origins.borrow();
        origins.iter().rev().find(|origin| origin.from <= place).map_or(ptr::null_mut(), |origin| origin.taken.as_ptr())
    }
}
