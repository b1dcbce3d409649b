//! The measurements, and the rows that reports show.

use crate::capability::Class;
use crate::measure::Measured;
use crate::stats::Spread;
use crate::workload::{Better, Workload};

/// One measurement.
#[derive(Clone, Debug)]
pub struct Record {
    /// The name of the workload.
    pub workload: &'static str,
    /// The name of the contestant.
    pub contestant: &'static str,
    /// Which repetition, from 0.
    pub repetition: usize,
    /// The line time just before the measurement, in nanoseconds.
    pub line_time: Option<f64>,
    /// The outcome.
    pub measured: Measured,
}

/// Everything that was measured in one run.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// The workloads that were run, in the order of the tables.
    pub workloads: Vec<Workload>,
    /// The chosen contestants, in the order of `matrix::all`.
    pub contestants: Vec<(&'static str, Class)>,
    /// The measurements in the order in which they were made.
    pub records: Vec<Record>,
}

/// One figure of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// The metric with this index.
    Metric(usize),
    /// Processor time per operation.
    Cpu,
}

impl Figure {
    /// The figure of `workload` that is called `name`; `cpu/op` is the processor time per operation.
    pub fn named(workload: &Workload, name: &str) -> Option<Figure> {
        if name == "cpu/op" {
            return Some(Figure::Cpu);
        }
        workload.metrics.iter().position(|metric| metric.name == name).map(Figure::Metric)
    }

    /// Whether lower or higher is better.
    pub fn better(self, workload: &Workload) -> Better {
        match self {
            Figure::Metric(index) => workload.metrics[index].better,
            Figure::Cpu => Better::Lower,
        }
    }
}

/// The figures of one contestant on one workload.
#[derive(Clone, Debug)]
pub struct Row {
    /// The name of the contestant.
    pub contestant: &'static str,
    /// Its origin.
    pub class: Class,
    /// The spread of each metric, or the reason why the result of a repetition was wrong.
    pub metrics: Result<Vec<Spread>, String>,
    /// The spread of the processor time per operation in nanoseconds.
    pub cpu: Option<Spread>,
}

impl Row {
    /// The spread of one figure, unless it is missing or the row invalid.
    pub fn spread(&self, figure: Figure) -> Option<Spread> {
        match figure {
            Figure::Metric(index) => self.metrics.as_ref().ok()?.get(index).copied(),
            Figure::Cpu => self.metrics.as_ref().ok().and(self.cpu),
        }
    }
}

impl Results {
    /// The description of a workload that was run.
    pub fn workload(&self, name: &str) -> Option<&Workload> {
        self.workloads.iter().find(|workload| workload.name == name)
    }

    /// The figures of one contestant on one workload, or `None` if that pair was not measured.
    pub fn row(&self, workload: &str, contestant: &str) -> Option<Row> {
        let &(contestant, class) = self.contestants.iter().find(|(name, _)| *name == contestant)?;
        let records: Vec<&Measured> = self
            .records
            .iter()
            .filter(|record| record.workload == workload && record.contestant == contestant)
            .map(|record| &record.measured)
            .collect();
        if records.is_empty() {
            return None;
        }
        if let Some(reason) = records.iter().find_map(|measured| measured.as_ref().err()) {
            return Some(Row { contestant, class, metrics: Err(reason.clone()), cpu: None });
        }
        let samples: Vec<_> = records.into_iter().flatten().collect();
        let metrics = (0..samples[0].values.len())
            .map(|index| Spread::of(&samples.iter().map(|sample| sample.values[index]).collect::<Vec<_>>()))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| "no repetition".to_owned());
        let cpu: Option<Vec<f64>> = samples.iter().map(|sample| sample.cpu).collect();
        Some(Row { contestant, class, metrics, cpu: cpu.and_then(|values| Spread::of(&values)) })
    }

    /// All contestants measured on `workload`, the best first, invalid ones last.
    pub fn rows(&self, workload: &Workload) -> Vec<Row> {
        let mut rows: Vec<Row> =
            self.contestants.iter().filter_map(|(contestant, _)| self.row(workload.name, contestant)).collect();
        let first = Figure::Metric(0);
        let badness = |row: &Row| match (row.spread(first), first.better(workload)) {
            (None, _) => f64::INFINITY,
            (Some(spread), Better::Lower) => spread.median,
            (Some(spread), Better::Higher) => -spread.median,
        };
        rows.sort_by(|a, b| badness(a).total_cmp(&badness(b)));
        rows
    }

    /// The names of the contestants that were not measured on `workload`: they cannot do it.
    pub fn unable(&self, workload: &str) -> Vec<&'static str> {
        let unable = |name: &&str| self.row(workload, name).is_none();
        self.contestants.iter().map(|&(name, _)| name).filter(unable).collect()
    }

    /// The row with the best median of `figure` among those that `eligible` accepts.
    pub fn best(&self, workload: &Workload, figure: Figure, eligible: impl Fn(&Row) -> bool) -> Option<(Row, Spread)> {
        let better = figure.better(workload);
        self.rows(workload)
            .into_iter()
            .filter(|row| eligible(row))
            .filter_map(|row| row.spread(figure).map(|spread| (row, spread)))
            .min_by(|(_, a), (_, b)| match better {
                Better::Lower => a.median.total_cmp(&b.median),
                Better::Higher => b.median.total_cmp(&a.median),
            })
    }

    /// The spread of the line time over the whole run, or over one workload.
    pub fn line_time(&self, workload: Option<&str>) -> Option<Spread> {
        let of = |record: &&Record| workload.is_none_or(|name| record.workload == name);
        let times: Vec<f64> = self.records.iter().filter(of).filter_map(|record| record.line_time).collect();
        Spread::of(&times)
    }
}

/// The ratio of `ours` to `theirs`, inverted where higher is better: below 1, ours is better. For two zeros it is 1.
pub fn ratio(ours: f64, theirs: f64, better: Better) -> f64 {
    let (above, below) = match better {
        Better::Lower => (ours, theirs),
        Better::Higher => (theirs, ours),
    };
    if above == below { 1.0 } else { above / below }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::measure::Sample;

    /// One workload and four contestants: the first is ours, the third gave a wrong result, the last was not measured.
    pub(crate) fn some_results() -> Results {
        let workload = crate::workload::outside::WORKLOADS[0];
        let record = |contestant, repetition, measured| Record {
            workload: workload.name,
            contestant,
            repetition,
            line_time: Some(50.0 + repetition as f64),
            measured,
        };
        let good = |value| Ok(Sample { values: vec![value], cpu: Some(2.0 * value) });
        Results {
            workloads: vec![workload],
            contestants: vec![
                ("mine", Class::Ours),
                ("theirs", Class::Peer),
                ("wrong", Class::Peer),
                ("unable", Class::Peer),
            ],
            records: vec![
                record("mine", 0, good(30.0)),
                record("theirs", 0, good(100.0)),
                record("wrong", 0, good(1.0)),
                record("theirs", 1, good(120.0)),
                record("wrong", 1, Err("lost <a> task".into())),
                record("mine", 1, good(20.0)),
            ],
        }
    }

    #[test]
    fn rows_are_sorted_and_wrong_results_disqualify() {
        let results = some_results();
        let workload = results.workloads[0];
        let rows = results.rows(&workload);
        assert_eq!(rows.iter().map(|row| row.contestant).collect::<Vec<_>>(), ["mine", "theirs", "wrong"]);
        assert_eq!(rows[0].spread(Figure::Metric(0)), Spread::of(&[20.0, 30.0]));
        assert_eq!(rows[1].spread(Figure::Cpu), Spread::of(&[200.0, 240.0]));
        assert_eq!(rows[2].spread(Figure::Metric(0)), None);
        assert_eq!(results.unable("outside-1"), ["unable"]);
        let (best, _) = results.best(&workload, Figure::Metric(0), |row| row.class == Class::Peer).unwrap();
        assert_eq!(best.contestant, "theirs");
        assert_eq!(results.line_time(None).unwrap().max, 51.0);
    }

    #[test]
    fn ratios_are_below_one_when_ours_is_better() {
        assert_eq!(ratio(20.0, 40.0, Better::Lower), 0.5);
        assert_eq!(ratio(20.0, 40.0, Better::Higher), 2.0);
        assert_eq!(ratio(0.0, 0.0, Better::Lower), 1.0);
        assert_eq!(ratio(1.0, 0.0, Better::Lower), f64::INFINITY);
    }
}
