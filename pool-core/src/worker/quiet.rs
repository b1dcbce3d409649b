//! The quiet moment, at which nothing waits and nothing runs; and the end of a pool, which is the first one after its
//! closing.

use super::crew::Crew;
use crate::error::panic::drop_caught;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use crate::sync::{Condvar, Mutex};
use crate::task::{Task, Withdrawal};
use std::io;

/// In [`Quiet::attention`]: the pool is to end once it is quiet. Never unset once set.
const CLOSING: usize = 1;
/// In [`Quiet::attention`]: one thread waits for a quiet moment.
const ONE_WAITING: usize = 2;

/// The threads that wait for a quiet moment, and whether the pool has ended.
#[derive(Debug)]
pub(super) struct Quiet {
    /// Non-zero while a thread wants to know when the pool is quiet: [`CLOSING`] and a number of [`ONE_WAITING`].
    attention: AtomicUsize,
    /// The pool was closed and has become quiet: workers end. Never unset once set.
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

    /// A thread is about to be started.
    ///
    /// # Errors
    /// If there are `most` already.
    pub(super) fn count_in(&self, most: usize) -> io::Result<()> {
        let alive = &mut self.state.lock().alive;
        if *alive >= most {
            let message = format!("a pool has at most {most} workers");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        *alive += 1;
        Ok(())
    }

    /// A worker's thread ends, or was not started after all.
    pub(super) fn count_out(&self) {
        self.state.lock().alive -= 1;
        self.changed.notify_all();
    }
}

impl Crew {
    fn is_quiet(&self) -> bool {
        self.with_tallies(|ledger, tallies| ledger.is_quiet(tallies.iter().copied()))
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
        self.quiet.changed.notify_all();
        drop(state);
        if attention & CLOSING != 0 {
            // Release: pairs with `has_ended`.
            self.quiet.ended.store(true, Ordering::Release);
            for seat in self.idle.pick_all() {
                seat.parker.unpark();
            }
        }
    }

    /// Asks for attention to the next quiet moment, which may be now.
    fn attend(&self, flag: impl FnOnce(&AtomicUsize)) {
        flag(&self.quiet.attention);
        // Pairs with the fence before each call of `Crew::settle`.
        fence(Ordering::SeqCst);
        self.settle();
    }

    /// Waits for a moment at which nothing waits and nothing runs.
    pub(crate) fn wait_quiet(&self) {
        let before = self.quiet.state.lock().moments;
        self.attend(|attention| {
            // Relaxed, here and below: ordered by the fence in `attend`.
            attention.fetch_add(ONE_WAITING, Ordering::Relaxed);
        });
        let mut state = self.quiet.state.lock();
        while state.moments == before {
            state = self.quiet.changed.wait(state);
        }
        drop(state);
        self.quiet.attention.fetch_sub(ONE_WAITING, Ordering::Relaxed);
    }

    /// Ends the workers once the pool is quiet. Outside submissions are refused already.
    pub(crate) fn end_when_quiet(&self) {
        self.attend(|attention| {
            attention.fetch_or(CLOSING, Ordering::Release); // Pairs with `settle`.
        });
    }

    /// Waits until every thread has ended. Not for a worker of this pool.
    pub(crate) fn wait_ended(&self) {
        let mut state = self.quiet.state.lock();
        while state.alive > 0 {
            state = self.quiet.changed.wait(state);
        }
        drop(state);
        for thread in self.take_threads() {
            // A worker's thread never unwinds: a panic in it is caught where it happens.
            let _ = thread.join();
        }
    }

    /// Takes a task out of the pool unrun.
    pub(crate) fn withdraw(&self, task: Task) {
        match task.withdraw() {
            Withdrawal::Returned => {
                self.unrun.lock().push(task);
                self.ledger.give_back(1, 0);
            }
            Withdrawal::Cancelled => {
                // The `Drop` of its closure may panic. The task must be counted nevertheless.
                if let Err(payload) = drop_caught(task) {
                    self.report_panic(payload);
                }
                self.ledger.give_back(0, 1);
            }
            Withdrawal::Void => {}
        }
    }

    /// What was withdrawn and goes back to the user, without what has been cancelled or run by its waiter since.
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
