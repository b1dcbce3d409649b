//! The auto traits of every public type: losing one breaks users, and shows nowhere else.

use pool_core::doc_toy::{Pool, Stack, StackWorker};
use pool_core::strategy::chunks::ChunkQueue;
use pool_core::strategy::shared_queue::{QueueEnd, SharedQueue};
use pool_core::strategy::{Admit, Asking};
use pool_core::sync::{Condvar, Mutex, SpinLock};
use pool_core::{
    BuildError, Builder, CancelReason, CancelToken, Cancelled, CurrentPool, CurrentWorker, EnvError, Execute,
    FutureHandle, JoinError, JoinHandle, Metrics, Rejected, Rejection, Remote, Scope, StartError, Task, TaskBuilder,
    TaskError, TaskGroup, WaitError,
};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::sync::Arc;

fn is_send<T: Send>() {}
fn is_sync<T: Sync>() {}
fn is_unpin<T: Unpin>() {}
fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}

fn is_all<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}

/// `Send`, and not `Sync`: as the state of many closures.
type Closure = Box<dyn FnOnce() + Send>;

#[test]
fn of_what_users_hold() {
    is_all::<Pool>();
    is_all::<&Pool>();
    is_all::<Builder<Stack>>();
    is_all::<&dyn Execute>();
    is_all::<Box<dyn Execute>>();
    is_all::<Arc<dyn Execute>>();
    is_all::<TaskBuilder<&'static dyn Execute>>();
    is_all::<Metrics>();
    is_all::<TaskBuilder<&'static Pool>>();
    is_all::<CurrentPool<Cell<u8>>>();
    is_all::<JoinHandle<u8>>();
    // The result goes to one thread: it need not be `Sync`.
    is_all::<JoinHandle<Cell<u8>>>();
    is_all::<CancelToken>();
    is_all::<TaskGroup<u8>>();
    is_all::<TaskGroup<Cell<u8>>>();
    is_all::<FutureHandle<Cell<u8>>>();
    is_all::<Remote<Stack>>();
    is_all::<TaskBuilder<&'static Remote<Stack>>>();
    is_all::<CurrentWorker>();
    is_send::<Task>();
    is_unpin::<Task>();
    is_unwind_safe::<Task>();
    is_send::<Scope<'static>>();
    is_sync::<Scope<'static>>();
    is_unwind_safe::<Scope<'static>>();
}

#[test]
fn of_errors() {
    is_all::<JoinError>();
    is_all::<Rejection>();
    is_all::<BuildError>();
    is_all::<StartError>();
    is_all::<EnvError>();
    is_all::<WaitError>();
    is_all::<CancelReason>();
    is_all::<Cancelled>();
    is_all::<TaskError<BuildError>>();
    is_send::<Rejected<Closure>>();
    is_sync::<Rejected<Closure>>();
    is_unpin::<Rejected<Closure>>();
    is_unwind_safe::<Rejected<Closure>>();
}

#[test]
fn of_what_strategies_are_built_from() {
    is_all::<SpinLock<u8>>();
    is_all::<Mutex<u8>>();
    is_all::<Condvar>();
    is_all::<ChunkQueue<u8>>();
    is_all::<SharedQueue<u8>>();
    is_all::<QueueEnd>();
    is_all::<Asking<'static>>();
    is_all::<Admit<u8, u8>>();
    is_send::<StackWorker<u8>>();
    is_sync::<SharedQueue<Cell<u8>>>();
}

/// `install` inside `catch_unwind` needs no `AssertUnwindSafe`, and neither does `join` on a handle.
#[test]
fn a_pool_and_a_handle_go_through_catch_unwind() {
    let pool = Pool::builder().workers(1).panic_handler(drop).build().unwrap();
    assert_eq!(catch_unwind(|| pool.install(|| 5)).unwrap(), 5);
    assert!(catch_unwind(|| pool.install(|| std::panic::resume_unwind(Box::new(5)))).is_err());
    let handle = pool.spawn(|| 6);
    assert_eq!(catch_unwind(move || handle.join().unwrap()).unwrap(), 6);
    assert_eq!(catch_unwind(|| pool.scope(|s| s.spawn(|_| ()))).ok(), Some(()));
    let seen = catch_unwind(AssertUnwindSafe(|| pool_core::scope(|s| catch_unwind(|| s.spawn(|_| ())).is_ok())));
    assert!(seen.unwrap());
}
