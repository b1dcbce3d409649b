//! Waiting for futures: joins, also by a worker of their own pool, and awaits.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use pool_core::{Scheduler, Task, current_worker};

use super::Make;
use super::futures::{Steered, Wakes, in_pools};
use super::support::{LIMIT, balanced, throw, until};

/// A handle is given back when the time is over, as often as that happens, and then still has the result.
pub fn a_timed_join_gives_the_handle_of_a_future_back<S: Scheduler<Task> + 'static>(make: Make<S>) {
    in_pools(make, |pool| {
        let seen = Arc::new(Steered::default());
        let mut handle = pool.spawn_future(seen.future());
        pool.wait_idle().unwrap();
        for limit in [Duration::ZERO, Duration::from_micros(1), Duration::from_millis(2)] {
            handle = handle.join_timeout(limit).expect_err("it was not released");
        }
        let handle = pool.install(|| handle.join_timeout(Duration::ZERO)).expect_err("it was not released");
        seen.release();
        assert_eq!(handle.join_timeout(LIMIT).unwrap().unwrap(), 2);
        assert_eq!(pool.spawn_future(async { 6 }).join_timeout(Duration::MAX).unwrap().unwrap(), 6);
    });
}

/// The handle of a future is a future: woken once, ready, and awaited by other futures of the same pool.
pub fn a_future_awaits_others<S: Scheduler<Task> + 'static>(make: Make<S>) {
    in_pools(make, |pool| {
        let seen = Arc::new(Steered::default());
        let mut handle = pool.spawn_future(seen.future());
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        for _ in 0..3 {
            assert!(Pin::new(&mut handle).poll(&mut Context::from_waker(&waker)).is_pending());
        }
        pool.wait_idle().unwrap();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
        seen.release();
        until(|| wakes.0.load(Ordering::Relaxed) == 1);
        let polled = Pin::new(&mut handle).poll(&mut Context::from_waker(&waker));
        assert!(matches!(polled, Poll::Ready(Ok(2))));
        drop(handle);
        drop(waker);
        // The thread that wakes it lets go of it last.
        until(|| Arc::strong_count(&wakes) == 1);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1, "once, and not kept");
        // A chain of futures, each of which awaits the next, and at its end a task.
        let remote = pool.remote();
        let mut last = pool.spawn_future({
            let remote = remote.clone();
            async move { remote.spawn(|| 1_u32).await.unwrap() }
        });
        for _ in 0..100 {
            last = remote.spawn_future(async move { last.await.unwrap() + 1 });
        }
        assert_eq!(last.join().unwrap(), 101);
        balanced(&pool);
    });
}

/// A worker that joins a future polls it, so that one worker is enough, and the polls are counted once.
pub fn one_worker_suffices_to_join_a_future<S: Scheduler<Task> + 'static>(make: Make<S>) {
    in_pools(make, |pool| {
        let remote = pool.remote();
        let joined = pool.install(move || {
            let mut left = 10;
            let mut yields = move |context: &mut Context<'_>| {
                context.waker().wake_by_ref();
                left -= 1;
                if left == 0 { Poll::Ready(current_worker()) } else { Poll::Pending }
            };
            let nested = remote.clone();
            let outer = remote.spawn_future(async move { nested.spawn_future(async { 5 }).join().unwrap() });
            (remote.spawn_future(poll_fn(move |context| yields(context))).join().unwrap(), outer.join().unwrap())
        });
        assert_eq!((joined.0.is_some(), joined.1), (true, 5));
        let error = pool
            .install(|| {
                pool.spawn_future(async {
                    if true {
                        throw(7_i32)
                    }
                })
                .join()
            })
            .unwrap_err();
        assert_eq!(error.into_panic().downcast_ref(), Some(&7));
        balanced(&pool);
        // Woken from outside, between the polls and after the pool was closed.
        let seen = Arc::new(Steered::default());
        let joined = pool.spawn({
            let (remote, future) = (pool.remote(), seen.future());
            move || remote.spawn_future(future).join()
        });
        until(|| seen.polls() == 1);
        seen.wake();
        until(|| seen.polls() == 2);
        thread::scope(|scope| {
            scope.spawn(|| pool.shutdown().unwrap());
            until(|| pool.try_execute(|| ()).is_err());
            seen.release();
            assert_eq!(joined.join().unwrap().unwrap(), 3);
        });
        assert_eq!(seen.drops(), 1);
        balanced(&pool);
    });
}
