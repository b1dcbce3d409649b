//! What comes in: the [`Inbox`] of [`Priority`](crate::Priority), and the places of its levels.

use std::mem;
use std::num::NonZeroU64;
use std::ops::{Index, IndexMut};

use crossbeam_utils::CachePadded;
use pool_core::strategy::chunks::ChunkQueue;

/// An item and its place in the order of all submissions.
///
/// The place comes first and is never zero, so that `None` is encoded in it. If a part of the item encoded it, the item
/// would be moved in other pieces than its reader expects, and the processor would wait for them to reach its cache.
#[repr(C)]
pub(crate) struct Waiting<T> {
    /// One more than the number of submissions before it.
    pub(crate) seq: NonZeroU64,
    pub(crate) item: T,
}

/// The level of submissions without a hint, if there are that many.
pub(crate) const PLAIN: usize = 1;

/// One `Q` for each level.
///
/// That of [`PLAIN`] lies in the value itself: beside the lock and what else is used with it, so that the most frequent
/// items take as few cache lines from other threads as possible.
#[repr(C)]
pub(crate) struct PerLevel<Q> {
    plain: Q,
    /// By level. The one in the place of `PLAIN` is not used.
    others: Box<[CachePadded<Q>]>,
}

impl<Q> PerLevel<Q> {
    pub(crate) fn new(levels: usize, make: impl Fn(usize) -> Q) -> Self {
        Self { plain: make(PLAIN), others: (0..levels).map(|level| CachePadded::new(make(level))).collect() }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Q> {
        (0..self.others.len()).map(|level| &self[level])
    }
}

impl<Q> Index<usize> for PerLevel<Q> {
    type Output = Q;

    #[inline(always)]
    fn index(&self, level: usize) -> &Q {
        if level == PLAIN { &self.plain } else { &self.others[level] }
    }
}

impl<Q> IndexMut<usize> for PerLevel<Q> {
    #[inline(always)]
    fn index_mut(&mut self, level: usize) -> &mut Q {
        if level == PLAIN { &mut self.plain } else { &mut self.others[level] }
    }
}

/// Submissions that no worker has looked at yet. All are later than everything in the [`Lanes`](crate::lanes::Lanes).
// In this order: see `PerLevel`.
#[repr(C)]
pub(crate) struct Inbox<T> {
    /// The oldest, so that a lone one lies on the line of the lock, which spares its taker another one.
    pub(crate) first: Option<T>,
    /// The level of the first.
    pub(crate) first_level: u8,
    /// Bit `l` is set while there is something of level `l`.
    pub(crate) levels: u64,
    /// How many submissions there have been, but for those that went to the lanes at once. See
    /// [`Lanes::push`](crate::lanes::Lanes::push).
    submitted: u64,
    /// All but the first.
    pub(crate) queues: PerLevel<ChunkQueue<Waiting<T>>>,
}

impl<T> Inbox<T> {
    pub(crate) fn new(levels: usize) -> Self {
        Self {
            first: None,
            first_level: 0,
            levels: 0,
            submitted: BEFORE_ALL,
            queues: PerLevel::new(levels, |_| ChunkQueue::new()),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.levels == 0
    }

    /// Accepts an item.
    #[inline(always)]
    pub(crate) fn push(&mut self, level: usize, item: T) {
        let seq = NonZeroU64::MIN.saturating_add(self.submitted);
        self.submitted = seq.get();
        let was_empty = self.is_empty();
        self.levels |= 1 << level;
        if was_empty {
            self.first_level = level as u8;
            // It was `None`: nothing to drop.
            mem::forget(self.first.replace(item));
        } else {
            self.queues[level].push_back(Waiting { seq, item });
        }
    }

    /// Takes the first, with its level, and puts it in order with the rest, which are submissions in a row.
    pub(crate) fn take_first(&mut self) -> Option<(usize, Waiting<T>)> {
        let item = self.first.take()?;
        let rest: usize = self.queues.iter().map(ChunkQueue::len).sum();
        let seq = NonZeroU64::new(self.submitted - rest as u64)?;
        Some((usize::from(self.first_level), Waiting { seq, item }))
    }
}

/// An imaginary submission counts as dispatched before all others, so that there is always one that was dispatched
/// last.
pub(crate) const BEFORE_ALL: u64 = 1;
