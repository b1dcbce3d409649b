//! Workers: their seats, what they share, their threads.
//!
//! - [`seat`]: what other threads see of a worker.
//! - [`crew`] and [`quiet`]: all of a pool that does not depend on its strategy; its quiet moments and its end.
//! - [`inject`]: what these need of the strategy, whichever that is.
//! - [`futures`]: the futures that wait for a wake.
//! - [`shared`]: the strategy with its crew; the ways in from outside, and the way out unrun.
//! - [`full`] and [`overload`]: what is said about a full pool, and what becomes of a submission that finds one.
//! - [`context`]: what code that runs on a worker reaches through its thread.
//! - [`own`]: which pool a thread belongs to, hooks and thread-locals included.
//! - [`thread`]: the driver of the idle policy, and the life of a worker's thread.

mod context;
mod crew;
mod full;
mod futures;
mod inject;
mod overload;
mod own;
mod quiet;
mod seat;
mod shared;
mod thread;

pub(crate) use context::Context;
#[cfg(all(test, loom))]
pub(crate) use context::Queue;
pub(crate) use crew::{Crew, Hook, Hooks, PanicHandler};
pub(crate) use full::IfFull;
pub use full::WhenFull;
pub(crate) use futures::{WaitingFuture, WaitingFutures};
pub(crate) use inject::Inject;
pub(crate) use own::{Life, STARTING, is_starting, life_in};
pub(crate) use shared::Shared;
pub(crate) use thread::WorkerThread;
