//! The soak: everything that a pool can do, mixed at random under a seed, against exact books.
//!
//! ```text
//! cargo run --release -p pool-conformance --example soak [-- [--seconds N] [--seed N | --round N] [--strategy NAME]...]
//! ```
//!
//! It goes in rounds. In each, a [`World`](world::World) with a pool of random settings meets a few threads that submit,
//! wait, cancel, borrow, resize and end, and tasks that do the same from inside. Each closure has a number in the
//! [books](books), which know what has become of it; at each quiet moment, and at the end of the pool, the pool's metrics
//! must say the same, reason by reason. The seed of a round decides what is done, not in which order threads come to it.
//!
//! A thread watches: if no step is made for a while, it says where the threads are and aborts the process.

mod books;
mod borrow;
mod futures;
mod groups;
mod rng;
mod round;
mod steps;
mod strategies;
#[cfg(test)]
mod tests;
mod world;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use strategies::{NAMES, round};

/// If no step is made for so long, the soak hangs.
const PATIENCE: Duration = Duration::from_secs(60);

struct Arguments {
    length: Duration,
    seed: u64,
    /// The seed of each round, to repeat one that failed.
    round: Option<u64>,
    strategies: Vec<&'static str>,
}

fn main() -> ExitCode {
    let Arguments { length, seed, round, strategies } = match arguments() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!(
                "usage: soak [--seconds N] [--seed N | --round N] [--strategy NAME]...\nstrategies: {}",
                NAMES.join(", ")
            );
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("soak: {error}; --help says what there is");
            return ExitCode::from(2);
        }
    };
    println!("seed {seed}, {} s, {}", length.as_secs(), strategies.join(", "));
    watch();
    let faults = soak(&strategies, length, seed, round);
    for (what, n) in world::counts() {
        println!("{n:>12}  {what}");
    }
    println!("{faults} faults");
    if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The arguments. `None` if help is wanted.
fn arguments() -> Result<Option<Arguments>, lexopt::Error> {
    use lexopt::prelude::*;
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |now| now.as_secs());
    let mut arguments = Arguments { length: Duration::from_secs(30), seed, round: None, strategies: Vec::new() };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seconds") => arguments.length = Duration::from_secs(parser.value()?.parse()?),
            Long("seed") => arguments.seed = parser.value()?.parse()?,
            Long("round") => arguments.round = Some(parser.value()?.parse()?),
            Long("strategy") => {
                let name = parser.value()?.string()?;
                match NAMES.iter().find(|&&known| known == name) {
                    Some(known) => arguments.strategies.push(known),
                    None => return Err(format!("no strategy is called {name:?}").into()),
                }
            }
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    if arguments.strategies.is_empty() {
        arguments.strategies = NAMES.to_vec();
    }
    Ok(Some(arguments))
}

/// Rounds with each strategy in turn, until the time is over. Prints what is wrong, and returns how much is.
fn soak(strategies: &[&'static str], length: Duration, seed: u64, repeated: Option<u64>) -> usize {
    let mut seeds = rng::Rng::new(seed);
    let (start, mut faults) = (Instant::now(), 0);
    for strategy in strategies.iter().cycle() {
        if start.elapsed() >= length {
            break;
        }
        let seed = repeated.unwrap_or_else(|| seeds.next());
        NOW.lock().unwrap().push(format!("{strategy}, round {seed}"));
        for fault in round(strategy, seed) {
            eprintln!("{strategy}, round {seed}: {fault}");
            faults += 1;
        }
        NOW.lock().unwrap().retain(|now| !now.ends_with(&seed.to_string()));
    }
    faults
}

/// The rounds that run.
static NOW: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Starts the thread that aborts the process if no step is made.
fn watch() {
    let watchdog = || {
        let (mut steps, mut since) = (0, Instant::now());
        loop {
            thread::sleep(Duration::from_millis(500));
            let now = world::STEPS.load(SeqCst);
            if now != steps {
                (steps, since) = (now, Instant::now());
            } else if since.elapsed() > PATIENCE {
                let threads = pool_conformance::in_pool::thread_states("");
                let rounds = NOW.lock().map(|now| now.join("; ")).unwrap_or_default();
                eprintln!("{rounds}: no step for {PATIENCE:?}; the threads:{threads}");
                std::process::abort();
            }
        }
    };
    thread::Builder::new().name("watchdog".into()).spawn(watchdog).expect("a thread");
}
