//! `join`: the cost of one (Fibonacci without a cut-off), and whether two coarse halves run at the same time.

use std::hint::black_box;
use std::time::Duration;

use super::description::{Metric, Workload, workload};
use crate::capability::Join;
use crate::measure::{Measured, Meter, Params, Run, nanos_per, with_contestant};
use crate::work;

const PER_JOIN: &[Metric] = &[Metric::lower("time", "ns/join", "")];
const TIMES_IDEAL: &[Metric] = &[Metric::lower("ideal", "× ideal", "time ÷ time of one half")];

/// fib with the given number of workers, with one and with eight; two coarse halves.
pub const WORKLOADS: [Workload; 4] = [
    workload("fib", "fib(32) by joins without a cut-off", PER_JOIN, "join"),
    Workload {
        workers: Some(1),
        standard: false,
        ..workload("fib-1w", "fib(32) by joins without a cut-off, one worker", PER_JOIN, "join")
    },
    Workload {
        workers: Some(8),
        standard: false,
        ..workload("fib-8w", "fib(32) by joins without a cut-off, eight workers", PER_JOIN, "join")
    },
    workload("coarse-join", "one join of two closures that work for 10 ms each", TIMES_IDEAL, "join"),
];

pub(crate) fn cells<C: Join>() -> [(&'static str, Run); 4] {
    [("fib", fibonacci::<C>), ("fib-1w", fibonacci::<C>), ("fib-8w", fibonacci::<C>), ("coarse-join", coarse::<C>)]
}

fn fib<C: Join>(fork: &mut C::Fork<'_>, n: u32) -> u64 {
    if n < 2 {
        return u64::from(n);
    }
    let (a, b) = C::join(fork, |fork| fib::<C>(fork, n - 1), |fork| fib::<C>(fork, n - 2));
    a + b
}

/// The Fibonacci numbers `fib(n)` and `fib(n + 1)`, by addition.
fn fib_pair(n: u32) -> (u64, u64) {
    (0..n).fold((0, 1), |(a, b), _| (b, a + b))
}

fn fibonacci<C: Join>(params: &Params) -> Measured {
    let n = params.scale.pick(16, 25, 32, 32);
    let (expected, next) = fib_pair(n);
    // One join for each call with n >= 2: fib(n + 1) - 1 of them.
    let joins = next - 1;
    with_contestant::<C>(params, |pool| {
        let meter = Meter::start();
        let value = pool.root(move |fork| fib::<C>(fork, black_box(n)));
        let wall = meter.wall();
        if value != expected {
            return Err(format!("fib({n}) is {expected}, not {value}"));
        }
        Ok(meter.sample(nanos_per(wall, joins), joins))
    })
}

fn coarse<C: Join>(params: &Params) -> Measured {
    let half = Duration::from_micros(params.scale.pick(200, 10_000, 10_000, 10_000));
    let iterations = work::iterations(half);
    with_contestant::<C>(params, |pool| {
        let nanos = work::nanos_per_iteration(work::parallelism(params.workers.min(2)));
        let meter = Meter::start();
        let (a, b) = pool.root(|fork| C::join_coarse(fork, |_| work::spin(iterations), |_| work::spin(iterations)));
        let wall = meter.wall();
        if a != b || a == 0 {
            return Err(format!("two equal halves gave {a} and {b}"));
        }
        Ok(meter.sample(wall.as_nanos() as f64 / (nanos * iterations as f64), 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fibonacci_numbers() {
        assert_eq!(fib_pair(0), (0, 1));
        assert_eq!(fib_pair(10), (55, 89));
        assert_eq!(fib_pair(32).0, 2_178_309);
    }
}
