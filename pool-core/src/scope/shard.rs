//! [`Shard`]: where the tasks of a scope lie until somebody starts them.
//!
//! Each worker that spawns into a scope has a shard of it, and takes its own tasks back newest first. For the others, the
//! shard has a [`ticket`] in the strategy's queue while it holds tasks: an ordinary item that says "help with this shard".
//! Who draws it takes the oldest task and, if more are there, puts the ticket back before running it, so that the next idle
//! worker comes to help too. So a task costs two short, uncontended locks and no queue operation, the strategy decides when
//! scopes get their turn among everything else, and the owner of the scope finds each of its unstarted tasks.
//!
//! Shards outlive their scopes: they belong to the pool, which lends them out again ([`ShardStore`]). So does a ticket that
//! is still queued when its shard is empty: it is good for whatever the shard holds when it is drawn.

use super::State;
use crate::context::Context;
use crate::payload::Payload;
use crate::sync::{Mutex, SpinLock};
use crate::task::{Outcome, Task, TaskVtable, Withdrawal};
use std::collections::VecDeque;
use std::mem;
use std::ptr::{self, NonNull};

/// A closure of a scope, with its lifetime erased. Not dropped if it is not run: a scope runs all of them.
pub(super) struct ScopedTask {
    run: unsafe fn(Payload, NonNull<State>),
    payload: Payload,
}

// SAFETY: made from `Send` closures only.
unsafe impl Send for ScopedTask {}

impl ScopedTask {
    /// Allocates only if `f` is larger than two words.
    ///
    /// # Safety
    /// The task is run before anything that `f` borrows ends.
    #[inline(always)]
    pub(super) unsafe fn new<F: FnOnce(NonNull<State>) + Send>(f: F) -> Self {
        /// # Safety
        /// `payload` was made from an `F` and is not used again.
        unsafe fn run<F: FnOnce(NonNull<State>)>(payload: Payload, state: NonNull<State>) {
            // SAFETY: by this function's contract.
            unsafe { payload.consume::<F, ()>(|f| f(state), |f| f(state)) };
        }
        Self { run: run::<F>, payload: Payload::closure(f) }
    }

    /// # Safety
    /// `state` is that of the scope that the task was made for, and alive.
    #[inline]
    pub(super) unsafe fn run(self, state: NonNull<State>) {
        // SAFETY: the payload was made for this function, and `self` is consumed.
        unsafe { (self.run)(self.payload, state) }
    }
}

/// Some of the unstarted tasks of one scope: those spawned by one worker.
pub(crate) struct Shard {
    /// The pool whose workers may draw from it.
    pool: usize,
    inner: SpinLock<Inner>,
}

struct Inner {
    /// The scope that has the shard now.
    scope: *const State,
    /// Oldest first.
    tasks: VecDeque<ScopedTask>,
    /// A ticket is in the strategy's queue, or in the hand of a worker that will put it back if it must.
    ticketed: bool,
    /// The scope's owner found the shard empty and parks.
    owner_waits: bool,
}

// SAFETY: the pointer is followed only while a task of that scope is in hand, which keeps the scope alive.
unsafe impl Send for Inner {}

/// What a push asks of the pusher.
#[must_use]
pub(super) struct Pushed {
    /// Put a ticket into the queue.
    pub(super) wants_ticket: bool,
    /// Unpark the scope's owner.
    pub(super) wakes_owner: bool,
}

/// A task in the hand of a worker that drew the shard's ticket.
struct Drawn {
    task: ScopedTask,
    /// Waits for the task.
    scope: NonNull<State>,
    /// The ticket must go back: others can help.
    is_more: bool,
}

impl Shard {
    /// A shard keeps no more memory than for so many tasks between scopes.
    const KEEP: usize = 1024;

    pub(super) fn new(pool: usize) -> Self {
        let inner = Inner { scope: ptr::null(), tasks: VecDeque::new(), ticketed: false, owner_waits: false };
        Self { pool, inner: SpinLock::new(inner) }
    }

    /// Lends the shard to a scope. It holds no task.
    pub(super) fn open(&self, scope: &State) {
        self.inner.lock().scope = scope;
    }

    /// The scope has ended: all of its tasks were taken.
    fn close(&self) {
        let mut inner = self.inner.lock();
        debug_assert!(inner.tasks.is_empty());
        inner.scope = ptr::null();
        inner.owner_waits = false;
        if inner.tasks.capacity() > Self::KEEP {
            inner.tasks = VecDeque::new();
        }
    }

    #[inline(always)]
    pub(super) fn push(&self, task: ScopedTask) -> Pushed {
        let mut inner = self.inner.lock();
        inner.tasks.push_back(task);
        Pushed {
            wants_ticket: !mem::replace(&mut inner.ticketed, true),
            wakes_owner: mem::replace(&mut inner.owner_waits, false),
        }
    }

    /// The newest task, for the worker that spawned it and for the scope's owner.
    #[inline(always)]
    pub(super) fn take_newest(&self) -> Option<ScopedTask> {
        self.inner.lock().tasks.pop_back()
    }

    /// The newest task, or else the promise that the next push wakes the owner, who asks.
    pub(super) fn take_newest_or_wait(&self) -> Option<ScopedTask> {
        let mut inner = self.inner.lock();
        let task = inner.tasks.pop_back();
        inner.owner_waits = task.is_none();
        task
    }

    /// The oldest task, for whoever drew the ticket.
    fn draw(&self) -> Option<Drawn> {
        let mut inner = self.inner.lock();
        let task = inner.tasks.pop_front();
        inner.ticketed = !inner.tasks.is_empty();
        let scope = NonNull::new(inner.scope.cast_mut())?;
        task.map(|task| Drawn { task, scope, is_more: inner.ticketed })
    }

    /// The ticket was lost: the strategy panicked. The next push makes another.
    pub(super) fn lose_ticket(&self) {
        self.inner.lock().ticketed = false;
    }
}

/// The shards of a pool.
pub(crate) struct ShardStore {
    pool: usize,
    shards: Mutex<Shards>,
}

#[derive(Default)]
struct Shards {
    /// All of them. Boxed, since tickets point to them: they stay where they are until the pool ends.
    #[expect(clippy::vec_box, reason = "tickets point into the boxes")]
    all: Vec<Box<Shard>>,
    free: Vec<NonNull<Shard>>,
}

// SAFETY: the pointers are to the boxes beside them, and `Shard` is `Sync`.
unsafe impl Send for Shards {}

impl ShardStore {
    pub(crate) fn new(pool: usize) -> Self {
        Self { pool, shards: Mutex::new(Shards::default()) }
    }

    /// A shard that nobody has, to be given back. Lives as long as the store.
    pub(super) fn borrow(&self) -> NonNull<Shard> {
        let mut shards = self.shards.lock();
        shards.free.pop().unwrap_or_else(|| {
            let shard = Box::new(Shard::new(self.pool));
            let address = NonNull::from(&*shard);
            shards.all.push(shard);
            address
        })
    }

    pub(super) fn give_back(&self, shard: NonNull<Shard>) {
        // SAFETY: from `borrow`, so it lives as long as the store.
        unsafe { shard.as_ref() }.close();
        self.shards.lock().free.push(shard);
    }
}

/// What goes through the strategy for a shard that holds tasks.
#[inline]
pub(super) fn ticket(shard: NonNull<Shard>) -> Task {
    // SAFETY: whoever makes a ticket holds a scope of the pool open, so that the pool and its shards are alive.
    let pool = unsafe { shard.as_ref() }.pool;
    let payload = Payload::pair(shard.as_ptr(), pool);
    // SAFETY: the payload is a shard and its pool, as the vtable expects. Wherever a strategy carries the ticket, the shard is
    // only looked at by workers of that pool, and they keep the pool's shards alive.
    unsafe { Task::from_raw(&TICKET, payload) }
}

static TICKET: TaskVtable = TaskVtable { run: help, discard, withdraw };

/// Whether `task` is a ticket of a scope.
#[inline]
pub(crate) fn is_ticket(task: &Task) -> bool {
    task.has_vtable(&TICKET)
}

/// A worker that helps a scope runs at most so many of its tasks before it asks the strategy again, so that nothing else
/// waits longer than that for its turn.
const TURN: usize = if cfg!(loom) { 2 } else { 16 };

/// Runs a ticket: helps with the shard.
///
/// # Safety
/// As `TaskVtable::run`.
unsafe fn help(payload: Payload, pool: usize) -> Outcome {
    // A strategy could carry it to another pool, or run it itself when the pool is gone: then the scope's owner runs the tasks.
    // SAFETY: made by `ticket`.
    if unsafe { payload.second() } != pool {
        return Outcome::Void;
    }
    // SAFETY: made by `ticket`; the shard is alive while a worker of its pool, which this is, runs tasks.
    let shard = unsafe { &*payload.first::<Shard>() };
    let Some(Drawn { task, scope, is_more }) = shard.draw() else { return Outcome::Void };
    Context::with(|context| {
        let context = context.expect("tickets are drawn by workers");
        if is_more {
            State::submit_ticket(context, NonNull::from(shard));
        }
        // SAFETY: the scope waits for the task in our hand, and then for the unit that we earn with it, which stays with us
        // until we turn to other work: the scope is alive to the end of this function.
        let scope = unsafe { scope.as_ref() };
        let outcome = scope.run_counted(context, task);
        for _ in 1..TURN {
            // What we spawned just now is the warmest; the rest of the shard is still ticketed.
            let Some(task) = scope.take_own(context) else { break };
            context.run_now(|_| Some(scope.run_counted(context, task)));
        }
        outcome
    })
}

/// Leaves the tasks to the scope's owner.
unsafe fn discard(_: Payload) {}

unsafe fn withdraw(_: &Payload) -> Withdrawal {
    Withdrawal::Void
}
