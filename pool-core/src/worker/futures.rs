//! What a pool knows of its futures: a list of those that wait for a wake, so that none of them outlives the pool.

use crate::ledger::Ledger;
use crate::sync::Mutex;
use std::sync::{Arc, Weak};

/// A future that waits for a wake, or has done so.
pub(crate) trait WaitingFuture: Send + Sync {
    /// If it waits for a wake: schedules it to be dropped. `true` if so. Runs nothing foreign.
    fn abandon(&self) -> bool;
    /// Submits the last turn of a future that was abandoned, in which it is dropped. The turn has been counted.
    fn submit_last_turn(self: Arc<Self>);
}

/// The futures of a pool that have waited for a wake and have not ended.
///
/// The list does not keep a future: one that no waker and no handle can reach any more is dropped at once.
pub(crate) struct WaitingFutures(Mutex<List>);

#[derive(Default)]
struct List {
    places: Vec<Option<Weak<dyn WaitingFuture>>>,
    /// The places without a future.
    free: Vec<usize>,
}

/// Futures that are to be dropped since their pool ends. To be dropped itself outside of every lock.
#[must_use]
pub(crate) struct Abandoned {
    futures: Vec<Arc<dyn WaitingFuture>>,
    /// They have other owners, which may have gone meanwhile.
    _others: Vec<Arc<dyn WaitingFuture>>,
}

impl WaitingFutures {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(List::default()))
    }

    /// Lists a future that is about to wait for the first time. Returns its place. O(1), amortised.
    pub(crate) fn enter(&self, future: Weak<dyn WaitingFuture>) -> usize {
        let mut list = self.0.lock();
        match list.free.pop() {
            Some(place) => {
                list.places[place] = Some(future);
                place
            }
            None => {
                list.places.push(Some(future));
                list.places.len() - 1
            }
        }
    }

    /// Strikes off the future that was given `place`. Once. O(1), amortised.
    pub(crate) fn leave(&self, place: usize) {
        let mut list = self.0.lock();
        let left = list.places[place].take();
        list.free.push(place);
        drop(list);
        debug_assert!(left.is_some(), "a place is left once");
    }

    /// Schedules all that wait to be dropped, and counts a turn for each. Runs nothing foreign. O(futures).
    pub(crate) fn abandon(&self, ledger: &Ledger) -> Abandoned {
        let all: Vec<_> = self.0.lock().places.iter().flatten().filter_map(Weak::upgrade).collect();
        // No reference is dropped here: the last one would run foreign code.
        let (futures, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|future| future.abandon());
        futures.iter().for_each(|_| ledger.enter_anyway());
        Abandoned { futures, _others: others }
    }
}

impl Abandoned {
    pub(crate) fn is_empty(&self) -> bool {
        self.futures.is_empty()
    }

    /// Submits the last turn of each.
    pub(crate) fn submit(self) {
        self.futures.into_iter().for_each(WaitingFuture::submit_last_turn);
    }
}
