//! What urgency means in a pool, on the strategies that know it.

#![cfg(not(loom))]

use pool_conformance::{bare, hold, in_pool, order};
use pool_priority::{Keyed, Level, Priority};

const LEVELS: [Level; 4] = [Level::HIGH, Level::NORMAL, Level::LOW, Level::BACKGROUND];
const KEYS: [u8; 4] = [1, 2, 5, 9];

#[test]
fn children_inherit_the_level_of_the_task_that_makes_them() {
    in_pool::children_inherit_the_level_of_the_task_that_makes_them(Priority::new, LEVELS);
    in_pool::children_inherit_the_level_of_the_task_that_makes_them(Keyed::<u8, _>::new, KEYS);
}

#[test]
fn a_scope_has_the_urgency_of_the_task_that_opens_it() {
    in_pool::a_scope_has_the_urgency_of_the_task_that_opens_it(Priority::new, LEVELS);
    in_pool::a_scope_has_the_urgency_of_the_task_that_opens_it(Keyed::<u8, _>::new, KEYS);
}

/// Without a key of its own, a submission from outside may be given one by the strategy.
#[test]
fn a_plain_key_is_for_what_comes_from_outside() {
    let make = || Keyed::<u8, _>::new().with_plain_key(2);
    hold(bare::sequences(make, || order::Keyed::new(|choice: u8| choice).with_plain_key(2)));
    in_pool::keeps_its_order(
        || Keyed::<u8, _>::new().with_plain_key(2),
        || order::Keyed::new(|choice: u8| choice).with_plain_key(2),
    );
}
