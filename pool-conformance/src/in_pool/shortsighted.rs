//! A strategy whose cheap look finds nothing: what the pool owes to `next` alone.

use std::sync::Arc;

use pool_core::Task;
use pool_core::strategy::{Scheduler, Worker};

use super::Make;
use super::support::{balanced, check, pool, until_parked};

/// A strategy as allowed as it is awkward: its `try_next` always loses the race.
struct Shortsighted<S>(Arc<S>);

struct ShortsightedWorker<W>(W);

impl<S: Scheduler<Task>> Scheduler<Task> for Shortsighted<S> {
    type Hint = S::Hint;
    type Worker = ShortsightedWorker<S::Worker>;

    fn attach(self: &Arc<Self>, seed: u64) -> Self::Worker {
        ShortsightedWorker(self.0.attach(seed))
    }

    fn inject(&self, item: Task, hint: Option<S::Hint>) {
        self.0.inject(item, hint);
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<W: Worker<Task>> Worker<Task> for ShortsightedWorker<W> {
    type Hint = W::Hint;

    fn push(&mut self, item: Task, hint: Option<W::Hint>) {
        self.0.push(item, hint);
    }

    fn next(&mut self) -> Option<Task> {
        self.0.next()
    }

    fn try_next(&mut self) -> Option<Task> {
        None
    }

    fn retire(self) {
        self.0.retire();
    }
}

/// Every task is found by the last look before a worker parks, and only there: without that look, nothing would ever
/// run.
pub fn looks_everywhere_before_it_sleeps<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for workers in [1, 3] {
            let pool = pool(Shortsighted(Arc::new(make())), name, workers);
            for i in 0..300 {
                if i % 3 == 0 {
                    until_parked(&pool);
                }
                let nested = pool.spawn(move || pool_core::spawn(move || i).join().unwrap());
                assert_eq!(nested.join().unwrap(), i);
            }
            (0..500).for_each(|_| pool.execute(|| pool_core::execute(|| ())));
            assert_eq!(balanced(&pool).completed, 1600);
        }
    });
}
