//! Whole pools: real workers, from the first submission to the end of the last thread.

use super::bounded;
use super::strategy::Flagged;
use crate::sync::thread;
use crate::sync::{Condvar, Mutex};
use crate::{Pool, Rejection, Scheduler, Task, Worker, join, scope};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn pool(workers: usize) -> Pool<Flagged> {
    Pool::builder_with(Flagged::default()).workers(workers).panic_handler(|_| {}).build().unwrap()
}

/// Counts runs. The pool must order them, so the counter takes no part in the model.
#[derive(Clone, Default)]
struct Runs(Arc<AtomicUsize>);

impl Runs {
    fn task(&self) -> impl FnOnce() + Send + 'static {
        let runs = self.clone();
        move || {
            runs.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn what_was_submitted_runs_before_the_pool_ends() {
    bounded(3, || {
        let runs = Runs::default();
        let pool = pool(1);
        pool.execute(runs.task());
        assert_eq!(pool.shutdown(), Ok(()));
        assert_eq!(runs.get(), 1);
        assert!(pool.metrics().is_balanced());
    });
}

#[test]
fn an_outside_thread_waits_for_a_task() {
    bounded(2, || {
        let pool = pool(1);
        assert_eq!(pool.spawn(|| 5).join().unwrap(), 5);
    });
}

/// The second submission waits until the worker has taken the first task.
#[test]
fn a_submitter_waits_for_room() {
    bounded(2, || {
        let runs = Runs::default();
        let pool = Pool::builder_with(Flagged::default()).workers(1).capacity(1).build().unwrap();
        pool.execute(runs.task());
        pool.execute(runs.task());
        assert_eq!(pool.shutdown(), Ok(()));
        assert_eq!(runs.get(), 2);
    });
}

/// A submission waits for room that no task will make before the pool is closed: it is refused then.
#[test]
fn a_submitter_that_waits_for_room_sees_the_end() {
    bounded(1, || {
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let pool = Arc::new(Pool::builder_with(Flagged::default()).workers(1).capacity(1).build().unwrap());
        let wait = {
            let gate = Arc::clone(&gate);
            move || {
                let mut is_open = gate.0.lock();
                while !*is_open {
                    is_open = gate.1.wait(is_open);
                }
            }
        };
        pool.execute(wait);
        pool.execute(|| ());
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let refused = pool.task().wait_for_room(std::time::Duration::MAX).try_execute(|| ()).unwrap_err();
                assert_eq!(refused.reason(), Rejection::ShutDown);
                *gate.0.lock() = true;
                gate.1.notify_all();
            })
        };
        pool.close();
        other.join().unwrap();
        assert_eq!(pool.shutdown(), Ok(()));
        assert!(pool.metrics().is_balanced());
    });
}

/// The room of a cancelled task is counted in two steps, of which a submitter that waits must not see the first alone.
#[test]
fn a_cancelled_task_makes_room() {
    bounded(2, || {
        let pool = Arc::new(Pool::builder_with(Flagged::default()).workers(1).capacity(1).build().unwrap());
        let waiting = pool.spawn(|| ());
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.execute(|| ()))
        };
        waiting.cancel();
        other.join().unwrap();
    });
}

/// A thread waits for a task that is handed back and run by hand: it learns of the one or of the other.
#[test]
fn a_waiter_learns_of_a_task_that_is_run_by_hand() {
    bounded(1, || {
        let pool = pool(1);
        let handle = pool.spawn(|| 5);
        let waiter = thread::spawn(move || handle.join());
        for task in pool.shutdown_now().unwrap() {
            task.run();
        }
        let result = waiter.join().unwrap();
        assert!(result.as_ref().is_ok_and(|&n| n == 5) || result.is_err_and(|error| error.is_returned()));
    });
}

/// A strategy that panics on the first and then each second look that would find something, and loses nothing.
#[derive(Default)]
struct Panics(Flagged, AtomicBool);

struct PanicsWorker(Arc<Panics>);

impl Scheduler<Task> for Panics {
    type Hint = ();
    type Worker = PanicsWorker;

    fn attach(self: &Arc<Self>, _seed: u64) -> PanicsWorker {
        PanicsWorker(Arc::clone(self))
    }
    fn inject(&self, task: Task, _hint: Option<()>) {
        self.0.put(task);
    }
    fn is_empty(&self) -> bool {
        Scheduler::<Task>::is_empty(&self.0)
    }
}

impl Worker<Task> for PanicsWorker {
    type Hint = ();

    fn push(&mut self, task: Task, _hint: Option<()>) {
        self.0.0.put(task);
    }
    fn next(&mut self) -> Option<Task> {
        if !Scheduler::<Task>::is_empty(&self.0.0) && !self.0.1.fetch_xor(true, Ordering::Relaxed) {
            // Calls no hook, which would end the model.
            resume_unwind(Box::new("a look"));
        }
        self.0.0.take()
    }
}

/// After a panic, the task in the worker's hand may be mistaken for a lost one, and the pool for one that has ended: what
/// that task submits runs all the same, though the look at it panics, too.
#[test]
fn an_end_that_was_seen_in_doubt_leaves_nothing_behind() {
    bounded(2, || {
        let runs = Runs::default();
        let (child, counted) = (runs.task(), runs.clone());
        let pool = Pool::builder_with(Panics::default()).workers(1).panic_handler(|_| {}).build().unwrap();
        pool.execute(move || {
            crate::execute(child);
            counted.task()();
        });
        assert_eq!(pool.shutdown(), Ok(()));
        assert_eq!(runs.get(), 2);
        let metrics = pool.metrics();
        assert_eq!((metrics.completed, metrics.lost), (2, 0), "{metrics:?}");
    });
}

#[test]
fn a_quiet_moment_is_noticed() {
    bounded(2, || {
        let runs = Runs::default();
        let pool = pool(1);
        pool.execute(runs.task());
        pool.wait_idle().unwrap();
        assert_eq!(runs.get(), 1);
        assert_eq!(pool.metrics().completed, 1);
    });
}

#[test]
fn a_submission_races_with_the_end() {
    bounded(2, || {
        let runs = Runs::default();
        let pool = Arc::new(pool(1));
        let submitter = {
            let (pool, task) = (Arc::clone(&pool), runs.task());
            thread::spawn(move || pool.try_execute(task).is_ok())
        };
        assert_eq!(pool.shutdown(), Ok(()));
        let accepted = submitter.join().unwrap();
        assert_eq!(runs.get(), usize::from(accepted));
        assert!(pool.metrics().is_balanced());
    });
}

#[test]
fn one_worker_is_enough_for_nested_waits() {
    bounded(1, || {
        let pool = pool(1);
        let sum = pool.install(|| {
            let handle = crate::spawn(|| 1);
            let (a, b) = join(|| 2, || 3);
            let mut c = 0;
            scope(|s| s.spawn(|_| c = 4));
            a + b + c + handle.join().unwrap()
        });
        assert_eq!(sum, 10);
    });
}

/// A task that ends when two of them run.
fn meet(meeting: &Arc<(Mutex<usize>, Condvar)>) -> impl FnOnce() + Send + 'static {
    let meeting = Arc::clone(meeting);
    move || {
        let (arrived, changed) = &*meeting;
        let mut arrived = arrived.lock();
        *arrived += 1;
        changed.notify_all();
        while *arrived < 2 {
            arrived = changed.wait(arrived);
        }
    }
}

/// No worker sleeps beside a task that waits, whatever the others do.
#[test]
fn two_tasks_run_at_the_same_time() {
    bounded(1, || {
        let meeting = Arc::new((Mutex::new(0), Condvar::new()));
        let pool = pool(2);
        pool.execute(meet(&meeting));
        pool.execute(meet(&meeting));
    });
}

/// Both workers sleep. The first submission wakes one, the second none, since one is on its way: that one must wake the other.
#[test]
fn the_worker_that_wakes_up_wakes_the_next() {
    // Without the wait, the switches that bring both workers to sleep would have to be bought.
    bounded(0, || {
        let meeting = Arc::new((Mutex::new(0), Condvar::new()));
        let pool = pool(2);
        while pool.metrics().sleeping < 2 {
            thread::yield_now();
        }
        pool.execute(meet(&meeting));
        pool.execute(meet(&meeting));
    });
}

/// One worker waits, inside a task, for a task that it has pushed to its own queue and that the other one runs.
#[test]
fn a_worker_waits_for_its_own_task() {
    bounded(1, || {
        let pool = pool(2);
        assert_eq!(pool.install(|| crate::spawn(|| 5).join().unwrap()), 5);
    });
}

/// A task pushes another and waits for it to start: the other worker must not sleep beside it.
#[test]
fn what_a_blocked_worker_has_pushed_runs() {
    bounded(1, || {
        let ran = Arc::new((Mutex::new(false), Condvar::new()));
        let tell = Arc::clone(&ran);
        let pool = pool(2);
        pool.execute(move || {
            crate::execute(move || {
                *tell.0.lock() = true;
                tell.1.notify_all();
            });
            let mut has_run = ran.0.lock();
            while !*has_run {
                has_run = ran.1.wait(has_run);
            }
        });
    });
}

/// A worker that has helped with a scope holds credit with it, and must return it before it sleeps.
#[test]
fn a_scope_ends_though_its_helper_falls_asleep() {
    bounded(1, || {
        let pool = pool(2);
        let mut written = 0;
        pool.install(|| scope(|s| s.spawn(|_| written += 1)));
        assert_eq!(written, 1);
    });
}

/// The worker that is told to leave may be anywhere in its search for work.
#[test]
fn a_retiring_worker_loses_nothing() {
    bounded(1, || {
        let runs = Runs::default();
        let pool = pool(2);
        pool.execute(runs.task());
        assert_eq!(pool.retire_workers(1), 1);
        pool.execute(runs.task());
        assert_eq!(pool.shutdown(), Ok(()));
        assert_eq!(runs.get(), 2);
        assert_eq!(pool.metrics().returned, 0);
    });
}

/// And it leaves at once, not with the pool.
#[test]
fn a_retiring_worker_does_leave() {
    bounded(2, || {
        let left = Arc::new((Mutex::new(false), Condvar::new()));
        let tell = Arc::clone(&left);
        let pool = Pool::builder_with(Flagged::default())
            .workers(2)
            .on_stop(move |_| {
                *tell.0.lock() = true;
                tell.1.notify_all();
            })
            .build()
            .unwrap();
        assert_eq!(pool.retire_workers(1), 1);
        let mut has_left = left.0.lock();
        while !*has_left {
            has_left = left.1.wait(has_left);
        }
        drop(has_left);
    });
}

#[test]
fn what_did_not_run_comes_back() {
    bounded(2, || {
        let runs = Runs::default();
        let pool = pool(1);
        pool.execute(runs.task());
        let unrun = pool.shutdown_now().unwrap();
        assert_eq!(pool.shutdown(), Ok(()));
        assert_eq!(runs.get() + unrun.len(), 1);
        assert_eq!(pool.metrics().returned, unrun.len() as u64);
        assert!(pool.metrics().is_balanced());
        for task in unrun {
            task.run();
        }
        assert_eq!(runs.get(), 1);
    });
}

/// The task that a worker waits for may have been withdrawn for `shutdown_now`. The worker runs it nevertheless.
#[test]
fn a_waiter_runs_what_was_withdrawn() {
    bounded(2, || {
        let pool = pool(1);
        let runs = Runs::default();
        let task = runs.task();
        let spawned = Arc::new((Mutex::new(false), Condvar::new()));
        let tell = Arc::clone(&spawned);
        pool.execute(move || {
            let handle = crate::spawn(task);
            *tell.0.lock() = true;
            tell.1.notify_all();
            assert!(handle.join().is_ok());
        });
        let mut is_spawned = spawned.0.lock();
        while !*is_spawned {
            is_spawned = spawned.1.wait(is_spawned);
        }
        drop(is_spawned);
        let unrun = pool.shutdown_now().unwrap();
        assert_eq!(pool.shutdown(), Ok(()));
        unrun.into_iter().for_each(crate::Task::run);
        assert_eq!(runs.get(), 1);
        assert!(pool.metrics().is_balanced());
    });
}

#[test]
fn a_pool_is_dropped_by_its_own_worker() {
    bounded(2, || {
        let runs = Runs::default();
        let pool = Arc::new(pool(1));
        let (own, task) = (Arc::clone(&pool), runs.task());
        pool.execute(move || {
            own.execute(task);
            drop(own);
        });
        // Whichever of the two goes last ends the pool, and loom checks that all threads do end.
        drop(pool);
    });
}
