//! What the tests of groups share: pools, gates, counters.

use pool_core::doc_toy::Pool;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Only a broken library takes so long.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn pool(workers: usize) -> Pool {
    Pool::builder().workers(workers).panic_handler(drop).build().unwrap()
}

pub(crate) fn named(name: &str, workers: usize) -> Pool {
    Pool::builder().workers(workers).thread_name(name).build().unwrap()
}

pub(crate) fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// Waits until `done`.
pub(crate) fn wait_until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < LIMIT, "{what} never happens");
        thread::yield_now();
    }
}

/// A place that tasks wait at until it is opened.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub(crate) fn pass(&self) {
        let (open, over) = self.0.1.wait_timeout_while(self.0.0.lock().unwrap(), LIMIT, |open| !*open).unwrap();
        assert!(*open && !over.timed_out(), "the gate stays closed");
    }
}

/// Occupies the only worker until the gate is opened.
pub(crate) fn occupy(pool: &Pool) -> Gate {
    let (begun, gate) = (Gate::default(), Gate::default());
    let inside = (begun.clone(), gate.clone());
    pool.execute(move || {
        inside.0.open();
        inside.1.pass();
    });
    begun.pass();
    gate
}

/// Counts what is done and dropped.
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub(crate) fn tick(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn on_drop(&self) -> OnDrop {
        OnDrop(self.clone())
    }
}

pub(crate) struct OnDrop(Counter);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.tick();
    }
}
