//! [`SharedQueue`]: a first-in-first-out queue with an end for each side, for strategies whose workers share one.
//!
//! ```text
//!  submitters ──► tail: chunks, filled       head: chunks, emptied ──► workers
//!                   └──── all of it, at once, when the head ────▲
//!                         has run out
//! ```
//!
//! Each end has its own lock, so submitters and workers meet only when the head has run out and a worker fetches everything
//! that has come since. The longer the queue, the rarer that is: under load the two sides do not share a cache line. Items
//! lie by value in chunks, so growing never copies, and fetching exchanges pointers.
//!
//! Two locks instead of one: Michael and Scott, *Simple, Fast, and Practical Non-Blocking and Blocking Concurrent Queue
//! Algorithms* (PODC 1996), section 3; here with a whole tail moved at a time instead of a node.
//!
//! ```
//! use pool_core::strategy::shared_queue::SharedQueue;
//!
//! let queue = SharedQueue::new();
//! queue.push(1);
//! queue.push_all(2..=3);
//! assert_eq!((queue.pop(), queue.len()), (Some(1), 2));
//! ```

#![forbid(unsafe_code)]

use super::chunks::ChunkQueue;
use super::{Admit, Asking};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{SpinLock, SpinLockGuard};
use crossbeam_utils::CachePadded;
use std::fmt;
use std::mem;

/// A first-in-first-out queue that any number of threads may share.
///
/// If the push of `a` returned before that of `b` began, `a` is popped first.
pub struct SharedQueue<T> {
    /// The newest items. Beside it, whether there are any: changed under the lock, and lets a worker that finds the head
    /// empty see without the lock that there is nothing to fetch.
    tail: CachePadded<SpinLock<Tail<T>, AtomicBool>>,
    /// The oldest items.
    head: CachePadded<SpinLock<ChunkQueue<T>>>,
}

// In this order, so that a lone item lies on the cache line of the lock, and its taker needs no other line.
#[repr(C)]
struct Tail<T> {
    /// The oldest item. If there is none, nothing is in the rest.
    first: Option<T>,
    rest: ChunkQueue<T>,
}

impl<T> SharedQueue<T> {
    /// An empty queue, without memory for items.
    ///
    /// ```
    /// # use pool_core::strategy::shared_queue::SharedQueue;
    /// let queue = SharedQueue::<u8>::new();
    /// assert!(queue.is_empty());
    /// ```
    pub fn new() -> Self {
        let tail = Tail { first: None, rest: ChunkQueue::new() };
        Self {
            tail: CachePadded::new(SpinLock::with_beside(AtomicBool::new(false), tail)),
            head: CachePadded::new(SpinLock::new(ChunkQueue::new())),
        }
    }

    /// Puts an item behind all others. O(1), with one allocation per [chunk](ChunkQueue::CHUNK) at most.
    ///
    /// ```
    /// # use pool_core::strategy::shared_queue::SharedQueue;
    /// let queue = SharedQueue::new();
    /// queue.push(1);
    /// assert_eq!(queue.pop(), Some(1));
    /// ```
    #[inline(always)]
    pub fn push(&self, item: T) {
        self.put(self.tail.lock(), item);
    }

    /// As [`push`](Self::push) for an item that comes with the answer of `admit`, which is called under the lock of
    /// this end: `admit` must be quick and not use the queue.
    ///
    /// ```
    /// # use pool_core::strategy::shared_queue::SharedQueue;
    /// use pool_core::strategy::Admit;
    ///
    /// let queue = SharedQueue::new();
    /// queue.push_if(|asking| {
    ///     assert!(asking.is_locked());
    ///     Admit::Yes(1, None::<()>)
    /// });
    /// queue.push_if(|_| Admit::<u8, ()>::Closed);
    /// assert_eq!(queue.len(), 1);
    /// ```
    #[inline(always)]
    pub fn push_if<H>(&self, admit: impl FnOnce(Asking<'_>) -> Admit<T, H>) {
        let tail = self.tail.lock();
        if let Admit::Yes(item, _) = admit(Asking::under(&tail)) {
            self.put(tail, item);
        }
    }

    #[inline(always)]
    fn put(&self, mut tail: SpinLockGuard<'_, Tail<T>, AtomicBool>, item: T) {
        if tail.first.is_none() {
            // It was `None`: nothing to drop.
            mem::forget(tail.first.replace(item));
            self.occupy();
        } else {
            tail.rest.push_back(item);
        }
    }

    /// Puts items behind all others, in their order; items of other threads may come between. If the iterator panics,
    /// the items before stay in.
    ///
    /// ```
    /// # use pool_core::strategy::shared_queue::SharedQueue;
    /// let queue = SharedQueue::new();
    /// queue.push_all(1..=3);
    /// assert_eq!(queue.len(), 3);
    /// ```
    // Takes the lock once per chunk. The iterator runs outside it, since it may do anything.
    pub fn push_all(&self, items: impl Iterator<Item = T>) {
        let mut batch = Batch { to: self, items: ChunkQueue::new() };
        for item in items {
            batch.items.push_back(item);
            if batch.items.len() == ChunkQueue::<T>::CHUNK {
                batch.submit();
            }
        }
    }

    /// Under the tail's lock.
    #[inline]
    fn occupy(&self) {
        // Release: pairs with the Acquire in `is_tail_empty`. What a worker fetches it reads under the lock.
        self.tail.beside().store(true, Ordering::Release);
    }

    /// Under the head's lock, without which a worker may fetch the tail between two looks.
    #[inline]
    fn is_tail_empty(&self) -> bool {
        // Acquire: pairs with `occupy`.
        !self.tail.beside().load(Ordering::Acquire)
    }

    /// Takes the oldest item. `None` means that the queue was empty at some moment of the call, and orders the call
    /// with every push: what comes in later sees what this thread did before. O(1).
    ///
    /// ```
    /// # use pool_core::strategy::shared_queue::SharedQueue;
    /// let queue = SharedQueue::new();
    /// queue.push(1);
    /// assert_eq!((queue.pop(), queue.pop()), (Some(1), None));
    /// ```
    pub fn pop(&self) -> Option<T> {
        let mut head = self.head.lock();
        if head.is_empty() { self.fetch(&mut head) } else { head.pop_front() }
    }

    /// As [`pop`](Self::pop), but `None` orders nothing and costs less.
    ///
    /// ```
    /// # use pool_core::strategy::shared_queue::SharedQueue;
    /// let queue = SharedQueue::new();
    /// queue.push(1);
    /// assert_eq!(queue.try_pop(), Some(1));
    /// ```
    #[inline]
    pub fn try_pop(&self) -> Option<T> {
        self.try_pop_noting(&mut false)
    }

    /// As [`try_pop`](Self::try_pop), and notes whether the head is empty now.
    #[inline(always)]
    fn try_pop_noting(&self, drained: &mut bool) -> Option<T> {
        let mut head = self.head.lock();
        let item = if head.is_empty() && !self.is_tail_empty() { self.fetch(&mut head) } else { head.pop_front() };
        *drained = head.is_empty();
        item
    }

    /// Takes the oldest item of the tail and moves all others to the head, which is empty and leaves its memory to the tail.
    #[inline]
    fn fetch(&self, head: &mut ChunkQueue<T>) -> Option<T> {
        let mut tail = self.tail.lock();
        if !tail.rest.is_empty() {
            head.append(&mut tail.rest);
        }
        // Relaxed: a thread that relies on it holds the head's lock, as we do.
        self.tail.beside().store(false, Ordering::Relaxed);
        tail.first.take()
    }

    /// Whether no item waits. If so, it is ordered with every push, as is [`pop`](Self::pop) without an item. O(1).
    ///
    /// ```
    /// # use pool_core::strategy::shared_queue::SharedQueue;
    /// let queue = SharedQueue::new();
    /// queue.push(1);
    /// assert!(!queue.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        let head = self.head.lock();
        head.is_empty() && self.tail.lock().first.is_none()
    }

    /// How many items wait: exact while no thread pushes or pops, otherwise a recent value. O(1).
    ///
    /// ```
    /// # use pool_core::strategy::shared_queue::SharedQueue;
    /// let queue = SharedQueue::new();
    /// queue.push_all(1..=3);
    /// assert_eq!(queue.len(), 3);
    /// ```
    pub fn len(&self) -> usize {
        let head = self.head.lock();
        let tail = self.tail.lock();
        head.len() + usize::from(tail.first.is_some()) + tail.rest.len()
    }
}

impl<T> Default for SharedQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for SharedQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedQueue").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// One worker's access to a [`SharedQueue`]: push and pop by a thread that does both.
///
/// It remembers whether the head was empty after its last pop. If so, few items wait, most likely, and one that lies at
/// the head spares its taker the tail. So a push goes to the head if no other worker is there and the tail is empty.
#[derive(Debug, Default)]
pub struct QueueEnd {
    drained: bool,
}

impl QueueEnd {
    /// Puts an item behind all others. O(1).
    ///
    /// ```
    /// # use pool_core::strategy::shared_queue::{QueueEnd, SharedQueue};
    /// let (queue, end) = (SharedQueue::new(), QueueEnd::default());
    /// end.push(&queue, 1);
    /// assert_eq!(queue.pop(), Some(1));
    /// ```
    // One place to push from, here and in the caller: see `task/payload.rs` on moves.
    #[inline(always)]
    pub fn push<T>(&self, queue: &SharedQueue<T>, item: T) {
        // While the tail is empty, the end of the head is the end of the queue.
        let head = if self.drained { queue.head.try_lock().filter(|_| queue.is_tail_empty()) } else { None };
        match head {
            Some(mut head) => head.push_back(item),
            None => queue.push(item),
        }
    }

    /// As [`SharedQueue::try_pop`].
    ///
    /// ```
    /// # use pool_core::strategy::shared_queue::{QueueEnd, SharedQueue};
    /// let (queue, mut end) = (SharedQueue::new(), QueueEnd::default());
    /// queue.push(1);
    /// assert_eq!(end.try_pop(&queue), Some(1));
    /// ```
    #[inline]
    pub fn try_pop<T>(&mut self, queue: &SharedQueue<T>) -> Option<T> {
        queue.try_pop_noting(&mut self.drained)
    }
}

/// Items that a batch has given and that are not submitted yet. Submits them when dropped, also when the iterator
/// panics.
struct Batch<'a, T> {
    to: &'a SharedQueue<T>,
    items: ChunkQueue<T>,
}

impl<T> Batch<'_, T> {
    fn submit(&mut self) {
        if !self.items.is_empty() {
            let mut tail = self.to.tail.lock();
            if tail.first.is_none() {
                tail.first = self.items.pop_front();
                self.to.occupy();
            }
            tail.rest.append(&mut self.items);
        }
    }
}

impl<T> Drop for Batch<'_, T> {
    fn drop(&mut self) {
        self.submit();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::SharedQueue;
    use crate::strategy::chunks::ChunkQueue;

    const CHUNK: usize = ChunkQueue::<usize>::CHUNK;

    #[test]
    fn order_survives_chunks_and_fetches() {
        let queue = SharedQueue::new();
        let (mut pushed, mut popped) = (0, 0);
        for round in [1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 2, 10 * CHUNK + 7] {
            for _ in 0..round {
                queue.push(pushed);
                pushed += 1;
            }
            assert_eq!(queue.len(), pushed - popped);
            for _ in 0..round / 2 + 1 {
                assert_eq!(queue.pop(), Some(popped));
                popped += 1;
            }
        }
        while popped < pushed {
            assert!(!queue.is_empty());
            assert_eq!(queue.pop(), Some(popped));
            popped += 1;
        }
        assert!(queue.is_empty());
        assert_eq!(queue.pop(), None);
    }

    /// The iterator of a batch is foreign code, so no lock may be held while it runs.
    #[test]
    fn a_batch_may_use_the_queue_it_goes_to() {
        let queue = SharedQueue::new();
        queue.push_all((0..2 * CHUNK).inspect(|&item| {
            queue.push(item);
            assert!(queue.pop().is_some());
        }));
        assert_eq!(queue.len(), 2 * CHUNK);
    }
}
