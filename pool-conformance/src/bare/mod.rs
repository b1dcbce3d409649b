//! The laws on the bare traits: no pool, no tasks, plain integers and counted items.
//!
//! Each check is a function that says which law a strategy broke. [`conformance!`](crate::conformance) makes a test of
//! each.

mod entrance;
mod gate;
mod last_looks;
mod ledger;
mod model;
mod races;
mod rng;
mod sequences;
mod shuttles;
mod traffic;

pub use entrance::{admissions, closings};
pub use last_looks::last_looks;
pub use ledger::{Item, Ledger};
pub use model::{Call, Op, sequence};
pub use races::{handovers, races, stampedes};
pub use sequences::{batches_that_panic, determinism, drops, sequences};
pub use shuttles::shuttles;
pub use traffic::traffic;
