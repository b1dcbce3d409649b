//! The laws on [`Priority`] with several shapes of slack, and on [`Keyed`].

use pool_conformance::{conformance, order};
use pool_priority::{DEFAULT_SLACKS, Keyed, Level, Priority};

conformance!(default_levels: Priority::new(), order = order::Levels::new(&DEFAULT_SLACKS, Level::new, 1));

const SHORT: [u64; 4] = [0, 3, 8, 20];
conformance!(short_slacks: Priority::with_slacks(&SHORT), order = order::Levels::new(&SHORT, Level::new, 1));

/// Less slack for the less urgent, level 0 not exempt, and one level that never ages.
const ODD: [u64; 5] = [4, 7, u64::MAX, 2, 0];
conformance!(odd_slacks: Priority::with_slacks(&ODD), order = order::Levels::new(&ODD, Level::new, 1));

conformance!(keyed: Keyed::<u8, _>::new(), order = order::Keyed::new(|choice: u8| choice));
