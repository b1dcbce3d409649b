use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use pool_core::strategy::{Scheduler, Worker};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use super::{Item, Ledger, Op, sequence};
use crate::order::{Order, Source};
use crate::{Law, Violation};

/// Random sequences of calls against the oracle, then the oracle's own scripts: laws 1 to 5 on one thread.
///
/// The sequences are the same in each run. `PROPTEST_CASES` asks for more of them, `CONFORMANCE_SEED` for others.
pub fn sequences<S, O>(make: impl Fn() -> S, order: impl Fn() -> O) -> Result<(), Violation>
where
    S: Scheduler<u64, Hint = O::Hint>,
    O: Order,
{
    for script in order().scripts() {
        sequence(make(), order(), &script)?;
    }
    for_all_sequences(|ops| sequence(make(), order(), ops).map(drop))
}

/// The same sequence of calls gets the same answers: law 6.
pub fn determinism<S, O>(make: impl Fn() -> S, order: impl Fn() -> O) -> Result<(), Violation>
where
    S: Scheduler<u64, Hint = O::Hint>,
    O: Order,
{
    for_all_sequences(|ops| {
        let answers = || sequence(make(), Hints(order()), ops);
        // What else may be broken, other checks say.
        let (Ok(first), Ok(second)) = (answers(), answers()) else { return Ok(()) };
        match first.iter().zip(&second).position(|(a, b)| a != b) {
            Some(at) => Err(Violation::new(
                Law::Determinism,
                format!("the same calls were answered first {:?}, then {:?}", first[at], second[at]),
            )),
            None => Ok(()),
        }
    })
}

/// The hints of an order without its contract.
struct Hints<O>(O);

impl<O: Order> Order for Hints<O> {
    type Hint = O::Hint;

    fn hint(&self, choice: u8) -> Option<O::Hint> {
        self.0.hint(choice)
    }

    fn accepted(&mut self, _item: u64, _source: Source, _choice: Option<u8>) {}

    fn dispatched(&mut self, _item: u64, _worker: usize) -> Result<(), String> {
        Ok(())
    }
}

/// Items that were never handed out are dropped, once, with the scheduler and its last worker, whichever of the two
/// goes first: law 1.
pub fn drops<S: Scheduler<Item>>(make: impl Fn() -> S) -> Result<(), Violation> {
    const ITEMS: usize = 200;
    for taken in [0, 1, 70, ITEMS] {
        for scheduler_first in [false, true] {
            let ledger = Ledger::new(ITEMS);
            let scheduler = Arc::new(make());
            let mut workers = [scheduler.attach(1), scheduler.attach(2)];
            for id in 0..ITEMS {
                match id % 3 {
                    0 => scheduler.inject(ledger.item(id), None),
                    at => workers[at - 1].push(ledger.item(id), None),
                }
            }
            for at in 0..taken {
                if let Some(item) = workers[at % 2].next() {
                    item.handed_out();
                }
            }
            if scheduler_first {
                drop(scheduler);
                drop(workers);
            } else {
                drop(workers);
                drop(scheduler);
            }
            ledger.none_twice()?;
            ledger.all_dropped_once()?;
        }
    }
    Ok(())
}

/// What an iterator gave before it panicked stays accepted: law 1 for `inject_batch`.
pub fn batches_that_panic<S: Scheduler<u64>>(make: impl Fn() -> S) -> Result<(), Violation> {
    struct Expected;
    for given in [0, 1, 300_u64] {
        let scheduler = Arc::new(make());
        let items = (0..=given).map(|id| if id < given { id } else { resume_unwind(Box::new(Expected)) });
        let batch = catch_unwind(AssertUnwindSafe(|| scheduler.inject_batch(items, None)));
        match batch {
            Err(payload) if payload.is::<Expected>() => {}
            Err(payload) => resume_unwind(payload),
            Ok(()) => return Err(Violation::new(Law::ExactlyOnce, "a batch swallowed the panic of its iterator")),
        }
        let mut worker = scheduler.attach(0);
        let mut got: Vec<u64> = std::iter::from_fn(|| worker.next()).take(2 * given as usize + 1).collect();
        got.sort_unstable();
        if got != (0..given).collect::<Vec<_>>() {
            let what = format!("of {given} items given before a batch panicked, {} came out", got.len());
            return Err(Violation::new(Law::ExactlyOnce, what));
        }
    }
    Ok(())
}

fn any_op() -> impl Strategy<Value = Op> {
    let worker = || 0..4_u8;
    let choice = || option::weighted(0.7, 0..6_u8);
    prop_oneof![
        6 => choice().prop_map(Op::Inject),
        6 => choice().prop_map(Op::Admit),
        1 => Just(Op::Refuse),
        4 => (choice(), 0..40_u8).prop_map(|(choice, count)| Op::Batch(choice, count)),
        16 => (worker(), choice()).prop_map(|(worker, choice)| Op::Push(worker, choice)),
        24 => worker().prop_map(Op::Next),
        12 => worker().prop_map(Op::TryNext),
        3 => Just(Op::IsEmpty),
        4 => Just(Op::Attach),
        2 => worker().prop_map(Op::Retire),
        1 => worker().prop_map(Op::Drop),
        1 => Just(Op::TakeAll),
    ]
}

/// Tries many sequences, and shrinks one that fails before reporting it.
fn for_all_sequences(check: impl Fn(&[Op]) -> Result<(), Violation>) -> Result<(), Violation> {
    let seed = std::env::var("CONFORMANCE_SEED").ok().and_then(|seed| seed.parse::<u64>().ok()).unwrap_or(0);
    let mut key = [7; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &key));
    let verdict = runner
        .run(&vec(any_op(), 0..250), |ops| check(&ops).map_err(|violation| TestCaseError::fail(violation.to_string())));
    match verdict {
        Ok(()) => Ok(()),
        Err(TestError::Fail(reason, ops)) => match check(&ops) {
            Err(Violation { law, what }) => Err(Violation::new(law, format!("{what}, by {ops:?}"))),
            // A check on one thread that fails once and then not is what determinism excludes.
            Ok(()) => Err(Violation::new(Law::Determinism, format!("{reason}, by {ops:?}, but only the first time"))),
        },
        Err(TestError::Abort(reason)) => panic!("the sequences could not be made: {reason}"),
    }
}
