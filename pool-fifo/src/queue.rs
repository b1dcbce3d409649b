//! A first-in-first-out queue with an end for each side.
//!
//! ```text
//!  submitters ──► tail: chunks, filled       head: one chunk being emptied, chunks behind it ──► workers
//!                   └──────── all of it, at once, when the head has run out ────────▲
//! ```
//!
//! Each end has its own lock, so submitters and workers meet only when the head has run out and a worker fetches everything
//! that has come since. The longer the queue, the rarer that is: under load the two sides do not share a cache line. Items
//! lie by value in chunks, so growing never copies, and a chunk is one allocation for [`CHUNK`] items.
//!
//! Two locks instead of one: Michael and Scott, *Simple, Fast, and Practical Non-Blocking and Blocking Concurrent Queue
//! Algorithms* (PODC 1996), section 3; here with a whole tail moved at a time instead of a node.

use std::collections::VecDeque;

use crossbeam_utils::CachePadded;
use pool_core::sync::SpinLock;
use pool_core::sync::atomic::{AtomicBool, Ordering};

/// Items in a chunk. Its allocation is a small part of the cost of so many, and 3 KiB of tasks is little to hold.
#[cfg(not(loom))]
const CHUNK: usize = 128;
#[cfg(loom)]
const CHUNK: usize = 2;

pub(crate) struct Queue<T> {
    tail: CachePadded<Tail<T>>,
    head: CachePadded<SpinLock<Head<T>>>,
}

struct Tail<T> {
    /// Whether `chunks` holds an item. Changed under the lock; lets a worker that finds the head empty see without the
    /// lock that there is nothing to fetch.
    occupied: AtomicBool,
    chunks: SpinLock<Chunks<T>>,
}

/// The newest items.
struct Chunks<T> {
    full: VecDeque<VecDeque<T>>,
    filling: VecDeque<T>,
}

/// The oldest items.
struct Head<T> {
    emptying: VecDeque<T>,
    full: VecDeque<VecDeque<T>>,
}

impl<T> Chunks<T> {
    #[inline]
    fn push(&mut self, item: T) {
        if self.filling.len() == self.filling.capacity() {
            self.next_chunk();
        }
        self.filling.push_back(item);
    }

    #[cold]
    fn next_chunk(&mut self) {
        let full = std::mem::replace(&mut self.filling, VecDeque::with_capacity(CHUNK));
        if !full.is_empty() {
            self.full.push_back(full);
        }
    }
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self {
            tail: CachePadded::new(Tail {
                occupied: AtomicBool::new(false),
                chunks: SpinLock::new(Chunks { full: VecDeque::new(), filling: VecDeque::new() }),
            }),
            head: CachePadded::new(SpinLock::new(Head { emptying: VecDeque::new(), full: VecDeque::new() })),
        }
    }

    #[inline]
    pub(crate) fn push(&self, item: T) {
        let mut chunks = self.tail.chunks.lock();
        chunks.push(item);
        self.occupy();
    }

    pub(crate) fn push_all(&self, items: impl Iterator<Item = T>) {
        let mut chunks = self.tail.chunks.lock();
        for item in items {
            chunks.push(item);
            // In each round: the next item may be a panic.
            self.occupy();
        }
    }

    /// Under the tail's lock.
    #[inline]
    fn occupy(&self) {
        // Only the first item after a fetch writes: workers that look keep their copy of the line.
        if !self.tail.occupied.load(Ordering::Relaxed) {
            // Release: pairs with the Acquire in `is_tail_empty`. What a worker fetches it reads under the lock.
            self.tail.occupied.store(true, Ordering::Release);
        }
    }

    /// Under the head's lock, without which somebody may fetch the tail between two looks.
    #[inline]
    fn is_tail_empty(&self) -> bool {
        // Acquire: pairs with `occupy`.
        !self.tail.occupied.load(Ordering::Acquire)
    }

    /// The oldest item. `None` means that the queue was empty at some moment of the call.
    #[inline]
    pub(crate) fn pop(&self) -> Option<T> {
        let mut head = self.head.lock();
        match head.emptying.pop_front() {
            Some(item) => Some(item),
            None => self.pop_from_next_chunk(&mut head),
        }
    }

    fn pop_from_next_chunk(&self, head: &mut Head<T>) -> Option<T> {
        match head.full.pop_front() {
            Some(chunk) => head.emptying = chunk,
            None if self.is_tail_empty() => return None,
            None => self.fetch(head),
        }
        head.emptying.pop_front()
    }

    /// Moves the whole tail to the head, which is empty, and leaves the head's memory to the tail.
    fn fetch(&self, head: &mut Head<T>) {
        let mut chunks = self.tail.chunks.lock();
        if chunks.full.is_empty() {
            std::mem::swap(&mut head.emptying, &mut chunks.filling);
        } else {
            std::mem::swap(&mut head.full, &mut chunks.full);
            let empty = std::mem::take(&mut head.emptying);
            let last = std::mem::replace(&mut chunks.filling, empty);
            head.full.push_back(last);
            // The list is not empty: it holds at least the chunk just added.
            head.emptying = head.full.pop_front().unwrap_or_default();
        }
        // Relaxed: whoever relies on it holds the head's lock, as we do.
        self.tail.occupied.store(false, Ordering::Relaxed);
    }

    /// Whether no item waits.
    pub(crate) fn is_empty(&self) -> bool {
        let head = self.head.lock();
        head.emptying.is_empty() && head.full.is_empty() && self.is_tail_empty()
    }

    /// How many items wait.
    pub(crate) fn len(&self) -> usize {
        let head = self.head.lock();
        let chunks = self.tail.chunks.lock();
        let full = head.full.iter().chain(&chunks.full).map(VecDeque::len).sum::<usize>();
        head.emptying.len() + full + chunks.filling.len()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{CHUNK, Queue};

    #[test]
    fn order_survives_chunks_and_fetches() {
        let queue = Queue::new();
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
}
