//! The sequential heart of [`Priority`](crate::Priority): one first-in-first-out lane per level, and the ageing rule.

use std::collections::VecDeque;

/// A lane of at most this capacity is never shrunk.
const KEEP: usize = 1024;

struct Waiting<T> {
    /// The item's place in the order of all submissions.
    seq: u64,
    item: T,
}

struct Lane<T> {
    /// Ascending by `seq`.
    items: VecDeque<Waiting<T>>,
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
            Some(head) if head.seq < seq => self.items.partition_point(|waiting| waiting.seq < seq) as u64,
            _ => 0,
        }
    }

    fn head(&self) -> u64 {
        self.items.front().map_or(u64::MAX, |head| head.seq)
    }

    /// Gives memory back once three quarters of it lie idle. Each halving is paid for by the pops since the last, so a pop
    /// stays O(1) amortised.
    fn shrink(&mut self) {
        let capacity = self.items.capacity();
        if capacity > KEEP && self.items.len() < capacity / 4 {
            self.items.shrink_to(capacity / 2);
        }
    }
}

pub(crate) struct Lanes<T> {
    lanes: Box<[Lane<T>]>,
    /// Bit `l` is set while lane `l` holds an item.
    occupied: u64,
    /// The sequence number of the next submission.
    submitted: u64,
    dispatched: u64,
    /// No head outside lane 0 is due while `dispatched` is smaller.
    ageing_from: u64,
}

impl<T> Lanes<T> {
    pub(crate) fn new(slacks: &[u64]) -> Self {
        let lane = |&slack| Lane { items: VecDeque::new(), slack, due_from: 0 };
        Self {
            lanes: slacks.iter().map(lane).collect(),
            occupied: 0,
            submitted: 0,
            dispatched: 0,
            ageing_from: u64::MAX,
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.occupied == 0
    }

    #[inline]
    pub(crate) fn push(&mut self, level: usize, item: T) {
        let lane = &mut self.lanes[level];
        if lane.items.is_empty() {
            self.occupied |= 1 << level;
            // Nobody has overtaken it yet, and a dispatch overtakes it at most once.
            lane.due_from = self.dispatched.saturating_add(lane.slack);
            if level > 0 {
                self.ageing_from = self.ageing_from.min(lane.due_from);
            }
        }
        lane.items.push_back(Waiting { seq: self.submitted, item });
        self.submitted += 1;
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<(usize, T)> {
        if self.occupied == 0 {
            return None;
        }
        let urgent = self.occupied.trailing_zeros() as usize;
        let alone = self.occupied & (self.occupied - 1) == 0;
        // If no head of another lane is due, the most urgent lane wins, whether its own head is due or not. Lane 0 is
        // never "another lane".
        let level =
            if alone || self.dispatched < self.ageing_from { urgent } else { self.oldest_due().unwrap_or(urgent) };
        let lane = &mut self.lanes[level];
        let waiting = lane.items.pop_front()?;
        if lane.items.is_empty() {
            self.occupied &= !(1 << level);
        }
        lane.shrink();
        self.dispatched += 1;
        Some((level, waiting.item))
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
    /// Of the `seq` submissions before it, those not waiting any more were dispatched; all other dispatches overtook it.
    fn overtaken(&self, level: usize) -> u64 {
        let seq = self.lanes[level].head();
        let older_waiting: u64 = self.lanes.iter().map(|lane| lane.older_than(seq)).sum();
        self.dispatched + older_waiting - seq
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_gives_its_memory_back() {
        let mut lanes = Lanes::new(&[0, 10]);
        for item in 0..1_000_000 {
            lanes.push(1, item);
        }
        for expected in 0..1_000_000 {
            assert_eq!(lanes.pop(), Some((1, expected)));
        }
        let left = lanes.lanes[1].items.capacity();
        assert!(left <= KEEP, "an empty lane still holds room for {left} items");
    }

    /// The bound lets a dispatch skip the look at all heads; if it were wrong the other way, ageing would be forgotten.
    #[test]
    fn the_quick_exit_never_hides_a_due_head() {
        let mut lanes = Lanes::new(&[0, 3, 5]);
        let mut state = 9_u64;
        for round in 0..20_000_u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if state >> 62 != 0 || round % 64 < 24 {
                lanes.push((state >> 33) as usize % 3, round);
            } else {
                lanes.pop();
            }
            for level in 1..3 {
                if !lanes.lanes[level].items.is_empty() {
                    let due = lanes.overtaken(level) >= lanes.lanes[level].slack;
                    assert!(!due || lanes.ageing_from <= lanes.dispatched, "level {level} is due and would be skipped");
                    assert!(lanes.overtaken(level) <= lanes.lanes[level].slack);
                }
            }
        }
    }
}
