//! How tables describe a workload and its figures.

/// Whether lower or higher is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Lower is better.
    Lower,
    /// Higher is better.
    Higher,
}

/// One figure of a workload.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name on the command line and in targets.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Its meaning, unless the workload's title says it.
    pub what: &'static str,
    /// Whether lower or higher is better.
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
    /// Its metrics; contestants are ranked by the first.
    pub metrics: &'static [Metric],
    /// The operation that processor time is given per, or `None` if it is not given.
    pub operation: Option<&'static str>,
    /// The number of workers, if it is fixed.
    pub workers: Option<usize>,
    /// The fewest workers with which it makes sense.
    pub least_workers: usize,
    /// Whether it runs by default.
    pub standard: bool,
}

/// A workload that runs by default, with the given number of workers.
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
