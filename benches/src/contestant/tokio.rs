//! tokio's multi-threaded runtime. A task is a future that is ready at its first poll.

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use super::warm_up::warm_up_with_tasks;
use crate::capability::{Class, Contestant, Execute, Spawn};

/// `tokio`.
#[derive(Debug)]
pub struct Tokio(Runtime);

impl Contestant for Tokio {
    const NAME: &'static str = "tokio";
    const CLASS: Class = Class::Peer;

    fn start(workers: usize) -> Self {
        Tokio(Builder::new_multi_thread().worker_threads(workers).build().expect("threads can be started"))
    }

    fn warm_up(&self) {
        warm_up_with_tasks(self);
    }
}

impl Execute for Tokio {
    type Inside = ();

    fn execute(&self, task: impl FnOnce() + Send + 'static) {
        self.0.spawn(async move { task() });
    }

    fn inside(&self) {}

    fn execute_inside(_: &(), task: impl FnOnce() + Send + 'static) {
        tokio::spawn(async move { task() });
    }
}

impl Spawn for Tokio {
    type Handle<R: Send + 'static> = JoinHandle<R>;

    fn spawn<R: Send + 'static>(&self, task: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R> {
        self.0.spawn(async move { task() })
    }

    fn join<R: Send + 'static>(&self, handle: JoinHandle<R>) -> R {
        self.0.block_on(handle).expect("no task of a workload panics")
    }
}
