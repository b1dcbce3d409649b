//! The laws of a scheduling strategy as a test kit.
//!
//! A strategy opts in with one line in a file under `tests/`:
//!
//! ```ignore
//! use pool_conformance::{conformance, order};
//!
//! conformance!(fifo: Fifo::new(), order = order::Fifo::new());
//! ```
//!
//! That makes a module `fifo` with a `#[test]` for each check below. The first expression makes an empty scheduler, for
//! whatever item type a check needs, and the second an oracle for its order contract.
//!
//! | test | laws | how |
//! |---|---|---|
//! | `answers_as_the_oracle_does` | 1–5 | random sequences of calls on one thread, and the oracle's scripts |
//! | `is_deterministic` | 6 | the same sequences twice |
//! | `drops_what_was_not_handed_out` | 1 | items on the heap, counted |
//! | `keeps_what_a_panicking_batch_gave` | 1 | iterators that panic |
//! | `adds_up_in_races` | 1, 2, 3, 5 | one worker takes all while another takes, joins or leaves |
//! | `survives_stampedes` | 1, 2 | several workers at few items |
//! | `hides_nothing_of_a_blocked_worker` | 2 | a worker pushes and never asks again |
//! | `sees_what_is_on_the_move` | 2, 3 | one worker moves items between places while another looks |
//! | `keeps_the_pools_word` | 1 | `inject_if` with a pool that admits some and refuses others |
//! | `admits_nothing_behind_the_closer` | 1 | the same while the pool is being closed |
//! | `overlooks_nothing_in_a_last_look` | 2, 3 | one submits while another looks, with the fences of the pool |
//! | `loses_nothing_in_traffic` | 1, 5 | everything at once, with real threads |
//!
//! The laws stand in [`pool_core::strategy`]. A strategy whose shared state goes through [`pool_core::sync`] can be
//! tried under loom as well, with [`loom_laws!`].
//!
//! The checks in a pool stand in `in_pool`. Two of them are for strategies that know urgency, and take hints; the macro
//! leaves them out: `children_inherit_the_level_of_the_task_that_makes_them` and
//! `a_scope_has_the_urgency_of_the_task_that_opens_it`.
//!
//! Each check is also a plain function in [`bare`] that gives the [`Violation`], for strategies that need other
//! arguments and for tests of the kit itself: `tests/teeth/` holds strategies broken on purpose against it, and each is
//! caught by exactly the law it breaks.

#![forbid(unsafe_code)]

pub mod bare;
#[cfg(not(loom))]
pub mod in_pool;
mod law;
#[cfg(loom)]
pub mod loom_laws;
pub mod order;

pub use law::{Law, Violation};

/// Passes, or panics with a message that names the broken law.
///
/// # Panics
///
/// If there was a violation.
#[track_caller]
pub fn hold(verdict: Result<(), Violation>) {
    if let Err(violation) = verdict {
        panic!("{violation}");
    }
}

/// Makes a module of tests, one for each check: `conformance!(name: scheduler, order = oracle)`.
///
/// `scheduler` is an expression whose type implements [`Scheduler<T>`](pool_core::Scheduler) for `T = u64` and for
/// [`bare::Item`]: leave the item type to inference, as in `Fifo::new()`. `oracle` is an [`order::Order`] with the
/// strategy's hint type. Both are evaluated anew for each run.
#[macro_export]
macro_rules! conformance {
    ($name:ident: $make:expr, order = $order:expr $(,)?) => {
        #[cfg(all(test, not(loom)))]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::__bare_checks!(tests, $make, $order);

            mod in_pool {
                #[allow(unused_imports)]
                use super::*;

                $crate::in_pool_tests!($make);

                #[test]
                fn keeps_its_order() {
                    $crate::in_pool::keeps_its_order(|| $make, || $order);
                }
            }
        }
    };
}

/// The laws that a strategy breaks: what the tests of [`conformance!`] on the bare traits would report, as a
/// `Vec<(&str, Violation)>` with the name of each test that fails.
#[macro_export]
macro_rules! violations {
    ($make:expr, order = $order:expr $(,)?) => {
        $crate::__bare_checks!(list, $make, $order)
    };
}

/// The one list of checks on the bare traits.
#[doc(hidden)]
#[macro_export]
macro_rules! __bare_checks {
    ($form:ident, $make:expr, $order:expr) => {
        $crate::__checks_as! { $form,
            answers_as_the_oracle_does: $crate::bare::sequences(|| $make, || $order),
            is_deterministic: $crate::bare::determinism(|| $make, || $order),
            drops_what_was_not_handed_out: $crate::bare::drops(|| $make),
            keeps_what_a_panicking_batch_gave: $crate::bare::batches_that_panic(|| $make),
            adds_up_in_races: $crate::bare::races(|| $make),
            survives_stampedes: $crate::bare::stampedes(|| $make),
            hides_nothing_of_a_blocked_worker: $crate::bare::handovers(|| $make),
            sees_what_is_on_the_move: $crate::bare::shuttles(|| $make),
            keeps_the_pools_word: $crate::bare::admissions(|| $make),
            admits_nothing_behind_the_closer: $crate::bare::closings(|| $make),
            overlooks_nothing_in_a_last_look: $crate::bare::last_looks(|| $make),
            loses_nothing_in_traffic: $crate::bare::traffic(|| $make),
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __checks_as {
    (tests, $($name:ident: $check:expr,)*) => {
        $(
            #[test]
            fn $name() {
                $crate::hold($check);
            }
        )*
    };
    (list, $($name:ident: $check:expr,)*) => {{
        let mut found = ::std::vec::Vec::<(&'static str, $crate::Violation)>::new();
        $(
            if let Err(violation) = $check {
                found.push((stringify!($name), violation));
            }
        )*
        found
    }};
}

/// Makes a module of loom tests, one for each model in [`loom_laws`]: `loom_laws!(name: scheduler)`.
///
/// For a file under `tests/` that is run with `RUSTFLAGS="--cfg loom"`; in a normal build it makes nothing.
#[macro_export]
macro_rules! loom_laws {
    ($name:ident: $make:expr $(,)?) => {
        #[cfg(all(test, loom))]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            #[test]
            fn two_at_one() {
                $crate::loom_laws::two_at_one(|| $make);
            }

            #[test]
            fn two_at_two() {
                $crate::loom_laws::two_at_two(|| $make);
            }

            #[test]
            fn push_then_next() {
                $crate::loom_laws::push_then_next(|| $make);
            }

            #[test]
            fn push_against_take() {
                $crate::loom_laws::push_against_take(|| $make);
            }

            #[test]
            fn push_after_take() {
                $crate::loom_laws::push_after_take(|| $make);
            }

            #[test]
            fn retire_against_next() {
                $crate::loom_laws::retire_against_next(|| $make);
            }

            #[test]
            fn last_look() {
                $crate::loom_laws::last_look(|| $make);
            }

            #[test]
            fn last_look_at_a_push() {
                $crate::loom_laws::last_look_at_a_push(|| $make);
            }

            #[test]
            fn last_look_at_an_admission() {
                $crate::loom_laws::last_look_at_an_admission(|| $make);
            }

            #[test]
            fn last_question() {
                $crate::loom_laws::last_question(|| $make);
            }

            #[test]
            fn last_question_after_a_push() {
                $crate::loom_laws::last_question_after_a_push(|| $make);
            }

            #[test]
            fn last_question_after_an_admission() {
                $crate::loom_laws::last_question_after_an_admission(|| $make);
            }

            #[test]
            fn one_is_asked_at_a_time() {
                $crate::loom_laws::one_is_asked_at_a_time(|| $make);
            }

            #[test]
            fn the_closer_has_seen_each_admission() {
                $crate::loom_laws::the_closer_has_seen_each_admission(|| $make);
            }
        }
    };
}
