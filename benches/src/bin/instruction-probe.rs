//! Runs one operation of a pool a given number of times, under an instruction counter. See `benches/instructions`.

use pool_any::{AnyStrategy, Strategy};
use pool_core::{Builder, Pool, Scheduler, Task};
use pool_fifo::Fifo;
use pool_priority::Priority;
use pool_workstealing::WorkStealing;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::mpsc;

/// The operations, each on a pool of one worker, so that no interleaving changes the instructions.
const OPERATIONS: [(&str, &str); 5] = [
    ("join", "join two closures that do next to nothing, down a tree of such joins"),
    ("execute", "submit a closure of one word from within, and run it"),
    ("outside", "submit a closure of one word from outside while the worker is busy, and run it after all of them"),
    ("spawn-join", "spawn a closure from within, and join its handle"),
    ("wake", "submit a closure from outside to a parked worker, and wait for it: both threads' instructions"),
];

fn tree(depth: u32) -> u64 {
    if depth == 0 {
        return 1;
    }
    let (a, b) = pool_core::join(|| tree(depth - 1), || tree(depth - 1));
    a + b
}

fn run<S: Scheduler<Task> + 'static>(scheduler: S, operation: &str, times: u64) -> Result<(), String> {
    run_in(Pool::builder_with(scheduler), operation, times)
}

fn run_in<S: Scheduler<Task> + 'static>(pool: Builder<S>, operation: &str, times: u64) -> Result<(), String> {
    let pool = pool.workers(1).build().map_err(|error| error.to_string())?;
    match operation {
        "join" => {
            // A tree of depth d is 2^d - 1 joins.
            let depth = (times + 1).ilog2();
            black_box(pool.install(|| tree(depth)));
        }
        "execute" => pool.install(move || {
            for i in 0..times {
                pool_core::execute(move || {
                    black_box(i);
                });
            }
        }),
        "outside" => {
            let (begun, begins) = mpsc::channel();
            let (open, gate) = mpsc::channel::<()>();
            pool.execute(move || {
                begun.send(()).expect("the caller waits");
                // Ends with an error when the caller drops its end.
                let _ = gate.recv();
            });
            begins.recv().map_err(|error| error.to_string())?;
            for i in 0..times {
                pool.execute(move || {
                    black_box(i);
                });
            }
            drop(open);
        }
        "spawn-join" => pool.install(move || {
            for i in 0..times {
                let handle = pool_core::spawn(move || black_box(i));
                assert!(handle.join().is_ok_and(|value| value == i));
            }
        }),
        "wake" => {
            let (done, wait) = mpsc::channel();
            for _ in 0..times {
                while pool.metrics().sleeping == 0 {
                    std::thread::sleep(std::time::Duration::from_micros(200));
                }
                let done = done.clone();
                pool.execute(move || done.send(()).expect("the caller waits"));
                wait.recv().map_err(|error| error.to_string())?;
            }
        }
        other => return Err(format!("no operation {other}; known: {}", OPERATIONS.map(|(name, _)| name).join(", "))),
    }
    pool.shutdown().map_err(|error| error.to_string())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.as_slice() {
        [] => {
            for (name, what) in OPERATIONS {
                println!("{name:<12} {what}");
            }
            Ok(())
        }
        [strategy, operation, times] => match times.parse() {
            Ok(times) => match strategy.as_str() {
                "fifo" => run(Fifo::new(), operation, times),
                "workstealing" => run(WorkStealing::new(), operation, times),
                "priority" => run(Priority::new(), operation, times),
                "fifo-bounded" => run_in(Pool::builder_with(Fifo::new()).capacity(usize::MAX >> 1), operation, times),
                other => match other.strip_prefix("any-").map(str::parse::<Strategy>) {
                    Some(Ok(strategy)) => run(AnyStrategy::new(strategy), operation, times),
                    Some(Err(error)) => Err(error.to_string()),
                    None => Err(format!(
                        "no strategy {other}; known: fifo, workstealing, priority, fifo-bounded, any-fifo and so on"
                    )),
                },
            },
            Err(error) => Err(format!("{times}: {error}")),
        },
        _ => Err("usage: instruction-probe [STRATEGY OPERATION TIMES]".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("instruction-probe: {error}");
            ExitCode::from(2)
        }
    }
}
