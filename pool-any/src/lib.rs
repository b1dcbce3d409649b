//! A worker pool whose scheduling strategy is chosen at run time.
//!
//! ```
//! use pool_any::{Level, Strategy};
//!
//! let strategy: Strategy = "priority".parse()?; // from a flag, a setting, a file
//! let pool = pool_any::builder(strategy).workers(2).build()?;
//! pool.task().hint(Level::LOW).execute(|| println!("less urgent, where the strategy knows urgency"));
//! let answer = pool.spawn(|| 6 * 7);
//! assert_eq!(answer.join()?, 42);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Or by the person who starts the program, with environment variables of the program's choice:
//!
//! ```
//! use pool_any::{BuildError, Pool, Strategy};
//!
//! fn pool() -> Result<Pool, BuildError> {
//!     let strategy = Strategy::from_env("MY_APP_POOL")?.unwrap_or(Strategy::WorkStealing);
//!     pool_any::builder(strategy).workers_from_env("MY_APP_WORKERS").build()
//! }
//! assert_eq!(pool()?.install(|| 2 + 2), 4);
//! # Ok::<(), BuildError>(())
//! ```
//!
//! This one dependency is enough: all that a user of a pool can name is re-exported here, from `pool_core::user`.
//!
//! # What it is good for, and when to take a sibling
//!
//! Take it for a program that is tuned where it runs, by a flag, a setting or a variable; for comparing strategies under
//! one program without building it three times; for a type that need not say which strategy a pool has.
//!
//! - **The strategy is known when the program is built**: take its crate. It is the same pool at a lower price, and with
//!   its own type of hint.
//! - **A key of your own, for example a deadline**: take `pool-priority`, whose `Keyed` orders by any key. Its hint is of
//!   another type, so it is not among the strategies here.
//! - **A library that is to run on the pool of its caller**: take [`&dyn Execute`](Execute), which every pool is, those of
//!   strategies that this crate does not know included.
//!
//! # Hints
//!
//! The hint is a [`Level`] for all strategies, so that a program says once how urgent a task is. [`Strategy::Priority`]
//! heeds it; the other two ignore it. On a worker, the free [`task`] submits with a level without holding the pool.
//!
//! # Order contract
//!
//! That of the chosen strategy: [`Fifo`], [`WorkStealing`], [`Priority`].
//!
//! # Complexity
//!
//! That of the chosen strategy, and a branch at each call, the same way each time. A submission from outside follows one
//! pointer more. Since there are hints, a worker also gives each task that opens a scope a ticket of its own, as with
//! [`Priority`]. `benches/instructions` counts what that comes to.

#![forbid(unsafe_code)]

mod any;
mod strategy;

pub use any::{AnyStrategy, AnyWorker};
#[doc(inline)]
pub use pool_core::user::*;
#[doc(no_inline)]
pub use pool_fifo::Fifo;
#[doc(no_inline)]
pub use pool_priority::{Level, Priority};
#[doc(no_inline)]
pub use pool_workstealing::WorkStealing;
pub use strategy::{Strategy, UnknownStrategy};

/// A pool whose strategy is chosen at run time: see [`builder`].
///
/// It has no default strategy, and so no `new`.
pub type Pool = pool_core::Pool<AnyStrategy>;

/// Settings for a pool with this strategy.
///
/// ```
/// use pool_any::Strategy;
///
/// for &strategy in Strategy::ALL {
///     let pool = pool_any::builder(strategy).workers(2).thread_name(strategy.name()).build()?;
///     assert_eq!(pool.install(|| 2 + 2), 4);
/// }
/// # Ok::<(), pool_any::BuildError>(())
/// ```
pub fn builder(strategy: Strategy) -> Builder<AnyStrategy> {
    Pool::builder_with(AnyStrategy::new(strategy))
}

/// A task for the pool whose worker this thread is, without holding the pool: `task().hint(Level::LOW).execute(f)`.
/// Without a hint it has the level of the task that submits it, where the strategy knows levels.
///
/// ```
/// use pool_any::{Level, Strategy, task};
///
/// let pool = pool_any::builder(Strategy::Priority).build()?;
/// let answer = pool.install(|| task().hint(Level::LOW).spawn(|| 42).join());
/// assert_eq!(answer?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn task() -> TaskBuilder<CurrentPool<Level>> {
    pool_core::task()
}
