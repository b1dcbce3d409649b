//! [`Header`]: the part of a future's cell that does not depend on the future: its state, its pool, and the waker of its
//! handle.

use super::state::State;
use crate::error::panic::{self, drop_quietly};
use crate::sync::{SpinLock, UnsafeCell, is_inherited};
use crate::task::wait::Awaited;
use crate::worker::{Context, Inject, WaitingFuture, WaitingFutures};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::task::Waker;

/// The part of a cell that does not depend on the future.
pub(crate) struct Header {
    pub(super) state: State,
    /// Identifies the pool. Compared, never followed.
    pool: usize,
    home: Weak<dyn Inject>,
    /// The handle's. Locked for as long as a waker is moved.
    waker: SpinLock<Option<Waker>>,
    /// Its place in the pool's list of waiting futures. Belongs to the owner of the future.
    place: UnsafeCell<Option<usize>>,
}

impl Header {
    pub(super) fn new(pool: usize, home: Weak<dyn Inject>) -> Self {
        Self { state: State::new(), pool, home, waker: SpinLock::new(None), place: UnsafeCell::new(None) }
    }

    /// Whether the number is the identity of the future's pool.
    pub(super) fn is_of_pool(&self, pool: usize) -> bool {
        self.pool == pool
    }

    /// The future's pool, unless it is gone.
    pub(super) fn home(&self) -> Option<Arc<dyn Inject>> {
        self.home.upgrade()
    }

    /// The identity of the future's pool.
    pub(super) fn pool(&self) -> usize {
        self.pool
    }

    /// Whether this process only inherited the pool: whatever lock was held at the fork stays locked.
    pub(super) fn is_inherited(&self) -> bool {
        is_inherited(self.pool)
    }

    /// Whether the context is that of a worker of the future's pool.
    pub(super) fn is_of(&self, context: &Context) -> bool {
        context.crew().id() == self.pool
    }

    /// Calls `f` with the pool's list of futures; `None` if the pool is gone.
    fn with_list<T>(&self, f: impl FnOnce(&WaitingFutures) -> T) -> Option<T> {
        Context::with(|context| match context {
            Some(context) if self.is_of(context) => Some(f(&context.crew().futures)),
            _ => self.home().map(|home| f(home.futures())),
        })
    }

    /// Gives a panic that no handle takes to the pool's panic handler; if the pool is gone, the panic ends here.
    pub(super) fn report(&self, payload: panic::Payload) {
        Context::with(|context| match context {
            Some(context) if self.is_of(context) => context.crew().report_panic(payload),
            _ => match self.home() {
                Some(home) => home.report_panic(payload),
                None => drop_quietly(payload),
            },
        });
    }

    /// Enters the pool's list, unless it is there. The caller owns the future.
    pub(super) fn enter_list(&self, this: impl FnOnce() -> Weak<dyn WaitingFuture>) {
        self.place.with_mut(|place| {
            // SAFETY: the owner of the future has the place to itself.
            let place = unsafe { &mut *place };
            if place.is_none() {
                *place = self.with_list(|list| list.enter(this()));
            }
        });
    }

    /// Leaves the pool's list if it is there. The caller owns the future.
    pub(super) fn leave_list(&self) {
        if self.is_inherited() {
            return;
        }
        // SAFETY: the owner of the future has the place to itself.
        if let Some(place) = self.place.with_mut(|place| unsafe { (*place).take() }) {
            let _ = self.with_list(|list| list.leave(place));
        }
    }

    /// Leaves `waker` to be woken when the future ends, or is due. `false` if it has or is.
    pub(super) fn set_waker(&self, waker: &Waker) -> bool {
        if self.state.is_due_or_done() {
            return false;
        }
        let waker = Some(waker.clone());
        let previous = std::mem::replace(&mut *self.waker.lock(), waker);
        drop(previous);
        // The thread that ends the future changes the state first and takes the lock second. If it did so before us, the
        // lock lets us see the end; otherwise it finds the waker.
        if self.state.is_due_or_done() {
            self.forget_waker();
            return false;
        }
        true
    }

    /// Drops the waker that the handle has left, if any.
    pub(super) fn forget_waker(&self) {
        drop(self.take_waker());
    }

    fn take_waker(&self) -> Option<Waker> {
        if self.is_inherited() { None } else { self.waker.lock().take() }
    }

    /// The counts of `Arc` order what each thread does last to a cell before the end of the cell. Loom does not see them.
    /// Called after such an access and at the end, this orders the same by means that loom sees.
    #[cfg(loom)]
    pub(super) fn show_loom_the_order(&self) {
        self.state.touch();
        drop(self.waker.lock());
    }

    /// Wakes the worker that joins the future.
    pub(super) fn wake_joiner(&self) {
        if let Some(payload) = self.wake_handle() {
            self.report(payload);
        }
    }

    /// Wakes what the handle has left. Returns the panic of the waker.
    pub(super) fn wake_handle(&self) -> Option<panic::Payload> {
        self.take_waker().and_then(|waker| catch_unwind(AssertUnwindSafe(|| waker.wake())).err())
    }
}

/// A wait that is over when the future has ended, or is due.
impl Awaited for &Header {
    fn pool(&self) -> usize {
        Header::pool(self)
    }

    fn is_over(&self) -> bool {
        self.state.is_due_or_done()
    }

    fn set_waker(&mut self, waker: &Waker) -> bool {
        Header::set_waker(self, waker)
    }

    fn forget_waker(&mut self) {
        Header::forget_waker(self);
    }
}
