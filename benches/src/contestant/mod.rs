//! Who takes part, and what each can do.
//!
//! A contestant is a type that implements [`Contestant`] and a trait for each thing that it can do. A workload is a function
//! generic over the traits that it needs, so that its hot path is compiled for each contestant; only the choice of what to
//! measure next goes through a function pointer. What a contestant cannot do has no cell in the table, instead of a made-up one.
//!
//! Each peer is used through the public interface that suits the workload best.

mod channels;
mod chili;
mod executors;
mod ours;
mod rayon;
mod rusty_pool;
mod sequential;
mod threadpool;
mod tokio;

use std::marker::PhantomData;

pub use self::channels::{CrossbeamChannel, Kanal};
pub use self::chili::Chili;
pub use self::executors::{ExecutorsChannel, ExecutorsStealing};
pub use self::ours::{Fifo, Priority, WorkStealing};
pub use self::rayon::Rayon;
pub use self::rusty_pool::RustyPool;
pub use self::sequential::Sequential;
pub use self::threadpool::Threadpool;
pub use self::tokio::Tokio;

use crate::measure::Run;
use crate::tally::with_tally;
use crate::workload;

/// Whose contestant it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A strategy of this workspace.
    Ours,
    /// Somebody else's crate.
    Peer,
    /// No pool at all.
    Baseline,
}

/// Something that is measured.
pub trait Contestant: Sized + Sync + 'static {
    /// The name in tables and on the command line.
    const NAME: &'static str;
    /// Whose it is.
    const CLASS: Class;

    /// Starts it with this many threads that work.
    fn start(workers: usize) -> Self;

    /// Has every thread started and every lazily made thing made before the clock runs.
    fn warm_up(&self);

    /// Stops it and, where its interface can, waits for its threads.
    fn stop(self) {}
}

/// Takes tasks, from outside and from within its own tasks.
pub trait Execute: Contestant {
    /// What a task carries to submit further tasks from within; `()` if the thread it runs on knows the way.
    type Inside: Clone + Send + 'static;

    /// Submits a task from outside.
    fn execute(&self, task: impl FnOnce() + Send + 'static);

    /// Submits a task that should run before all others, if the contestant can tell them apart.
    fn execute_urgent(&self, task: impl FnOnce() + Send + 'static) {
        self.execute(task);
    }

    /// What the first task takes along.
    fn inside(&self) -> Self::Inside;

    /// Submits a task from within a task.
    fn execute_inside(inside: &Self::Inside, task: impl FnOnce() + Send + 'static);
}

/// Gives a handle for a submitted task.
pub trait Spawn: Execute {
    /// The handle of a task with result `R`.
    type Handle<R: Send + 'static>;

    /// Submits a task from outside.
    fn spawn<R: Send + 'static>(&self, task: impl FnOnce() -> R + Send + 'static) -> Self::Handle<R>;

    /// Waits for the result, outside of the pool.
    fn join<R: Send + 'static>(&self, handle: Self::Handle<R>) -> R;
}

/// Runs two closures that may borrow, in parallel if a thread is free.
pub trait Join: Contestant {
    /// What a closure is given to fork further; `()` if the thread it runs on knows the way.
    type Fork<'s>;

    /// Runs `root` where forking is cheapest, and waits for it.
    fn root<R: Send>(&self, root: impl for<'x, 's> FnOnce(&'x mut Self::Fork<'s>) -> R + Send) -> R;

    /// Runs both and returns both results. For closures that may be as small as an addition.
    fn join<RA: Send, RB: Send>(
        fork: &mut Self::Fork<'_>,
        a: impl for<'x, 's> FnOnce(&'x mut Self::Fork<'s>) -> RA + Send,
        b: impl for<'x, 's> FnOnce(&'x mut Self::Fork<'s>) -> RB + Send,
    ) -> (RA, RB);

    /// The same for closures that work for microseconds and more, if the contestant tells the two apart.
    fn join_coarse<RA: Send, RB: Send>(
        fork: &mut Self::Fork<'_>,
        a: impl for<'x, 's> FnOnce(&'x mut Self::Fork<'s>) -> RA + Send,
        b: impl for<'x, 's> FnOnce(&'x mut Self::Fork<'s>) -> RB + Send,
    ) -> (RA, RB) {
        Self::join(fork, a, b)
    }
}

/// Runs any number of tasks that may borrow, and waits for all.
pub trait Scoped: Contestant {
    /// What a task is given to submit further tasks of the scope.
    type Scope<'s>;

    /// Runs `f` and returns when all tasks of the scope have ended.
    fn scope<'s>(&'s self, f: impl FnOnce(&Self::Scope<'s>) + Send);

    /// Submits a task of the scope.
    fn spawn_in<'s>(scope: &Self::Scope<'s>, task: impl for<'x> FnOnce(&'x Self::Scope<'s>) + Send + 's);
}

/// Sums up a slice.
pub trait Reduce: Contestant {
    /// The sum of `data`, computed anew `times` times, in the contestant's best way; the last one is returned.
    fn sum(&self, data: &[f64], times: usize) -> f64;
}

/// A contestant and what it is measured on.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Whose it is.
    pub class: Class,
    /// The names of the workloads that it can do, and what measures each.
    pub cells: Vec<(&'static str, Run)>,
}

impl Entry {
    /// What measures the contestant on a workload, if it can do it.
    pub fn cell(&self, workload: &str) -> Option<Run> {
        self.cells.iter().find(|(name, _)| *name == workload).map(|&(_, run)| run)
    }
}

/// Every contestant, ours first.
pub fn all() -> Vec<Entry> {
    vec![
        Enlist::<Fifo>::new().execute().spawn().join().scoped().reduce().entry,
        Enlist::<WorkStealing>::new().execute().spawn().join().scoped().reduce().entry,
        Enlist::<Priority>::new().execute().spawn().join().scoped().reduce().entry,
        Enlist::<Rayon>::new().execute().join().scoped().reduce().entry,
        Enlist::<Chili>::new().join().reduce().entry,
        Enlist::<Tokio>::new().execute().spawn().entry,
        Enlist::<Threadpool>::new().execute().entry,
        Enlist::<RustyPool>::new().execute().spawn().entry,
        Enlist::<ExecutorsStealing>::new().execute().entry,
        Enlist::<ExecutorsChannel>::new().execute().entry,
        Enlist::<CrossbeamChannel>::new().execute().entry,
        Enlist::<Kanal>::new().execute().entry,
        Enlist::<Sequential>::new().join().reduce().entry,
    ]
}

struct Enlist<C> {
    entry: Entry,
    contestant: PhantomData<C>,
}

impl<C: Contestant> Enlist<C> {
    fn new() -> Self {
        let mut cells = Vec::new();
        if C::CLASS != Class::Baseline {
            cells.extend(workload::idle::cells::<C>());
        }
        Enlist { entry: Entry { name: C::NAME, class: C::CLASS, cells }, contestant: PhantomData }
    }

    fn with<const N: usize>(mut self, cells: [(&'static str, Run); N]) -> Self {
        self.entry.cells.extend(cells);
        self
    }

    fn execute(self) -> Self
    where
        C: Execute,
    {
        self.with(workload::outside::cells::<C>())
            .with(workload::nested::cells::<C>())
            .with(workload::round_trip::cells::<C>())
            .with(workload::uneven::cells::<C>())
            .with(workload::urgent::cells::<C>())
            .with(workload::sleeper::cells::<C>())
            .with(workload::memory::cells::<C>())
    }

    fn spawn(self) -> Self
    where
        C: Spawn,
    {
        self.with(workload::memory::spawn_cells::<C>()).with(workload::round_trip::spawn_cells::<C>())
    }

    fn join(self) -> Self
    where
        C: Join,
    {
        self.with(workload::fork_join::cells::<C>())
            .with(workload::tree::cells::<C>())
            .with(workload::quicksort::cells::<C>())
    }

    fn scoped(self) -> Self
    where
        C: Scoped,
    {
        self.with(workload::nested::scope_cells::<C>())
    }

    fn reduce(self) -> Self
    where
        C: Reduce,
    {
        self.with(workload::reduce::cells::<C>())
    }
}

/// Runs some tasks, from outside and from within, and waits for them.
fn warm_up_with_tasks<C: Execute>(contestant: &C) {
    const TASKS: u64 = 512;
    let warmed = with_tally(2 * TASKS, |tally| {
        for index in 0..TASKS {
            let inside = contestant.inside();
            contestant.execute(move || {
                C::execute_inside(&inside, move || tally.add(index));
                tally.add(index);
            });
        }
        tally.wait((0..TASKS).chain(0..TASKS))
    });
    if let Err(reason) = warmed {
        panic!("{} does not run its first tasks: {reason}", C::NAME);
    }
}
