//! Many tiny tasks from threads that are not workers.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;

use super::description::{Metric, Workload, workload};
use crate::capability::Execute;
use crate::measure::{Measured, Meter, Params, Run, nanos_per, with_contestant};
use crate::tally::with_tally;

const METRICS: &[Metric] = &[Metric::lower("time", "ns/task", "")];

/// One producer, four producers, and closures that are four words larger.
pub const WORKLOADS: [Workload; 3] = [
    workload("outside-1", "one outside thread submits tiny tasks (closures of 16 bytes)", METRICS, "task"),
    workload("outside-4", "four outside threads submit tiny tasks (closures of 16 bytes)", METRICS, "task"),
    workload("outside-1-wide", "one outside thread submits tiny tasks (closures of 48 bytes)", METRICS, "task"),
];

pub(crate) fn cells<C: Execute>() -> [(&'static str, Run); 3] {
    [("outside-1", run::<C, 1>), ("outside-4", run::<C, 4>), ("outside-1-wide", wide::<C>)]
}

fn tasks(params: &Params) -> u64 {
    params.scale.pick(2_000, 40_000, 160_000, 400_000)
}

fn run<C: Execute, const PRODUCERS: u64>(params: &Params) -> Measured {
    let tasks = tasks(params);
    with_contestant::<C>(params, |pool| {
        with_tally(tasks, |tally| {
            let produce = |producer: u64| {
                for index in (producer..tasks).step_by(PRODUCERS as usize) {
                    pool.execute(move || tally.add(index));
                }
            };
            let meter = if PRODUCERS == 1 {
                let meter = Meter::start();
                produce(0);
                meter
            } else {
                let ready = Barrier::new(PRODUCERS as usize + 1);
                thread::scope(|scope| {
                    for producer in 0..PRODUCERS {
                        let (ready, produce) = (&ready, &produce);
                        scope.spawn(move || {
                            ready.wait();
                            produce(producer);
                        });
                    }
                    let meter = Meter::start();
                    ready.wait();
                    meter
                })
            };
            tally.wait(0..tasks)?;
            Ok(meter.sample(nanos_per(meter.wall(), tasks), tasks))
        })
    })
}

fn wide<C: Execute>(params: &Params) -> Measured {
    let tasks = tasks(params);
    with_contestant::<C>(params, |pool| {
        with_tally(tasks, |tally| {
            let meter = Meter::start();
            for index in 0..tasks {
                let payload = black_box([index; 4]);
                pool.execute(move || tally.add(black_box(payload)[3] & index));
            }
            tally.wait(0..tasks)?;
            Ok(meter.sample(nanos_per(meter.wall(), tasks), tasks))
        })
    })
}
