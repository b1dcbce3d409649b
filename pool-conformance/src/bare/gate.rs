use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// How long a thread spins before it gives its processor away: longer than a meeting takes when all threads run.
const SPINS: usize = 300;

/// To be held by a check that races: two at a time would only get in each other's way, and race less closely.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static RACING: Mutex<()> = Mutex::new(());
    RACING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets a number of threads through at the same instant, as far as there are processors; and again, any number of
/// times.
#[derive(Debug)]
pub(crate) struct Gate {
    threads: usize,
    arrived: AtomicUsize,
    broken: AtomicBool,
}

/// Breaks the gate when its thread panics, so that the others do not wait for it.
#[must_use]
pub(crate) struct Watch<'a>(&'a Gate);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.broken.store(true, Ordering::Release);
        }
    }
}

impl Gate {
    pub(crate) fn new(threads: usize) -> Self {
        Self { threads, arrived: AtomicUsize::new(0), broken: AtomicBool::new(false) }
    }

    /// To be held by each thread that passes more than once.
    pub(crate) fn watch(&self) -> Watch<'_> {
        Watch(self)
    }

    /// Waits for the others. What each thread did before, all see afterwards.
    pub(crate) fn pass(&self) {
        let mine = self.arrived.fetch_add(1, Ordering::AcqRel);
        let all = (mine / self.threads + 1) * self.threads;
        let mut spins = 0;
        while self.arrived.load(Ordering::Acquire) < all {
            assert!(!self.broken.load(Ordering::Acquire), "another thread of this check has panicked");
            spins += 1;
            if spins < SPINS {
                spin_loop();
            } else {
                thread::yield_now();
            }
        }
    }
}
