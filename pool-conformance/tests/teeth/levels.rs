//! A priority toy that does everything the slow way, with faults to choose from.

use std::sync::{Arc, Mutex};

use pool_core::{Scheduler, Worker};

pub(crate) const SLACKS: [u64; 3] = [0, 4, 9];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LevelFault {
    None,
    ForgetsAgeing,
    AgesLate,
    WrongTies,
    PartsForgetUrgency,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Urgency(pub(crate) u8);

impl Default for Urgency {
    fn default() -> Self {
        Self(1)
    }
}

struct Waiting<T> {
    level: usize,
    overtaken: u64,
    item: T,
}

pub(crate) struct LevelToy<T> {
    fault: LevelFault,
    /// Oldest first.
    waiting: Mutex<Vec<Waiting<T>>>,
}

impl<T> LevelToy<T> {
    pub(crate) fn new(fault: LevelFault) -> Self {
        Self { fault, waiting: Mutex::new(Vec::new()) }
    }

    fn slack(&self, level: usize) -> u64 {
        match self.fault {
            LevelFault::ForgetsAgeing => u64::MAX,
            LevelFault::AgesLate if level > 0 => SLACKS[level] + 1,
            _ => SLACKS[level],
        }
    }
}

impl<T: Send> Scheduler<T> for LevelToy<T> {
    type Hint = Urgency;
    type Worker = LevelToyWorker<T>;

    fn attach(self: &Arc<Self>, _seed: u64) -> LevelToyWorker<T> {
        LevelToyWorker { shared: Arc::clone(self), level: 1 }
    }

    fn inject(&self, item: T, Urgency(level): Urgency) {
        let level = usize::from(level).min(SLACKS.len() - 1);
        self.waiting.lock().unwrap().push(Waiting { level, overtaken: 0, item });
    }

    fn is_empty(&self) -> bool {
        self.waiting.lock().unwrap().is_empty()
    }
}

pub(crate) struct LevelToyWorker<T> {
    shared: Arc<LevelToy<T>>,
    level: u8,
}

impl<T: Send> Worker<T> for LevelToyWorker<T> {
    type Hint = Urgency;

    fn push(&mut self, item: T, level: Urgency) {
        self.shared.inject(item, level);
    }

    fn push_part(&mut self, item: T) {
        let forgets = self.shared.fault == LevelFault::PartsForgetUrgency;
        self.shared.inject(item, if forgets { Urgency::default() } else { Urgency(self.level) });
    }

    fn next(&mut self) -> Option<T> {
        let mut waiting = self.shared.waiting.lock().unwrap();
        let due = waiting.iter().position(|waiting| waiting.overtaken >= self.shared.slack(waiting.level));
        let by_level = |&at: &usize| waiting[at].level;
        let urgent = match self.shared.fault {
            LevelFault::WrongTies => (0..waiting.len()).rev().min_by_key(by_level),
            _ => (0..waiting.len()).min_by_key(by_level),
        };
        let at = due.or(urgent)?;
        let taken = waiting.remove(at);
        waiting[..at].iter_mut().for_each(|older| older.overtaken += 1);
        self.level = taken.level as u8;
        Some(taken.item)
    }

    fn retire(self) {}
}
