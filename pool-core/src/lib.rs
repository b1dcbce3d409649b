//! Worker pools whose scheduling strategy is a type parameter: two traits that make a strategy, and one pool around all of
//! them.
//!
//! Most users depend on a strategy crate and need nothing else: `pool-fifo`, `pool-workstealing` or `pool-priority`, or
//! `pool-any` for a choice at run time. All that a user can name comes with it ([`user`]). A library that runs on the pool
//! of its caller takes [`&dyn Execute`](Execute). An author of a strategy implements the two traits of
//! [`strategy`].
//!
//! # Where what lies
//!
//! Each folder imports only from those above it, which a test checks (`benches/tests/layers.rs`).
//!
//! | folder | holds |
//! |---|---|
//! | `error` | every error, and panics as values |
//! | [`sync`] | the one switch between `std` and loom: atomics, locks, parking, pauses, deadlines, the processor count |
//! | [`strategy`] | the two traits, and what strategies are built from |
//! | `task` | the task in its three words, its payload, the cell that a handle shares with it; the token that tells it to end |
//! | `ledger` | what became of every task, in counters; admission; the metrics |
//! | `offers` | what a worker offers to other workers: halves of joins, tasks of scopes. Data only |
//! | `idle` | the policy: which workers search, which sleep, which one to wake; its README has the proof |
//! | `worker` | seats, the crew, the quiet moment, the context of running code, the thread that drives the policy |
//! | `parallel` | the protocols on top: join, scope, loops |
//! | `pool` | the public pool: builder, submission, handles, waiting calls |
//! | `control` | groups of tasks that are waited for and cancelled together |
//! | `future` | futures on a pool: their state, cell and handle |
//! | [`user`] | the names that a user needs, for the strategy crates to re-export |
//!
//! # The life of a task
//!
//! 1. [`Pool::execute`] makes a [`Task`] of a closure, by value if it is small; [`Pool::spawn`] makes one with a
//!    [`JoinHandle`].
//! 2. The task is counted, or refused if the pool has been closed.
//! 3. The strategy takes it: [`Scheduler::inject_if`] from outside, [`Worker::push`] on a worker.
//! 4. If no worker searches and one sleeps, a sleeper is woken.
//! 5. A worker's thread gets it from [`Worker::try_next`] or [`Worker::next`],
//! 6. runs it, and catches its panic,
//! 7. counts what became of it, and wakes the thread that waits for it.
//! 8. A worker that finds nothing more searches for a bounded time, looks everywhere once more, and sleeps in the kernel.
//!
//! The examples below use `my_strategy`, the [smallest strategy](strategy#the-whole-of-a-strategy); any other does as well.
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
//! # Futures
//!
//! [`Pool::spawn_future`] polls a future on the workers, each poll a task of its own, and returns a [`FutureHandle`]. A future
//! that waits for a wake is in no queue and keeps no worker. See there what becomes of it when the pool ends.
//!
//! ```
//! # use pool_core::doc_toy as my_strategy;
//! let pool = my_strategy::Pool::builder().workers(1).build()?;
//! let (one, two) = (pool.spawn(|| 1), pool.spawn(|| 2));
//! let sum = pool.spawn_future(async { Ok::<i32, pool_core::JoinError>(one.await? + two.await?) });
//! assert_eq!(sum.join()??, 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`Remote`] submits to a pool without owning it, also futures.
//!
//! # Borrowing
//!
//! [`Pool::join`] and [`Pool::scope`] end only when all that they started has ended, so it may borrow. On a worker the free
//! functions [`join`] and [`scope`] do the same without the pool at hand, so that a library need not know of it. A half of a
//! `join` that no worker asks for costs no atomic read-modify-write.
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
//! [`Pool::try_for_each`], [`Pool::find_any`] and [`Pool::find_first`] end before their range does.
//!
//! # Groups
//!
//! A [`TaskGroup`] gives the results of its tasks as they end. Dropping it cancels them, so a `?` leaves nothing behind that
//! has not started. A [`CancelToken`] tells running work to end, by a call or by time.
//!
//! ```
//! # use pool_core::doc_toy as my_strategy;
//! # let pool = my_strategy::Pool::builder().workers(2).build()?;
//! use pool_core::{CancelToken, TaskGroup};
//! use std::time::Duration;
//!
//! let mut group = TaskGroup::with_token(&CancelToken::new().with_timeout(Duration::from_secs(60)));
//! for text in ["6", "7"] {
//!     group.spawn(pool.task(), || text.parse::<u32>());
//! }
//! assert_eq!(group.try_join_ok()?, [6, 7]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Waiting on a worker
//!
//! A worker that waits for a task runs the task itself if it has not started, helps with parts of it, or parks; it
//! never picks up other work. So one worker is enough for any nesting of joins, scopes and handles. The pool cannot see
//! blocking by other means (a lock, a channel).
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
//! Each is reported: to the handle, the scope or the join that waits, or without one to [`Builder::panic_handler`].
//! None kills a worker.
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
//! | [`TaskGroup::spawn`] | three, and room in lists of the group |
//! | [`CancelToken::new`], and each child | one |
//! | [`Pool::spawn_future`] | one, and none for a poll; and room in a list of those that wait |
//! | [`join`] | none, except for lists of the worker that grow with the depth of the recursion |
//! | the loops | none without helpers; with them, a list of results in each part that is helped with |
//! | [`Pool::install`]; from outside also [`Pool::join`], [`Pool::scope`], the loops | one |
//! | [`Scope::spawn`] | none for a closure of up to two words, else one; and room in a list that scopes share |
//!
//! # Under loom
//!
//! With `RUSTFLAGS="--cfg loom"` everything that is atomic comes from [loom](https://docs.rs/loom) instead of `std`:
//! see [`sync`].
//!
//! # Features
//!
//! - `futures`: [`Pool`] and [`Remote`] implement [`futures_task::Spawn`](https://docs.rs/futures-task). Off by default.
//!
//! # Targets
//!
//! Those of `std` with 64-bit atomics: the counts of a pool are 64 bits wide, so that they never wrap.

#[cfg(not(target_has_atomic = "64"))]
compile_error!("pool-core needs 64-bit atomics, which this target lacks: the counts of a pool are 64 bits wide");

// The toy strategy of these docs is compiled once more, for the examples of the items, under the name users would see.
extern crate self as pool_core;

#[cfg(doctest)]
mod compile_fail;
mod control;
#[doc(hidden)]
#[path = "strategy/toy.rs"]
#[allow(missing_docs)]
pub mod doc_toy;
mod error;
mod future;
mod idle;
mod ledger;
#[cfg(all(test, loom))]
mod loom_tests;
mod offers;
mod parallel;
mod pool;
pub mod strategy;
pub mod sync;
mod task;
mod worker;

/// All that a user of a pool can name. The strategy crates re-export it whole, so that one dependency is enough.
pub mod user {
    pub use crate::control::TaskGroup;
    pub use crate::error::{
        BuildError, CancelReason, Cancelled, EnvError, JoinError, Rejected, Rejection, StartError, TaskError, WaitError,
    };
    pub use crate::future::FutureHandle;
    pub use crate::ledger::Metrics;
    pub use crate::parallel::{
        LoopIndex, Scope, find_any, find_first, for_each, for_each_mut, join, map_reduce, scope, try_for_each,
    };
    pub use crate::pool::{
        Builder, CurrentPool, CurrentWorker, Execute, JoinHandle, Place, Pool, Remote, TaskBuilder, current_worker,
        default_workers, execute, spawn, task, try_execute, try_spawn,
    };
    pub use crate::strategy::{Scheduler, Worker};
    pub use crate::task::Task;
    pub use crate::task::token::{CancelToken, current_token, is_cancelled};
    pub use crate::worker::WhenFull;

    /// The pool of any strategy: [`Pool`], by a name that the strategy crates do not give to their own.
    ///
    /// ```
    /// use pool_core::{JoinError, PoolOf, Scheduler, Task};
    ///
    /// fn sum<S: Scheduler<Task>>(pool: &PoolOf<S>) -> Result<u32, JoinError> {
    ///     pool.spawn(|| (1..=4).sum()).join()
    /// }
    /// # use pool_core::doc_toy as my_strategy;
    /// assert_eq!(sum(&my_strategy::Pool::new())?, 10);
    /// # Ok::<(), JoinError>(())
    /// ```
    pub type PoolOf<S> = Pool<S>;
}

pub use user::*;
