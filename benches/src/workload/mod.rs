//! The workloads. Each file holds one family: the descriptions that tables show, and functions generic over the capabilities
//! that they need. Each function checks its result, and returns an error instead of a figure if the result is wrong.

mod blocked;
mod description;
pub mod fork_join;
pub mod idle;
pub mod memory;
pub mod nested;
pub mod outside;
pub mod quicksort;
pub mod reduce;
pub mod round_trip;
pub mod sleeper;
pub mod tree;
pub mod uneven;
pub mod urgent;

pub use self::description::{Better, Metric, Workload};

/// Every workload, in the order of the tables.
pub fn all() -> Vec<Workload> {
    let families: [&[Workload]; 12] = [
        &outside::WORKLOADS,
        &nested::WORKLOADS,
        &fork_join::WORKLOADS,
        &tree::WORKLOADS,
        &quicksort::WORKLOADS,
        &reduce::WORKLOADS,
        &round_trip::WORKLOADS,
        &uneven::WORKLOADS,
        &urgent::WORKLOADS,
        &sleeper::WORKLOADS,
        &memory::WORKLOADS,
        &idle::WORKLOADS,
    ];
    families.concat()
}
