//! The examples of all READMEs and of `docs/` are doctests of this crate, since it depends on all other crates.

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
#[doc = include_str!("../../pool-any/README.md")]
mod pool_any {}
#[doc = include_str!("../../pool-conformance/README.md")]
mod pool_conformance {}
#[doc = include_str!("../../docs/choosing-a-pool.md")]
mod choosing_a_pool {}
#[doc = include_str!("../../docs/coming-from.md")]
mod coming_from {}
#[doc = include_str!("../../docs/jobs.md")]
mod jobs {}
#[doc = include_str!("../../docs/waiting.md")]
mod waiting {}
#[doc = include_str!("../../docs/shutdown.md")]
mod shutdown {}
#[doc = include_str!("../../docs/server.md")]
mod server {}
