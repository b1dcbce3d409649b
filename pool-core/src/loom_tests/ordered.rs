//! A strategy whose lock orders submissions with looks: no fence, and no read-modify-write at the gate.

use super::bounded;
use crate::strategy::{Admit, Asking, Scheduler, Worker};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard, thread};
use crate::{Pool, Task, execute};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering as Plain};

/// One list under one lock, and a flag beside it for looks that promise nothing.
pub(super) struct Locked<T = Task> {
    occupied: AtomicBool,
    items: Mutex<VecDeque<T>>,
}

pub(super) struct LockedWorker<T>(Arc<Locked<T>>);

impl<T> Default for Locked<T> {
    fn default() -> Self {
        Self { occupied: AtomicBool::new(false), items: Mutex::new(VecDeque::new()) }
    }
}

impl<T> Locked<T> {
    fn put(&self, mut items: MutexGuard<'_, VecDeque<T>>, item: T) {
        items.push_back(item);
        self.occupied.store(true, Ordering::Release);
    }

    fn take(&self) -> Option<T> {
        let mut items = self.items.lock();
        let item = items.pop_front();
        self.occupied.store(!items.is_empty(), Ordering::Release);
        item
    }
}

impl<T: Send> Scheduler<T> for Locked<T> {
    type Hint = ();
    type Worker = LockedWorker<T>;

    fn attach(self: &Arc<Self>, _seed: u64) -> LockedWorker<T> {
        LockedWorker(Arc::clone(self))
    }
    fn inject(&self, item: T, _hint: Option<()>) {
        self.put(self.items.lock(), item);
    }
    fn inject_if(&self, admit: impl FnOnce(Asking<'_>) -> Admit<T, ()>) {
        let items = self.items.lock();
        if let Admit::Yes(item, _) = admit(Asking::under(&items)) {
            self.put(items, item);
        }
    }
    fn inject_is_ordered(&self) -> bool {
        true
    }
    fn is_empty(&self) -> bool {
        self.items.lock().is_empty()
    }
}

impl<T: Send> Worker<T> for LockedWorker<T> {
    type Hint = ();

    fn push(&mut self, item: T, _hint: Option<()>) {
        self.0.inject(item, None);
    }
    fn next(&mut self) -> Option<T> {
        self.0.take()
    }
    fn try_next(&mut self) -> Option<T> {
        if self.0.occupied.load(Ordering::Acquire) { self.0.take() } else { None }
    }
    fn push_is_ordered(&self) -> bool {
        true
    }
}

fn pool(workers: usize) -> Pool<Locked> {
    Pool::builder_with(Locked::default()).workers(workers).panic_handler(|_| {}).build().unwrap()
}

#[test]
fn an_ordered_submission_wakes_a_sleeper() {
    bounded(2, || {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let pool = pool(1);
        pool.execute(move || _ = counted.fetch_add(1, Plain::Relaxed));
        pool.wait_idle().unwrap();
        assert_eq!(runs.load(Plain::Relaxed), 1);
    });
}

/// It is counted without a read-modify-write, and yet either refused or waited for.
#[test]
fn an_ordered_submission_races_with_the_end() {
    bounded(2, || {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let pool = Arc::new(pool(1));
        let submitter = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let of = Arc::clone(&pool);
                let task = move || {
                    assert!(!of.has_ended(), "the end did not wait for this task");
                    counted.fetch_add(1, Plain::Relaxed);
                };
                pool.try_execute(task).is_ok()
            })
        };
        assert_eq!(pool.shutdown(), Ok(()));
        let accepted = submitter.join().unwrap();
        assert_eq!(runs.load(Plain::Relaxed), usize::from(accepted));
        let metrics = pool.metrics();
        assert!(metrics.is_balanced());
        assert_eq!((metrics.completed, metrics.rejected), (u64::from(accepted), u64::from(!accepted)));
    });
}

/// A task pushes another and waits for it to start: the other worker must not sleep beside it.
#[test]
fn an_ordered_push_wakes_a_sleeper() {
    bounded(1, || {
        let started = Arc::new((Mutex::new(false), Condvar::new()));
        let theirs = Arc::clone(&started);
        let pool = pool(2);
        pool.execute(move || {
            let (flag, changed) = &*started;
            execute(move || {
                *theirs.0.lock() = true;
                theirs.1.notify_all();
            });
            let mut flag = flag.lock();
            while !*flag {
                flag = changed.wait(flag);
            }
        });
    });
}
