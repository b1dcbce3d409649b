//! How tables describe a workload and its figures.

/// Which end of a metric is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The smaller, the better.
    Lower,
    /// The larger, the better.
    Higher,
}

/// One figure that a workload gives.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name on the command line and in targets.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// What it is, where the workload's title does not say it.
    pub what: &'static str,
    /// Which end is good.
    pub better: Better,
}

impl Metric {
    pub(super) const fn lower(name: &'static str, unit: &'static str, what: &'static str) -> Self {
        Metric { name, unit, what, better: Better::Lower }
    }

    pub(super) const fn higher(name: &'static str, unit: &'static str, what: &'static str) -> Self {
        Metric { name, unit, what, better: Better::Higher }
    }
}

/// A workload as tables describe it.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line that says what happens.
    pub title: &'static str,
    /// What it gives; the first is the one it is judged by.
    pub metrics: &'static [Metric],
    /// What processor time is counted per, if it is told apart from the metrics.
    pub operation: Option<&'static str>,
    /// The number of workers, if it is not the one asked for.
    pub workers: Option<usize>,
    /// The fewest workers with which it makes sense.
    pub least_workers: usize,
    /// Whether it runs unless named.
    pub standard: bool,
}

/// A workload that runs by default, with the asked number of workers.
pub(super) const fn workload(
    name: &'static str,
    title: &'static str,
    metrics: &'static [Metric],
    operation: &'static str,
) -> Workload {
    Workload { name, title, metrics, operation: Some(operation), workers: None, least_workers: 1, standard: true }
}

/// The same without processor time per operation.
pub(super) const fn without_cpu(name: &'static str, title: &'static str, metrics: &'static [Metric]) -> Workload {
    Workload { name, title, metrics, operation: None, workers: None, least_workers: 1, standard: true }
}
