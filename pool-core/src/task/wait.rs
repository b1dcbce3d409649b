//! Waiting for a task that another thread runs: spin a little, then park.
//!
//! Every wait in this crate has the same shape: look, spin for a bounded time, register where the other side finds this
//! thread, look again, park, and begin anew. The other side changes what is looked at first and unparks second, so either the
//! last look sees the change or the unpark reaches this thread.

use super::cell::Holder;
use crate::sync::{Deadline, Spin, is_inherited, thread, thread_local};
use std::sync::Arc;
use std::task::{Wake, Waker};

/// Unparks a thread, as a waker.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    /// Wakes this thread. Made once for each thread, so that a wait allocates nothing.
    static THIS_THREAD: Waker = Waker::from(Arc::new(Unpark(thread::current())));
}

/// What a thread can wait for.
pub(crate) trait Awaited {
    /// The identity of its pool.
    fn pool(&self) -> usize;
    /// Whether the wait is over.
    fn is_over(&self) -> bool;
    /// Leaves `waker` to be woken when the wait is over. `false` if it is.
    fn set_waker(&mut self, waker: &Waker) -> bool;
    /// Takes back the waker that was left, if any.
    fn forget_waker(&mut self);
}

impl<R> Awaited for Holder<R> {
    fn pool(&self) -> usize {
        self.pool()
    }

    fn is_over(&self) -> bool {
        self.is_over()
    }

    fn set_waker(&mut self, waker: &Waker) -> bool {
        self.set_waker(waker)
    }

    fn forget_waker(&mut self) {
        self.forget_waker();
    }
}

/// Waits until there is nothing to wait for. `false` if the deadline came first, or the task lies in a pool of the process
/// that this one was forked from.
pub(crate) fn for_task(holder: &mut impl Awaited, deadline: Deadline) -> bool {
    let mut spin = Spin::new();
    while !holder.is_over() {
        if spin.once() {
            continue;
        }
        if is_inherited(holder.pool()) {
            return false;
        }
        // A thread that is being torn down has lost its waker: make one for this wait.
        let registered = THIS_THREAD
            .try_with(|waker| holder.set_waker(waker))
            .unwrap_or_else(|_| holder.set_waker(&Waker::from(Arc::new(Unpark(thread::current())))));
        if !registered {
            return true;
        }
        // Once: what wakes this thread may have taken the waker, and the wait be not over all the same. A task that was handed
        // back is over until a thread begins to run it by hand.
        if !holder.is_over() && !deadline.park() {
            holder.forget_waker();
            return holder.is_over();
        }
    }
    true
}
