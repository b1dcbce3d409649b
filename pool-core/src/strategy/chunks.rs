//! [`ChunkQueue`]: a first-in-first-out queue in chunks, for strategies to put behind a lock.
//!
//! ```text
//!              first          middle                          last
//! pop ◄── [ · · · x x x ]  [ x x x x x x ] [ x x x x x x ]  [ x x x · · · ] ◄── push
//! ```
//!
//! A ring that doubles copies every item when it grows, under the lock, and needs up to twice the memory of its items.
//! Here an item is written once and read once, the memory is that of the items and of at most two chunks more (and of a
//! partly used one for each long queue that was appended), and a whole queue moves to another by exchanging pointers.
//! The longer the queue, the larger its new chunks, up to a limit.
//!
//! ```
//! use pool_core::strategy::chunks::ChunkQueue;
//!
//! let (mut inbox, mut waiting) = (ChunkQueue::new(), ChunkQueue::new());
//! waiting.push_back(1);
//! inbox.push_back(2);
//! inbox.push_back(3);
//! waiting.append(&mut inbox);
//! assert_eq!((waiting.len(), inbox.len()), (3, 0));
//! assert_eq!(waiting.partition_point(|&item| item < 3), 2);
//! assert_eq!(std::iter::from_fn(|| waiting.pop_front()).collect::<Vec<_>>(), [1, 2, 3]);
//! ```

#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::fmt;
use std::mem;

/// The memory that a chunk may take, in bytes.
const CHUNK_BYTES: usize = 4096;

/// [`ChunkQueue::append`] takes over the chunks of the other queue if at least the items of this many small chunks lie
/// between its two ends. That may leave the chunk before them partly used for good: one for every `SPLICED` full ones.
const SPLICED: usize = 4;

/// A list of chunks with at most this capacity is never shrunk.
const KEEP: usize = 32;

/// A first-in-first-out queue of chunks. No item is copied when it grows.
///
/// An empty queue holds at most two chunks, which it goes on using: a queue that hovers around empty allocates nothing.
/// All other memory goes back as soon as the items in it have been taken, that of a larger chunk at the next look for
/// an item.
// In this order, so that what a push needs comes first, on the cache line of a lock that lies before it, and what a pop
// needs next.
#[repr(C)]
pub struct ChunkQueue<T> {
    /// The newest items. It never grows beyond its capacity.
    last: VecDeque<T>,
    /// The oldest items. If empty, the oldest are the first of `middle`, or of `last` if that is empty, too.
    first: VecDeque<T>,
    /// How many items have come into `middle`, modulo a power of two.
    came: usize,
    /// How many have left it.
    left: usize,
    /// What lies between, none of it empty.
    middle: VecDeque<Chunk<T>>,
}

struct Chunk<T> {
    items: VecDeque<T>,
    /// What `came` was before these items.
    before: usize,
}

impl<T> ChunkQueue<T> {
    /// How many items a chunk of a short queue holds.
    ///
    /// Enough that the allocation is a small part of their cost, and few enough that a chunk is little to hold.
    pub const CHUNK: usize = if cfg!(loom) {
        2
    } else {
        match mem::size_of::<T>() {
            0..=32 => 128,
            size if size < CHUNK_BYTES / 8 => CHUNK_BYTES / size,
            _ => 8,
        }
    };

    /// How many items a chunk holds at most.
    ///
    /// The allocator must get the memory of a growing queue from the system, often for each chunk separately, with a
    /// system call, under a lock. So the chunks of a long queue are larger, an eighth of it.
    const LARGEST: usize = if cfg!(loom) { Self::CHUNK } else { 4 * Self::CHUNK };

    /// An empty queue, without memory.
    ///
    /// ```
    /// # use pool_core::strategy::chunks::ChunkQueue;
    /// let queue = ChunkQueue::<u8>::new();
    /// assert!(queue.is_empty());
    /// ```
    pub const fn new() -> Self {
        Self { first: VecDeque::new(), last: VecDeque::new(), middle: VecDeque::new(), came: 0, left: 0 }
    }

    /// The number of items. O(1).
    ///
    /// ```
    /// # use pool_core::strategy::chunks::ChunkQueue;
    /// let mut queue = ChunkQueue::new();
    /// queue.push_back(1);
    /// assert_eq!(queue.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.first.len() + self.came.wrapping_sub(self.left) + self.last.len()
    }

    /// Whether there is no item. O(1).
    ///
    /// ```
    /// # use pool_core::strategy::chunks::ChunkQueue;
    /// let mut queue = ChunkQueue::new();
    /// queue.push_back(1);
    /// assert!(!queue.is_empty());
    /// ```
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first.is_empty() && self.last.is_empty() && self.middle.is_empty()
    }

    /// Puts an item behind all others. O(1), with at most one allocation per [`CHUNK`](Self::CHUNK) items.
    ///
    /// ```
    /// # use pool_core::strategy::chunks::ChunkQueue;
    /// let mut queue = ChunkQueue::new();
    /// queue.push_back(1);
    /// queue.push_back(2);
    /// assert_eq!(queue.front(), Some(&1));
    /// ```
    #[inline(always)]
    pub fn push_back(&mut self, item: T) {
        if self.last.len() == self.last.capacity() {
            self.begin_chunk();
        }
        self.last.push_back(item);
    }

    /// Makes room in `last`.
    #[cold]
    fn begin_chunk(&mut self) {
        if self.first.is_empty() && self.middle.is_empty() {
            mem::swap(&mut self.first, &mut self.last);
        }
        if self.last.len() == self.last.capacity() {
            let room = (self.len() / 8).clamp(Self::CHUNK, Self::LARGEST);
            let full = mem::replace(&mut self.last, VecDeque::with_capacity(room));
            self.push_chunk(full);
        }
    }

    fn push_chunk(&mut self, items: VecDeque<T>) {
        if !items.is_empty() {
            let before = self.came;
            self.came = before.wrapping_add(items.len());
            self.middle.push_back(Chunk { items, before });
        }
    }

    /// Takes the oldest item. O(1).
    ///
    /// ```
    /// # use pool_core::strategy::chunks::ChunkQueue;
    /// let mut queue = ChunkQueue::new();
    /// queue.push_back(1);
    /// assert_eq!((queue.pop_front(), queue.pop_front()), (Some(1), None));
    /// ```
    #[inline]
    pub fn pop_front(&mut self) -> Option<T> {
        if self.first.is_empty() && (!self.middle.is_empty() || self.has_large_end()) {
            self.next_chunk();
        }
        // One place to pop from: an item that could come from two would be copied once more, in other pieces than it is
        // read in, which stalls the processor for longer than the rest of the pop takes.
        let oldest = if self.first.is_empty() { &mut self.last } else { &mut self.first };
        oldest.pop_front()
    }

    /// Whether one of the two end chunks is larger than an empty queue should keep.
    fn has_large_end(&self) -> bool {
        self.first.capacity() > Self::CHUNK || self.last.capacity() > Self::CHUNK
    }

    /// Brings the oldest chunk into `first`, which is empty, and frees the memory that was there.
    #[cold]
    fn next_chunk(&mut self) {
        self.first = self.pop_chunk().unwrap_or_else(|| mem::take(&mut self.last));
    }

    fn pop_chunk(&mut self) -> Option<VecDeque<T>> {
        let Chunk { items, .. } = self.middle.pop_front()?;
        self.left = self.left.wrapping_add(items.len());
        // Each halving is paid for by the pops since the last.
        let capacity = self.middle.capacity();
        if capacity > KEEP && self.middle.len() < capacity / 4 {
            self.middle.shrink_to(capacity / 2);
        }
        Some(items)
    }

    /// The oldest item. O(1).
    ///
    /// ```
    /// # use pool_core::strategy::chunks::ChunkQueue;
    /// let mut queue = ChunkQueue::new();
    /// assert_eq!(queue.front(), None);
    /// queue.push_back(1);
    /// assert_eq!(queue.front(), Some(&1));
    /// ```
    #[inline]
    pub fn front(&self) -> Option<&T> {
        let next = || self.middle.front().map_or(&self.last, |chunk| &chunk.items).front();
        self.first.front().or_else(next)
    }

    /// Puts all items of `other` behind those of this queue and leaves `other` empty.
    ///
    /// O(1) if this queue is empty: both exchange their memory. Otherwise it moves a few chunks' worth of items at
    /// most, and of a longer `other` one pointer per chunk.
    ///
    /// ```
    /// # use pool_core::strategy::chunks::ChunkQueue;
    /// let (mut waiting, mut inbox) = (ChunkQueue::new(), ChunkQueue::new());
    /// waiting.push_back(1);
    /// inbox.push_back(2);
    /// waiting.append(&mut inbox);
    /// assert_eq!((waiting.len(), inbox.len()), (2, 0));
    /// ```
    pub fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            if other.first.is_empty() && other.middle.is_empty() {
                // The same as below where there is less to exchange.
                mem::swap(&mut self.last, &mut other.last);
            } else {
                mem::swap(self, other);
            }
        } else if other.came.wrapping_sub(other.left) < SPLICED * Self::CHUNK {
            while let Some(item) = other.pop_front() {
                self.push_back(item);
            }
        } else {
            let other = mem::take(other);
            let last = mem::replace(&mut self.last, other.last);
            self.push_chunk(last);
            self.push_chunk(other.first);
            for chunk in other.middle {
                self.push_chunk(chunk.items);
            }
        }
    }

    /// How many items come before the first that does not satisfy `before`, if those that do all come first. O(log n).
    ///
    /// If they do not, the answer is one of the places where an item that satisfies it is followed by one that does not, or
    /// either end.
    ///
    /// ```
    /// # use pool_core::strategy::chunks::ChunkQueue;
    /// let mut queue = ChunkQueue::new();
    /// for item in [1, 3, 5] {
    ///     queue.push_back(item);
    /// }
    /// assert_eq!(queue.partition_point(|&item| item < 4), 2);
    /// ```
    pub fn partition_point(&self, mut before: impl FnMut(&T) -> bool) -> usize {
        // `front` alone would do for `first`, but most callers look for a point near the oldest item.
        let in_first = self.first.partition_point(&mut before);
        if in_first < self.first.len() {
            return in_first;
        }
        let chunks = self.middle.partition_point(|chunk| chunk.items.front().is_some_and(&mut before));
        // Only the last chunk that begins before the point can hold it.
        match chunks.checked_sub(1).and_then(|at| self.middle.get(at)) {
            Some(chunk) => {
                let before_chunk = self.first.len() + chunk.before.wrapping_sub(self.left);
                let in_chunk = chunk.items.partition_point(&mut before);
                if in_chunk < chunk.items.len() || chunks < self.middle.len() {
                    return before_chunk + in_chunk;
                }
            }
            None if !self.middle.is_empty() => return self.first.len(),
            None => {}
        }
        self.len() - self.last.len() + self.last.partition_point(before)
    }
}

impl<T> Default for ChunkQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for ChunkQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkQueue").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
