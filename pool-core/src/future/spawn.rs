//! [`futures_task::Spawn`] for pools, behind the feature `futures`.

use crate::pool::{Pool, Remote};
use crate::strategy::Scheduler;
use crate::task::Task;
use futures_task::{FutureObj, Spawn, SpawnError};

/// Only with the feature `futures`.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// use futures_task::{FutureObj, Spawn};
///
/// let pool = my_strategy::Pool::new();
/// pool.spawn_obj(FutureObj::new(Box::new(async { println!("detached") })))?;
/// # Ok::<(), futures_task::SpawnError>(())
/// ```
impl<S: Scheduler<Task> + 'static> Spawn for Pool<S> {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.try_spawn_future(future).map(drop).map_err(|_| SpawnError::shutdown())
    }

    fn status(&self) -> Result<(), SpawnError> {
        self.remote().status()
    }
}

/// Only with the feature `futures`.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// use futures_task::Spawn;
///
/// let remote = my_strategy::Pool::new().remote();
/// assert!(remote.status().unwrap_err().is_shutdown(), "the pool is gone");
/// ```
impl<S: Scheduler<Task> + 'static> Spawn for Remote<S> {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.try_spawn_future(future).map(drop).map_err(|_| SpawnError::shutdown())
    }

    fn status(&self) -> Result<(), SpawnError> {
        if self.accepts() { Ok(()) } else { Err(SpawnError::shutdown()) }
    }
}
