//! The laws on [`AnyStrategy`], whichever strategy it is.

use pool_any::{AnyStrategy, Level, Priority, Strategy};
use pool_conformance::order::{Order, Source};
use pool_conformance::{bare, conformance, in_pool, order};
use pool_priority::DEFAULT_SLACKS;
use pool_workstealing::OUTSIDE_EVERY;

conformance!(fifo: AnyStrategy::new(Strategy::Fifo), order = Heedless(order::Fifo::new()));

conformance!(
    work_stealing: AnyStrategy::new(Strategy::WorkStealing),
    order = Heedless(order::WorkStealing::new(OUTSIDE_EVERY))
);

conformance!(
    priority: AnyStrategy::new(Strategy::Priority),
    order = order::Levels::new(&DEFAULT_SLACKS, Level::new, 1)
);

const SHORT: [u64; 4] = [0, 3, 8, 20];
conformance!(
    with_its_own_settings: AnyStrategy::from(Priority::with_slacks(&SHORT)),
    order = order::Levels::new(&SHORT, Level::new, 1)
);

/// An order that knows no hints, for a strategy that is given levels and ignores them.
struct Heedless<O>(O);

impl<O: Order<Hint = ()>> Order for Heedless<O> {
    type Hint = Level;

    fn hint(&self, choice: u8) -> Option<Level> {
        Some(Level::new(choice))
    }

    fn attached(&mut self, worker: usize) {
        self.0.attached(worker);
    }

    fn left(&mut self, worker: usize) {
        self.0.left(worker);
    }

    fn accepted(&mut self, item: u64, source: Source, choice: Option<u8>) {
        self.0.accepted(item, source, choice);
    }

    fn dispatched(&mut self, item: u64, worker: usize) -> Result<(), String> {
        self.0.dispatched(item, worker)
    }

    fn scripts(&self) -> Vec<Vec<bare::Op>> {
        self.0.scripts()
    }
}

const LEVELS: [Level; 4] = [Level::HIGH, Level::NORMAL, Level::LOW, Level::BACKGROUND];

#[test]
fn children_inherit_the_level_of_the_task_that_makes_them() {
    in_pool::children_inherit_the_level_of_the_task_that_makes_them(|| AnyStrategy::new(Strategy::Priority), LEVELS);
}

#[test]
fn a_scope_has_the_urgency_of_the_task_that_opens_it() {
    in_pool::a_scope_has_the_urgency_of_the_task_that_opens_it(|| AnyStrategy::new(Strategy::Priority), LEVELS);
}
