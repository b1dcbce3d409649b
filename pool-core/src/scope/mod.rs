//! Scopes: tasks that may borrow, because the scope does not end before they have.
//!
//! The tasks lie in [`shard`]s, tickets for which go through the strategy. [`account`] tells how the tasks are counted.

mod account;
mod shard;

pub(crate) use account::Account;
pub(crate) use shard::{ShardStore, is_ticket};

use crate::context::{Context, Inject};
use crate::core::Core;
use crate::seat::Seat;
use crate::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use crate::sync::{Mutex, thread};
use crate::task::Outcome;
use crate::wait::Spin;
use shard::{Pushed, ScopedTask, Shard, ticket};
use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{self, NonNull};

/// A place to spawn tasks that may borrow everything that outlives `'scope`. Made by [`Pool::scope`](crate::Pool::scope)
/// and [`scope`].
#[repr(transparent)]
pub struct Scope<'scope> {
    state: State,
    /// Invariant in `'scope`.
    marker: PhantomData<fn(&'scope ()) -> &'scope ()>,
}

/// A scope without its lifetime.
pub(crate) struct State {
    /// See [`account`]. The scope's body is one unit.
    pending: AtomicUsize,
    /// Of the workers whose number has these last digits. Null until one of them spawns.
    shards: [AtomicPtr<Shard>; SHARDS],
    home: Option<Home>,
    /// The first panic of a task.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

const SHARDS: usize = if cfg!(loom) { 2 } else { 8 };

/// The worker on which the scope was opened. `None` for a scope outside any pool.
#[derive(Clone, Copy)]
struct Home {
    /// All live as long as the pool, which outlives the scope: the scope runs on one of its workers.
    core: NonNull<Core>,
    seat: NonNull<Seat>,
    /// Where tickets go for tasks that are spawned by threads of no pool.
    outside: NonNull<dyn Inject>,
}

// SAFETY: `Core`, `Seat` and `dyn Inject` may be shared and sent between threads; the pointers are only read through.
unsafe impl Send for Home {}
// SAFETY: as above.
unsafe impl Sync for Home {}

impl Home {
    fn unpark_owner(&self) {
        // SAFETY: seats live as long as the pool, which whoever calls this keeps alive.
        unsafe { self.seat.as_ref() }.unpark();
    }
}

impl<'scope> Scope<'scope> {
    /// Spawns a task that may borrow what outlives the scope. It runs on some worker of the pool before the scope ends, and
    /// can spawn further tasks into the scope through its argument.
    ///
    /// A panic in it does not stop the others; the scope passes the first one on when all have ended.
    ///
    /// A closure of up to two words costs no allocation.
    #[inline]
    pub fn spawn<F>(&self, f: F)
    where
        F: FnOnce(&Self) + Send + 'scope,
    {
        // SAFETY: what the closure borrows outlives `'scope`. The scope does not end before all of its tasks have run, and
        // each runs: on whoever draws its ticket first, or on the owner, which looks through the shards. A `State` that a
        // task is run with is its own `Scope`, whose only other field has no size.
        let task = unsafe { ScopedTask::new(|state: NonNull<State>| f(state.cast::<Self>().as_ref())) };
        self.state.spawn(task);
    }
}

impl State {
    fn new(context: Option<&Context>) -> Self {
        Self {
            pending: AtomicUsize::new(1),
            shards: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
            home: context.map(|context| Home {
                core: NonNull::from(context.core()),
                seat: NonNull::from(&**context.seat()),
                outside: context.queue().shared(),
            }),
            panic: Mutex::new(None),
        }
    }

    /// Inlined into the caller, so that the closure goes straight from the caller's registers to its place in the shard: see
    /// `payload.rs` on moves.
    #[inline(always)]
    fn spawn(&self, task: ScopedTask) {
        let shard = self.count_in();
        // SAFETY: shards live as long as the pool; those of a scope outside any pool, as long as the scope.
        let pushed = unsafe { shard.as_ref() }.push(task);
        if pushed.wants_ticket || pushed.wakes_owner {
            self.tell(shard, &pushed);
        }
    }

    /// Counts a task that the caller is about to spawn, before it becomes visible, since the owner may run it at once.
    /// Returns the shard that it goes to.
    fn count_in(&self) -> NonNull<Shard> {
        let Some(home) = &self.home else {
            self.add_pending(1);
            return self.shard_outside_any_pool();
        };
        // SAFETY: the pool outlives the scope.
        let core = unsafe { home.core.as_ref() };
        Context::with_of(core, |context| match context {
            Some(context) => {
                context.account().spend(self);
                context.seat().tally.submit(1);
                self.shard(context.seat().index(), home)
            }
            None => {
                self.add_pending(1);
                core.ledger.enter_anyway();
                self.shard(0, home)
            }
        })
    }

    /// Tells others of a task that was pushed into `shard`, as far as they must be told.
    #[cold]
    fn tell(&self, shard: NonNull<Shard>, pushed: &Pushed) {
        // Outside any pool only the owner runs tasks, and it does so at the end.
        let Some(home) = &self.home else { return };
        if pushed.wakes_owner {
            home.unpark_owner();
        }
        if pushed.wants_ticket {
            // SAFETY: the pool outlives the scope.
            Context::with_of(unsafe { home.core.as_ref() }, |context| match context {
                Some(context) => Self::submit_ticket(context, shard),
                None => {
                    // SAFETY: as above.
                    if unsafe { home.outside.as_ref() }.inject_ticket(ticket(shard)).is_err() {
                        // SAFETY: shards live as long as the pool.
                        unsafe { shard.as_ref() }.lose_ticket();
                    }
                }
            });
        }
    }

    /// Puts the ticket of a shard into the queue of this worker, and wakes somebody for it.
    fn submit_ticket(context: &Context, shard: NonNull<Shard>) {
        context.submit_part(ticket(shard)).unwrap_or_else(|()| {
            // SAFETY: shards live as long as the pool.
            unsafe { shard.as_ref() }.lose_ticket();
        });
    }

    /// The only shard of a scope outside any pool.
    #[cold]
    fn shard_outside_any_pool(&self) -> NonNull<Shard> {
        let place = &self.shards[0];
        // Acquire: pairs with the exchange below, on another thread.
        if let Some(shard) = NonNull::new(place.load(Ordering::Acquire)) {
            return shard;
        }
        let fresh = Box::new(Shard::new(0));
        fresh.open(self);
        // Freed by the owner at the end of the scope.
        let fresh = NonNull::from(Box::leak(fresh));
        // AcqRel: pairs with the other threads' Acquire, for the shard.
        match place.compare_exchange(ptr::null_mut(), fresh.as_ptr(), Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => fresh,
            Err(theirs) => {
                // SAFETY: ours, and nobody has seen it.
                drop(unsafe { Box::from_raw(fresh.as_ptr()) });
                NonNull::new(theirs).expect("a shard was there")
            }
        }
    }

    /// The shard of the worker with this number.
    #[inline]
    fn shard(&self, worker: usize, home: &Home) -> NonNull<Shard> {
        let place = &self.shards[worker % SHARDS];
        // Acquire: pairs with the Release in `borrow_shard`, for the shard's link to this scope.
        NonNull::new(place.load(Ordering::Acquire)).unwrap_or_else(|| self.borrow_shard(place, home))
    }

    #[cold]
    fn borrow_shard(&self, place: &AtomicPtr<Shard>, home: &Home) -> NonNull<Shard> {
        // SAFETY: the pool outlives the scope.
        let store = &unsafe { home.core.as_ref() }.shards;
        let shard = store.borrow();
        // SAFETY: shards live as long as the pool.
        unsafe { shard.as_ref() }.open(self);
        // AcqRel: pairs with the Acquire of whoever looks for the shard, for its link to this scope.
        match place.compare_exchange(ptr::null_mut(), shard.as_ptr(), Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                // The owner may have looked before the shard was there. It looks again.
                home.unpark_owner();
                shard
            }
            Err(theirs) => {
                store.give_back(shard);
                NonNull::new(theirs).expect("a shard was there")
            }
        }
    }

    /// Counts `n` units more. The caller holds one, so the count cannot be at zero.
    fn add_pending(&self, n: usize) {
        // Relaxed: nothing is read on the strength of it.
        self.pending.fetch_add(n, Ordering::Relaxed);
    }

    /// Gives up `n` units. The scope may be gone when this returns.
    ///
    /// # Safety
    /// The caller holds the units, which keep the scope alive until now.
    unsafe fn subtract_pending(this: NonNull<Self>, n: usize) {
        // SAFETY: alive, by this function's contract.
        let (pending, home) = unsafe { (&this.as_ref().pending, this.as_ref().home) };
        // AcqRel: what all tasks did happens before the owner sees zero, by the release sequence of the count.
        if pending.fetch_sub(n, Ordering::AcqRel) == n {
            // A worker of the scope's pool, or the owner itself, keeps the pool alive until here.
            if let Some(home) = home {
                home.unpark_owner();
            }
        }
    }

    fn has_ended(&self) -> bool {
        // Acquire: pairs with `subtract_pending`.
        self.pending.load(Ordering::Acquire) == 0
    }

    /// Runs one of this scope's tasks. A panic is kept for the end of the scope.
    #[inline]
    fn run(&self, task: ScopedTask) -> Outcome {
        // SAFETY: the task came from a shard of this scope.
        let run = || unsafe { task.run(NonNull::from(self)) };
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(()) => Outcome::Completed,
            Err(payload) => self.keep_panic(payload),
        }
    }

    #[cold]
    fn keep_panic(&self, payload: Box<dyn Any + Send>) -> Outcome {
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
        Outcome::Panicked
    }

    /// The shards that are there, that of this worker first.
    fn shards(&self, worker: usize) -> impl Iterator<Item = &Shard> {
        (0..SHARDS).filter_map(move |i| {
            // Acquire: as in `shard`.
            let shard = self.shards[(worker + i) % SHARDS].load(Ordering::Acquire);
            // SAFETY: shards live as long as the pool; those of a scope outside any pool, as long as the scope.
            unsafe { shard.as_ref() }
        })
    }

    /// The newest task that this worker, or one with the same shard, has spawned and nobody has started.
    #[inline]
    fn take_own(&self, context: &Context) -> Option<ScopedTask> {
        // Acquire: as in `shard`.
        let shard = self.shards[context.seat().index() % SHARDS].load(Ordering::Acquire);
        // SAFETY: shards live as long as the pool.
        unsafe { shard.as_ref() }?.take_newest()
    }

    /// Runs a task of this scope on a worker of its pool, and counts it in the worker's account with the scope.
    #[inline]
    fn run_counted(&self, context: &Context, task: ScopedTask) -> Outcome {
        context.account().turn_to(self);
        let outcome = self.run(task);
        context.account().earn(self);
        outcome
    }

    /// Runs a task that nobody had started, on the owner's thread.
    #[inline]
    fn run_as_owner(&self, context: Option<&Context>, task: ScopedTask) {
        match context {
            Some(context) => {
                context.run_now(|_| Some(self.run_counted(context, task)));
            }
            None => {
                let _ = self.run(task);
                // AcqRel: as in `subtract_pending`.
                self.pending.fetch_sub(1, Ordering::AcqRel);
            }
        }
    }

    /// Waits for all tasks, and runs those that nobody has started: the newest of this worker's first, since its data is
    /// warm.
    fn wait(&self, context: Option<&Context>) {
        // The body's own unit. AcqRel: as in `subtract_pending`.
        self.pending.fetch_sub(1, Ordering::AcqRel);
        let worker = context.map_or(0, |context| context.seat().index());
        let mut spin = Spin::new();
        loop {
            while let Some(task) = context.and_then(|context| self.take_own(context)) {
                self.run_as_owner(context, task);
                spin = Spin::new();
            }
            if let Some(task) = self.shards(worker).find_map(Shard::take_newest) {
                self.run_as_owner(context, task);
                spin = Spin::new();
                continue;
            }
            if let Some(context) = context {
                context.account().settle();
            }
            if self.has_ended() {
                return;
            }
            if spin.once() {
                continue;
            }
            match self.shards(worker).find_map(Shard::take_newest_or_wait) {
                Some(task) => self.run_as_owner(context, task),
                None if self.has_ended() => return,
                // Whoever counts the last task out, adds a task or adds a shard unparks us.
                None => thread::park(),
            }
        }
    }

    /// Gives the shards back. All tasks have ended.
    fn close(&self) {
        for place in &self.shards {
            // Relaxed: nobody else uses the scope any more.
            let Some(shard) = NonNull::new(place.load(Ordering::Relaxed)) else { continue };
            match &self.home {
                // SAFETY: the pool outlives the scope.
                Some(home) => unsafe { home.core.as_ref() }.shards.give_back(shard),
                // SAFETY: made by `shard_outside_any_pool`, and nobody uses it any more.
                None => drop(unsafe { Box::from_raw(shard.as_ptr()) }),
            }
        }
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

/// Opens a scope on this worker, or outside any pool if `context` is `None`.
pub(crate) fn scope_here<'scope, R>(context: Option<&Context>, f: impl FnOnce(&Scope<'scope>) -> R) -> R {
    let scope = Scope { state: State::new(context), marker: PhantomData };
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    scope.state.wait(context);
    scope.state.close();
    let panic = scope.state.panic.lock().take();
    match (result, panic) {
        (Ok(value), None) => value,
        (Err(payload), None) => resume_unwind(payload),
        (Ok(value), Some(payload)) => {
            drop(value);
            resume_unwind(payload)
        }
        (Err(payload), Some(other)) => {
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(other))) {
                std::mem::forget(second);
            }
            resume_unwind(payload)
        }
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
