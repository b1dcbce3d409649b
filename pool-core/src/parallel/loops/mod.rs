//! Parallel loops: [`for_each`], [`for_each_mut`], [`map_reduce`]; and those that [end early](early).
//!
//! A loop is one range in one worker's hand, never a task for each element. The worker runs it from the left, in
//! *blocks*: of one element first, then longer, then shorter again. Before the first block, and again whenever there is
//! demand, it offers *help with what will be left* as the second half of a [`join`](crate::join()): an unwanted offer
//! is as cheap as an unwanted fork. The helper that takes the offer takes the right half of what is left *by then*,
//! runs it as a loop of its own (with helpers in turn), and comes back for the next half until nothing is left.
//!
//! ```text
//! ├─done──┼─block─┼──────left──────┼──────────────helper's──────────────┤
//!                 next block ►          ◄ next half      (a span of its own)
//! ```
//!
//! So an element that takes long holds up its block, which is short at the start and at the end, and nothing else: the
//! helper takes the rest without waiting for the busy owner. Results are kept in order: a worker's own are the left end
//! of its part, and those of its helpers come with the place where they start.
//!
//! Other workers see an offer unless the worker has older offers that are not taken: those go first, and ours follows
//! at the end of the first block at which there is room.
//!
//! Ranges that are divided when they are stolen: Tzannes, Caragea, Barua, Vishkin, "Lazy binary-splitting" (2010).
//! Blocks that shrink towards the end: Polychronopoulos, Kuck, "Guided self-scheduling" (1987).

mod early;
mod index;
mod span;
mod team;

pub use early::{find_any, find_first, try_for_each};
pub use index::LoopIndex;

use index::len;
use std::ops::Range;
use std::slice;
use team::Limit;

/// Calls `f` with every number of `range`, once each, in parallel if workers are free.
///
/// On a worker this is [`Pool::for_each`](crate::Pool::for_each) of its pool; elsewhere everything runs right here,
/// from the left.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// let sum = AtomicU32::new(0);
/// my_strategy::Pool::new().install(|| {
///     pool_core::for_each(1..101, |i| {
///         sum.fetch_add(i, Ordering::Relaxed);
///     });
/// });
/// assert_eq!(sum.into_inner(), 5050);
/// ```
///
/// # Panics
/// With the panic of `f`, as [`Pool::for_each`](crate::Pool::for_each) does.
pub fn for_each<I, F>(range: Range<I>, f: F)
where
    I: LoopIndex,
    F: Fn(I) + Sync,
{
    let block = |steps: Range<u64>, _: &Limit| steps.for_each(|step| f(range.start.forward(step)));
    team::run(len(&range), &block, &|(), ()| ());
}

/// Calls `f` with every element of `slice`, once each, in parallel if workers are free.
///
/// On a worker this is [`Pool::for_each_mut`](crate::Pool::for_each_mut) of its pool; elsewhere everything runs right here.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// let mut numbers = [1, 2, 3];
/// my_strategy::Pool::new().install(|| pool_core::for_each_mut(&mut numbers, |n| *n *= 2));
/// assert_eq!(numbers, [2, 4, 6]);
/// ```
///
/// # Panics
/// With the panic of `f`, as [`Pool::for_each_mut`](crate::Pool::for_each_mut) does.
pub fn for_each_mut<T, F>(slice: &mut [T], f: F)
where
    T: Send,
    F: Fn(&mut T) + Sync,
{
    let elements = Elements(slice.as_mut_ptr());
    let block = |steps: Range<u64>, _: &Limit| {
        // SAFETY: within the slice, which is borrowed for as long as the loop runs, and no two blocks overlap.
        unsafe { elements.block(steps) }.iter_mut().for_each(&f);
    };
    team::run(slice.len() as u64, &block, &|(), ()| ());
}

/// The elements of a slice, of which no two threads get the same.
struct Elements<T>(*mut T);

// SAFETY: what is shared is handed out once, element by element: it is sent, not shared.
unsafe impl<T: Send> Sync for Elements<T> {}

impl<T> Elements<T> {
    /// # Safety
    /// - The range lies within the slice.
    /// - No other thread uses any of these elements while `'a` lasts, and this one only through the result.
    unsafe fn block<'a>(&self, range: Range<u64>) -> &'a mut [T] {
        let (start, end) = (range.start as usize, range.end as usize);
        // SAFETY: within the slice and of this caller alone, by this function's contract.
        unsafe { slice::from_raw_parts_mut(self.0.add(start), end - start) }
    }
}

/// Calls `map` with every number of `range`, in parallel if workers are free, and combines the results with `reduce`, from
/// left to right. `None` if the range is empty.
///
/// On a worker this is [`Pool::map_reduce`](crate::Pool::map_reduce) of its pool; elsewhere everything runs right here.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// let longest = my_strategy::Pool::new().install(|| {
///     let words = ["some", "longer", "words"];
///     pool_core::map_reduce(0..words.len(), |i| words[i].len(), usize::max)
/// });
/// assert_eq!(longest, Some(6));
/// ```
///
/// # Panics
/// With the panic of `map` or `reduce`, as [`Pool::map_reduce`](crate::Pool::map_reduce) does.
pub fn map_reduce<I, R, M, F>(range: Range<I>, map: M, reduce: F) -> Option<R>
where
    I: LoopIndex,
    R: Send,
    M: Fn(I) -> R + Sync,
    F: Fn(R, R) -> R + Sync,
{
    let map = |step| map(range.start.forward(step));
    team::run(len(&range), &|steps, _: &Limit| reduce_block(steps, &map, &reduce), &reduce)
}

/// Maps and reduces a range that is not empty, here.
#[inline]
fn reduce_block<R>(steps: Range<u64>, map: &impl Fn(u64) -> R, reduce: &impl Fn(R, R) -> R) -> R {
    let len = steps.end - steps.start;
    // For results that fit into registers. Integers gain a little, floating-point numbers, whose order the compiler
    // must keep, a factor of nearly four; more lanes gain nothing.
    let in_lanes = const { !std::mem::needs_drop::<R>() && size_of::<R>() <= 16 };
    let (first, next) = if in_lanes && len >= LANES * LANES {
        let lane = len / LANES;
        (reduce_lanes(steps.start, lane, map, reduce), steps.start + lane * LANES)
    } else {
        (map(steps.start), steps.start + 1)
    };
    (next..steps.end).fold(first, |sum, step| reduce(sum, map(step)))
}

const LANES: u64 = 4;

/// Four neighbouring ranges of length `lane` side by side: a sum need not wait for the sum before it, as in a plain loop.
#[inline]
fn reduce_lanes<R>(start: u64, lane: u64, map: &impl Fn(u64) -> R, reduce: &impl Fn(R, R) -> R) -> R {
    let map = |index, step| map(start + index * lane + step);
    let (mut a, mut b, mut c, mut d) = (map(0, 0), map(1, 0), map(2, 0), map(3, 0));
    for step in 1..lane {
        a = reduce(a, map(0, step));
        b = reduce(b, map(1, step));
        c = reduce(c, map(2, step));
        d = reduce(d, map(3, step));
    }
    reduce(reduce(a, b), reduce(c, d))
}
