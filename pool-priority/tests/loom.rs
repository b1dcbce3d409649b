//! The laws under loom: `RUSTFLAGS="--cfg loom" cargo test -p pool-priority --release --test loom`.
#![cfg(loom)]

use pool_conformance::loom_laws;
use pool_priority::{Keyed, Level, Priority};

loom_laws!(priority: Priority::with_slacks(&[0, 1]));
loom_laws!(keyed: Keyed::<u8, _>::new());

#[test]
fn first_in_first_out_within_a_level() {
    pool_conformance::loom_laws::first_in_first_out(|| Priority::with_slacks(&[0, 1]));
}

#[test]
fn first_in_first_out_of_equal_keys() {
    pool_conformance::loom_laws::first_in_first_out(Keyed::<u8, _>::new);
}

#[test]
fn the_urgent_first_wherever_another_submitter_stands() {
    pool_conformance::loom_laws::the_urgent_first(Priority::new, Level::HIGH, Level::LOW);
}

#[test]
fn the_smaller_key_first_wherever_another_submitter_stands() {
    pool_conformance::loom_laws::the_urgent_first(Keyed::<u8, _>::new, 1, 2);
}
