//! How a workload learns that its tasks have run, at a cost far below that of a task.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

/// How long a workload waits for its tasks before it calls them lost. A guard against hangs, far longer than a correct run.
pub const PATIENCE: Duration = Duration::from_secs(20);

const SLOTS: usize = 64;
const COUNT_SHIFT: u32 = 40;

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// A number of the calling thread that no other thread of the process has or had.
#[inline]
pub fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NUMBER.with(|number| {
        if number.get() == usize::MAX {
            number.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        number.get()
    })
}

/// Counts tasks and sums up their indices, on a cache line of its own for each thread.
///
/// If two threads shared a counter, counting would cost more than the task. Each slot holds the count from bit 40 upwards,
/// and below it the sum of the low 16 bits of the indices.
#[derive(Debug)]
pub struct Tally {
    slots: [CachePadded<AtomicU64>; SLOTS],
    tasks: AtomicU64,
}

impl Tally {
    /// The most tasks that one tally can count.
    pub const MOST: u64 = 1 << 23;

    fn new() -> Self {
        Tally { slots: std::array::from_fn(|_| CachePadded::new(AtomicU64::new(0))), tasks: AtomicU64::new(0) }
    }

    /// Counts the task with this index.
    #[inline]
    pub fn add(&self, index: u64) {
        let slot = thread_number() % SLOTS;
        // Release: pairs with the Acquire of `seen`: a waiter that sees the task counted sees what it did.
        self.slots[slot].fetch_add((1 << COUNT_SHIFT) + (index & 0xffff), Ordering::Release);
    }

    /// The number of tasks that the workload announced.
    #[inline]
    pub fn tasks(&self) -> u64 {
        self.tasks.load(Ordering::Relaxed)
    }

    fn seen(&self) -> (u64, u64) {
        let (mut count, mut sum) = (0, 0);
        for slot in &self.slots {
            // Acquire: pairs with the Release of `add`.
            let value = slot.load(Ordering::Acquire);
            count += value >> COUNT_SHIFT;
            sum += value & ((1 << COUNT_SHIFT) - 1);
        }
        (count, sum)
    }

    /// Waits until all tasks are counted, and checks that they have the given indices.
    ///
    /// Polls about every 0.1 ms, which neither takes a processor from the workers nor shows in runs of 10 ms and more.
    ///
    /// # Errors
    /// If tasks are missing after [`PATIENCE`], or if more tasks or other tasks ran than were submitted.
    pub fn wait(&self, indices: impl Iterator<Item = u64>) -> Result<Duration, String> {
        let start = Instant::now();
        let tasks = self.tasks();
        while self.seen().0 < tasks {
            if start.elapsed() > PATIENCE {
                return Err(format!("{} of {tasks} tasks had run after {PATIENCE:?}", self.seen().0));
            }
            thread::sleep(Duration::from_micros(50));
        }
        let waited = start.elapsed();
        let expected: u64 = indices.map(|index| index & 0xffff).sum();
        match self.seen() {
            (count, sum) if count == tasks && sum == expected => Ok(waited),
            (count, sum) => Err(format!("{count} of {tasks} tasks ran, with index sum {sum} instead of {expected}")),
        }
    }
}

static FREE: Mutex<Vec<&'static Tally>> = Mutex::new(Vec::new());

/// Lends a tally to `f` for `tasks` tasks. A tally is never freed, so a task carries a plain pointer, no counted reference.
///
/// # Panics
/// If there are more tasks than [`Tally::MOST`].
pub fn with_tally<R>(tasks: u64, f: impl FnOnce(&'static Tally) -> Result<R, String>) -> Result<R, String> {
    assert!(tasks <= Tally::MOST, "a tally counts up to {} tasks", Tally::MOST);
    let tally = FREE.lock().expect("no panic under the lock").pop();
    let tally = tally.unwrap_or_else(|| Box::leak(Box::new(Tally::new())));
    for slot in &tally.slots {
        slot.store(0, Ordering::Relaxed);
    }
    tally.tasks.store(tasks, Ordering::Relaxed);
    let result = f(tally);
    if result.is_ok() {
        // After an error a late task may still count, so the tally is not lent again.
        FREE.lock().expect("no panic under the lock").push(tally);
    }
    result
}

/// Opens when a number of tasks have ended, and records the moment. For tasks so long that its shared counter is cheap.
#[derive(Debug)]
pub struct Latch {
    open: AtomicUsize,
    ended: OnceLock<Instant>,
    waiter: Thread,
}

impl Latch {
    /// A latch for `tasks` tasks, to be waited for by the calling thread.
    pub fn new(tasks: usize) -> Arc<Latch> {
        Arc::new(Latch { open: AtomicUsize::new(tasks), ended: OnceLock::new(), waiter: thread::current() })
    }

    /// Counts one task as ended.
    pub fn count_down(&self) {
        // AcqRel: the last task sees what all others did, and publishes it to the waiter through `ended`.
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            let _ = self.ended.set(Instant::now());
            self.waiter.unpark();
        }
    }

    /// Waits for the last task and returns the moment it ended.
    ///
    /// # Errors
    /// If tasks are missing after [`PATIENCE`].
    pub fn wait(&self) -> Result<Instant, String> {
        let start = Instant::now();
        loop {
            if let Some(ended) = self.ended.get() {
                return Ok(*ended);
            }
            let left = PATIENCE.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(format!("{} tasks had not run after {PATIENCE:?}", self.open.load(Ordering::Relaxed)));
            }
            thread::park_timeout(left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_tells_the_wrong_tasks_from_the_right_ones() {
        let run = |indices: &[u64]| {
            with_tally(3, |tally| {
                thread::scope(|scope| {
                    for &index in indices {
                        scope.spawn(move || tally.add(index));
                    }
                });
                tally.wait(0..3)
            })
        };
        assert!(run(&[0, 1, 2]).is_ok());
        assert!(run(&[0, 1, 1]).is_err());
        assert!(run(&[0, 1, 2, 0]).is_err());
        assert!(run(&[2, 1, 0]).is_ok());
    }

    #[test]
    fn a_latch_opens_with_the_last_task() {
        let latch = Latch::new(3);
        let start = Instant::now();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| latch.count_down());
            }
        });
        assert!(latch.wait().unwrap() >= start);
    }
}
