//! The whole report as one page: the summary, and for each workload its charts and its table. It loads no other file.

use super::About;
use super::html::{STYLE, escape, table};
use super::svg::{Bar, chart};
use super::table::{GATE_HEAD, SUMMARY_HEAD, best_peer, cells, described, gate_cells, head, summary_cells};
use crate::capability::Class;
use crate::number::number;
use crate::results::{Figure, Results, Row};
use crate::summary::{Standing, standings};
use crate::targets::Judged;
use crate::workload::{Better, Workload};

/// The whole page. `judged` is empty unless targets were judged.
pub fn report(about: &About, results: &Results, judged: &[Judged]) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Worker pools compared</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>Worker pools compared</h1>\n<p class=\"soft\">Every result was checked. Contestants were interleaved in \
         shuffled order, each repetition with a new pool. Bars show medians, whiskers minimum and maximum.</p>\n"
    );
    page += &facts(about, results);
    page += "<p class=\"key\"><span style=\"background:var(--ours)\"></span>ours\
             <span style=\"background:var(--peer)\"></span>peers\
             <span style=\"background:var(--baseline)\"></span>no pool</p>\n";
    page += "<h2>Summary</h2>\n<p class=\"soft\">Ratio: ours ÷ best peer by medians (inverted where higher is better); \
             below 1, ours is ahead. Even: within 5 %. ~: the ranges overlap, so the difference may be noise.</p>\n";
    page += &summary(&standings(results));
    if !judged.is_empty() {
        page += "<h2>Targets</h2>\n";
        page += &targets(judged);
    }
    page += "<nav>";
    for workload in &results.workloads {
        page += &format!("<a href=\"#{0}\">{0}</a>\n", escape(workload.name));
    }
    page += "</nav>\n";
    for workload in &results.workloads {
        page += &section(results, workload);
    }
    page + "</body>\n</html>\n"
}

fn facts(about: &About, results: &Results) -> String {
    let mut list = "<dl>\n".to_owned();
    let mut fact = |name: &str, value: &str| {
        list += &format!("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(value));
    };
    for (name, value) in about.facts() {
        fact(name, &value);
    }
    if let Some(line) = results.line_time(None) {
        let [min, median, max] = [line.min, line.median, line.max].map(number);
        fact("line time", &format!("{median} ns ({min}–{max}), a cache line one way between two processors"));
    }
    list + "</dl>\n"
}

fn summary(standings: &[Standing]) -> String {
    let class = |standing: &Standing| match standing.ratio {
        Some(ratio) if ratio < 0.95 => "ahead",
        Some(ratio) if ratio > 1.05 => "behind",
        _ => "even",
    };
    let rows: Vec<(String, Vec<String>)> =
        standings.iter().map(|standing| (class(standing).to_owned(), summary_cells(standing))).collect();
    format!("<div class=\"left\">{}</div>", table(&SUMMARY_HEAD.map(str::to_owned), &rows))
}

fn targets(judged: &[Judged]) -> String {
    let class = |judged: &Judged| if judged.reached() { "ahead" } else { "behind" };
    let rows: Vec<(String, Vec<String>)> =
        judged.iter().map(|judged| (class(judged).to_owned(), gate_cells(judged))).collect();
    format!("<div class=\"left\">{}</div>", table(&GATE_HEAD.map(str::to_owned), &rows))
}

fn class(row: &Row) -> &'static str {
    match row.class {
        _ if row.metrics.is_err() => "invalid",
        Class::Ours => "ours",
        Class::Peer => "peer",
        Class::Baseline => "baseline",
    }
}

fn section(results: &Results, workload: &Workload) -> String {
    let rows = results.rows(workload);
    let name = escape(workload.name);
    let mut html = format!("<h2 id=\"{name}\">{name}</h2>\n<p>{}", escape(workload.title));
    if let Some(line) = results.line_time(Some(workload.name)) {
        let [min, max] = [line.min, line.max].map(number);
        html += &format!(" <span class=\"soft\">· line time {min}–{max} ns</span>");
    }
    html += "</p>\n";
    for (index, metric) in workload.metrics.iter().enumerate() {
        let bars: Vec<Bar> = rows
            .iter()
            .filter_map(|row| {
                let spread = row.spread(Figure::Metric(index))?;
                Some(Bar { label: row.contestant.to_owned(), class: class(row), spread })
            })
            .collect();
        if !bars.is_empty() {
            let good = match metric.better {
                Better::Lower => "shorter is better",
                Better::Higher => "longer is better",
            };
            html += &chart(&bars, &format!("{}; {good}", described(metric)));
        }
    }
    let best_peer = best_peer(results, workload);
    let body: Vec<(String, Vec<String>)> =
        rows.iter().map(|row| (class(row).to_owned(), cells(workload, row, best_peer))).collect();
    html += &table(&head(workload), &body);
    for row in &rows {
        if let Err(reason) = &row.metrics {
            html += &format!("<p>{} is invalid: {}</p>\n", escape(row.contestant), escape(reason));
        }
    }
    let unable = results.unable(workload.name);
    if !unable.is_empty() {
        html += &format!("<p class=\"soft\">— (cannot do it): {}</p>\n", escape(&unable.join(", ")));
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Params, Scale};

    #[test]
    fn the_page_needs_nothing_but_itself_and_escapes_what_it_shows() {
        let about = About::here(&Params::new(2, Scale::Tiny), 2);
        let page = report(&about, &crate::results::tests::some_results(), &[]);
        assert!(page.starts_with("<!DOCTYPE html>"));
        assert!(page.contains("lost &lt;a&gt; task") && !page.contains("lost <a>"));
        assert!(!page.contains("http") && !page.contains("src=") && !page.contains("@import"));
        assert!(page.contains("ours 4.40× ahead") && page.contains("<svg"));
        assert_eq!(page.matches("<table>").count(), page.matches("</table>").count());
    }
}
