//! Measures one contestant's memory: `memory-probe CONTESTANT WORKLOAD WORKERS SCALE`. Started by the comparison.

use std::alloc::System;
use std::process::ExitCode;

use pool_benches::measure::{Params, Scale};
use pool_benches::workload::memory::{COUNTER, Counted};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn counted() -> Counted {
    let stats = COUNTING.stats();
    Counted {
        bytes: (stats.bytes_allocated - stats.bytes_deallocated) as u64,
        allocations: (stats.allocations + stats.reallocations) as u64,
    }
}

fn measure(arguments: &[String]) -> Result<Vec<f64>, String> {
    let [contestant, workload, workers, scale] = arguments else {
        return Err("usage: memory-probe CONTESTANT WORKLOAD WORKERS tiny|quick|standard|full".into());
    };
    COUNTER.get_or_init(|| counted);
    let workers = workers.parse().map_err(|_| format!("{workers} is not a number of workers"))?;
    let scale = Scale::from_name(scale).ok_or_else(|| format!("{scale} is not a scale"))?;
    let entry = pool_benches::matrix::all().into_iter().find(|entry| entry.name == contestant);
    let run = entry.and_then(|entry| entry.cell(workload)).ok_or_else(|| format!("no {workload} for {contestant}"))?;
    Ok(run(&Params::new(workers, scale))?.values)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match measure(&arguments) {
        Ok(values) => {
            println!("{}", values.iter().map(f64::to_string).collect::<Vec<_>>().join(" "));
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}
