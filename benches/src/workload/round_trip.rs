//! The round trip of a task from an outside thread: the time until it has run on a worker and the caller knows.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::description::{Metric, Workload, workload};
use crate::capability::{Execute, Spawn};
use crate::measure::{Measured, Meter, Params, Run, Sample, with_contestant};
use crate::stats::percentile;
use crate::tally::{PATIENCE, thread_number};

const METRICS: &[Metric] = &[Metric::lower("p50", "µs", "median trip"), Metric::lower("p99", "µs", "99th percentile")];

/// Back to back, after the workers have parked, and through a handle on which the caller may sleep.
pub const WORKLOADS: [Workload; 3] = [
    workload("trip-hot", "round trips of a task, back to back; the caller spins", METRICS, "trip"),
    workload("trip-idle", "round trips of a task, each after 1 ms of idleness; the caller spins", METRICS, "trip"),
    workload("trip-handle", "spawn and join a handle, back to back; the caller may sleep", METRICS, "trip"),
];

pub(crate) fn cells<C: Execute>() -> [(&'static str, Run); 2] {
    [("trip-hot", hot::<C>), ("trip-idle", idle::<C>)]
}

pub(crate) fn spawn_cells<C: Spawn>() -> [(&'static str, Run); 1] {
    [("trip-handle", handle::<C>)]
}

#[derive(Default)]
struct Answer {
    trip: AtomicU64,
    thread: AtomicUsize,
}

fn hot<C: Execute>(params: &Params) -> Measured {
    trips::<C>(params, params.scale.pick(50, 500, 1_000, 5_000), Duration::ZERO)
}

fn idle<C: Execute>(params: &Params) -> Measured {
    trips::<C>(params, params.scale.pick(5, 20, 50, 200), Duration::from_millis(1))
}

fn trips<C: Execute>(params: &Params, trips: u64, pause: Duration) -> Measured {
    with_contestant::<C>(params, |pool| {
        let answer = Arc::new(Answer::default());
        let mut micros = Vec::with_capacity(trips as usize);
        let meter = Meter::start();
        for trip in 1..=trips {
            if !pause.is_zero() {
                thread::sleep(pause);
            }
            let sent = Arc::clone(&answer);
            let start = Instant::now();
            pool.execute(move || {
                sent.thread.store(thread_number(), Ordering::Relaxed);
                // Release: pairs with the Acquire of `wait_for`: the caller then sees the thread's number.
                sent.trip.store(trip, Ordering::Release);
            });
            wait_for(&answer, trip, start)?;
            micros.push(start.elapsed().as_nanos() as f64 / 1e3);
            if answer.thread.load(Ordering::Relaxed) == thread_number() {
                return Err("a task of the pool ran on the thread that submitted it".into());
            }
        }
        Ok(sample(&micros, &meter))
    })
}

/// Spins for the time of a slow wake, then yields, in case a worker needs this processor to answer.
fn wait_for(answer: &Answer, trip: u64, start: Instant) -> Result<(), String> {
    const SPINS: u32 = 2_000;
    let mut spins = 0;
    while answer.trip.load(Ordering::Acquire) != trip {
        if spins < SPINS {
            spins += 1;
            spin_loop();
        } else if start.elapsed() < PATIENCE {
            thread::yield_now();
        } else {
            return Err(format!("trip {trip} had not ended after {PATIENCE:?}"));
        }
    }
    Ok(())
}

fn handle<C: Spawn>(params: &Params) -> Measured {
    let trips: u64 = params.scale.pick(50, 500, 1_000, 5_000);
    with_contestant::<C>(params, |pool| {
        let mut micros = Vec::with_capacity(trips as usize);
        let meter = Meter::start();
        for trip in 0..trips {
            let start = Instant::now();
            let handle = pool.spawn(move || (trip, thread_number()));
            let (came, thread) = pool.join(handle);
            micros.push(start.elapsed().as_nanos() as f64 / 1e3);
            if came != trip {
                return Err(format!("the handle of task {trip} gave the result of task {came}"));
            }
            if thread == thread_number() {
                return Err("a task of the pool ran on the thread that submitted it".into());
            }
        }
        Ok(sample(&micros, &meter))
    })
}

fn sample(micros: &[f64], meter: &Meter) -> Sample {
    let at = |percent| percentile(micros, percent).expect("there are trips");
    Sample { values: vec![at(50.0), at(99.0)], cpu: meter.cpu_per(micros.len() as u64) }
}
