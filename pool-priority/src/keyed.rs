use std::cmp::Ordering as Cmp;
use std::collections::BinaryHeap;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam_utils::CachePadded;
use pool_core::Task;
use pool_core::strategy::{Admit, Asking, Scheduler, Worker};
use pool_core::sync::atomic::{AtomicBool, Ordering};
use pool_core::sync::{Mutex, MutexGuard};

use crate::quietly::{Quietly, drop_quietly};

/// A heap of at most this capacity is never shrunk.
const KEEP: usize = 1024;

struct Entry<K, T> {
    /// Without one, the item goes after all that have one.
    key: Option<K>,
    seq: u64,
    item: T,
}

/// The greatest entry is the one to go next: the smallest key, and of equal keys the oldest.
impl<K: Ord, T> Ord for Entry<K, T> {
    fn cmp(&self, other: &Self) -> Cmp {
        let keys = match (&self.key, &other.key) {
            // The heap would drop the entry in its hands if a comparison unwound.
            (Some(a), Some(b)) => catch_unwind(AssertUnwindSafe(|| a.cmp(b))).unwrap_or_else(|payload| {
                drop_quietly(payload);
                Cmp::Equal
            }),
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        keys.then(self.seq.cmp(&other.seq)).reverse()
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
    /// The key of a submission from outside that has none.
    plain: Option<K>,
}

/// Arbitrary ordered keys: the smallest first, equal keys in submission order.
///
/// Good keys are deadlines, estimated costs (shortest job first), or tuples of both. To run the *largest* first, wrap the
/// key in [`std::cmp::Reverse`]. There is no ageing: a stream of small keys keeps a large one waiting forever, unless the
/// keys themselves grow with time, as deadlines do.
///
/// # Without a key
///
/// A submission from outside without a key goes after all that have one, in submission order;
/// [`with_plain_key`](Self::with_plain_key) gives it a key instead. A task that a running task submits without a key
/// has the key of that task, and so do the parts of a task.
///
/// # Panics in the code of `K`
///
/// The panic hook reports each as usual, no item is lost, and the pool goes on. Beyond that:
///
/// | panic in | effect |
/// |---|---|
/// | `Ord`, or the payload of its panic | counts as "equal"; the order of what waits at that moment is unspecified |
/// | `Clone`, of an inherited or a plain key | unwinds to the submitter, and the task is dropped unrun |
/// | `Clone`, in a batch | the same; what came before in the batch stays accepted |
/// | `Drop`, of the key of a task that a worker has ended | goes to the panic handler |
/// | `Drop`, of any other key that the strategy holds | ends there, since no caller is left that could act on it |
///
/// A comparison, and the clone of a plain key, run under the strategy's lock: they must not use the pool.
///
/// # Example
///
/// ```
/// use pool_priority::{Keyed, Scheduler, Worker};
/// use std::sync::Arc;
///
/// let by_deadline = Arc::new(Keyed::<u32, _>::new());
/// let mut worker = by_deadline.attach(0);
/// by_deadline.inject("in an hour", Some(3600));
/// by_deadline.inject("in a minute", Some(60));
/// by_deadline.inject("in a minute, too", Some(60));
/// by_deadline.inject("at any time", None);
/// assert_eq!(worker.next(), Some("in a minute"));
/// assert_eq!(worker.next(), Some("in a minute, too"));
/// assert_eq!(worker.next(), Some("in an hour"));
/// assert_eq!(worker.next(), Some("at any time"));
/// ```
///
/// Any ordered key does: an [`Instant`](std::time::Instant), a [`SystemTime`](std::time::SystemTime), a type of your own.
///
/// ```
/// use pool_priority::KeyedPool;
/// use std::time::{Duration, Instant};
///
/// let pool = KeyedPool::<Instant>::new();
/// pool.task().hint(Instant::now() + Duration::from_secs(1)).execute(|| println!("due in a second"));
/// ```
pub struct Keyed<K, T = Task> {
    heap: CachePadded<Mutex<Heap<K, T>>>,
    /// Whether the heap holds an item. Written under the lock, and only when it changes.
    waiting: CachePadded<AtomicBool>,
}

impl<K: Ord, T> Keyed<K, T> {
    /// An empty heap.
    ///
    /// ```
    /// use pool_priority::{Keyed, KeyedPool};
    ///
    /// let pool = KeyedPool::<u32>::builder_with(Keyed::new()).build()?;
    /// # Ok::<(), pool_priority::BuildError>(())
    /// ```
    pub fn new() -> Self {
        let heap = Heap { entries: BinaryHeap::new(), submitted: 0, plain: None };
        Self { heap: CachePadded::new(Mutex::new(heap)), waiting: CachePadded::new(AtomicBool::new(false)) }
    }

    /// From now on, a submission from outside without a key has this one.
    ///
    /// ```
    /// use pool_priority::{Keyed, KeyedPool};
    ///
    /// // 0 to 9, and 5 if nothing is said.
    /// let pool = KeyedPool::builder_with(Keyed::new().with_plain_key(5_u8)).build()?;
    /// pool.execute(|| println!("before those with 6 to 9"));
    /// # Ok::<(), pool_priority::BuildError>(())
    /// ```
    pub fn with_plain_key(self, key: K) -> Self {
        let previous = self.heap.lock().plain.replace(key);
        drop_quietly(previous);
        self
    }

    #[inline]
    fn put(&self, mut heap: MutexGuard<'_, Heap<K, T>>, item: T, key: Option<K>) {
        let was_empty = heap.entries.is_empty();
        let seq = heap.submitted;
        heap.submitted += 1;
        heap.entries.push(Entry { key, seq, item });
        if was_empty {
            // Release: pairs with the Acquire in `is_waiting`. What a worker takes it reads under the lock.
            self.waiting.store(true, Ordering::Release);
        }
    }

    /// From outside.
    // The lock comes last, so that it is given up first if the clone unwinds: the `Drop` of the item may use the pool.
    #[inline]
    fn put_plain(&self, item: T, key: Option<K>, heap: MutexGuard<'_, Heap<K, T>>)
    where
        K: Clone,
    {
        let key = key.or_else(|| heap.plain.clone());
        self.put(heap, item, key);
    }

    /// Whether something waits, by a look that promises nothing.
    #[inline]
    fn is_waiting(&self) -> bool {
        // Acquire: pairs with `put`. For an item that was submitted before this call, `true` was stored before it, too.
        self.waiting.load(Ordering::Acquire)
    }

    #[inline]
    fn take(&self) -> Option<(Option<K>, T)> {
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

impl<K, T> Drop for Keyed<K, T> {
    /// Drops what waits one by one: a second panic while a first one unwinds would abort the process.
    fn drop(&mut self) {
        let mut heap = self.heap.lock();
        drop_quietly(heap.plain.take());
        for Entry { key, item, .. } in heap.entries.drain() {
            drop_quietly(key);
            drop_quietly(item);
        }
    }
}

impl<K, T> fmt::Debug for Keyed<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed").finish_non_exhaustive()
    }
}

impl<K, T> Scheduler<T> for Keyed<K, T>
where
    K: Ord + Clone + Send,
    T: Send,
{
    type Hint = K;
    type Worker = KeyedWorker<K, T>;

    /// The seed goes unused: nothing here is random.
    fn attach(self: &Arc<Self>, _seed: u64) -> KeyedWorker<K, T> {
        KeyedWorker { shared: Arc::clone(self), current: None, spent: None }
    }

    #[inline]
    fn inject(&self, item: T, key: Option<K>) {
        self.put_plain(item, key, self.heap.lock());
    }

    #[inline]
    fn inject_if(&self, admit: impl FnOnce(Asking<'_>) -> Admit<T, K>) {
        let heap = self.heap.lock();
        if let Admit::Yes(item, key) = admit(Asking::under(&heap)) {
            self.put_plain(item, key, heap);
        }
    }

    /// If the clone of the key panics, what came before stays accepted.
    fn inject_batch(&self, items: impl Iterator<Item = T>, key: Option<K>) {
        // All items are in when this key is dropped: a panic now would say that one of them is not.
        let key = Quietly(key);
        for item in items {
            self.inject(item, key.0.clone());
        }
    }

    /// Without a worker, which would drop keys between two items: a panic would keep the rest from the caller.
    fn take_all(self: &Arc<Self>, mut sink: impl FnMut(T)) {
        while let Some((key, item)) = self.take() {
            drop_quietly(key);
            sink(item);
        }
    }

    fn is_empty(&self) -> bool {
        self.heap.lock().entries.is_empty()
    }

    /// By the lock of the heap.
    #[inline(always)]
    fn inject_is_ordered(&self) -> bool {
        true
    }
}

/// A worker of [`Keyed`]. It holds no items, only the key of the last one, which a [`push`](Worker::push) without a key
/// hands on, and until its next look for an item the key of the one before.
///
/// If the `Drop` of a key panics, [`next`](Worker::next), [`try_next`](Worker::try_next) and [`retire`](Worker::retire)
/// unwind, with no item in hand; the next call goes on. In the `Drop` of a worker such a panic ends.
pub struct KeyedWorker<K, T = Task> {
    shared: Arc<Keyed<K, T>>,
    current: Option<K>,
    /// The key before. It is dropped at the next look, before an item is in hand that a panic could lose.
    spent: Option<K>,
}

impl<K, T> Drop for KeyedWorker<K, T> {
    fn drop(&mut self) {
        drop_quietly(self.spent.take());
        drop_quietly(self.current.take());
    }
}

impl<K, T> fmt::Debug for KeyedWorker<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedWorker").finish_non_exhaustive()
    }
}

impl<K, T> Worker<T> for KeyedWorker<K, T>
where
    K: Ord + Clone + Send,
    T: Send,
{
    type Hint = K;

    #[inline]
    fn push(&mut self, item: T, key: Option<K>) {
        let key = key.or_else(|| self.current.clone());
        self.shared.put(self.shared.heap.lock(), item, key);
    }

    #[inline]
    fn next(&mut self) -> Option<T> {
        drop(self.spent.take());
        let (key, item) = self.shared.take()?;
        self.spent = mem::replace(&mut self.current, key);
        Some(item)
    }

    #[inline]
    fn try_next(&mut self) -> Option<T> {
        if self.shared.is_waiting() { self.next() } else { None }
    }

    /// Drops the keys that this worker holds. If the `Drop` of one panics, it unwinds; a second panic ends here.
    fn retire(mut self) {
        drop(self.spent.take());
        drop(self.current.take());
    }

    /// By the lock of the heap.
    #[inline(always)]
    fn push_is_ordered(&self) -> bool {
        true
    }
}
