//! The laws on [`WorkStealing`].

use pool_conformance::{conformance, order};
use pool_workstealing::{OUTSIDE_EVERY, WorkStealing};

conformance!(work_stealing: WorkStealing::new(), order = order::WorkStealing::new(OUTSIDE_EVERY));
