//! A worker pool that runs urgent tasks first, with an ageing bound that can be proved.
//!
//! ```
//! use pool_priority::{Level, Pool};
//!
//! let pool = Pool::builder().workers(2).build()?;
//! pool.task().hint(Level::BACKGROUND).execute(|| println!("when nothing else waits"));
//! let answer = pool.task().hint(Level::HIGH).spawn(|| 42);
//! assert_eq!(answer.join()?, 42);
//! pool.execute(|| println!("at Level::NORMAL, since nothing is said"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Or by any ordered key, for example a deadline:
//!
//! ```
//! use pool_priority::KeyedPool;
//! use std::time::{Duration, Instant};
//!
//! let pool = KeyedPool::<Instant>::builder().workers(2).build()?;
//! let soon = Instant::now() + Duration::from_secs(1);
//! pool.task().hint(soon).execute(|| println!("due in a second"));
//! # Ok::<(), pool_priority::BuildError>(())
//! ```
//!
//! This one dependency is enough: all that a user of a pool can name is re-exported here, from `pool_core::user`. On a
//! worker, the free [`task`] and [`keyed_task`] submit with a hint without holding the pool. A task that says nothing has
//! the urgency of the task that submits it.
//!
//! # What it is good for, and when to take a sibling
//!
//! Take it for a user waiting in front of a background flood, for deadlines, for shortest job first.
//!
//! | strategy | a task says | complexity | starvation |
//! |---|---|---|---|
//! | [`Priority`] | one of up to 64 [`Level`]s | O(1) amortised | impossible: bounded by [`slack`](Priority::slack) |
//! | [`Keyed`] | any ordered key, for example a deadline | O(log n) | possible: the keys decide |
//!
//! - **Nothing is more urgent than anything else**: take `pool-fifo`, which has less to do per item.
//! - **Fork–join, recursion, tasks of well under a microsecond**: take `pool-workstealing`.
//! - **Hard real time**: urgency here decides what a free worker takes next. A running task is never interrupted.
//!
//! # Order contract of [`Priority`]
//!
//! 1. The most urgent level goes first ([`Level::HIGH`], which is level 0, before all others), except where 3 demands
//!    otherwise.
//! 2. Within a level, first in, first out.
//! 3. **Ageing.** An item of level `L` is overtaken by at most [`slack(L)`](Priority::slack) *later* submissions. The
//!    bound counts submissions, not seconds, so it needs no clock and can be proved (see [`Priority`]). An item that has
//!    been overtaken as often as that goes before every later one, however urgent; of several, the oldest goes first.
//!
//! # Order contract of [`Keyed`]
//!
//! The smallest key first; equal keys in submission order. No ageing. What has no key goes last, unless
//! [`with_plain_key`](Keyed::with_plain_key) gives it one.
//!
//! # Complexity
//!
//! | | [`Priority`] | [`Keyed`] |
//! |---|---|---|
//! | submit | O(1), the inbox's lock | O(log n), the one lock |
//! | … by a worker, while nothing waits | O(1), the lanes' lock | |
//! | dispatch | O(1), the lanes' lock | O(log n), the one lock |
//! | … that must look into the inbox | both locks, one [`append`](pool_core::strategy::chunks::ChunkQueue::append) per level | |
//! | … beside a backlog that is due | O(levels² · log n), to count what has overtaken what | |
//! | [`is_empty`](pool_core::strategy::Scheduler::is_empty) | the lanes' lock, and the inbox's if they are empty | the one lock |
//! | memory for a waiting item | it and 8 bytes, in chunks | it, its key and 8 bytes, in an array that doubles |
//!
//! Submitters of [`Priority`] put their items into an inbox, one lane per level, and workers take from lanes of their
//! own. A worker empties the inbox only if something in it could be the next item: if its level is more urgent than all
//! that wait in the lanes, or none of its level waits there and it has no slack at all. Nothing else in the inbox can be
//! due: what was submitted later lies there, too, and has not overtaken it. So the order is exact, and in a flood of one
//! level the two sides do not share a cache line. A worker that took the last item puts its next one into the lanes
//! itself, if nothing waits then.
//!
//! Two sides with a lock each: Michael and Scott, *Simple, Fast, and Practical Non-Blocking and Blocking Concurrent Queue
//! Algorithms* (PODC 1996), section 3.

#![forbid(unsafe_code)]

mod inbox;
mod keyed;
mod lanes;
mod level;
mod levels;
mod quietly;
mod worker;

pub use keyed::{Keyed, KeyedWorker};
pub use level::Level;
pub use levels::{DEFAULT_SLACKS, MAX_LEVELS, Priority};
#[doc(inline)]
pub use pool_core::user::*;
pub use worker::PriorityWorker;

/// A pool that runs the most urgent [`Level`] first: `pool.task().hint(Level::HIGH).execute(f)`.
pub type Pool = pool_core::Pool<Priority>;

/// A pool that runs the task with the smallest key first: `pool.task().hint(deadline).execute(f)`.
pub type KeyedPool<K> = pool_core::Pool<Keyed<K>>;

/// A task for the pool whose worker this thread is, without holding the pool: `task().hint(Level::LOW).execute(f)`.
/// Without a hint it has the level of the task that submits it.
///
/// For a [`KeyedPool<K>`], [`keyed_task`] takes a key instead.
///
/// ```
/// use pool_priority::{Level, Pool, task};
///
/// let pool = Pool::new();
/// let answer = pool.install(|| task().hint(Level::LOW).spawn(|| 42).join());
/// assert_eq!(answer?, 42);
/// # Ok::<(), pool_priority::JoinError>(())
/// ```
pub fn task() -> TaskBuilder<CurrentPool<Level>> {
    pool_core::task()
}

/// As [`task`], on a worker of a [`KeyedPool<K>`].
///
/// ```
/// use pool_priority::{KeyedPool, keyed_task};
/// use std::time::Instant;
///
/// let pool = KeyedPool::<Instant>::new();
/// let answer = pool.install(|| keyed_task().hint(Instant::now()).spawn(|| 42).join());
/// assert_eq!(answer?, 42);
/// # Ok::<(), pool_priority::JoinError>(())
/// ```
pub fn keyed_task<K: Clone + 'static>() -> TaskBuilder<CurrentPool<K>> {
    pool_core::task()
}
