//! The laws under loom: `RUSTFLAGS="--cfg loom" cargo test -p pool-fifo --release --test loom`.
#![cfg(loom)]

use pool_conformance::loom_laws;
use pool_fifo::Fifo;

loom_laws!(fifo: Fifo::new());

#[test]
fn first_in_first_out() {
    pool_conformance::loom_laws::first_in_first_out(Fifo::new);
}
