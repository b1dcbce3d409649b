use std::collections::BTreeMap;
use std::sync::Arc;

use pool_core::strategy::{Admit, Scheduler, Worker};

use crate::order::{Order, Source};
use crate::{Law, Violation};

/// A call on a strategy. Workers are given by position among those attached, modulo their number; hints by a choice
/// that the [`Order`] interprets, `None` being no hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// `inject`.
    Inject(Option<u8>),
    /// `inject_if` of an item that is admitted.
    Admit(Option<u8>),
    /// `inject_if` by a closed pool.
    Refuse,
    /// `inject_batch` of so many items.
    Batch(Option<u8>, u8),
    /// `push` on a worker.
    Push(u8, Option<u8>),
    /// `next` on a worker.
    Next(u8),
    /// `try_next` on a worker.
    TryNext(u8),
    /// `is_empty`.
    IsEmpty,
    /// `attach`.
    Attach,
    /// `retire` on a worker; not the last one.
    Retire(u8),
    /// Drops a worker without retiring it; not the last one.
    Drop(u8),
    /// `take_all`.
    TakeAll,
}

/// What a strategy answered: which worker asked (by name), and what it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `next`, `try_next` or `take_all` on this worker.
    Took(usize, Option<u64>),
    /// `is_empty`.
    Empty(bool),
}

/// Makes these calls on one thread, beginning with one worker attached and ending with all that waits taken out, and
/// holds every answer against the naive model.
///
/// # Errors
///
/// The first violation of laws 1 to 5.
pub fn sequence<S, O>(scheduler: S, order: O, ops: &[Op]) -> Result<Vec<Call>, Violation>
where
    S: Scheduler<u64, Hint = O::Hint>,
    O: Order,
{
    let mut run = Run {
        scheduler: Arc::new(scheduler),
        order,
        workers: Vec::new(),
        names: 0,
        waiting: BTreeMap::new(),
        accepted: 0,
        calls: Vec::new(),
    };
    run.attach();
    for op in ops {
        run.apply(op)?;
    }
    run.is_empty()?;
    run.attach();
    let last = run.workers.len() - 1;
    while run.next(last)? {}
    run.is_empty()?;
    Ok(run.calls)
}

/// How an item came, and whether the worker that pushed it has left.
struct Waiting {
    source: Source,
    left_behind: bool,
}

struct Run<S: Scheduler<u64>, O> {
    scheduler: Arc<S>,
    order: O,
    workers: Vec<(usize, S::Worker)>,
    names: usize,
    waiting: BTreeMap<u64, Waiting>,
    accepted: u64,
    calls: Vec<Call>,
}

impl<S, O> Run<S, O>
where
    S: Scheduler<u64, Hint = O::Hint>,
    O: Order,
{
    fn apply(&mut self, op: &Op) -> Result<(), Violation> {
        match *op {
            Op::Inject(choice) => {
                let (item, hint) = (self.accept(Source::Outside, choice), self.hint(choice));
                self.scheduler.inject(item, hint);
            }
            Op::Admit(choice) => {
                let (item, hint) = (self.accept(Source::Outside, choice), self.hint(choice));
                self.scheduler.inject_if(|_| Admit::Yes(item, hint));
            }
            Op::Refuse => self.scheduler.inject_if(|_| Admit::Closed),
            Op::Batch(choice, count) => {
                let items: Vec<u64> = (0..count).map(|_| self.accept(Source::Outside, choice)).collect();
                self.scheduler.inject_batch(items.into_iter(), self.hint(choice));
            }
            Op::Push(worker, choice) => {
                let at = self.at(worker);
                let item = self.accept(Source::Worker(self.workers[at].0), choice);
                let hint = self.hint(choice);
                self.workers[at].1.push(item, hint);
            }
            Op::Next(worker) => {
                self.next(self.at(worker))?;
            }
            Op::TryNext(worker) => {
                let at = self.at(worker);
                let (name, worker) = &mut self.workers[at];
                let (name, item) = (*name, worker.try_next());
                self.took(name, item)?;
            }
            Op::IsEmpty => self.is_empty()?,
            Op::Attach => self.attach(),
            Op::Retire(worker) => self.leave(worker, Worker::retire),
            Op::Drop(worker) => self.leave(worker, drop),
            Op::TakeAll => self.take_all()?,
        }
        Ok(())
    }

    fn at(&self, worker: u8) -> usize {
        usize::from(worker) % self.workers.len()
    }

    fn hint(&self, choice: Option<u8>) -> Option<O::Hint> {
        choice.and_then(|choice| self.order.hint(choice))
    }

    fn accept(&mut self, source: Source, choice: Option<u8>) -> u64 {
        let item = self.accepted;
        self.accepted += 1;
        self.waiting.insert(item, Waiting { source, left_behind: false });
        self.order.accepted(item, source, choice);
        item
    }

    fn attach(&mut self) {
        let name = self.new_name();
        self.workers.push((name, self.scheduler.attach(name as u64)));
    }

    fn new_name(&mut self) -> usize {
        let name = self.names;
        self.names += 1;
        self.order.attached(name);
        name
    }

    fn leave(&mut self, worker: u8, how: impl FnOnce(S::Worker)) {
        if self.workers.len() > 1 {
            let (name, worker) = self.workers.remove(self.at(worker));
            how(worker);
            self.left(name);
        }
    }

    fn left(&mut self, name: usize) {
        self.order.left(name);
        for waiting in self.waiting.values_mut() {
            waiting.left_behind |= waiting.source == Source::Worker(name);
        }
    }

    /// Whether there was an item.
    fn next(&mut self, at: usize) -> Result<bool, Violation> {
        let (name, worker) = &mut self.workers[at];
        let (name, item) = (*name, worker.next());
        self.took(name, item)?;
        if item.is_none() && !self.waiting.is_empty() {
            let what = format!("worker {name} was promised that nothing waits, but {} did", self.some_waiting());
            return Err(self.diagnose(Violation::new(Law::NothingHides, what)));
        }
        Ok(item.is_some())
    }

    fn took(&mut self, name: usize, item: Option<u64>) -> Result<(), Violation> {
        self.calls.push(Call::Took(name, item));
        let Some(item) = item else { return Ok(()) };
        if self.waiting.remove(&item).is_none() {
            let what = if item < self.accepted { "handed out twice" } else { "handed out but never accepted" };
            return Err(Violation::new(Law::ExactlyOnce, format!("item {item} was {what}")));
        }
        self.order.dispatched(item, name).map_err(|what| Violation::new(Law::Order, what))
    }

    fn take_all(&mut self) -> Result<(), Violation> {
        let name = self.new_name();
        let mut taken = Vec::new();
        self.scheduler.take_all(|item| taken.push(item));
        for item in taken {
            self.took(name, Some(item))?;
        }
        self.left(name);
        if self.waiting.is_empty() {
            return Ok(());
        }
        let what = format!("take_all left {} behind", self.some_waiting());
        Err(self.diagnose(Violation::new(Law::NothingHides, what)))
    }

    fn is_empty(&mut self) -> Result<(), Violation> {
        let says = self.scheduler.is_empty();
        self.calls.push(Call::Empty(says));
        if says == self.waiting.is_empty() {
            return Ok(());
        }
        let waiting = self.some_waiting();
        let lie = Violation::new(Law::EmptyAgrees, format!("is_empty said {says} while {waiting} waited"));
        Err(self.diagnose(lie))
    }

    fn some_waiting(&self) -> String {
        match self.waiting.keys().next() {
            Some(first) => format!("item {first} ({} in all)", self.waiting.len()),
            None => "nothing".to_owned(),
        }
    }

    /// An item that no worker can get at any more is lost, and that is what broke; else it is `otherwise`.
    fn diagnose(&mut self, otherwise: Violation) -> Violation {
        let mut found = Vec::new();
        let fresh = self.scheduler.attach(u64::MAX);
        for mut worker in self.workers.drain(..).map(|(_, worker)| worker).chain([fresh]) {
            // A strategy broken enough to hand out items without end has been caught already.
            found.extend(std::iter::from_fn(|| worker.next()).take(self.accepted as usize + 1));
        }
        for item in found {
            self.waiting.remove(&item);
        }
        match self.waiting.iter().next() {
            Some((item, Waiting { left_behind: true, .. })) => {
                Violation::new(Law::RetiringLosesNothing, format!("item {item} left with the worker that held it"))
            }
            Some((item, _)) => Violation::new(Law::ExactlyOnce, format!("item {item} is lost")),
            None => otherwise,
        }
    }
}
