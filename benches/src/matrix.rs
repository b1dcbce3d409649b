//! Which contestant is measured on which workload. The only module that imports both.

use std::marker::PhantomData;

use crate::capability::{Class, Contestant, Execute, Join, Reduce, Scoped, Spawn};
use crate::contestant::{
    Chili, CrossbeamChannel, ExecutorsChannel, ExecutorsStealing, Fifo, FifoBounded, Kanal, Priority, Rayon, RustyPool,
    Sequential, Threadpool, Tokio, WorkStealing,
};
use crate::measure::Run;
use crate::workload;

/// A contestant and the workloads that it can do.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Its origin.
    pub class: Class,
    /// The names of the workloads that it can do, and the function that measures each.
    pub cells: Vec<(&'static str, Run)>,
}

impl Entry {
    /// The function that measures the contestant on `workload`, or `None` if the contestant cannot do it.
    pub fn cell(&self, workload: &str) -> Option<Run> {
        self.cells.iter().find(|(name, _)| *name == workload).map(|&(_, run)| run)
    }
}

/// Every contestant, ours first.
pub fn all() -> Vec<Entry> {
    vec![
        Enlist::<Fifo>::new().execute().spawn().join().scoped().reduce().entry,
        Enlist::<WorkStealing>::new().execute().spawn().join().scoped().reduce().entry,
        Enlist::<Priority>::new().execute().spawn().join().scoped().reduce().entry,
        Enlist::<FifoBounded>::new().with(workload::outside::cells::<FifoBounded>()).entry,
        Enlist::<Rayon>::new().execute().join().scoped().reduce().entry,
        Enlist::<Chili>::new().join().reduce().entry,
        Enlist::<Tokio>::new().execute().spawn().entry,
        Enlist::<Threadpool>::new().execute().entry,
        Enlist::<RustyPool>::new().execute().spawn().entry,
        Enlist::<ExecutorsStealing>::new().execute().entry,
        Enlist::<ExecutorsChannel>::new().execute().entry,
        Enlist::<CrossbeamChannel>::new().execute().entry,
        Enlist::<Kanal>::new().execute().entry,
        Enlist::<Sequential>::new().join().reduce().entry,
    ]
}

struct Enlist<C> {
    entry: Entry,
    contestant: PhantomData<C>,
}

impl<C: Contestant> Enlist<C> {
    fn new() -> Self {
        let mut cells = Vec::new();
        if C::CLASS != Class::Baseline {
            cells.extend(workload::idle::cells::<C>());
        }
        Enlist { entry: Entry { name: C::NAME, class: C::CLASS, cells }, contestant: PhantomData }
    }

    fn with<const N: usize>(mut self, cells: [(&'static str, Run); N]) -> Self {
        self.entry.cells.extend(cells);
        self
    }

    fn execute(self) -> Self
    where
        C: Execute,
    {
        self.with(workload::outside::cells::<C>())
            .with(workload::nested::cells::<C>())
            .with(workload::round_trip::cells::<C>())
            .with(workload::uneven::cells::<C>())
            .with(workload::urgent::cells::<C>())
            .with(workload::sleeper::cells::<C>())
            .with(workload::memory::cells::<C>())
    }

    fn spawn(self) -> Self
    where
        C: Spawn,
    {
        self.with(workload::memory::spawn_cells::<C>()).with(workload::round_trip::spawn_cells::<C>())
    }

    fn join(self) -> Self
    where
        C: Join,
    {
        self.with(workload::fork_join::cells::<C>())
            .with(workload::tree::cells::<C>())
            .with(workload::quicksort::cells::<C>())
    }

    fn scoped(self) -> Self
    where
        C: Scoped,
    {
        self.with(workload::nested::scope_cells::<C>())
    }

    fn reduce(self) -> Self
    where
        C: Reduce,
    {
        self.with(workload::reduce::cells::<C>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_has_its_own_name_and_a_contestant() {
        let contestants = all();
        let mut names: Vec<_> = workload::all().iter().map(|workload| workload.name).collect();
        for name in &names {
            assert!(contestants.iter().any(|contestant| contestant.cell(name).is_some()), "{name}");
        }
        let known = names.clone();
        for contestant in &contestants {
            for (name, _) in &contestant.cells {
                assert!(known.contains(name), "{} has a cell for {name}, which no workload describes", contestant.name);
            }
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), known.len());
    }
}
