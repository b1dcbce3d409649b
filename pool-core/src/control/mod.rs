//! Groups of tasks that are waited for and cancelled together. They stand on the public interface of the pool: a handle, a
//! submission as a value, a token.

mod ended;
mod group;

pub use group::TaskGroup;
