//! Scopes: tasks that may borrow, because the scope does not end before they have.

use crate::cell::{self, Holder, Kind};
use crate::context::{Context, Inject};
use crate::core::Core;
use crate::seat::Seat;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, thread};
use crate::task::Task;
use crate::wait::Spin;
use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;
use std::sync::Arc;

/// A place to spawn tasks that may borrow everything that outlives `'scope`. Made by [`Pool::scope`](crate::Pool::scope)
/// and [`scope`].
pub struct Scope<'scope> {
    /// The scope's own body, and each task that has not ended.
    pending: AtomicUsize,
    /// The first panic of a task.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    unstarted: Mutex<Unstarted>,
    home: Option<Home>,
    /// Invariant in `'scope`, and no promise about the threads of the closures.
    marker: PhantomData<fn(&'scope ()) -> &'scope ()>,
}

/// The worker on which the scope was opened. `None` for a scope outside any pool.
struct Home {
    /// Both live as long as the pool, which outlives the scope: the scope runs on one of its workers.
    core: NonNull<Core>,
    seat: NonNull<Seat>,
    /// Where tasks go that are spawned by threads of no pool.
    outside: Arc<dyn Inject>,
}

// SAFETY: `Core`, `Seat` and `dyn Inject` may be shared and sent between threads; the pointers are only read through.
unsafe impl Send for Home {}
// SAFETY: as above.
unsafe impl Sync for Home {}

/// The tasks among which the waiting owner finds those that nobody has started. Also holds some that have.
#[derive(Default)]
struct Unstarted {
    tasks: Vec<Holder<bool>>,
    /// Started ones are dropped when the list reaches this length.
    prune_at: usize,
    /// The owner waits, parked or about to, and wants to know of new tasks.
    owner_waits: bool,
}

impl Unstarted {
    const SHORTEST_PRUNE: usize = 64;

    fn push(&mut self, task: Holder<bool>) {
        if self.tasks.len() >= self.prune_at.max(Self::SHORTEST_PRUNE) {
            self.tasks.retain(Holder::is_waiting);
            self.prune_at = 2 * self.tasks.len();
        }
        self.tasks.push(task);
    }
}

/// A pointer to a scope for its tasks, each of which ends before the scope does.
struct ScopeRef<'scope>(NonNull<Scope<'scope>>);

// SAFETY: a `Scope` may be used from any thread, all of its fields being so; the pointer stays valid until the task that holds
// it has been counted out.
unsafe impl Send for ScopeRef<'_> {}

impl<'scope> Scope<'scope> {
    fn new(context: Option<&Context>) -> Self {
        Self {
            pending: AtomicUsize::new(1),
            panic: Mutex::new(None),
            unstarted: Mutex::new(Unstarted::default()),
            home: context.map(|context| Home {
                core: NonNull::from(context.core()),
                seat: NonNull::from(&**context.seat()),
                outside: context.queue().shared(),
            }),
            marker: PhantomData,
        }
    }

    /// Spawns a task that may borrow what outlives the scope. It runs on some worker of the pool before the scope ends, and
    /// can spawn further tasks into the scope through its argument.
    ///
    /// A panic in it does not stop the others; the scope passes the first one on when all have ended.
    ///
    /// Costs one allocation.
    pub fn spawn<F>(&self, f: F)
    where
        F: FnOnce(&Self) + Send + 'scope,
    {
        // Relaxed: the spawner is itself counted, so the count cannot reach zero meanwhile.
        self.pending.fetch_add(1, Ordering::Relaxed);
        let scope = ScopeRef(NonNull::from(self));
        let body = move || {
            let ScopeRef(scope) = { scope };
            // SAFETY: the scope waits for this task, see `count_out`.
            let scope = unsafe { scope.as_ref() };
            let panic = catch_unwind(AssertUnwindSafe(|| f(scope))).err();
            let panicked = panic.is_some();
            scope.count_out(panic);
            panicked
        };
        let pool = self.count();
        // SAFETY: `body` borrows for `'scope`. The scope does not end before `body` has run, and `body` runs exactly once:
        // whoever claims the cell runs it, and the owner claims whatever nobody else did.
        let (task, holder) = unsafe { cell::new(pool, Kind::Shared, body, |panicked| !matches!(panicked, Ok(false))) };
        let wake_owner = {
            let mut unstarted = self.unstarted.lock();
            unstarted.push(holder);
            std::mem::take(&mut unstarted.owner_waits)
        };
        // First, since the strategy may panic in `submit`.
        if wake_owner {
            self.wake_owner();
        }
        self.submit(task);
    }

    /// Counts a new task, before its holder or its item become visible: the owner may run it at once. Returns the pool's
    /// identity.
    fn count(&self) -> usize {
        let Some(home) = &self.home else { return 0 };
        // SAFETY: the pool outlives the scope.
        let core = unsafe { home.core.as_ref() };
        Context::with_of(core, |context| match context {
            Some(context) => context.seat().tally.submit(1),
            None => core.ledger.enter_anyway(),
        });
        core.id()
    }

    fn submit(&self, task: Task) {
        // Outside any pool nobody but the owner runs tasks, and it has the holder.
        let Some(home) = &self.home else { return };
        // SAFETY: the pool outlives the scope.
        let core = unsafe { home.core.as_ref() };
        Context::with_of(core, |context| match context {
            Some(context) => context.submit_scoped(task),
            None => home.outside.inject_scoped(task),
        });
    }

    fn wake_owner(&self) {
        if let Some(home) = &self.home {
            // SAFETY: seats live as long as the pool, which outlives the scope.
            unsafe { home.seat.as_ref() }.unpark();
        }
    }

    /// One task, or the body, has ended. The scope may be gone when this returns.
    fn count_out(&self, panic: Option<Box<dyn Any + Send>>) {
        if let Some(payload) = panic {
            let mut first = self.panic.lock();
            if first.is_none() {
                *first = Some(payload);
            } else {
                drop(first);
                // A later one: its payload's `Drop` may panic too, and nobody is left to tell.
                if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                    std::mem::forget(second);
                }
            }
        }
        let seat = self.home.as_ref().map(|home| home.seat);
        // AcqRel: what all tasks did happens before the owner sees zero, by the release sequence of the count.
        if self.pending.fetch_sub(1, Ordering::AcqRel) == 1 {
            if let Some(seat) = seat {
                // SAFETY: the seat lives as long as the pool, and this thread, a worker of the pool (see `cell::run_shared`), keeps
                // the pool alive.
                unsafe { seat.as_ref() }.unpark();
            }
        }
    }

    fn has_ended(&self) -> bool {
        // Acquire: pairs with `count_out`.
        self.pending.load(Ordering::Acquire) == 0
    }

    /// Waits for all tasks, and runs those that nobody has started: newest first, since their data is warm.
    fn wait(&self, context: Option<&Context>) {
        let mut spin = Spin::new();
        while !self.has_ended() {
            let newest = self.unstarted.lock().tasks.pop();
            match newest {
                Some(task) => {
                    match context {
                        Some(context) => {
                            context.run_now(|pool| task.run_if_waiting(pool));
                        }
                        None => {
                            task.run_if_waiting(0);
                        }
                    }
                    spin = Spin::new();
                }
                None if spin.once() => {}
                None => {
                    let mut unstarted = self.unstarted.lock();
                    unstarted.owner_waits = unstarted.tasks.is_empty();
                    let park = unstarted.owner_waits;
                    drop(unstarted);
                    if park && !self.has_ended() {
                        thread::park();
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("pending", &self.pending.load(Ordering::Relaxed)).finish_non_exhaustive()
    }
}

/// Opens a scope on this worker, or outside any pool if `context` is `None`.
pub(crate) fn scope_here<'scope, R>(context: Option<&Context>, f: impl FnOnce(&Scope<'scope>) -> R) -> R {
    let scope = Scope::new(context);
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    scope.count_out(None);
    scope.wait(context);
    let panic = scope.panic.lock().take();
    match (result, panic) {
        (Ok(value), None) => value,
        (Err(payload), _) | (Ok(_), Some(payload)) => resume_unwind(payload),
    }
}

/// Opens a scope: everything spawned in it has ended when this returns.
///
/// On a worker this is [`Pool::scope`](crate::Pool::scope) of its pool. Elsewhere the tasks run on this thread, at the end
/// of the scope.
///
/// # Panics
/// With the panic of `f`, or else with the first panic of a task, after all tasks have ended.
pub fn scope<'scope, R>(f: impl FnOnce(&Scope<'scope>) -> R) -> R {
    Context::with(|context| scope_here(context, f))
}
