//! [`Shared`]: the strategy and everything else of a pool; the ways in from outside, and the way out unrun.

use crate::context::Inject;
use crate::core::Core;
use crate::idle::Published;
use crate::ledger::Ledger;
use crate::scheduler::{Admission, Scheduler};
use crate::sync::atomic::{Ordering, fence};
use crate::task::Task;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What all threads of a pool share.
pub(crate) struct Shared<S> {
    /// First, so that what still lies in it is dropped while the core is there.
    pub(crate) scheduler: Arc<S>,
    pub(crate) core: Arc<Core>,
}

impl<S: Scheduler<Task>> Shared<S> {
    /// Submits a task from outside, or gives it back if the pool is closed.
    #[inline]
    pub(crate) fn inject_if_open(&self, task: Task, hint: S::Hint) -> Result<(), Task> {
        /// The strategy panicked and dropped the task: it must not be waited for.
        struct Uncount<'a>(&'a Core, &'a Cell<bool>);
        impl Drop for Uncount<'_> {
            #[cold]
            fn drop(&mut self) {
                if self.1.get() {
                    self.0.ledger.give_back(0, 1);
                }
                self.0.idle.notify(Published::Plainly);
                self.0.settle();
            }
        }
        let counted = Cell::new(false);
        let uncount = Uncount(&self.core, &counted);
        let injected = self.scheduler.inject_if(task, hint, Entry { ledger: &self.core.ledger, counted: &counted });
        std::mem::forget(uncount);
        if injected.is_ok() {
            self.core.idle.notify(Published::by(S::INJECT_IS_ORDERED));
        }
        injected
    }

    /// Refuses outside submissions from now on, and ends the workers once the pool is quiet.
    pub(crate) fn close(&self) {
        let core = &self.core;
        core.ledger.close();
        // See `Ledger::enter_alone`.
        self.scheduler.pass();
        core.end_when_quiet();
    }

    /// Makes `tasks`, which were counted, visible to the workers, and wakes as many.
    pub(crate) fn inject_counted_batch(&self, tasks: Vec<Task>) {
        /// The strategy panicked: what it did not ask for is dropped, and what it had in hand. The rest lies in it.
        struct Uncount<'a> {
            core: &'a Core,
            len: usize,
            asked: &'a Cell<usize>,
        }
        impl Drop for Uncount<'_> {
            #[cold]
            fn drop(&mut self) {
                let lost = self.len - self.asked.get().saturating_sub(1);
                self.core.ledger.give_back(0, lost as u64);
                self.core.idle.notify_many(self.len);
                self.core.settle();
            }
        }
        let (len, asked) = (tasks.len(), Cell::new(0));
        let uncount = Uncount { core: &self.core, len, asked: &asked };
        let tasks = tasks.into_iter().inspect(|_| asked.set(asked.get() + 1));
        self.scheduler.inject_batch(tasks, S::Hint::default());
        std::mem::forget(uncount);
        self.core.idle.notify_many(len);
    }

    /// Takes everything that waits out of the pool, for `shutdown_now`.
    pub(crate) fn withdraw_all(&self) {
        self.scheduler.take_all(|task| self.core.withdraw(task));
        // Pairs with the fence in `Core::attend`: either `settle` sees the wish, or whoever wishes sees what was
        // counted.
        fence(Ordering::SeqCst);
        self.core.settle();
    }
}

impl<S: Scheduler<Task> + 'static> Inject for Shared<S> {
    fn inject_ticket(&self, ticket: Task) -> Result<(), ()> {
        let injected = catch_unwind(AssertUnwindSafe(|| self.scheduler.inject(ticket, S::Hint::default())));
        self.core.idle.notify(Published::Plainly);
        injected.map_err(|payload| self.core.report_panic(payload))
    }
}

/// The way in for one task.
struct Entry<'a> {
    ledger: &'a Ledger,
    /// Whether the task was admitted.
    counted: &'a Cell<bool>,
}

impl Admission for Entry<'_> {
    #[inline]
    fn ask(self) -> bool {
        let open = self.ledger.enter(1);
        self.counted.set(open);
        open
    }

    #[inline]
    fn ask_alone(self) -> bool {
        let open = self.ledger.enter_alone();
        self.counted.set(open);
        open
    }
}
