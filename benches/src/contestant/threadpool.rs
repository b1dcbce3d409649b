//! threadpool: a task that submits further tasks carries the pool's handle, a counted reference.

use threadpool::ThreadPool;

use super::warm_up::warm_up_with_tasks;
use crate::capability::{Class, Contestant, Execute};

/// `threadpool`.
#[derive(Debug)]
pub struct Threadpool(ThreadPool);

impl Contestant for Threadpool {
    const NAME: &'static str = "threadpool";
    const CLASS: Class = Class::Peer;

    fn start(workers: usize) -> Self {
        Threadpool(ThreadPool::new(workers))
    }

    fn warm_up(&self) {
        warm_up_with_tasks(self);
    }

    fn stop(self) {
        self.0.join();
    }
}

impl Execute for Threadpool {
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
