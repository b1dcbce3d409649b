//! [`Level`]: how urgent an item is.

use crate::inbox::PLAIN;

/// How urgent an item is. Level 0 is the most urgent.
///
/// A level beyond the last of a [`Priority`](crate::Priority) means its last: nothing is refused and nothing is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(pub(crate) u8);

impl Level {
    /// Level 0: before all others but those that are due. With slack 0, as by default, never overtaken by a later
    /// submission.
    pub const HIGH: Self = Self(0);
    /// Level 1, the default.
    pub const NORMAL: Self = Self(1);
    /// Level 2.
    pub const LOW: Self = Self(2);
    /// Level 3.
    pub const BACKGROUND: Self = Self(3);

    /// The level with this number, 0 being the most urgent.
    ///
    /// ```
    /// assert_eq!(pool_priority::Level::new(0), pool_priority::Level::HIGH);
    /// ```
    pub const fn new(level: u8) -> Self {
        Self(level)
    }

    /// Its number.
    ///
    /// ```
    /// assert_eq!(pool_priority::Level::LOW.get(), 2);
    /// ```
    pub const fn get(self) -> u8 {
        self.0
    }
}

// What `Inbox` keeps closest is what plain submissions get.
const _: () = assert!(Level::NORMAL.0 as usize == PLAIN);

/// [`Level::NORMAL`].
impl Default for Level {
    fn default() -> Self {
        Self::NORMAL
    }
}
