//! A priority toy that does everything the slow way, with faults to choose from.

use std::sync::{Arc, Mutex};

use pool_core::strategy::{Admit, Asking, Scheduler, Worker};

pub(crate) const SLACKS: [u64; 3] = [0, 4, 9];

/// The level of an item from outside without a hint.
pub(crate) const PLAIN: u8 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LevelFault {
    None,
    ForgetsAgeing,
    AgesLate,
    WrongTies,
    ChildrenForgetUrgency,
    AdmissionForgetsUrgency,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Urgency(pub(crate) u8);

struct Waiting<T> {
    level: usize,
    overtaken: u64,
    item: T,
}

pub(crate) struct LevelToy<T> {
    fault: LevelFault,
    slacks: Vec<u64>,
    /// Oldest first.
    waiting: Mutex<Vec<Waiting<T>>>,
}

impl<T> LevelToy<T> {
    pub(crate) fn new(fault: LevelFault) -> Self {
        let slack = |level: usize| match fault {
            LevelFault::ForgetsAgeing => u64::MAX,
            LevelFault::AgesLate if level > 0 => SLACKS[level] + 1,
            _ => SLACKS[level],
        };
        Self { fault, slacks: (0..SLACKS.len()).map(slack).collect(), waiting: Mutex::new(Vec::new()) }
    }

    /// With four levels that do not age.
    pub(crate) fn patient(fault: LevelFault) -> Self {
        Self { fault, slacks: vec![u64::MAX; 4], waiting: Mutex::new(Vec::new()) }
    }
}

impl<T: Send> Scheduler<T> for LevelToy<T> {
    type Hint = Urgency;
    type Worker = LevelToyWorker<T>;

    fn attach(self: &Arc<Self>, _seed: u64) -> LevelToyWorker<T> {
        LevelToyWorker { shared: Arc::clone(self), level: PLAIN }
    }

    fn inject(&self, item: T, urgency: Option<Urgency>) {
        let Urgency(level) = urgency.unwrap_or(Urgency(PLAIN));
        let level = usize::from(level).min(self.slacks.len() - 1);
        self.waiting.lock().unwrap().push(Waiting { level, overtaken: 0, item });
    }

    fn inject_if(&self, admit: impl FnOnce(Asking<'_>) -> Admit<T, Urgency>) {
        if let Admit::Yes(item, urgency) = admit(Asking::unlocked()) {
            self.inject(item, urgency.filter(|_| self.fault != LevelFault::AdmissionForgetsUrgency));
        }
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

    fn push(&mut self, item: T, urgency: Option<Urgency>) {
        let inherited = Some(Urgency(self.level)).filter(|_| self.shared.fault != LevelFault::ChildrenForgetUrgency);
        self.shared.inject(item, urgency.or(inherited));
    }

    fn next(&mut self) -> Option<T> {
        let mut waiting = self.shared.waiting.lock().unwrap();
        let due = waiting.iter().position(|waiting| waiting.overtaken >= self.shared.slacks[waiting.level]);
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
}
