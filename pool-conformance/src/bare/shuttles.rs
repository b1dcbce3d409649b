use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use pool_core::{Scheduler, Worker};

use crate::{Law, Violation};

const LOOKS: usize = 20_000;

/// Some items are never more than two hands away from waiting, and always on the move: one thread joins, takes one, pushes
/// it, and leaves, over and over. Another asks `is_empty`, and takes one and submits it again. Neither may be told that
/// nothing waits, though what waits moves from place to place under its eyes. Laws 2 and 3.
pub fn shuttles<S: Scheduler<u64>>(make: impl Fn() -> S) -> Result<(), Violation> {
    for items in [3, 4, 7] {
        let scheduler = Arc::new(make());
        for item in 0..items {
            scheduler.inject(item, S::Hint::default());
        }
        let done = AtomicBool::new(false);
        let (moved, looked) = thread::scope(|scope| {
            let mover = scope.spawn(|| keep_moving(&scheduler, &done));
            let looked = keep_looking(&scheduler);
            done.store(true, Ordering::Release);
            (mover.join().unwrap(), looked)
        });
        let Err(violation) = moved.and(looked) else { continue };
        let mut last = scheduler.attach(9);
        let found = std::iter::from_fn(|| last.next()).take(items as usize + 1).count();
        // That items are gone, or doubled, other checks say; whether that is why, nobody can tell from here.
        return if found == items as usize { Err(violation) } else { Ok(()) };
    }
    Ok(())
}

fn keep_moving<S: Scheduler<u64>>(scheduler: &Arc<S>, done: &AtomicBool) -> Result<(), Violation> {
    let mut seed = 0;
    while !done.load(Ordering::Acquire) {
        seed += 1;
        let mut worker = scheduler.attach(seed);
        let Some(item) = worker.next() else {
            return Err(Violation::new(Law::NothingHides, "a worker that joined did not see what waited"));
        };
        worker.push(item, S::Hint::default());
        worker.retire();
    }
    Ok(())
}

fn keep_looking<S: Scheduler<u64>>(scheduler: &Arc<S>) -> Result<(), Violation> {
    let mut worker = scheduler.attach(0);
    for look in 0..LOOKS {
        if scheduler.is_empty() {
            let what = format!("is_empty said true, at look {look}, while items moved from place to place");
            return Err(Violation::new(Law::EmptyAgrees, what));
        }
        let Some(item) = worker.next() else {
            let what = format!("next saw nothing, at look {look}, while items moved from place to place");
            return Err(Violation::new(Law::NothingHides, what));
        };
        scheduler.inject(item, S::Hint::default());
    }
    worker.retire();
    Ok(())
}
