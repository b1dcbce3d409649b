//! rusty_pool: all threads are core threads, started up front. A task that submits further tasks
//! carries the pool's handle, a counted reference.

use std::time::Duration;

use rusty_pool::{JoinHandle, ThreadPool};

use super::warm_up::warm_up_with_tasks;
use crate::capability::{Class, Contestant, Execute, Spawn};

/// `rusty_pool`.
pub struct RustyPool(ThreadPool);

impl std::fmt::Debug for RustyPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RustyPool").field(&self.0.get_name()).finish()
    }
}

impl Contestant for RustyPool {
    const NAME: &'static str = "rusty_pool";
    const CLASS: Class = Class::Peer;

    fn start(workers: usize) -> Self {
        let pool = ThreadPool::new(workers, workers, Duration::from_secs(60));
        pool.start_core_threads();
        RustyPool(pool)
    }

    fn warm_up(&self) {
        warm_up_with_tasks(self);
    }

    fn stop(self) {
        self.0.shutdown_join();
    }
}

impl Execute for RustyPool {
    type Inside = ThreadPool;

    fn execute(&self, task: impl FnOnce() + Send + 'static) {
        self.0.execute(task);
    }

    fn inside(&self) -> ThreadPool {
        self.0.clone()
    }

    fn execute_inside(inside: &ThreadPool, task: impl FnOnce() + Send + 'static) {
        inside.execute(task);
    }
}

impl Spawn for RustyPool {
    type Handle<R: Send + 'static> = JoinHandle<R>;

    fn spawn<R: Send + 'static>(&self, task: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R> {
        self.0.evaluate(task)
    }

    fn join<R: Send + 'static>(&self, handle: JoinHandle<R>) -> R {
        handle.await_complete()
    }
}
