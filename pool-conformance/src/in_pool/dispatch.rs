//! Law 4 in a pool: what one worker runs comes in the order that the strategy promises.

use std::sync::{Arc, Mutex};

use pool_core::{Pool, Scheduler, Task};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::Make;
use super::support::{balanced, check, occupy, pool};
use crate::order::{Order, Source};

/// The task that holds the worker.
const HOLDER: u64 = 0;
/// The task that submits the rest from inside.
const MAKER: u64 = 1;

/// One submission: from outside or by the maker, with a hint or without.
#[derive(Clone, Copy, Debug)]
struct Submission {
    id: u64,
    from_inside: bool,
    choice: Option<u8>,
}

/// The only worker is held while tasks are submitted from outside, the last of which submits more when it runs. What it
/// submits without a hint inherits its urgency. Then the oracle judges the order in which all of them run.
pub fn keeps_its_order<S, O>(make: Make<S>, order: fn() -> O)
where
    S: Scheduler<Task> + 'static,
    O: Order<Hint = S::Hint> + 'static,
{
    check(move |name| {
        let choice = || prop::option::of(0..6_u8);
        let submissions = prop::collection::vec((any::<bool>(), choice()), 1..80);
        let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
        TestRunner::new(config)
            .run(&(choice(), submissions), |(maker, submissions)| {
                let numbered = (MAKER + 1..).zip(submissions);
                let submissions: Vec<_> =
                    numbered.map(|(id, (from_inside, choice))| Submission { id, from_inside, choice }).collect();
                let ran = run(make(), name, maker, &submissions, &order());
                judge(order(), maker, &submissions, &ran);
                Ok(())
            })
            .unwrap_or_else(|broken| panic!("law 4 (the order contract): {broken}"));
    });
}

/// Submits everything and returns what ran, in its order.
fn run<S, O>(scheduler: S, name: &str, maker: Option<u8>, submissions: &[Submission], order: &O) -> Vec<u64>
where
    S: Scheduler<Task> + 'static,
    O: Order<Hint = S::Hint>,
{
    let pool = Arc::new(pool(scheduler, name, 1));
    let ran = Arc::new(Mutex::new(Vec::new()));
    let task = |id: u64| {
        let ran = Arc::clone(&ran);
        move || ran.lock().unwrap().push(id)
    };
    let hint = |choice: Option<u8>| choice.and_then(|choice| order.hint(choice));
    let mut inside = Vec::new();
    let gate = occupy(&pool);
    for &Submission { id, from_inside, choice } in submissions {
        if from_inside {
            inside.push((id, hint(choice), task(id)));
        } else {
            submit(&pool, hint(choice), task(id));
        }
    }
    let (own, inner) = (task(MAKER), Arc::clone(&pool));
    submit(&pool, hint(maker), move || {
        own();
        for (id, hint, task) in inside {
            match id % 4 {
                0 if hint.is_none() => pool_core::execute(task),
                1 if hint.is_none() => inner.execute_batch([task]),
                2 if hint.is_none() => drop(pool_core::spawn(task)),
                _ => submit(&inner, hint, task),
            }
        }
    });
    gate.open();
    balanced(&pool);
    let ran = ran.lock().unwrap();
    ran.clone()
}

fn submit<S: Scheduler<Task> + 'static>(pool: &Pool<S>, hint: Option<S::Hint>, f: impl FnOnce() + Send + 'static) {
    match hint {
        Some(hint) => pool.task().hint(hint).execute(f),
        None => pool.execute(f),
    }
}

fn judge<O: Order>(mut order: O, maker: Option<u8>, submissions: &[Submission], ran: &[u64]) {
    assert_eq!(ran.len(), submissions.len() + 1, "law 1 (exactly once)");
    let broken = |what: String| panic!("law 4 (the order contract): {what} in {ran:?}");
    order.attached(0);
    order.accepted(HOLDER, Source::Outside, None);
    order.dispatched(HOLDER, 0).unwrap_or_else(broken);
    for submission in submissions.iter().filter(|submission| !submission.from_inside) {
        order.accepted(submission.id, Source::Outside, submission.choice);
    }
    order.accepted(MAKER, Source::Outside, maker);
    for &id in ran {
        order.dispatched(id, 0).unwrap_or_else(broken);
        if id == MAKER {
            for submission in submissions.iter().filter(|submission| submission.from_inside) {
                order.accepted(submission.id, Source::Worker(0), submission.choice);
            }
        }
    }
}
