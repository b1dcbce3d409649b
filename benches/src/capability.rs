//! What a contestant can do: one trait per capability.
//!
//! A workload is a function generic over the traits that it needs. So its hot path is compiled for each contestant, and only
//! the choice of the next measurement goes through a function pointer. A contestant has no cell in the table for a workload
//! that it cannot do.

/// The origin of a contestant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A strategy of this workspace.
    Ours,
    /// A crate from elsewhere.
    Peer,
    /// No pool at all.
    Baseline,
}

/// Something that is measured.
pub trait Contestant: Sized + Sync + 'static {
    /// The name in tables and on the command line.
    const NAME: &'static str;
    /// Its origin.
    const CLASS: Class;

    /// Starts it with this many working threads.
    fn start(workers: usize) -> Self;

    /// Makes sure that every thread has started and every lazy value exists before the clock runs.
    fn warm_up(&self);

    /// Stops it and, where its interface can, waits for its threads.
    fn stop(self) {}
}

/// Takes tasks, from outside and from within its own tasks.
pub trait Execute: Contestant {
    /// What a task carries to submit further tasks from within; `()` if the running thread knows its pool.
    type Inside: Clone + Send + 'static;

    /// Submits a task from outside.
    fn execute(&self, task: impl FnOnce() + Send + 'static);

    /// Submits a task that should run before all others, if the contestant has priorities.
    fn execute_urgent(&self, task: impl FnOnce() + Send + 'static) {
        self.execute(task);
    }

    /// What the first task carries.
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
    /// What a closure is given to fork further; `()` if the running thread knows its pool.
    type Fork<'s>;

    /// Runs `root` where forking is cheapest, and waits for it.
    fn root<R: Send>(&self, root: impl for<'x, 's> FnOnce(&'x mut Self::Fork<'s>) -> R + Send) -> R;

    /// Runs both and returns both results. For closures that may be as small as an addition.
    fn join<RA: Send, RB: Send>(
        fork: &mut Self::Fork<'_>,
        a: impl for<'x, 's> FnOnce(&'x mut Self::Fork<'s>) -> RA + Send,
        b: impl for<'x, 's> FnOnce(&'x mut Self::Fork<'s>) -> RB + Send,
    ) -> (RA, RB);

    /// The same for closures that work for microseconds and more, if the contestant distinguishes the two.
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
    /// Computes the sum of `data` anew `times` times, in the contestant's best way, and returns the last sum.
    fn sum(&self, data: &[f64], times: usize) -> f64;
}
