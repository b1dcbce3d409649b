//! The halves of a join are as urgent as the task that joins.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pool_priority::{Level, Pool, join};

/// `false` if the flag is not set within a limit that only a broken library reaches.
fn wait_for(flag: &AtomicBool) -> bool {
    let begin = Instant::now();
    while !flag.load(Ordering::Acquire) {
        if begin.elapsed() > Duration::from_secs(5) {
            return false;
        }
        thread::yield_now();
    }
    true
}

/// A task of low priority has offered a half and taken it back; its ticket still waits in the queue. The same
/// worker then runs an urgent task, whose half must not wait behind what is less urgent.
#[test]
fn the_half_of_an_urgent_task_does_not_inherit_an_older_place() {
    static OTHER_RUNS: AtomicBool = AtomicBool::new(false);
    static OTHER_MAY_END: AtomicBool = AtomicBool::new(false);
    static HALF_RAN: AtomicBool = AtomicBool::new(false);
    static NORMAL: AtomicUsize = AtomicUsize::new(0);
    static BEFORE_HALF: AtomicUsize = AtomicUsize::new(usize::MAX);

    let pool = Arc::new(Pool::builder().workers(2).build().unwrap());
    pool.execute(|| {
        OTHER_RUNS.store(true, Ordering::Release);
        wait_for(&OTHER_MAY_END);
    });
    assert!(wait_for(&OTHER_RUNS));
    // From here on one worker runs everything, until the urgent task lets the other go.
    let (inner, innermost) = (Arc::clone(&pool), Arc::clone(&pool));
    let urgent = move || {
        join(
            || {
                for _ in 0..100 {
                    innermost.task().hint(Level::NORMAL).execute(|| {
                        NORMAL.fetch_add(1, Ordering::Relaxed);
                    });
                }
                OTHER_MAY_END.store(true, Ordering::Release);
                assert!(wait_for(&HALF_RAN), "the half was not taken");
            },
            || {
                BEFORE_HALF.store(NORMAL.load(Ordering::Relaxed), Ordering::Relaxed);
                HALF_RAN.store(true, Ordering::Release);
            },
        );
    };
    pool.task().hint(Level::LOW).execute(move || {
        join(|| (), || ());
        inner.task().hint(Level::HIGH).execute(urgent);
    });
    pool.wait_idle().unwrap();
    assert_eq!((BEFORE_HALF.load(Ordering::Relaxed), NORMAL.load(Ordering::Relaxed)), (0, 100));
}
