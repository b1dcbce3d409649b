use std::fmt;

/// A law of the traits, with the number it has in [`pool_core::strategy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Law {
    /// Law 1: each accepted item comes out exactly once, and one that never comes out is dropped exactly once.
    ExactlyOnce,
    /// Law 2: `next` sees what was pushed before it, whichever thread pushed it.
    NothingHides,
    /// Law 3: `is_empty` tells the truth.
    EmptyAgrees,
    /// Law 4: the strategy's own order.
    Order,
    /// Law 5: what a leaving worker held goes back.
    RetiringLosesNothing,
    /// Law 6: the same calls with the same seeds hand out the same items.
    Determinism,
}

impl Law {
    /// Its number in [`pool_core::strategy`].
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::ExactlyOnce => "exactly once",
            Self::NothingHides => "nothing hides",
            Self::EmptyAgrees => "is_empty agrees",
            Self::Order => "the order contract",
            Self::RetiringLosesNothing => "retiring loses nothing",
            Self::Determinism => "determinism",
        };
        write!(f, "law {} ({name})", self.number())
    }
}

/// A law that a strategy broke, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub law: Law,
    /// What happened, for a person to read.
    pub what: String,
}

impl Violation {
    /// A violation of `law`.
    pub fn new(law: Law, what: impl Into<String>) -> Self {
        Self { law, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is broken: {}", self.law, self.what)
    }
}

impl std::error::Error for Violation {}
