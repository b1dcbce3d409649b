//! One slow task does not hold up the rest.
//!
//! ```text
//! cargo run -p pool-fifo --example slow_task
//! ```
//!
//! The slow task is the first of ten, and it does not end before it is told that the nine others have. If they were queued
//! behind it, the program would never end: that it ends is the proof. Every other worker goes on taking from the one queue,
//! whatever this one is busy with.

use std::sync::mpsc;

use pool_fifo::Pool;

const WORKERS: usize = 3;
const SHORT_TASKS: u32 = 9;

/// The task with this number, the slow one being 0, ran on this worker.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) task: u32,
    pub(crate) worker: usize,
}

/// All tasks, in the order in which they ended.
pub(crate) fn run() -> Vec<Ended> {
    let pool = Pool::builder().workers(WORKERS).build().expect("three threads can be started");
    let (sender, receiver) = mpsc::channel();
    let end = |task| {
        let sender = sender.clone();
        move || {
            let worker = pool_core::current_worker().expect("tasks run on workers");
            sender.send(Ended { task, worker }).expect("the receiver is there until the end");
        }
    };

    let (release, released) = mpsc::channel();
    let (started, starts) = mpsc::channel();
    let end_slow = end(0);
    pool.execute(move || {
        started.send(()).expect("the receiver is there until the end");
        released.recv().expect("the main thread releases it");
        end_slow();
    });
    starts.recv().expect("a worker starts the slow task");

    for task in 1..=SHORT_TASKS {
        pool.execute(end(task));
    }
    let mut ended: Vec<_> = receiver.iter().take(SHORT_TASKS as usize).collect();

    release.send(()).expect("the slow task waits for it");
    ended.push(receiver.recv().expect("the slow task ends"));
    ended
}

fn main() {
    for Ended { task, worker } in run() {
        match task {
            0 => println!("worker {worker} ended the slow task, which had started before all others"),
            _ => println!("worker {worker} ended short task {task}"),
        }
    }
}
