//! [`Deadline`]: when a wait gives up.

use super::thread;
use std::time::{Duration, Instant};

/// When a wait gives up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deadline {
    /// It does not.
    Never,
    /// At that time.
    At(Instant),
}

impl Deadline {
    /// `limit` from now. A limit too long for the clock is no limit.
    pub(crate) fn after(limit: Duration) -> Self {
        Instant::now().checked_add(limit).map_or(Self::Never, Self::At)
    }

    /// The time that is left; `None` if there is no limit.
    pub(super) fn left(self) -> Option<Duration> {
        match self {
            Self::Never => None,
            Self::At(end) => Some(end.saturating_duration_since(Instant::now())),
        }
    }

    /// The one that comes first.
    pub(crate) fn earlier(self, other: Self) -> Self {
        match (self, other) {
            (Self::At(one), Self::At(two)) => Self::At(one.min(two)),
            (end @ Self::At(_), Self::Never) | (Self::Never, end) => end,
        }
    }

    /// The time, if there is one.
    pub(crate) fn instant(self) -> Option<Instant> {
        match self {
            Self::Never => None,
            Self::At(end) => Some(end),
        }
    }

    /// Whether the time has come. Under loom, which has no clock, it never has: work that asks is not ended by its deadline.
    pub(crate) fn has_passed(self) -> bool {
        match self {
            Self::At(end) if !cfg!(loom) => end <= Instant::now(),
            _ => false,
        }
    }

    /// Parks until unparked, or spuriously, or until the deadline. `false` once that has passed. Under loom, which has no
    /// clock, it passes as soon as other threads have had a turn.
    pub(crate) fn park(self) -> bool {
        match self {
            Self::Never => thread::park(),
            Self::At(_) if cfg!(loom) => {
                thread::yield_now();
                return false;
            }
            Self::At(end) => match end.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => thread::park_timeout(left),
                _ => return false,
            },
        }
        true
    }
}
