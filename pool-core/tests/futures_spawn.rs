//! [`futures_task::Spawn`] for pools and remotes: `cargo test -p pool-core --features futures`.

#![cfg(feature = "futures")]

use futures_task::{FutureObj, Spawn};
use pool_core::doc_toy::Pool;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

fn counting(runs: &Arc<AtomicUsize>) -> FutureObj<'static, ()> {
    let (runs, mut polls) = (Arc::clone(runs), 0);
    FutureObj::new(Box::new(poll_fn(move |context| {
        polls += 1;
        if polls < 3 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        runs.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(())
    })))
}

/// Code that knows no pool.
fn spawn_two(spawner: &dyn Spawn, runs: &Arc<AtomicUsize>) {
    spawner.status().unwrap();
    spawner.spawn_obj(counting(runs)).unwrap();
    spawner.spawn_obj(counting(runs)).unwrap();
}

#[test]
fn pools_and_remotes_are_spawners() {
    let runs = Arc::new(AtomicUsize::new(0));
    let pool = Pool::builder().workers(2).build().unwrap();
    spawn_two(&pool, &runs);
    spawn_two(&pool.remote(), &runs);
    pool.wait_idle().unwrap();
    assert_eq!(runs.load(Ordering::Relaxed), 4);
    assert_eq!(pool.metrics().completed, 12, "each poll is a task");
}

#[test]
fn a_pool_that_was_shut_down_says_so() {
    let runs = Arc::new(AtomicUsize::new(0));
    let pool = Pool::builder().workers(1).build().unwrap();
    let remote = pool.remote();
    pool.shutdown().unwrap();
    for spawner in [&pool as &dyn Spawn, &remote] {
        assert!(spawner.status().unwrap_err().is_shutdown());
        assert!(spawner.spawn_obj(counting(&runs)).unwrap_err().is_shutdown());
    }
    drop(pool);
    assert!(remote.status().unwrap_err().is_shutdown());
    assert!(remote.spawn_obj(counting(&runs)).unwrap_err().is_shutdown());
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}

/// What a task of a closed pool submits is accepted, and `status` says that, too.
#[test]
fn a_worker_of_a_closed_pool_may_spawn() {
    let runs = Arc::new(AtomicUsize::new(0));
    let pool = Pool::builder().workers(1).build().unwrap();
    let (remote, counted) = (pool.remote(), Arc::clone(&runs));
    let (closed, is_closed) = std::sync::mpsc::channel::<()>();
    pool.execute(move || {
        is_closed.recv().unwrap();
        remote.status().unwrap();
        remote.spawn_obj(counting(&counted)).unwrap();
    });
    std::thread::scope(|scope| {
        scope.spawn(|| pool.shutdown().unwrap());
        while pool.try_execute(|| ()).is_ok() {
            std::thread::yield_now();
        }
        closed.send(()).unwrap();
    });
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}
