//! The kit bites: strategies broken on purpose, each caught by the law that it breaks and by no other.

mod levels;
mod toy;

use std::collections::BTreeSet;

use levels::{LevelFault, LevelToy};
use pool_conformance::{Law, Violation, bare, order, violations};
use toy::{Fault, LOOK_OUTSIDE_EVERY, Toy};

fn toy(fault: Fault) -> Vec<(&'static str, Violation)> {
    violations!(Toy::new(fault), order = order::WorkStealing::new(LOOK_OUTSIDE_EVERY))
}

fn level_toy(fault: LevelFault) -> Vec<(&'static str, Violation)> {
    violations!(
        LevelToy::new(fault),
        order = order::Levels::new(&levels::SLACKS, levels::Urgency, levels::Urgency::default().0)
    )
}

#[track_caller]
fn breaks(found: Vec<(&'static str, Violation)>, expected: &[Law]) {
    let laws: BTreeSet<Law> = found.iter().map(|(_, violation)| violation.law).collect();
    assert_eq!(laws, expected.iter().copied().collect(), "found: {found:#?}");
}

#[test]
fn the_whole_ones_pass() {
    breaks(toy(Fault::None), &[]);
    breaks(level_toy(LevelFault::None), &[]);
}

#[test]
fn losing_an_item_now_and_then() {
    breaks(toy(Fault::Loses), &[Law::ExactlyOnce]);
}

#[test]
fn losing_an_item_in_a_race() {
    let found = toy(Fault::LosesInRace);
    assert!(found.iter().all(|(test, _)| *test != "answers_as_the_oracle_does"), "there is no race on one thread");
    breaks(found, &[Law::ExactlyOnce]);
}

#[test]
fn handing_an_item_out_twice() {
    breaks(toy(Fault::Duplicates), &[Law::ExactlyOnce]);
}

#[test]
fn leaking_what_was_not_handed_out() {
    breaks(toy(Fault::LeaksWhenDropped), &[Law::ExactlyOnce]);
}

#[test]
fn forgetting_a_batch_that_panics() {
    breaks(toy(Fault::ForgetsPanickingBatch), &[Law::ExactlyOnce]);
}

#[test]
fn hiding_ones_own_items() {
    breaks(toy(Fault::HidesOwn), &[Law::NothingHides]);
}

#[test]
fn taking_a_lost_race_for_an_empty_queue() {
    let found = toy(Fault::NoneAfterLostRace);
    assert!(found.iter().all(|(test, _)| *test != "answers_as_the_oracle_does"), "there is no race on one thread");
    breaks(found, &[Law::NothingHides]);
}

/// A promise of order that a flag beside the lock does not keep.
#[test]
fn promising_nothing_without_the_lock() {
    if std::thread::available_parallelism().is_ok_and(|processors| processors.get() == 1) {
        return;
    }
    // It shows only when two processors look at the same instant, which on a busy machine takes a few attempts.
    let looks = || bare::last_looks(|| Toy::new(Fault::LooksUnlocked)).err();
    let violation = (0..20).find_map(|_| looks()).expect("a last look overlooks somebody");
    assert!([Law::NothingHides, Law::EmptyAgrees].contains(&violation.law), "{violation}");
    let found = toy(Fault::LooksUnlocked);
    assert!(found.iter().all(|(test, _)| *test == "overlooks_nobody_in_a_last_look"), "{found:?}");
}

#[test]
fn asking_alone_without_the_lock() {
    breaks(toy(Fault::AsksUnlocked), &[Law::ExactlyOnce]);
}

#[test]
fn asking_while_the_pool_is_being_closed() {
    breaks(toy(Fault::NobodyPasses), &[Law::ExactlyOnce]);
}

#[test]
fn keeping_what_was_refused() {
    breaks(toy(Fault::KeepsWhatIsRefused), &[Law::ExactlyOnce]);
}

#[test]
fn is_empty_that_forgets_the_workers() {
    breaks(toy(Fault::EmptyForgetsWorkers), &[Law::EmptyAgrees]);
}

#[test]
fn is_empty_that_is_never_true() {
    breaks(toy(Fault::NeverEmpty), &[Law::EmptyAgrees]);
}

/// Which of the two looks meets the moving items first is chance; that neither test on one thread can see it is not.
#[test]
fn items_unseen_while_they_move() {
    let found = toy(Fault::UnseenWhileMoving);
    assert!(!found.is_empty());
    for (test, violation) in found {
        assert!(["adds_up_in_races", "sees_what_is_on_the_move"].contains(&test), "{test}: {violation}");
        assert!([Law::NothingHides, Law::EmptyAgrees].contains(&violation.law), "{test}: {violation}");
    }
}

#[test]
fn forgetting_what_a_leaving_worker_held() {
    breaks(toy(Fault::ForgetsOnRetire), &[Law::RetiringLosesNothing]);
}

#[test]
fn forgetting_what_a_dropped_worker_held() {
    breaks(toy(Fault::ForgetsOnDrop), &[Law::RetiringLosesNothing]);
}

#[test]
fn taking_ones_oldest_first() {
    breaks(toy(Fault::OwnOldestFirst), &[Law::Order]);
}

#[test]
fn stealing_the_newest() {
    breaks(toy(Fault::StealsNewest), &[Law::Order]);
}

#[test]
fn starving_the_outside() {
    breaks(toy(Fault::NeverLooksOutside), &[Law::Order]);
}

#[test]
fn answers_that_depend_on_the_past() {
    let found = violations!(Toy::new(Fault::Moody), order = order::Unordered::<()>::new());
    breaks(found, &[Law::Determinism]);
}

#[test]
fn forgetting_to_age() {
    breaks(level_toy(LevelFault::ForgetsAgeing), &[Law::Order]);
}

#[test]
fn ageing_one_too_late() {
    breaks(level_toy(LevelFault::AgesLate), &[Law::Order]);
}

#[test]
fn losing_the_submission_order_of_equals() {
    breaks(level_toy(LevelFault::WrongTies), &[Law::Order]);
}

#[test]
fn parts_that_forget_their_urgency() {
    breaks(level_toy(LevelFault::PartsForgetUrgency), &[Law::Order]);
}
