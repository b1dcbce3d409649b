//! The shared cell of a spawned task: it runs once at most, each part is dropped once, and the result is seen.

use super::{Probe, model};
use crate::sync::{Deadline, thread};
use crate::task::cell::{self, Holder, Kind};
use crate::task::{Outcome, Task, Withdrawal, wait};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

const POOL: usize = 7;

/// Counts what became of one task.
#[derive(Default)]
struct Events {
    runs: AtomicUsize,
    /// The closure's drops, run or not.
    closures: Arc<AtomicUsize>,
    results: Arc<AtomicUsize>,
}

impl Events {
    fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
    }

    /// After everything is gone: what was made was dropped, once.
    fn check(&self) {
        assert_eq!(self.closures.load(Ordering::Relaxed), 1);
        assert_eq!(self.results.load(Ordering::Relaxed), self.runs());
        assert!(self.runs() <= 1);
    }
}

fn task(kind: Kind) -> (Task, Holder<Probe>, Arc<Events>) {
    let events = Arc::new(Events::default());
    let closure = Probe::new(&events.closures);
    let seen = Arc::clone(&events);
    let f = move || {
        closure.touch();
        seen.runs.fetch_add(1, Ordering::Relaxed);
        Probe::new(&seen.results)
    };
    // SAFETY: closure and result are `'static`.
    let (task, holder) = unsafe { cell::new(POOL, kind, f) };
    (task, holder, events)
}

fn run(task: Task) -> Outcome {
    task.run_guarded(POOL, |_| {})
}

#[test]
fn a_run_races_with_a_cancel() {
    model(|| {
        let (task, mut holder, events) = task(Kind::Owned);
        let runner = thread::spawn(move || run(task));
        let cancelled = holder.cancel();
        let outcome = runner.join().unwrap();
        assert_eq!(outcome, if cancelled { Outcome::Cancelled } else { Outcome::Completed });
        assert!(holder.is_over());
        assert_eq!(holder.take_result().is_some(), !cancelled);
        drop(holder);
        assert_eq!(events.runs(), usize::from(!cancelled));
        events.check();
    });
}

#[test]
fn the_waiter_is_woken_and_sees_the_result() {
    model(|| {
        let (task, mut holder, events) = task(Kind::Owned);
        let runner = thread::spawn(move || run(task));
        assert!(wait::for_task(&mut holder, Deadline::Never));
        let Some(Ok(result)) = holder.take_result() else { panic!("no result") };
        result.touch();
        drop(result);
        drop(holder);
        assert_eq!(runner.join().unwrap(), Outcome::Completed);
        events.check();
    });
}

#[test]
fn the_waiter_is_woken_when_the_item_is_dropped() {
    model(|| {
        let (task, mut holder, events) = task(Kind::Awaited);
        let runner = thread::spawn(move || drop(task));
        assert!(wait::for_task(&mut holder, Deadline::Never));
        assert!(holder.take_result().is_none());
        drop(holder);
        runner.join().unwrap();
        assert_eq!(events.runs(), 0);
        events.check();
    });
}

#[test]
fn the_end_of_a_run_races_with_the_drop_of_the_handle() {
    model(|| {
        let (task, holder, events) = task(Kind::Owned);
        let runner = thread::spawn(move || run(task));
        drop(holder);
        assert_eq!(runner.join().unwrap(), Outcome::Completed);
        events.check();
    });
}

#[test]
fn a_dropped_item_races_with_the_drop_of_the_handle() {
    model(|| {
        let (task, holder, events) = task(Kind::Owned);
        let runner = thread::spawn(move || drop(task));
        drop(holder);
        runner.join().unwrap();
        events.check();
    });
}

#[test]
fn a_waiter_that_runs_the_task_itself_races_with_the_item() {
    model(|| {
        let (task, mut holder, events) = task(Kind::Owned);
        let runner = thread::spawn(move || run(task));
        match holder.run_if_waiting(POOL) {
            Some(outcome) => assert_eq!(outcome, Outcome::Completed),
            None => assert!(wait::for_task(&mut holder, Deadline::Never)),
        }
        assert!(matches!(holder.take_result(), Some(Ok(_))));
        drop(holder);
        assert!(matches!(runner.join().unwrap(), Outcome::Completed | Outcome::Void));
        assert_eq!(events.runs(), 1);
        events.check();
    });
}

/// The thread that drops last frees what the other one made.
#[test]
fn an_inline_run_is_seen_by_the_thread_that_frees_the_cell() {
    model(|| {
        let (task, holder, events) = task(Kind::Owned);
        let runner = thread::spawn(move || run(task));
        let inline = holder.run_if_waiting(POOL);
        drop(holder);
        let outcome = runner.join().unwrap();
        assert_eq!(inline.is_some(), outcome == Outcome::Void);
        assert_eq!(events.runs(), 1);
        events.check();
    });
}

#[test]
fn a_withdrawal_races_with_a_waiter_that_runs_the_task() {
    model(|| {
        let (task, holder, events) = task(Kind::Owned);
        let closer = thread::spawn(move || {
            let withdrawal = task.withdraw();
            (withdrawal, task)
        });
        let outcome = holder.run_if_waiting(POOL);
        let (withdrawal, task) = closer.join().unwrap();
        // Counted once: as returned, or as completed.
        match withdrawal {
            Withdrawal::Returned => assert_eq!(outcome, Some(Outcome::Void)),
            Withdrawal::Void => assert_eq!(outcome, Some(Outcome::Completed)),
            Withdrawal::Cancelled => panic!("it was never cancelled"),
        }
        assert_eq!(task.withdraw(), Withdrawal::Void);
        drop(holder);
        task.run();
        assert_eq!(events.runs(), 1);
        events.check();
    });
}

/// A thread that asks through a shared handle, and learns that the task has ended, sees what the task did.
#[test]
fn an_inline_run_is_seen_by_a_thread_that_asks_whether_it_has_ended() {
    model(|| {
        let done = Arc::new(Probe::new(&Arc::default()));
        let place = Arc::clone(&done);
        // SAFETY: closure and result are `'static`.
        let (_task, holder) = unsafe { cell::new(POOL, Kind::Owned, move || place.touch()) };
        let holder = Arc::new(holder);
        let asked = Arc::clone(&holder);
        let runner = thread::spawn(move || {
            assert_eq!(holder.run_if_waiting(POOL), Some(Outcome::Completed));
        });
        if asked.is_over() {
            done.touch();
        }
        runner.join().unwrap();
    });
}

#[derive(Default)]
struct CountWakes(AtomicUsize);

impl Wake for CountWakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Polled twice with different wakers while the task ends.
fn replaced_waker(end: fn(Task)) {
    model(move || {
        let (task, mut holder, events) = task(Kind::Owned);
        let (first, second) = (Arc::new(CountWakes::default()), Arc::new(CountWakes::default()));
        let runner = thread::spawn(move || end(task));
        let left_first = holder.set_waker(&Waker::from(Arc::clone(&first)));
        let left_second = holder.set_waker(&Waker::from(Arc::clone(&second)));
        runner.join().unwrap();
        let wakes = (first.0.load(Ordering::Relaxed), second.0.load(Ordering::Relaxed));
        match (left_first, left_second) {
            (true, true) => assert_eq!(wakes, (0, 1)),
            (true, false) => assert!(wakes.0 <= 1 && wakes.1 == 0),
            (false, _) => {
                assert!(!left_second);
                assert_eq!(wakes, (0, 0));
            }
        }
        assert!(holder.is_over());
        drop(holder);
        assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 1));
        events.check();
    });
}

#[test]
fn a_waker_is_replaced_while_the_task_completes() {
    replaced_waker(|task| {
        let _ = run(task);
    });
}

#[test]
fn a_waker_is_replaced_while_the_task_is_cancelled() {
    replaced_waker(drop);
}
