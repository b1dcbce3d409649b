//! Keys whose own code panics.

use std::any::Any;
use std::cmp::Ordering as Cmp;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The code of a key that panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Drop,
    Clone,
    Ord,
}

/// Panics at every `every`-th call of one kind. Shared by the keys of a test.
pub(crate) struct Fuse {
    code: Code,
    every: usize,
    calls: AtomicUsize,
    panics: AtomicUsize,
}

impl Fuse {
    pub(crate) fn new(code: Code, every: usize) -> Arc<Self> {
        Arc::new(Self { code, every, calls: AtomicUsize::new(0), panics: AtomicUsize::new(0) })
    }

    pub(crate) fn key(self: &Arc<Self>, rank: u32) -> Key {
        Key { rank, fuse: Arc::clone(self) }
    }

    /// A second panic while a first one unwinds is the fault of a key in the hands of a test, not of the strategy.
    fn pass(&self, code: Code) {
        if code != self.code || thread::panicking() {
            return;
        }
        if (self.calls.fetch_add(1, Ordering::Relaxed) + 1) % self.every == 0 {
            self.panics.fetch_add(1, Ordering::Relaxed);
            resume_unwind(Box::new(Bomb));
        }
    }

    pub(crate) fn panics(&self) -> usize {
        self.panics.load(Ordering::Relaxed)
    }
}

/// A payload that panics, too, when it is dropped.
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            resume_unwind(Box::new("the payload of a key's panic"));
        }
    }
}

/// Checks that a payload is one of these, and lets it go.
pub(crate) fn defuse(payload: Box<dyn Any + Send>) {
    assert!(payload.is::<Bomb>(), "a panic of the pool's own");
    std::mem::forget(payload);
}

pub(crate) struct Key {
    rank: u32,
    fuse: Arc<Fuse>,
}

impl Drop for Key {
    fn drop(&mut self) {
        self.fuse.pass(Code::Drop);
    }
}

impl Clone for Key {
    fn clone(&self) -> Self {
        self.fuse.pass(Code::Clone);
        self.fuse.key(self.rank)
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Cmp {
        self.fuse.pass(Code::Ord);
        self.rank.cmp(&other.rank)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Cmp> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key {}

/// Whether `f` ends with the panic of a key.
pub(crate) fn thrown<R>(f: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(f)).map_err(defuse).is_err()
}
