//! All that a user can name comes with this crate alone. Losing a name does not compile.

#[allow(unused_imports)]
use pool_any::{
    AnyStrategy, AnyWorker, BuildError, Builder, CancelReason, CancelToken, Cancelled, CurrentPool, CurrentWorker,
    EnvError, Execute, Fifo, FutureHandle, JoinError, JoinHandle, Level, LoopIndex, Metrics, Place, Pool, PoolOf,
    Priority, Rejected, Rejection, Remote, Scheduler, Scope, StartError, Strategy, Task, TaskBuilder, TaskError,
    TaskGroup, UnknownStrategy, WaitError, WhenFull, WorkStealing, Worker, builder, current_token, current_worker,
    default_workers, execute, find_any, find_first, for_each, for_each_mut, is_cancelled, join, map_reduce, scope,
    spawn, task, try_execute, try_for_each, try_spawn,
};

/// Code that is generic over the strategy, as a library writes it.
fn generic<S: Scheduler<Task> + 'static>(pool: &PoolOf<S>) -> Result<u32, JoinError> {
    let _: Metrics = pool.metrics();
    pool.spawn(|| map_reduce(0..4, |i: u32| i, |a, b| a + b).unwrap_or(0)).join()
}

#[test]
fn one_dependency_is_enough() {
    for &strategy in Strategy::ALL {
        let pool: Pool = builder(strategy).workers(default_workers().min(2)).build().unwrap();
        assert_eq!(generic(&pool).unwrap(), 6);
    }
}

fn is_all<T: Send + Sync + Unpin + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}

#[test]
fn the_auto_traits_are_those_of_the_strategies() {
    is_all::<Pool>();
    is_all::<Builder<AnyStrategy>>();
    is_all::<AnyStrategy<u8>>();
    is_all::<Strategy>();
    is_all::<UnknownStrategy>();
    fn moves<T: Send + Unpin>() {}
    moves::<AnyWorker<u8>>();
}
