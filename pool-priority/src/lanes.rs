//! The sequential heart of [`Priority`](crate::Priority): one first-in-first-out lane per level, and the ageing rule.

use std::mem;
use std::num::NonZeroU64;

use pool_core::strategy::chunks::ChunkQueue;

use crate::inbox::{BEFORE_ALL, Inbox, PerLevel, Waiting};

struct Lane<T> {
    /// Ascending by `seq`.
    items: ChunkQueue<Waiting<T>>,
    /// How many later submissions may overtake an item of this lane.
    slack: u64,
    /// The head is not due while fewer than this many items have been dispatched. Only a lower bound, and it stays one when
    /// the head is taken: the next head has been overtaken at most as often.
    due_from: u64,
}

impl<T> Lane<T> {
    /// How many waiting items of this lane were submitted before `seq`.
    fn older_than(&self, seq: u64) -> u64 {
        match self.items.front() {
            Some(head) if head.seq.get() < seq => self.items.partition_point(|waiting| waiting.seq.get() < seq) as u64,
            _ => 0,
        }
    }

    fn head(&self) -> u64 {
        self.items.front().map_or(u64::MAX, |head| head.seq.get())
    }
}

// In this order: see `PerLevel`.
#[repr(C)]
pub(crate) struct Lanes<T> {
    /// Bit `l` is set while lane `l` holds an item.
    occupied: u64,
    dispatched: u64,
    /// No head outside lane 0 is due while `dispatched` is smaller.
    ageing_from: u64,
    lanes: PerLevel<Lane<T>>,
    /// Bit `l` is set if level `l` has no slack, so that its items are due from the start.
    impatient: u64,
}

impl<T> Lanes<T> {
    pub(crate) fn new(slacks: &[u64]) -> Self {
        let slack = |level: usize| slacks.get(level).copied().unwrap_or(u64::MAX);
        let lane = |level| Lane { items: ChunkQueue::new(), slack: slack(level), due_from: 0 };
        let impatient = |(level, &slack): (usize, &u64)| u64::from(slack == 0) << level;
        Self {
            occupied: 0,
            dispatched: BEFORE_ALL,
            ageing_from: u64::MAX,
            lanes: PerLevel::new(slacks.len(), lane),
            impatient: slacks.iter().enumerate().map(impatient).sum(),
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.occupied == 0
    }

    /// Whether the next item could be one in the inbox, which holds something of these levels.
    ///
    /// As long as it is there, nothing submitted later is dispatched, so nothing has overtaken it. And behind an item of its
    /// own level it is not next. That leaves two ways: its level is more urgent than all that wait here, or none of that
    /// level waits here and it is due from the start.
    #[inline]
    pub(crate) fn may_be_next(&self, arrived: u64) -> bool {
        let most_urgent = self.occupied & self.occupied.wrapping_neg();
        // All of them if nothing waits.
        let more_urgent = most_urgent.wrapping_sub(1);
        arrived & (more_urgent | self.impatient & !self.occupied) != 0
    }

    /// Accepts a submission while nothing waits, neither here nor in the inbox.
    ///
    /// The item gets the number of the one that was dispatched last, as if that one had come back. Only the numbers and
    /// counts of waiting items still matter, and all items that will wait beside it are later.
    #[inline(always)]
    pub(crate) fn push(&mut self, level: usize, item: T) {
        debug_assert!(self.is_empty());
        self.dispatched -= 1;
        let seq = NonZeroU64::MIN.saturating_add(self.dispatched);
        self.occupied = 1 << level;
        self.begin(level);
        self.lanes[level].items.push_back(Waiting { seq, item });
    }

    /// A lane that was empty gets items that have not been overtaken yet.
    #[inline(always)]
    fn begin(&mut self, level: usize) {
        let lane = &mut self.lanes[level];
        // A dispatch overtakes an item at most once.
        lane.due_from = self.dispatched.saturating_add(lane.slack);
        if level > 0 {
            self.ageing_from = self.ageing_from.min(lane.due_from);
        }
    }

    /// Empties the inbox.
    pub(crate) fn fetch(&mut self, inbox: &mut Inbox<T>) {
        let mut left = mem::take(&mut inbox.levels);
        self.occupied |= left;
        let mut first = inbox.take_first();
        while left != 0 {
            let level = left.trailing_zeros() as usize;
            left &= left - 1;
            if self.lanes[level].items.is_empty() {
                self.begin(level);
            }
            let lane = &mut self.lanes[level].items;
            if let Some((_, waiting)) = first.take_if(|(of, _)| *of == level) {
                lane.push_back(waiting);
            }
            lane.append(&mut inbox.queues[level]);
        }
    }

    /// As [`fetch`](Self::fetch) and then [`pop`](Self::pop), while nothing waits here.
    #[inline]
    pub(crate) fn fetch_and_pop(&mut self, inbox: &mut Inbox<T>) -> Option<(usize, Waiting<T>)> {
        debug_assert!(self.is_empty());
        let level = usize::from(inbox.first_level);
        if inbox.levels != 1 << level {
            self.fetch(inbox);
            return self.pop();
        }
        // All are of one level, so the first is next.
        let item = inbox.first.take()?;
        inbox.levels = 0;
        self.dispatched += 1;
        if !inbox.queues[level].is_empty() {
            self.occupied = 1 << level;
            self.begin(level);
            self.lanes[level].items.append(&mut inbox.queues[level]);
        }
        // The number of an item that does not wait is never used.
        Some((level, Waiting { seq: NonZeroU64::MIN, item }))
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<(usize, Waiting<T>)> {
        if self.occupied == 0 {
            return None;
        }
        let urgent = self.occupied.trailing_zeros() as usize;
        let alone = self.occupied & (self.occupied - 1) == 0;
        // If no head of another lane is due, the most urgent lane wins, whether its own head is due or not. Lane 0 is
        // never "another lane".
        let level =
            if alone || self.dispatched < self.ageing_from { urgent } else { self.oldest_due().unwrap_or(urgent) };
        Some((level, self.pop_from(level)?))
    }

    #[inline(always)]
    fn pop_from(&mut self, level: usize) -> Option<Waiting<T>> {
        let lane = &mut self.lanes[level];
        let waiting = lane.items.pop_front()?;
        if lane.items.is_empty() {
            self.occupied &= !(1 << level);
        }
        self.dispatched += 1;
        Some(waiting)
    }

    /// Takes the oldest of all. It counts as dispatched.
    pub(crate) fn pop_oldest(&mut self) -> Option<(usize, Waiting<T>)> {
        let occupied = (0..u64::BITS as usize).filter(|level| self.occupied >> level & 1 != 0);
        let oldest = occupied.min_by_key(|&level| self.lanes[level].head())?;
        self.evict_from(oldest)
    }

    /// Takes the oldest of the least urgent level, if that is less urgent than `level`. It counts as dispatched: an older one
    /// of another level has been overtaken by it.
    pub(crate) fn pop_less_urgent(&mut self, level: usize) -> Option<(usize, Waiting<T>)> {
        let least_urgent = self.occupied.checked_ilog2()? as usize;
        if least_urgent > level { self.evict_from(least_urgent) } else { None }
    }

    /// Apart from `pop`, which is to stay in one piece.
    #[inline(never)]
    fn evict_from(&mut self, level: usize) -> Option<(usize, Waiting<T>)> {
        Some((level, self.pop_from(level)?))
    }

    /// The lane of the oldest due head. Brings `due_from` and `ageing_from` up to date on the way.
    #[cold]
    fn oldest_due(&mut self) -> Option<usize> {
        let mut oldest = None;
        self.ageing_from = u64::MAX;
        let mut left = self.occupied;
        while left != 0 {
            let level = left.trailing_zeros() as usize;
            left &= left - 1;
            if self.lanes[level].due_from <= self.dispatched {
                let missing = self.lanes[level].slack.saturating_sub(self.overtaken(level));
                if missing == 0 {
                    let seq = self.lanes[level].head();
                    if oldest.is_none_or(|(first, _)| seq < first) {
                        oldest = Some((seq, level));
                    }
                }
                self.lanes[level].due_from = self.dispatched.saturating_add(missing);
            }
            if level > 0 {
                self.ageing_from = self.ageing_from.min(self.lanes[level].due_from);
            }
        }
        oldest.map(|(_, level)| level)
    }

    /// How many later submissions were dispatched before the head of lane `level`.
    ///
    /// Of the `seq - 1` submissions before it, those not waiting any more were dispatched; all other dispatches overtook it.
    fn overtaken(&self, level: usize) -> u64 {
        let seq = self.lanes[level].head();
        let older_waiting: u64 = self.lanes.iter().map(|lane| lane.older_than(seq)).sum();
        self.dispatched + older_waiting - (seq - 1)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// An inbox and the lanes, without what makes them safe to share.
    struct Both<T> {
        inbox: Inbox<T>,
        lanes: Lanes<T>,
        arrived: u64,
    }

    impl<T> Both<T> {
        fn new(slacks: &[u64]) -> Self {
            Self { inbox: Inbox::new(slacks.len()), lanes: Lanes::new(slacks), arrived: 0 }
        }

        fn push(&mut self, level: usize, item: T) {
            self.inbox.push(level, item);
            self.arrived |= 1 << level;
        }

        /// Into a lane at once if that is allowed.
        fn push_near(&mut self, level: usize, item: T) {
            if !self.lanes.is_empty() || self.arrived != 0 {
                return self.push(level, item);
            }
            self.lanes.push(level, item);
        }

        fn fetch(&mut self) {
            self.lanes.fetch(&mut self.inbox);
            self.arrived = 0;
        }

        fn pop(&mut self) -> Option<(usize, T)> {
            if self.lanes.is_empty() {
                self.arrived = 0;
                return self.lanes.fetch_and_pop(&mut self.inbox).map(|(level, waiting)| (level, waiting.item));
            }
            if self.lanes.may_be_next(self.arrived) {
                self.fetch();
            }
            self.lanes.pop().map(|(level, waiting)| (level, waiting.item))
        }
    }

    fn random_numbers() -> impl FnMut() -> u64 {
        let mut state = 9_u64;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        }
    }

    /// The bound lets a dispatch skip the look at all heads; if it were wrong the other way, ageing would be forgotten.
    #[test]
    fn the_quick_exit_never_hides_a_due_head() {
        let mut both = Both::new(&[0, 3, 5]);
        let mut random = random_numbers();
        let mut due = [0; 3];
        for round in 0..20_000_u64 {
            let number = random();
            if number >> 29 != 0 || round % 64 < 24 {
                both.push(number as usize % 3, round);
            } else {
                both.pop();
            }
            let lanes = &both.lanes;
            for (level, due) in due.iter_mut().enumerate().skip(1) {
                if !lanes.lanes[level].items.is_empty() {
                    let is_due = lanes.overtaken(level) >= lanes.lanes[level].slack;
                    assert!(!is_due || lanes.ageing_from <= lanes.dispatched, "{level} is due and would be skipped");
                    assert!(lanes.overtaken(level) <= lanes.lanes[level].slack);
                    *due += u32::from(is_due);
                }
            }
        }
        assert!(due[1] > 100 && due[2] > 100, "the test comes by few heads that are due: {due:?}");
    }

    /// Neither leaving later submissions in the inbox nor bypassing it may change an answer.
    #[test]
    fn the_ways_into_the_lanes_change_no_answer() {
        for slacks in [&[0, 3, 5][..], &[4, 7, u64::MAX, 2, 0], &[0, 0, 0], &[9, 0, 9, 0], &[u64::MAX; 64]] {
            let (mut late, mut early) = (Both::new(slacks), Both::new(slacks));
            let mut random = random_numbers();
            let (mut left_there, mut passed_by) = (0, 0);
            for round in 0..50_000_u64 {
                // Bursts, so that now much waits and now nothing.
                if random() % 8 < if round % 512 < 256 { 5 } else { 2 } {
                    let level = random() as usize % slacks.len();
                    if random() % 4 == 0 {
                        late.push(level, round);
                    } else {
                        passed_by += u32::from(late.lanes.is_empty() && late.arrived == 0);
                        late.push_near(level, round);
                    }
                    early.push(level, round);
                    early.fetch();
                } else {
                    assert_eq!(late.pop(), early.pop(), "round {round}, slacks {slacks:?}");
                    left_there += u32::from(late.arrived != 0);
                }
            }
            assert!(left_there > 1_000 || slacks == [0, 0, 0], "it hardly ever fetched late: {left_there}");
            assert!(passed_by > 1_000, "it hardly ever passed the inbox by: {passed_by}");
        }
    }
}
