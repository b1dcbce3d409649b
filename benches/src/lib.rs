//! The comparison of worker pools, as a library: the workloads, the contestants, and what turns measurements into a table.
//!
//! The modules stand in layers: each imports only from those above it in this table. `tests/layers.rs` reads the table and
//! holds the sources to it.
//!
//! | layer | what it holds |
//! |---|---|
//! | [`stats`] | order statistics of small samples |
//! | [`random`] | random numbers that a seed repeats |
//! | [`number`] | how a figure is written for people |
//! | [`work`] | work that is counted in iterations |
//! | [`cpu`] | processor time, context switches, threads, and how much others disturb |
//! | [`line_time`] | the state of the machine that every hand-over depends on |
//! | [`machine`] | where and with what the figures were made |
//! | [`tally`] | how a workload learns that its tasks have run |
//! | [`inputs`] | what is made once and read by all contestants |
//! | [`capability`] | a trait for each thing that a contestant can do |
//! | [`measure`] | what a measurement is given and gives back, and the frame that it runs in |
//! | [`workload`] | what is measured: functions generic over capabilities, and their descriptions |
//! | [`contestant`] | who is measured: a type for each, with its capabilities |
//! | [`matrix`] | who is measured on what |
//! | [`results`] | what came out |
//! | [`runner`] | calls each pair's [`Run`](measure::Run) again and again, interleaved |
//! | [`summary`] | who wins where |
//! | [`targets`] | what ours must reach |
//! | [`report`] | the results as a table, as a page and as JSON |
//! | [`cli`] | the command line |
//!
//! What keeps the figures honest:
//!
//! | what would spoil them | how it is kept away |
//! |---|---|
//! | the machine changes its state | contestants are interleaved in shuffled order; the [`line_time`] is measured beside each repetition |
//! | contestants disturb each other | one lives at a time: started, warmed up, measured, stopped, its threads gone |
//! | a fast wrong result | each workload checks what came out; a wrong one makes the row INVALID |
//! | the harness costs more than a task | tasks are counted on a line of their own per thread ([`tally`]) |
//! | a peer is held wrongly | each is used through the public interface that suits the workload ([`contestant`]) |
//! | counting allocations slows allocating down | memory is measured in a process of its own |
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
