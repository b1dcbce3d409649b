//! The names of threads, and threads that cannot be started.

use pool_core::doc_toy::Pool;
use pool_core::{BuildError, current_worker};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn names(pool: &Pool) -> Vec<String> {
    let meeting = Arc::new(std::sync::Barrier::new(pool.workers()));
    let handles: Vec<_> = (0..pool.workers())
        .map(|_| {
            let meeting = Arc::clone(&meeting);
            pool.spawn(move || {
                meeting.wait();
                (current_worker(), std::thread::current().name().map(str::to_owned))
            })
        })
        .collect();
    let mut names: Vec<_> = handles.into_iter().map(|handle| handle.join().unwrap()).collect();
    names.sort();
    names.into_iter().map(|(_, name)| name.unwrap()).collect()
}

#[test]
fn a_long_name_gives_way_to_the_number() {
    for (prefix, expected) in [
        ("img", ["img-0", "img-1", "img-10"]),
        ("a-very-long-thread-name", ["a-very-long-t-0", "a-very-long-t-1", "a-very-long--10"]),
        ("thirteenbytes", ["thirteenbytes-0", "thirteenbytes-1", "thirteenbyte-10"]),
        ("", ["-0", "-1", "-10"]),
        ("ééééééééé", ["éééééé-0", "éééééé-1", "éééééé-10"]),
    ] {
        let pool = Pool::builder().workers(11).thread_name(prefix).build().unwrap();
        let names = names(&pool);
        assert_eq!([&names[0], &names[1], &names[10]], expected);
        assert!(names.iter().all(|name| name.len() <= 15));
    }
}

/// What the system shows of a thread is what the pool named it.
#[test]
#[cfg(target_os = "linux")]
fn the_system_shows_the_whole_name() {
    let pool = Pool::builder().workers(1).thread_name("a-very-long-thread-name").build().unwrap();
    let shown = pool.install(|| std::fs::read_to_string("/proc/thread-self/comm").unwrap());
    assert_eq!(shown.trim_end(), "a-very-long-t-0");
}

#[test]
fn a_function_names_threads() {
    let pool =
        Pool::builder().workers(2).thread_name_with(|worker| format!("worker {worker} of images")).build().unwrap();
    assert_eq!(names(&pool), ["worker 0 of images", "worker 1 of images"]);
    pool.add_workers(1).unwrap();
    assert_eq!(names(&pool)[2], "worker 2 of images");
}

#[test]
fn a_name_with_a_zero_byte_is_an_error() {
    let error = Pool::builder().thread_name("a\0b").build().unwrap_err();
    assert!(matches!(&error, BuildError::Thread(error) if error.kind() == std::io::ErrorKind::InvalidInput), "{error}");
    assert!(error.to_string().contains("zero byte"), "{error}");
    // Only some threads: those that were started have ended.
    let stopped = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&stopped);
    let name = |worker| if worker == 2 { "\0".to_owned() } else { format!("ok-{worker}") };
    let builder = Pool::builder().workers(4).thread_name_with(name).on_stop(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    assert!(builder.build().is_err());
    assert_eq!(stopped.load(Ordering::Relaxed), 2);
}

/// Whatever unwinds out of the start of a thread leaves the pool as it was.
#[test]
fn a_function_that_names_threads_panics() {
    let name = |worker: usize| {
        assert!(worker < 2, "no name for {worker}");
        format!("ok-{worker}")
    };
    let build = || Pool::builder().workers(3).thread_name_with(name).build();
    assert!(catch_unwind(build).is_err(), "and the two that were started have ended, or this would hang");

    let pool = Pool::builder().workers(2).thread_name_with(name).build().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| pool.add_workers(1))).is_err());
    assert_eq!((pool.workers(), pool.install(|| 5)), (2, 5));
    pool.shutdown().unwrap();
}

/// The function may use the pool for which it names a thread.
#[test]
fn a_function_that_names_threads_asks_the_pool() {
    static POOL: std::sync::OnceLock<Pool> = std::sync::OnceLock::new();
    let name = |worker| POOL.get().map_or("first".into(), |pool| format!("{worker} of {}", pool.workers() + 1));
    POOL.get_or_init(|| Pool::builder().workers(1).thread_name_with(name).build().unwrap());
    let pool = POOL.get().unwrap();
    pool.add_workers(1).unwrap();
    assert_eq!(names(pool), ["first", "1 of 2"]);
}
