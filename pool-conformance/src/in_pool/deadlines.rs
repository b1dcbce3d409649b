//! Tokens and deadlines of single tasks: what has ended before a task starts keeps it from starting, in each way to submit it,
//! and the books say which it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pool_core::{CancelToken, Rejection, Scheduler, Task, WhenFull, current_token, is_cancelled};

use super::support::{Token, balanced, check, occupy, occupy_one, pool, tick};
use super::{LIMIT, Make};

/// A token that has ended, and a deadline that has passed: no closure starts, each is dropped once, and each handle says why.
pub fn what_has_ended_does_not_start<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 2);
        let (ran, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let task = || {
            let (ran, token) = (Arc::clone(&ran), Token(Arc::clone(&dropped)));
            move || {
                let _token = token;
                tick(&ran);
            }
        };
        let token = CancelToken::new();
        let passed = Instant::now();
        let gate = occupy(&pool);
        let cancelled = pool.task().token(&token).spawn(task());
        let expired = pool.task().deadline(passed).spawn(task());
        // With both, the earlier reason counts.
        let both = pool.task().token(&token).deadline(Instant::now() + LIMIT).spawn(task());
        for builder in [|| CancelToken::new(), || CancelToken::new().with_timeout(Duration::ZERO)] {
            let token = builder();
            token.cancel();
            pool.task().token(&token).execute(task());
            pool.task().token(&token).try_execute(task()).unwrap();
            pool.task().token(&token).execute_batch([task(), task()]);
            pool.task().token(&token).try_execute_batch([task(), task()]).unwrap();
        }
        let batch = pool.task().deadline(passed).spawn_batch([task(), task()]);
        token.cancel();
        gate.open();
        assert!(cancelled.join().unwrap_err().is_cancelled());
        assert!(both.join().unwrap_err().is_cancelled());
        assert!(expired.join().unwrap_err().is_expired());
        assert!(batch.into_iter().all(|handle| handle.join().is_err_and(|error| error.is_expired())));
        let metrics = balanced(&pool);
        assert_eq!((ran.load(Ordering::Relaxed), dropped.load(Ordering::Relaxed)), (0, 17), "{metrics:?}");
        assert_eq!((metrics.cancelled, metrics.expired, metrics.panicked), (14, 3, 0), "{metrics:?}");
        // On a worker, and in the place of its waiter.
        let inner = pool.install(|| pool_core::task::<S::Hint>().deadline(passed).spawn(|| ()).join());
        assert!(inner.unwrap_err().is_expired());
        assert_eq!(balanced(&pool).expired, 4);
    });
}

/// A task that runs has its token as the current one, and one with a deadline alone, too; what it submits has none.
pub fn a_running_task_sees_its_token<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 2);
        let token = CancelToken::new();
        let running = pool.task().token(&token).spawn(|| {
            while !is_cancelled() {
                std::thread::yield_now();
            }
            pool_core::spawn(|| current_token().is_none()).join().unwrap()
        });
        let late = pool.task().deadline(Instant::now() + Duration::from_millis(50)).spawn(|| {
            while !is_cancelled() {
                std::thread::yield_now();
            }
        });
        assert!(late.join().map_or_else(|error| error.is_expired(), |()| true));
        // It may have been cancelled before it began.
        token.cancel();
        assert!(running.join().unwrap_or_else(|error| error.is_cancelled()));
        assert!(pool.install(|| current_token().is_none()));
        balanced(&pool);
    });
}

/// A refused closure comes back from under its token, and a task that is handed back still knows it.
pub fn what_is_refused_leaves_its_token<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let builder = pool_core::Pool::builder_with(make()).workers(1).thread_name(name).capacity(2);
        let pool = builder.when_full(WhenFull::Reject).build().expect("threads");
        let gate = occupy_one(&pool);
        let token = CancelToken::new();
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..2 {
            let ran = Arc::clone(&ran);
            pool.task().token(&token).execute(move || tick(&ran));
        }
        let refused = pool.task().token(&token).try_execute(|| ()).unwrap_err();
        assert_eq!(refused.reason(), Rejection::Full);
        refused.into_inner()();
        assert_eq!(pool.task().token(&token).try_spawn(|| 5).unwrap_err().into_inner()(), 5);
        let batch = pool.task().token(&token).try_execute_batch([|| (), || ()]).unwrap_err();
        assert_eq!(batch.into_inner().len(), 2);
        let mut unrun = pool.shutdown_now().unwrap();
        assert_eq!(unrun.len(), 2);
        unrun.remove(0).run();
        token.cancel();
        unrun.remove(0).run();
        assert_eq!(ran.load(Ordering::Relaxed), 1, "the second was cancelled before it was run by hand");
        gate.open();
        pool.shutdown().unwrap();
        balanced(&pool);
    });
}
