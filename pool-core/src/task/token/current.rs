//! The token of the task that a thread runs.

use super::CancelToken;
use crate::sync::thread_local;
use std::cell::RefCell;
use std::marker::PhantomData;

thread_local! {
    /// The token of the task that this thread runs.
    static CURRENT: RefCell<Option<CancelToken>> = const { RefCell::new(None) };
}

/// While it lives, this thread has another current token. Guards end in the reverse order of their making.
#[must_use = "the token before is current again when this is dropped"]
pub(crate) struct Entered {
    outer: Option<CancelToken>,
    /// Of this thread.
    marker: PhantomData<*const ()>,
}

impl Entered {
    pub(super) fn new(token: Option<CancelToken>) -> Self {
        // A thread that is being torn down has lost its place for a token, and runs without one.
        let outer = CURRENT.try_with(|current| current.replace(token)).unwrap_or(None);
        Self { outer, marker: PhantomData }
    }

    /// No token: for a task that is run in the place of a waiting one, whose token is not its own. `None` if there is none
    /// anyway, which costs a look.
    #[inline]
    pub(crate) fn without_token() -> Option<Self> {
        with_current(|_| ()).map(|()| Self::new(None))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let outer = self.outer.take();
        let _inner = CURRENT.try_with(|current| current.replace(outer));
    }
}

fn with_current<R>(f: impl FnOnce(&CancelToken) -> R) -> Option<R> {
    CURRENT.try_with(|current| current.borrow().as_ref().map(f)).unwrap_or(None)
}

/// The token of the task that runs on this thread, if it has one: each task of a [`TaskGroup`](crate::TaskGroup) has the
/// group's.
///
/// It belongs to the run of the task on this thread. Another worker that helps with the task, with a half of a `join`, a
/// task of a scope or a block of a loop, does not see it: there, hand the token over.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// use pool_core::{TaskGroup, current_token};
///
/// assert!(current_token().is_none());
/// let pool = my_strategy::Pool::new();
/// let mut group = TaskGroup::new();
/// group.spawn(pool.task(), || {
///     let token = current_token().expect("a task of a group has one");
///     pool_core::for_each(0..10, |i| {
///         if !token.is_cancelled() {
///             println!("{i}");
///         }
///     });
/// });
/// group.try_join_all()?;
/// # Ok::<(), pool_core::JoinError>(())
/// ```
pub fn current_token() -> Option<CancelToken> {
    with_current(CancelToken::clone)
}

/// Whether the [current token](current_token) tells this task to end. `false` without one.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// use pool_core::{TaskGroup, is_cancelled};
///
/// let pool = my_strategy::Pool::new();
/// let mut group = TaskGroup::new();
/// group.spawn(pool.task(), || {
///     while !is_cancelled() {
///         std::thread::yield_now();
///     }
/// });
/// group.cancel(); // without this, the task would run for ever
/// assert_eq!(group.join_all().len(), 1);
/// ```
pub fn is_cancelled() -> bool {
    with_current(CancelToken::is_cancelled).unwrap_or(false)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_guard_brings_back_the_token_before_it() {
        let (one, two) = (CancelToken::new(), CancelToken::new());
        two.cancel();
        assert!(current_token().is_none() && !is_cancelled());
        let outer = one.enter();
        assert!(!is_cancelled());
        {
            let _inner = two.enter();
            assert!(is_cancelled());
            let _none = Entered::without_token();
            assert!(current_token().is_none() && !is_cancelled());
        }
        assert!(Arc::ptr_eq(&current_token().unwrap().node, &one.node));
        drop(outer);
        assert!(current_token().is_none());
        assert_eq!((Arc::strong_count(&one.node), Arc::strong_count(&two.node)), (1, 1), "no guard keeps a token");
    }

    #[test]
    fn a_panic_brings_back_the_token_before_it() {
        let token = CancelToken::new();
        let caught = std::panic::catch_unwind(|| {
            let _entered = token.enter();
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(caught.is_err() && current_token().is_none());
    }
}
