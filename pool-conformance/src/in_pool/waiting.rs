//! Law 8 in a pool: waiting inside a worker never deadlocks when progress is possible, and takes bounded stack.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use pool_core::{Pool, Scheduler, Task};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::Make;
use super::support::{Gate, balanced, check, pool, tick, until};

/// Some nesting of the ways to wait.
#[derive(Clone, Debug)]
enum Shape {
    Leaf,
    Join(Box<Shape>, Box<Shape>),
    /// One closure with all but the last, which the scope's body runs itself.
    Scope(Vec<Shape>),
    /// Spawned together, then joined oldest first or newest first.
    Handles(Vec<Shape>, bool),
    /// Through the pool itself rather than the free functions.
    Install(Box<Shape>),
    /// Spawned, and only the pool waits.
    Detached(Box<Shape>),
}

fn shapes() -> impl Strategy<Value = Shape> {
    Just(Shape::Leaf).prop_recursive(7, 60, 4, |inner| {
        let few = || prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Shape::Join(a.into(), b.into())),
            few().prop_map(Shape::Scope),
            (few(), any::<bool>()).prop_map(|(all, newest)| Shape::Handles(all, newest)),
            inner.clone().prop_map(|shape| Shape::Install(shape.into())),
            inner.clone().prop_map(|shape| Shape::Detached(shape.into())),
        ]
    })
}

impl Shape {
    fn leaves(&self) -> usize {
        match self {
            Self::Leaf => 1,
            Self::Join(a, b) => a.leaves() + b.leaves(),
            Self::Scope(all) | Self::Handles(all, _) => all.iter().map(Self::leaves).sum(),
            Self::Install(shape) | Self::Detached(shape) => shape.leaves(),
        }
    }

    fn run<S: Scheduler<Task> + 'static>(self, pool: &Arc<Pool<S>>, leaves: &Arc<AtomicUsize>) {
        match self {
            Self::Leaf => tick(leaves),
            Self::Join(a, b) => pool_core::join(|| a.run(pool, leaves), || b.run(pool, leaves)).0,
            Self::Scope(mut all) => pool_core::scope(|scope| {
                let own = all.pop();
                for shape in all {
                    scope.spawn(move |_| shape.run(pool, leaves));
                }
                own.into_iter().for_each(|shape| shape.run(pool, leaves));
            }),
            Self::Handles(all, newest_first) => {
                let spawn = |shape: Self| {
                    let (inner, leaves) = (Arc::clone(pool), Arc::clone(leaves));
                    pool.spawn(move || shape.run(&inner, &leaves))
                };
                let mut handles: Vec<_> = all.into_iter().map(spawn).collect();
                if newest_first {
                    handles.reverse();
                }
                handles.into_iter().for_each(|handle| handle.join().unwrap());
            }
            Self::Install(shape) => pool.install(|| shape.run(pool, leaves)),
            Self::Detached(shape) => {
                let (inner, leaves) = (Arc::clone(pool), Arc::clone(leaves));
                pool.execute(move || shape.run(&inner, &leaves));
            }
        }
    }
}

/// Random nestings of join, scope, handles and install, on one worker and on three. Each leaf runs once.
pub fn any_nesting_ends_on_one_worker<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for (workers, cases) in [(1, 150), (3, 100)] {
            let pool = Arc::new(pool(make(), name, workers));
            let config = Config { cases, failure_persistence: None, ..Config::default() };
            let verdict = TestRunner::new(config).run(&shapes(), |shape| {
                let (expected, leaves) = (shape.leaves(), Arc::new(AtomicUsize::new(0)));
                let inner = Arc::clone(&pool);
                let inside = Arc::clone(&leaves);
                pool.spawn(move || shape.run(&inner, &inside)).join().expect("no panic");
                pool.wait_idle().unwrap();
                prop_assert_eq!(leaves.load(Ordering::Relaxed), expected);
                balanced(&pool);
                Ok(())
            });
            verdict.unwrap_or_else(|broken| panic!("law 8 (waiting inside): {broken}"));
        }
    });
}

/// While a task waits for the second half of a join that another worker runs, more tasks lie in its worker's queue. It
/// must not pick up one of those: they want the lock that the task holds. (A pool that steals anything while it waits
/// deadlocks here.)
pub fn a_lock_may_be_held_around_a_join<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 2);
        let sum = Arc::new(Mutex::new(0));
        for _ in 0..40 {
            let total = Arc::clone(&sum);
            pool.execute(move || {
                let mut held = total.lock().unwrap();
                while_another_runs_half(|| {
                    for _ in 0..5 {
                        let total = Arc::clone(&total);
                        pool_core::execute(move || *total.lock().unwrap() += 1);
                    }
                });
                *held += 1;
            });
            pool.wait_idle().unwrap();
        }
        // And with as many at the same time as there are workers.
        for _ in 0..300 {
            let total = Arc::clone(&sum);
            pool.execute(move || {
                let mut held = total.lock().unwrap();
                fork(4);
                *held += 1;
            });
        }
        assert_eq!(balanced(&pool).panicked, 0);
        assert_eq!(*sum.lock().unwrap(), 40 * 6 + 300);
    });
}

/// Calls `f` in the first half of a join after another worker has begun the second, which goes on for a while after
/// that: long enough for a waiter to do what it must not.
fn while_another_runs_half(f: impl FnOnce() + Send) {
    let (begun, ended) = (AtomicBool::new(false), AtomicBool::new(false));
    pool_core::join(
        || {
            until(|| begun.load(Ordering::Acquire));
            f();
            ended.store(true, Ordering::Release);
        },
        || {
            begun.store(true, Ordering::Release);
            until(|| ended.load(Ordering::Acquire));
            thread::sleep(Duration::from_millis(3));
        },
    );
}

/// A binary tree of joins.
fn fork(depth: u32) {
    match depth {
        0 => thread::yield_now(),
        _ => pool_core::join(|| fork(depth - 1), || fork(depth - 1)).0,
    }
}

/// While a task waits, in a join, in a scope or for a handle, its worker runs nothing but what the task itself has
/// forked or asked for: the tasks on one worker's stack never pile up.
pub fn waiting_never_picks_up_foreign_tasks<S: Scheduler<Task> + 'static>(make: Make<S>) {
    thread_local! {
        static DEPTH: Cell<usize> = const { Cell::new(0) };
    }
    /// Runs `f` one task deeper.
    fn as_task<R>(deepest: &AtomicUsize, f: impl FnOnce() -> R) -> R {
        let depth = DEPTH.get() + 1;
        DEPTH.set(depth);
        deepest.fetch_max(depth, Ordering::Relaxed);
        let result = f();
        DEPTH.set(depth - 1);
        result
    }
    check(move |name| {
        let pool = pool(make(), name, 2);
        let deepest = Arc::new(AtomicUsize::new(0));
        for round in 0..60 {
            let deepest = Arc::clone(&deepest);
            pool.execute(move || {
                let foreign = || {
                    for _ in 0..5 {
                        let deepest = Arc::clone(&deepest);
                        pool_core::execute(move || as_task(&deepest, || ()));
                    }
                };
                as_task(&deepest, || match round % 3 {
                    0 => while_another_runs_half(foreign),
                    1 => pool_core::scope(|scope| {
                        let begun = AtomicBool::new(false);
                        pool_core::scope(|inner| {
                            inner.spawn(|_| {
                                begun.store(true, Ordering::Release);
                                thread::sleep(Duration::from_millis(3));
                            });
                            until(|| begun.load(Ordering::Acquire));
                            foreign();
                        });
                        scope.spawn(|_| ());
                    }),
                    _ => {
                        let gate = Gate::default();
                        let begun = gate.clone();
                        let handle = pool_core::spawn(move || {
                            begun.open();
                            thread::sleep(Duration::from_millis(3));
                        });
                        gate.pass();
                        foreign();
                        handle.join().unwrap();
                    }
                });
            });
            pool.wait_idle().unwrap();
        }
        // With everything at once.
        for i in 0..1000 {
            let deepest = Arc::clone(&deepest);
            pool.execute(move || {
                as_task(&deepest, || match i % 3 {
                    0 => fork(3),
                    1 => pool_core::scope(|scope| (0..4).for_each(|_| scope.spawn(|_| fork(1)))),
                    _ => pool_core::spawn(|| fork(2)).join().unwrap(),
                });
            });
        }
        assert_eq!(balanced(&pool).panicked, 0);
        assert_eq!(deepest.load(Ordering::Relaxed), 1, "law 8: a waiter ran a task that it did not wait for");
    });
}

/// Many tasks in one scope, many handles joined one after the other, and deep nesting, all on small stacks.
pub fn helping_takes_bounded_stack<S: Scheduler<Task> + 'static>(make: Make<S>) {
    fn deep(depth: usize) -> usize {
        if depth == 0 { 0 } else { pool_core::join(|| deep(depth - 1), || 1).0 + 1 }
    }
    check(move |name| {
        for workers in [1, 3] {
            let pool = Pool::builder_with(make()).workers(workers).thread_name(name).stack_size(256 << 10);
            let pool = pool.build().unwrap();
            let ran = AtomicUsize::new(0);
            pool.scope(|scope| {
                for _ in 0..5000 {
                    scope.spawn(|scope| {
                        scope.spawn(|_| tick(&ran));
                    });
                }
            });
            assert_eq!(ran.into_inner(), 5000);
            let sum = pool.install(|| {
                let handles: Vec<_> = (0..5000_usize).map(|i| pool_core::spawn(move || i)).collect();
                handles.into_iter().map(|handle| handle.join().unwrap()).sum::<usize>()
            });
            assert_eq!(sum, 4999 * 2500);
            assert_eq!(pool.install(|| (0..2000).map(|_| deep(20)).sum::<usize>()), 40_000);
            assert_eq!(pool.install(|| deep(200)), 200);
        }
    });
}

/// A worker waits for a task that runs on another: it parks, and is woken.
pub fn waits_for_what_runs_elsewhere<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = Arc::new(pool(make(), name, 2));
        for _ in 0..200 {
            let (begun, gate) = (Gate::default(), Gate::default());
            let inside = (begun.clone(), gate.clone());
            let slow = pool.spawn(move || {
                inside.0.open();
                inside.1.pass();
                5
            });
            begun.pass();
            let waiter = pool.spawn(move || slow.join().unwrap());
            gate.open();
            assert_eq!(waiter.join().unwrap(), 5);
        }
    });
}

/// Threads of no pool use everything that waits, at the same time.
pub fn many_outside_threads_wait_at_once<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 2);
        thread::scope(|scope| {
            for outside in 0..8_u64 {
                let pool = &pool;
                scope.spawn(move || {
                    for i in 0..100 {
                        let own = outside * 1000 + i;
                        match i % 4 {
                            0 => assert_eq!(pool.install(|| own), own),
                            1 => assert_eq!(pool.join(|| own, || own + 1), (own, own + 1)),
                            2 => {
                                let mut parts = [0; 5];
                                pool.scope(|scope| {
                                    for part in &mut parts {
                                        scope.spawn(move |_| *part = own);
                                    }
                                });
                                assert_eq!(parts, [own; 5]);
                            }
                            _ => assert_eq!(pool.spawn(move || own).join().unwrap(), own),
                        }
                    }
                });
            }
        });
        assert_eq!(balanced(&pool).panicked, 0);
    });
}

/// Tasks of a scope are spawned from a thread of another pool and from one of none.
pub fn a_scope_takes_tasks_from_anywhere<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let (home, other) = (pool(make(), name, 1), pool(make(), name, 1));
        let ran = AtomicUsize::new(0);
        for _ in 0..100 {
            home.scope(|scope| {
                other.install(|| (0..3).for_each(|_| scope.spawn(|_| tick(&ran))));
                thread::scope(|threads| {
                    threads.spawn(|| {
                        scope.spawn(|_| {
                            assert_eq!(pool_core::current_worker(), Some(0));
                            ran.fetch_add(1, Ordering::Relaxed);
                        });
                    });
                });
            });
        }
        assert_eq!(ran.into_inner(), 400);
        home.wait_idle().unwrap();
        other.wait_idle().unwrap();
        assert_eq!(balanced(&home).completed, 500, "all of the scope's tasks are its own pool's");
        assert_eq!(balanced(&other).completed, 100);
    });
}

/// Workers of two pools wait for tasks of each other's.
pub fn pools_use_each_other<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let (one, two) = (Arc::new(pool(make(), name, 2)), Arc::new(pool(make(), name, 2)));
        for i in 0..200_u32 {
            let (back, there) = (Arc::clone(&one), Arc::clone(&two));
            let sum = one.install(move || {
                assert_eq!(there.install(|| pool_core::join(|| 1, || 2)), (1, 2));
                // Out, back to this pool, and there again.
                let out = there.spawn(move || back.spawn(move || i).join().unwrap() + back.install(|| 1));
                let (a, b) = there.join(|| 10, || 20);
                out.join().unwrap() + a + b
            });
            assert_eq!(sum, i + 31);
        }
        one.wait_idle().unwrap();
        two.wait_idle().unwrap();
        balanced(&one);
        balanced(&two);
    });
}
