//! [`WorkerThread`]: one worker on its thread. It runs tasks, and does what the [idle policy](crate::idle) says when
//! there is none.

use super::context::{Context, Queue};
use super::inject::Inject;
use super::own;
use super::seat::Seat;
use super::shared::Shared;
use crate::idle::{Order, Policy, Published, Seen, Step, Ticks};
use crate::strategy::{Scheduler, Worker};
use crate::sync::{pause, thread};
use crate::task::payload::Payload;
use crate::task::{Outcome, Task, TaskKind, TaskVtable};
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Instant;

/// One worker of a pool, on its thread.
pub(crate) struct WorkerThread<S: Scheduler<Task>> {
    shared: Arc<Shared<S>>,
    seat: Arc<Seat>,
    /// Borrowed for the length of one call. A strategy that calls back into its own pool (a user's `Ord` could) finds it
    /// borrowed.
    worker: RefCell<S::Worker>,
    /// Here, so that a panic in the strategy cannot lose the token that this worker holds of the idle protocol.
    policy: RefCell<Policy<Arc<Seat>>>,
    /// Whether a thread may wait for the room that each task leaves when it starts.
    is_bounded: bool,
    /// When the thread started: the policy's time counts from here, in nanoseconds.
    started: Instant,
}

impl<S: Scheduler<Task> + 'static> WorkerThread<S> {
    /// The whole life of a worker's thread, the pool's `number`-th. Never unwinds.
    pub(crate) fn main(shared: Arc<Shared<S>>, seat: Arc<Seat>, number: u64, worker: S::Worker) {
        seat.parker.occupy(thread::current());
        let crew = Arc::clone(&shared.crew);
        own::enter(crew.id());
        let guarded = |f: &mut dyn FnMut()| {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
                crew.report_panic(payload);
            }
        };
        if let Some(on_start) = &crew.hooks.on_start {
            guarded(&mut || on_start(seat.index()));
        }
        own::start(crew.id());
        let this = Self {
            shared,
            seat: Arc::clone(&seat),
            worker: RefCell::new(worker),
            policy: RefCell::new(Policy::new(Arc::clone(&seat))),
            is_bounded: crew.ledger.room().is_some(),
            started: Instant::now(),
        };
        // SAFETY: `this` outlives the call.
        unsafe {
            Context::enter(Arc::clone(&crew), Arc::clone(&seat), number, NonNull::from(&this), |context| {
                this.work(context);
            });
        }
        let mut worker = Some(this.worker.into_inner());
        guarded(&mut || worker.take().into_iter().for_each(Worker::retire));
        // What the worker held is back in the scheduler now.
        crew.notify(Published::Plainly);
        if let Some(on_stop) = &crew.hooks.on_stop {
            guarded(&mut || on_stop(seat.index()));
        }
        drop(this.shared);
        // This worker may have been the last that could notice that the pool is quiet. The fence is in `notify`.
        crew.settle();
        seat.vacate();
        crew.count_out();
    }

    /// The worker behind a context.
    ///
    /// # Safety
    /// The context belongs to a pool of the strategy `S`.
    #[inline(always)]
    pub(crate) unsafe fn of(context: &Context) -> &Self {
        // SAFETY: `main` made the context, for this `S` by this function's contract, with a pointer to the `WorkerThread<S>`
        // itself, which outlives the context.
        unsafe { &*std::ptr::from_ref(context.queue()).cast::<Self>() }
    }

    /// Works until the worker is to leave. A panic out of the strategy is reported, and the work goes on.
    fn work(&self, context: &Context) {
        let mut seen = Seen::Done;
        while let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.drive(context, seen))) {
            self.shared.crew.report_panic(payload);
            // It may have dropped an item that it was about to hand out.
            self.shared.crew.doubt(1);
            seen = Seen::Panic;
        }
    }

    /// Does step after step, until the worker is to leave.
    fn drive(&self, context: &Context, mut seen: Seen) {
        let mut in_hand = None;
        if seen == Seen::Panic {
            context.account().settle();
        } else {
            self.run_dry(context);
        }
        loop {
            seen = match self.step(seen) {
                Step::Run => {
                    if let Some(task) = in_hand.take() {
                        self.run(context, task);
                    }
                    self.run_dry(context);
                    Seen::Nothing
                }
                Step::Look => hold(self.look_apart(), &mut in_hand),
                Step::Pause(rounds) => {
                    pause(rounds);
                    Seen::Done
                }
                Step::LookEverywhere => {
                    let seen = hold(self.worker.borrow_mut().next(), &mut in_hand);
                    if seen == Seen::Nothing {
                        // This worker may have ended the last task. The fence is S2 of the policy.
                        self.shared.crew.settle();
                    }
                    seen
                }
                Step::Withdraw => {
                    self.shared.withdraw_all();
                    Seen::Nothing
                }
                Step::Park => {
                    thread::park();
                    Seen::Done
                }
                Step::AskForMore => Seen::More(self.is_more()),
                Step::Wake(seat) => {
                    seat.parker.unpark();
                    Seen::Done
                }
                Step::Leave => {
                    if self.shared.crew.has_ended() {
                        self.run_what_is_left(context);
                    }
                    return;
                }
            };
        }
    }

    /// The pool has ended, and yet something may wait: a task in this worker's hand was mistaken for a lost one (see
    /// `Ledger::is_quiet`), and has submitted others since.
    fn run_what_is_left(&self, context: &Context) {
        while !self.shared.is_empty() {
            let next = self.worker.borrow_mut().next();
            let Some(task) = next else { break };
            self.run(context, task);
            context.account().settle();
        }
    }

    /// The policy's next step, after what was seen.
    fn step(&self, seen: Seen) -> Step<Arc<Seat>> {
        let crew = &self.shared.crew;
        let order = if crew.has_ended() { Order::Leave } else { self.order() };
        // Loom explores by repeating, and so must not see a clock.
        let now = || Ticks(if cfg!(loom) { 0 } else { self.started.elapsed().as_nanos() as u64 });
        self.policy.borrow_mut().step(&crew.idle, seen, order, now)
    }

    /// The order that is in force.
    #[inline(always)]
    fn order(&self) -> Order {
        self.seat.order().unwrap_or_else(|| self.shared.crew.answer(&self.seat))
    }

    /// Runs tasks as long as there is one at hand. Then returns the credit that this worker holds with a scope.
    fn run_dry(&self, context: &Context) {
        while self.order() == Order::Work {
            // On its way from the strategy to `run`, the task has one place to come from: see `task/payload.rs` on
            // moves.
            match self.look() {
                Some(task) => self.run_here(context, task),
                None => break,
            }
        }
        context.account().settle();
    }

    /// Apart from `run_dry`, which has the loop that counts.
    #[inline(never)]
    fn run(&self, context: &Context, task: Task) {
        self.run_here(context, task);
    }

    #[inline(always)]
    fn run_here(&self, context: &Context, task: Task) {
        let kind = task.kind();
        if kind != TaskKind::ScopeTicket {
            context.account().settle();
        }
        context.forks().begin(kind == TaskKind::ForkTicket);
        self.seat.tally.start();
        let crew = &self.shared.crew;
        if self.is_bounded {
            crew.room_freed();
        }
        let outcome = task.run_guarded(crew.id(), |payload| crew.report_panic(payload));
        self.seat.tally.end(outcome);
        if self.is_bounded && matches!(outcome, Outcome::Cancelled | Outcome::Expired) {
            // It is counted in another place now, and a thread that looked in between has seen it in neither.
            crew.room_freed();
        }
    }

    /// Apart from `run_dry`, as `run`.
    #[inline(never)]
    fn look_apart(&self) -> Option<Task> {
        self.look()
    }

    /// A cheap look that may miss something.
    #[inline(always)]
    fn look(&self) -> Option<Task> {
        self.worker.borrow_mut().try_next()
    }

    /// Whether items wait. If the strategy panics there may be some: other workers rely on the answer.
    fn is_more(&self) -> bool {
        match catch_unwind(AssertUnwindSafe(|| self.shared.scheduler.is_empty())) {
            Ok(is_empty) => !is_empty,
            Err(payload) => {
                self.shared.crew.report_panic(payload);
                true
            }
        }
    }

    /// Accepts a task of this worker's own thread.
    // Always inlined, as are the pushes of the strategies where it shows: see `task/payload.rs` on moves.
    #[inline(always)]
    pub(crate) fn push(&self, task: Task, hint: Option<S::Hint>) -> Published {
        match self.worker.try_borrow_mut() {
            Ok(mut worker) => {
                worker.push(task, hint);
                Published::by(worker.push_is_ordered())
            }
            Err(_) => {
                self.shared.scheduler.inject(task, hint);
                Published::by(self.shared.scheduler.inject_is_ordered())
            }
        }
    }
}

/// Takes a found task in hand, and says what was seen.
fn hold(found: Option<Task>, in_hand: &mut Option<Task>) -> Seen {
    let seen = match &found {
        Some(task) => Seen::Item { is_part: task.kind() == TaskKind::ForkTicket },
        None => Seen::Nothing,
    };
    *in_hand = found;
    seen
}

impl<S: Scheduler<Task> + 'static> Queue for WorkerThread<S> {
    unsafe fn push(&self, vtable: &'static TaskVtable, payload: Payload) -> Published {
        // SAFETY: the task that they are the parts of is given away with this call, by its contract.
        let task = unsafe { Task::from_raw(vtable, payload) };
        self.push(task, None)
    }

    fn has_hints(&self) -> bool {
        size_of::<S::Hint>() > 0
    }

    fn takes(&self, hint: &dyn Any) -> bool {
        hint.is::<Option<S::Hint>>()
    }

    fn push_hinted(&self, task: Task, hint: &dyn Any) -> Published {
        self.push(task, hint.downcast_ref::<Option<S::Hint>>().cloned().flatten())
    }

    fn shared(&self) -> NonNull<dyn Inject> {
        NonNull::from(&*self.shared as &dyn Inject)
    }
}
