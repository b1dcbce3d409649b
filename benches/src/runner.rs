//! Runs the measurements: repetitions outermost, then workloads, then contestants in a shuffled order. So all contestants on
//! a workload are measured close together, and no state of the machine affects one contestant alone.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::line_time::line_time;
use crate::matrix::Entry;
use crate::measure::{Measured, Params, Run};
use crate::random::Random;
use crate::results::{Record, Results};
use crate::workload::Workload;

/// Measures `contestants` on `workloads`, `repetitions` times. Calls `progress` before each measurement.
///
/// After a wrong result, a contestant is not measured again on that workload.
pub fn run(
    params: &mut Params,
    workloads: &[Workload],
    contestants: &[Entry],
    repetitions: usize,
    mut progress: impl FnMut(usize, &Workload, &Entry),
) -> Results {
    let mut results = Results {
        workloads: workloads.to_vec(),
        contestants: contestants.iter().map(|entry| (entry.name, entry.class)).collect(),
        records: Vec::new(),
    };
    let mut order: Vec<&Entry> = contestants.iter().collect();
    let mut random = Random::new(params.seed);
    let workers = params.workers;
    for repetition in 0..repetitions {
        for workload in workloads {
            params.workers = workload.workers.unwrap_or(workers);
            random.shuffle(&mut order);
            for entry in &order {
                let Some(run) = entry.cell(workload.name) else { continue };
                if results.row(workload.name, entry.name).is_some_and(|row| row.metrics.is_err()) {
                    continue;
                }
                progress(repetition, workload, entry);
                let line_time = line_time();
                let measured = guarded(run, params);
                results.records.push(Record {
                    workload: workload.name,
                    contestant: entry.name,
                    repetition,
                    line_time,
                    measured,
                });
            }
        }
    }
    params.workers = workers;
    results
}

fn guarded(run: Run, params: &Params) -> Measured {
    catch_unwind(AssertUnwindSafe(|| run(params))).unwrap_or_else(|payload| Err(message(&*payload)))
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Class;
    use crate::matrix;
    use crate::measure::{Sample, Scale};
    use crate::workload;

    #[test]
    fn panics_and_errors_make_a_row_invalid_and_end_it() {
        let fails: Run = |_| panic!("a wrong {}", "result");
        let works: Run = |_| Ok(Sample { values: vec![1.0], cpu: None });
        let entries = [
            Entry { name: "fails", class: Class::Peer, cells: vec![("outside-1", fails)] },
            Entry { name: "works", class: Class::Peer, cells: vec![("outside-1", works)] },
        ];
        let mut params = Params::new(2, Scale::Tiny);
        let results = run(&mut params, &workload::outside::WORKLOADS[..1], &entries, 3, |_, _, _| ());
        assert_eq!(results.records.len(), 4);
        assert_eq!(results.row("outside-1", "fails").unwrap().metrics.unwrap_err(), "a wrong result");
        assert!(results.row("outside-1", "works").unwrap().metrics.is_ok());
    }

    #[test]
    fn repetitions_interleave_the_contestants() {
        let entries: Vec<Entry> = matrix::all().into_iter().filter(|entry| entry.cell("fib").is_some()).collect();
        let mut params = Params::new(1, Scale::Tiny);
        let results = run(&mut params, &workload::fork_join::WORKLOADS[..1], &entries, 2, |_, _, _| ());
        let repetitions: Vec<usize> = results.records.iter().map(|record| record.repetition).collect();
        assert_eq!(repetitions.len(), 2 * entries.len());
        assert!(repetitions.is_sorted());
    }
}
