//! What a pool costs while it has nothing to do.

use std::thread;
use std::time::Duration;

use super::description::{Metric, Workload, without_cpu};
use crate::capability::Contestant;
use crate::measure::{Measured, Meter, Params, Run, Sample, with_contestant};

const METRICS: &[Metric] = &[
    Metric::lower("cpu", "ms/s", "processor time per second of idleness"),
    Metric::lower("switches", "1/s", "context switches"),
];

/// One workload.
pub const WORKLOADS: [Workload; 1] =
    [without_cpu("idle", "nothing to do for 0.3 s (--full: 5 s) after some work", METRICS)];

pub(crate) fn cells<C: Contestant>() -> [(&'static str, Run); 1] {
    [("idle", run::<C>)]
}

fn run<C: Contestant>(params: &Params) -> Measured {
    let time = Duration::from_millis(params.scale.pick(20, 200, 300, 5_000));
    with_contestant::<C>(params, |_pool| {
        // Workers may search for a while after the last task; `trip-idle` measures that.
        thread::sleep(Duration::from_millis(5));
        let meter = Meter::start();
        thread::sleep(time);
        let seconds = meter.wall().as_secs_f64();
        let used = meter.used().ok_or("the operating system does not report the processor time")?;
        // The sleep of the measuring thread is one switch.
        let switches = used.switches.saturating_sub(1) as f64 / seconds;
        Ok(Sample { values: vec![used.cpu.as_secs_f64() * 1e3 / seconds, switches], cpu: None })
    })
}
