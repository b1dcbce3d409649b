//! Models of this crate under [loom](https://docs.rs/loom): all interleavings, and all that the memory model allows, of
//! a few threads that run the code that ships.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p pool-core --release --lib
//! ```
//!
//! Loom remembers one access of each kind to each atomic. A thread that loads and then stores hides an earlier load of
//! another thread, and loom then does not go back to let the store come first. Where that matters, the storing thread
//! runs first.
//!
//! Where a model has more threads than can be explored in full, [`bounded`] limits the number of preemptions, which is where
//! nearly all bugs of this kind show; each says its bound. `std::sync::Arc` is used as it is: its counts are not what is
//! modelled here. Loom has no clock, so that no time limit hides a lost wake-up.

mod cell;
mod fork;
mod future;
mod idle;
mod ledger;
mod ordered;
mod pool;
mod scope;
mod strategy;
mod team;

use crate::sync::UnsafeCell;
use loom::model::Builder;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};

/// Explores everything.
pub(crate) fn model(f: impl Fn() + Send + Sync + 'static) {
    explore(None, f);
}

/// Explores everything with at most `preemptions` switches away from a thread that could go on.
pub(crate) fn bounded(preemptions: usize, f: impl Fn() + Send + Sync + 'static) {
    explore(Some(preemptions), f);
}

fn explore(preemptions: Option<usize>, f: impl Fn() + Send + Sync + 'static) {
    static FAIL_FAST: Once = Once::new();
    // Loom reports by panicking, in whichever thread was running, and the code under test catches panics. So the first one
    // ends the process. The panics of the models' own tasks are made by `resume_unwind`, which calls no hook.
    FAIL_FAST.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            let test = std::thread::current();
            let _ = writeln!(std::io::stderr(), "{}: {panic}", test.name().unwrap_or("a model"));
            // Not `exit`: it runs the registered handlers, on the small stack of a model's thread.
            std::process::abort();
        }));
    });
    let mut builder = Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 20_000;
    let executions = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&executions);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        f();
    });
    println!("{} executions", executions.load(Ordering::Relaxed));
}

/// Counts its drops, and writes to itself when it is made and when it is dropped: loom sees a race between the two,
/// also where no thread reads what lies between.
pub(crate) struct Probe {
    place: UnsafeCell<u32>,
    drops: Arc<AtomicUsize>,
}

impl Probe {
    pub(crate) fn new(drops: &Arc<AtomicUsize>) -> Self {
        let probe = Self { place: UnsafeCell::new(0), drops: Arc::clone(drops) };
        probe.touch();
        probe
    }

    pub(crate) fn touch(&self) {
        // SAFETY: the probe has one owner at a time; that this is so is what loom checks.
        self.place.with_mut(|place| unsafe { *place += 1 });
    }
}

// SAFETY: a probe is touched by one thread at a time, which is what loom checks.
unsafe impl Send for Probe {}
// SAFETY: as above.
unsafe impl Sync for Probe {}

impl Drop for Probe {
    fn drop(&mut self) {
        self.touch();
        self.drops.fetch_add(1, Ordering::Relaxed);
    }
}
