//! [`Shard`]: where the tasks of a scope lie until they are started.
//!
//! Each worker that spawns into a scope has a shard of it, and takes its own tasks back newest first. For other
//! workers, the shard has a *ticket* in the strategy's queue while it holds tasks: an ordinary item that says "help
//! with this shard". The worker that draws it takes the oldest task and, if more are there, puts the ticket back before
//! running it, so that the next idle worker comes to help too. So a task costs two short, uncontended locks and no
//! queue operation, the strategy decides when scopes get their turn among all other items, and the owner of the scope
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

/// The run of a task on a worker, distinct from all others of its pool: what is submitted meanwhile has its urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Maker(u64);

impl Maker {
    /// Any run of a pool whose tasks are all equally urgent, and a thread that is not a worker of the pool.
    pub(crate) const ANY: Self = Self(0);

    /// The `n`-th run of the worker thread with this `number`, which is its own in its pool.
    pub(crate) fn new(number: u64, n: u64) -> Self {
        // No two are equal before a worker has run 2^40 tasks, or a pool has started 2^24 threads; then a ticket may
        // have the urgency of another task.
        Self((number + 1) << 40 | n & ((1 << 40) - 1))
    }
}

/// Which of the times that a shard was lent out: its tickets carry it, so that those of an earlier time, which may be of another
/// urgency, are told from those of today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lending(u8);

impl Lending {
    /// So many are told apart: as many as there are addresses within a shard. A ticket that has been queued for this many
    /// lendings of its shard is taken for a fresh one.
    const MANY: u8 = align_of::<Shard>() as u8;

    fn next(self) -> Self {
        Self((self.0 + 1) % Self::MANY)
    }

    /// The shard and the lending in one pointer, for a ticket.
    pub(crate) fn of(self, shard: NonNull<Shard>) -> *const u8 {
        shard.as_ptr().cast::<u8>().wrapping_add(usize::from(self.0)).cast_const()
    }

    /// The shard and the lending that [`of`](Self::of) has put together.
    pub(crate) fn apart(pointer: *const u8) -> (*const Shard, Self) {
        let lending = (pointer.addr() % usize::from(Self::MANY)) as u8;
        (pointer.wrapping_sub(usize::from(lending)).cast(), Self(lending))
    }
}

/// Some of the unstarted tasks of one scope: those spawned by one worker.
// Aligned so that the low bits of its address are free for a `Lending`.
#[repr(align(64))]
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
    /// A ticket of this lending is in the strategy's queue, or in the hand of a worker that puts it back if tasks are left.
    ticketed: bool,
    /// Goes up when the shard is lent out under another run.
    lending: Lending,
    /// Tickets of any lending that are queued or in hand.
    tickets: u8,
    /// The run under which the shard was lent out last.
    opened_by: Maker,
    /// The scope's owner found the shard empty and parks.
    owner_waits: bool,
}

// SAFETY: the pointer is followed only while a task of that scope is in hand, which keeps the scope alive.
unsafe impl Send for Inner {}

impl Inner {
    #[cold]
    fn make_ticket(&mut self) -> Lending {
        self.ticketed = true;
        self.tickets = self.tickets.saturating_add(1);
        self.lending
    }

    fn end_ticket(&mut self) {
        self.tickets = self.tickets.saturating_sub(1);
    }
}

/// What a push asks of the pusher.
#[must_use]
pub(crate) struct Pushed {
    /// Put a ticket of this lending into the queue.
    pub(crate) ticket: Option<Lending>,
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
    /// Between scopes, a shard keeps no more memory than for this many tasks.
    const KEEP: usize = 1024;
    /// A shard that many runs open in turn, while no worker comes for its tickets, has no more than this many queued.
    const MOST_TICKETS: u8 = 8;

    pub(crate) fn new(pool: usize) -> Self {
        let inner = Inner {
            scope: ptr::null(),
            tasks: VecDeque::new(),
            ticketed: false,
            lending: Lending(0),
            tickets: 0,
            opened_by: Maker::ANY,
            owner_waits: false,
        };
        Self { pool, inner: SpinLock::new(inner) }
    }

    /// Lends the shard to a scope. It holds no task.
    pub(crate) fn open(&self, scope: NonNull<Pending>, maker: Maker) {
        let mut inner = self.inner.lock();
        inner.scope = scope.as_ptr();
        // A ticket that an earlier run has left behind may be of another urgency. If there are many already, one of them must do.
        if inner.opened_by != maker && inner.tickets < Self::MOST_TICKETS {
            inner.opened_by = maker;
            inner.lending = inner.lending.next();
            inner.ticketed = false;
        }
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
        let ticket = if inner.ticketed { None } else { Some(inner.make_ticket()) };
        Pushed { ticket, wakes_owner: mem::replace(&mut inner.owner_waits, false) }
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

    /// The oldest task, for the worker that drew a ticket of this lending. `None` also if the shard has been lent out anew since.
    pub(crate) fn draw(&self, lending: Lending) -> Option<Drawn> {
        let mut inner = self.inner.lock();
        if inner.lending != lending {
            inner.end_ticket();
            return None;
        }
        let task = inner.tasks.pop_front();
        let is_more = !inner.tasks.is_empty();
        if !is_more {
            inner.ticketed = false;
            inner.end_ticket();
        }
        let scope = NonNull::new(inner.scope.cast_mut())?;
        task.map(|task| Drawn { task, scope, is_more })
    }

    /// The ticket was lost: the strategy panicked. The next push makes another.
    pub(crate) fn lose_ticket(&self, lending: Lending) {
        let mut inner = self.inner.lock();
        inner.end_ticket();
        if inner.lending == lending {
            inner.ticketed = false;
        }
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn push(shard: &Shard) -> Option<Lending> {
        // SAFETY: it borrows nothing.
        shard.push(unsafe { ScopedTask::new(|_| ()) }).ticket
    }

    #[test]
    fn a_shard_and_a_lending_fit_into_a_pointer() {
        let shard = Shard::new(1);
        for number in 0..Lending::MANY {
            let (found, lending) = Lending::apart(Lending(number).of(NonNull::from(&shard)));
            assert_eq!((found, lending), (&raw const shard, Lending(number)));
        }
        assert_eq!(Lending(Lending::MANY - 1).next(), Lending(0));
    }

    /// A ticket that an earlier run has left behind may be of another urgency: it is of no use for a later one.
    #[test]
    fn a_ticket_of_an_earlier_run_draws_nothing() {
        let (shard, pending) = (Shard::new(1), Pending::new(None));
        let scope = NonNull::from(&pending);
        shard.open(scope, Maker::new(0, 1));
        let first = push(&shard).expect("the first task wants a ticket");
        assert_eq!(push(&shard), None, "one ticket is enough");
        while shard.take_newest().is_some() {}
        shard.close();
        // Under the same run, the ticket that is queued still does.
        shard.open(scope, Maker::new(0, 1));
        assert_eq!(push(&shard), None);
        assert!(shard.draw(first).is_some_and(|drawn| !drawn.is_more));
        shard.close();
        shard.open(scope, Maker::new(0, 2));
        let second = push(&shard).expect("another run wants a ticket of its own");
        assert!(shard.draw(first).is_none());
        assert_eq!(push(&shard), None, "the stale ticket did not pass for the fresh one");
        assert!(shard.draw(second).is_some_and(|drawn| drawn.is_more));
        shard.lose_ticket(first);
        assert_eq!(push(&shard), None);
        shard.lose_ticket(second);
        assert_eq!(push(&shard), Some(second));
    }

    /// However many runs open a shard while no worker comes for its tickets, few are queued; and the shard is not left without.
    #[test]
    fn a_shard_has_few_tickets() {
        let (shard, pending) = (Shard::new(1), Pending::new(None));
        let scope = NonNull::from(&pending);
        let mut queued = Vec::new();
        for run in 0..1_000 {
            shard.open(scope, Maker::new(0, run));
            queued.extend(push(&shard));
            while shard.take_newest().is_some() {}
            shard.close();
        }
        assert_eq!(queued.len(), usize::from(Shard::MOST_TICKETS));
        shard.open(scope, Maker::new(0, 1_000));
        assert_eq!(push(&shard), None);
        let drawn = queued.drain(..).filter_map(|ticket| shard.draw(ticket)).count();
        assert_eq!(drawn, 1, "the last of them draws the task");
        assert!(push(&shard).is_some());
    }
}
