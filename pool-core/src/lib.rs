//! Scaffold doc.
#![doc = "```"]
#![doc = include_str!("toy.rs")]
#![doc = "let pool = Pool::new();"]
#![doc = "assert_eq!(pool.install(|| 2 + 2), 4);"]
#![doc = "```"]

// The toy strategy of these docs is compiled once more, for the examples of the items, under the name users would see.
extern crate self as pool_core;

mod builder;
mod cell;
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
mod pool;
pub mod scheduler;
mod scope;
mod seat;
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
pub use pool::Pool;
pub use scheduler::{Scheduler, Worker};
pub use scope::{Scope, scope};
pub use task::Task;
