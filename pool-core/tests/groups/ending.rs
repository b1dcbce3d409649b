//! The end of a group before its tasks are done, and what it leaves.

use crate::support::{Counter, Gate, LIMIT, occupy, pool, wait_until};
use pool_core::doc_toy::Pool;
use pool_core::{CancelToken, Rejection, TaskError, TaskGroup, current_token, is_cancelled, task};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, OnceLock, Weak};
use std::thread;
use std::time::Duration;

/// CASES: a hundred spawned tasks, an error in the first, `?` out of `main`.
#[test]
fn an_error_in_the_first_of_a_hundred_tasks_comes_at_once() {
    let (ran, dropped) = (Counter::default(), Counter::default());
    let run = || -> Result<(), Box<dyn std::error::Error>> {
        let pool = pool(2);
        let mut group = TaskGroup::new();
        for number in 0..100 {
            let (inside, on_drop) = (ran.clone(), dropped.on_drop());
            group.spawn(pool.task(), move || {
                let _on_drop = on_drop;
                inside.tick();
                if number == 0 {
                    return "zero".parse::<u32>();
                }
                // Work without end, that looks at its token.
                wait_until("the end of the group", is_cancelled);
                Ok(number)
            });
            if number == 0 {
                wait_until("the first task", || ran.count() == 1);
            }
        }
        group.try_join_ok()?;
        Ok(())
    };
    assert!(run().unwrap_err().is::<TaskError<std::num::ParseIntError>>());
    // The pool is gone. Each worker had one task in hand; none of the other tasks began.
    assert!(ran.count() <= 3, "{} tasks ran", ran.count());
    assert_eq!(dropped.count(), 100);
}

#[test]
fn a_panic_ends_try_join_all_and_cancels_the_rest() {
    let pool = pool(1);
    let gate = occupy(&pool);
    let (ran, dropped) = (Counter::default(), Counter::default());
    let mut group = TaskGroup::new();
    for _ in 0..10 {
        let (ran, on_drop) = (ran.clone(), dropped.on_drop());
        group.spawn(pool.task(), move || {
            let _on_drop = on_drop;
            ran.tick();
            wait_until("the end of the group", is_cancelled);
        });
    }
    group.spawn(pool.task(), || resume_unwind(Box::new(7))); // of a stack, this one is the first
    gate.open();
    let error = group.try_join_all().unwrap_err();
    assert_eq!(error.into_panic().downcast_ref(), Some(&7));
    pool.wait_idle().unwrap();
    assert!(ran.count() <= 1);
    assert_eq!(dropped.count(), 10);
    assert!(pool.metrics().is_balanced());
}

#[test]
fn a_dropped_group_drops_what_has_not_started_right_there() {
    let pool = pool(1);
    let gate = occupy(&pool);
    let (ran, dropped) = (Counter::default(), Counter::default());
    let mut group = TaskGroup::new();
    for _ in 0..10 {
        let (ran, on_drop) = (ran.clone(), dropped.on_drop());
        group.spawn(pool.task(), move || (ran.tick(), drop(on_drop)).1);
    }
    let token = group.token().clone();
    drop(group);
    assert_eq!((ran.count(), dropped.count()), (0, 10), "while the only worker is held");
    assert!(token.is_cancelled());
    gate.open();
    pool.wait_idle().unwrap();
    assert_eq!((ran.count(), dropped.count(), pool.metrics().cancelled), (0, 10, 10));
}

#[test]
fn what_runs_sees_the_token_of_a_dropped_group() {
    let pool = pool(1);
    let (begun, ended) = (Gate::default(), Gate::default());
    let inside = (begun.clone(), ended.clone());
    let mut group = TaskGroup::new();
    group.spawn(pool.task(), move || {
        inside.0.open();
        wait_until("the end of the group", is_cancelled);
        inside.1.open();
    });
    begun.pass();
    drop(group);
    ended.pass();
}

#[test]
fn a_group_whose_results_were_taken_leaves_its_token_alone() {
    let pool = pool(1);
    let mut group = TaskGroup::new();
    group.spawn(pool.task(), || 1);
    let token = group.token().clone();
    assert_eq!(group.try_join_all().unwrap(), [1]);
    assert!(!token.is_cancelled());
    drop(TaskGroup::<()>::with_token(&token));
    assert!(!token.is_cancelled());
}

#[test]
fn a_token_above_the_group_keeps_tasks_from_starting() {
    let pool = pool(1);
    let gate = occupy(&pool);
    let above = CancelToken::new();
    let ran = Counter::default();
    let mut group = TaskGroup::with_token(&above);
    for _ in 0..10 {
        let ran = ran.clone();
        group.spawn(pool.task(), move || ran.tick());
    }
    above.cancel();
    gate.open();
    for _ in 0..10 {
        assert!(group.next().unwrap().1.unwrap_err().is_cancelled());
    }
    assert!(group.next().is_none());
    assert_eq!(ran.count(), 0);
    // A group that is cancelled goes on to take tasks, and runs none.
    group.spawn(pool.task(), || ());
    assert!(group.try_join_all().unwrap_err().is_cancelled());
}

#[test]
fn a_deadline_ends_a_group() {
    let pool = pool(2);
    let mut group = TaskGroup::with_token(&CancelToken::new().with_timeout(Duration::from_millis(1)));
    for _ in 0..20 {
        group.spawn(pool.task(), || wait_until("the deadline", is_cancelled));
    }
    let results = group.join_all();
    assert_eq!(results.len(), 20);
    // One task held each worker until the deadline; the rest ran for as long as it was not over, or not at all.
    assert!(results.into_iter().all(|result| result.map_or_else(|error| error.is_expired(), |()| true)));
}

#[test]
fn cancel_reports_each_task_that_did_not_run() {
    let pool = pool(1);
    let gate = occupy(&pool);
    let mut group = TaskGroup::new();
    (0..10).for_each(|n| assert_eq!(group.spawn(pool.task(), move || n), n));
    group.cancel();
    // The only worker is held: what is reported now was reported by the cancelling itself.
    for number in 0..10 {
        let (ended, result) = group.next_timeout(LIMIT).unwrap();
        assert!(ended == number && result.unwrap_err().is_cancelled());
    }
    gate.open();
}

#[test]
fn a_panic_in_the_drop_of_one_closure_leaves_out_no_other() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            resume_unwind(Box::new("a bomb"));
        }
    }
    for cancel_first in [true, false] {
        let pool = pool(1);
        let gate = occupy(&pool);
        let dropped = Counter::default();
        let mut group = TaskGroup::new();
        for number in 0..10 {
            let (on_drop, bomb) = (dropped.on_drop(), (number % 3 == 0).then(|| Bomb));
            group.spawn(pool.task(), move || drop((on_drop, bomb)));
        }
        let payload = if cancel_first {
            let payload = catch_unwind(AssertUnwindSafe(|| group.cancel())).unwrap_err();
            assert!(group.join_all().into_iter().all(|result| result.unwrap_err().is_cancelled()));
            payload
        } else {
            catch_unwind(AssertUnwindSafe(|| drop(group))).unwrap_err()
        };
        assert_eq!(payload.downcast_ref(), Some(&"a bomb"));
        assert_eq!(dropped.count(), 10);
        gate.open();
    }
    // While a panic unwinds, a second one would abort the process.
    let pool = pool(1);
    let gate = occupy(&pool);
    let payload = catch_unwind(AssertUnwindSafe(|| {
        let mut group = TaskGroup::new();
        let bomb = Bomb;
        group.spawn(pool.task(), move || drop(bomb));
        resume_unwind(Box::new("the first"));
    }));
    assert_eq!(payload.unwrap_err().downcast_ref(), Some(&"the first"));
    gate.open();
}

#[test]
fn a_refused_task_leaves_no_trace_in_the_group() {
    let (open, closed) = (pool(2), pool(1));
    closed.shutdown().unwrap();
    let dropped = Counter::default();
    let mut group = TaskGroup::new();
    let gate = Gate::default();
    let on_drop = dropped.on_drop();
    let refused = group.try_spawn(closed.task(), move || (drop(on_drop), 5).1).unwrap_err();
    assert_eq!((refused.reason(), dropped.count()), (Rejection::ShutDown, 0));
    assert_eq!((refused.into_inner()(), dropped.count()), (5, 1));
    let on_drop = dropped.on_drop();
    let panic = catch_unwind(AssertUnwindSafe(|| group.spawn(closed.task(), move || (drop(on_drop), 5).1)));
    assert!(panic.is_err() && dropped.count() == 2);
    assert_eq!(group.try_spawn(task::<()>(), || 5).unwrap_err().reason(), Rejection::NoWorker);
    assert!(group.is_empty() && group.next().is_none());
    // The number that the refused ones would have had goes to the next task, which has not ended.
    let inside = gate.clone();
    assert_eq!(group.spawn(open.task(), move || (inside.pass(), 6).1), 0);
    assert_eq!(group.try_spawn(open.task(), || 7).unwrap(), 1);
    assert!(matches!(group.next(), Some((1, Ok(7)))));
    gate.open();
    assert!(matches!(group.next(), Some((0, Ok(6)))));
}

#[test]
fn what_try_spawn_submits_runs_and_drops_once() {
    let pool = pool(1);
    let (ran, dropped) = (Counter::default(), Counter::default());
    let gate = occupy(&pool);
    for cancelled in [true, false] {
        let mut group = TaskGroup::new();
        for _ in 0..10 {
            let (ran, on_drop) = (ran.clone(), dropped.on_drop());
            assert!(group.try_spawn(pool.task(), move || (ran.tick(), drop(on_drop)).0).is_ok());
        }
        if cancelled {
            drop(group);
            assert_eq!((ran.count(), dropped.count()), (0, 10));
        } else {
            gate.open();
            group.try_join_all().unwrap();
        }
    }
    assert_eq!((ran.count(), dropped.count()), (10, 20));
}

#[test]
fn each_task_has_the_token_of_its_own_group() {
    let pool = pool(1);
    let seen = pool.install(|| {
        let outer_token = CancelToken::new();
        let mut outer = TaskGroup::with_token(&outer_token);
        outer.spawn(task::<()>(), || {
            let own = current_token().unwrap();
            // A task that is waited for in place is not a task of the group.
            let spawned = pool_core::spawn(|| current_token().is_none()).join().unwrap();
            // A group of its own is; its token is below.
            let mut inner = TaskGroup::new();
            inner.token().cancel();
            inner.spawn(task::<()>(), || ());
            let inner_ended = inner.join_all()[0].as_ref().is_err_and(|error| error.is_cancelled());
            let still_runs = !is_cancelled();
            let below = TaskGroup::<()>::new();
            own.cancel();
            (spawned, inner_ended, still_runs, is_cancelled(), below.token().is_cancelled())
        });
        let seen = outer.try_join_all().unwrap()[0];
        (seen, outer_token.is_cancelled(), current_token().is_none())
    });
    assert_eq!(seen, ((true, true, true, true, true), false, true));
}

#[test]
fn a_group_does_not_wait_for_what_shutdown_now_hands_back() {
    let pool = pool(1);
    let gate = occupy(&pool);
    let (ran, dropped) = (Counter::default(), Counter::default());
    let mut group = TaskGroup::new();
    for number in 0..5 {
        let (ran, on_drop) = (ran.clone(), dropped.on_drop());
        group.spawn(pool.task(), move || (ran.tick(), drop(on_drop), number).2);
    }
    let mut tasks = pool.shutdown_now().unwrap();
    assert_eq!(tasks.len(), 5);
    tasks.remove(0).run(); // before it is asked for
    let (_, first) = group.next().unwrap();
    let (_, second) = group.next_timeout(LIMIT).unwrap();
    let results: Vec<_> = [first, second].into_iter().chain(group.join_all()).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.into_iter().filter_map(Result::err).all(|error| error.is_returned()));
    assert_eq!((ran.count(), dropped.count()), (1, 1), "the tasks are still here");
    drop(tasks);
    assert_eq!(dropped.count(), 5);
    gate.open();
}

#[test]
fn a_task_that_was_handed_back_and_is_run_by_hand_is_waited_for() {
    let pool = pool(1);
    let gate = occupy(&pool);
    let (begun, go_on) = (Gate::default(), Gate::default());
    let inside = (begun.clone(), go_on.clone());
    let mut group = TaskGroup::new();
    group.spawn(pool.task(), move || {
        inside.0.open();
        inside.1.pass();
        7
    });
    let task = pool.shutdown_now().unwrap().pop().unwrap();
    thread::scope(|threads| {
        threads.spawn(|| task.run());
        begun.pass();
        assert!(group.next_timeout(Duration::from_millis(1)).is_none(), "it was announced, and has not ended");
        go_on.open();
        assert_eq!(group.next().unwrap().1.unwrap(), 7);
    });
    gate.open();
}

#[test]
fn a_worker_runs_what_was_handed_back_while_it_waits_for_it() {
    let pool = Arc::new(pool(1));
    let inner = Arc::clone(&pool);
    let results = pool.install(move || {
        let mut group = TaskGroup::new();
        (0..3).for_each(|n| assert_eq!(group.spawn(inner.task(), move || n), n));
        let tasks = inner.shutdown_now().unwrap();
        assert_eq!(tasks.len(), 3);
        assert!(group.next_timeout(LIMIT).unwrap().1.unwrap_err().is_returned(), "with a limit, nothing is run");
        group.join_all().into_iter().map(Result::unwrap).collect::<Vec<_>>()
    });
    assert_eq!(results.len(), 2);
    pool.shutdown().unwrap();
    assert!(pool.metrics().is_balanced());
}

#[test]
fn a_hook_that_waits_for_a_group_of_its_own_pool_panics() {
    let panics = Counter::default();
    let (counted, place) = (panics.clone(), Arc::new(OnceLock::<Weak<Pool>>::new()));
    let (inside, entered, begin) = (Arc::clone(&place), Gate::default(), Gate::default());
    let gates = (entered.clone(), begin.clone());
    let start = move |_: usize| {
        gates.0.open();
        gates.1.pass();
        let pool = inside.get().and_then(Weak::upgrade).expect("the test waits");
        let mut group = TaskGroup::new();
        group.spawn(pool.task(), || 5);
        group.join_all(); // no worker is there to run it
    };
    let builder = Pool::builder().workers(1).on_start(start);
    let pool = Arc::new(builder.panic_handler(move |_| counted.tick()).build().unwrap());
    place.set(Arc::downgrade(&pool)).unwrap();
    entered.pass();
    begin.open();
    assert_eq!(pool.install(|| 6), 6);
    pool.shutdown().unwrap();
    assert_eq!((panics.count(), pool.metrics().cancelled), (1, 1), "the panic has dropped the group");
}

#[test]
fn a_failing_form_is_an_error_of_its_own() {
    let pool = pool(1);
    let failed = |text: &'static str| {
        let mut group = TaskGroup::new();
        group.spawn(pool.task(), move || text.parse::<u8>());
        group.try_join_ok().map_err(|error| (error.to_string(), error))
    };
    assert_eq!(failed("7").unwrap(), [7]);
    let (text, error) = failed("x").unwrap_err();
    assert_eq!(text, "x".parse::<u8>().unwrap_err().to_string());
    assert!(matches!(error, TaskError::Failed(_)));
    let mut group = TaskGroup::<Result<u8, std::fmt::Error>>::new();
    group.spawn(pool.task(), || resume_unwind(Box::new("no such file")));
    let error = group.try_join_ok().unwrap_err();
    assert_eq!(error.to_string(), "the task panicked: no such file");
    let boxed: Box<dyn std::error::Error + Send + Sync> = error.into();
    assert!(boxed.is::<TaskError<std::fmt::Error>>());
}
