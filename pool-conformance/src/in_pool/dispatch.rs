//! Law 4 in a pool: what one worker runs comes in the order that the strategy promises.

use std::sync::{Arc, Mutex};

use pool_core::{Scheduler, Task};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::Make;
use super::support::{balanced, check, occupy, pool};
use crate::order::{Order, Source};

/// One submission: from outside or by the task that runs, with a hint or without.
type Submission = (bool, Option<u8>);

/// The only worker is held while tasks are submitted, from outside and by the held task itself; then the oracle judges the
/// order in which they run.
pub fn keeps_its_order<S, O>(make: Make<S>, order: fn() -> O)
where
    S: Scheduler<Task> + 'static,
    O: Order<Hint = S::Hint> + 'static,
{
    check(move |name| {
        let submissions = prop::collection::vec((any::<bool>(), prop::option::of(0..6_u8)), 1..80);
        let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
        TestRunner::new(config)
            .run(&submissions, |submissions| {
                let (ran, told) = run(make(), name, &submissions, &order());
                judge(order(), &ran, &told, submissions.len());
                Ok(())
            })
            .unwrap_or_else(|broken| panic!("law 4 (the order contract): {broken}"));
    });
}

/// Submits everything and returns which ran in which order, and which came from inside.
fn run<S, O>(scheduler: S, name: &str, submissions: &[Submission], order: &O) -> (Vec<u64>, Vec<Told>)
where
    S: Scheduler<Task> + 'static,
    O: Order<Hint = S::Hint>,
{
    let pool = Arc::new(pool(scheduler, name, 1));
    let ran = Arc::new(Mutex::new(Vec::new()));
    let (mut inside, mut told) = (Vec::new(), Vec::new());
    let gate = occupy(&pool);
    for (n, &(from_inside, choice)) in submissions.iter().enumerate() {
        let id = n as u64 + 2;
        let ran = Arc::clone(&ran);
        let task = move || ran.lock().unwrap().push(id);
        let hint = choice.map_or_else(S::Hint::default, |choice| order.hint(choice));
        if from_inside {
            inside.push((hint, task));
            told.push((id, Source::Worker(0), choice));
        } else {
            pool.execute_with(hint, task);
            told.insert(told.len() - inside.len(), (id, Source::Outside, choice));
        }
    }
    // The task behind the gate is there to submit the rest from inside: it runs first or among those from outside, which
    // the oracle is told when it has.
    let seen = Arc::clone(&ran);
    let inner = Arc::clone(&pool);
    pool.execute_with(order.hint(0), move || {
        seen.lock().unwrap().push(1);
        for (hint, task) in inside {
            inner.execute_with(hint, task);
        }
    });
    gate.open();
    balanced(&pool);
    let ran = ran.lock().unwrap().clone();
    (ran, told)
}

/// A submission as the oracle is told of it.
type Told = (u64, Source, Option<u8>);

fn judge<O: Order>(mut order: O, ran: &[u64], told: &[Told], submitted: usize) {
    assert_eq!(ran.len(), submitted + 1, "law 1 (exactly once)");
    order.attached(0);
    // What held the worker.
    order.accepted(0, Source::Outside, None);
    order.dispatched(0, 0).unwrap_or_else(|broken| panic!("law 4 (the order contract): {broken}"));
    let (outside, inside): (Vec<Told>, Vec<Told>) =
        told.iter().partition(|(_, source, _)| matches!(source, Source::Outside));
    for (id, source, choice) in outside {
        order.accepted(id, source, choice);
    }
    order.accepted(1, Source::Outside, Some(0));
    for &id in ran {
        order.dispatched(id, 0).unwrap_or_else(|broken| panic!("law 4 (the order contract): {broken} in {ran:?}"));
        if id == 1 {
            for &(id, source, choice) in &inside {
                order.accepted(id, source, choice);
            }
        }
    }
}
