//! The quiet moment, at which nothing waits and nothing runs; and the end of a pool, which is the first one after its
//! closing.

use super::crew::Crew;
use super::futures::Abandoned;
use crate::error::panic::drop_caught;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use crate::sync::{Condvar, Deadline, Mutex, MutexGuard, thread};
use crate::task::{Task, Withdrawal};
use std::io;
use std::sync::Arc;

/// In [`Quiet::attention`]: the pool is to end once it is quiet. Never unset once set.
const CLOSING: usize = 1;
/// In [`Quiet::attention`]: one thread waits for a quiet moment.
const ONE_WAITING: usize = 2;

/// The threads that wait for a quiet moment, and whether the pool has ended.
#[derive(Debug)]
pub(super) struct Quiet {
    /// Non-zero while a thread wants to know when the pool is quiet: [`CLOSING`] and a number of [`ONE_WAITING`].
    attention: AtomicUsize,
    /// The pool was closed and has become quiet: workers end. Never unset once set. Set under the lock of `state`.
    ended: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Quiet moments so far, of those that a thread waited for.
    moments: u64,
    /// Threads that have not ended.
    alive: usize,
    /// Calls that start one of them, and have yet to store how to join it.
    starting: usize,
    /// Calls that join threads.
    joining: usize,
}

impl Quiet {
    pub(super) fn new() -> Self {
        Self {
            attention: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
        }
    }

    /// A thread is about to be started. The end of the pool waits until the guard is dropped, which is to be once the
    /// thread can be joined.
    ///
    /// # Errors
    /// If there are `most` already, or the pool has ended.
    pub(super) fn count_in(&self, most: usize) -> io::Result<Starting<'_>> {
        let mut state = self.state.lock();
        // Relaxed: set under the lock that we hold.
        if self.ended.load(Ordering::Relaxed) {
            return Err(io::Error::other("the pool has been shut down and has ended"));
        }
        if state.alive >= most {
            let message = format!("a pool has at most {most} workers");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        state.alive += 1;
        state.starting += 1;
        Ok(Starting(self))
    }

    /// A worker's thread ends, or was not started after all.
    pub(super) fn count_out(&self) {
        self.state.lock().alive -= 1;
        self.changed.notify_all();
    }
}

/// Evidence that a thread is being started.
#[derive(Debug)]
#[must_use = "the end of the pool must wait until the thread can be joined"]
pub(super) struct Starting<'a>(&'a Quiet);

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.0.state.lock().starting -= 1;
        self.0.changed.notify_all();
    }
}

impl Crew {
    fn is_quiet(&self) -> bool {
        let holds_nothing = || self.strategy().is_none_or(|strategy| strategy.is_empty());
        self.with_tallies(|ledger, tallies| ledger.is_quiet(tallies.iter().copied(), holds_nothing))
    }

    /// Whether the pool was closed and has run dry.
    pub(crate) fn has_ended(&self) -> bool {
        // Acquire: pairs with the Release in `settle`.
        self.quiet.ended.load(Ordering::Acquire)
    }

    /// Looks whether the pool is quiet, if a thread wants to know.
    ///
    /// Each thread that may have caused the last change calls it after that change and a full fence: a worker before it
    /// parks and when it ends, a thread that withdraws tasks, an outside thread whose submission was refused or lost.
    pub(crate) fn settle(&self) {
        // The caller's fence pairs with the one in `attend`: either we see the flag, or the thread that set it sees our
        // change.
        // Acquire: pairs with the Release in `end_when_quiet`. A thread that sees the flag sees the gates closed, and
        // so every submission that came in time.
        let attention = self.quiet.attention.load(Ordering::Acquire);
        if attention == 0 {
            return;
        }
        // Looked at under the lock, so that the moment is later than any waiter's reading of `moments`.
        let mut state = self.quiet.state.lock();
        if !self.is_quiet() {
            return;
        }
        state.moments += 1;
        let closing = attention & CLOSING != 0;
        // Counted under the lock: no other thread finds the pool quiet before those futures have been dropped.
        let abandoned = closing.then(|| self.futures.abandon(&self.ledger));
        let is_end = abandoned.as_ref().is_some_and(Abandoned::is_empty);
        if is_end {
            // Release: pairs with `has_ended`.
            self.quiet.ended.store(true, Ordering::Release);
        }
        self.quiet.changed.notify_all();
        drop(state);
        // What was lost makes room, too.
        self.room_changed();
        abandoned.into_iter().for_each(Abandoned::submit);
        if is_end {
            for seat in self.idle.pick_all() {
                seat.parker.unpark();
            }
        }
    }

    /// As [`settle`](Self::settle), with the fence.
    pub(crate) fn settle_after_fence(&self) {
        // Pairs with the fence in `attend`: either `settle` sees that a thread wants attention, or that thread sees what
        // the caller counted.
        fence(Ordering::SeqCst);
        self.settle();
    }

    /// Asks for attention to the next quiet moment, which may be now.
    fn attend(&self, flag: impl FnOnce(&AtomicUsize)) {
        flag(&self.quiet.attention);
        // Pairs with the fence before each call of `Crew::settle`.
        fence(Ordering::SeqCst);
        self.settle();
    }

    /// Waits for a moment at which nothing waits and nothing runs. `false` if the deadline came first.
    pub(crate) fn wait_quiet(&self, deadline: Deadline) -> bool {
        let before = self.quiet.state.lock().moments;
        self.attend(|attention| {
            // Relaxed, here and below: ordered by the fence in `attend`.
            attention.fetch_add(ONE_WAITING, Ordering::Relaxed);
        });
        let mut state = self.quiet.state.lock();
        let mut in_time = true;
        while state.moments == before && in_time {
            (state, in_time) = self.wait(state, deadline);
        }
        let is_quiet = state.moments != before;
        drop(state);
        self.quiet.attention.fetch_sub(ONE_WAITING, Ordering::Relaxed);
        is_quiet
    }

    /// Waits for a change of the state, or for the deadline: then `false`.
    fn wait<'a>(&self, state: MutexGuard<'a, State>, deadline: Deadline) -> (MutexGuard<'a, State>, bool) {
        match self.quiet.changed.wait_until(state, deadline) {
            Ok(state) => (state, true),
            Err(state) => (state, false),
        }
    }

    /// Ends the workers once the pool is quiet. Outside submissions are refused already.
    pub(crate) fn end_when_quiet(&self) {
        self.attend(|attention| {
            attention.fetch_or(CLOSING, Ordering::Release); // Pairs with `settle`.
        });
    }

    /// Waits until every thread has ended, thread-locals included. `false` if the deadline came first. Not for a thread of
    /// this pool.
    pub(crate) fn wait_ended(self: &Arc<Self>, deadline: Deadline) -> bool {
        let mut state = self.quiet.state.lock();
        loop {
            if state.alive == 0 && state.starting == 0 {
                let threads = self.take_threads();
                if !threads.is_empty() {
                    state.joining += 1;
                    drop(state);
                    join_all(threads, Joining(Arc::clone(self)), deadline);
                    state = self.quiet.state.lock();
                }
                // Another thread may be joining them.
                if state.joining == 0 {
                    return true;
                }
            }
            let in_time;
            (state, in_time) = self.wait(state, deadline);
            if !in_time {
                return false;
            }
        }
    }

    /// Calls `take`, which is to hand over each task that leaves the pool unrun, and keeps those that go back to the user.
    ///
    /// One call at a time: when it returns, what any earlier call has taken lies in `unrun`.
    pub(crate) fn withdraw(&self, take: impl FnOnce(&mut dyn FnMut(Task))) {
        // Dropped last, without the lock: foreign code runs, and it may call back into this pool.
        let mut cancelled = DropEach { crew: self, tasks: Vec::new() };
        let mut unrun = self.unrun.lock();
        take(&mut |task| match task.withdraw() {
            Withdrawal::Returned => {
                unrun.push(task);
                self.ledger.give_back(1, 0);
            }
            Withdrawal::Cancelled => {
                cancelled.tasks.push(task);
                self.ledger.give_back(0, 1);
            }
            Withdrawal::Void => {}
        });
        drop(unrun);
        self.room_changed();
    }

    /// A task has left a bounded queue, and is counted as started.
    pub(super) fn room_freed(&self) {
        if let Some(room) = self.ledger.room() {
            room.freed();
        }
    }

    /// Many tasks have left a bounded queue, or none will come any more.
    pub(super) fn room_changed(&self) {
        if let Some(room) = self.ledger.room() {
            room.changed();
        }
    }

    /// What was withdrawn and goes back to the user, without what its waiter has run since.
    pub(crate) fn take_unrun(&self) -> Vec<Task> {
        let mut unrun = std::mem::take(&mut *self.unrun.lock());
        unrun.retain(|task| task.withdraw() == Withdrawal::Returned);
        unrun
    }

    /// A worker's thread ends.
    pub(crate) fn count_out(&self) {
        self.quiet.count_out();
    }
}

/// Drops tasks one by one, also while a panic unwinds. The panics of their `Drop`s are reported.
struct DropEach<'a> {
    crew: &'a Crew,
    tasks: Vec<Task>,
}

impl Drop for DropEach<'_> {
    fn drop(&mut self) {
        for task in self.tasks.drain(..) {
            if let Err(payload) = drop_caught(task) {
                self.crew.report_panic(payload);
            }
        }
    }
}

/// Evidence that a thread joins the pool's threads.
struct Joining(Arc<Crew>);

impl Drop for Joining {
    fn drop(&mut self) {
        let Quiet { state, changed, .. } = &self.0.quiet;
        state.lock().joining -= 1;
        changed.notify_all();
    }
}

/// Joins threads that have left their pool: what is left of them is the `Drop` of their thread-locals. The system knows no
/// join with a limit in time, so with a deadline, a thread of its own does it. If that one cannot be started, the
/// thread-locals are not waited for.
fn join_all(threads: Vec<thread::JoinHandle<()>>, joining: Joining, deadline: Deadline) {
    let join = move || {
        let _joining = joining;
        for thread in threads {
            // A worker's thread never unwinds: a panic in it is caught where it happens.
            let _ = thread.join();
        }
    };
    match deadline {
        Deadline::Never => join(),
        Deadline::At(_) => drop(thread::Builder::new().name("pool-join".into()).spawn(join)),
    }
}
