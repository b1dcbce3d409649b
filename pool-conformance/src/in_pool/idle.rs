//! Law 9 in a pool: idle is free.

use std::thread;
use std::time::Duration;

use pool_core::{Pool, Scheduler, Task};

use super::Make;
use super::support::threads::{self, Seen};
use super::support::{check, occupy, pool, until, until_parked};

/// How long nothing must happen. Too short a window could only make a check pass that should not.
const WINDOW: Duration = Duration::from_millis(60);
/// How many windows may pass before one is quiet: a worker takes its last steps before the kernel parks it after the
/// pool counts it as sleeping.
const WINDOWS: usize = 20;

/// After work of each kind all workers are parked in the kernel: they neither wake up nor use a processor.
pub fn idle_is_free<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 4);
        let works: [fn(&Pool<S>); 4] = [
            |_| (),
            |pool| (0..100).for_each(|i| pool.spawn(move || i).join().map(drop).unwrap()),
            |pool| pool.scope(|scope| (0..100).for_each(|_| scope.spawn(|_| thread::yield_now()))),
            |pool| {
                occupy(pool).open();
                pool.retire_workers(1);
                pool.add_workers(1).unwrap();
            },
        ];
        for work in works {
            work(&pool);
            pool.wait_idle().unwrap();
            until_parked(&pool);
            assert_eq!(pool.metrics().sleeping, 4);
            // One that was told to leave may take a moment to be gone.
            if cfg!(target_os = "linux") {
                until(|| threads::named(name).len() == 4);
            }
            assert!((0..WINDOWS).any(|_| nothing_happens(name)), "law 9 (idle is free): {:?}", threads::named(name));
        }
    });
}

/// Whether all threads with that name did nothing at all for a while.
fn nothing_happens(name: &str) -> bool {
    let before = threads::named(name);
    thread::sleep(WINDOW);
    before == threads::named(name) && before.iter().all(|seen| seen.state == "S")
}

/// A pool has its workers' threads and no other, for example no timer. The system's list of threads tells.
pub fn has_no_threads_but_its_workers<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 3);
        occupy(&pool).open();
        pool.join(|| (), || ());
        if cfg!(target_os = "linux") {
            let names: Vec<_> = threads::named(name).into_iter().map(|seen| seen.name).collect();
            assert_eq!(names.len(), 3, "law 9 (no timer thread): {names:?}");
        }
        pool.shutdown().unwrap();
        until(|| threads::named(name).is_empty());
        assert_eq!(pool.metrics().sleeping, 0);
    });
}

/// A round trip to a pool whose workers are parked makes one worker park again, or by chance a few, not one more for
/// each worker that there is.
pub fn a_round_trip_wakes_no_crowd<S: Scheduler<Task> + 'static>(make: Make<S>) {
    const TRIPS: u64 = 200;
    check(move |name| {
        for workers in [2, 16] {
            let pool = pool(make(), name, workers);
            until_parked(&pool);
            let before = slept(&threads::named(name));
            for _ in 0..TRIPS {
                until_parked(&pool);
                pool.spawn(|| ()).join().unwrap();
            }
            until_parked(&pool);
            let after = slept(&threads::named(name));
            let each = (after - before) as f64 / TRIPS as f64;
            assert!(each <= 6.0, "law 9: {each} times parked for each round trip with {workers} workers");
        }
    });
}

fn slept(threads: &[Seen]) -> u64 {
    threads.iter().map(|seen| seen.voluntary).sum()
}
