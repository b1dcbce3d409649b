//! The comparison of worker pools, as a library: the workloads, those who take part, and what turns measurements into a table.
//!
//! The modules stand in reading order. A [`workload`] is a function generic over what a [`contestant`] can do; the [`runner`]
//! calls each pair's [`Run`](measure::Run) again and again, interleaved; [`results`] holds what came out, [`summary`] and
//! [`targets`] judge it, and [`report`] shows it.
//!
//! | what | how it is kept honest |
//! |---|---|
//! | the machine changes its state | contestants are interleaved in shuffled order; the [`line_time`] is measured beside each repetition |
//! | contestants disturb each other | one lives at a time: started, warmed up, measured, stopped, its threads gone |
//! | a fast wrong result | each workload checks what came out; a wrong one makes the row INVALID |
//! | the harness costs more than a task | tasks are counted on a line of their own per thread ([`tally`]) |
//! | a peer is held wrongly | each is used through the public interface that suits the workload ([`contestant`]) |
//! | counting allocations slows allocating down | memory is measured in a process of its own |
#![forbid(unsafe_code)]

pub mod capability;
pub mod contestant;
pub mod matrix;
pub mod workload;

pub mod inputs;
pub mod measure;
pub mod tally;
pub mod work;

pub mod number;
pub mod random;
pub mod stats;

pub mod cpu;
pub mod line_time;
pub mod machine;

pub mod results;
pub mod runner;

pub mod summary;
pub mod targets;

pub mod cli;
pub mod report;

#[cfg(doctest)]
mod documents;
