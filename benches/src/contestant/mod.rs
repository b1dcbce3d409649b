//! The contestants: a type for each, which implements [`Contestant`](crate::capability::Contestant) and the trait of each
//! capability.
//!
//! Each peer is used through the public interface that suits the workload best.

mod channels;
mod chili;
mod executors;
mod ours;
mod rayon;
mod rusty_pool;
mod sequential;
mod threadpool;
mod tokio;
mod warm_up;

pub use self::channels::{CrossbeamChannel, Kanal};
pub use self::chili::Chili;
pub use self::executors::{ExecutorsChannel, ExecutorsStealing};
pub use self::ours::{Fifo, FifoBounded, Priority, WorkStealing};
pub use self::rayon::Rayon;
pub use self::rusty_pool::RustyPool;
pub use self::sequential::Sequential;
pub use self::threadpool::Threadpool;
pub use self::tokio::Tokio;
