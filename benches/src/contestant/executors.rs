//! The two pools of executors. A task submits further tasks to its pool through the crate's thread-local.

use executors::parker::{SmallThreadData, StaticParker};
use executors::{Executor, crossbeam_channel_pool, crossbeam_workstealing_pool};

use super::warm_up::warm_up_with_tasks;
use crate::capability::{Class, Contestant, Execute};

/// The `crossbeam_workstealing_pool` of `executors`.
#[derive(Debug)]
pub struct ExecutorsStealing(crossbeam_workstealing_pool::ThreadPool<StaticParker<SmallThreadData>>);

/// The `crossbeam_channel_pool` of `executors`.
#[derive(Debug)]
pub struct ExecutorsChannel(crossbeam_channel_pool::ThreadPool);

impl Contestant for ExecutorsStealing {
    const NAME: &'static str = "executors-ws";
    const CLASS: Class = Class::Peer;

    fn start(workers: usize) -> Self {
        ExecutorsStealing(crossbeam_workstealing_pool::small_pool(workers))
    }

    fn warm_up(&self) {
        warm_up_with_tasks(self);
    }

    fn stop(self) {
        self.0.shutdown().expect("the pool stops in time");
    }
}

impl Execute for ExecutorsStealing {
    type Inside = ();

    fn execute(&self, task: impl FnOnce() + Send + 'static) {
        self.0.execute(task);
    }

    fn inside(&self) {}

    fn execute_inside(_: &(), task: impl FnOnce() + Send + 'static) {
        if crossbeam_workstealing_pool::execute_locally(task).is_err() {
            unreachable!("called from within a task");
        }
    }
}

impl Contestant for ExecutorsChannel {
    const NAME: &'static str = "executors-channel";
    const CLASS: Class = Class::Peer;

    fn start(workers: usize) -> Self {
        ExecutorsChannel(crossbeam_channel_pool::ThreadPool::new(workers))
    }

    fn warm_up(&self) {
        warm_up_with_tasks(self);
    }

    fn stop(self) {
        self.0.shutdown().expect("the pool stops in time");
    }
}

impl Execute for ExecutorsChannel {
    type Inside = ();

    fn execute(&self, task: impl FnOnce() + Send + 'static) {
        self.0.execute(task);
    }

    fn inside(&self) {}

    fn execute_inside(_: &(), task: impl FnOnce() + Send + 'static) {
        if executors::try_execute_locally(task).is_err() {
            unreachable!("called from within a task");
        }
    }
}
