//! The worker pool as Go programmers write it: three workers, ten jobs, a channel of results, close, done.
//!
//! ```text
//! cargo run -p pool-fifo --example worker_pool
//! ```
//!
//! The jobs go into the pool's queue; whichever worker is idle takes the next. `shutdown` is Go's `close(jobs)` together
//! with the wait for the workers: what was submitted still runs, then the workers end. The channel of results ends by itself
//! when the last job has dropped its sender.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use pool_fifo::Pool;

const WORKERS: usize = 3;
const JOBS: u32 = 10;

/// What a job sends back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) job: u32,
    pub(crate) worker: usize,
    pub(crate) primes: usize,
}

/// What the program shows.
#[derive(Debug)]
pub(crate) struct Summary {
    /// In the order in which the jobs ended.
    pub(crate) results: Vec<Done>,
    /// Workers that had ended when `shutdown` returned.
    pub(crate) ended: usize,
    /// Whether the closed pool refused a further job.
    pub(crate) refused: bool,
}

pub(crate) fn run() -> Summary {
    let ended = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ended);
    let pool = Pool::builder()
        .workers(WORKERS)
        .on_stop(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        })
        .build()
        .expect("three threads can be started");

    let (results, received) = mpsc::channel();
    for job in 1..=JOBS {
        let results = results.clone();
        pool.execute(move || {
            let worker = pool_core::current_worker().expect("jobs run on workers");
            let primes = primes_below(job * 20_000);
            results.send(Done { job, worker, primes }).expect("the receiver is there until the end");
        });
    }
    drop(results);

    pool.shutdown().expect("this thread is not one of the workers");
    let refused = pool.try_execute(|| println!("never printed")).is_err();
    Summary { results: received.iter().collect(), ended: ended.load(Ordering::Relaxed), refused }
}

/// The work of a job.
pub(crate) fn primes_below(limit: u32) -> usize {
    let is_prime = |n: &u32| (2..).take_while(|d| d * d <= *n).all(|d| n % d != 0);
    (2..limit).filter(is_prime).count()
}

fn main() {
    let summary = run();
    for Done { job, worker, primes } in &summary.results {
        println!("worker {worker} ended job {job:2}: {primes} primes below {}", job * 20_000);
    }
    println!("{} jobs done, {} workers ended", summary.results.len(), summary.ended);
    if summary.refused {
        println!("a job after closing: refused");
    }
}
