//! Futures in a pool: polls, wakes and drops, counted exactly.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use pool_core::{Pool, Scheduler, Task};

use super::Make;
use super::support::{Bomb, Gate, Token, balanced, check, occupy, pool, throw, tick, until};

/// What a check sees of a future, and steers it by.
#[derive(Debug, Default)]
pub(super) struct Steered {
    polls: AtomicUsize,
    drops: Arc<AtomicUsize>,
    ready: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Steered {
    /// A future that is ready once it is [released](Self::release), and counts its polls and its drop.
    pub(super) fn future(self: &Arc<Self>) -> impl Future<Output = usize> + Send + 'static {
        let (this, token) = (Arc::clone(self), Token(Arc::clone(&self.drops)));
        poll_fn(move |context| {
            let _ = &token;
            *this.waker.lock().unwrap() = Some(context.waker().clone());
            let is_ready = this.ready.load(Ordering::Acquire);
            // Counted last: a release that comes after the count was not seen by this poll.
            let polls = this.polls.fetch_add(1, Ordering::AcqRel) + 1;
            if is_ready { Poll::Ready(polls) } else { Poll::Pending }
        })
    }

    pub(super) fn polls(&self) -> usize {
        self.polls.load(Ordering::Acquire)
    }

    pub(super) fn drops(&self) -> usize {
        self.drops.load(Ordering::Acquire)
    }

    pub(super) fn wake(&self) {
        let waker = self.waker.lock().unwrap().clone();
        waker.expect("it was polled").wake();
    }

    pub(super) fn release(&self) {
        self.ready.store(true, Ordering::Release);
        self.wake();
    }

    pub(super) fn forget_waker(&self) {
        let waker = self.waker.lock().unwrap().take();
        drop(waker);
    }
}

/// Counts its wakes.
#[derive(Default)]
pub(super) struct Wakes(pub(super) AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        tick(&self.0);
    }
}

pub(super) fn in_pools<S: Scheduler<Task> + 'static>(make: Make<S>, f: fn(Pool<S>)) {
    check(move |name| {
        for workers in [1, 4] {
            f(pool(make(), name, workers));
        }
    });
}

/// One poll when it is spawned and one for each wake; many wakes before a poll are one; none after the end.
pub fn a_future_is_polled_once_for_all_wakes_before_the_poll<S: Scheduler<Task> + 'static>(make: Make<S>) {
    in_pools(make, |pool| {
        assert_eq!(pool.spawn_future(async { 5 }).join().unwrap(), 5);
        let seen = Arc::new(Steered::default());
        let handle = pool.spawn_future(seen.future());
        pool.wait_idle().unwrap();
        assert_eq!((seen.polls(), handle.is_finished()), (1, false), "`wait_idle` does not wait for it");
        for polls in 2..5 {
            seen.wake();
            pool.wait_idle().unwrap();
            assert_eq!(seen.polls(), polls);
        }
        let gate = occupy(&pool);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..50).for_each(|_| seen.wake()));
            }
        });
        assert_eq!(pool.metrics().waiting, 1);
        gate.open();
        pool.wait_idle().unwrap();
        assert_eq!((seen.polls(), seen.drops()), (5, 0));
        seen.release();
        assert_eq!(handle.join().unwrap(), 6);
        assert_eq!(seen.drops(), 1, "dropped before the handle has the result");
        seen.wake();
        let metrics = balanced(&pool);
        assert_eq!((seen.polls(), seen.drops()), (6, 1));
        assert_eq!(metrics.completed, 1 + 6 + pool.workers() as u64);
    });
}

/// A wake during a poll, by the future itself or by another thread, leads to one more poll.
pub fn a_wake_during_a_poll_leads_to_one_more<S: Scheduler<Task> + 'static>(make: Make<S>) {
    in_pools(make, |pool| {
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&polls);
        let handle = pool.spawn_future(poll_fn(move |context| {
            context.waker().wake_by_ref();
            context.waker().wake_by_ref();
            if counted.fetch_add(1, Ordering::Relaxed) == 9 { Poll::Ready(()) } else { Poll::Pending }
        }));
        handle.join().unwrap();
        pool.wait_idle().unwrap();
        assert_eq!(polls.load(Ordering::Relaxed), 10);
        // By another thread, which the poll waits for.
        let (polling, woken) = (Gate::default(), Gate::default());
        let (seen, gates) = (Arc::new(Steered::default()), (polling.clone(), woken.clone()));
        let mut inner = Box::pin(seen.future());
        let handle = pool.spawn_future(poll_fn(move |context| {
            let polled = inner.as_mut().poll(context);
            gates.0.open();
            gates.1.pass();
            polled
        }));
        polling.pass();
        seen.release();
        seen.wake();
        assert_eq!((seen.polls(), handle.is_finished()), (1, false));
        woken.open();
        assert_eq!(handle.join().unwrap(), 2);
        assert_eq!(balanced(&pool).completed, 10 + 2);
    });
}

/// Four threads wake a future at any moment: it is never polled twice at the same time, and the last wake is not lost.
pub fn no_wake_is_lost_and_no_poll_overlaps<S: Scheduler<Task> + 'static>(make: Make<S>) {
    in_pools(make, |pool| {
        const WAKES: usize = 300;
        for _ in 0..10 {
            let arrived = Arc::new(AtomicUsize::new(0));
            let waker = Arc::new(Mutex::new(None::<Waker>));
            let inside = AtomicBool::new(false);
            let (told, left) = (Arc::clone(&arrived), Arc::clone(&waker));
            let handle = pool.spawn_future(poll_fn(move |context| {
                assert!(!inside.swap(true, Ordering::AcqRel), "polled twice at the same time");
                let mut left = left.lock().unwrap();
                if left.is_none() {
                    *left = Some(context.waker().clone());
                }
                drop(left);
                // Relaxed: the wake orders it.
                let is_last = told.load(Ordering::Relaxed) == 4 * WAKES;
                inside.store(false, Ordering::Release);
                if is_last { Poll::Ready(()) } else { Poll::Pending }
            }));
            until(|| waker.lock().unwrap().is_some());
            let waker = waker.lock().unwrap().clone().unwrap();
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for _ in 0..WAKES {
                            arrived.fetch_add(1, Ordering::Relaxed);
                            waker.wake_by_ref();
                        }
                    });
                }
            });
            handle.join().unwrap();
        }
        balanced(&pool);
    });
}

/// A panic in a poll goes to the handle, with its payload, and without one to the panic handler.
pub fn a_panic_in_a_poll_goes_to_the_handle<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for workers in [1, 4] {
            let reported = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&reported);
            let builder = Pool::builder_with(make()).workers(workers).thread_name(name);
            let pool = builder.panic_handler(move |_| tick(&counted)).build().unwrap();
            let drops = Arc::new(AtomicUsize::new(0));
            let bad = |polls: usize| {
                let (token, mut left) = (Token(Arc::clone(&drops)), polls);
                poll_fn(move |context| -> Poll<()> {
                    let _ = &token;
                    context.waker().wake_by_ref();
                    left -= 1;
                    if left == 0 { throw(7_i32) } else { Poll::Pending }
                })
            };
            for polls in [1, 3] {
                let error = pool.spawn_future(bad(polls)).join().unwrap_err();
                assert_eq!(error.into_panic().downcast_ref(), Some(&7));
            }
            assert_eq!((drops.load(Ordering::Relaxed), reported.load(Ordering::Relaxed)), (2, 0));
            let gate = occupy(&pool);
            drop(pool.spawn_future(bad(1)));
            gate.open();
            pool.wait_idle().unwrap();
            assert_eq!((drops.load(Ordering::Relaxed), reported.load(Ordering::Relaxed)), (3, 1));
            // A future that panics when it is dropped after its end.
            let bomb = Bomb::armed();
            let error = pool.spawn_future(poll_fn(move |_| {
                let _ = &bomb;
                Poll::Ready(())
            }));
            assert!(error.join().unwrap_err().is_panic());
            let metrics = balanced(&pool);
            assert_eq!((metrics.panicked, metrics.completed), (4, 2 + workers as u64));
        }
    });
}

/// `cancel` drops a future that waits at once, and one that is being polled right after; never one that has ended.
pub fn a_cancelled_future_is_dropped_once<S: Scheduler<Task> + 'static>(make: Make<S>) {
    in_pools(make, |pool| {
        // It waits for a wake.
        let idle = Arc::new(Steered::default());
        let handle = pool.spawn_future(idle.future());
        pool.wait_idle().unwrap();
        assert!(handle.cancel() && !handle.cancel() && handle.is_finished());
        assert_eq!((idle.polls(), idle.drops()), (1, 1));
        idle.wake();
        assert!(handle.join().unwrap_err().is_cancelled());
        // It waits in the queue.
        let queued = Arc::new(Steered::default());
        let gate = occupy(&pool);
        let handle = pool.spawn_future(queued.future());
        assert!(handle.cancel() && handle.is_finished());
        assert_eq!((queued.polls(), queued.drops()), (0, 1));
        assert!(handle.join().unwrap_err().is_cancelled());
        gate.open();
        assert_eq!(balanced(&pool).cancelled, 1);
        // It is being polled, and even returns a value.
        for ready in [false, true] {
            let (polling, goes_on) = (Gate::default(), Gate::default());
            let gates = (polling.clone(), goes_on.clone());
            let drops = Arc::new(AtomicUsize::new(0));
            let (token, value) = (Token(Arc::clone(&drops)), Arc::clone(&drops));
            let handle = pool.spawn_future(poll_fn(move |_| {
                let _ = &token;
                gates.0.open();
                gates.1.pass();
                if ready { Poll::Ready(Token(Arc::clone(&value))) } else { Poll::Pending }
            }));
            polling.pass();
            assert!(handle.cancel() && !handle.cancel());
            assert_eq!((drops.load(Ordering::Relaxed), handle.is_finished()), (0, false));
            goes_on.open();
            assert!(handle.join().unwrap_err().is_cancelled());
            pool.wait_idle().unwrap();
            assert_eq!(drops.load(Ordering::Relaxed), if ready { 2 } else { 1 });
        }
        // It has ended.
        let handle = pool.spawn_future(async { 5 });
        until(|| handle.is_finished());
        assert!(!handle.cancel());
        assert_eq!(handle.join().unwrap(), 5);
        assert_eq!(balanced(&pool).cancelled, 1);
    });
}

/// A dropped handle lets its future run, lets go of its waker at once, and loses no value.
pub fn a_dropped_handle_detaches_its_future<S: Scheduler<Task> + 'static>(make: Make<S>) {
    in_pools(make, |pool| {
        let seen = Arc::new(Steered::default());
        let mut handle = pool.spawn_future(seen.future());
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        assert!(Pin::new(&mut handle).poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        assert_eq!(Arc::strong_count(&wakes), 2);
        drop(handle);
        assert_eq!((Arc::strong_count(&wakes), wakes.0.load(Ordering::Relaxed)), (1, 0));
        pool.wait_idle().unwrap();
        seen.release();
        pool.wait_idle().unwrap();
        assert_eq!((seen.polls(), seen.drops()), (2, 1));
        // The value, before and after its end.
        let drops = Arc::new(AtomicUsize::new(0));
        for waits in [false, true] {
            for _ in 0..100 {
                let token = Token(Arc::clone(&drops));
                let handle = pool.spawn_future(async { token });
                if waits {
                    until(|| handle.is_finished());
                }
                drop(handle);
            }
        }
        pool.wait_idle().unwrap();
        assert_eq!(drops.load(Ordering::Relaxed), 200);
        // Nothing can wake it, and no handle is left: it goes at once.
        let lost = Arc::new(Steered::default());
        drop(pool.spawn_future(lost.future()));
        pool.wait_idle().unwrap();
        assert_eq!((lost.polls(), lost.drops()), (1, 0), "its waker could still be used");
        lost.forget_waker();
        assert_eq!(lost.drops(), 1);
    });
}
