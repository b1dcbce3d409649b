//! The large loads, on every strategy: minutes of work, one table, and a failure if anything was lost, unbalanced or
//! hung.
//!
//! ```text
//! cargo run --release -p pool-conformance --example loads [-- [--quick] [--strategy NAME]...]
//! ```
//!
//! A thread watches: if no load makes progress for a while, it says where the threads are and aborts the process.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pool_conformance::in_pool;
use pool_core::{Pool, Scheduler, Task};
use pool_fifo::Fifo;
use pool_priority::{Keyed, Priority};
use pool_workstealing::WorkStealing;

const NAMES: [&str; 4] = ["fifo", "work-stealing", "levels", "keyed"];
/// A step of a load that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Steps of loads that have ended, for the watchdog.
static STEPS: AtomicU64 = AtomicU64::new(0);
/// What runs.
static NOW: Mutex<String> = Mutex::new(String::new());
static FAILED: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let (names, quick) = match arguments() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("usage: loads [--quick] [--strategy NAME]...\nstrategies: {}", NAMES.join(", "));
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("loads: {error}; --help says what there is");
            return ExitCode::from(2);
        }
    };
    thread::Builder::new().name("watchdog".into()).spawn(watch).expect("a thread");
    println!("{:<34} {:<14} {:>22} {:>9}  balance", "load", "strategy", "size", "seconds");
    for name in &names {
        match name.as_str() {
            "fifo" => soak(name, quick, Fifo::new),
            "work-stealing" => soak(name, quick, WorkStealing::new),
            "levels" => soak(name, quick, Priority::new),
            _ => soak(name, quick, Keyed::<u8, _>::new),
        }
    }
    if FAILED.load(Ordering::Relaxed) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The strategies to run and whether to hurry. `None` if help is wanted.
fn arguments() -> Result<Option<(Vec<String>, bool)>, lexopt::Error> {
    use lexopt::prelude::*;
    let (mut names, mut quick) = (Vec::new(), false);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("quick") => quick = true,
            Long("strategy") => {
                let name = parser.value()?.string()?;
                if !NAMES.contains(&name.as_str()) {
                    return Err(format!("no strategy is called {name:?}").into());
                }
                names.push(name);
            }
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    if names.is_empty() {
        names = NAMES.map(str::to_owned).to_vec();
    }
    Ok(Some((names, quick)))
}

/// Every load on one strategy.
fn soak<S: Scheduler<Task> + 'static>(strategy: &str, quick: bool, make: impl Fn() -> S) {
    let less = |full: u64, by: u64| if quick { (full / by).max(1) } else { full };
    let pool = |workers| Pool::builder_with(make()).workers(workers).thread_name("load").build().expect("threads");

    let tasks = less(10_000_000, 50);
    load("tiny tasks", strategy, format!("{tasks} tasks"), 1, || {
        in_pool::tiny_tasks(&pool(2), tasks);
    });
    let tasks = less(1_000_000, 20);
    load("waiting at once", strategy, format!("{tasks} tasks"), 1, || {
        in_pool::all_waiting_at_once(&pool(2), tasks);
    });
    load("nested waits on one worker", strategy, "3 × 200 deep".into(), less(200, 10), || {
        in_pool::nested_waits(&pool(1), 200);
    });
    let rounds = less(500, 10);
    load("dropped by its own worker", strategy, format!("{rounds} pools"), rounds, || {
        in_pool::dropped_by_its_own_worker(make(), "load", 3, false);
    });
    let rounds = less(100, 10);
    load("64 threads into a shutdown", strategy, format!("{rounds} pools"), rounds, || {
        in_pool::submit_into_a_shutdown(make(), "load", 5000);
    });
    let (runs, trips) = (less(100, 20), less(50_000, 5));
    load("round trips, 8 workers", strategy, format!("{runs} × {trips}"), runs, || {
        in_pool::round_trips(&pool(8), trips);
    });
}

/// Runs one load `times` times and prints its line of the table. The loads check the balance themselves.
fn load(what: &str, strategy: &str, size: String, times: u64, mut step: impl FnMut()) {
    *NOW.lock().expect("no thread panics in it") = format!("{what}, {strategy}");
    let start = Instant::now();
    let verdict = catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..times {
            step();
            STEPS.fetch_add(1, Ordering::Relaxed);
        }
    }));
    let verdict = if verdict.is_ok() { "ok" } else { "FAILED" };
    FAILED.fetch_or(verdict != "ok", Ordering::Relaxed);
    println!("{what:<34} {strategy:<14} {size:>22} {:>9.2}  {verdict}", start.elapsed().as_secs_f64());
}

/// Aborts the process if nothing makes progress.
fn watch() {
    let (mut steps, mut since) = (0, Instant::now());
    loop {
        thread::sleep(Duration::from_millis(500));
        let now = STEPS.load(Ordering::Relaxed);
        if now != steps {
            (steps, since) = (now, Instant::now());
        } else if since.elapsed() > PATIENCE {
            let what = NOW.lock().map(|now| now.clone()).unwrap_or_default();
            let threads = in_pool::thread_states("");
            eprintln!("{what}: no progress for {PATIENCE:?} after {steps} steps; the threads:{threads}");
            std::process::abort();
        }
    }
}
