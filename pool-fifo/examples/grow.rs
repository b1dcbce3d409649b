//! A pool that is given more workers while it runs, and then fewer.
//!
//! ```text
//! cargo run -p pool-fifo --example grow
//! ```
//!
//! Nine jobs come in groups: none of a group ends before three of them run at the same time, as if each needed an answer
//! from the others. One worker alone would wait for ever on the first. That the program ends shows that the two workers
//! which are added meanwhile take what already waits. Afterwards they are retired, and six jobs run one at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};

use pool_fifo::Pool;

const GROUP: usize = 3;
const STUCK_JOBS: usize = 9;
const LAST_JOBS: usize = 6;

/// What the program shows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Running and waiting jobs while there is one worker.
    pub(crate) alone: (u64, u64),
    /// The number of workers at first, after adding, and after retiring.
    pub(crate) workers: [usize; 3],
    /// The most jobs that ran at the same time after adding, and after retiring.
    pub(crate) at_once: [usize; 2],
    /// Jobs that ended.
    pub(crate) done: u64,
}

/// Counts the jobs that run, and remembers the most.
#[derive(Default)]
struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Gauge {
    fn during<R>(&self, job: impl FnOnce() -> R) -> R {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let result = job();
        self.now.fetch_sub(1, Ordering::SeqCst);
        result
    }

    fn take_most(&self) -> usize {
        self.most.swap(0, Ordering::SeqCst)
    }
}

pub(crate) fn run() -> Summary {
    let (left, leavers) = mpsc::channel();
    let pool = Pool::builder()
        .workers(1)
        .on_stop(move |worker| {
            // At the very end the receiver is gone.
            let _ = left.send(worker);
        })
        .build()
        .expect("a thread can be started");
    let first = pool.workers();

    let gauge = Arc::new(Gauge::default());
    let group = Arc::new(Barrier::new(GROUP));
    let (started, starts) = mpsc::channel();
    for _ in 0..STUCK_JOBS {
        let (gauge, group, started) = (Arc::clone(&gauge), Arc::clone(&group), started.clone());
        pool.execute(move || {
            gauge.during(|| {
                started.send(()).expect("the receiver is there until the end");
                group.wait();
            });
        });
    }
    starts.recv().expect("the one worker starts the first job");
    let alone = pool.metrics();

    pool.add_workers(GROUP - 1).expect("two more threads can be started");
    let grown = pool.workers();
    pool.wait_idle().unwrap();
    let at_once_grown = gauge.take_most();

    let told = pool.retire_workers(GROUP - 1);
    let shrunk = pool.workers();
    // Each has left when its hook has run.
    leavers.iter().take(told).for_each(drop);
    for _ in 0..LAST_JOBS {
        let gauge = Arc::clone(&gauge);
        pool.execute(move || gauge.during(std::thread::yield_now));
    }
    pool.wait_idle().unwrap();

    Summary {
        alone: (alone.running, alone.waiting),
        workers: [first, grown, shrunk],
        at_once: [at_once_grown, gauge.take_most()],
        done: pool.metrics().completed,
    }
}

fn main() {
    let Summary { alone, workers, at_once, done } = run();
    println!("{} worker:  {} job runs, {} wait", workers[0], alone.0, alone.1);
    println!("{} workers: all of them done, {} at once", workers[1], at_once[0]);
    println!("{} worker:  {LAST_JOBS} more, {} at once", workers[2], at_once[1]);
    println!("{done} jobs done");
}
