//! The life of a pool: building it, its settings, its end, and use in the wrong place.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use pool_core::{BuildError, Pool, Rejection, Scheduler, Task, WaitError, current_worker};

use super::support::{balanced, check, occupy, pool, threads, until};
use super::{LIMIT, Make};

/// Threads bear the pool's name and their number, which `current_worker` gives too.
pub fn workers_have_names_and_numbers<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 3);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::new(Barrier::new(3));
        for _ in 0..3 {
            let (seen, all) = (Arc::clone(&seen), Arc::clone(&all));
            pool.execute(move || {
                let named = thread::current().name().map(str::to_owned);
                seen.lock().unwrap().push((current_worker(), named));
                all.wait();
            });
        }
        pool.wait_idle().unwrap();
        let mut seen = seen.lock().unwrap().clone();
        seen.sort();
        let expected: Vec<_> = (0..3).map(|i| (Some(i), Some(format!("{name}-{i}")))).collect();
        assert_eq!(seen, expected);
        assert_eq!(current_worker(), None);
    });
}

/// Each hook is called once for each thread, first and last, with its number; also for those that come and go.
pub fn hooks_are_called_once_per_thread<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let note = |what: &'static str| {
            let calls = Arc::clone(&calls);
            move |index: usize| {
                assert_eq!(current_worker(), None, "a hook runs outside the worker's life");
                calls.lock().unwrap().push((thread::current().id(), index, what));
            }
        };
        let builder = Pool::builder_with(make()).workers(2).thread_name(name);
        let pool = builder.on_start(note("start")).on_stop(note("stop")).build().unwrap();
        pool.add_workers(2).unwrap();
        let working = calls.clone();
        occupy(&pool).open();
        pool.wait_idle().unwrap();
        assert_eq!(working.lock().unwrap().len(), 4, "every worker has started, and none has stopped");
        assert_eq!(pool.retire_workers(1), 1);
        pool.shutdown().unwrap();
        let calls = calls.lock().unwrap();
        assert_eq!(calls.len(), 8);
        for index in 0..4 {
            let own: Vec<_> = calls.iter().filter(|call| call.1 == index).collect();
            assert_eq!((own[0].2, own[1].2), ("start", "stop"));
            assert_eq!(own[0].0, own[1].0, "on the worker's own thread");
        }
    });
}

/// `shutdown` runs everything accepted, and what that submits; it may be called twice, and from many threads at once.
pub fn shutdown_drains<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        fn chain(left: usize, ran: Arc<AtomicUsize>) {
            ran.fetch_add(1, Ordering::Relaxed);
            if left > 0 {
                pool_core::execute(move || chain(left - 1, ran));
            }
        }
        for _ in 0..30 {
            let pool = pool(make(), name, 2);
            let ran = Arc::new(AtomicUsize::new(0));
            for _ in 0..20 {
                let ran = Arc::clone(&ran);
                pool.execute(move || chain(30, ran));
            }
            thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(|| pool.shutdown().unwrap()))));
            assert_eq!(ran.load(Ordering::Relaxed), 20 * 31);
            pool.shutdown().unwrap();
            assert_eq!(balanced(&pool).completed, 20 * 31);
            assert_eq!(pool.metrics().sleeping, 0);
            pool.wait_idle().unwrap();
            drop(pool);
            until(|| threads::named(name).is_empty());
        }
    });
}

/// After the end, submissions give the closure back, and the calls that cannot do so panic with a message.
pub fn a_closed_pool_refuses<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 1);
        pool.shutdown().unwrap();
        let text = String::from("mine");
        let back = pool.try_execute(move || assert_eq!(text, "mine")).unwrap_err();
        assert_eq!(back.reason(), Rejection::ShutDown);
        back.into_inner()();
        let back = pool.try_spawn(|| 5).unwrap_err();
        assert_eq!(back.into_inner()(), 5);
        // More than fits into a task.
        let large = [7_u8; 200];
        let back = pool.task().try_execute(move || assert_eq!(large.len(), 200)).unwrap_err();
        back.into_inner()();
        let back = pool.task().try_execute_batch((0..3).map(|n| move || assert!(n < 3))).unwrap_err();
        assert_eq!(back.reason(), Rejection::ShutDown);
        let back = back.into_inner();
        assert_eq!(back.len(), 3);
        back.into_iter().for_each(|f| f());
        let panics: [&dyn Fn(); 7] = [
            &|| pool.execute(|| ()),
            &|| drop(pool.spawn(|| ())),
            &|| pool.execute_batch([|| (), || ()]),
            &|| drop(pool.spawn_batch([|| (), || ()])),
            &|| pool.install(|| ()),
            &|| pool.join(|| (), || ()).0,
            &|| pool.scope(|_| ()),
        ];
        for panics in panics {
            let payload = catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
            let message = payload.downcast_ref::<String>().expect("a message");
            assert!(message.contains("shut down"), "{message}");
        }
        let metrics = balanced(&pool);
        assert_eq!((metrics.rejected, metrics.completed), (3 + 3 + 1 + 1 + 2 + 2 + 3, 0));
    });
}

/// `wait_idle` returns when nothing waits and nothing runs, to every thread that waits.
pub fn wait_idle_waits_for_everything<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = Arc::new(pool(make(), name, 3));
        pool.wait_idle().unwrap();
        for _ in 0..200 {
            let left = Arc::new(AtomicUsize::new(40));
            for _ in 0..20 {
                let (left, child) = (Arc::clone(&left), Arc::clone(&left));
                pool.execute(move || {
                    pool_core::execute(move || {
                        child.fetch_sub(1, Ordering::Release);
                    });
                    left.fetch_sub(1, Ordering::Release);
                });
            }
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        pool.wait_idle().unwrap();
                        assert_eq!(left.load(Ordering::Acquire), 0);
                    });
                }
            });
        }
        let inner = Arc::clone(&pool);
        assert_eq!(pool.install(|| inner.install(|| 5)), 5, "`install` on an own worker runs right there");
    });
}

/// A worker cannot wait for its own pool, by whichever call, and is told so. A call that closes the pool has closed it
/// all the same, and other threads may wait for its end.
pub fn waiting_for_ones_own_pool_is_the_same_error_everywhere<S: Scheduler<Task> + 'static>(make: Make<S>) {
    type Wait<S> = fn(&Pool<S>) -> Result<(), WaitError>;
    let waits: [(Wait<S>, bool); 4] = [
        (Pool::wait_idle, false),
        (|pool| pool.wait_idle_timeout(LIMIT), false),
        (Pool::shutdown, true),
        (|pool| pool.shutdown_timeout(LIMIT), true),
    ];
    check(move |name| {
        for (wait, closes) in waits {
            let (own, other) = (Arc::new(pool(make(), name, 2)), pool(make(), name, 1));
            let told = Arc::new(Mutex::new(Vec::new()));
            let ask = {
                let (own, told) = (Arc::clone(&own), Arc::clone(&told));
                move || told.lock().unwrap().push(wait(&own))
            };
            // In a task, in a half of a join, in a task of a scope, and in what a worker runs while it waits.
            own.spawn(move || {
                ask();
                pool_core::join(&ask, &ask);
                pool_core::scope(|scope| scope.spawn(|_| ask()));
                pool_core::spawn(ask).join().unwrap();
            })
            .join()
            .unwrap();
            assert_eq!(*told.lock().unwrap(), [Err(WaitError::OwnWorker); 5]);
            assert_eq!(own.try_execute(|| ()).is_err(), closes);
            let waited_for = Arc::clone(&own);
            assert_eq!(
                other.spawn(move || wait(&waited_for)).join().unwrap(),
                Ok(()),
                "a worker of another pool may wait"
            );
            assert_eq!(wait(&own), Ok(()), "a thread of no pool may wait");
            assert_eq!(balanced(&own).completed, if closes { 3 } else { 4 });
        }
    });
}

/// The system will not start a thread: `build` says so, and nothing is left running.
pub fn a_failed_build_leaves_nothing<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        // More than any address space.
        let builder = Pool::builder_with(make()).workers(3).thread_name(name).stack_size(usize::MAX / 4);
        let error = builder.build().expect_err("no system has such a stack");
        assert!(matches!(error, BuildError::Thread(_)), "{error}");
        assert!(error.to_string().contains("thread") && std::error::Error::source(&error).is_some());
        until(|| threads::named(name).is_empty());
        let error = Pool::builder_with(make()).workers(0).build().expect_err("no pool without workers");
        assert!(matches!(error, BuildError::Workers { asked: 0, .. }), "{error}");
    });
}

/// The free functions belong to the pool whose worker runs them, or give the closure back.
pub fn free_functions_know_their_pool<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let back = pool_core::try_execute(|| ()).unwrap_err();
        assert_eq!(back.reason(), Rejection::NoWorker);
        back.into_inner()();
        assert_eq!(pool_core::try_spawn(|| 5).unwrap_err().into_inner()(), 5);
        assert!(catch_unwind(|| pool_core::execute(|| ())).is_err());
        assert!(catch_unwind(|| drop(pool_core::spawn(|| ()))).is_err());
        // These need no pool.
        assert_eq!(pool_core::join(|| 1, || 2), (1, 2));
        let mut parts = [0; 4];
        pool_core::scope(|scope| {
            for part in &mut parts {
                scope.spawn(|scope| {
                    *part += 1;
                    scope.spawn(|_| *part += 1);
                });
            }
        });
        assert_eq!(parts, [2; 4]);

        let (one, two) = (pool(make(), name, 1), pool(make(), name, 1));
        let inside = one.install(|| two.install(|| pool_core::spawn(current_worker)).join().unwrap());
        assert_eq!(inside, Some(0));
        one.wait_idle().unwrap();
        assert_eq!((balanced(&one).completed, balanced(&two).completed), (1, 2));
    });
}
