//! Dropping foreign values whose `Drop` may panic, where no caller is left that could act on the panic.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Drops a value without unwinding. The panic hook has reported what ends here.
pub(crate) fn drop_quietly<T>(value: T) {
    if !mem::needs_drop::<T>() {
        return;
    }
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        // The payload of a panic may panic when it is dropped, and so may the payload of that panic.
        mem::forget(payload);
    }
}

/// A value that is dropped by [`drop_quietly`], also while a panic unwinds: a second one would abort the process.
pub(crate) struct Quietly<T>(pub(crate) Option<T>);

impl<T> Drop for Quietly<T> {
    fn drop(&mut self) {
        drop_quietly(self.0.take());
    }
}
