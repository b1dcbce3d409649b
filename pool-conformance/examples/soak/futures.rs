//! Futures on the pool, which are woken by a thread of the soak, by tasks, by themselves, late, or never.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::Receiver;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use pool_core::{FutureHandle, JoinError};

use crate::at_some_place;
use crate::books::{Books, CANCELLED, COMPLETED, Doing, PANICKED, REJECTED, Ticket, doing, fate_of, quietly, throw};
use crate::rng::Rng;
use crate::steps::block_on;
use crate::world::{Soaked, World, count};

/// What wakes a future.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A thread of the soak, once or twice.
    Thread { twice: bool },
    /// A task of the pool.
    Task,
    /// The poll itself.
    Itself,
    /// The main thread, at the next quiet moment; or it drops the waker.
    Late,
    /// Nothing.
    Never,
}

/// A future that wants to be woken a number of times.
struct Sleeper<S: Soaked> {
    world: Arc<World<S>>,
    number: u32,
    left: u32,
    source: Source,
    throws: bool,
    /// Whether a worker may poll it as a part of a task that joins it.
    is_joined_inside: bool,
    is_polled: AtomicBool,
    has_ended: bool,
    /// Whether its end was asked for.
    is_unwanted: Arc<AtomicBool>,
}

impl<S: Soaked> Future for Sleeper<S> {
    type Output = u32;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u32> {
        let books = Arc::clone(&self.world.books);
        if self.is_polled.swap(true, SeqCst) || self.has_ended || !books.is_own_worker() {
            books.fault(format!("future {} is polled twice, too late, or elsewhere", self.number));
        }
        let is_last = self.left == 0;
        let fate = if is_last && self.throws { PANICKED } else { COMPLETED };
        // The poll is a task of its own, unless a task that joins the future polls it.
        if self.is_joined_inside {
            // What is left of the turn may be counted in each of these ways.
            books.enter_perhaps(COMPLETED | PANICKED | CANCELLED | REJECTED);
        } else {
            books.enter(fate);
        }
        count("poll", 1);
        if is_last {
            self.has_ended = true;
            if self.throws {
                throw();
            }
            return Poll::Ready(self.number);
        }
        self.left -= 1;
        // Before the wake: another worker may poll right after.
        self.is_polled.store(false, SeqCst);
        self.send(context.waker());
        Poll::Pending
    }
}

impl<S: Soaked> Sleeper<S> {
    fn send(&self, waker: &Waker) {
        match self.source {
            Source::Thread { twice } => {
                let nudges = self.world.nudges.lock().unwrap();
                for _ in 0..1 + u32::from(twice) {
                    let _ = nudges.send(waker.clone());
                }
            }
            Source::Task => {
                let (waker, ticket) = (WakeAtEnd(waker.clone()), Ticket::new(&self.world.books));
                pool_core::execute(move || ticket.run(|| drop(waker)));
            }
            Source::Itself => waker.wake_by_ref(),
            Source::Late => self.world.held.lock().unwrap().push(waker.clone()),
            Source::Never => {}
        }
    }
}

impl<S: Soaked> Drop for Sleeper<S> {
    fn drop(&mut self) {
        let books: &Books = &self.world.books;
        if !self.has_ended {
            if books.is_refused(self.number) {
                books.enter(books.why_unrun(self.number, false, false));
            } else {
                // The turn that ends it is a task, if there is one.
                let wanted = !self.is_unwanted.load(SeqCst) && !books.is_closed.load(SeqCst);
                if wanted && self.source != Source::Late {
                    books.fault(format!("future {} was dropped though it was to be woken", self.number));
                }
                books.enter_perhaps(CANCELLED | REJECTED);
            }
        }
        books.end(self.number);
        books.futures_open.fetch_sub(1, SeqCst);
    }
}

/// Wakes though its task is discarded.
struct WakeAtEnd(Waker);

impl Drop for WakeAtEnd {
    fn drop(&mut self) {
        self.0.wake_by_ref();
    }
}

/// A future, and an end of it.
pub(crate) fn step<S: Soaked>(world: &Arc<World<S>>, rng: &mut Rng) {
    let source = match rng.below(7) {
        0..=2 => Source::Thread { twice: rng.once_in(2) },
        3 => Source::Task,
        4 => Source::Itself,
        5 => Source::Late,
        _ => Source::Never,
    };
    let is_worker = world.books.is_own_worker();
    // A worker that waits for a future runs nothing else: a task might not come to wake it.
    let can_join = match source {
        Source::Thread { .. } | Source::Itself => true,
        Source::Task => !is_worker,
        Source::Late | Source::Never => false,
    };
    let ends_by = if can_join { rng.below(7) } else { 4 + rng.below(3) };
    let (left, throws) = (rng.between(0, 3) as u32, rng.once_in(8));
    let left = if can_join { left } else { left.max(1) };
    let is_unwanted = Arc::new(AtomicBool::new(source == Source::Never));
    let number = world.books.numbers(1);
    world.books.futures_open.fetch_add(1, SeqCst);
    let sleeper = Sleeper {
        world: Arc::clone(world),
        number,
        left,
        source,
        throws,
        is_joined_inside: is_worker && ends_by < 4,
        is_polled: AtomicBool::new(false),
        has_ended: false,
        is_unwanted: Arc::clone(&is_unwanted),
    };
    let is_try = rng.once_in(2);
    let handle = at_some_place!(world, rng, |task, patience| {
        doing(world.submits(number..number + 1, patience, is_try), || {
            if is_try {
                count("try_spawn_future", 1);
                task.try_spawn_future(sleeper)
                    .map_err(|refused| {
                        doing(Doing::Back(fate_of(refused.reason())), || drop(refused.into_inner()));
                    })
                    .ok()
            } else {
                count("spawn_future", 1);
                quietly(|| task.spawn_future(sleeper))
            }
        })
    });
    if let Some(handle) = handle {
        end(world, rng, handle, number, throws, ends_by, &is_unwanted);
    }
}

fn end<S: Soaked>(
    world: &World<S>,
    rng: &mut Rng,
    handle: FutureHandle<u32>,
    number: u32,
    throws: bool,
    ends_by: u64,
    is_unwanted: &AtomicBool,
) {
    let check = |result: Result<u32, JoinError>, was_cancelled: bool| {
        let is_right = match &result {
            Ok(value) => *value == number,
            Err(error) if error.is_panic() => throws,
            Err(error) => error.is_cancelled() && (was_cancelled || world.books.is_closed.load(SeqCst)),
        };
        if !is_right {
            world.books.fault(format!("the handle of future {number} says {result:?}"));
        }
    };
    match ends_by {
        0 | 1 => {
            count("future joined", 1);
            check(handle.join(), false);
        }
        2 if !world.books.is_own_worker() => {
            count("future awaited", 1);
            check(block_on(handle), false);
        }
        2 | 3 => {
            count("future joined with a limit", 1);
            match handle.join_timeout(Duration::from_micros(rng.below(200))) {
                Ok(result) => check(result, false),
                Err(handle) => check(handle.join(), false),
            }
        }
        4 => {
            count("future dropped", 1);
            drop(handle);
        }
        _ => {
            count("future cancelled", 1);
            is_unwanted.store(true, SeqCst);
            let was_cancelled = handle.cancel();
            if rng.once_in(2) {
                let result = handle.join();
                if was_cancelled && result.is_ok() {
                    world.books.fault(format!("future {number} was cancelled and has a result"));
                }
                check(result, was_cancelled);
            }
        }
    }
}

/// Wakes what it is sent, soon, until all senders are gone.
pub(crate) fn nudge(wakers: &Receiver<Waker>, mut rng: Rng) {
    for waker in wakers {
        if rng.once_in(8) {
            thread::sleep(Duration::from_micros(rng.below(100)));
        }
        count("wake from another thread", 1);
        waker.wake();
    }
}
