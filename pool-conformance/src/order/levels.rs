use std::collections::BTreeMap;

use super::{Order, Source};
use crate::bare::Op;

#[derive(Clone, Debug)]
struct Waiting {
    item: u64,
    level: usize,
    /// Later submissions dispatched before it, counted one by one.
    overtaken: u64,
}

/// Levels with ageing: the oldest item that has been overtaken as often as its level's slack allows; if there is none,
/// the most urgent level; first in, first out within a level. Without a hint, what a worker pushes has the level of the
/// item last handed out on it.
#[derive(Clone, Debug)]
pub struct Levels<H> {
    slacks: Vec<u64>,
    hint: fn(u8) -> H,
    plain: u8,
    /// In submission order.
    waiting: Vec<Waiting>,
    /// The level of the item that each worker was given last.
    current: BTreeMap<usize, usize>,
}

impl<H> Levels<H> {
    /// One level per slack, 0 being the most urgent. `hint` turns a level's number into a hint (a number beyond the
    /// last means the last), and `plain` is the number of the level that an item from outside has without a hint.
    ///
    /// # Panics
    ///
    /// If `slacks` is empty.
    pub fn new(slacks: &[u64], hint: fn(u8) -> H, plain: u8) -> Self {
        assert!(!slacks.is_empty(), "there is at least one level");
        Self { slacks: slacks.to_vec(), hint, plain, waiting: Vec::new(), current: BTreeMap::new() }
    }

    fn clamped(&self, level: u8) -> usize {
        usize::from(level).min(self.slacks.len() - 1)
    }

    /// Where in `waiting` the next item stands.
    fn expected(&self) -> Option<usize> {
        let due = self.waiting.iter().position(|waiting| waiting.overtaken >= self.slacks[waiting.level]);
        let urgent = || (0..self.waiting.len()).min_by_key(|&at| self.waiting[at].level);
        due.or_else(urgent)
    }
}

impl<H: Clone + Send> Order for Levels<H> {
    type Hint = H;

    fn hint(&self, choice: u8) -> Option<H> {
        Some((self.hint)(choice))
    }

    fn accepted(&mut self, item: u64, source: Source, choice: Option<u8>) {
        let inherited = match source {
            Source::Worker(worker) => self.current.get(&worker).copied(),
            Source::Outside => None,
        };
        let level = match choice {
            Some(level) => self.clamped(level),
            None => inherited.unwrap_or(self.clamped(self.plain)),
        };
        self.waiting.push(Waiting { item, level, overtaken: 0 });
    }

    fn dispatched(&mut self, item: u64, worker: usize) -> Result<(), String> {
        let expected = self.expected().map(|at| self.waiting[at].item);
        let Some(at) = self.waiting.iter().position(|waiting| waiting.item == item) else {
            return Err(format!("{item} does not wait"));
        };
        let taken = self.waiting.remove(at);
        for older in &mut self.waiting[..at] {
            older.overtaken += 1;
            if older.overtaken > self.slacks[older.level] {
                return Err(format!(
                    "{} of level {} was overtaken {} times, at last by {item} of level {}; its slack is {}",
                    older.item, older.level, older.overtaken, taken.level, self.slacks[older.level]
                ));
            }
        }
        if expected != Some(item) {
            return Err(format!("{item} of level {} was handed out instead of {expected:?}", taken.level));
        }
        self.current.insert(worker, taken.level);
        Ok(())
    }

    /// A flood of urgent items over a few of the others, for each level: its slack is reached and must hold.
    fn scripts(&self) -> Vec<Vec<Op>> {
        let flood = |level: usize| {
            let mut ops = vec![Op::Batch(Some(level as u8), 3), Op::Inject(Some(0))];
            for _ in 0..self.slacks[level].min(500) + 10 {
                ops.extend([Op::Inject(Some(0)), Op::Push(0, Some(0)), Op::Next(0), Op::Next(1)]);
            }
            ops
        };
        (1..self.slacks.len()).map(flood).collect()
    }
}
