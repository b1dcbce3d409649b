//! Urgent tasks that arrive while a flood of background tasks waits: how long they wait, and what that costs the flood.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::blocked::Blocked;
use super::description::{Metric, Workload, workload};
use crate::capability::Execute;
use crate::measure::{Measured, Meter, Params, Run, Sample, with_contestant};
use crate::stats::percentile;
use crate::tally::Latch;
use crate::work;

const METRICS: &[Metric] = &[
    Metric::lower("p50", "µs", "median wait of an urgent task"),
    Metric::lower("p99", "µs", "99th percentile"),
    Metric::higher("background", "tasks/ms", "background throughput"),
];

/// One workload.
pub const WORKLOADS: [Workload; 1] = [workload(
    "urgent",
    "an urgent task every 250 µs while 30,000 (--full: 100,000) background tasks of 5 µs wait",
    METRICS,
    "task",
)];

pub(crate) fn cells<C: Execute>() -> [(&'static str, Run); 1] {
    [("urgent", run::<C>)]
}

fn run<C: Execute>(params: &Params) -> Measured {
    let background: usize = params.scale.pick(500, 8_000, 30_000, 100_000);
    let iterations = work::iterations(Duration::from_micros(5));
    with_contestant::<C>(params, |pool| {
        let flood = Latch::new(background);
        let blocked = Blocked::all(pool, params.workers)?;
        for _ in 0..background {
            let flood = Arc::clone(&flood);
            pool.execute(move || {
                work::spin(iterations);
                flood.count_down();
            });
        }
        let meter = Meter::start();
        blocked.release();
        // Urgent tasks arrive during half of the flood's ideal time on this machine, for every contestant alike.
        let lasts = Duration::from_micros(background as u64 * 5 / work::parallelism(params.workers) as u64);
        let arrivals = ((lasts.as_micros() / 2 / 250) as usize).max(1);
        let waited = Arc::new(Mutex::new(Vec::with_capacity(arrivals)));
        let urgent = Latch::new(arrivals);
        for _ in 0..arrivals {
            thread::sleep(Duration::from_micros(250));
            let (waited, urgent) = (Arc::clone(&waited), Arc::clone(&urgent));
            let submitted = Instant::now();
            pool.execute_urgent(move || {
                let micros = submitted.elapsed().as_nanos() as f64 / 1e3;
                waited.lock().expect("no panic under the lock").push(micros);
                urgent.count_down();
            });
        }
        let flooded = flood.wait()? - meter.started();
        urgent.wait()?;
        let waited = waited.lock().expect("no panic under the lock");
        if waited.len() != arrivals {
            return Err(format!("{} of {arrivals} urgent tasks ran", waited.len()));
        }
        let at = |percent| percentile(&waited, percent).expect("there are arrivals");
        let throughput = background as f64 / (flooded.as_secs_f64() * 1e3);
        Ok(Sample { values: vec![at(50.0), at(99.0), throughput], cpu: meter.cpu_per(background as u64) })
    })
}
