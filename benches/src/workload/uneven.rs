//! Tasks of very different lengths: is any processor idle while tasks wait?

use std::sync::Arc;
use std::time::Duration;

use super::description::{Metric, Workload, workload};
use crate::capability::Execute;
use crate::measure::{Measured, Meter, Params, Run, with_contestant};
use crate::random::Random;
use crate::tally::Latch;
use crate::work;

const MAKESPAN: &[Metric] = &[Metric::lower("makespan", "× ideal", "makespan ÷ ideal")];
const SHORT_ONES: &[Metric] = &[Metric::lower("short", "× ideal", "time until the short tasks are done ÷ ideal")];

/// Pareto-distributed lengths; one long task in front of many short ones.
pub const WORKLOADS: [Workload; 2] = [
    workload("pareto", "lengths from a Pareto distribution (10 µs to 2 ms, shape 1.5)", MAKESPAN, "task"),
    workload("slow-one", "one task of 20 ms, then short ones that fill 20 ms of the other workers", SHORT_ONES, "task"),
];

pub(crate) fn cells<C: Execute>() -> [(&'static str, Run); 2] {
    [("pareto", pareto::<C>), ("slow-one", slow_one::<C>)]
}

/// Ideal: each worker busy to the end, or the longest task alone, whichever takes longer.
fn pareto<C: Execute>(params: &Params) -> Measured {
    const SHORTEST: f64 = 10_000.0;
    const LONGEST: f64 = 2_000_000.0;
    let tasks: usize = params.scale.pick(50, 500, 2_000, 5_000);
    let mut random = Random::new(params.seed);
    let per_nano = work::iterations(Duration::from_secs(1)) as f64 / 1e9;
    let lengths: Vec<u64> = (0..tasks).map(|_| (random.pareto(SHORTEST, 1.5, LONGEST) * per_nano) as u64).collect();
    let processors = work::parallelism(params.workers);
    let longest = *lengths.iter().max().expect("there are tasks");
    let ideal = (lengths.iter().sum::<u64>() / processors as u64).max(longest);
    with_contestant::<C>(params, |pool| {
        let latch = Latch::new(tasks);
        let nanos = work::nanos_per_iteration(processors);
        let meter = Meter::start();
        for &iterations in &lengths {
            let latch = Arc::clone(&latch);
            pool.execute(move || {
                work::spin(iterations);
                latch.count_down();
            });
        }
        let makespan = latch.wait()? - meter.started();
        Ok(meter.sample(makespan.as_nanos() as f64 / (nanos * ideal as f64), tasks as u64))
    })
}

/// Ideal: the slow task occupies one worker, and the others share the short tasks.
fn slow_one<C: Execute>(params: &Params) -> Measured {
    let slow = work::iterations(Duration::from_micros(params.scale.pick(1_000, 20_000, 20_000, 100_000)));
    let short = work::iterations(Duration::from_micros(20));
    let processors = work::parallelism(params.workers);
    let others = (processors - 1).max(1) as u64;
    let tasks = others * slow / short;
    // With one processor, the slow task, which comes first, delays all the others.
    let ideal = short * tasks / others + if processors == 1 { slow } else { 0 };
    with_contestant::<C>(params, |pool| {
        let (short_ones, slow_one) = (Latch::new(tasks as usize), Latch::new(1));
        let nanos = work::nanos_per_iteration(processors);
        let meter = Meter::start();
        let latch = Arc::clone(&slow_one);
        pool.execute(move || {
            work::spin(slow);
            latch.count_down();
        });
        for _ in 0..tasks {
            let latch = Arc::clone(&short_ones);
            pool.execute(move || {
                work::spin(short);
                latch.count_down();
            });
        }
        let done = short_ones.wait()? - meter.started();
        slow_one.wait()?;
        Ok(meter.sample(done.as_nanos() as f64 / (nanos * ideal as f64), tasks + 1))
    })
}
