//! [`Shared`]: the strategy and everything else of a pool; the ways in from outside, and the way out unrun.

use super::crew::{Crew, Uncount};
use super::full::IfFull;
use super::futures::WaitingFutures;
use super::inject::Inject;
use crate::error::panic;
use crate::idle::Published;
use crate::ledger::Entry;
use crate::strategy::{Admit, Asking, Scheduler};
use crate::sync::is_inherited;
use crate::task::Task;
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A submission from outside that was refused.
pub(super) enum Refused<H> {
    Closed(Task),
    Full(Task, Option<H>),
}

/// What all threads of a pool share.
pub(crate) struct Shared<S> {
    /// First, so that what still lies in it is dropped while the crew is there.
    pub(crate) scheduler: Arc<S>,
    pub(crate) crew: Arc<Crew>,
}

impl<S: Scheduler<Task>> Shared<S> {
    /// Submits a task from outside, or gives it back if the pool is closed or has no room, unless it comes in
    /// `in_any_case`.
    ///
    /// A refused task never enters the strategy: what comes back is what was given.
    // Always, as what it is called by: it is handed a task, see `task/payload.rs` on moves.
    #[inline(always)]
    pub(super) fn inject_if_open(
        &self,
        task: Task,
        hint: Option<S::Hint>,
        in_any_case: bool,
    ) -> Result<(), Refused<S::Hint>> {
        let counted = Cell::new(0);
        // What is refused stays here, and is not dropped under a lock of the strategy's.
        let mut submission = Some((task, hint));
        let mut answer = None;
        let uncount = Uncount { crew: &self.crew, lost: &counted };
        self.scheduler.inject_if(
            #[inline(always)]
            |asking| {
                let entry = self.crew.ledger.admit(&asking, 1, in_any_case);
                answer = Some(entry);
                match entry {
                    Entry::In => {}
                    Entry::Closed => return Admit::Closed,
                    Entry::Full => return Admit::Full,
                }
                counted.set(1);
                match submission.take() {
                    Some((task, hint)) => Admit::Yes(task, hint),
                    None => unreachable!("a task is admitted once"),
                }
            },
        );
        std::mem::forget(uncount);
        if counted.get() > 0 {
            self.crew.notify(Published::by(self.scheduler.inject_is_ordered()));
        }
        match submission {
            None => Ok(()),
            Some((task, hint)) => self.not_injected(task, hint, answer, in_any_case),
        }
    }

    /// The task was refused, or the strategy broke its contract and did not ask: the task is not lost for it.
    #[cold]
    fn not_injected(
        &self,
        task: Task,
        hint: Option<S::Hint>,
        answer: Option<Entry>,
        in_any_case: bool,
    ) -> Result<(), Refused<S::Hint>> {
        let (entry, was_asked) = match answer {
            Some(entry) => (entry, true),
            None => (self.crew.ledger.admit(&Asking::unlocked(), 1, in_any_case), false),
        };
        if entry == Entry::In && !was_asked {
            self.inject_admitted(task, hint);
            return Ok(());
        }
        // Unless the strategy asked under a lock, our attempt was counted for an instant and may have hidden a quiet
        // moment.
        self.crew.settle_after_fence();
        Err(if entry == Entry::Closed { Refused::Closed(task) } else { Refused::Full(task, hint) })
    }

    /// Makes a task, which was counted, visible to the workers.
    pub(super) fn inject_admitted(&self, task: Task, hint: Option<S::Hint>) {
        let lost = Cell::new(1);
        let uncount = Uncount { crew: &self.crew, lost: &lost };
        self.scheduler.inject(task, hint);
        std::mem::forget(uncount);
        self.crew.notify(Published::Plainly);
    }

    /// Refuses outside submissions from now on, and ends the workers once the pool is quiet.
    pub(crate) fn close(&self) {
        self.crew.ledger.close();
        // Through whatever lock submissions are admitted under: see `Ledger::enter_under_lock`.
        // The pool ends even if the strategy panics.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.scheduler.inject_if(|_| Admit::Closed))) {
            self.crew.report_panic(payload);
        }
        self.crew.room_changed();
        self.crew.end_when_quiet();
    }

    /// Makes `tasks`, which were counted, visible to the workers, and wakes as many.
    pub(crate) fn inject_counted_batch(&self, tasks: Vec<Task>, hint: Option<S::Hint>) {
        let len = tasks.len();
        // If the strategy panics, the tasks that it did not ask for are dropped, and the one that it had in hand. It
        // keeps the rest.
        let (asked, lost) = (Cell::new(0), Cell::new(len));
        let uncount = Uncount { crew: &self.crew, lost: &lost };
        let tasks = tasks.into_iter().inspect(|_| {
            lost.set(len - asked.get());
            asked.set(asked.get() + 1);
        });
        self.scheduler.inject_batch(tasks, hint);
        std::mem::forget(uncount);
        self.crew.notify_many(len);
        // A strategy that broke its contract and left some in the iterator has dropped them.
        if asked.get() < len {
            self.crew.doubt(len - asked.get());
        }
    }

    /// Takes everything that waits out of the pool, for `shutdown_now`.
    pub(crate) fn withdraw_all(&self) {
        self.crew.withdraw(|sink| self.scheduler.take_all(sink));
        self.crew.settle_after_fence();
    }
}

impl<S: Scheduler<Task> + 'static> Inject for Shared<S> {
    fn is_empty(&self) -> bool {
        catch_unwind(AssertUnwindSafe(|| self.scheduler.is_empty())).unwrap_or(true)
    }

    fn inject_ticket(&self, ticket: Task) -> Result<(), ()> {
        let injected = catch_unwind(AssertUnwindSafe(|| self.scheduler.inject(ticket, None)));
        self.crew.notify(Published::Plainly);
        injected.map_err(|payload| self.crew.report_panic(payload))
    }
    fn futures(&self) -> &WaitingFutures {
        &self.crew.futures
    }

    fn report_panic(&self, payload: panic::Payload) {
        self.crew.report_panic(payload);
    }

    fn submit_from_outside(&self, task: Task, hint: &dyn Any) -> Result<(), Task> {
        if is_inherited(self.crew.id()) {
            return Err(task);
        }
        let hint = hint.downcast_ref::<Option<S::Hint>>().cloned().flatten();
        self.submit(task, hint, IfFull::Exceed).map_err(|(task, _)| task)
    }

    fn inject_counted(&self, task: Task) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.inject_admitted(task, None))) {
            self.crew.report_panic(payload);
        }
    }
}
