//! The warm-up of all contestants that take tasks.

use crate::capability::Execute;
use crate::tally::with_tally;

/// Runs some tasks, from outside and from within, and waits for them.
pub(super) fn warm_up_with_tasks<C: Execute>(contestant: &C) {
    const TASKS: u64 = 512;
    let warmed = with_tally(2 * TASKS, |tally| {
        for index in 0..TASKS {
            let inside = contestant.inside();
            contestant.execute(move || {
                C::execute_inside(&inside, move || tally.add(index));
                tally.add(index);
            });
        }
        tally.wait((0..TASKS).chain(0..TASKS))
    });
    if let Err(reason) = warmed {
        panic!("{} does not run its first tasks: {reason}", C::NAME);
    }
}
