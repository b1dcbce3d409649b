//! The identities of pools, and which of them a child process has only inherited: see [`is_inherited`].

use std::sync::atomic::{AtomicUsize, Ordering};

// Of no interest to a model checker, hence from `std`. Relaxed throughout: only the numbers matter, and a process that has
// just been forked has one thread.

/// The last identity that was given to a pool.
static LAST: AtomicUsize = AtomicUsize::new(0);
/// Pools with lower identities were made in a process that this one was forked from.
static FIRST_OWN: AtomicUsize = AtomicUsize::new(0);

/// An identity that no other pool has, had or will have. Not 0.
pub(crate) fn new_identity() -> usize {
    watch();
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// Whether this process was forked after the pool of that identity was made. A child process has only the thread that
/// called `fork`: the workers are not there, and a lock that one of them held stays locked.
#[inline(always)]
pub(crate) fn is_inherited(identity: usize) -> bool {
    identity < FIRST_OWN.load(Ordering::Relaxed)
}

#[cfg(all(any(target_os = "linux", target_os = "macos", target_os = "freebsd"), not(any(loom, miri))))]
fn watch() {
    extern "C" fn in_child() {
        FIRST_OWN.store(LAST.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
    static WATCHED: std::sync::Once = std::sync::Once::new();
    WATCHED.call_once(|| {
        // SAFETY: `in_child` may run in a child of a process with many threads: it only reads and writes atomics.
        // The answer, an error if memory is short, is of no use: a fork then goes unnoticed.
        let _ = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

#[cfg(not(all(any(target_os = "linux", target_os = "macos", target_os = "freebsd"), not(any(loom, miri)))))]
fn watch() {}
