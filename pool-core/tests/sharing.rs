//! Work that has been offered is shared: however coarse it is, and however little was offered before.

use pool_core::doc_toy::Pool;
use pool_core::{current_worker, for_each, join};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Work for two at a time: each piece waits until another runs beside it.
#[derive(Default)]
struct Pairs {
    /// Pieces under way now, and pieces that have met another.
    state: Mutex<(usize, usize)>,
    changed: Condvar,
}

impl Pairs {
    /// The limit is a guard: a piece without a partner ends by it.
    const GUARD: Duration = Duration::from_secs(2);

    fn piece(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 += 1;
        if state.0 == 2 {
            // The pair is complete; the next piece begins another.
            state.0 = 0;
            state.1 += 2;
            self.changed.notify_all();
            return;
        }
        let before = state.1;
        let (mut state, over) = self.changed.wait_timeout_while(state, Self::GUARD, |state| state.1 == before).unwrap();
        if over.timed_out() {
            state.0 -= 1;
        }
    }

    fn met(&self) -> usize {
        self.state.lock().unwrap().1
    }
}

/// All the work is in the second halves, and the first halves go down to the bottom before any of it is run.
#[test]
fn a_comb_of_coarse_second_halves_is_shared() {
    fn comb(teeth: u32, pairs: &Pairs) {
        if teeth > 0 {
            join(|| comb(teeth - 1, pairs), || pairs.piece());
        }
    }
    // Two workers: with more, two could meet while the third, which has the rest, waits for a partner.
    let pool = Pool::builder().workers(2).build().unwrap();
    let pairs = Pairs::default();
    pool.install(|| comb(16, &pairs));
    assert_eq!(pairs.met(), 16);
}

fn fib(n: u32) -> u32 {
    if n < 2 {
        return n;
    }
    let (a, b) = join(|| fib(n - 1), || fib(n - 2));
    a + b
}

/// Coarse work after much fine work in the same task is shared, too, at the latest when a look shows that it is coarse.
#[test]
fn coarse_work_after_fine_work_is_shared_again() {
    let pool = Pool::builder().workers(2).build().unwrap();
    let pairs = Pairs::default();
    pool.install(|| {
        assert_eq!(fib(20), 6765);
        for _ in 0..10 {
            join(|| pairs.piece(), || pairs.piece());
        }
    });
    assert_eq!(pairs.met(), 20);
}

/// A loop whose worker has a full board and enough in stock when it begins, so that no part is offered. In its first
/// element all that was offered is taken, and another frame is offered and taken back. Only then does a worker become
/// idle.
#[test]
fn a_loop_that_began_calm_is_shared_when_a_worker_becomes_idle() {
    fn wait_for(flag: &AtomicBool) {
        while !flag.load(Ordering::Acquire) {
            thread::yield_now();
        }
    }
    let pool = Pool::builder().workers(2).build().unwrap();
    let [go, first_begun, first_end, second_begun, second_end] = [const { AtomicBool::new(false) }; 5];
    let set = |flag: &AtomicBool| flag.store(true, Ordering::Release);
    let (occupied, helped) = (AtomicBool::new(false), AtomicUsize::new(0));
    let task = || {
        // One frame in stock is enough from now on.
        assert_eq!(fib(20), 6765);
        wait_for(&occupied);
        let owner = current_worker();
        let element = |i: usize| {
            if current_worker() != owner {
                helped.fetch_add(1, Ordering::Relaxed);
            } else if i == 0 {
                set(&go);
                wait_for(&first_begun);
                join(|| (), || ());
                set(&first_end);
                wait_for(&second_begun);
                join(|| (), || ());
                set(&second_end);
            } else {
                // Until there is help. Only a broken library makes it give up.
                let begin = Instant::now();
                while helped.load(Ordering::Relaxed) == 0 && begin.elapsed() < Duration::from_millis(200) {
                    thread::yield_now();
                }
            }
        };
        let begun = |begun: &AtomicBool, end: &AtomicBool| {
            set(begun);
            wait_for(end);
        };
        let inner = || join(|| for_each(0..16, element), || begun(&second_begun, &second_end));
        join(inner, || begun(&first_begun, &first_end));
    };
    thread::scope(|scope| {
        scope.spawn(|| pool.install(task));
        scope.spawn(|| {
            pool.install(|| {
                set(&occupied);
                wait_for(&go);
            });
        });
    });
    assert!(helped.load(Ordering::Relaxed) > 0, "the loop ran on one worker to its end");
}
