//! The laws under loom: `RUSTFLAGS="--cfg loom" cargo test -p pool-priority --release --test loom`.
#![cfg(loom)]

use pool_conformance::loom_laws;
use pool_priority::{Keyed, Priority};

loom_laws!(priority: Priority::with_slacks(&[0, 1]));
loom_laws!(keyed: Keyed::<u8, _>::new());
