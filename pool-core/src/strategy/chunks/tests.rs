//! [`ChunkQueue`] against a plain ring, and its memory.

use super::*;

const CHUNK: usize = ChunkQueue::<u64>::CHUNK;

impl<T> ChunkQueue<T> {
    /// How many items there is room for.
    fn room(&self) -> usize {
        let middle: usize = self.middle.iter().map(|chunk| chunk.items.capacity()).sum();
        self.first.capacity() + middle + self.last.capacity()
    }
}

fn filled(items: std::ops::Range<u64>) -> ChunkQueue<u64> {
    let mut queue = ChunkQueue::new();
    items.for_each(|item| queue.push_back(item));
    queue
}

/// Random calls on two queues, against a plain ring; `partition_point` at every place that could be special.
#[test]
fn answers_as_a_ring_does() {
    let mut state = 7_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut queues = [ChunkQueue::new(), ChunkQueue::new()];
    let mut rings = [VecDeque::new(), VecDeque::new()];
    let mut pushed = 0_u64;
    for _ in 0..4_000 {
        let at = random(2);
        // Ascending across an `append` of the second to the first, as in a lane and its inbox.
        match random(8) {
            0..=3 => {
                for _ in 0..random(4) * random(3 * CHUNK) {
                    queues[1].push_back(pushed);
                    rings[1].push_back(pushed);
                    pushed += 1;
                }
            }
            4..=5 => {
                for _ in 0..random(6) * random(2 * CHUNK) + 1 {
                    assert_eq!(queues[at].front(), rings[at].front());
                    assert_eq!(queues[at].pop_front(), rings[at].pop_front());
                }
            }
            6 => {
                let [waiting, inbox] = &mut queues;
                waiting.append(inbox);
                let [waiting, inbox] = &mut rings;
                waiting.append(inbox);
            }
            _ => {
                let oldest = rings[at].front().copied().unwrap_or(0);
                let sought = oldest + random(rings[at].len() + 2) as u64;
                let before = |&item: &u64| item < sought;
                assert_eq!(queues[at].partition_point(before), rings[at].partition_point(before));
            }
        }
        for (queue, ring) in queues.iter().zip(&rings) {
            assert_eq!((queue.len(), queue.is_empty()), (ring.len(), ring.is_empty()));
        }
    }
    assert!(pushed > 100_000);
}

#[test]
fn a_partition_point_is_found_at_every_place() {
    let mut queue = filled(0..0);
    let mut end = 0;
    // Chunks of all kinds: partly emptied, full, partly filled in the middle.
    for items in [2 * CHUNK + 3, 5 * CHUNK, 1, 7 * CHUNK + 9, CHUNK] {
        queue.append(&mut filled(end..end + items as u64));
        end += items as u64;
    }
    for oldest in 0..=end {
        if oldest % 61 == 0 {
            for sought in 0..=end {
                let point = queue.partition_point(|&item| item < sought) as u64;
                assert_eq!(point, sought.saturating_sub(oldest));
            }
        }
        assert_eq!(queue.pop_front(), (oldest < end).then_some(oldest));
    }
}

/// Items that were never copied lie where they were written.
#[test]
fn growth_and_long_appends_copy_nothing() {
    let mut queue = filled(0..1);
    let place = std::ptr::from_ref(queue.front().expect("one item"));
    (1..100_000).for_each(|item| queue.push_back(item));
    assert_eq!(queue.front().map(std::ptr::from_ref), Some(place));
    let mut longer = filled(0..1);
    longer.append(&mut queue);
    assert_eq!((longer.len(), queue.len()), (100_001, 0));
    longer.pop_front();
    assert_eq!(longer.front().map(std::ptr::from_ref), Some(place));
}

#[test]
fn memory_is_that_of_the_items_and_little_more() {
    let mut queue = ChunkQueue::new();
    let mut inbox = ChunkQueue::new();
    for round in 0..1_000 {
        // The worst for an append: one item in the last chunk, and just enough to be spliced.
        let items = if round % 2 == 0 { 1 } else { (SPLICED + 1) as u64 * CHUNK as u64 };
        (0..items).for_each(|item| inbox.push_back(item));
        queue.append(&mut inbox);
        let most = queue.len() * 5 / 4 + 2 * CHUNK;
        assert!(queue.room() <= most, "room for {} where {} items wait", queue.room(), queue.len());
    }
    while queue.pop_front().is_some() {}
    assert!(queue.room() <= 2 * CHUNK, "an empty queue still has room for {} items", queue.room());
    assert!(queue.middle.capacity() <= 2 * KEEP, "and for {} chunks", queue.middle.capacity());
}

#[test]
fn chunks_grow_with_the_queue_up_to_a_limit() {
    let mut queue = ChunkQueue::new();
    for item in 0..200 * CHUNK as u64 {
        queue.push_back(item);
        let most = queue.len() * 5 / 4 + 2 * CHUNK;
        assert!(queue.room() <= most, "room for {} where {} items wait", queue.room(), queue.len());
    }
    let largest = ChunkQueue::<u64>::LARGEST;
    let chunks = queue.middle.iter().map(|chunk| chunk.items.capacity());
    assert!(chunks.clone().is_sorted() && chunks.clone().max() == Some(largest));
    assert!(chunks.count() < 100, "200 small ones, or some more than 200 / 4 large ones");
    while queue.pop_front().is_some() {}
    assert!(queue.room() <= 2 * CHUNK, "an empty queue still has room for {} items", queue.room());
}

/// No call both frees and allocates, so chunks are the same as long as room never gets less.
#[test]
fn a_queue_around_empty_keeps_its_chunks() {
    let mut queue = filled(0..2);
    let mut room = 0;
    for item in 0..10_000 {
        queue.push_back(item);
        queue.pop_front();
        if item % 3 == 0 {
            queue.pop_front();
            queue.push_back(item);
        }
        assert!(queue.room() >= room, "a chunk was freed");
        room = queue.room();
    }
    assert!((CHUNK..=2 * CHUNK).contains(&room), "room for {room}");
}

/// An inbox that is filled and moved away as a whole gets its chunks back.
#[test]
fn what_goes_to_and_fro_between_two_queues_is_not_allocated_anew() {
    let (mut inbox, mut waiting) = (ChunkQueue::new(), ChunkQueue::new());
    let mut room = 0;
    for round in 0..10_000 {
        // Now and then a little more than one chunk.
        let items = if round % 100 == 0 { CHUNK as u64 + 1 } else { round % 5 };
        for item in 0..items {
            inbox.push_back(item);
        }
        waiting.append(&mut inbox);
        while waiting.pop_front().is_some() {}
        assert!(inbox.room() + waiting.room() >= room, "a chunk was freed");
        room = inbox.room() + waiting.room();
    }
    assert!(room <= 4 * CHUNK, "room for {room} items");
}

#[test]
fn items_without_a_size_and_large_ones_are_queued() {
    let mut units = ChunkQueue::new();
    let mut large = ChunkQueue::new();
    for round in 0..1_000 {
        units.push_back(());
        large.push_back([round; 512]);
    }
    assert_eq!((units.len(), large.len()), (1_000, 1_000));
    assert_eq!(large.pop_front(), Some([0; 512]));
    assert_eq!(std::iter::from_fn(|| units.pop_front()).count(), 1_000);
}
