//! A worker pool that runs urgent tasks first, with an ageing bound that can be proved.
//!
//! | strategy | a task says | complexity | starvation |
//! |---|---|---|---|
//! | [`Priority`] | one of up to 64 [`Level`]s | O(1) amortised | impossible: bounded by [`slack`](Priority::slack) |
//! | [`Keyed`] | any ordered key, for example a deadline | O(log n) | possible: the keys decide |
//!
//! # Order contract of [`Priority`]
//!
//! 1. The most urgent level goes first ([`Level::HIGH`], which is level 0, before all others).
//! 2. Within a level, first in, first out.
//! 3. **Ageing.** An item of level `L` is overtaken by at most [`slack(L)`](Priority::slack) *later* submissions. The bound
//!    counts submissions, not seconds, so it needs no clock and can be proved (see [`Priority`]).
//!
//! # Order contract of [`Keyed`]
//!
//! The smallest key first; equal keys in submission order. No ageing.
//!
//! # Trade-offs, and when not to take it
//!
//! One lock guards all waiting items. It is held for some tens of nanoseconds, which is nothing beside tasks of
//! microseconds; for very small tasks on many cores it becomes the bottleneck.
//!
//! - **Nothing is more urgent than anything else**: take `pool-fifo`, whose queue has no lock.
//! - **Fork–join, recursion, tasks of well under a microsecond**: take `pool-workstealing`.
//! - **Hard real time**: urgency here decides what a free worker takes next. A running task is never interrupted.

#![forbid(unsafe_code)]

mod keyed;
mod lanes;
mod levels;

pub use keyed::{Keyed, KeyedWorker};
pub use levels::{DEFAULT_SLACKS, Level, MAX_LEVELS, Priority, PriorityWorker};
pub use pool_core::{
    BuildError, Builder, JoinError, JoinHandle, Metrics, Rejected, Scope, ShutdownError, current_worker, execute, join,
    scope, spawn,
};

/// A pool that runs the most urgent [`Level`] first: `pool.execute_with(Level::HIGH, f)`.
pub type Pool = pool_core::Pool<Priority>;

/// A pool that runs the task with the smallest key first: `pool.execute_with(deadline, f)`.
pub type KeyedPool<K> = pool_core::Pool<Keyed<K>>;
