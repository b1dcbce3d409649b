//! Tasks that submit tasks: a tree of tasks without or with some work, detached or within a scope; and a chain.

use std::time::Duration;

use super::description::{Metric, Workload, workload};
use crate::capability::{Execute, Scoped};
use crate::measure::{Measured, Meter, Params, Run, nanos_per, with_contestant};
use crate::tally::{Tally, with_tally};
use crate::work;

const METRICS: &[Metric] = &[Metric::lower("time", "ns/task", "")];

/// The tree, the same with some work in each task, the tree within a scope, and the chain.
pub const WORKLOADS: [Workload; 5] = [
    workload("spawn-tree", "each task submits two more, detached, down to a depth", METRICS, "task"),
    Workload {
        standard: false,
        ..workload("spawn-tree-100", "the same, and each task works for 100 ns first", METRICS, "task")
    },
    Workload {
        standard: false,
        ..workload("spawn-tree-400", "the same, and each task works for 400 ns first", METRICS, "task")
    },
    workload("scope-tree", "each task submits two more within one scope, down to a depth", METRICS, "task"),
    workload("spawn-chain", "each task submits the next", METRICS, "task"),
];

pub(crate) fn cells<C: Execute>() -> [(&'static str, Run); 4] {
    [
        ("spawn-tree", tree::<C, 0>),
        ("spawn-tree-100", tree::<C, 100>),
        ("spawn-tree-400", tree::<C, 400>),
        ("spawn-chain", chain::<C>),
    ]
}

pub(crate) fn scope_cells<C: Scoped>() -> [(&'static str, Run); 1] {
    [("scope-tree", scope_tree::<C>)]
}

fn tree_tasks(params: &Params) -> u64 {
    (1 << params.scale.pick(10, 15, 17, 19)) - 1
}

/// Nodes are numbered as in a heap: the children of `i` are `2i + 1` and `2i + 2`.
/// Each task works for `NANOS` nanoseconds.
fn tree<C: Execute, const NANOS: u64>(params: &Params) -> Measured {
    let tasks = tree_tasks(params);
    // Calibrates the work before the clock runs.
    work::iterations(Duration::ZERO);
    with_contestant::<C>(params, |pool| {
        with_tally(tasks, |tally| {
            let inside = pool.inside();
            let meter = Meter::start();
            pool.execute(move || tree_task::<C, NANOS>(inside, tally, 0));
            tally.wait(0..tasks)?;
            Ok(meter.sample(nanos_per(meter.wall(), tasks), tasks))
        })
    })
}

fn tree_task<C: Execute, const NANOS: u64>(inside: C::Inside, tally: &'static Tally, index: u64) {
    if NANOS > 0 {
        work::spin(work::iterations(Duration::from_nanos(NANOS)));
    }
    let left = 2 * index + 1;
    if left < tally.tasks() {
        let carried = inside.clone();
        C::execute_inside(&inside, move || tree_task::<C, NANOS>(carried, tally, left));
        let carried = inside.clone();
        C::execute_inside(&inside, move || tree_task::<C, NANOS>(carried, tally, left + 1));
    }
    tally.add(index);
}

fn scope_tree<C: Scoped>(params: &Params) -> Measured {
    let tasks = tree_tasks(params);
    with_contestant::<C>(params, |pool| {
        with_tally(tasks, |tally| {
            let meter = Meter::start();
            pool.scope(|scope| scope_task::<C>(scope, tally, 0));
            let wall = meter.wall();
            // All tasks of a scope have ended when it returns, so this only checks them.
            tally.wait(0..tasks)?;
            Ok(meter.sample(nanos_per(wall, tasks), tasks))
        })
    })
}

fn scope_task<'s, C: Scoped>(scope: &C::Scope<'s>, tally: &'static Tally, index: u64) {
    let left = 2 * index + 1;
    if left < tally.tasks() {
        C::spawn_in(scope, move |scope| scope_task::<C>(scope, tally, left));
        C::spawn_in(scope, move |scope| scope_task::<C>(scope, tally, left + 1));
    }
    tally.add(index);
}

fn chain<C: Execute>(params: &Params) -> Measured {
    let tasks = params.scale.pick(500, 10_000, 50_000, 200_000);
    with_contestant::<C>(params, |pool| {
        with_tally(tasks, |tally| {
            let inside = pool.inside();
            let meter = Meter::start();
            pool.execute(move || chain_task::<C>(inside, tally, 0));
            tally.wait(0..tasks)?;
            Ok(meter.sample(nanos_per(meter.wall(), tasks), tasks))
        })
    })
}

fn chain_task<C: Execute>(inside: C::Inside, tally: &'static Tally, index: u64) {
    if index + 1 < tally.tasks() {
        let carried = inside.clone();
        C::execute_inside(&inside, move || chain_task::<C>(carried, tally, index + 1));
    }
    tally.add(index);
}
