//! Tables in the terminal.

use super::{About, number};
use crate::contestant::Class;
use crate::results::{Figure, Results, Row, ratio};
use crate::summary::standings;
use crate::targets::{Judged, Target};
use crate::workload::Workload;

/// Lays out rows in columns; the first column is left-aligned, and so is the last if `last_left`.
pub fn layout(head: &[String], rows: &[Vec<String>], last_left: bool) -> String {
    let width = |text: &String| text.chars().count();
    let widths: Vec<usize> = (0..head.len())
        .map(|column| rows.iter().map(|row| width(&row[column])).chain([width(&head[column])]).max().unwrap_or(0))
        .collect();
    let line = |cells: &[String]| {
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let padding = " ".repeat(widths[column] - width(cell));
            let left = column == 0 || (last_left && column + 1 == cells.len());
            line += if column > 0 { "  " } else { "" };
            line += &if left { format!("{cell}{padding}") } else { format!("{padding}{cell}") };
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    };
    let rule: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
    let mut text = line(head) + &line(&rule);
    for row in rows {
        text += &line(row);
    }
    text
}

/// The head of a workload's table.
pub(crate) fn head(workload: &Workload) -> Vec<String> {
    let mut head = vec!["contestant".to_owned()];
    for (index, metric) in workload.metrics.iter().enumerate() {
        let name = if workload.metrics.len() > 1 { format!("{} ", metric.name) } else { String::new() };
        head.extend([format!("{name}min"), format!("{name}median"), format!("{name}max")]);
        if index == 0 {
            head.push("× best peer".to_owned());
        }
    }
    head.push(format!("CPU ns/{}", workload.operation));
    head
}

/// The cells of one contestant beside `best_peer`, its median of the first metric.
pub(crate) fn cells(workload: &Workload, row: &Row, best_peer: Option<f64>) -> Vec<String> {
    let mut cells = vec![row.contestant.to_owned()];
    for (index, metric) in workload.metrics.iter().enumerate() {
        match row.spread(Figure::Metric(index)) {
            Some(spread) => cells.extend([spread.min, spread.median, spread.max].map(number)),
            None => cells.extend(["INVALID", "—", "—"].map(str::to_owned)),
        }
        if index == 0 {
            let pair = row.spread(Figure::Metric(0)).zip(best_peer);
            cells.push(pair.map_or("—".to_owned(), |(own, peer)| number(ratio(own.median, peer, metric.better))));
        }
    }
    cells.push(row.cpu.map_or("—".to_owned(), |spread| number(spread.median)));
    cells
}

/// The median of the first metric of the best peer.
pub(crate) fn best_peer(results: &Results, workload: &Workload) -> Option<f64> {
    let best = results.best(workload, Figure::Metric(0), |row| row.class == Class::Peer);
    best.map(|(_, spread)| spread.median)
}

fn mark(class: Class) -> &'static str {
    match class {
        Class::Ours => "▸ ",
        Class::Peer | Class::Baseline => "  ",
    }
}

/// One workload: every contestant, the best first, ours marked.
pub fn workload(results: &Results, workload: &Workload) -> String {
    let units: Vec<&str> = workload.metrics.iter().map(|metric| metric.unit).collect();
    let mut text = format!("{} · {}\n{}", workload.name, workload.title, units.join("; "));
    if let Some(line) = results.line_time(Some(workload.name)) {
        text += &format!(" · line time {}–{} ns", number(line.min), number(line.max));
    }
    text.push('\n');
    let best_peer = best_peer(results, workload);
    let rows = results.rows(workload);
    let body: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let mut cells = cells(workload, row, best_peer);
            cells[0] = format!("{}{}", mark(row.class), cells[0]);
            cells
        })
        .collect();
    text += &layout(&head(workload), &body, false);
    for row in &rows {
        if let Err(reason) = &row.metrics {
            text += &format!("INVALID {}: {reason}\n", row.contestant);
        }
    }
    let unable = results.unable(workload.name);
    if !unable.is_empty() {
        text += &format!("— (cannot do it): {}\n", unable.join(", "));
    }
    text
}

/// Who wins where, and by how much.
pub fn summary(results: &Results) -> String {
    let head = ["workload", "unit", "winner", "median", "best of ours", "median", "best peer", "median", "ratio", ""];
    let side = |side: Option<(&'static str, f64)>| match side {
        Some((name, median)) => [name.to_owned(), number(median)],
        None => ["—".to_owned(), "—".to_owned()],
    };
    let rows: Vec<Vec<String>> = standings(results)
        .iter()
        .map(|standing| {
            let unit = standing.workload.metrics[standing.metric].unit.split(',').next().unwrap_or_default();
            let mut row = vec![standing.label(), unit.to_owned()];
            row.extend(side(Some(standing.winner)));
            row.extend(side(standing.ours));
            row.extend(side(standing.peer));
            row.push(standing.ratio.map_or("—".to_owned(), number));
            row.push(standing.verdict());
            row
        })
        .collect();
    let mut text = layout(&head.map(str::to_owned), &rows, true);
    text += "ratio: ours ÷ best peer, below 1 is ahead, by medians; even: within 5 %; ~: the two ranges overlap, so it may be noise\n";
    text
}

/// The targets and which of them hold.
pub fn gate(judged: &[Judged]) -> String {
    let head = ["target", "ours", "median", "against", "median", "ratio", "at most", ""].map(str::to_owned);
    let label = |target: &Target| format!("{} · {}", target.workload, target.figure);
    let shown = |value: Option<f64>| value.map_or("—".to_owned(), number);
    let rows: Vec<Vec<String>> = judged
        .iter()
        .map(|judged| {
            let (against, theirs) = match &judged.against {
                Some((name, value)) => (name.clone(), number(*value)),
                None => ("—".to_owned(), "—".to_owned()),
            };
            let state = match (judged.reached(), judged.ratio) {
                (true, _) => "reached",
                (false, Some(_)) => "MISSED",
                (false, None) => "NOT MEASURED",
            };
            vec![
                label(&judged.target),
                judged.ours.to_owned(),
                shown(judged.value),
                against,
                theirs,
                shown(judged.ratio),
                number(judged.target.limit),
                state.to_owned(),
            ]
        })
        .collect();
    let reached = judged.iter().filter(|judged| judged.reached()).count();
    layout(&head, &rows, true) + &format!("{reached} of {} targets reached\n", judged.len())
}

/// The whole report: the machine, every workload, and the summary last.
pub fn report(about: &About, results: &Results) -> String {
    let mut text = String::new();
    for (name, value) in about.facts() {
        text += &format!("{name:12} {value}\n");
    }
    if let Some(line) = results.line_time(None) {
        let [min, median, max] = [line.min, line.median, line.max].map(number);
        text += &format!("line time    {median} ns ({min}–{max}), one way of a cache line\n");
    }
    for workload in &results.workloads {
        text.push('\n');
        text += &self::workload(results, workload);
    }
    text + "\nWho wins where\n" + &summary(results)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::some_results;

    #[test]
    fn columns_line_up() {
        let head = ["name", "µs"].map(str::to_owned);
        let rows = [vec!["a".to_owned(), "1.00".to_owned()], vec!["longer".to_owned(), "—".to_owned()]];
        assert_eq!(layout(&head, &rows, false), "name      µs\n──────  ────\na       1.00\nlonger     —\n");
    }

    #[test]
    fn a_workload_shows_wins_losses_wrong_results_and_who_cannot() {
        let results = some_results();
        let text = workload(&results, &results.workloads[0]);
        let line = |name: &str| text.lines().find(|line| line.contains(name)).unwrap().to_owned();
        assert!(line("▸ mine").contains("25.0") && line("▸ mine").contains("0.227"), "{text}");
        assert!(line("  theirs").contains("110") && line("  theirs").contains("220"), "{text}");
        assert!(line("  wrong").contains("INVALID"), "{text}");
        assert!(text.contains("INVALID wrong: lost <a> task"), "{text}");
        assert!(text.contains("cannot do it): unable"), "{text}");
    }

    #[test]
    fn the_summary_ends_with_the_verdict() {
        let text = summary(&some_results());
        assert!(text.lines().nth(2).unwrap().ends_with("ours 4.40× ahead"), "{text}");
    }
}
