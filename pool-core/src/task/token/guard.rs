//! [`Guard`]: a token that a task starts under.

use super::CancelToken;
use crate::error::panic::Unstarted;
use crate::sync::Mutex;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Instant;

/// What a task is to look at before it starts, and to have as its current token while it runs. Nothing, or a token.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    pub(crate) token: Option<CancelToken>,
    /// Beside the token, or by itself.
    pub(crate) deadline: Option<Instant>,
}

impl Guard {
    pub(crate) const NONE: Self = Self { token: None, deadline: None };

    /// The token of the two, if there is one. A deadline makes a new one.
    #[inline(always)]
    pub(crate) fn into_token(self) -> Option<CancelToken> {
        match self {
            Self { token, deadline: None } => token,
            Self { token, deadline: Some(deadline) } => Some(token.unwrap_or_default().with_deadline(deadline)),
        }
    }
}

impl CancelToken {
    /// Runs `f` under this token. If it has ended, `f` is dropped unrun, and the task unwinds with [`Unstarted`].
    pub(crate) fn run<R>(self, f: impl FnOnce() -> R) -> R {
        if let Some(reason) = self.reason() {
            drop(f);
            // Calls no panic hook.
            resume_unwind(Box::new(Unstarted(reason)));
        }
        let _entered = self.enter();
        f()
    }
}

/// A closure that two places have, of which one takes it: the task, or the caller to whom a refused task goes back.
pub(crate) struct Lent<F>(Arc<Mutex<Option<F>>>);

impl<F> Lent<F> {
    pub(crate) fn new(f: F) -> Self {
        Self(Arc::new(Mutex::new(Some(f))))
    }

    /// The other place.
    pub(crate) fn again(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    /// # Panics
    /// If it has been taken.
    pub(crate) fn take(&self) -> F {
        self.0.lock().take().expect("a closure is taken once")
    }
}
