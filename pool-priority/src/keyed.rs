use std::cmp::Ordering as Cmp;
use std::collections::BinaryHeap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam_utils::CachePadded;
use pool_core::sync::atomic::{AtomicBool, Ordering};
use pool_core::sync::{Mutex, MutexGuard};
use pool_core::{Admission, Scheduler, Task, Worker};

/// A heap of at most this capacity is never shrunk.
const KEEP: usize = 1024;

struct Entry<K, T> {
    key: K,
    seq: u64,
    item: T,
}

/// The greatest entry is the one to go next: the smallest key, and of equal keys the oldest.
impl<K: Ord, T> Ord for Entry<K, T> {
    fn cmp(&self, other: &Self) -> Cmp {
        // The heap would drop the entry in its hands if a comparison unwound.
        let keys = catch_unwind(AssertUnwindSafe(|| self.key.cmp(&other.key)));
        keys.unwrap_or(Cmp::Equal).then(self.seq.cmp(&other.seq)).reverse()
    }
}

impl<K: Ord, T> PartialOrd for Entry<K, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Cmp> {
        Some(self.cmp(other))
    }
}

impl<K: Ord, T> PartialEq for Entry<K, T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<K: Ord, T> Eq for Entry<K, T> {}

struct Heap<K, T> {
    entries: BinaryHeap<Entry<K, T>>,
    submitted: u64,
}

/// Arbitrary ordered keys: the smallest first, equal keys in submission order.
///
/// Good keys are deadlines, estimated costs (shortest job first), or tuples of both. To run the *largest* first, wrap the
/// key in [`std::cmp::Reverse`]. There is no ageing: a stream of small keys keeps a large one waiting forever, unless the
/// keys themselves grow with time, as deadlines do.
///
/// Plain submissions get `K::default()`. An item pushed as a part of running work gets the key of that work.
///
/// # Panics in `K`'s `Ord`
///
/// A comparison that panics counts as "equal". The panic hook reports it as usual, the order of what waits at that moment
/// is then unspecified, and no item is lost. A comparison runs under the strategy's lock: it must not use the pool.
///
/// # Example
///
/// ```
/// use pool_core::{Scheduler, Worker};
/// use pool_priority::Keyed;
/// use std::sync::Arc;
///
/// let by_deadline = Arc::new(Keyed::<u32, _>::new());
/// let mut worker = by_deadline.attach(0);
/// by_deadline.inject("in an hour", 3600);
/// by_deadline.inject("in a minute", 60);
/// by_deadline.inject("in a minute, too", 60);
/// assert_eq!(worker.next(), Some("in a minute"));
/// assert_eq!(worker.next(), Some("in a minute, too"));
/// assert_eq!(worker.next(), Some("in an hour"));
/// ```
pub struct Keyed<K, T = Task> {
    heap: CachePadded<Mutex<Heap<K, T>>>,
    /// Whether the heap holds an item. Written under the lock, and only when it changes.
    waiting: CachePadded<AtomicBool>,
}

impl<K: Ord, T> Keyed<K, T> {
    /// An empty heap.
    pub fn new() -> Self {
        let heap = Heap { entries: BinaryHeap::new(), submitted: 0 };
        Self { heap: CachePadded::new(Mutex::new(heap)), waiting: CachePadded::new(AtomicBool::new(false)) }
    }

    fn submit(&self, item: T, key: K) {
        self.put(self.heap.lock(), item, key);
    }

    /// `admit` is asked under the lock.
    #[inline]
    fn submit_if(&self, item: T, key: K, admit: impl FnOnce() -> bool) -> Result<(), T> {
        let heap = self.heap.lock();
        if !admit() {
            return Err(item);
        }
        self.put(heap, item, key);
        Ok(())
    }

    #[inline]
    fn put(&self, mut heap: MutexGuard<'_, Heap<K, T>>, item: T, key: K) {
        let was_empty = heap.entries.is_empty();
        let seq = heap.submitted;
        heap.submitted += 1;
        heap.entries.push(Entry { key, seq, item });
        if was_empty {
            // Release: pairs with the Acquire in `is_waiting`. What a worker takes it reads under the lock.
            self.waiting.store(true, Ordering::Release);
        }
    }

    /// Whether something waits, by a look that promises nothing.
    #[inline]
    fn is_waiting(&self) -> bool {
        // Acquire: pairs with `put`. Whoever submitted before this call also stored `true` before it.
        self.waiting.load(Ordering::Acquire)
    }

    #[inline]
    fn take(&self) -> Option<(K, T)> {
        let mut heap = self.heap.lock();
        let Entry { key, item, .. } = heap.entries.pop()?;
        let (len, capacity) = (heap.entries.len(), heap.entries.capacity());
        if len == 0 {
            self.waiting.store(false, Ordering::Release);
        }
        // Amortised O(1): each halving is paid for by the pops since the last.
        if capacity > KEEP && len < capacity / 4 {
            heap.entries.shrink_to(capacity / 2);
        }
        Some((key, item))
    }
}

impl<K: Ord, T> Default for Keyed<K, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, T> fmt::Debug for Keyed<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed").finish_non_exhaustive()
    }
}

impl<K, T> Scheduler<T> for Keyed<K, T>
where
    K: Ord + Clone + Default + Send,
    T: Send,
{
    type Hint = K;
    type Worker = KeyedWorker<K, T>;

    /// By the lock of the heap.
    const INJECT_IS_ORDERED: bool = true;

    /// The seed goes unused: nothing here is random.
    fn attach(self: &Arc<Self>, _seed: u64) -> KeyedWorker<K, T> {
        KeyedWorker { shared: Arc::clone(self), current: K::default() }
    }

    #[inline]
    fn inject(&self, item: T, key: K) {
        self.submit(item, key);
    }

    fn inject_if(&self, item: T, key: K, admission: impl Admission) -> Result<(), T> {
        self.submit_if(item, key, || admission.ask_alone())
    }

    fn pass(&self) {
        drop(self.heap.lock());
    }

    fn is_empty(&self) -> bool {
        self.heap.lock().entries.is_empty()
    }
}

/// A worker of [`Keyed`]. It holds no items, only the key of the last one, which [`push_part`](Worker::push_part) hands on.
pub struct KeyedWorker<K, T = Task> {
    shared: Arc<Keyed<K, T>>,
    current: K,
}

impl<K, T> fmt::Debug for KeyedWorker<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedWorker").finish_non_exhaustive()
    }
}

impl<K, T> Worker<T> for KeyedWorker<K, T>
where
    K: Ord + Clone + Default + Send,
    T: Send,
{
    type Hint = K;

    /// By the lock of the heap.
    const PUSH_IS_ORDERED: bool = true;

    #[inline]
    fn push(&mut self, item: T, key: K) {
        self.shared.submit(item, key);
    }

    #[inline]
    fn push_part(&mut self, item: T) {
        self.shared.submit(item, self.current.clone());
    }

    #[inline]
    fn next(&mut self) -> Option<T> {
        let (key, item) = self.shared.take()?;
        self.current = key;
        Some(item)
    }

    #[inline]
    fn try_next(&mut self) -> Option<T> {
        if self.shared.is_waiting() { self.next() } else { None }
    }

    fn retire(self) {}
}
