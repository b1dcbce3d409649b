//! The laws under loom: `RUSTFLAGS="--cfg loom" cargo test -p pool-fifo --release --test loom`.
#![cfg(loom)]

use pool_conformance::loom_laws;
use pool_fifo::Fifo;

loom_laws!(fifo: Fifo::new());
