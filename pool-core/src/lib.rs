//! Worker pools whose scheduling strategy is a type parameter: two traits that make a strategy, and one pool around all of
//! them.
//!
//! Most users depend on a strategy crate and need nothing else: `pool-fifo`, `pool-workstealing` or `pool-priority`. Whoever
//! writes a strategy implements [`Scheduler`] and [`Worker`], whose laws stand in [`scheduler`].
//!
//! # The life of a task
//!
//! 1. [`Pool::execute`] makes a [`Task`] of a closure, by value if it is small; [`Pool::spawn`] makes one with a
//!    [`JoinHandle`].
//! 2. The task is counted, or refused if the pool has been closed.
//! 3. The strategy takes it: [`Scheduler::inject`] from outside, [`Worker::push`] on a worker.
//! 4. If nobody is looking for work and somebody sleeps, one sleeper is woken.
//! 5. A worker's thread gets it from [`Worker::try_next`] or [`Worker::next`],
//! 6. runs it, and catches its panic,
//! 7. counts what became of it, and wakes whoever waits for it.
//! 8. A worker that finds nothing more searches for a bounded time, looks everywhere once more, and sleeps in the kernel.
//!
//! # A strategy, and a pool of it
//!
//! The whole of a strategy that works. The real ones differ in where items lie, not in what they must know.
//!
#![doc = "```"]
#![doc = include_str!("toy.rs")]
#![doc = "let pool = Pool::new();"]
#![doc = "assert_eq!(pool.install(|| 2 + 2), 4);"]
#![doc = "```"]
//!
//! The examples below use it as `my_strategy`; any other does as well.
//!
//! # Results
//!
//! A [`JoinHandle`] can be blocked on, awaited on any executor, cancelled, or dropped, which lets the task run on.
//!
//! ```
//! # use pool_core::doc_toy as my_strategy;
//! let pool = my_strategy::Pool::builder().workers(2).build()?;
//! let handles: Vec<_> = (1..=4).map(|n| pool.spawn(move || n * n)).collect();
//! let squares: Result<Vec<i32>, _> = handles.into_iter().map(|handle| handle.join()).collect();
//! assert_eq!(squares?, [1, 4, 9, 16]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Borrowing
//!
//! [`Pool::join`] and [`Pool::scope`] end only when all that they started has ended, so it may borrow. On a worker the free
//! functions [`join`] and [`scope`] do the same without the pool at hand, so that a library need not know of it. A half of a
//! `join` that nobody asks for costs no atomic read-modify-write.
//!
//! ```
//! # use pool_core::doc_toy as my_strategy;
//! # let pool = my_strategy::Pool::builder().workers(2).build()?;
//! fn sum(numbers: &[u64]) -> u64 {
//!     if let [number] = numbers {
//!         return *number;
//!     }
//!     let (left, right) = numbers.split_at(numbers.len() / 2);
//!     let (left, right) = pool_core::join(|| sum(left), || sum(right));
//!     left + right
//! }
//! let numbers = [1, 2, 3, 4, 5];
//! assert_eq!(pool.install(|| sum(&numbers)), 15);
//! # Ok::<(), pool_core::BuildError>(())
//! ```
//!
//! # Loops
//!
//! [`Pool::for_each`], [`Pool::for_each_mut`] and [`Pool::map_reduce`] divide a range only when a worker comes for a part of
//! it. They, too, have free forms: [`for_each`], [`for_each_mut`], [`map_reduce`].
//!
//! ```
//! # use pool_core::doc_toy as my_strategy;
//! # let pool = my_strategy::Pool::builder().workers(2).build()?;
//! let numbers: Vec<u64> = (1..=1_000).collect();
//! let largest = pool.map_reduce(0..numbers.len(), |i| numbers[i] % 97, |a, b| a.max(b));
//! assert_eq!(largest, Some(96));
//! # Ok::<(), pool_core::BuildError>(())
//! ```
//!
//! # Waiting on a worker
//!
//! A waiting worker runs what it waits for if nobody has started it, helps with parts of it, or parks; it never picks up
//! anything else. So one worker is enough for any nesting of joins, scopes and handles. Blocking by other means (a lock, a
//! channel) the pool cannot see.
//!
//! ```
//! # use pool_core::doc_toy as my_strategy;
//! let pool = my_strategy::Pool::builder().workers(1).build()?;
//! let answer = pool.spawn(|| pool_core::spawn(|| 42).join());
//! assert_eq!(answer.join()??, 42);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Panics
//!
//! Each reaches somebody: the handle, the scope or the join that waits, else [`Builder::panic_handler`]. None kills a worker.
//!
//! ```
//! # use pool_core::doc_toy as my_strategy;
//! # let pool = my_strategy::Pool::builder().workers(1).build()?;
//! let error = pool.spawn(|| std::panic::resume_unwind(Box::new(5))).join().unwrap_err();
//! assert_eq!(error.into_panic().downcast_ref(), Some(&5));
//! # Ok::<(), pool_core::BuildError>(())
//! ```
//!
//! # The end
//!
//! [`Pool::shutdown`], which is also what dropping a pool does, refuses what comes from now on, runs what was accepted, and
//! joins the threads. [`Pool::shutdown_now`] hands back what did not run. At every quiet moment the books balance.
//!
//! ```
//! # use pool_core::doc_toy as my_strategy;
//! let pool = my_strategy::Pool::builder().workers(2).build()?;
//! pool.execute_batch((0..100).map(|n| move || drop(n)));
//! pool.shutdown()?;
//! assert!(pool.try_execute(|| ()).is_err());
//! let metrics = pool.metrics();
//! assert_eq!((metrics.completed, metrics.rejected), (100, 1));
//! assert!(metrics.is_balanced());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it costs
//!
//! | call | allocations |
//! |---|---|
//! | [`Pool::execute`] | none for a closure of up to two words, else one; and the strategy's own, spread over many tasks |
//! | [`Pool::spawn`] | one |
//! | [`join`] | none, but for lists of its worker's that grow with the depth of the recursion |
//! | the loops | none without helpers; with them, a list of results in each part that is helped with |
//! | [`Pool::install`]; from outside also [`Pool::join`], [`Pool::scope`], the loops | one |
//! | [`Scope::spawn`] | none for a closure of up to two words, else one; and room in a list that scopes share |
//!
//! # Under loom
//!
//! With `RUSTFLAGS="--cfg loom"` everything that is atomic comes from [loom](https://docs.rs/loom) instead of `std`:
//! see [`sync`], [`shared_queue`] for a queue made of its locks, and [`chunks`] for what to put behind them. There are
//! no features.

// The toy strategy of these docs is compiled once more, for the examples of the items, under the name users would see.
extern crate self as pool_core;

mod builder;
mod cell;
pub mod chunks;
#[cfg(doctest)]
mod compile_fail;
mod context;
mod core;
#[doc(hidden)]
#[path = "toy.rs"]
#[allow(missing_docs)]
pub mod doc_toy;
mod error;
mod fork;
mod handle;
mod idle;
mod join;
mod ledger;
#[cfg(all(test, loom))]
mod loom_tests;
mod metrics;
mod parallel;
mod patience;
mod payload;
mod pool;
pub mod scheduler;
mod scope;
mod seat;
mod shared;
pub mod shared_queue;
pub mod sync;
mod task;
mod wait;
mod worker_thread;

pub use builder::{Builder, default_workers};
pub use context::{current_worker, execute, spawn, try_execute, try_spawn};
pub use error::{BuildError, Rejected, Rejection, ShutdownError};
pub use handle::{JoinError, JoinHandle};
pub use join::join;
pub use metrics::Metrics;
pub use parallel::{LoopIndex, for_each, for_each_mut, map_reduce};
pub use pool::Pool;
pub use scheduler::{Admission, Scheduler, Worker};
pub use scope::{Scope, scope};
pub use task::Task;
