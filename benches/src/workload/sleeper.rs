//! A worker that submits tasks from within and then blocks: law 2 in figures. Somebody else must run them.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::{Metric, Workload, workload};
use crate::contestant::Execute;
use crate::measure::{Measured, Meter, Params, Run, Sample, with_contestant};
use crate::tally::Latch;

const METRICS: &[Metric] = &[Metric::lower("done", "ms", "until the tasks are done")];

/// One workload.
pub const WORKLOADS: [Workload; 1] = [Workload {
    least_workers: 2,
    ..workload(
        "sleeper",
        "a worker submits 1,000 tasks from within and blocks, for 100 ms at most (--full: 500)",
        METRICS,
        "task",
    )
}];

pub(crate) fn cells<C: Execute>() -> [(&'static str, Run); 1] {
    [("sleeper", run::<C>)]
}

fn run<C: Execute>(params: &Params) -> Measured {
    const TASKS: usize = 1_000;
    let limit = Duration::from_millis(params.scale.pick(20, 100, 100, 500));
    with_contestant::<C>(params, |pool| {
        let latch = Latch::new(TASKS);
        let (release, blocked) = channel::<()>();
        let submitted = Arc::new(Mutex::new(None));
        // The other workers shall be asleep.
        thread::sleep(Duration::from_millis(2));
        let meter = Meter::start();
        let (inside, tasks, starts) = (pool.inside(), Arc::clone(&latch), Arc::clone(&submitted));
        let (ended, end) = channel::<()>();
        pool.execute(move || {
            *starts.lock().expect("no panic under the lock") = Some(Instant::now());
            for _ in 0..TASKS {
                let latch = Arc::clone(&tasks);
                C::execute_inside(&inside, move || latch.count_down());
            }
            // Blocked in the kernel, like a task that reads a file; the end of the tasks ends it early.
            match blocked.recv_timeout(limit) {
                Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            let _ = ended.send(());
        });
        let done = latch.wait()?;
        let _ = release.send(());
        end.recv().map_err(|_| "the blocked task was dropped")?;
        let start = submitted.lock().expect("no panic under the lock").ok_or("the blocked task did not start")?;
        Ok(Sample { values: vec![(done - start).as_secs_f64() * 1e3], cpu: meter.cpu_per(TASKS as u64) })
    })
}
