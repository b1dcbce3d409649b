//! The strategy of the models: a few places, each with a flag.

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::{Scheduler, Task, Worker};
use std::sync::Arc;

/// How many items may wait at the same time.
const PLACES: usize = 3;

/// A look at an empty place takes no lock. One lock around it all would order each look with each push, and so hide every
/// missing fence of the idle protocol.
pub(super) struct Flagged<T = Task>([Place<T>; PLACES]);

struct Place<T> {
    full: AtomicBool,
    item: Mutex<Option<T>>,
}

pub(super) struct FlaggedWorker<T>(Arc<Flagged<T>>);

impl<T> Default for Flagged<T> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Place { full: AtomicBool::new(false), item: Mutex::new(None) }))
    }
}

impl<T> Flagged<T> {
    pub(super) fn put(&self, item: T) {
        for place in &self.0 {
            let mut slot = place.item.lock();
            if slot.is_none() {
                *slot = Some(item);
                place.full.store(true, Ordering::Release);
                return;
            }
        }
        panic!("more items than places");
    }

    pub(super) fn take(&self) -> Option<T> {
        self.0.iter().find_map(|place| {
            if !place.full.load(Ordering::Acquire) {
                return None;
            }
            let mut slot = place.item.lock();
            let item = slot.take();
            place.full.store(false, Ordering::Release);
            item
        })
    }
}

impl<T: Send> Scheduler<T> for Flagged<T> {
    type Hint = ();
    type Worker = FlaggedWorker<T>;

    fn attach(self: &Arc<Self>, _seed: u64) -> FlaggedWorker<T> {
        FlaggedWorker(Arc::clone(self))
    }
    fn inject(&self, item: T, _hint: Option<()>) {
        self.put(item);
    }
    fn is_empty(&self) -> bool {
        self.0.iter().all(|place| !place.full.load(Ordering::Acquire))
    }
}

impl<T: Send> Worker<T> for FlaggedWorker<T> {
    type Hint = ();

    fn push(&mut self, item: T, _hint: Option<()>) {
        self.0.put(item);
    }
    fn next(&mut self) -> Option<T> {
        self.0.take()
    }
}
