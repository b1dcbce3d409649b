//! The comparison of worker pools, as a library: the workloads, the contestants, and what turns measurements into a table.
//!
//! The modules stand in layers: each imports only from those above it in this table. `tests/layers.rs` reads the table and
//! holds the sources to it.
//!
//! | layer | what it holds |
//! |---|---|
//! | [`stats`] | order statistics of small samples |
//! | [`random`] | random numbers that a seed repeats |
//! | [`number`] | figures formatted for people |
//! | [`work`] | work counted in iterations |
//! | [`cpu`] | processor time, context switches, threads, and the load from other processes |
//! | [`line_time`] | the time of a cache line between two processors, on which every hand-over depends |
//! | [`machine`] | the machine, the compiler and the commit behind the figures |
//! | [`tally`] | how a workload learns that its tasks have run |
//! | [`inputs`] | inputs made once and shared by all contestants |
//! | [`capability`] | a trait for each thing that a contestant can do |
//! | [`measure`] | the parameters and the sample of a measurement, and the code that runs one |
//! | [`workload`] | the workloads: functions generic over capabilities, and their descriptions |
//! | [`contestant`] | the contestants: a type for each, with its capabilities |
//! | [`matrix`] | which contestant is measured on which workload |
//! | [`results`] | the measurements, and the rows that reports show |
//! | [`runner`] | calls each pair's [`Run`](measure::Run) again and again, interleaved |
//! | [`summary`] | the winner by each metric |
//! | [`targets`] | the targets for our strategies |
//! | [`report`] | the results as a table, as a page and as JSON |
//! | [`cli`] | the command line |
//!
//! What keeps the figures honest:
//!
//! | what would distort a figure | what prevents it |
//! |---|---|
//! | the machine changes its state | shuffled contestants are interleaved; the [`line_time`] is measured beside each run |
//! | contestants disturb each other | one runs at a time: started, warmed up, measured, stopped, its threads gone |
//! | a fast wrong result | each workload checks its result; a wrong one makes the row INVALID |
//! | the harness costs more than a task | each thread counts tasks on a cache line of its own ([`tally`]) |
//! | a peer is misused | each is used through the public interface that suits the workload ([`contestant`]) |
//! | counting slows allocations down | memory is measured in a process of its own |
#![forbid(unsafe_code)]

pub mod capability;
pub mod cli;
pub mod contestant;
pub mod cpu;
pub mod inputs;
pub mod line_time;
pub mod machine;
pub mod matrix;
pub mod measure;
pub mod number;
pub mod random;
pub mod report;
pub mod results;
pub mod runner;
pub mod stats;
pub mod summary;
pub mod tally;
pub mod targets;
pub mod work;
pub mod workload;

#[cfg(doctest)]
mod documents;
