//! The time of a cache line from one processor to another. Every hand-over of a task depends on it.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crossbeam_utils::CachePadded;

const ROUNDS: u64 = 2_000;

/// Nanoseconds for a cache line one way between two processors, or `None` if the process may use only one processor or
/// cannot bind a thread to one.
///
/// Two threads, each bound to its own processor, answer each other through one atomic. On a virtual machine the host may
/// move the processors between measurements, so the line time is measured beside each repetition.
pub fn line_time() -> Option<f64> {
    let (first, second) = two_processors()?;
    let line = CachePadded::new(AtomicU64::new(0));
    let bound = AtomicUsize::new(0);
    let both = Barrier::new(2);
    let side = |processor: usize, parity: u64| {
        if bind_to(processor).is_some() {
            bound.fetch_add(1, Ordering::Relaxed);
        }
        both.wait();
        if bound.load(Ordering::Relaxed) < 2 {
            return None;
        }
        let start = Instant::now();
        for round in 0..ROUNDS {
            let turn = 2 * round + parity;
            while line.load(Ordering::Acquire) != turn {
                std::hint::spin_loop();
            }
            line.store(turn + 1, Ordering::Release);
        }
        Some(start.elapsed().as_nanos() as f64 / (2 * ROUNDS) as f64)
    };
    // Each side has a thread of its own, since a binding lasts as long as its thread.
    thread::scope(|scope| {
        let asking = scope.spawn(|| side(first, 0));
        let answering = scope.spawn(|| side(second, 1));
        let (asked, answered) = (asking.join().ok()??, answering.join().ok()??);
        Some(asked.min(answered))
    })
}

#[cfg(target_os = "linux")]
fn two_processors() -> Option<(usize, usize)> {
    use nix::sched::{CpuSet, sched_getaffinity};
    use nix::unistd::Pid;
    let allowed = sched_getaffinity(Pid::from_raw(0)).ok()?;
    let mut processors = (0..CpuSet::count()).filter(|&index| allowed.is_set(index).unwrap_or(false));
    Some((processors.next()?, processors.next()?))
}

#[cfg(target_os = "linux")]
fn bind_to(processor: usize) -> Option<()> {
    use nix::sched::{CpuSet, sched_setaffinity};
    use nix::unistd::Pid;
    let mut set = CpuSet::new();
    set.set(processor).ok()?;
    sched_setaffinity(Pid::from_raw(0), &set).ok()
}

#[cfg(not(target_os = "linux"))]
fn two_processors() -> Option<(usize, usize)> {
    None
}

#[cfg(not(target_os = "linux"))]
fn bind_to(_processor: usize) -> Option<()> {
    None
}
