//! Handles in a pool: blocking, polled, cancelled, timed, dropped, outlived.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use pool_core::{JoinError, JoinHandle, Scheduler, Task};

use super::Make;
use super::support::{LIMIT, Token, balanced, check, is_asleep, occupy, pool, throw, until};

/// Counts its wakes.
#[derive(Debug, Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

impl Wakes {
    fn waker() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Self::default());
        (Arc::clone(&wakes), Waker::from(wakes))
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

fn poll<R>(handle: &mut JoinHandle<R>, waker: &Waker) -> Poll<Result<R, JoinError>> {
    Pin::new(handle).poll(&mut Context::from_waker(waker))
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The smallest executor.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Polled while the task waits, and while it runs; woken once, at the end; then ready, with the value or the payload.
pub fn a_handle_is_a_future<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 1);
        let gate = occupy(&pool);
        let (mut good, mut bad) = (
            pool.spawn(|| 5),
            pool.spawn(|| {
                if true {
                    throw(6_i32)
                }
            }),
        );
        let (wakes, waker) = Wakes::waker();
        for _ in 0..3 {
            assert!(poll(&mut good, &waker).is_pending() && poll(&mut bad, &waker).is_pending());
        }
        assert_eq!(wakes.count(), 0);
        gate.open();
        until(|| wakes.count() == 2);
        assert!(matches!(poll(&mut good, &waker), Poll::Ready(Ok(5))));
        let Poll::Ready(Err(error)) = poll(&mut bad, &waker) else { panic!("woken before it was ready") };
        assert_eq!(error.into_panic().downcast_ref(), Some(&6));
        drop((good, bad));
        pool.wait_idle().unwrap();
        assert_eq!(wakes.count(), 2, "once each");
        drop(waker);
        assert_eq!(Arc::strong_count(&wakes), 1, "no waker is kept");
        assert_eq!(block_on(pool.spawn(|| 7)).unwrap(), 7);
        let handles: Vec<_> = (0..200).map(|i| pool.spawn(move || i)).collect();
        let sum: i32 = handles.into_iter().map(|handle| block_on(handle).unwrap()).sum();
        assert_eq!(sum, 19_900);
    });
}

/// A later poll with another waker replaces the first, which is never woken, and is let go at once.
pub fn a_waker_is_replaced<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 1);
        let gate = occupy(&pool);
        let mut handle = pool.spawn(|| 5);
        let ((first, waker_1), (second, waker_2)) = (Wakes::waker(), Wakes::waker());
        assert!(poll(&mut handle, &waker_1).is_pending());
        drop(waker_1);
        assert!(poll(&mut handle, &waker_2).is_pending());
        assert_eq!(Arc::strong_count(&first), 1);
        gate.open();
        until(|| second.count() == 1);
        assert_eq!(first.count(), 0);
        assert!(matches!(poll(&mut handle, &waker_2), Poll::Ready(Ok(5))));
        // Replaced while the task ends: one of the two is woken, and it must be the last.
        for _ in 0..2000 {
            let mut handle = pool.spawn(|| 5);
            let ((_, waker_1), (last, waker_2)) = (Wakes::waker(), Wakes::waker());
            if poll(&mut handle, &waker_1).is_pending() && poll(&mut handle, &waker_2).is_pending() {
                until(|| last.count() == 1);
                assert!(poll(&mut handle, &waker_2).is_ready());
            }
        }
    });
}

/// `cancel` drops the closure at once, wakes the waiter, and is counted when a worker comes to the task.
pub fn a_cancelled_task_never_runs<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 1);
        let gate = occupy(&pool);
        let drops = Arc::new(AtomicUsize::new(0));
        let token = Token(Arc::clone(&drops));
        let mut handle = pool.spawn(move || {
            let _token = token;
            panic!("it must not run");
        });
        let (wakes, waker) = Wakes::waker();
        assert!(poll(&mut handle, &waker).is_pending());
        assert!(!handle.is_finished() && handle.cancel());
        assert_eq!((wakes.count(), drops.load(Ordering::Relaxed)), (1, 1));
        assert!(handle.is_finished() && !handle.cancel());
        assert!(matches!(poll(&mut handle, &waker), Poll::Ready(Err(error)) if error.is_cancelled()));
        // Its shell waits in the queue until a worker comes to it.
        let metrics = pool.metrics();
        assert_eq!((metrics.waiting, metrics.running, metrics.cancelled), (1, 1, 0));
        gate.open();
        assert_eq!(balanced(&pool).cancelled, 1);
        let done = pool.spawn(|| 1);
        until(|| done.is_finished());
        assert!(!done.cancel(), "what ran cannot be cancelled");
        assert_eq!(done.join().unwrap(), 1);
    });
}

/// A handle is given back when the time is over, as often as that happens, and then still has the result.
pub fn a_timed_join_gives_the_handle_back<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 1);
        let gate = occupy(&pool);
        let mut handle = pool.spawn(|| 5);
        for limit in [Duration::ZERO, Duration::from_micros(1), Duration::from_millis(2)] {
            handle = handle.join_timeout(limit).expect_err("the only worker is held");
        }
        thread::scope(|scope| {
            let waiter = scope.spawn(move || handle.join_timeout(Duration::MAX).expect("no time limit at all"));
            gate.open();
            assert_eq!(waiter.join().unwrap().unwrap(), 5);
        });
        assert_eq!(pool.spawn(|| 6).join_timeout(LIMIT).unwrap().unwrap(), 6);
        let bad = pool
            .spawn(|| {
                if true {
                    throw(7_i32)
                }
            })
            .join_timeout(LIMIT)
            .unwrap();
        assert!(bad.unwrap_err().is_panic());
    });
}

/// A dropped handle lets its task run; a result that comes when no handle is left is dropped once.
pub fn a_dropped_handle_detaches<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 2);
        let drops = Arc::new(AtomicUsize::new(0));
        for i in 0..1000 {
            let token = Token(Arc::clone(&drops));
            let mut handle = pool.spawn(move || token);
            if i % 3 == 0 {
                let _ = poll(&mut handle, Waker::noop());
            }
            drop(handle);
        }
        pool.wait_idle().unwrap();
        assert_eq!(drops.load(Ordering::Relaxed), 1000);
        assert_eq!(balanced(&pool).completed, 1000);
    });
}

/// The pool is dropped while threads wait for handles, and handles are used after the pool has gone.
pub fn handles_outlive_the_pool<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for _ in 0..50 {
            let pool = pool(make(), name, 1);
            let gate = occupy(&pool);
            let (kept, cancelled) = (pool.spawn(|| 1), pool.spawn(|| 2));
            let waited: Vec<_> = (0..3).map(|i| pool.spawn(move || i)).collect();
            thread::scope(|scope| {
                for (i, handle) in (0..).zip(waited) {
                    scope.spawn(move || {
                        let result = if i == 0 { block_on(handle) } else { handle.join() };
                        assert_eq!(result.unwrap(), i);
                    });
                }
                assert!(cancelled.cancel());
                gate.open();
                drop(pool);
            });
            assert!(kept.is_finished());
            assert_eq!(kept.join().unwrap(), 1);
            assert!(cancelled.join().unwrap_err().is_cancelled());
        }
    });
}

/// Threads wait for what `shutdown_now` hands back: they learn of it at once, though the tasks still exist.
pub fn waiters_learn_of_a_task_that_is_handed_back<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 1);
        let gate = occupy(&pool);
        let handles: Vec<_> = (0..4).map(|i| pool.spawn(move || i)).collect();
        thread::scope(|scope| {
            let waiters: Vec<_> = handles.into_iter().map(|handle| scope.spawn(move || handle.join())).collect();
            let installed = scope.spawn(|| pool.install(|| 1));
            until(|| pool.metrics().waiting == 5);
            let tasks = pool.shutdown_now().unwrap();
            assert!(installed.join().is_err(), "`install` panics: it will not be run");
            assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap().unwrap_err().is_returned()));
            assert_eq!(tasks.len(), 4);
        });
        gate.open();
        pool.shutdown().unwrap();
        let metrics = balanced(&pool);
        assert_eq!((metrics.returned, metrics.cancelled), (4, 1));
    });
}

/// A thread that sleeps in a wait while `shutdown_now` hands the task back learns of that, or of the task's end if the task is
/// run by hand before the waiter has looked.
pub fn waiters_learn_of_a_task_that_is_run_by_hand<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for _ in 0..100 {
            let pool = pool(make(), name, 1);
            let gate = occupy(&pool);
            let handle = pool.spawn(|| 5);
            let waiter = thread::Builder::new().name(format!("{name}w"));
            let waiter = waiter.spawn(move || handle.join()).expect("a thread");
            until(|| is_asleep(&format!("{name}w")));
            for task in pool.shutdown_now().unwrap() {
                task.run();
            }
            let result = waiter.join().unwrap();
            assert!(result.as_ref().is_ok_and(|&n| n == 5) || result.is_err_and(|error| error.is_returned()));
            gate.open();
            pool.shutdown().unwrap();
        }
    });
}
