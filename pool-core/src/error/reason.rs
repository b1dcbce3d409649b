//! [`CancelReason`]: what ended a token.

use std::fmt;

/// Why a [`CancelToken`](crate::CancelToken) tells work to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelReason {
    /// [`cancel`](crate::CancelToken::cancel) was called on the token or on one above it.
    Cancelled,
    /// The time of the token, or of one above it, has passed.
    DeadlinePassed,
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "the work was cancelled",
            Self::DeadlinePassed => "the deadline of the work has passed",
        })
    }
}
