//! What a child process is told of a pool of its parent.

/// The same in every error.
pub(super) const FORKED: &str = "the pool belongs to the process that this one was forked from, and has no workers here; make a pool after the fork";
