//! The report of the contest, for people.

use pool_benches::machine::Machine;
use pool_benches::number::number;
use pool_benches::report::table::layout;
use pool_benches::stats::Spread;

use crate::args::Big;
use crate::contest::{Contest, Contestant, Outcome, Row, Waits};
use crate::hash::PIECE;

const MIB: f64 = 1_048_576.0;

pub(crate) fn report(contest: &Contest, outcome: &Outcome, problems: usize) -> String {
    let Outcome { rows, changed, wrong, disturbed } = outcome;
    let (files, bytes) = contest.readable();
    let mut text = head(contest);
    if files > 0 {
        text += &format!("\n{}\n", table(rows, files, bytes));
        text += "times: median, min and max over the runs; waits: the median over the runs of each run's figure\n";
        if let Some(disturbed) = disturbed {
            text += &format!("other processes and the host took {disturbed:.2} processors, on average\n");
        }
        text += &format!("{}\n", fastest(rows));
        for line in rows.iter().filter_map(|row| gain(row, rows)) {
            text += &format!("{line}\n");
        }
    }
    text += &match (wrong.len(), changed.len()) {
        (0, 0) => format!("digests: all runs agree with the reference; digest of them all {}\n", contest.digest()),
        (0, changed) => format!(
            "digests: all runs agree with the reference, except for {} that changed meanwhile\n",
            count(changed, "file")
        ),
        (wrong, _) => format!("digests: WRONG for {}\n", count(wrong, "file")),
    };
    if problems > 0 {
        text += &format!("{} could not be hashed, see the messages; all others were\n", count(problems, "entry"));
    }
    text
}

fn head(contest: &Contest) -> String {
    let Machine { processor, processors, compiler, commit, .. } = Machine::here();
    let (files, bytes) = contest.readable();
    let big: Vec<u64> = contest.files.iter().filter(|file| file.is_big()).map(|file| file.len).collect();
    let big_bytes: u64 = big.iter().sum();
    format!(
        "{}, {} MiB; {} of them of more than {} MiB, together {} MiB\n\
         {}, {} each; {processors} × {processor}; {compiler}; commit {commit}\n",
        count(files, "file"),
        number(bytes as f64 / MIB),
        big.len(),
        PIECE / (1 << 20),
        number(big_bytes as f64 / MIB),
        count(contest.workers, "worker"),
        count(contest.repeat, "run"),
    )
}

fn table(rows: &[Row], files: usize, bytes: u64) -> String {
    let head = [
        "strategy, big files",
        "time ms",
        "(min–max)",
        "CPU ms",
        "speedup",
        "files/s",
        "MiB/s",
        "wait ms p50",
        "p99",
        "max",
        "max small",
    ];
    let sequential = median(rows.first().expect("the sequential contestant is first"));
    let ms = |seconds: f64| number(1e3 * seconds);
    let body: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let Spread { min, median, max } = spread(row);
            let waits = |wait: fn(&Waits) -> f64| middle(row.waits.iter().map(wait)).map_or("—".to_owned(), ms);
            vec![
                row.contestant.name(),
                ms(median),
                format!("({}–{})", ms(min), ms(max)),
                middle(row.cpus.iter().copied()).map_or("—".to_owned(), ms),
                format!("{:.2}×", sequential / median),
                number((files as f64 / median).round()),
                number(bytes as f64 / MIB / median),
                waits(|waits| waits.p50),
                waits(|waits| waits.p99),
                waits(|waits| waits.max),
                waits(|waits| waits.max_small),
            ]
        })
        .collect();
    layout(&head.map(str::to_owned), &body, false)
}

/// The fastest contestant, and those that may be as fast.
fn fastest(rows: &[Row]) -> String {
    let best = rows.iter().min_by(|a, b| median(a).total_cmp(&median(b))).expect("there are contestants");
    let close = rows.iter().filter(|row| row.contestant != best.contestant && spread(row).overlaps(&spread(best)));
    let close: Vec<_> = close.map(|row| row.contestant.name()).collect();
    let name = best.contestant.name();
    match close.as_slice() {
        [] => format!("fastest: {name}"),
        _ => format!("fastest: {name}; perhaps as fast, since the ranges overlap: {}", close.join("; ")),
    }
}

/// What the pieces gain, for the strategy of `row`.
fn gain(row: &Row, rows: &[Row]) -> Option<String> {
    let Contestant::Pool(strategy, Big::Pieces) = row.contestant else { return None };
    let whole = rows.iter().find(|other| other.contestant == Contestant::Pool(strategy, Big::Whole))?;
    let longest = |row: &Row| middle(row.waits.iter().map(|waits| 1e3 * waits.max_small));
    let (before, after) = (longest(whole)?, longest(row)?);
    let name = strategy.name();
    let [before, after] = [before, after].map(number);
    Some(format!("small files wait, {name}: at most {before} ms behind whole big files, {after} ms with pieces"))
}

fn spread(row: &Row) -> Spread {
    Spread::of(&row.walls).expect("every contestant has run")
}

fn middle(values: impl Iterator<Item = f64>) -> Option<f64> {
    Spread::of(&values.collect::<Vec<_>>()).map(|spread| spread.median)
}

fn median(row: &Row) -> f64 {
    spread(row).median
}

fn count(n: usize, what: &str) -> String {
    let digits = if n < 100 { n.to_string() } else { number(n as f64) };
    match (n, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{digits} {stem}ies"),
        (_, None) => format!("{digits} {what}s"),
    }
}
