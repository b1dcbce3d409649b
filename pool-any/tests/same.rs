//! [`AnyStrategy`] does, call by call, what the strategy does that it is.

use pool_any::{AnyStrategy, Fifo, Level, Priority, Scheduler, WorkStealing, Worker};
use pool_core::strategy::Admit;
use std::sync::Arc;

/// Random numbers: an LCG, for tests that need no better.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// What a strategy and its workers answer to some thousands of calls.
fn answers<S: Scheduler<u64>>(scheduler: S, hint: fn(Level) -> S::Hint, seed: u64) -> Vec<String> {
    let mut random = Random(seed);
    let scheduler = Arc::new(scheduler);
    let mut workers: Vec<_> = (0..3).map(|seed| scheduler.attach(seed)).collect();
    let mut log = vec![format!(
        "promises: {} {}",
        scheduler.inject_is_ordered(),
        workers.iter().all(|worker| worker.push_is_ordered())
    )];
    for item in 0..4_000 {
        let level = match random.below(5) {
            4 => None,
            level => Some(hint(Level::new(level as u8))),
        };
        let which = random.below(3) as usize;
        match random.below(12) {
            0 => scheduler.inject(item, level),
            1 => scheduler.inject_if(|asking| {
                log.push(format!("asks under a lock: {}", asking.is_locked()));
                Admit::Yes(item, level)
            }),
            2 => scheduler.inject_if(|_| if item % 2 == 0 { Admit::Closed } else { Admit::Full }),
            3 => {
                // When the items of a batch can be seen is the strategy's own.
                let items = (0..400).map(|n| item + n).inspect(|_| {
                    if random.below(40) == 0 {
                        log.push(format!("nothing during a batch: {}", scheduler.is_empty()));
                    }
                });
                scheduler.inject_batch(items.take(if item % 40 == 3 { 400 } else { 3 }), level);
            }
            4..6 => workers[which].push(item, level),
            6..8 => log.push(format!("next: {:?}", workers[which].next())),
            8..10 => log.push(format!("try_next: {:?}", workers[which].try_next())),
            10 => log.push(format!("nothing: {}", scheduler.is_empty())),
            // Now and then one leaves, and another comes.
            _ if item % 10 == 0 => {
                let leaving = std::mem::replace(&mut workers[which], scheduler.attach(item));
                if item % 20 == 0 { leaving.retire() } else { drop(leaving) }
            }
            _ if item % 97 == 0 => scheduler.take_all(|item| log.push(format!("taken: {item}"))),
            _ => log.push(format!("next: {:?}", workers[which].next())),
        }
    }
    scheduler.take_all(|item| log.push(format!("taken: {item}")));
    log
}

/// The first answers that differ, and how often answers of a kind came.
fn compare<S: Scheduler<u64>>(make: fn() -> S, hint: fn(Level) -> S::Hint)
where
    AnyStrategy<u64>: From<S>,
{
    for seed in 0..20 {
        let of_the_strategy = answers(make(), hint, seed);
        let of_any = answers(AnyStrategy::from(make()), |level| level, seed);
        for (at, (any, strategy)) in of_any.iter().zip(&of_the_strategy).enumerate() {
            assert_eq!(any, strategy, "answer {at}, seed {seed}");
        }
        assert_eq!(of_any.len(), of_the_strategy.len());
        for kind in ["next: Some", "try_next: Some", "nothing: ", "nothing during a batch: ", "taken: ", "asks "] {
            let count = of_any.iter().filter(|answer| answer.starts_with(kind)).count();
            assert!(count >= 5, "{count} answers {kind:?}: the calls hardly try it");
        }
    }
}

#[test]
fn as_fifo() {
    compare(Fifo::new, drop);
}

#[test]
fn as_work_stealing() {
    compare(WorkStealing::new, drop);
}

#[test]
fn as_priority() {
    compare(Priority::new, |level| level);
    compare(|| Priority::with_slacks(&[0, 2, 5]), |level| level);
}
