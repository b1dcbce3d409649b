//! The kit bites: strategies broken on purpose, each caught by the law that it breaks and by no other.

mod levels;
mod toy;

use std::collections::BTreeSet;
use std::panic::catch_unwind;

use levels::{LevelFault, LevelToy, PLAIN, Urgency};
use pool_conformance::{Law, Violation, bare, in_pool, order, violations};
use toy::{Fault, LOOK_OUTSIDE_EVERY, Toy};

fn toy(fault: Fault) -> Vec<(&'static str, Violation)> {
    violations!(Toy::new(fault), order = order::WorkStealing::new(LOOK_OUTSIDE_EVERY))
}

fn level_toy(fault: LevelFault) -> Vec<(&'static str, Violation)> {
    violations!(LevelToy::new(fault), order = order::Levels::new(&levels::SLACKS, Urgency, PLAIN))
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
    overlooks(Fault::LooksUnlocked);
}

/// The same promise, broken only for what comes in by `inject_if`: the lock is held for the question, not for the item.
#[test]
fn putting_away_outside_the_lock() {
    overlooks(Fault::PutsAwayOutsideTheLock);
}

/// Only a last look sees this fault.
#[track_caller]
fn overlooks(fault: Fault) {
    if std::thread::available_parallelism().is_ok_and(|processors| processors.get() == 1) {
        return;
    }
    // It shows only when two processors look at the same instant, which on a busy machine takes a few attempts.
    let looks = || bare::last_looks(|| Toy::new(fault)).err();
    let violation = (0..20).find_map(|_| looks()).expect("a last look overlooks an item");
    assert!([Law::NothingHides, Law::EmptyAgrees].contains(&violation.law), "{violation}");
    let found = toy(fault);
    assert!(found.iter().all(|(test, _)| *test == "overlooks_nothing_in_a_last_look"), "{found:?}");
}

/// Two are asked at a time, and the closing thread does not see what a submitter counts.
#[track_caller]
fn asks_under_no_common_lock(fault: Fault) {
    let found = toy(fault);
    let tests: Vec<_> = found.iter().map(|(test, _)| *test).collect();
    assert_eq!(tests, ["keeps_the_pools_word", "admits_nothing_behind_the_closer"]);
    breaks(found, &[Law::ExactlyOnce]);
}

#[test]
fn asking_under_a_lock_that_no_other_call_takes() {
    asks_under_no_common_lock(Fault::AsksUnderALockOfItsOwn);
}

#[test]
fn asking_under_one_of_two_locks() {
    asks_under_no_common_lock(Fault::AsksUnderOneOfTwoLocks);
}

#[test]
fn not_asking_at_all() {
    breaks(toy(Fault::DoesNotAsk), &[Law::ExactlyOnce]);
}

#[test]
fn dropping_what_was_admitted() {
    breaks(toy(Fault::DropsWhatIsAdmitted), &[Law::ExactlyOnce]);
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
fn admission_that_forgets_the_urgency() {
    breaks(level_toy(LevelFault::AdmissionForgetsUrgency), &[Law::Order]);
}

#[test]
fn children_that_forget_their_urgency() {
    breaks(level_toy(LevelFault::ChildrenForgetUrgency), &[Law::Order]);
}

/// The same in a pool.
#[test]
fn children_in_a_pool_that_forget_their_urgency() {
    const HINTS: [Urgency; 4] = [Urgency(0), Urgency(1), Urgency(2), Urgency(3)];
    in_pool::children_inherit_the_level_of_the_task_that_makes_them(|| LevelToy::patient(LevelFault::None), HINTS);
    in_pool::a_scope_has_the_urgency_of_the_task_that_opens_it(|| LevelToy::patient(LevelFault::None), HINTS);
    let forgetful = || LevelToy::patient(LevelFault::ChildrenForgetUrgency);
    let caught = [
        catch_unwind(|| in_pool::children_inherit_the_level_of_the_task_that_makes_them(forgetful, HINTS)),
        catch_unwind(|| in_pool::a_scope_has_the_urgency_of_the_task_that_opens_it(forgetful, HINTS)),
    ];
    assert!(caught.iter().all(Result::is_err), "{caught:?}");
}
