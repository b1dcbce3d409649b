//! Tables in the terminal.

use super::About;
use crate::capability::Class;
use crate::number::number;
use crate::results::{Figure, Results, Row, ratio};
use crate::summary::{Standing, standings};
use crate::targets::Judged;
use crate::workload::{Metric, Workload};

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
        head.extend(["min", "median", "max"].map(|column| format!("{name}{column}")));
        if index == 0 {
            head.push("× best peer".to_owned());
        }
    }
    if let Some(operation) = workload.operation {
        head.push(format!("CPU ns/{operation}"));
    }
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
    if workload.operation.is_some() {
        cells.push(row.cpu.map_or("—".to_owned(), |spread| number(spread.median)));
    }
    cells
}

/// The median of the first metric of the best peer.
pub(crate) fn best_peer(results: &Results, workload: &Workload) -> Option<f64> {
    let best = results.best(workload, Figure::Metric(0), |row| row.class == Class::Peer);
    best.map(|(_, spread)| spread.median)
}

/// The unit, and the metric's name and meaning unless the workload's title says it all.
pub(crate) fn described(metric: &Metric) -> String {
    match metric.what {
        "" => metric.unit.to_owned(),
        what => format!("{} in {}: {what}", metric.name, metric.unit),
    }
}

fn mark(class: Class) -> &'static str {
    match class {
        Class::Ours => "▸ ",
        Class::Peer | Class::Baseline => "  ",
    }
}

/// One workload: every contestant, the best first, ours marked.
pub fn workload(results: &Results, workload: &Workload) -> String {
    let metrics: Vec<String> = workload.metrics.iter().map(described).collect();
    let mut text = format!("{} · {}\n{}", workload.name, workload.title, metrics.join("; "));
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

/// The head of the summary, and one line of it.
pub(crate) const SUMMARY_HEAD: [&str; 10] =
    ["workload", "unit", "winner", "median", "best of ours", "median", "best peer", "median", "ratio", ""];

pub(crate) fn summary_cells(standing: &Standing) -> Vec<String> {
    let side = |side: Option<(&'static str, f64)>| match side {
        Some((name, median)) => [name.to_owned(), number(median)],
        None => ["—".to_owned(), "—".to_owned()],
    };
    let mut cells = vec![standing.label(), standing.workload.metrics[standing.metric].unit.to_owned()];
    cells.extend(side(Some(standing.winner)));
    cells.extend(side(standing.ours));
    cells.extend(side(standing.peer));
    cells.push(standing.ratio.map_or("—".to_owned(), number));
    cells.push(standing.verdict());
    cells
}

/// The summary: by each metric of each workload, the winner, and ours beside the best peer.
pub fn summary(results: &Results) -> String {
    let rows: Vec<Vec<String>> = standings(results).iter().map(summary_cells).collect();
    layout(&SUMMARY_HEAD.map(str::to_owned), &rows, true)
        + "ratio: ours ÷ best peer by medians (inverted where higher is better); below 1, ours is ahead\n\
           even: within 5 %; ~: the ranges overlap, so the difference may be noise\n"
}

/// The head of the table of targets, and one line of it.
pub(crate) const GATE_HEAD: [&str; 8] = ["target", "ours", "median", "against", "median", "ratio", "at most", ""];

pub(crate) fn gate_cells(judged: &Judged) -> Vec<String> {
    let shown = |value: Option<f64>| value.map_or("—".to_owned(), number);
    let (against, theirs) = judged.against.clone().unzip();
    let state = match (judged.reached(), judged.ratio) {
        (true, _) => "reached",
        (false, Some(_)) => "MISSED",
        (false, None) => "NOT MEASURED",
    };
    vec![
        format!("{} · {}", judged.target.workload, judged.target.figure),
        judged.ours.to_owned(),
        shown(judged.value),
        against.unwrap_or_else(|| "—".to_owned()),
        shown(theirs),
        shown(judged.ratio),
        number(judged.target.limit),
        state.to_owned(),
    ]
}

/// The targets, and which of them are reached.
pub fn gate(judged: &[Judged]) -> String {
    let rows: Vec<Vec<String>> = judged.iter().map(gate_cells).collect();
    let reached = judged.iter().filter(|judged| judged.reached()).count();
    layout(&GATE_HEAD.map(str::to_owned), &rows, true) + &format!("{reached} of {} targets reached\n", judged.len())
}

/// The whole report: the machine, every workload, and the summary last.
pub fn report(about: &About, results: &Results) -> String {
    let mut text = String::new();
    for (name, value) in about.facts() {
        text += &format!("{name:12} {value}\n");
    }
    if let Some(line) = results.line_time(None) {
        let [min, median, max] = [line.min, line.median, line.max].map(number);
        text += &format!("line time    {median} ns ({min}–{max}), a cache line one way\n");
    }
    for workload in &results.workloads {
        text.push('\n');
        text += &self::workload(results, workload);
    }
    text + "\nSummary\n" + &summary(results)
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
