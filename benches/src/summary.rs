//! The summary: by each metric of each workload, the winner, and ours beside the best peer.

use crate::capability::Class;
use crate::number::number;
use crate::results::{Figure, Results, ratio};
use crate::workload::Workload;

/// How the best of ours compares with the best peer on one metric.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The workload.
    pub workload: Workload,
    /// The index of the metric.
    pub metric: usize,
    /// The best of all, with its median.
    pub winner: (&'static str, f64),
    /// The best of ours, with its median.
    pub ours: Option<(&'static str, f64)>,
    /// The best peer, with its median.
    pub peer: Option<(&'static str, f64)>,
    /// The ratio of ours to the best peer; below 1, ours is ahead.
    pub ratio: Option<f64>,
    /// Whether the ranges of the two overlap, so that the difference may be noise.
    pub noisy: bool,
}

impl Standing {
    /// `workload` or `workload · metric`, if the workload has several.
    pub fn label(&self) -> String {
        match self.workload.metrics {
            [_] => self.workload.name.to_owned(),
            metrics => format!("{} · {}", self.workload.name, metrics[self.metric].name),
        }
    }

    /// The ratio in words.
    pub fn verdict(&self) -> String {
        let Some(ratio) = self.ratio else { return "—".to_owned() };
        let noise = if self.noisy { " ~" } else { "" };
        match ratio {
            ratio if (0.95..=1.05).contains(&ratio) => "even".to_owned(),
            0.0 => "ours at zero".to_owned(),
            f64::INFINITY => "theirs at zero".to_owned(),
            ratio if ratio < 1.0 => format!("ours {} ahead{noise}", times(1.0 / ratio)),
            ratio => format!("ours {} behind{noise}", times(ratio)),
        }
    }
}

fn times(factor: f64) -> String {
    format!("{}×", number(factor))
}

/// One standing for each metric of each workload, in the order of the tables.
pub fn standings(results: &Results) -> Vec<Standing> {
    let mut standings = Vec::new();
    for workload in &results.workloads {
        for metric in 0..workload.metrics.len() {
            let figure = Figure::Metric(metric);
            let best = |class: Option<Class>| {
                results.best(workload, figure, |row| class.is_none_or(|class| row.class == class))
            };
            let Some(winner) = best(None) else { continue };
            let (ours, peer) = (best(Some(Class::Ours)), best(Some(Class::Peer)));
            let pair = ours.as_ref().zip(peer.as_ref());
            standings.push(Standing {
                workload: *workload,
                metric,
                winner: (winner.0.contestant, winner.1.median),
                ratio: pair.map(|(ours, peer)| ratio(ours.1.median, peer.1.median, figure.better(workload))),
                noisy: pair.is_some_and(|(ours, peer)| ours.1.overlaps(&peer.1)),
                ours: ours.map(|(row, spread)| (row.contestant, spread.median)),
                peer: peer.map(|(row, spread)| (row.contestant, spread.median)),
            });
        }
    }
    standings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_ours_stands_beside_the_best_peer() {
        let standings = standings(&crate::results::tests::some_results());
        let [standing] = &standings[..] else { panic!("one metric, one standing") };
        assert_eq!(standing.winner, ("mine", 25.0));
        assert_eq!(standing.peer, Some(("theirs", 110.0)));
        assert_eq!(standing.verdict(), "ours 4.40× ahead");
        assert_eq!(standing.label(), "outside-1");
        let behind = Standing { ratio: Some(1.5), noisy: true, ..standing.clone() };
        assert_eq!(behind.verdict(), "ours 1.50× behind ~");
        assert_eq!(Standing { ratio: Some(1.04), ..standing.clone() }.verdict(), "even");
        assert_eq!(Standing { ratio: None, ..standing.clone() }.verdict(), "—");
    }
}
