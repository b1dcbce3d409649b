//! [`Shard`]: where the tasks of a scope lie until they are started.
//!
//! Each worker that spawns into a scope has a shard of it, and takes its own tasks back newest first. For other
//! workers, the shard has a *ticket* in the strategy's queue while it holds tasks: an ordinary item that says "help
//! with this shard". The worker that draws it takes the oldest task and, if more are there, puts the ticket back before
//! running it, so that the next idle worker comes to help too. So a task costs two short, uncontended locks and no
//! queue operation, the strategy decides when scopes get their turn among everything else, and the owner of the scope
//! finds each of its unstarted tasks.
//!
//! Shards outlive their scopes: they belong to the pool, which lends them out again ([`ShardStore`]). So does a ticket that
//! is still queued when its shard is empty: it is good for whatever the shard holds when it is drawn. But the ticket
//! lies where the urgency of the run that made it has put it. So a shard that is lent out under another run ([`Maker`])
//! gets a ticket of its own.

use super::pending::Pending;
use crate::sync::{Mutex, SpinLock};
use crate::task::payload::Payload;
use std::collections::VecDeque;
use std::mem;
use std::ptr::{self, NonNull};

/// A closure of a scope, with its lifetime erased. Not dropped if it is not run: a scope runs all of them.
pub(crate) struct ScopedTask {
    run: unsafe fn(Payload, NonNull<Pending>),
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
    pub(crate) unsafe fn new<F: FnOnce(NonNull<Pending>) + Send>(f: F) -> Self {
        /// # Safety
        /// `payload` was made from an `F` and is not used again.
        unsafe fn run<F: FnOnce(NonNull<Pending>)>(payload: Payload, scope: NonNull<Pending>) {
            // SAFETY: by this function's contract.
            unsafe { payload.consume::<F, ()>(|f| f(scope), |f| f(scope)) };
        }
        Self { run: run::<F>, payload: Payload::closure(f) }
    }

    /// # Safety
    /// `scope` is the count of the scope that the task was made for, made from a pointer to the whole scope, and alive.
    #[inline]
    pub(crate) unsafe fn run(self, scope: NonNull<Pending>) {
        // SAFETY: the payload was made for this function, and `self` is consumed.
        unsafe { (self.run)(self.payload, scope) }
    }
}

/// The run of a task on a worker, told from all others of its pool: what is submitted meanwhile has its urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Maker(u64);

impl Maker {
    /// A thread that is not a worker of the pool.
    pub(crate) const OUTSIDE: Self = Self(0);

    /// The `n`-th run of the worker thread with this `number`, which is its own in its pool.
    pub(crate) fn new(number: u64, n: u64) -> Self {
        // No two are equal before a worker has run 2^40 tasks, or a pool has started 2^24 threads; then a ticket may have the
        // urgency of another task.
        Self((number + 1) << 40 | n & ((1 << 40) - 1))
    }
}

/// Some of the unstarted tasks of one scope: those spawned by one worker.
pub(crate) struct Shard {
    /// The pool whose workers may draw from it.
    pub(crate) pool: usize,
    inner: SpinLock<Inner>,
}

struct Inner {
    /// The scope that has the shard now.
    scope: *const Pending,
    /// Oldest first.
    tasks: VecDeque<ScopedTask>,
    /// A ticket with the urgency of the scope is in the strategy's queue, or in the hand of a worker that puts it back
    /// if tasks are left.
    ticketed: bool,
    /// The run under which the shard was lent out last: a ticket that is still queued has its urgency.
    opened_by: Maker,
    /// The scope's owner found the shard empty and parks.
    owner_waits: bool,
}

// SAFETY: the pointer is followed only while a task of that scope is in hand, which keeps the scope alive.
unsafe impl Send for Inner {}

/// What a push asks of the pusher.
#[must_use]
pub(crate) struct Pushed {
    /// Put a ticket into the queue.
    pub(crate) wants_ticket: bool,
    /// Unpark the scope's owner.
    pub(crate) wakes_owner: bool,
}

/// A task in the hand of a worker that drew the shard's ticket.
pub(crate) struct Drawn {
    pub(crate) task: ScopedTask,
    /// Waits for the task.
    pub(crate) scope: NonNull<Pending>,
    /// The ticket must go back: other workers can help.
    pub(crate) is_more: bool,
}

impl Shard {
    /// A shard keeps no more memory than for so many tasks between scopes.
    const KEEP: usize = 1024;

    pub(crate) fn new(pool: usize) -> Self {
        let inner = Inner {
            scope: ptr::null(),
            tasks: VecDeque::new(),
            ticketed: false,
            opened_by: Maker::OUTSIDE,
            owner_waits: false,
        };
        Self { pool, inner: SpinLock::new(inner) }
    }

    /// Lends the shard to a scope. It holds no task.
    pub(crate) fn open(&self, scope: NonNull<Pending>, maker: Maker) {
        let mut inner = self.inner.lock();
        inner.scope = scope.as_ptr();
        // A ticket that an earlier run has left behind may be of another urgency.
        inner.ticketed &= inner.opened_by == maker;
        inner.opened_by = maker;
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
    pub(crate) fn push(&self, task: ScopedTask) -> Pushed {
        let mut inner = self.inner.lock();
        inner.tasks.push_back(task);
        Pushed {
            wants_ticket: !mem::replace(&mut inner.ticketed, true),
            wakes_owner: mem::replace(&mut inner.owner_waits, false),
        }
    }

    /// The newest task, for the worker that spawned it and for the scope's owner.
    #[inline(always)]
    pub(crate) fn take_newest(&self) -> Option<ScopedTask> {
        self.inner.lock().tasks.pop_back()
    }

    /// The newest task. If there is none, the next push wakes the owner, which is the caller.
    pub(crate) fn take_newest_or_wait(&self) -> Option<ScopedTask> {
        let mut inner = self.inner.lock();
        let task = inner.tasks.pop_back();
        inner.owner_waits = task.is_none();
        task
    }

    /// The oldest task, for the worker that drew a ticket.
    pub(crate) fn draw(&self) -> Option<Drawn> {
        let mut inner = self.inner.lock();
        let task = inner.tasks.pop_front();
        let is_more = !inner.tasks.is_empty();
        inner.ticketed = is_more;
        let scope = NonNull::new(inner.scope.cast_mut())?;
        task.map(|task| Drawn { task, scope, is_more })
    }

    /// The ticket was lost: the strategy panicked. The next push makes another.
    pub(crate) fn lose_ticket(&self) {
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
    /// All of them, from boxes. Tickets point to them, so they stay where they are until the pool ends.
    all: Vec<NonNull<Shard>>,
    free: Vec<NonNull<Shard>>,
}

// SAFETY: `Shards` owns what the pointers point to, and `Shard` is `Send` and `Sync`.
unsafe impl Send for Shards {}

impl Drop for Shards {
    fn drop(&mut self) {
        for shard in &self.all {
            // SAFETY: from a box, in `borrow`. The pool has ended, so this is the last access.
            drop(unsafe { Box::from_raw(shard.as_ptr()) });
        }
    }
}

impl ShardStore {
    pub(crate) fn new(pool: usize) -> Self {
        Self { pool, shards: Mutex::new(Shards::default()) }
    }

    /// A shard that is not lent out, to be given back. Lives as long as the store.
    pub(crate) fn borrow(&self) -> NonNull<Shard> {
        let mut shards = self.shards.lock();
        shards.free.pop().unwrap_or_else(|| {
            // As a raw pointer from the start: a box that moves would make all pointers to its content invalid.
            let shard = NonNull::from(Box::leak(Box::new(Shard::new(self.pool))));
            shards.all.push(shard);
            shard
        })
    }

    pub(crate) fn give_back(&self, shard: NonNull<Shard>) {
        // SAFETY: from `borrow`, so it lives as long as the store.
        unsafe { shard.as_ref() }.close();
        self.shards.lock().free.push(shard);
    }
}
