//! Work counted in iterations, not in time: a chain of multiplications that the compiler cannot shorten and the processor
//! cannot overlap. The time of an iteration is measured beside each use, on as many threads as are about to run.

use std::hint::black_box;
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// Runs `iterations` links of the chain and returns its end.
#[inline(never)]
pub fn spin(iterations: u64) -> u64 {
    let mut value = black_box(1u64);
    for _ in 0..iterations {
        value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    }
    black_box(value)
}

/// How many iterations take about `duration`, by one measurement per process.
pub fn iterations(duration: Duration) -> u64 {
    static NANOS: OnceLock<f64> = OnceLock::new();
    let nanos = NANOS.get_or_init(|| nanos_per_iteration(1));
    ((duration.as_nanos() as f64 / nanos) as u64).max(1)
}

/// Nanoseconds per iteration now, while `threads` threads work at once: the mean of the threads' medians of short runs.
pub fn nanos_per_iteration(threads: usize) -> f64 {
    const ITERATIONS: u64 = 100_000;
    const ROUNDS: usize = 9;
    let barrier = Barrier::new(threads);
    let measure = || {
        barrier.wait();
        spin(ITERATIONS);
        let rounds: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let start = Instant::now();
                spin(ITERATIONS);
                start.elapsed().as_nanos() as f64 / ITERATIONS as f64
            })
            .collect();
        crate::stats::Spread::of(&rounds).expect("there are rounds").median
    };
    let medians: Vec<f64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(measure)).collect();
        threads.into_iter().map(|thread| thread.join().expect("measuring does not panic")).collect()
    });
    medians.iter().sum::<f64>() / medians.len() as f64
}

/// How many of `workers` can run at once on this machine.
pub fn parallelism(workers: usize) -> usize {
    workers.min(thread::available_parallelism().map_or(1, usize::from)).max(1)
}
