//! Oracles for law 4: naive models of what order a strategy promises.
//!
//! An oracle is told what was accepted and which worker left, and judges each item handed out. The oracles here are
//! exact where the contract is exact ([`Fifo`], [`Levels`], [`Keyed`]), and check what is promised where it leaves a
//! choice ([`WorkStealing`]). They are slow and obvious on purpose.

mod fifo;
mod keyed;
mod levels;
mod stealing;

pub use fifo::{Fifo, Unordered};
pub use keyed::Keyed;
pub use levels::Levels;
pub use stealing::WorkStealing;

use crate::bare::Op;

/// Where an item came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// [`inject`](pool_core::Scheduler::inject), [`inject_if`](pool_core::Scheduler::inject_if) or
    /// [`inject_batch`](pool_core::Scheduler::inject_batch).
    Outside,
    /// [`push`](pool_core::Worker::push) on this worker.
    Worker(usize),
}

/// A naive model of a strategy's order. Workers are named by numbers that are never used twice.
pub trait Order {
    /// The hint of the strategies that promise this order.
    type Hint: Clone + Send;

    /// The hint for a choice that the kit made at random; choices are small numbers. `None` where the order knows no
    /// hints.
    fn hint(&self, choice: u8) -> Option<Self::Hint>;

    /// A worker joined.
    fn attached(&mut self, worker: usize) {
        let _ = worker;
    }

    /// A worker left, retired or dropped.
    fn left(&mut self, worker: usize) {
        let _ = worker;
    }

    /// An item was accepted. `choice` is `None` for an item without a hint: one from outside is plain, and one that a
    /// worker pushes inherits the urgency of the item that was last handed out on this worker.
    fn accepted(&mut self, item: u64, source: Source, choice: Option<u8>);

    /// `worker` was given `item`, which waited. `Err` says what should have come instead, or which bound was passed.
    fn dispatched(&mut self, item: u64, worker: usize) -> Result<(), String>;

    /// Sequences of calls that try this order where random ones hardly reach.
    fn scripts(&self) -> Vec<Vec<Op>> {
        Vec::new()
    }
}
