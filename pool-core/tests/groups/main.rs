//! Groups: results as tasks end, waits that need no free worker, an end at the first error, and nothing run or dropped twice.

mod ending;
mod support;
mod waiting;
