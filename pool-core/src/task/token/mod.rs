//! [`CancelToken`]: how running work learns that it should end.

mod current;
mod guard;
#[cfg(all(test, loom))]
mod loom_tests;

pub(crate) use current::Entered;
pub use current::{current_token, is_cancelled};
pub(crate) use guard::{Guard, Lent};

use crate::error::{CancelReason, Cancelled};
use crate::sync::Deadline;
use crate::sync::atomic::{AtomicU8, Ordering};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A flag that tells work to end: by a call of [`cancel`](Self::cancel), or by time.
///
/// No thread is stopped from outside. The work looks at its token now and then, between two steps that may not be torn
/// apart, and returns. A clone is the same token.
///
/// Tokens form trees. Cancelling one cancels all below it, and none above or beside it:
///
/// ```
/// use pool_core::CancelToken;
///
/// let request = CancelToken::new();
/// let (page, images) = (request.child(), request.child());
/// images.cancel();
/// assert!(images.is_cancelled() && !page.is_cancelled() && !request.is_cancelled());
/// request.cancel();
/// assert!(page.is_cancelled());
/// ```
///
/// A token holds a link to the one above it, and no list of those below: making or dropping one takes no lock, and
/// cancelling costs one atomic step, however many are below. The price is in the look, which walks up the tree.
#[derive(Clone)]
pub struct CancelToken {
    node: Arc<Node>,
}

struct Node {
    state: State,
    /// The earliest of its own and of those above, so that a look reads the clock at most once.
    deadline: Deadline,
    parent: Option<CancelToken>,
}

impl CancelToken {
    /// A token above which there is none, and that no time ends.
    ///
    /// ```
    /// assert!(!pool_core::CancelToken::new().is_cancelled());
    /// ```
    pub fn new() -> Self {
        Self { node: Arc::new(Node { state: State::new(), deadline: Deadline::Never, parent: None }) }
    }

    fn below(&self, deadline: Deadline) -> Self {
        let deadline = deadline.earlier(self.node.deadline);
        Self { node: Arc::new(Node { state: State::new(), deadline, parent: Some(self.clone()) }) }
    }

    /// A token below this one: cancelled when this one is, and by itself.
    ///
    /// ```
    /// let token = pool_core::CancelToken::new();
    /// let child = token.child();
    /// token.cancel();
    /// assert!(child.is_cancelled());
    /// ```
    #[must_use = "this token stays as it is; the child is a new one"]
    pub fn child(&self) -> Self {
        self.below(Deadline::Never)
    }

    /// A [child](Self::child) that also ends at `deadline`. A deadline above it that comes earlier counts too.
    ///
    /// ```
    /// use pool_core::{CancelReason, CancelToken};
    /// use std::time::Instant;
    ///
    /// let late = CancelToken::new().with_deadline(Instant::now());
    /// assert_eq!(late.reason(), Some(CancelReason::DeadlinePassed));
    /// ```
    #[must_use = "this token stays as it is; the child is a new one"]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        self.below(Deadline::At(deadline))
    }

    /// A [child](Self::child) that also ends `limit` from now. A limit beyond what the clock can tell is none.
    ///
    /// ```
    /// use pool_core::CancelToken;
    /// use std::time::Duration;
    ///
    /// let token = CancelToken::new();
    /// assert!(token.with_timeout(Duration::ZERO).is_cancelled());
    /// assert!(!token.with_timeout(Duration::MAX).is_cancelled());
    /// assert!(!token.is_cancelled());
    /// ```
    #[must_use = "this token stays as it is; the child is a new one"]
    pub fn with_timeout(&self, limit: Duration) -> Self {
        self.below(Deadline::after(limit))
    }

    /// When time ends the work: the earliest deadline of this token and of those above.
    ///
    /// ```
    /// use pool_core::CancelToken;
    /// use std::time::{Duration, Instant};
    ///
    /// let end = Instant::now() + Duration::from_secs(60);
    /// let token = CancelToken::new().with_deadline(end).with_timeout(Duration::from_secs(3600));
    /// assert_eq!(token.deadline(), Some(end));
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        self.node.deadline.instant()
    }

    /// Cancels this token and all below it. A token that has ended already stays as it is. One atomic step.
    ///
    /// A thread that then finds the token cancelled sees all that this thread did before.
    ///
    /// ```
    /// let token = pool_core::CancelToken::new();
    /// let clone = token.clone();
    /// token.cancel();
    /// assert!(clone.is_cancelled());
    /// ```
    pub fn cancel(&self) {
        self.node.state.end(CancelReason::Cancelled);
    }

    /// Whether the work should end. Once `true`, always.
    ///
    /// O(depth): one load for this token and for each above it, and one look at the clock if there is a deadline. Of a
    /// token that was found cancelled before, one load.
    ///
    /// ```
    /// let token = pool_core::CancelToken::new();
    /// let mut steps = 0;
    /// while !token.is_cancelled() {
    ///     steps += 1;
    ///     if steps == 3 {
    ///         token.cancel();
    ///     }
    /// }
    /// assert_eq!(steps, 3);
    /// ```
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.reason().is_some()
    }

    /// Why the work should end, if it should. The first reason that is found stays. Costs what
    /// [`is_cancelled`](Self::is_cancelled) does.
    ///
    /// ```
    /// use pool_core::{CancelReason, CancelToken};
    ///
    /// let token = CancelToken::new();
    /// assert_eq!(token.reason(), None);
    /// token.cancel();
    /// assert_eq!(token.child().reason(), Some(CancelReason::Cancelled));
    /// ```
    pub fn reason(&self) -> Option<CancelReason> {
        if let Some(reason) = self.node.state.reason() {
            return Some(reason);
        }
        let mut above = &self.node.parent;
        while let Some(token) = above {
            if let Some(reason) = token.node.state.reason() {
                return Some(self.node.state.end(reason));
            }
            above = &token.node.parent;
        }
        self.node.deadline.has_passed().then(|| self.node.state.end(CancelReason::DeadlinePassed))
    }

    /// [`reason`](Self::reason) as an error, for `?` between the steps of the work.
    ///
    /// ```
    /// use pool_core::{CancelToken, Cancelled};
    ///
    /// fn steps(token: &CancelToken) -> Result<u32, Cancelled> {
    ///     for step in 0.. {
    ///         if step == 3 {
    ///             token.cancel();
    ///         }
    ///         token.check()?;
    ///     }
    ///     unreachable!()
    /// }
    /// assert!(steps(&CancelToken::new()).is_err());
    /// ```
    ///
    /// # Errors
    /// If the work should end.
    #[inline]
    pub fn check(&self) -> Result<(), Cancelled> {
        self.reason().map_or(Ok(()), |reason| Err(Cancelled::new(reason)))
    }

    /// Makes this the [current](current_token) token of this thread until the guard is dropped, and then the one before it
    /// again.
    pub(crate) fn enter(&self) -> Entered {
        Entered::new(Some(self.clone()))
    }
}

impl Default for CancelToken {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("reason", &self.reason()).field("deadline", &self.deadline()).finish()
    }
}

impl Drop for Node {
    /// A chain of tokens is taken apart link by link: its length must not become a depth of calls.
    fn drop(&mut self) {
        let mut above = self.parent.take();
        while let Some(mut node) = above.and_then(|token| Arc::into_inner(token.node)) {
            above = node.parent.take();
        }
    }
}

/// Whether a token has ended, and why.
struct State(AtomicU8);

/// Not yet.
const LIVE: u8 = 0;
/// By [`CancelReason::Cancelled`]. Never changes once set.
const CANCELLED: u8 = 1;
/// By [`CancelReason::DeadlinePassed`]. Never changes once set.
const DEADLINE_PASSED: u8 = 2;

impl State {
    fn new() -> Self {
        Self(AtomicU8::new(LIVE))
    }

    fn decode(word: u8) -> Option<CancelReason> {
        match word {
            LIVE => None,
            CANCELLED => Some(CancelReason::Cancelled),
            _ => Some(CancelReason::DeadlinePassed),
        }
    }

    #[inline]
    fn reason(&self) -> Option<CancelReason> {
        // Acquire: pairs with the Release in `end`, so that the work sees what the canceller did before.
        Self::decode(self.0.load(Ordering::Acquire))
    }

    /// Ends a token that is live. Returns the reason that stands then: this one, or an earlier one.
    fn end(&self, reason: CancelReason) -> CancelReason {
        let word = match reason {
            CancelReason::Cancelled => CANCELLED,
            CancelReason::DeadlinePassed => DEADLINE_PASSED,
        };
        // Release: pairs with `reason`; it also hands on what `reason` of a token above has acquired. Acquire on failure:
        // the earlier reason counts as read by `reason`.
        match self.0.compare_exchange(LIVE, word, Ordering::Release, Ordering::Acquire) {
            Ok(_) => reason,
            Err(earlier) => Self::decode(earlier).unwrap_or(reason),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_was_found_cancelled_keeps_the_answer() {
        let top = CancelToken::new();
        let child = top.child();
        top.cancel();
        assert_eq!(child.node.state.reason(), None);
        assert_eq!(child.reason(), Some(CancelReason::Cancelled));
        assert_eq!(child.node.state.reason(), Some(CancelReason::Cancelled), "the next look is one load");
    }
}
