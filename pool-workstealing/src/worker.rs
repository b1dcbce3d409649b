use std::fmt;
use std::sync::Arc;

use pool_core::Task;
use pool_core::strategy::Worker;

use crate::members::{Place, Snapshot, until_empty};
use crate::random::Random;
use crate::transit::Patience;
use crate::{OUTSIDE_EVERY, WorkStealing};

/// A worker of [`WorkStealing`], with a deque for what it pushes.
///
/// Dropping it gives back what it holds, as [`retire`](Worker::retire) does.
pub struct StealingWorker<T: Send = Task> {
    shared: Arc<WorkStealing<T>>,
    id: usize,
    place: Place<T>,
    /// The workers as of `epoch`, this one included; or none, with an epoch that has passed.
    members: Snapshot<T>,
    epoch: usize,
    random: Random,
    /// Counts the calls for an item.
    calls: usize,
}

impl<T: Send> StealingWorker<T> {
    pub(crate) fn new(shared: Arc<WorkStealing<T>>, seed: u64) -> Self {
        let place = Place::new();
        let id = shared.members.add(&place);
        let (epoch, members) = shared.members.snapshot();
        Self { shared, id, place, members, epoch, random: Random::new(seed), calls: 0 }
    }

    /// The look elsewhere that is due though there may be work here.
    #[cold]
    fn due_look(&mut self) -> Option<T> {
        self.shrink();
        let look = self.calls / OUTSIDE_EVERY;
        if look % 2 == 0 {
            self.refresh();
            let turn = (look / 2) % self.members.len().max(1);
            let other = self.members.get(turn).filter(|member| !member.is(self.id));
            if let Some(found) = other.and_then(|other| other.try_steal()) {
                return Some(found);
            }
        }
        self.shared.outside.try_pop()
    }

    #[inline]
    fn refresh(&mut self) {
        if self.epoch != self.shared.members.epoch() {
            (self.epoch, self.members) = self.shared.members.snapshot();
        }
    }

    /// Gives back the memory of a deque that thieves have emptied. See [`Place`].
    #[inline]
    fn shrink(&mut self) {
        if self.place.is_oversized() {
            self.replace_place();
        }
    }

    #[cold]
    fn replace_place(&mut self) {
        // Known to the others before anything is pushed to it.
        let place = Place::new();
        self.shared.members.replace(self.id, &place);
        self.place = place;
        self.refresh();
    }

    /// Lets go of the snapshot, and so of deques that are replaced while this worker sleeps.
    fn forget_members(&mut self) {
        self.members = Snapshot::default();
        // It only counts up.
        self.epoch = self.epoch.wrapping_sub(1);
    }

    /// One round of looks at the deques of other workers, from a random one on. Tries each once.
    fn rob(&mut self) -> Option<T> {
        self.refresh();
        let count = self.members.len();
        let first = self.random.below(count.max(1));
        let (before, after) = self.members.split_at(first);
        let mut others = after.iter().chain(before).filter(|member| !member.is(self.id));
        others.find_map(|victim| victim.try_steal())
    }

    /// Looks at each place until it gives an item or is seen empty, and again if items moved meanwhile.
    #[cold]
    fn search_everywhere(&mut self) -> Option<T> {
        self.shrink();
        let mut patience = Patience::new();
        loop {
            match self.search_once() {
                Search::Found(item) => return Some(item),
                Search::Nothing => {
                    self.forget_members();
                    return None;
                }
                Search::Unsure => patience.pass(&self.shared.transit),
            }
        }
    }

    fn search_once(&mut self) -> Search<T> {
        let arrived = self.shared.transit.arrived();
        // A newcomer may have pushed something since the last round.
        self.refresh();
        // This worker's own deque is empty, and no other thread pushes to it.
        if let Some(item) = self.shared.outside.pop() {
            return Search::Found(item);
        }
        let members = &self.members;
        let first = self.random.below(members.len().max(1));
        let (before, after) = members.split_at(first);
        for victim in after.iter().chain(before).filter(|member| !member.is(self.id)) {
            if let Some(item) = victim.steal() {
                return Search::Found(item);
            }
        }
        if self.shared.transit.none_since(arrived) { Search::Nothing } else { Search::Unsure }
    }

    /// Hands everything back to the outside queue, oldest first, while thieves may steal from it.
    fn give_back(&mut self) {
        let _moving = self.shared.transit.depart();
        // The owner's end of the deque is the newest; its thieves' end is the oldest.
        let deque = self.place.deque.stealer();
        while let Some(item) = until_empty(&deque) {
            self.shared.outside.push(item);
        }
        self.shared.members.remove(self.id);
    }
}

/// What one round of looks at all places gave.
#[must_use]
enum Search<T> {
    Found(T),
    /// All places were seen empty, and nothing was on its way between them.
    Nothing,
    /// All places were seen empty, but something moved meanwhile.
    Unsure,
}

impl<T: Send> Worker<T> for StealingWorker<T> {
    type Hint = ();

    #[inline]
    fn push(&mut self, item: T, _hint: Option<()>) {
        self.place.deque.push(item);
    }

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.try_next().or_else(|| self.search_everywhere())
    }

    #[inline]
    fn try_next(&mut self) -> Option<T> {
        self.calls = self.calls.wrapping_add(1);
        if self.calls % OUTSIDE_EVERY == 0 {
            let found = self.due_look();
            if found.is_some() {
                return found;
            }
        }
        self.place.deque.pop().or_else(|| self.shared.outside.try_pop()).or_else(|| self.rob())
    }
}

impl<T: Send> Drop for StealingWorker<T> {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl<T: Send> fmt::Debug for StealingWorker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StealingWorker").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(all(test, loom))]
mod loom_tests;

#[cfg(all(test, not(loom)))]
mod tests {
    use pool_core::strategy::Scheduler;

    use super::*;

    /// The window is a few instructions wide, so races alone would seldom show that it is closed.
    #[test]
    fn a_search_during_a_move_promises_nothing() {
        let shared = Arc::new(WorkStealing::<u32>::new());
        let mut worker = shared.attach(0);
        assert!(matches!(worker.search_once(), Search::Nothing));
        let moving = shared.transit.depart();
        assert!(matches!(worker.search_once(), Search::Unsure));
        shared.inject(7, None);
        assert!(matches!(worker.search_once(), Search::Found(7)), "what is seen is taken nevertheless");
        assert!(matches!(worker.search_once(), Search::Unsure));
        drop(moving);
        assert!(matches!(worker.search_once(), Search::Nothing));
    }

    #[test]
    fn a_search_sees_every_place() {
        let shared = Arc::new(WorkStealing::<u32>::new());
        let mut worker = shared.attach(0);
        // Joins later, so that the search has to notice.
        let other = shared.attach(1);
        other.place.deque.push(1);
        shared.inject(3, None);
        for expected in [3, 1] {
            assert!(!shared.is_empty());
            assert!(matches!(worker.search_once(), Search::Found(item) if item == expected));
        }
        assert!(shared.is_empty());
        assert!(matches!(worker.search_once(), Search::Nothing));
    }
}
