//! The sum of a slice: a loop that a pool must not make slower when it is short, and should make faster when it is long.

use super::description::{Metric, Workload, workload};
use crate::capability::Reduce;
use crate::measure::{Measured, Meter, Params, Run, nanos_per, with_contestant};

const MICROS: &[Metric] = &[Metric::lower("time", "µs/sum", "")];
const MILLIS: &[Metric] = &[Metric::lower("time", "ms/sum", "")];

/// A short slice, summed many times, and a long one.
pub const WORKLOADS: [Workload; 2] = [
    workload("sum-short", "sum of 10,000 f64, many times", MICROS, "sum"),
    workload("sum-long", "sum of 5 M f64 (--full: 50 M)", MILLIS, "sum"),
];

pub(crate) fn cells<C: Reduce>() -> [(&'static str, Run); 2] {
    [("sum-short", short::<C>), ("sum-long", long::<C>)]
}

/// The input of `sum-short`.
struct Short(Vec<f64>);

/// The input of `sum-long`.
struct Long(Vec<f64>);

/// Small whole numbers, so that the sum is exact in any order.
fn numbers(count: usize) -> Vec<f64> {
    (0..count).map(|index| (index % 8) as f64).collect()
}

fn short<C: Reduce>(params: &Params) -> Measured {
    let data = params.inputs.shared(|| Ok(Short(numbers(10_000))))?;
    measure::<C>(params, &data.0, params.scale.pick(5, 200, 1_000, 3_000), 1e3)
}

fn long<C: Reduce>(params: &Params) -> Measured {
    let count = params.scale.pick(100_000, 1_000_000, 5_000_000, 50_000_000);
    let data = params.inputs.shared(|| Ok(Long(numbers(count))))?;
    measure::<C>(params, &data.0, params.scale.pick(1, 2, 4, 2), 1e6)
}

fn measure<C: Reduce>(params: &Params, data: &[f64], times: usize, nanos_per_unit: f64) -> Measured {
    let rest = data.len() % 8;
    let expected = (data.len() / 8 * 28 + rest * rest.saturating_sub(1) / 2) as f64;
    with_contestant::<C>(params, |pool| {
        let meter = Meter::start();
        let sum = pool.sum(data, times);
        let wall = meter.wall();
        if sum != expected {
            return Err(format!("the sum is {expected}, not {sum}"));
        }
        Ok(meter.sample(nanos_per(wall, times as u64) / nanos_per_unit, times as u64))
    })
}
