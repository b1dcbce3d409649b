//! A worker that submits tasks from within and then blocks: law 2 in figures. Another worker must run them.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::description::{Metric, Workload, workload};
use crate::capability::Execute;
use crate::measure::{Measured, Meter, Params, Run, Sample, with_contestant};
use crate::tally::Latch;

const METRICS: &[Metric] = &[Metric::lower("done", "ms", "until the tasks are done")];

/// A burst of tasks, and the one task after a chain.
pub const WORKLOADS: [Workload; 2] = [
    Workload {
        least_workers: 2,
        ..workload(
            "sleeper",
            "a worker submits 1,000 tasks from within and blocks for at most 100 ms (--full: 500)",
            METRICS,
            "task",
        )
    },
    Workload {
        least_workers: 2,
        ..workload(
            "sleeper-chain",
            "after a chain of 20,000 tiny tasks, a task submits one more and blocks for as long",
            METRICS,
            "task",
        )
    },
];

pub(crate) fn cells<C: Execute>() -> [(&'static str, Run); 2] {
    [("sleeper", burst::<C>), ("sleeper-chain", chain::<C>)]
}

fn burst<C: Execute>(params: &Params) -> Measured {
    run::<C>(params, 0, 1_000)
}

fn chain<C: Execute>(params: &Params) -> Measured {
    run::<C>(params, 20_000, 1)
}

/// Runs a chain of `links` tasks, then one that submits `tasks` tasks and blocks.
fn run<C: Execute>(params: &Params, links: usize, tasks: usize) -> Measured {
    let limit = Duration::from_millis(params.scale.pick(20, 100, 100, 500));
    with_contestant::<C>(params, |pool| {
        let latch = Latch::new(tasks);
        let (release, blocked) = channel::<()>();
        let submitted = Arc::new(Mutex::new(None));
        // Gives the other workers time to park.
        thread::sleep(Duration::from_millis(2));
        let meter = Meter::start();
        let (inside, counted, starts) = (pool.inside(), Arc::clone(&latch), Arc::clone(&submitted));
        let (ended, end) = channel::<()>();
        let sleeper = move |inside: C::Inside| {
            *starts.lock().expect("no panic under the lock") = Some(Instant::now());
            for _ in 0..tasks {
                let latch = Arc::clone(&counted);
                C::execute_inside(&inside, move || latch.count_down());
            }
            // Blocks in the kernel, like a task that reads a file, until the submitted tasks are done or the limit is over.
            match blocked.recv_timeout(limit) {
                Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            let _ = ended.send(());
        };
        let sleeper = Box::new(sleeper);
        pool.execute(move || link::<C>(inside, links, sleeper));
        let done = latch.wait()?;
        let _ = release.send(());
        end.recv().map_err(|_| "the blocked task was dropped")?;
        let start = submitted.lock().expect("no panic under the lock").ok_or("the blocked task did not start")?;
        Ok(Sample { values: vec![(done - start).as_secs_f64() * 1e3], cpu: meter.cpu_per((links + tasks) as u64) })
    })
}

fn link<C: Execute>(inside: C::Inside, left: usize, end: Box<dyn FnOnce(C::Inside) + Send>) {
    match left {
        0 => end(inside),
        _ => {
            let carried = inside.clone();
            C::execute_inside(&inside, move || link::<C>(carried, left - 1, end));
        }
    }
}
