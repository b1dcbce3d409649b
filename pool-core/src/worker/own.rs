//! Which pool the current thread belongs to, for the whole of the thread's life: also in the hooks and while its
//! thread-locals are dropped, when it has no [`Context`](super::Context).

use crate::sync::thread_local;
use std::cell::Cell;

/// What the current thread is to a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It starts, and runs no tasks yet. Perhaps no worker does.
    Starting,
    /// It runs tasks, or has run them.
    Started,
}

thread_local! {
    // Without a destructor, so that it can be read as long as the thread lives.
    static OWN: Cell<(usize, Life)> = const { Cell::new((0, Life::Starting)) };
}

/// This thread belongs to the pool of that identity from now on.
pub(super) fn enter(pool: usize) {
    OWN.with(|own| own.set((pool, Life::Starting)));
}

/// This thread is about to run tasks.
pub(super) fn start(pool: usize) {
    OWN.with(|own| own.set((pool, Life::Started)));
}

/// Whether this thread belongs to the pool of that identity, and since when.
pub(crate) fn life_in(pool: usize) -> Option<Life> {
    let (own, life) = OWN.try_with(Cell::get).unwrap_or((0, Life::Starting));
    (own == pool).then_some(life)
}

/// Whether this thread is about to be a worker of some pool.
pub(crate) fn is_starting() -> bool {
    OWN.try_with(Cell::get).is_ok_and(|(pool, life)| pool != 0 && life == Life::Starting)
}

/// What a thread is told that would wait for its pool before it runs tasks.
pub(crate) const STARTING: &str = "`on_start` runs before the thread is a worker, and cannot wait for its own pool: \
    no worker may be there yet; submit without waiting, or wait in a task";
