//! The strategies that are soaked.

use std::panic;

use pool_any::{AnyStrategy, Strategy};
use pool_core::Task;
use pool_fifo::Fifo;
use pool_priority::{Keyed, Level, Priority};
use pool_workstealing::WorkStealing;

use crate::rng::Rng;
use crate::round::run;
use crate::world::Soaked;

pub(crate) const NAMES: [&str; 7] =
    ["fifo", "work-stealing", "levels", "keyed", "any-fifo", "any-work-stealing", "any-levels"];

impl Soaked for Fifo<Task> {
    fn hint(_: &mut Rng) {}
}

impl Soaked for WorkStealing<Task> {
    fn hint(_: &mut Rng) {}
}

impl Soaked for Priority<Task> {
    fn hint(rng: &mut Rng) -> Level {
        level(rng)
    }
}

impl Soaked for Keyed<u8, Task> {
    fn hint(rng: &mut Rng) -> u8 {
        rng.below(4) as u8
    }
}

impl Soaked for AnyStrategy<Task> {
    fn hint(rng: &mut Rng) -> Level {
        level(rng)
    }
}

fn level(rng: &mut Rng) -> Level {
    [Level::HIGH, Level::NORMAL, Level::LOW, Level::BACKGROUND][rng.below(4) as usize]
}

/// A round with the strategy of this name.
pub(crate) fn round(strategy: &str, seed: u64) -> Vec<String> {
    hush();
    match strategy {
        "fifo" => run(Fifo::new(), seed),
        "work-stealing" => run(WorkStealing::new(), seed),
        "levels" => run(Priority::new(), seed),
        "keyed" => run(Keyed::<u8, _>::new(), seed),
        "any-fifo" => run(AnyStrategy::new(Strategy::Fifo), seed),
        "any-work-stealing" => run(AnyStrategy::new(Strategy::WorkStealing), seed),
        _ => run(AnyStrategy::new(Strategy::Priority), seed),
    }
}

/// Submissions that are refused by a panic are a part of the soak: they leave no message.
fn hush() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let payload = info.payload();
            let text = payload.downcast_ref::<String>().map(String::as_str).unwrap_or_default();
            if !text.starts_with("the pool has been shut down") && !text.starts_with("the pool is full") {
                before(info);
            }
        }));
    });
}
