//! Every cell of the comparison at its smallest: each contestant on each workload that it can do.

use pool_benches::measure::{Params, Scale};
use pool_benches::{matrix, workload};

#[test]
fn every_contestant_does_what_it_says() {
    let mut params = Params::new(2, Scale::Tiny);
    params.memory_probe = Some(env!("CARGO_BIN_EXE_memory-probe").into());
    for entry in matrix::all() {
        for workload in workload::all() {
            let Some(run) = entry.cell(workload.name) else { continue };
            let sample = match run(&params) {
                Ok(sample) => sample,
                Err(reason) => panic!("{} on {}: {reason}", entry.name, workload.name),
            };
            assert_eq!(sample.values.len(), workload.metrics.len(), "{} on {}", entry.name, workload.name);
            for value in sample.values {
                assert!(value.is_finite() && value >= 0.0, "{} on {}: {value}", entry.name, workload.name);
            }
        }
    }
}
