//! Scopes: tasks that may borrow, because the scope does not end before they have.
//!
//! The tasks lie in [`shard`]s, [tickets](ticket) for which go through the strategy. [`credit`] tells how the tasks are
//! counted.

mod state;
mod ticket;

#[cfg(doc)]
use crate::offers::{credit, shard};

use crate::error::panic::drop_quietly;
use crate::offers::pending::Pending;
use crate::offers::shard::ScopedTask;
use crate::worker::Context;
use state::State;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;

/// A place to spawn tasks that may borrow everything that outlives `'scope`. Made by [`Pool::scope`](crate::Pool::scope)
/// and [`scope`].
#[repr(transparent)]
pub struct Scope<'scope> {
    state: State,
    /// Invariant in `'scope`.
    marker: PhantomData<fn(&'scope ()) -> &'scope ()>,
}

impl<'scope> Scope<'scope> {
    /// Spawns a task that may borrow what outlives the scope. It runs on some worker of the pool before the scope ends, and
    /// can spawn further tasks into the scope through its argument.
    ///
    /// A panic in it does not stop the others; the scope passes the first one on when all have ended.
    ///
    /// A closure of up to two words costs no allocation.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let mut parts = [0; 2];
    /// let (first, second) = parts.split_at_mut(1);
    /// my_strategy::Pool::new().scope(|s| {
    ///     s.spawn(|s| {
    ///         first[0] = 1;
    ///         s.spawn(|_| second[0] = 2);
    ///     });
    /// });
    /// assert_eq!(parts, [1, 2]);
    /// ```
    #[inline]
    pub fn spawn<F>(&self, f: F)
    where
        F: FnOnce(&Self) + Send + 'scope,
    {
        // SAFETY: what the closure borrows outlives `'scope`. The scope does not end before all of its tasks have run, and
        // each runs: on the worker that draws its ticket, or on the owner, which looks through the shards. The count that a
        // task is run with is the first field of its own `Scope`, whose only other field has no size.
        let task = unsafe { ScopedTask::new(|scope: NonNull<Pending>| f(scope.cast::<Self>().as_ref())) };
        self.state.spawn(task);
    }
}

// A panic in a task is caught where it happens, and the scope stays whole.
impl UnwindSafe for Scope<'_> {}
impl RefUnwindSafe for Scope<'_> {}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

/// Opens a scope on this worker, or outside any pool if `context` is `None`.
pub(crate) fn scope_here<'scope, R>(context: Option<&Context>, f: impl FnOnce(&Scope<'scope>) -> R) -> R {
    let scope = Scope { state: State::new(context), marker: PhantomData };
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    scope.state.wait(context);
    scope.state.close();
    let panic = scope.state.take_panic();
    match (result, panic) {
        (Ok(value), None) => value,
        (Err(payload), None) => resume_unwind(payload),
        (Ok(value), Some(payload)) => {
            drop(value);
            resume_unwind(payload)
        }
        (Err(payload), Some(other)) => {
            drop_quietly(other);
            resume_unwind(payload)
        }
    }
}

/// Opens a scope: everything spawned in it has ended when this returns.
///
/// On a worker this is [`Pool::scope`](crate::Pool::scope) of its pool. Elsewhere the tasks run on this thread, at the end
/// of the scope.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// let mut greeting = String::new();
/// my_strategy::Pool::new().install(|| {
///     pool_core::scope(|s| s.spawn(|_| greeting.push_str("hello")));
/// });
/// assert_eq!(greeting, "hello");
/// ```
///
/// # Panics
/// With the panic of `f`, or else with the first panic of a task, after all tasks have ended.
pub fn scope<'scope, R>(f: impl FnOnce(&Scope<'scope>) -> R) -> R {
    Context::with(|context| scope_here(context, f))
}
