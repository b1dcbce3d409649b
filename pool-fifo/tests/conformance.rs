//! The laws on [`Fifo`], and what it promises beyond them.

use pool_conformance::{conformance, order};
use pool_fifo::Fifo;

conformance!(fifo: Fifo::new(), order = order::Fifo::new());
