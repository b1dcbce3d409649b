//! [`State`]: a scope without its lifetime: its count, its shards, its first panic, and how its owner waits.

#[cfg(doc)]
use crate::offers::credit;

use super::ticket::ticket;
use crate::error::panic::{self, drop_quietly};
use crate::offers::pending::Pending;
use crate::offers::shard::{Lending, Maker, Pushed, ScopedTask, Shard};
use crate::sync::atomic::{AtomicPtr, Ordering};
use crate::sync::{Mutex, Parker, Spin, thread};
use crate::task::Outcome;
use crate::worker::{Context, Crew, Inject};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};

/// A scope without its lifetime.
// The count comes first: the tasks of a scope, and the credit with it, know the scope by a pointer to its count.
#[repr(C)]
pub(super) struct State {
    /// See [`credit`].
    pending: Pending,
    /// Of the workers whose number has these last digits, and the last of other threads. Null until one of them spawns.
    shards: [AtomicPtr<Shard>; SHARDS + 1],
    home: Option<Home>,
    /// The first panic of a task.
    panic: Mutex<Option<panic::Payload>>,
}

/// Shards for workers.
const SHARDS: usize = if cfg!(loom) { 2 } else { 8 };
/// The place of the shard for other threads. Its ticket has no task's urgency, so no worker may come to rely on it.
const OUTSIDE: usize = SHARDS;

/// The worker on which the scope was opened. `None` for a scope outside any pool.
#[derive(Clone, Copy)]
struct Home {
    /// All live as long as the pool, which outlives the scope: the scope runs on one of its workers.
    crew: NonNull<Crew>,
    owner: NonNull<Parker>,
    /// Where tickets go for tasks that are spawned by threads outside the pool.
    outside: NonNull<dyn Inject>,
}

// SAFETY: `Crew`, `Parker` and `dyn Inject` may be shared and sent between threads; the pointers are only read through.
unsafe impl Send for Home {}
// SAFETY: as above.
unsafe impl Sync for Home {}

impl Home {
    fn unpark_owner(&self) {
        // SAFETY: parkers live as long as the pool, which the caller keeps alive.
        unsafe { self.owner.as_ref() }.unpark();
    }
}

impl State {
    pub(super) fn new(context: Option<&Context>) -> Self {
        Self {
            pending: Pending::new(context.map(|context| NonNull::from(&context.seat().parker))),
            shards: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
            home: context.map(|context| Home {
                crew: NonNull::from(context.crew()),
                owner: NonNull::from(&context.seat().parker),
                outside: context.queue().shared(),
            }),
            panic: Mutex::new(None),
        }
    }

    /// Inlined into the caller, so that the closure goes straight from the caller's registers to its place in the shard: see
    /// `task/payload.rs` on moves.
    #[inline(always)]
    pub(super) fn spawn(&self, task: ScopedTask) {
        let shard = self.count_in();
        // SAFETY: shards live as long as the pool; those of a scope outside any pool, as long as the scope.
        let pushed = unsafe { shard.as_ref() }.push(task);
        if pushed.ticket.is_some() || pushed.wakes_owner {
            self.tell(shard, &pushed);
        }
    }

    /// Counts a task that the caller is about to spawn, before it becomes visible, since the owner may run it at once.
    /// Returns the shard that it goes to.
    fn count_in(&self) -> NonNull<Shard> {
        let Some(home) = &self.home else {
            self.pending.add(1);
            return self.shard_outside_any_pool();
        };
        // SAFETY: the pool outlives the scope.
        let crew = unsafe { home.crew.as_ref() };
        Context::with_of(crew, |context| match context {
            Some(context) => {
                context.account().spend(&self.pending);
                context.seat().tally.submit(1);
                self.shard(home, Some(context))
            }
            None => {
                self.pending.add(1);
                crew.ledger.enter_anyway();
                self.shard(home, None)
            }
        })
    }

    /// Wakes the owner and other workers for a task that was pushed into `shard`, as far as needed.
    #[cold]
    fn tell(&self, shard: NonNull<Shard>, pushed: &Pushed) {
        // Outside any pool only the owner runs tasks, and it does so at the end.
        let Some(home) = &self.home else { return };
        if pushed.wakes_owner {
            home.unpark_owner();
        }
        if let Some(lending) = pushed.ticket {
            // SAFETY: the pool outlives the scope.
            Context::with_of(unsafe { home.crew.as_ref() }, |context| match context {
                Some(context) => Self::submit_ticket(context, shard, lending),
                None => {
                    // SAFETY: as above.
                    if unsafe { home.outside.as_ref() }.inject_ticket(ticket(shard, lending)).is_err() {
                        // SAFETY: shards live as long as the pool.
                        unsafe { shard.as_ref() }.lose_ticket(lending);
                    }
                }
            });
        }
    }

    /// Puts the ticket of a shard into the queue of this worker, and wakes a sleeper for it if one is needed.
    pub(super) fn submit_ticket(context: &Context, shard: NonNull<Shard>, lending: Lending) {
        context.submit_part(ticket(shard, lending)).unwrap_or_else(|()| {
            // SAFETY: shards live as long as the pool.
            unsafe { shard.as_ref() }.lose_ticket(lending);
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
        fresh.open(self.count(), Maker::ANY);
        // Freed by the owner at the end of the scope.
        let fresh = NonNull::from(Box::leak(fresh));
        // AcqRel: pairs with the other threads' Acquire, for the shard.
        match place.compare_exchange(ptr::null_mut(), fresh.as_ptr(), Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => fresh,
            Err(theirs) => {
                // SAFETY: ours, and no other thread has seen it.
                drop(unsafe { Box::from_raw(fresh.as_ptr()) });
                NonNull::new(theirs).expect("a shard was there")
            }
        }
    }

    /// The shard of this worker, or that for other threads.
    #[inline]
    fn shard(&self, home: &Home, context: Option<&Context>) -> NonNull<Shard> {
        let place = &self.shards[context.map_or(OUTSIDE, |context| context.seat().index() % SHARDS)];
        // Acquire: pairs with the Release in `borrow_shard`, for the shard's link to this scope.
        NonNull::new(place.load(Ordering::Acquire)).unwrap_or_else(|| self.borrow_shard(place, home, context))
    }

    #[cold]
    fn borrow_shard(&self, place: &AtomicPtr<Shard>, home: &Home, context: Option<&Context>) -> NonNull<Shard> {
        // SAFETY: the pool outlives the scope.
        let store = &unsafe { home.crew.as_ref() }.shards;
        let shard = store.borrow();
        // SAFETY: shards live as long as the pool.
        unsafe { shard.as_ref() }.open(self.count(), context.map_or(Maker::ANY, Context::maker));
        // AcqRel: pairs with the Acquire of a thread that looks for the shard, for its link to this scope.
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

    /// The scope, as its tasks and the credit with it know it.
    fn count(&self) -> NonNull<Pending> {
        NonNull::from(self).cast()
    }

    /// # Safety
    /// `count` came from [`count`](Self::count) of a scope that is alive for `'a`.
    pub(super) unsafe fn of<'a>(count: NonNull<Pending>) -> &'a Self {
        // SAFETY: the count is the first field of a `repr(C)` struct, and the pointer was made from one to all of it.
        unsafe { count.cast::<Self>().as_ref() }
    }

    /// The first panic of a task, once.
    pub(super) fn take_panic(&self) -> Option<panic::Payload> {
        self.panic.lock().take()
    }

    /// Runs one of this scope's tasks. A panic is kept for the end of the scope.
    #[inline]
    fn run(&self, task: ScopedTask) -> Outcome {
        // SAFETY: the task came from a shard of this scope.
        let run = || unsafe { task.run(self.count()) };
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(()) => Outcome::Completed,
            Err(payload) => self.keep_panic(payload),
        }
    }

    #[cold]
    fn keep_panic(&self, payload: panic::Payload) -> Outcome {
        let mut first = self.panic.lock();
        if first.is_none() {
            *first = Some(payload);
        } else {
            drop(first);
            drop_quietly(payload);
        }
        Outcome::Panicked
    }

    /// The shards that are there, that of this worker first.
    fn shards(&self, worker: usize) -> impl Iterator<Item = &Shard> {
        let places = (0..SHARDS).map(move |i| (worker + i) % SHARDS).chain([OUTSIDE]);
        places.filter_map(move |place| {
            // Acquire: as in `shard`.
            let shard = self.shards[place].load(Ordering::Acquire);
            // SAFETY: shards live as long as the pool; those of a scope outside any pool, as long as the scope.
            unsafe { shard.as_ref() }
        })
    }

    /// The newest unstarted task that this worker, or one with the same shard, has spawned.
    #[inline]
    pub(super) fn take_own(&self, context: &Context) -> Option<ScopedTask> {
        // Acquire: as in `shard`.
        let shard = self.shards[context.seat().index() % SHARDS].load(Ordering::Acquire);
        // SAFETY: shards live as long as the pool.
        unsafe { shard.as_ref() }?.take_newest()
    }

    /// Runs a task of this scope on a worker of its pool, and counts it in the worker's account with the scope.
    #[inline]
    pub(super) fn run_counted(&self, context: &Context, task: ScopedTask) -> Outcome {
        context.account().turn_to(&self.pending);
        let outcome = self.run(task);
        context.account().earn(&self.pending);
        outcome
    }

    /// Runs an unstarted task on the owner's thread.
    #[inline]
    fn run_as_owner(&self, context: Option<&Context>, task: ScopedTask) {
        match context {
            Some(context) => {
                context.run_now(|_| Some(self.run_counted(context, task)));
            }
            None => {
                let _ = self.run(task);
                self.pending.subtract_own();
            }
        }
    }

    /// Waits for all tasks, and runs those that are not started: the newest of this worker's first, since its data is
    /// warm.
    pub(super) fn wait(&self, context: Option<&Context>) {
        // The body's own unit.
        self.pending.subtract_own();
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
            if self.pending.is_zero() {
                return;
            }
            if spin.once() {
                continue;
            }
            match self.shards(worker).find_map(Shard::take_newest_or_wait) {
                Some(task) => self.run_as_owner(context, task),
                None if self.pending.is_zero() => return,
                // A thread that counts the last task out, adds a task or adds a shard unparks us.
                None => thread::park(),
            }
        }
    }

    /// Gives the shards back. All tasks have ended.
    pub(super) fn close(&self) {
        for place in &self.shards {
            // Relaxed: no other thread uses the scope any more.
            let Some(shard) = NonNull::new(place.load(Ordering::Relaxed)) else { continue };
            match &self.home {
                // SAFETY: the pool outlives the scope.
                Some(home) => unsafe { home.crew.as_ref() }.shards.give_back(shard),
                // SAFETY: made by `shard_outside_any_pool`, and no thread uses it any more.
                None => drop(unsafe { Box::from_raw(shard.as_ptr()) }),
            }
        }
    }
}
