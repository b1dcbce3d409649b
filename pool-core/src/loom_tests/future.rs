//! A future in a pool: polls, wakes, a cancellation, the drop of the handle and the end of the pool, in all interleavings.

use super::strategy::Flagged;
use super::{Probe, bounded, model, team};
use crate::error::panic;
use crate::future::ModelledCell;
use crate::sync::{Mutex, thread};
use crate::task::{Outcome, Task};
use crate::worker::{Crew, Inject, WaitingFutures};
use crate::{FutureHandle, Pool};
use loom::sync::atomic::AtomicUsize as LoomUsize;
use std::any::Any;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};

/// A queue that any thread of a model runs turns from, and that counts them.
struct Queue {
    crew: Arc<Crew>,
    turns: Mutex<Vec<Task>>,
    submitted: AtomicUsize,
    ended: AtomicUsize,
}

impl Queue {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            crew: team::crew(),
            turns: Mutex::new(Vec::new()),
            submitted: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
        })
    }

    fn put(&self, turn: Task) {
        self.submitted.fetch_add(1, Ordering::Relaxed);
        self.turns.lock().push(turn);
    }

    /// Runs what lies here.
    fn run(&self) {
        loop {
            let turn = self.turns.lock().pop();
            let Some(turn) = turn else { return };
            if turn.run_guarded(self.crew.id(), |_| {}) != Outcome::Void {
                self.ended.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Spawns a future on this queue.
    fn spawn<F>(self: &Arc<Self>, future: F) -> (FutureHandle<F::Output>, Waker)
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let address: Weak<dyn Inject> = Arc::<Self>::downgrade(self);
        let (turn, cell) = ModelledCell::new(self.crew.id(), address, None::<()>, future);
        self.put(turn);
        (FutureHandle::new(Arc::clone(&cell) as _), Waker::from(cell))
    }

    /// Each turn that was submitted has been counted once.
    fn check(&self) {
        assert!(self.turns.lock().is_empty());
        assert_eq!(self.submitted.load(Ordering::Relaxed), self.ended.load(Ordering::Relaxed));
    }
}

impl Inject for Queue {
    fn futures(&self) -> &WaitingFutures {
        &self.crew.futures
    }
    fn report_panic(&self, payload: panic::Payload) {
        self.crew.report_panic(payload);
    }
    fn is_empty(&self) -> bool {
        unreachable!("no strategy panics")
    }
    fn inject_ticket(&self, _ticket: Task) -> Result<(), ()> {
        unreachable!("there are no scopes")
    }
    fn submit_from_outside(&self, task: Task, _hint: &dyn Any) -> Result<(), Task> {
        self.put(task);
        Ok(())
    }
    fn inject_counted(&self, task: Task) {
        self.put(task);
    }
}

/// A future that is ready once it has seen `wanted` in the counter, which is written before each wake, without an ordering of
/// its own.
struct Waits {
    handle: FutureHandle<Probe>,
    waker: Waker,
    counter: Arc<LoomUsize>,
    futures: Arc<AtomicUsize>,
    results: Arc<AtomicUsize>,
}

fn waits(queue: &Arc<Queue>, wanted: usize) -> Waits {
    let counter = Arc::new(LoomUsize::new(0));
    let (futures, results) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (probe, seen, made) = (Probe::new(&futures), Arc::clone(&counter), Arc::clone(&results));
    let (handle, waker) = queue.spawn(poll_fn(move |_| {
        probe.touch();
        if seen.load(Ordering::Relaxed) == wanted { Poll::Ready(Probe::new(&made)) } else { Poll::Pending }
    }));
    Waits { handle, waker, counter, futures, results }
}

fn wake(counter: &LoomUsize, waker: Waker) {
    counter.fetch_add(1, Ordering::Relaxed);
    waker.wake();
}

/// The last of two wakes is followed by a poll that sees what both did before, and polls do not overlap.
#[test]
fn two_wakes_race_with_polls() {
    bounded(3, || {
        let queue = Queue::new();
        let Waits { handle, waker, counter, futures, results } = waits(&queue, 2);
        let wakers = [waker.clone(), waker].map(|waker| {
            let (queue, counter) = (Arc::clone(&queue), Arc::clone(&counter));
            thread::spawn(move || {
                wake(&counter, waker);
                queue.run();
            })
        });
        queue.run();
        for waker in wakers {
            waker.join().unwrap();
        }
        assert!(handle.is_finished());
        let result = handle.join().unwrap_or_else(|_| panic!("it was not cancelled"));
        result.touch();
        drop(result);
        assert_eq!((futures.load(Ordering::Relaxed), results.load(Ordering::Relaxed)), (1, 1));
        queue.check();
    });
}

#[test]
fn a_cancellation_races_with_a_wake_and_polls() {
    bounded(3, || {
        let queue = Queue::new();
        let Waits { handle, waker, counter, futures, results } = waits(&queue, 1);
        let runner = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.run())
        };
        let waking = thread::spawn(move || wake(&counter, waker));
        let cancelled = handle.cancel();
        runner.join().unwrap();
        waking.join().unwrap();
        queue.run();
        assert!(handle.is_finished());
        assert_eq!(handle.join().is_err(), cancelled);
        assert_eq!(futures.load(Ordering::Relaxed), 1);
        assert!(cancelled || results.load(Ordering::Relaxed) == 1);
        queue.check();
    });
}

/// No wake follows that would lead to the drop.
#[test]
fn a_cancellation_during_a_poll_is_obeyed_after_it() {
    model(|| {
        let queue = Queue::new();
        let Waits { handle, waker, futures, .. } = waits(&queue, 1);
        let runner = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.run())
        };
        assert!(handle.cancel());
        runner.join().unwrap();
        assert!(handle.is_finished());
        assert_eq!(futures.load(Ordering::Relaxed), 1);
        drop(waker);
        queue.check();
    });
}

#[test]
fn the_end_races_with_the_drop_of_the_handle() {
    model(|| {
        let queue = Queue::new();
        let Waits { handle, waker, futures, results, .. } = waits(&queue, 0);
        drop(waker);
        let runner = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.run())
        };
        drop(handle);
        runner.join().unwrap();
        assert_eq!((futures.load(Ordering::Relaxed), results.load(Ordering::Relaxed)), (1, 1));
        queue.check();
    });
}

/// The future is dropped by whichever of the two reaches it last.
#[test]
fn a_poll_races_with_the_last_waker_and_the_handle() {
    bounded(3, || {
        let queue = Queue::new();
        let Waits { handle, waker, futures, results, .. } = waits(&queue, 1);
        let runner = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.run())
        };
        let waking = thread::spawn(move || drop(waker));
        drop(handle);
        runner.join().unwrap();
        waking.join().unwrap();
        assert_eq!((futures.load(Ordering::Relaxed), results.load(Ordering::Relaxed)), (1, 0));
        queue.check();
    });
}

#[test]
fn the_waiter_is_woken_at_the_end() {
    bounded(3, || {
        let queue = Queue::new();
        let Waits { handle, waker, counter, futures, .. } = waits(&queue, 1);
        let runner = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                queue.run();
                wake(&counter, waker);
                queue.run();
            })
        };
        handle.join().unwrap_or_else(|_| panic!("it was not cancelled")).touch();
        runner.join().unwrap();
        assert_eq!(futures.load(Ordering::Relaxed), 1);
        queue.check();
    });
}

/// Notes that it was woken.
struct Noted(AtomicBool);

impl Wake for Noted {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The waker that a poll of the handle leaves while the future ends is woken, or the poll sees the end.
#[test]
fn what_awaits_the_handle_learns_of_the_end() {
    model(|| {
        let queue = Queue::new();
        let Waits { mut handle, waker, futures, .. } = waits(&queue, 0);
        drop(waker);
        let runner = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.run())
        };
        let noted = Arc::new(Noted(AtomicBool::new(false)));
        let awaiting = Waker::from(Arc::clone(&noted));
        let polled = Pin::new(&mut handle).poll(&mut Context::from_waker(&awaiting));
        runner.join().unwrap();
        assert!(polled.is_ready() || noted.0.load(Ordering::Relaxed));
        drop((polled, handle));
        assert_eq!(futures.load(Ordering::Relaxed), 1);
        queue.check();
    });
}

/// The pool ends while a thread wakes the future: polled or dropped, and each turn is counted once.
#[test]
fn the_end_of_the_pool_races_with_a_wake() {
    bounded(3, || {
        let queue = Queue::new();
        let Waits { handle, waker, counter, futures, .. } = waits(&queue, 1);
        queue.run();
        let waking = thread::spawn(move || wake(&counter, waker));
        queue.crew.futures.abandon(&queue.crew.ledger).submit();
        queue.run();
        waking.join().unwrap();
        queue.run();
        let ended = handle.join();
        assert_eq!(futures.load(Ordering::Relaxed), 1);
        assert_eq!(ended.is_err(), queue.crew.totals().submitted == 1, "dropped in its last turn");
        queue.check();
    });
}

fn pool(workers: usize) -> Pool<Flagged> {
    Pool::builder_with(Flagged::default()).workers(workers).panic_handler(|_| {}).build().unwrap()
}

/// A worker joins a future that a thread from outside wakes, between and during polls.
#[test]
fn a_worker_that_joins_is_woken_for_each_poll() {
    bounded(1, || {
        let pool = pool(1);
        let counter = Arc::new(LoomUsize::new(0));
        let left = Arc::new(Mutex::new(None::<Waker>));
        let (seen, leave) = (Arc::clone(&counter), Arc::clone(&left));
        let future = poll_fn(move |context| {
            *leave.lock() = Some(context.waker().clone());
            if seen.load(Ordering::Acquire) == 1 { Poll::Ready(5) } else { Poll::Pending }
        });
        let waking = thread::spawn(move || {
            counter.store(1, Ordering::Release);
            let waker = left.lock().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        assert_eq!(pool.spawn(|| crate::task::<()>().spawn_future(future).join()).join().unwrap().unwrap(), 5);
        waking.join().unwrap();
    });
}

/// A pool ends with a future that waits, while a thread wakes it. It is dropped once, and the handle learns of it.
#[test]
fn a_pool_ends_with_a_future_that_waits() {
    bounded(2, || {
        let pool = pool(1);
        let drops = Arc::new(AtomicUsize::new(0));
        let probe = Probe::new(&drops);
        let left = Arc::new(Mutex::new(None::<Waker>));
        let leave = Arc::clone(&left);
        let handle = pool.spawn_future(poll_fn(move |context| {
            probe.touch();
            *leave.lock() = Some(context.waker().clone());
            Poll::<()>::Pending
        }));
        let waking = thread::spawn(move || {
            let waker = left.lock().take();
            waker.into_iter().for_each(Waker::wake);
        });
        pool.shutdown().unwrap();
        // A thread whose wake is refused may still be about to drop the future.
        waking.join().unwrap();
        assert!(handle.is_finished());
        assert_eq!(drops.load(Ordering::Relaxed), 1);
        assert!(handle.join().unwrap_err().is_cancelled());
        assert!(pool.metrics().is_balanced(), "{:?}", pool.metrics());
    });
}

/// A worker joins a future that a thread wakes while the pool is closed: the pool may refuse the turn that the worker polls in
/// place of. Each turn is counted once, and only if it came in.
#[test]
fn a_worker_joins_a_future_whose_wake_races_with_the_close() {
    bounded(1, || {
        let pool = pool(1);
        let left = Arc::new(Mutex::new((false, None::<Waker>)));
        let leave = Arc::clone(&left);
        let future = poll_fn(move |context| {
            let mut left = leave.lock();
            left.1 = Some(context.waker().clone());
            if left.0 { Poll::Ready(()) } else { Poll::Pending }
        });
        let handle = pool.spawn_future(future);
        pool.execute(move || drop(handle.join()));
        let waking = thread::spawn(move || {
            let waker = {
                let mut left = left.lock();
                left.0 = true;
                left.1.take()
            };
            waker.into_iter().for_each(Waker::wake);
        });
        pool.close();
        waking.join().unwrap();
        pool.shutdown().unwrap();
        assert!(pool.metrics().is_balanced(), "{:?}", pool.metrics());
    });
}
