//! The examples of the README, of the crates' own and of `docs/` are tests: this crate depends on all the others.

#[doc = include_str!("../../README.md")]
mod readme {}
#[doc = include_str!("../../pool-core/README.md")]
mod pool_core {}
#[doc = include_str!("../../pool-fifo/README.md")]
mod pool_fifo {}
#[doc = include_str!("../../pool-workstealing/README.md")]
mod pool_workstealing {}
#[doc = include_str!("../../pool-priority/README.md")]
mod pool_priority {}
#[doc = include_str!("../../pool-conformance/README.md")]
mod pool_conformance {}
#[doc = include_str!("../../docs/coming-from.md")]
mod coming_from {}
#[doc = include_str!("../../docs/waiting.md")]
mod waiting {}
#[doc = include_str!("../../docs/shutdown.md")]
mod shutdown {}
