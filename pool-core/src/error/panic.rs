//! Panics as values: their text, and how to drop what may panic again.

use super::reason::CancelReason;
use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The payload of a panic.
pub(crate) type Payload = Box<dyn Any + Send>;

/// The text of a panic, if its payload is a string.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "(a payload that is not a string)"
    }
}

/// The payload with which a task unwinds that has ended before its closure began. No handler sees it.
pub(crate) struct Unstarted(pub(crate) CancelReason);

/// Why the task ended before it began, if that is what the payload says.
pub(crate) fn unstarted(payload: &(dyn Any + Send)) -> Option<CancelReason> {
    payload.downcast_ref().map(|&Unstarted(reason)| reason)
}

/// Drops a value without unwinding. Returns the panic of its `Drop`.
pub(crate) fn drop_caught<T>(value: T) -> Result<(), Payload> {
    catch_unwind(AssertUnwindSafe(|| drop(value)))
}

/// Drops a value when no caller is left to report to: a panic of its `Drop` ends here.
pub(crate) fn drop_quietly<T>(value: T) {
    if let Err(payload) = drop_caught(value) {
        // The payload of a panic may panic when it is dropped, and so may the payload of that panic.
        mem::forget(payload);
    }
}
