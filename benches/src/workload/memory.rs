//! Bytes and allocations per task, counted by the allocator of a separate process. Counting costs an atomic or two per
//! allocation, and contestants that allocate would pay for it in all other workloads.

use std::process::Command;
use std::sync::{Arc, OnceLock};

use super::blocked::Blocked;
use super::description::{Metric, Workload, without_cpu};
use crate::capability::{Execute, Spawn};
use crate::measure::{Measured, Params, Run, Sample, with_contestant};
use crate::tally::Latch;

const METRICS: &[Metric] =
    &[Metric::lower("bytes", "B/task", "heap per waiting task"), Metric::lower("allocations", "1/task", "allocations")];

/// Tasks without and with a handle.
pub const WORKLOADS: [Workload; 2] = [
    without_cpu("memory", "100,000 tiny tasks wait behind blocked workers", METRICS),
    without_cpu("memory-handle", "100,000 tiny tasks and their handles wait behind blocked workers", METRICS),
];

pub(crate) fn cells<C: Execute>() -> [(&'static str, Run); 1] {
    [("memory", |params| here_or_in_probe::<C>(params, "memory", tasks::<C>))]
}

pub(crate) fn spawn_cells<C: Spawn>() -> [(&'static str, Run); 1] {
    [("memory-handle", |params| here_or_in_probe::<C>(params, "memory-handle", handles::<C>))]
}

/// What an allocator has counted since the process started.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// Bytes allocated and not yet freed.
    pub bytes: u64,
    /// Allocations and reallocations.
    pub allocations: u64,
}

/// The counter of the process's allocator, if it has one. Only the memory probe sets it.
pub static COUNTER: OnceLock<fn() -> Counted> = OnceLock::new();

fn here_or_in_probe<C: Execute>(
    params: &Params,
    workload: &str,
    here: fn(&Params, fn() -> Counted) -> Measured,
) -> Measured {
    if let Some(&counter) = COUNTER.get() {
        return here(params, counter);
    }
    let probe = params.memory_probe.as_ref().ok_or("needs the memory probe")?;
    let output = Command::new(probe)
        .args([C::NAME, workload, &params.workers.to_string(), params.scale.name()])
        .output()
        .map_err(|error| format!("the memory probe does not start: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let values: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    match values {
        Ok(values) if values.len() == METRICS.len() => Ok(Sample { values, cpu: None }),
        _ => Err(format!("the memory probe printed {text:?}")),
    }
}

fn count(params: &Params) -> u64 {
    params.scale.pick(2_000, 20_000, 100_000, 100_000)
}

fn per_task(before: Counted, after: Counted, tasks: u64) -> Sample {
    let per = |before: u64, after: u64| after.saturating_sub(before) as f64 / tasks as f64;
    Sample { values: vec![per(before.bytes, after.bytes), per(before.allocations, after.allocations)], cpu: None }
}

fn tasks<C: Execute>(params: &Params, counter: fn() -> Counted) -> Measured {
    let tasks = count(params);
    with_contestant::<C>(params, |pool| {
        let blocked = Blocked::all(pool, params.workers)?;
        let latch = Latch::new(tasks as usize);
        let before = counter();
        for _ in 0..tasks {
            let latch = Arc::clone(&latch);
            pool.execute(move || latch.count_down());
        }
        let after = counter();
        blocked.release();
        latch.wait()?;
        Ok(per_task(before, after, tasks))
    })
}

fn handles<C: Spawn>(params: &Params, counter: fn() -> Counted) -> Measured {
    let tasks = count(params);
    with_contestant::<C>(params, |pool| {
        let blocked = Blocked::all(pool, params.workers)?;
        let mut handles = Vec::with_capacity(tasks as usize);
        let before = counter();
        for index in 0..tasks {
            handles.push(pool.spawn(move || index));
        }
        let after = counter();
        blocked.release();
        for (index, handle) in handles.into_iter().enumerate() {
            let result = pool.join(handle);
            if result != index as u64 {
                return Err(format!("the handle of task {index} gave the result of task {result}"));
            }
        }
        Ok(per_task(before, after, tasks))
    })
}
