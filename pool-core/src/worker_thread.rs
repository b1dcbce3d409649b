//! [`WorkerThread`]: the loop of one worker. Take a task, run it, and when there is none, search, sleep, look again.

use crate::context::{Context, Inject, Queue};
use crate::fork;
use crate::idle::{Published, Rest, Searching, Sleeping};
use crate::patience::Patience;
use crate::payload::Payload;
use crate::scheduler::{Scheduler, Worker};
use crate::scope::is_ticket;
use crate::seat::{Order, Seat};
use crate::shared::Shared;
use crate::sync::thread;
use crate::task::{Task, TaskVtable};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;

/// One worker of a pool, on its thread.
pub(crate) struct WorkerThread<S: Scheduler<Task>> {
    shared: Arc<Shared<S>>,
    seat: Arc<Seat>,
    /// Borrowed for the length of one call. A strategy that calls back into its own pool (a user's `Ord` could) finds it
    /// borrowed.
    worker: RefCell<S::Worker>,
    /// What this worker holds of the idle policy, kept here so that a panic in the strategy cannot lose it.
    evidence: Cell<Evidence>,
    patience: Patience,
}

#[derive(Default)]
enum Evidence {
    #[default]
    Working,
    Searching(Searching),
    Sleeping(Sleeping),
}

impl<S: Scheduler<Task> + 'static> WorkerThread<S> {
    /// The whole life of a worker's thread. Never unwinds.
    pub(crate) fn main(shared: Arc<Shared<S>>, seat: Arc<Seat>, worker: S::Worker) {
        seat.occupy(thread::current());
        let core = Arc::clone(&shared.core);
        let guarded = |f: &mut dyn FnMut()| {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
                core.report_panic(payload);
            }
        };
        if let Some(on_start) = &core.hooks.on_start {
            guarded(&mut || on_start(seat.index()));
        }
        let this = Self {
            shared,
            seat: Arc::clone(&seat),
            worker: RefCell::new(worker),
            evidence: Cell::default(),
            patience: Patience::default(),
        };
        // SAFETY: `this` outlives the call.
        unsafe {
            Context::enter(Arc::clone(&core), Arc::clone(&seat), NonNull::from(&this), |context| this.work(context))
        };
        let mut worker = Some(this.worker.into_inner());
        guarded(&mut || worker.take().into_iter().for_each(Worker::retire));
        // What it held lies with the others now.
        core.idle.notify(Published::Plainly);
        if let Some(on_stop) = &core.hooks.on_stop {
            guarded(&mut || on_stop(seat.index()));
        }
        drop(this.shared);
        // It may have been the last that could notice that the pool is quiet. The fence is in `notify`.
        core.settle();
        seat.vacate();
        core.count_out();
    }

    /// Works until the worker is to leave. A panic out of the strategy is reported, and the work goes on.
    fn work(&self, context: &Context) {
        while let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.work_until_end(context))) {
            self.calm_down();
            self.shared.core.report_panic(payload);
        }
    }

    fn work_until_end(&self, context: &Context) {
        loop {
            let order = self.seat.order();
            // The task goes from the strategy to `run` without a second place to come from: see `payload.rs` on moves.
            if order == Order::Work {
                if let Some(task) = self.look() {
                    self.run(context, task);
                    continue;
                }
            }
            let task = if order == Order::Retire { None } else { self.idle_until_task(context) };
            match task {
                Some(task) => self.run(context, task),
                None if self.shared.core.has_ended() || self.seat.order() == Order::Retire => {
                    context.account().settle();
                    return;
                }
                None => {}
            }
        }
    }

    #[inline]
    fn run(&self, context: &Context, task: Task) {
        if !is_ticket(&task) {
            context.account().settle();
        }
        context.forks().begin(fork::is_ticket(&task));
        self.seat.tally.start();
        let core = &self.shared.core;
        let outcome = task.run_guarded(core.id(), |payload| core.report_panic(payload));
        self.seat.tally.end(outcome);
    }

    /// A cheap look that may miss something.
    #[inline]
    fn look(&self) -> Option<Task> {
        self.worker.borrow_mut().try_next()
    }

    /// Searches, then sleeps. `None` if the worker was given an order or the pool has ended.
    #[cold]
    #[inline(never)]
    fn idle_until_task(&self, context: &Context) -> Option<Task> {
        context.account().settle();
        let idle = &self.shared.core.idle;
        let order = self.seat.order();
        if order == Order::Retire {
            // Given since the caller looked.
            return None;
        }
        self.patience.look_back(&self.seat.tally);
        let may_work = order == Order::Work;
        let mut token = if may_work { idle.search() } else { None };
        loop {
            if let Some(token) = token.take() {
                self.evidence.set(Evidence::Searching(token));
            }
            let weary = may_work && self.patience.is_weary(idle);
            if let Some(task) = if weary { None } else { self.search() } {
                self.calm_down();
                return Some(task);
            }
            // One who naps is enough, whoever it is.
            let rest = if weary && !idle.somebody_naps() { Rest::Nap } else { Rest::Sleep };
            self.fall_asleep(rest);
            // The last look, which must not miss anything: see the proof in `idle/README.md`.
            if may_work {
                let task = self.look_everywhere(weary);
                if task.is_some() {
                    self.calm_down();
                    return task;
                }
                self.shared.core.settle();
            } else {
                self.shared.withdraw_all();
            }
            let end = Patience::end_of(rest);
            loop {
                if self.shared.core.has_ended() || self.seat.order() != order {
                    self.calm_down();
                    return None;
                }
                if self.seat.is_picked() || !end.park() {
                    break;
                }
            }
            token = self.wake_up();
            match &token {
                Some(_) if weary => self.patience.is_needed(),
                Some(_) => {}
                None => {
                    self.patience.has_napped();
                    token = idle.search();
                }
            }
        }
    }

    /// Looks for a bounded time, if this worker holds a searching token.
    fn search(&self) -> Option<Task> {
        let evidence = self.evidence.take();
        let searching = matches!(evidence, Evidence::Searching(_));
        self.evidence.set(evidence);
        if !searching || self.seat.order() != Order::Work {
            return None;
        }
        let found = self.patience.search(&self.shared.core.idle, &self.seat.tally, || self.look());
        if found.as_ref().is_some_and(fork::is_ticket) {
            self.patience.disregard();
        }
        found
    }

    /// The last look before a sleep. A weary worker leaves alone what others take at once.
    fn look_everywhere(&self, weary: bool) -> Option<Task> {
        let next = || self.worker.borrow_mut().next();
        if weary { self.patience.look_wearily(|| self.shared.scheduler.is_empty(), next) } else { next() }
    }

    fn fall_asleep(&self, rest: Rest) {
        let token = match self.evidence.take() {
            Evidence::Searching(token) => Some(token),
            Evidence::Working | Evidence::Sleeping(_) => None,
        };
        self.evidence.set(Evidence::Sleeping(self.shared.core.idle.sleep(&self.seat, rest, token)));
    }

    /// With a token if this worker was picked, without one if its nap is over.
    fn wake_up(&self) -> Option<Searching> {
        match self.evidence.take() {
            Evidence::Sleeping(token) => self.shared.core.idle.leave(&self.seat, token),
            Evidence::Searching(token) => Some(token),
            Evidence::Working => None,
        }
    }

    /// Gives up whatever this worker holds of the idle policy, and sees to it that nobody relied on it in vain.
    fn calm_down(&self) {
        let idle = &self.shared.core.idle;
        // Whoever relied on us must be served even if the strategy panics: there may be more.
        let is_more = || match catch_unwind(AssertUnwindSafe(|| self.shared.scheduler.is_empty())) {
            Ok(empty) => !empty,
            Err(payload) => {
                self.shared.core.report_panic(payload);
                true
            }
        };
        match self.evidence.take() {
            Evidence::Working => {}
            Evidence::Searching(token) => idle.found(token, is_more),
            Evidence::Sleeping(token) => match idle.leave(&self.seat, token) {
                Some(token) => idle.found(token, is_more),
                None => idle.found_late(is_more),
            },
        }
    }

    /// Accepts a task of this worker's own thread, with a hint.
    // Always inlined, as are the pushes of the strategies where it shows: see `payload.rs` on moves.
    #[inline(always)]
    pub(crate) fn push_with(&self, task: Task, hint: S::Hint) -> Published {
        match self.worker.try_borrow_mut() {
            Ok(mut worker) => {
                worker.push(task, hint);
                Published::by(S::Worker::PUSH_IS_ORDERED)
            }
            Err(_) => {
                self.shared.scheduler.inject(task, hint);
                Published::by(S::INJECT_IS_ORDERED)
            }
        }
    }
}

impl<S: Scheduler<Task> + 'static> Queue for WorkerThread<S> {
    unsafe fn push(&self, vtable: &'static TaskVtable, payload: Payload) -> Published {
        // SAFETY: the task that they are the parts of is given away with this call, by its contract.
        let task = unsafe { Task::from_raw(vtable, payload) };
        self.push_with(task, S::Hint::default())
    }

    fn push_part(&self, task: Task) {
        match self.worker.try_borrow_mut() {
            Ok(mut worker) => worker.push_part(task),
            Err(_) => self.shared.scheduler.inject(task, S::Hint::default()),
        }
    }

    fn shared(&self) -> NonNull<dyn Inject> {
        NonNull::from(&*self.shared as &dyn Inject)
    }
}
