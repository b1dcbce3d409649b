use std::fmt;
use std::sync::Arc;

use crossbeam_utils::CachePadded;
use pool_core::Task;
use pool_core::strategy::{Admit, Asking, Eviction, Scheduler};
use pool_core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use pool_core::sync::{SpinLock, SpinLockGuard};

use crate::inbox::{Inbox, Waiting};
use crate::lanes::Lanes;
use crate::level::Level;
use crate::worker::PriorityWorker;

/// The largest number of levels a [`Priority`] can have.
pub const MAX_LEVELS: usize = 64;

/// The slacks of [`Priority::new`], for [`Level::HIGH`], [`NORMAL`](Level::NORMAL), [`LOW`](Level::LOW) and
/// [`BACKGROUND`](Level::BACKGROUND).
///
/// They are generous on purpose. Once a backlog is due, it goes before everything submitted after it, however urgent: that
/// is what the bound promises. A backlog of a million background tasks becomes due *together*, when as many later
/// submissions have overtaken it as its slack allows. So the slack of a level should exceed the number of more urgent tasks
/// that arrive while one backlog drains, and still end a real starvation in bearable time: at a million dispatches a second
/// these slacks end it after a fifteenth of a second, a quarter of a second, and one second.
pub const DEFAULT_SLACKS: [u64; 4] = [0, 1 << 16, 1 << 18, 1 << 20];

/// How many items of a batch are taken from the iterator before the lock is taken once for them.
const CHUNK: usize = 256;

/// Up to 64 levels, first in first out within a level, and no starvation.
///
/// # The rule
///
/// Call a waiting item *due* when as many later submissions have been dispatched before it as its level's slack. A dispatch
/// takes the **oldest due** item if there is one, and otherwise the head of the **most urgent** level.
///
/// # Why the bound holds
///
/// Let `x` wait at level `L`, already overtaken by `slack(L)` later submissions. The head `h` of its level is `x` or older.
/// Whatever was submitted after `x` was also submitted after `h`, and was dispatched while `h` waited; so `h` has been
/// overtaken at least as often and is due. The dispatch therefore takes a due item that is `h` or older than `h`, which is
/// not a later submission than `x`. So `x` is never overtaken once more than its slack allows. For the same reason only the
/// heads of the levels need be looked at.
///
/// Counting is cheap: of the `s` submissions before `x`, those that no longer wait have been dispatched, and every other
/// dispatch overtook `x`. And since a dispatch overtakes an item at most once, a head that lacks `n` overtakings need not be
/// looked at again for `n` dispatches: as long as no head is near being due, a dispatch compares one number and takes
/// the lowest set bit of a bitmap.
///
/// # Example
///
/// ```
/// use pool_priority::{Level, Priority, Scheduler, Worker};
/// use std::sync::Arc;
///
/// let priority = Arc::new(Priority::with_slacks(&[0, 2]));
/// let mut worker = priority.attach(0);
/// priority.inject("report", Some(Level::NORMAL));
/// for name in ["a", "b", "c"] {
///     priority.inject(name, Some(Level::HIGH));
/// }
/// assert_eq!(worker.next(), Some("a"));
/// assert_eq!(worker.next(), Some("b"));
/// assert_eq!(worker.next(), Some("report"), "two have overtaken it, and two is its slack");
/// assert_eq!(worker.next(), Some("c"));
/// ```
pub struct Priority<T = Task> {
    /// What has been submitted since a worker last had to look.
    ///
    /// Beside it, whether it holds anything: changed under its lock, and read without it by a thread that finds the
    /// lanes empty.
    inbox: CachePadded<SpinLock<Inbox<T>, AtomicBool>>,
    /// Bit `l` is set if the inbox holds something of level `l` whose submission has returned, and perhaps if it does
    /// not. Lets a worker see without the lock whether there is anything more urgent than what it has. On a line of its
    /// own: each dispatch reads it.
    arrived: CachePadded<AtomicU64>,
    lanes: CachePadded<SpinLock<Lanes<T>>>,
    slacks: Box<[u64]>,
}

impl<T> Priority<T> {
    /// Four levels with the [`DEFAULT_SLACKS`].
    ///
    /// ```
    /// use pool_priority::{Pool, Priority};
    ///
    /// let pool = Pool::builder_with(Priority::new()).build()?;
    /// # Ok::<(), pool_priority::BuildError>(())
    /// ```
    pub fn new() -> Self {
        Self::with_slacks(&DEFAULT_SLACKS)
    }

    /// One level per slack. `slacks[l]` is the number of later submissions that may overtake an item of level `l`:
    /// `u64::MAX` never ages, and 0 at every level is first in, first out. Level 0 wants 0: only a due item of another
    /// level could overtake it, and there is no reason to let a younger one.
    ///
    /// ```
    /// use pool_priority::{Pool, Priority};
    ///
    /// // Three levels. The last never ages.
    /// let pool = Pool::builder_with(Priority::with_slacks(&[0, 1_000, u64::MAX])).build()?;
    /// assert_eq!(pool.scheduler().levels(), 3);
    /// # Ok::<(), pool_priority::BuildError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If there is no slack, or more than [`MAX_LEVELS`].
    #[track_caller]
    pub fn with_slacks(slacks: &[u64]) -> Self {
        assert!(
            (1..=MAX_LEVELS).contains(&slacks.len()),
            "a priority pool has 1 to {MAX_LEVELS} levels, not {}",
            slacks.len()
        );
        Self {
            inbox: CachePadded::new(SpinLock::with_beside(AtomicBool::new(false), Inbox::new(slacks.len()))),
            arrived: CachePadded::new(AtomicU64::new(0)),
            lanes: CachePadded::new(SpinLock::new(Lanes::new(slacks))),
            slacks: slacks.into(),
        }
    }

    /// The number of levels.
    ///
    /// ```
    /// use pool_priority::{Pool, DEFAULT_SLACKS};
    ///
    /// assert_eq!(Pool::new().scheduler().levels(), DEFAULT_SLACKS.len());
    /// ```
    pub fn levels(&self) -> usize {
        self.slacks.len()
    }

    /// How many later submissions may overtake an item of this level.
    ///
    /// ```
    /// use pool_priority::{Level, Pool};
    ///
    /// assert_eq!(Pool::new().scheduler().slack(Level::HIGH), 0);
    /// ```
    pub fn slack(&self, level: Level) -> u64 {
        self.slacks[self.index(level)]
    }

    fn index(&self, level: Level) -> usize {
        usize::from(level.0).min(self.slacks.len() - 1)
    }

    #[inline(always)]
    fn submit(&self, item: T, level: Level) {
        self.put(self.inbox.lock(), item, self.index(level));
    }

    #[inline(always)]
    fn put(&self, mut inbox: SpinLockGuard<'_, Inbox<T>, AtomicBool>, item: T, level: usize) {
        inbox.push(level, item);
        self.occupy();
        drop(inbox);
        self.announce(1 << level);
    }

    /// As `submit`, for a worker, with what its last `try_take` noted.
    ///
    /// If the lanes were drained then, most likely the item is the only one, and one that lies in a lane spares its
    /// taker the inbox. So the item goes there if no thread is at the lanes and nothing waits.
    #[inline(always)]
    pub(crate) fn submit_near(&self, item: T, level: Level, drained: bool) {
        let free = if drained { self.lanes.try_lock() } else { None };
        match free.filter(|lanes| lanes.is_empty() && !self.is_occupied()) {
            Some(mut lanes) => lanes.push(self.index(level), item),
            None => self.submit(item, level),
        }
    }

    fn submit_all(&self, items: &mut Vec<T>, level: Level) {
        if items.is_empty() {
            return;
        }
        let level = self.index(level);
        let mut inbox = self.inbox.lock();
        for item in items.drain(..) {
            inbox.push(level, item);
        }
        self.occupy();
        drop(inbox);
        self.announce(1 << level);
    }

    /// Under the inbox's lock.
    #[inline]
    fn occupy(&self) {
        // Release: pairs with the Acquire in `is_occupied`. What a worker fetches it reads under the lock.
        self.inbox.beside().store(true, Ordering::Release);
    }

    /// Whether the inbox holds anything. Under the lanes' lock, without which a worker may empty it between two looks.
    #[inline]
    fn is_occupied(&self) -> bool {
        // Acquire: pairs with `occupy`.
        self.inbox.beside().load(Ordering::Acquire)
    }

    /// After an item was put into the inbox, without the inbox's lock: the worker that fetches the item need not wait
    /// for this. By each submitter, since the one that brought the first item of the level may be held up on its way
    /// here.
    #[inline]
    fn announce(&self, level: u64) {
        // Relaxed: bits are cleared under the inbox's lock, which we held when the item came. So a bit that is seen
        // here has outlasted every earlier clearing, and a worker that clears it later takes the item.
        if self.arrived.load(Ordering::Relaxed) & level == 0 {
            // Release: pairs with the Acquire in `arrived`. What a worker fetches it reads under the lock.
            self.arrived.fetch_or(level, Ordering::Release);
        }
    }

    /// The levels of which the inbox may hold something.
    #[inline]
    fn arrived(&self) -> u64 {
        // Acquire: pairs with `announce`.
        self.arrived.load(Ordering::Acquire)
    }

    /// Notes whether the lanes are empty now, for `submit_near`.
    #[inline(always)]
    pub(crate) fn try_take(&self, drained: &mut bool) -> Option<(usize, Waiting<T>)> {
        let mut lanes = self.lanes.lock();
        let item = if !lanes.is_empty() {
            self.pop(&mut lanes)
        } else if self.is_occupied() {
            self.fetch_and_pop(&mut lanes)
        } else {
            None
        };
        *drained = lanes.is_empty();
        item
    }

    /// Takes both locks if nothing waits, so that every submission is ordered with that answer.
    pub(crate) fn take(&self) -> Option<(usize, Waiting<T>)> {
        let mut lanes = self.lanes.lock();
        if lanes.is_empty() { self.fetch_and_pop(&mut lanes) } else { self.pop(&mut lanes) }
    }

    /// From lanes that are not empty.
    #[inline]
    fn pop(&self, lanes: &mut Lanes<T>) -> Option<(usize, Waiting<T>)> {
        if lanes.may_be_next(self.arrived()) {
            self.fetch(lanes);
        }
        lanes.pop()
    }

    /// For lanes that are empty.
    #[inline]
    fn fetch_and_pop(&self, lanes: &mut Lanes<T>) -> Option<(usize, Waiting<T>)> {
        let mut inbox = self.inbox.lock();
        // Relaxed: a thread that relies on it holds the lanes' lock, as we do.
        self.inbox.beside().store(false, Ordering::Relaxed);
        lanes.fetch_and_pop(&mut inbox)
    }

    /// Moves the whole inbox to the lanes.
    #[cold]
    fn fetch(&self, lanes: &mut Lanes<T>) {
        let mut inbox = self.inbox.lock();
        // Relaxed, twice: a thread that relies on them holds one of the two locks, as we do, or has held the inbox's
        // since.
        self.inbox.beside().store(false, Ordering::Relaxed);
        self.arrived.store(0, Ordering::Relaxed);
        lanes.fetch(&mut inbox);
    }
}

impl<T> Default for Priority<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Priority<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Priority").field("slacks", &self.slacks).finish_non_exhaustive()
    }
}

impl<T: Send> Scheduler<T> for Priority<T> {
    type Hint = Level;
    type Worker = PriorityWorker<T>;

    /// The seed goes unused: nothing here is random.
    fn attach(self: &Arc<Self>, _seed: u64) -> PriorityWorker<T> {
        PriorityWorker::new(Arc::clone(self))
    }

    #[inline(always)]
    fn inject(&self, item: T, level: Option<Level>) {
        self.submit(item, level.unwrap_or_default());
    }

    #[inline(always)]
    fn inject_if(&self, admit: impl FnOnce(Asking<'_>) -> Admit<T, Level>) {
        let inbox = self.inbox.lock();
        if let Admit::Yes(item, level) = admit(Asking::under(&inbox)) {
            self.put(inbox, item, self.index(level.unwrap_or_default()));
        }
    }

    /// Takes the lock once per some hundreds of items. The iterator runs outside it, so it may use the pool itself.
    fn inject_batch(&self, items: impl Iterator<Item = T>, level: Option<Level>) {
        let level = level.unwrap_or_default();
        let room = items.size_hint().0.clamp(1, CHUNK);
        let mut chunk = Chunk { to: self, level, items: Vec::with_capacity(room) };
        for item in items {
            chunk.items.push(item);
            if chunk.items.len() == CHUNK {
                self.submit_all(&mut chunk.items, level);
            }
        }
    }

    fn can_evict(&self, which: Eviction) -> bool {
        matches!(which, Eviction::Oldest | Eviction::LeastUrgent)
    }

    /// O(levels).
    fn evict(&self, which: Eviction, incoming: Option<&Level>) -> Option<(T, Option<Level>)> {
        let mut lanes = self.lanes.lock();
        self.fetch(&mut lanes);
        let (level, waiting) = match which {
            Eviction::Oldest => lanes.pop_oldest(),
            _ => lanes.pop_less_urgent(self.index(incoming.copied().unwrap_or_default())),
        }?;
        // At most `MAX_LEVELS`, so it fits.
        Some((waiting.item, Some(Level(level as u8))))
    }

    fn is_empty(&self) -> bool {
        let lanes = self.lanes.lock();
        lanes.is_empty() && self.inbox.lock().is_empty()
    }

    /// By the locks of inbox and lanes.
    #[inline(always)]
    fn inject_is_ordered(&self) -> bool {
        true
    }
}

/// Items that a batch has given and that are not submitted yet. Submits them when dropped, also when the iterator
/// panics.
struct Chunk<'a, T> {
    to: &'a Priority<T>,
    level: Level,
    items: Vec<T>,
}

impl<T> Drop for Chunk<'_, T> {
    fn drop(&mut self) {
        self.to.submit_all(&mut self.items, self.level);
    }
}
