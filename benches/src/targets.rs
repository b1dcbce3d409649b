//! The targets for our strategies, as one table. `--gate` measures them and says which are reached.

use crate::capability::Class;
use crate::results::{Figure, Results, ratio};
use crate::workload::Better;

const FIFO: &str = "pool-fifo";
const STEALING: &str = "pool-workstealing";
const PRIORITY: &str = "pool-priority";
const ALL: &[&str] = &[FIFO, STEALING, PRIORITY];
const CHANNELS: Against = Against::BestOf(&["kanal", "crossbeam-channel"]);

/// What a figure is compared with.
#[derive(Clone, Copy, Debug)]
pub enum Against {
    /// The best of the named contestants.
    BestOf(&'static [&'static str]),
    /// The best of the named contestants on another workload.
    Elsewhere(&'static str, &'static [&'static str]),
    /// The best of all peers.
    BestPeer,
    /// The peer that is best by the first metric, even if it is not the best by this figure.
    Winner,
    /// Nothing: the limit is for the figure itself.
    Itself,
    /// The named contestant, plus an allowance for noise.
    WithinNoise(&'static str, f64),
}

/// One target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The workload.
    pub workload: &'static str,
    /// The metric, or `cpu/op`.
    pub figure: &'static str,
    /// Our strategies that must reach it, each of them.
    pub ours: &'static [&'static str],
    /// What the figure is compared with.
    pub against: Against,
    /// The upper limit of the ratio of the medians, or of the figure itself. A ratio below 1 means that ours is better.
    pub limit: f64,
}

const fn target(
    workload: &'static str,
    figure: &'static str,
    ours: &'static [&'static str],
    against: Against,
    limit: f64,
) -> Target {
    Target { workload, figure, ours, against, limit }
}

/// All targets.
pub const TARGETS: &[Target] = &[
    target("outside-1", "time", &[FIFO, STEALING], CHANNELS, 0.5),
    target("outside-4", "time", &[FIFO], CHANNELS, 0.7),
    target("spawn-tree", "time", &[STEALING], Against::Elsewhere("scope-tree", &["rayon"]), 0.6),
    target("scope-tree", "time", &[STEALING], Against::BestOf(&["rayon"]), 0.6),
    target("fib", "cpu/op", &[STEALING], Against::BestOf(&["chili"]), 0.8),
    target("fib-1w", "cpu/op", &[STEALING], Against::BestOf(&["chili"]), 0.8),
    target("fib-8w", "cpu/op", &[STEALING], Against::BestOf(&["chili"]), 0.8),
    target("fib", "cpu/op", &[FIFO, PRIORITY], Against::BestOf(&["chili"]), 1.2),
    target("fib-1w", "cpu/op", &[FIFO, PRIORITY], Against::BestOf(&["chili"]), 1.2),
    target("fib-8w", "cpu/op", &[FIFO, PRIORITY], Against::BestOf(&["chili"]), 1.2),
    target("fib", "time", &[STEALING], Against::BestOf(&["chili"]), 0.8),
    target("fib", "time", &[FIFO, PRIORITY], Against::BestOf(&["chili"]), 1.2),
    target("tree-small", "time", &[STEALING], Against::BestOf(&["rayon", "chili"]), 0.8),
    target("tree-big", "time", &[STEALING], Against::BestOf(&["rayon", "chili"]), 0.8),
    target("coarse-join", "ideal", ALL, Against::Itself, 1.1),
    target("quicksort", "time", &[STEALING], Against::BestOf(&["rayon"]), 1.0),
    target("sum-short", "time", &[STEALING], Against::BestOf(&["sequential"]), 1.0),
    target("sum-long", "time", &[STEALING], Against::BestOf(&["rayon"]), 1.0),
    target("trip-hot", "p50", ALL, Against::BestOf(&["executors-ws"]), 0.8),
    target("trip-idle", "p50", ALL, Against::BestPeer, 1.0),
    target("pareto", "makespan", ALL, Against::Itself, 1.05),
    target("urgent", "p99", &[PRIORITY], Against::BestOf(&["crossbeam-channel"]), 0.001),
    // At least 0.8 of the throughput: a ratio of at most 1.25, since ratios below 1 are better.
    target("urgent", "background", &[PRIORITY], Against::BestOf(&[FIFO]), 1.0 / 0.8),
    target("memory", "bytes", ALL, Against::Itself, 40.0),
    // Queues grow by whole blocks, so the allocations per task are few but not zero.
    target("memory", "allocations", ALL, Against::Itself, 0.05),
    target("memory-handle", "allocations", ALL, Against::Itself, 1.05),
    target("idle", "cpu", ALL, Against::WithinNoise("threadpool", 0.2), 1.0),
    target("idle", "switches", ALL, Against::WithinNoise("threadpool", 1.0), 1.0),
    target("outside-1", "cpu/op", ALL, Against::Winner, 1.0),
    target("outside-4", "cpu/op", ALL, Against::Winner, 1.0),
    target("spawn-tree", "cpu/op", ALL, Against::Winner, 1.0),
    target("spawn-chain", "time", ALL, Against::BestPeer, 1.0),
    // A worker that looks for the next link costs as much as the one that runs the chain, and finds the link if that one blocks.
    target("spawn-chain", "cpu/op", ALL, Against::Winner, 2.0),
    target("sleeper", "done", ALL, Against::Itself, 2.0),
    target("sleeper-chain", "done", ALL, Against::BestPeer, 2.0),
];

/// A target and what was measured for one of our strategies.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The target.
    pub target: Target,
    /// The strategy.
    pub ours: &'static str,
    /// The strategy's median, if it was measured and valid.
    pub value: Option<f64>,
    /// What it is compared with, and the median of that.
    pub against: Option<(String, f64)>,
    /// The ratio, or the figure itself.
    pub ratio: Option<f64>,
}

impl Judged {
    /// Whether the target is reached. A target without a measurement is not.
    pub fn reached(&self) -> bool {
        self.ratio.is_some_and(|ratio| ratio <= self.target.limit)
    }
}

/// The workloads that `targets` need.
pub fn workloads(targets: &[Target]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for target in targets {
        let elsewhere = if let Against::Elsewhere(name, _) = target.against { Some(name) } else { None };
        for name in [Some(target.workload), elsewhere].into_iter().flatten() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// Judges `results` by `targets`: one judgement for each target and each strategy that must reach it.
pub fn judge(results: &Results, targets: &[Target]) -> Vec<Judged> {
    targets.iter().flat_map(|target| target.ours.iter().map(|ours| judge_one(results, target, ours))).collect()
}

fn judge_one(results: &Results, target: &Target, ours: &'static str) -> Judged {
    let mut judged = Judged { target: *target, ours, value: None, against: None, ratio: None };
    let Some(workload) = results.workload(target.workload) else { return judged };
    let Some(figure) = Figure::named(workload, target.figure) else { return judged };
    let median = |workload: &str, contestant: &str, figure| {
        results.row(workload, contestant).and_then(|row| row.spread(figure)).map(|spread| spread.median)
    };
    let best_of = |workload: &str, names: &[&str]| {
        let workload = results.workload(workload)?;
        let figure = Figure::named(workload, target.figure)?;
        let (row, spread) = results.best(workload, figure, |row| names.contains(&row.contestant))?;
        Some((row.contestant.to_owned(), spread.median))
    };
    let better: Better = figure.better(workload);
    let peer = |row: &crate::results::Row| row.class == Class::Peer;
    judged.value = median(target.workload, ours, figure);
    judged.against = match target.against {
        Against::Itself => None,
        Against::BestOf(names) => best_of(target.workload, names),
        Against::Elsewhere(other, names) => {
            best_of(other, names).map(|(name, value)| (format!("{name} ({other})"), value))
        }
        Against::BestPeer => {
            results.best(workload, figure, peer).map(|(row, spread)| (row.contestant.to_owned(), spread.median))
        }
        Against::Winner => results.best(workload, Figure::Metric(0), peer).and_then(|(row, _)| {
            let spread = row.spread(figure)?;
            Some((row.contestant.to_owned(), spread.median))
        }),
        Against::WithinNoise(name, noise) => {
            median(target.workload, name, figure).map(|value| (format!("{name} + {noise}"), value + noise))
        }
    };
    judged.ratio = match target.against {
        Against::Itself => judged.value,
        _ => judged.value.zip(judged.against.as_ref()).map(|(value, (_, against))| ratio(value, *against, better)),
    };
    judged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_names_what_exists() {
        let (workloads, contestants) = (crate::workload::all(), crate::matrix::all());
        for target in TARGETS {
            let workload = workloads.iter().find(|workload| workload.name == target.workload);
            let workload = workload.unwrap_or_else(|| panic!("no workload {}", target.workload));
            assert!(Figure::named(workload, target.figure).is_some(), "{} has no {}", target.workload, target.figure);
            let against = match target.against {
                Against::BestOf(names) => names.to_vec(),
                Against::Elsewhere(workload, names) => {
                    assert!(workloads.iter().any(|other| other.name == workload), "no workload {workload}");
                    names.to_vec()
                }
                Against::WithinNoise(name, _) => vec![name],
                Against::BestPeer | Against::Winner | Against::Itself => vec![],
            };
            for name in target.ours.iter().chain(&against) {
                assert!(contestants.iter().any(|entry| entry.name == *name), "no contestant {name}");
            }
        }
    }

    #[test]
    fn a_ratio_at_the_limit_holds_and_one_above_does_not() {
        let results = crate::results::tests::some_results();
        let judge = |against, limit| {
            let mut judged = judge(&results, &[target("outside-1", "time", &["mine"], against, limit)]);
            judged.pop().unwrap()
        };
        // The medians: ours 25, theirs 110.
        assert!(judge(Against::BestOf(&["theirs"]), 25.0 / 110.0).reached());
        assert!(!judge(Against::BestOf(&["theirs"]), 0.2).reached());
        assert!(judge(Against::BestPeer, 0.5).reached());
        assert!(judge(Against::Itself, 25.0).reached());
        assert!(!judge(Against::Itself, 24.0).reached());
        // An invalid row gives nothing to compare with.
        assert!(!judge(Against::BestOf(&["wrong"]), 100.0).reached());
        assert!(judge(Against::WithinNoise("theirs", 10.0), 25.0 / 120.0).reached());
    }
}
