//! The protocols that run work in parallel on what workers [offer](crate::offers): `join`, scopes, loops.
//!
//! - [`join()`] makes frames; [`fork`] offers, takes and reclaims them; [`wait`] passes the time until a stolen one is done.
//! - [`scope()`] fills shards, whose tickets bring other workers to help.
//! - [`loops`] divides ranges on top of `join`.

pub(crate) mod fork;
mod join;
mod loops;
mod scope;
mod wait;

pub use join::join;
pub use loops::{LoopIndex, find_any, find_first, for_each, for_each_mut, map_reduce, try_for_each};
pub(crate) use scope::scope_here;
pub use scope::{Scope, scope};
