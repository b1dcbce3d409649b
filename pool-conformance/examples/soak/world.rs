//! [`World`]: a pool with its books, as its outside threads and its tasks reach it; and the ways to submit.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, Weak};
use std::task::Waker;
use std::time::Duration;

use pool_core::{JoinError, JoinHandle, Place, Pool, Remote, Scheduler, Task, TaskBuilder, WhenFull};

use crate::books::{Books, Doing, Fates, Ticket, doing, fate_of, quietly, throw};
use crate::rng::Rng;
use crate::steps;

/// A strategy that can be soaked.
pub(crate) trait Soaked: Scheduler<Task, Hint: Clone + Send + 'static> + 'static {
    /// Any hint.
    fn hint(rng: &mut Rng) -> Self::Hint;
}

/// How often each thing was done, in all rounds.
static COUNTS: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());
/// Steps that were made, for the hang guard.
pub(crate) static STEPS: AtomicU64 = AtomicU64::new(0);

pub(crate) fn count(what: &'static str, n: u64) {
    *COUNTS.lock().unwrap().entry(what).or_default() += n;
    STEPS.fetch_add(1, SeqCst);
}

pub(crate) fn counts() -> BTreeMap<&'static str, u64> {
    COUNTS.lock().unwrap().clone()
}

/// A handle that another thread is to use.
pub(crate) struct Kept {
    pub(crate) handle: JoinHandle<u32>,
    pub(crate) number: u32,
    pub(crate) may_panic: bool,
}

/// A pool and its books. Does not own the pool.
pub(crate) struct World<S: Soaked> {
    pub(crate) books: Arc<Books>,
    pool: Weak<Pool<S>>,
    pub(crate) remote: Remote<S>,
    pub(crate) stash: Mutex<Vec<Kept>>,
    /// Wakers that are woken by a thread of the soak, soon.
    pub(crate) nudges: Mutex<Sender<Waker>>,
    /// Wakers that are held until the next quiet moment.
    pub(crate) held: Mutex<Vec<Waker>>,
}

/// What a closure is to do.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    work: Work,
    is_armed: bool,
}

#[derive(Clone, Copy)]
enum Work {
    Nothing,
    Spin(u64),
    Sleep(u64),
    Throw,
    /// Further steps, from this seed.
    Steps(u64),
}

impl Plan {
    /// Any. Tasks that submit tasks go down to `depth` 0.
    pub(crate) fn any(rng: &mut Rng, depth: u32) -> Self {
        let work = match rng.below(24) {
            0 => Work::Throw,
            1..=3 if depth > 0 => Work::Steps(rng.next()),
            4..=8 => Work::Spin(rng.below(2_000)),
            9 => Work::Sleep(rng.below(60)),
            _ => Work::Nothing,
        };
        Self { work, is_armed: rng.once_in(30) && !matches!(work, Work::Throw) }
    }

    pub(crate) fn may_panic(&self) -> bool {
        self.is_armed || matches!(self.work, Work::Throw)
    }

    /// The closure. It returns the number of its ticket.
    pub(crate) fn closure<S: Soaked>(
        self,
        world: &Arc<World<S>>,
        depth: u32,
    ) -> (u32, impl FnOnce() -> u32 + Send + 'static + use<S>) {
        let ticket = Ticket::new(&world.books);
        (ticket.number, self.closure_with(ticket, world, depth))
    }

    pub(crate) fn closure_with<S: Soaked>(
        self,
        mut ticket: Ticket,
        world: &Arc<World<S>>,
        depth: u32,
    ) -> impl FnOnce() -> u32 + Send + 'static + use<S> {
        ticket.is_armed = self.is_armed;
        let world = Arc::clone(world);
        move || {
            let number = ticket.number;
            ticket.run(|| {
                self.work.perform(&world, depth);
                number
            })
        }
    }
}

impl Work {
    fn perform<S: Soaked>(self, world: &Arc<World<S>>, depth: u32) {
        match self {
            Self::Nothing => {}
            Self::Spin(n) => (0..n).for_each(|_| std::hint::spin_loop()),
            Self::Sleep(n) => std::thread::sleep(Duration::from_micros(n)),
            Self::Throw => throw(),
            Self::Steps(seed) => {
                let mut rng = Rng::new(seed);
                for _ in 0..rng.between(1, 3) {
                    steps::step(world, &mut rng, depth.saturating_sub(1));
                }
            }
        }
    }
}

/// Evaluates an expression with a `TaskBuilder` of a place that this thread can use.
#[macro_export]
macro_rules! at_some_place {
    ($world:expr, $rng:expr, |$task:ident, $patience:ident| $then:expr) => {{
        let hint = $rng.once_in(2).then(|| S::hint($rng));
        let $patience = $rng.once_in(6).then(|| Duration::from_micros($rng.below(300)));
        macro_rules! with {
            ($builder:expr) => {{
                let $task = $builder;
                let $task = match $patience {
                    Some(limit) => $task.wait_for_room(limit),
                    None => $task,
                };
                $then
            }};
        }
        macro_rules! hinted {
            ($builder:expr) => {
                with!(match hint {
                    Some(hint) => $builder.hint(hint),
                    None => $builder,
                })
            };
        }
        match ($rng.below(4), $world.pool()) {
            (0, Some(pool)) => hinted!(pool.task()),
            (1, Some(pool)) => {
                let any: &dyn pool_core::Execute = &*pool;
                with!(any.task())
            }
            (2, _) if $world.books.is_own_worker() => hinted!(pool_core::task::<S::Hint>()),
            _ => hinted!($world.remote.task()),
        }
    }};
}

impl<S: Soaked> World<S> {
    pub(crate) fn new(pool: &Arc<Pool<S>>, books: Books, nudges: Sender<Waker>) -> Self {
        Self {
            books: Arc::new(books),
            pool: Arc::downgrade(pool),
            remote: pool.remote(),
            stash: Mutex::new(Vec::new()),
            nudges: Mutex::new(nudges),
            held: Mutex::new(Vec::new()),
        }
    }

    /// The pool, if it is still there. The caller may become its last owner.
    pub(crate) fn pool(&self) -> Option<Arc<Pool<S>>> {
        self.pool.upgrade()
    }

    /// What this thread does when it submits these tickets.
    pub(crate) fn submits(&self, tickets: Range<u32>, patience: Option<Duration>, is_try: bool) -> Doing {
        let may_be_full = match self.books.policy {
            None => false,
            Some(WhenFull::Block | WhenFull::CallerRuns) => is_try || patience.is_some(),
            Some(_) => true,
        };
        Doing::Submit { first: tickets.start, end: tickets.end, may_be_full }
    }

    /// Submits a closure without a handle, in one of the ways.
    pub(crate) fn execute(self: &Arc<Self>, rng: &mut Rng, depth: u32) {
        let (number, f) = Plan::any(rng, depth).closure(self, depth);
        let f = move || {
            f();
        };
        let is_try = rng.once_in(2);
        at_some_place!(self, rng, |task, patience| {
            doing(self.submits(number..number + 1, patience, is_try), || {
                if is_try {
                    count("try_execute", 1);
                    if let Err(refused) = task.try_execute(f) {
                        let fate = fate_of(refused.reason());
                        self.came_back(fate, refused.into_inner(), rng);
                    }
                } else {
                    count("execute", 1);
                    quietly(|| task.execute(f));
                }
            });
        });
    }

    /// Submits a closure with a handle, in one of the ways.
    pub(crate) fn spawn(self: &Arc<Self>, rng: &mut Rng, depth: u32) -> Option<Kept> {
        let plan = Plan::any(rng, depth);
        let (number, f) = plan.closure(self, depth);
        let is_try = rng.once_in(2);
        at_some_place!(self, rng, |task, patience| {
            self.spawn_at(task, patience, is_try, number, f, rng).map(|handle| Kept {
                handle,
                number,
                may_panic: plan.may_panic(),
            })
        })
    }

    pub(crate) fn spawn_at<P: Place, R: Send + 'static>(
        &self,
        task: TaskBuilder<P>,
        patience: Option<Duration>,
        is_try: bool,
        number: u32,
        f: impl FnOnce() -> R + Send + 'static,
        rng: &mut Rng,
    ) -> Option<JoinHandle<R>> {
        doing(self.submits(number..number + 1, patience, is_try), || {
            if is_try {
                count("try_spawn", 1);
                match task.try_spawn(f) {
                    Ok(handle) => Some(handle),
                    Err(refused) => {
                        let fate = fate_of(refused.reason());
                        self.came_back(fate, refused.into_inner(), rng);
                        None
                    }
                }
            } else {
                count("spawn", 1);
                quietly(|| task.spawn(f))
            }
        })
    }

    /// Runs or drops what was refused.
    pub(crate) fn came_back<R>(&self, fate: Fates, f: impl FnOnce() -> R, rng: &mut Rng) {
        if self.books.is_own_worker() {
            self.books.fault("a worker of the pool was refused".into());
        }
        let runs = rng.once_in(2);
        doing(Doing::Back(fate), || quietly(|| if runs { drop(f()) } else { drop(f) }));
    }

    /// Checks what a handle says of a task.
    pub(crate) fn check(&self, number: u32, may_panic: bool, was_cancelled: bool, result: Result<u32, JoinError>) {
        let books = &self.books;
        let is_right = match &result {
            Ok(value) => *value == number,
            Err(error) if error.is_panic() => may_panic,
            Err(error) if error.is_returned() => books.is_now.load(SeqCst),
            Err(error) => error.is_cancelled() && (was_cancelled || books.discards() || books.is_now.load(SeqCst)),
        };
        if !is_right {
            books.fault(format!("the handle of ticket {number} says {result:?}"));
        }
        quietly(|| drop(result));
    }
}
