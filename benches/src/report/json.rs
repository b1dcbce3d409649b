//! The raw results, for programs.

use serde_json::{Value, json};

use super::About;
use crate::capability::Class;
use crate::results::{Record, Results};
use crate::workload::{Better, Workload};

/// All measurements, one record for each repetition.
pub fn report(about: &About, results: &Results) -> Value {
    json!({
        "format": 1,
        "about": about.facts().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect::<serde_json::Map<_, _>>(),
        "workloads": results.workloads.iter().map(workload).collect::<Vec<_>>(),
        "contestants": results.contestants.iter().map(|&(name, class)| json!({
            "name": name,
            "class": match class { Class::Ours => "ours", Class::Peer => "peer", Class::Baseline => "baseline" },
        })).collect::<Vec<_>>(),
        "records": results.records.iter().map(record).collect::<Vec<_>>(),
    })
}

fn workload(workload: &Workload) -> Value {
    json!({
        "name": workload.name,
        "title": workload.title,
        "operation": workload.operation,
        "metrics": workload.metrics.iter().map(|metric| json!({
            "name": metric.name,
            "unit": metric.unit,
            "better": match metric.better { Better::Lower => "lower", Better::Higher => "higher" },
        })).collect::<Vec<_>>(),
    })
}

fn record(record: &Record) -> Value {
    let mut value = json!({
        "workload": record.workload,
        "contestant": record.contestant,
        "repetition": record.repetition,
        "line_time_ns": record.line_time,
    });
    match &record.measured {
        Ok(sample) => {
            value["values"] = json!(sample.values);
            value["cpu_ns_per_operation"] = json!(sample.cpu);
        }
        Err(reason) => value["invalid"] = json!(reason),
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Params, Scale};

    #[test]
    fn holds_each_repetition_and_why_one_is_invalid() {
        let about = About::here(&Params::new(2, Scale::Tiny), 2);
        let value = report(&about, &crate::results::tests::some_results());
        assert_eq!(value["records"].as_array().unwrap().len(), 6);
        assert_eq!(value["records"][0]["values"][0], 30.0);
        assert_eq!(value["records"][4]["invalid"], "lost <a> task");
        assert_eq!(value["about"]["workers"], "2");
    }
}
