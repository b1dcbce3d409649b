//! Loops that end before all of their range is done: [`try_for_each`], [`find_any`], [`find_first`].
//!
//! Each is a loop whose result is what was found, and which keeps the left one of two. Finding something lowers the
//! [limit](Limit) of the loop, which is looked at before each element, so that an end comes within one call of a closure and
//! not within one block.

use super::index::{LoopIndex, len};
use super::team::{self, Limit};
use std::ops::Range;

/// Calls `f` with the numbers of `range`, in parallel if workers are free, until one call returns an error.
///
/// On a worker this is [`Pool::try_for_each`](crate::Pool::try_for_each) of its pool; elsewhere everything runs right here,
/// from the left, up to the first error.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// let texts = ["1", "two", "3"];
/// let parsed = my_strategy::Pool::new()
///     .install(|| pool_core::try_for_each(0..texts.len(), |i| texts[i].parse::<u32>().map(drop)));
/// assert!(parsed.is_err());
/// ```
///
/// # Errors
/// Of the smallest number among those whose calls returned one.
///
/// # Panics
/// With the panic of `f`, as [`Pool::for_each`](crate::Pool::for_each) does.
pub fn try_for_each<I, E, F>(range: Range<I>, f: F) -> Result<(), E>
where
    I: LoopIndex,
    E: Send,
    F: Fn(I) -> Result<(), E> + Sync,
{
    let found = until(len(&range), Limit::stop_at_any, |step| f(range.start.forward(step)).err());
    found.map_or(Ok(()), Err)
}

/// A number of `range` for which `predicate` is `true`, searched for in parallel if workers are free; `None` if there is
/// none.
///
/// On a worker this is [`Pool::find_any`](crate::Pool::find_any) of its pool; elsewhere everything runs right here, from the
/// left.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// let found = my_strategy::Pool::new().install(|| pool_core::find_any(1..1_000_u32, |n| n % 97 == 0));
/// assert_eq!(found.map(|n| n % 97), Some(0));
/// ```
///
/// # Panics
/// With the panic of `predicate`, as [`Pool::for_each`](crate::Pool::for_each) does.
pub fn find_any<I, F>(range: Range<I>, predicate: F) -> Option<I>
where
    I: LoopIndex,
    F: Fn(I) -> bool + Sync,
{
    find(range, Limit::stop_at_any, predicate)
}

/// The smallest number of `range` for which `predicate` is `true`, searched for in parallel if workers are free; `None` if
/// there is none.
///
/// On a worker this is [`Pool::find_first`](crate::Pool::find_first) of its pool; elsewhere everything runs right here, from
/// the left.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// let found = my_strategy::Pool::new().install(|| pool_core::find_first(1..1_000_u32, |n| n % 97 == 0));
/// assert_eq!(found, Some(97));
/// ```
///
/// # Panics
/// With the panic of `predicate`, as [`Pool::for_each`](crate::Pool::for_each) does.
pub fn find_first<I, F>(range: Range<I>, predicate: F) -> Option<I>
where
    I: LoopIndex,
    F: Fn(I) -> bool + Sync,
{
    // What lies to the left of a find may hold a smaller one, and is still searched.
    find(range, Limit::lower, predicate)
}

fn find<I, F>(range: Range<I>, lower: impl Fn(&Limit, u64) + Sync, predicate: F) -> Option<I>
where
    I: LoopIndex,
    F: Fn(I) -> bool + Sync,
{
    let number = |step| range.start.forward(step);
    until(len(&range), lower, |step| predicate(number(step)).then_some(step)).map(number)
}

/// What `look` finds at the smallest step of those of `0..len` at which it finds something. Each find lowers the limit.
fn until<T: Send>(len: u64, lower: impl Fn(&Limit, u64) + Sync, look: impl Fn(u64) -> Option<T> + Sync) -> Option<T> {
    let block = |steps: Range<u64>, limit: &Limit| {
        let (step, found) = find_in(steps, limit, &look)?;
        lower(limit, step);
        Some(found)
    };
    team::run(len, &block, &Option::or).flatten()
}

/// The first find in a block, up to the limit, which another worker may lower meanwhile.
#[inline]
fn find_in<T>(steps: Range<u64>, limit: &Limit, look: impl Fn(u64) -> Option<T>) -> Option<(u64, T)> {
    steps.take_while(|&step| !limit.excludes(step)).find_map(|step| look(step).map(|found| (step, found)))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn a_block_ends_at_a_limit_that_is_lowered_meanwhile() {
        for (lowered, last) in [(0, 13), (13, 13), (14, 13), (16, 15), (20, 19)] {
            let limit = Limit::new();
            let looked = RefCell::new(Vec::new());
            let found = find_in(10..20, &limit, |step| {
                looked.borrow_mut().push(step);
                if step == 13 {
                    limit.lower(lowered);
                }
                None::<()>
            });
            assert_eq!((found, looked.into_inner()), (None, (10..=last).collect()));
        }
    }

    #[test]
    fn the_limit_moves_to_the_left_only() {
        let limit = Limit::new();
        assert!(!limit.excludes(u64::MAX - 1), "the last step of the longest loop");
        limit.lower(5);
        limit.lower(7);
        assert!(limit.excludes(5) && !limit.excludes(4));
        limit.stop();
        limit.lower(3);
        assert!(limit.excludes(0));
    }
}
