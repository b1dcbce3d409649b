//! What becomes of a submission that finds a bounded pool full.

use super::crew::Uncount;
use super::full::{IfFull, WhenFull};
use super::own::life_in;
use super::shared::{Refused, Shared};
use crate::error::Rejection;
use crate::ledger::{Entry, Room};
use crate::strategy::{Admit, Asking, Eviction, Scheduler};
use crate::sync::{Deadline, thread, thread_local};
use crate::task::{Discarded, Task, TaskKind};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How often a submission looks for a task that can be discarded while the strategy holds something.
const MOST_LOOKS: usize = 16;

/// How room is to be made for one submission.
#[derive(Clone, Copy, Debug)]
enum Way {
    Wait(Deadline),
    Discard(Eviction),
    RunHere,
    Exceed,
    Refuse,
}

/// What comes next for a submission that was refused for want of room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    TryAgain,
    RunHere,
    Refuse,
}

thread_local! {
    /// Whether this thread runs a task for want of room.
    static RUNS_HERE: Cell<bool> = const { Cell::new(false) };
}

impl<S: Scheduler<Task>> Shared<S> {
    /// Submits a task from outside, or gives it back.
    #[inline(always)]
    pub(crate) fn submit(&self, task: Task, hint: Option<S::Hint>, if_full: IfFull) -> Result<(), (Task, Rejection)> {
        self.inject_if_open(task, hint, if_full == IfFull::Exceed).or_else(|refused| self.overflow(refused, if_full))
    }

    #[cold]
    #[inline(never)]
    fn overflow(&self, refused: Refused<S::Hint>, if_full: IfFull) -> Result<(), (Task, Rejection)> {
        let (mut task, mut hint) = match refused {
            Refused::Closed(task) => return Err((task, Rejection::ShutDown)),
            Refused::Full(task, hint) => (task, hint),
        };
        let way = match self.way(if_full) {
            // A poll is of use on a worker alone.
            Way::RunHere if task.kind() == TaskKind::Turn => Way::Wait(Deadline::Never),
            way => way,
        };
        loop {
            match self.make_room(1, hint.as_ref(), way) {
                Next::TryAgain => {}
                Next::RunHere => {
                    self.run_here(task);
                    return Ok(());
                }
                Next::Refuse => {
                    self.crew.ledger.refuse(1, Rejection::Full);
                    return Err((task, Rejection::Full));
                }
            }
            (task, hint) = match self.inject_again(task, hint, matches!(way, Way::Exceed)) {
                Ok(()) => return Ok(()),
                Err(Refused::Closed(task)) => return Err((task, Rejection::ShutDown)),
                Err(Refused::Full(task, hint)) => (task, hint),
            };
        }
    }

    /// Apart from `submit`, which stays small.
    #[cold]
    #[inline(never)]
    fn inject_again(&self, task: Task, hint: Option<S::Hint>, in_any_case: bool) -> Result<(), Refused<S::Hint>> {
        self.inject_if_open(task, hint, in_any_case)
    }

    /// Submits all tasks from outside, or gives all back; but where the policy makes room for one after the other, those that
    /// are in stay in when the pool is closed meanwhile.
    pub(crate) fn submit_batch(
        &self,
        tasks: Vec<Task>,
        hint: Option<S::Hint>,
        if_full: IfFull,
    ) -> Result<(), (Vec<Task>, Rejection)> {
        match self.enter_batch(tasks.len(), if_full == IfFull::Exceed) {
            Entry::In => {
                self.inject_counted_batch(tasks, hint);
                Ok(())
            }
            Entry::Closed => Err((tasks, Rejection::ShutDown)),
            Entry::Full => self.overflow_batch(tasks, hint, if_full),
        }
    }

    #[cold]
    fn overflow_batch(
        &self,
        tasks: Vec<Task>,
        hint: Option<S::Hint>,
        if_full: IfFull,
    ) -> Result<(), (Vec<Task>, Rejection)> {
        let (way, len) = (self.way(if_full), tasks.len());
        if if_full == IfFull::Policy && !matches!(way, Way::Refuse) {
            let mut tasks = tasks.into_iter();
            while let Some(task) = tasks.next() {
                if let Err((task, reason)) = self.submit(task, hint.clone(), if_full) {
                    // The one was counted; the rest is refused with it.
                    self.crew.ledger.refuse(tasks.len() as u64, reason);
                    return Err((std::iter::once(task).chain(tasks).collect(), reason));
                }
            }
            return Ok(());
        }
        loop {
            if self.make_room(len, hint.as_ref(), way) != Next::TryAgain {
                self.crew.ledger.refuse(len as u64, Rejection::Full);
                return Err((tasks, Rejection::Full));
            }
            match self.enter_batch(len, matches!(way, Way::Exceed)) {
                Entry::In => {
                    self.inject_counted_batch(tasks, hint);
                    return Ok(());
                }
                Entry::Closed => return Err((tasks, Rejection::ShutDown)),
                Entry::Full => {}
            }
        }
    }

    /// Counts a whole batch, before it becomes visible: in a bounded pool under the lock of the strategy, if it asks under one.
    fn enter_batch(&self, len: usize, in_any_case: bool) -> Entry {
        let ledger = &self.crew.ledger;
        let mut entry = Entry::Full;
        if ledger.room().is_none() {
            entry = ledger.admit(&Asking::unlocked(), len as u64, in_any_case);
        } else {
            let counted = Cell::new(0);
            let uncount = Uncount { crew: &self.crew, lost: &counted };
            self.scheduler.inject_if(|asking| {
                entry = ledger.admit(&asking, len as u64, in_any_case);
                if entry == Entry::In {
                    counted.set(len);
                }
                Admit::Full
            });
            std::mem::forget(uncount);
        }
        if entry != Entry::In {
            self.crew.settle_after_fence();
        }
        entry
    }

    fn way(&self, if_full: IfFull) -> Way {
        let policy = self.crew.when_full;
        // A thread of the pool that is not at work may be the one that would have to make room.
        if if_full == IfFull::Exceed || life_in(self.crew.id()).is_some() {
            return Way::Exceed;
        }
        match (if_full, policy.eviction()) {
            (IfFull::Wait(limit), _) => Way::Wait(Deadline::after(limit)),
            (_, Some(eviction)) => Way::Discard(eviction),
            (IfFull::Policy, None) if policy == WhenFull::Block => Way::Wait(Deadline::Never),
            // Or a chain of tasks, each of which submits the next, would take the stack.
            (IfFull::Policy, None) if policy == WhenFull::CallerRuns => {
                if RUNS_HERE.try_with(Cell::get).unwrap_or(false) { Way::Exceed } else { Way::RunHere }
            }
            _ => Way::Refuse,
        }
    }

    /// Looks whether there is room for `n` after all, and makes it if not.
    fn make_room(&self, n: usize, hint: Option<&S::Hint>, way: Way) -> Next {
        let Some(room) = self.crew.ledger.room() else { return Next::TryAgain };
        let has_room = || room.has_room(n as u64, || self.crew.totals());
        if has_room() {
            return Next::TryAgain;
        }
        let is_made = match way {
            Way::Exceed => true,
            Way::RunHere => return Next::RunHere,
            Way::Refuse => false,
            Way::Wait(_) | Way::Discard(_) if n as u64 > room.capacity() => false,
            Way::Wait(deadline) => room.wait(deadline, || self.crew.ledger.is_closed() || has_room()),
            Way::Discard(eviction) => self.discard_or_find_room(room, eviction, hint, has_room),
        };
        if is_made { Next::TryAgain } else { Next::Refuse }
    }

    /// Drops one waiting task unrun, or finds that there is room after all.
    fn discard_or_find_room(
        &self,
        room: &Room,
        which: Eviction,
        hint: Option<&S::Hint>,
        has_room: impl Fn() -> bool,
    ) -> bool {
        let mut looks = 0;
        while looks < MOST_LOOKS {
            if self.discard_one(room, which, hint) || has_room() || self.crew.ledger.is_closed() {
                return true;
            }
            // If the strategy holds nothing, what seems to wait is in the hands of workers, which are about to count it as
            // started. If it holds something, then something that must not be dropped, or is too urgent, or has come just now.
            if !self.scheduler.is_empty() {
                looks = if which == Eviction::LeastUrgent { MOST_LOOKS } else { looks + 1 };
            }
            thread::yield_now();
        }
        false
    }

    /// Drops one waiting task unrun. `false` if the strategy offers none.
    fn discard_one(&self, room: &Room, which: Eviction, hint: Option<&S::Hint>) -> bool {
        // As many as wait, at most: those that must not be dropped go back.
        for _ in 0..room.capacity() {
            let Some((task, of)) = self.scheduler.evict(which, hint) else { return false };
            if task.kind() != TaskKind::Work {
                // A thread waits for it, or for what it stands for, or a future has begun: it goes to the end of the queue.
                self.inject_admitted(task, of);
                continue;
            }
            let (discarded, panicked) = match catch_unwind(AssertUnwindSafe(|| task.discard())) {
                Ok(discarded) => (discarded, None),
                Err(payload) => (Discarded::Task, Some(payload)),
            };
            match discarded {
                Discarded::Task => self.crew.ledger.discard(),
                Discarded::Shell => self.crew.ledger.give_back(0, 1),
                Discarded::Void => {}
            }
            // It may have been the last that waited.
            self.crew.settle_after_fence();
            if let Some(payload) = panicked {
                self.crew.report_panic(payload);
            }
            if discarded != Discarded::Void {
                return true;
            }
        }
        false
    }

    /// Runs a task on the thread that wanted to submit it.
    fn run_here(&self, task: Task) {
        let before = RUNS_HERE.try_with(|runs| runs.replace(true));
        let _ = task.run_guarded(0, |payload| self.crew.report_panic(payload));
        if let Ok(before) = before {
            let _ = RUNS_HERE.try_with(|runs| runs.set(before));
        }
        self.crew.ledger.run_by_caller();
    }
}
