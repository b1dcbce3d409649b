//! All that a user can name comes with this crate alone. Losing a name does not compile.

#[allow(unused_imports)]
use pool_priority::{
    BuildError, Builder, CancelReason, CancelToken, Cancelled, CurrentPool, CurrentWorker, DEFAULT_SLACKS, EnvError,
    Execute, FutureHandle, JoinError, JoinHandle, Keyed, KeyedPool, KeyedWorker, Level, LoopIndex, MAX_LEVELS, Metrics,
    Place, Pool, PoolOf, Priority, PriorityWorker, Rejected, Rejection, Remote, Scheduler, Scope, StartError, Task,
    TaskBuilder, TaskError, TaskGroup, WaitError, WhenFull, Worker, current_token, current_worker, default_workers,
    execute, find_any, find_first, for_each, for_each_mut, is_cancelled, join, keyed_task, map_reduce, scope, spawn,
    task, try_execute, try_for_each, try_spawn,
};

/// Code that is generic over the strategy, as a library writes it.
fn generic<S: Scheduler<Task> + 'static>(pool: &PoolOf<S>) -> Result<u32, JoinError> {
    let _: Metrics = pool.metrics();
    pool.spawn(|| map_reduce(0..4, |i: u32| i, |a, b| a + b).unwrap_or(0)).join()
}

#[test]
fn one_dependency_is_enough() {
    let pool = Pool::builder().workers(default_workers().min(2)).build().unwrap();
    assert_eq!(generic(&pool).unwrap(), 6);
}
