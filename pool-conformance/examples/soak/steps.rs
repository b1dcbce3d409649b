//! The steps that outside threads and tasks make.

use std::future::Future;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::at_some_place;
use crate::books::{Bomb, Doing, Ticket, doing, fate_of, quietly};
use crate::rng::Rng;
use crate::world::{Kept, Plan, Soaked, World, count};
use crate::{borrow, futures, groups};

/// One step, chosen at random.
pub(crate) fn step<S: Soaked>(world: &Arc<World<S>>, rng: &mut Rng, depth: u32) {
    if !world.books.has_pages() {
        return;
    }
    match rng.below(20) {
        0..=4 => world.execute(rng, depth),
        5..=8 => {
            if let Some(kept) = world.spawn(rng, depth) {
                use_handle(world, kept, rng);
            }
        }
        9 => leave_a_bomb(world, rng),
        10 => batch(world, rng, depth),
        11 => handles_of_a_batch(world, rng, depth),
        12 | 13 => borrow::step(world, rng, depth),
        14 | 15 => groups::step(world, rng, depth),
        16 => groups::tokens(world, rng),
        17 | 18 => futures::step(world, rng),
        _ => look(world, rng),
    }
}

/// Ways to use a handle.
fn use_handle<S: Soaked>(world: &World<S>, kept: Kept, rng: &mut Rng) {
    let is_worker = world.books.is_own_worker();
    match rng.below(9) {
        0 | 1 => join(world, kept),
        2 => join_soon(world, kept, rng),
        // Awaited, a task is not run by its waiter: a worker would keep others from it.
        3 if !is_worker => wait_as_a_future(world, kept),
        4 => cancel(world, kept),
        5 => {
            count("handle dropped", 1);
            quietly(|| drop(kept));
        }
        6 => {
            count("handle polled once", 1);
            poll_once(world, kept, rng);
        }
        // Tasks wait for nothing but what they have made, so that no two wait for each other.
        7 if !is_worker => {
            let other = world.stash.lock().unwrap().pop();
            if let Some(other) = other {
                count("handle of another thread", 1);
                join(world, other);
            }
            world.stash.lock().unwrap().push(kept);
        }
        _ => join(world, kept),
    }
}

pub(crate) fn join<S: Soaked>(world: &World<S>, kept: Kept) {
    count("handle joined", 1);
    world.check(kept.number, kept.may_panic, false, kept.handle.join());
}

fn join_soon<S: Soaked>(world: &World<S>, kept: Kept, rng: &mut Rng) {
    count("handle joined with a limit", 1);
    let Kept { handle, number, may_panic } = kept;
    match handle.join_timeout(Duration::from_micros(rng.below(200))) {
        Ok(result) => world.check(number, may_panic, false, result),
        Err(handle) if rng.once_in(2) => cancel(world, Kept { handle, number, may_panic }),
        Err(handle) => join(world, Kept { handle, number, may_panic }),
    }
}

fn cancel<S: Soaked>(world: &World<S>, kept: Kept) {
    count("handle cancelled", 1);
    let Kept { handle, number, may_panic } = kept;
    // The task is cancelled though a drop panics.
    let was_cancelled = doing(Doing::Cancel, || quietly(|| handle.cancel())).unwrap_or(true);
    let result = handle.join();
    if was_cancelled && !result.as_ref().is_err_and(|error| error.is_cancelled() || error.is_returned()) {
        world.books.fault(format!("ticket {number} was cancelled, and its handle says {result:?}"));
    }
    world.check(number, may_panic, was_cancelled, result);
}

fn wait_as_a_future<S: Soaked>(world: &World<S>, kept: Kept) {
    count("handle awaited", 1);
    world.check(kept.number, kept.may_panic, false, block_on(kept.handle));
}

fn poll_once<S: Soaked>(world: &World<S>, mut kept: Kept, rng: &mut Rng) {
    match Pin::new(&mut kept.handle).poll(&mut Context::from_waker(&unpark_this())) {
        Poll::Ready(result) => world.check(kept.number, kept.may_panic, false, result),
        Poll::Pending if rng.once_in(2) => drop(quietly(|| drop(kept))),
        Poll::Pending => join(world, kept),
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn unpark_this() -> Waker {
    Waker::from(Arc::new(Unpark(thread::current())))
}

/// The smallest executor.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = unpark_this();
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        thread::park();
    }
}

/// A task whose value panics when it is dropped, by whichever thread drops it.
fn leave_a_bomb<S: Soaked>(world: &Arc<World<S>>, rng: &mut Rng) {
    count("value that panics in its drop", 1);
    let mut ticket = Ticket::new(&world.books);
    ticket.leaves_a_bomb = true;
    let number = ticket.number;
    let f = move || ticket.run(|| Bomb);
    at_some_place!(world, rng, |task, patience| {
        if let Some(handle) = world.spawn_at(task, patience, true, number, f, rng) {
            if rng.once_in(2) {
                quietly(|| drop(handle.join()));
            } else {
                quietly(|| drop(handle));
            }
        }
    });
}

/// The closures of a batch, the numbers of their tickets, and which of them may panic.
fn closures<S: Soaked>(
    world: &Arc<World<S>>,
    rng: &mut Rng,
    depth: u32,
) -> (Vec<impl FnOnce() -> u32 + Send + 'static + use<S>>, Range<u32>, Vec<bool>) {
    let len = if rng.once_in(8) { rng.between(20, 150) } else { rng.between(1, 12) };
    let tickets: Vec<_> = Ticket::many(&world.books, len).collect();
    let first = tickets[0].number;
    let (closures, may_panic) = tickets
        .into_iter()
        .map(|ticket| {
            let plan = Plan::any(rng, depth);
            (plan.closure_with(ticket, world, depth), plan.may_panic())
        })
        .unzip();
    (closures, first..first + len as u32, may_panic)
}

fn batch<S: Soaked>(world: &Arc<World<S>>, rng: &mut Rng, depth: u32) {
    let (fs, numbers, _) = closures(world, rng, depth);
    let fs: Vec<_> = fs
        .into_iter()
        .map(|f| {
            move || {
                f();
            }
        })
        .collect();
    let Some(pool) = world.pool() else {
        doing(Doing::Back(0), || quietly(|| drop(fs)));
        return;
    };
    let is_try = rng.once_in(2);
    let patience = rng.once_in(4).then(|| Duration::from_micros(rng.below(300)));
    let task = patience.map_or(pool.task(), |limit| pool.task().wait_for_room(limit));
    let task = if rng.once_in(2) { task.hint(S::hint(rng)) } else { task };
    doing(world.submits(numbers, patience, is_try), || {
        if is_try {
            count("try_execute_batch", 1);
            if let Err(refused) = task.try_execute_batch(fs) {
                let fate = fate_of(refused.reason());
                refused.into_inner().into_iter().for_each(|f| world.came_back(fate, f, rng));
            }
        } else {
            count("execute_batch", 1);
            quietly(|| task.execute_batch(fs));
        }
    });
}

fn handles_of_a_batch<S: Soaked>(world: &Arc<World<S>>, rng: &mut Rng, depth: u32) {
    count("spawn_batch", 1);
    let (fs, numbers, may_panic) = closures(world, rng, depth);
    let Some(pool) = world.pool() else {
        doing(Doing::Back(0), || quietly(|| drop(fs)));
        return;
    };
    let handles = doing(world.submits(numbers.clone(), None, false), || quietly(|| pool.spawn_batch(fs)));
    for ((handle, number), may_panic) in handles.into_iter().flatten().zip(numbers).zip(may_panic) {
        use_handle(world, Kept { handle, number, may_panic }, rng);
    }
}

/// What asks the pool, or changes its size.
fn look<S: Soaked>(world: &World<S>, rng: &mut Rng) {
    let Some(pool) = world.pool() else { return };
    match rng.below(6) {
        0 => {
            count("resize", 1);
            let _ = pool.resize(rng.between(1, 5));
        }
        1 => {
            count("retire_workers", 1);
            let _ = pool.retire_workers(rng.between(1, 2));
        }
        2 if pool.workers() < 6 => {
            count("add_workers", 1);
            let _ = pool.add_workers(1);
        }
        3 | 4 => {
            count("wait_idle_timeout", 1);
            let own = world.books.is_own_worker();
            let result = pool.wait_idle_timeout(Duration::from_micros(rng.below(200)));
            if own && !matches!(result, Err(pool_core::WaitError::OwnWorker)) {
                world.books.fault(format!("a worker waited for its own pool: {result:?}"));
            }
        }
        _ => {
            count("metrics", 1);
            let metrics = pool.metrics();
            if metrics.lost > 0 || !metrics.is_balanced() {
                world.books.fault(format!("lost or unbalanced: {metrics:?}"));
            }
        }
    }
}
