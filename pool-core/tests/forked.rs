//! A process that was forked after a pool was made has none of its workers: each call says so, and none hangs.
//!
//! The only test of its process, as other threads might hold any lock at the fork.

#![cfg(all(any(target_os = "linux", target_os = "macos", target_os = "freebsd"), not(miri)))]

use pool_core::doc_toy::Pool;
use pool_core::{Rejection, TaskGroup, WaitError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Runs `f` in a child process, and returns whether it returned `true` within a minute.
fn in_child(f: impl FnOnce() -> bool) -> bool {
    // SAFETY: this process has only threads that are parked, and the child allocates; the allocators of these systems are
    // made for that.
    match unsafe { libc::fork() } {
        -1 => panic!("no child: {}", std::io::Error::last_os_error()),
        0 => {
            let good = catch_unwind(AssertUnwindSafe(f)).unwrap_or(false);
            // SAFETY: ends the child at once, without the destructors of what it has inherited.
            unsafe { libc::_exit(i32::from(!good)) }
        }
        child => {
            let (begin, mut status) = (Instant::now(), -1);
            // SAFETY: `status` may be written.
            while unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == 0 {
                if begin.elapsed() > Duration::from_secs(60) {
                    // SAFETY: it is our child, and has not been waited for.
                    unsafe { libc::kill(child, libc::SIGKILL) };
                    return false;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            status == 0
        }
    }
}

macro_rules! all {
    ($($what:expr),* $(,)?) => {{
        $(if !$what { eprintln!("in the child: not {}", stringify!($what)); return false; })*
        true
    }};
}

/// The text of the panic of `f`.
fn panic_of<R>(f: impl FnOnce() -> R) -> Option<String> {
    let payload = catch_unwind(AssertUnwindSafe(f)).err()?;
    payload.downcast_ref::<String>().cloned().or_else(|| payload.downcast_ref::<&str>().map(|&text| text.to_owned()))
}

fn names_the_fork<R>(f: impl FnOnce() -> R) -> bool {
    panic_of(f).is_some_and(|text| text.contains("forked"))
}

#[test]
fn a_child_process_is_told_that_it_has_no_workers() {
    let pool = Pool::builder().workers(3).build().unwrap();
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let running = pool.spawn(move || gate.recv().is_ok());
    let waiting = pool.spawn(|| 5);
    let done = pool.spawn(|| 6);
    let (begin, begun) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let mut group = TaskGroup::new();
    group.spawn(pool.task(), move || begin.send(()).is_ok() && ended.recv().is_ok());
    begun.recv().unwrap();
    let mut future = Some(pool.spawn_future(std::future::pending::<()>()));
    let remote = pool.remote();
    pool.install(|| ());
    // What the child takes out of these is still there in the parent.
    let (mut pool, mut running, mut done, mut group) = (Some(pool), Some(running), Some(done), Some(group));
    while !done.as_ref().unwrap().is_finished() {
        std::thread::yield_now();
    }
    std::panic::set_hook(Box::new(|_| {}));

    assert!(in_child(|| {
        let pool = pool.take().unwrap();
        let all = all![
            pool.try_execute(|| ()).is_err_and(|error| error.reason() == Rejection::Forked),
            pool.try_spawn(|| ()).is_err_and(|error| error.to_string().contains("forked")),
            pool.task().try_execute_batch([|| ()]).is_err_and(|error| error.into_inner().len() == 1),
            names_the_fork(|| pool.execute(|| ())),
            names_the_fork(|| pool.spawn(|| ())),
            names_the_fork(|| pool.install(|| ())),
            names_the_fork(|| pool.join(|| (), || ())),
            names_the_fork(|| pool.for_each(0..10, |_| ())),
            pool.wait_idle() == Err(WaitError::Forked),
            pool.wait_idle_timeout(Duration::from_secs(100)) == Err(WaitError::Forked),
            pool.shutdown() == Err(WaitError::Forked),
            pool.shutdown_timeout(Duration::MAX) == Err(WaitError::Forked),
            pool.shutdown_now().err() == Some(WaitError::Forked),
            pool.add_workers(1).is_err_and(|error| error.started() == 0 && error.to_string().contains("forked")),
            pool.resize(5).is_err(),
            pool.retire_workers(1) == 0,
            pool.workers() == 0 && pool.metrics().workers == 0,
            done.take().unwrap().join().is_ok_and(|six| six == 6),
            running.take().unwrap().join().unwrap_err().to_string().contains("forked"),
            group.take().unwrap().try_join_all().unwrap_err().to_string().contains("forked"),
            remote.try_execute(|| ()).is_err_and(|error| error.reason() == Rejection::Forked),
            remote.try_spawn_future(async {}).is_err_and(|error| error.reason() == Rejection::Forked),
            remote.workers() == 0,
            future.as_ref().unwrap().is_finished(),
            future.take().unwrap().join().unwrap_err().to_string().contains("forked"),
        ];
        pool.close();
        drop(pool);
        // A pool of its own works, and knows nothing of the other.
        let own = Pool::builder().workers(2).build().unwrap();
        all && own.install(|| 7) == 7 && own.shutdown().is_ok()
    }));
    // The child had a copy.
    assert!(!future.take().unwrap().is_finished());
    open.send(()).unwrap();
    end.send(()).unwrap();
    assert_eq!(group.take().unwrap().try_join_all().unwrap(), [true]);
    assert!(running.take().unwrap().join().unwrap());
    assert_eq!((waiting.join().unwrap(), done.take().unwrap().join().unwrap()), (5, 6));
}
