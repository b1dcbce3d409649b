//! Parallel loops: every element once, results in order, nothing held up by what is slow, no panic lost.

use pool_core::doc_toy::Pool;
use pool_core::{current_worker, for_each, for_each_mut, join, map_reduce, scope};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const SIZES: [usize; 15] = [0, 1, 2, 3, 4, 5, 7, 8, 63, 64, 65, 100, 1_000, 4_097, 30_000];

fn pool(workers: usize) -> Pool {
    Pool::builder().workers(workers).build().unwrap()
}

/// Runs `f` outside of any pool, and on a worker of pools of several sizes.
fn everywhere(f: impl Fn() + Sync) {
    f();
    for workers in [1, 2, 3, 8] {
        pool(workers).install(&f);
    }
}

/// Waits until `done`. Only a broken library makes it give up.
fn wait_until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} never happens");
        thread::yield_now();
    }
}

fn panic_with(payload: usize) -> ! {
    resume_unwind(Box::new(payload))
}

fn payload_of(f: impl FnOnce()) -> usize {
    *catch_unwind(AssertUnwindSafe(f)).unwrap_err().downcast().unwrap()
}

/// Pseudo-random numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

#[test]
fn for_each_calls_once_for_every_number() {
    everywhere(|| {
        for n in SIZES {
            let calls: Vec<AtomicUsize> = (0..n).map(|_| AtomicUsize::new(0)).collect();
            for_each(0..n, |i| {
                calls[i].fetch_add(1, Ordering::Relaxed);
            });
            assert!(calls.iter().all(|calls| calls.load(Ordering::Relaxed) == 1), "{n}");
        }
    });
}

#[test]
fn for_each_mut_calls_once_for_every_element() {
    everywhere(|| {
        for n in SIZES {
            let mut elements: Vec<usize> = (0..n).collect();
            for_each_mut(&mut elements, |element| *element = *element * 3 + 1);
            assert!(elements.iter().enumerate().all(|(i, &element)| element == i * 3 + 1), "{n}");
            let mut empty = vec![(); n];
            let calls = AtomicUsize::new(0);
            for_each_mut(&mut empty, |()| {
                calls.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(calls.into_inner(), n);
        }
    });
}

#[test]
fn results_that_fit_into_registers_keep_their_order() {
    /// What a string is without its characters: a range with a start and an end that touch those of the neighbours.
    fn append(a: (u32, u32), b: (u32, u32)) -> (u32, u32) {
        assert_eq!(a.1, b.0, "neighbours");
        (a.0, b.1)
    }
    everywhere(|| {
        for n in SIZES {
            let n = n as u32;
            let whole = map_reduce(0..n, |i| (i, i + 1), append);
            assert_eq!(whole, (n > 0).then_some((0, n)));
        }
    });
}

#[test]
fn results_on_the_heap_keep_their_order() {
    everywhere(|| {
        for n in SIZES {
            let append = |a: String, b: String| a + &b;
            let sequential: String = (0..n).map(|i| format!("{i},")).collect();
            assert_eq!(map_reduce(0..n, |i| format!("{i},"), append).unwrap_or_default(), sequential);
        }
    });
}

#[test]
fn ranges_of_other_integers() {
    everywhere(|| {
        assert_eq!(map_reduce(-1_000..1_001_i32, i64::from, |a, b| a + b), Some(0));
        assert_eq!(map_reduce(i64::MAX - 9..i64::MAX, |i| i, i64::max), Some(i64::MAX - 1));
        assert_eq!(map_reduce(u64::MAX - 300..u64::MAX, |i| i, u64::min), Some(u64::MAX - 300));
        assert_eq!(map_reduce(i8::MIN..i8::MAX, |_| 1, |a, b| a + b), Some(255));
        assert_eq!(map_reduce(7..7_u8, |i| i, u8::max), None);
        #[expect(clippy::reversed_empty_ranges)]
        let reversed = 7..-7_isize;
        assert_eq!(map_reduce(reversed.clone(), |i| i, isize::max), None);
        for_each(reversed, |_| panic!("empty"));
    });
}

#[test]
fn a_range_longer_than_a_span_ends_when_an_element_panics() {
    for workers in [1, 2] {
        pool(workers).install(|| {
            // One worker alone begins on the left.
            let payload = payload_of(|| for_each(0..u64::MAX, |i| panic_with(i as usize)));
            assert!(workers > 1 || payload == 0);
        });
    }
}

#[test]
fn from_outside_the_pool_runs_it_all() {
    let pool = pool(2);
    let mut squares = [1, 2, 3, 4, 5];
    pool.for_each_mut(&mut squares, |n| *n *= *n);
    assert_eq!(squares, [1, 4, 9, 16, 25]);
    let sum = AtomicUsize::new(0);
    pool.for_each(0..squares.len(), |i| {
        sum.fetch_add(squares[i], Ordering::Relaxed);
    });
    assert_eq!(sum.into_inner(), 55);
    assert_eq!(pool.map_reduce(0..5, |i: usize| squares[i], |a, b| a + b), Some(55));
    assert_eq!(
        payload_of(|| pool.for_each(0..100, |i: usize| if i == 61 {
            panic_with(i)
        })),
        61
    );
}

#[test]
fn outside_a_worker_everything_runs_right_here() {
    let here = thread::current().id();
    for_each(0..1_000, |_| {
        assert_eq!(thread::current().id(), here);
        assert_eq!(current_worker(), None);
    });
}

#[test]
fn loops_in_loops_and_joins_and_scopes() {
    for workers in [1, 2, 5] {
        let sum = AtomicUsize::new(0);
        pool(workers).for_each(0..20_usize, |i| {
            for_each(0..i, |j| {
                let count = |n: usize| map_reduce(0..n, |_| 1, |a, b| a + b).unwrap_or(0);
                let (a, b) = join(|| count(i), || count(j));
                scope(|s| {
                    s.spawn(|_| {
                        sum.fetch_add(a, Ordering::Relaxed);
                    });
                    s.spawn(|_| {
                        sum.fetch_add(b, Ordering::Relaxed);
                    });
                });
            });
        });
        let expected: usize = (0..20).flat_map(|i| (0..i).map(move |j| i + j)).sum();
        assert_eq!(sum.into_inner(), expected, "{workers}");
    }
}

#[test]
fn the_right_end_runs_while_the_first_element_is_slow() {
    for n in [2, 3, 10, 1_000, 100_000] {
        let last = AtomicBool::new(false);
        pool(2).for_each(0..n, |i: usize| match i {
            0 => wait_until("the last element", || last.load(Ordering::Acquire)),
            i if i == n - 1 => last.store(true, Ordering::Release),
            _ => {}
        });
    }
}

#[test]
fn a_slow_first_element_holds_up_nothing_at_all() {
    for n in [2, 3, 10, 1_000, 100_000] {
        let others = AtomicUsize::new(0);
        pool(2).for_each(0..n, |i: usize| {
            if i == 0 {
                wait_until("everything else", || others.load(Ordering::Acquire) == n - 1);
            } else {
                others.fetch_add(1, Ordering::Release);
            }
        });
    }
}

#[test]
fn the_slow_elements_of_a_short_loop_run_side_by_side() {
    for workers in 2..6 {
        let all = Barrier::new(workers);
        let meetings = AtomicUsize::new(0);
        pool(workers).for_each(0..workers, |_| {
            // No element ends before all have begun: each is run by a worker of its own.
            if all.wait().is_leader() {
                meetings.fetch_add(1, Ordering::Relaxed);
            }
        });
        assert_eq!(meetings.into_inner(), 1);
    }
}

#[test]
fn results_arrive_in_order_however_long_each_takes() {
    let mut random = Random(1);
    for round in 0..60 {
        let workers = 1 + round % 8;
        let n = 1 + random.below(400);
        let slow: Vec<usize> = (0..n).map(|_| if random.below(20) == 0 { random.below(20_000) } else { 0 }).collect();
        let text = |i: usize| {
            for _ in 0..slow[i] {
                std::hint::spin_loop();
            }
            format!("{i},")
        };
        let parallel = pool(workers).map_reduce(0..n, text, |a, b| a + &b);
        assert_eq!(parallel, Some((0..n).map(|i| format!("{i},")).collect()), "{round}");
    }
}

#[test]
fn a_panic_comes_back_after_all_that_ran_has_ended() {
    let mut random = Random(2);
    for round in 0..200 {
        let pool = pool(1 + round % 4);
        let n = 1 + random.below(3_000);
        let bad = random.below(n);
        let running = AtomicUsize::new(0);
        let calls: Vec<AtomicUsize> = (0..n).map(|_| AtomicUsize::new(0)).collect();
        let body = |i: usize| {
            /// Counts itself out, also while unwinding.
            struct Running<'a>(&'a AtomicUsize);
            impl Drop for Running<'_> {
                fn drop(&mut self) {
                    self.0.fetch_sub(1, Ordering::Relaxed);
                }
            }
            running.fetch_add(1, Ordering::Relaxed);
            let _running = Running(&running);
            calls[i].fetch_add(1, Ordering::Relaxed);
            if i == bad {
                panic_with(i);
            }
        };
        assert_eq!(payload_of(|| pool.for_each(0..n, body)), bad);
        assert_eq!(running.load(Ordering::Relaxed), 0);
        assert_eq!(calls[bad].load(Ordering::Relaxed), 1);
        assert!(calls.iter().all(|calls| calls.load(Ordering::Relaxed) <= 1));
        // The pool works on as before.
        assert_eq!(pool.map_reduce(0..n, |_| 1, |a, b| a + b), Some(n));
    }
}

#[test]
fn after_a_panic_nothing_more_begins() {
    let after = AtomicUsize::new(0);
    let payload = payload_of(|| {
        pool(1).for_each(0..1_000_000_usize, |i| {
            if i == 0 {
                panic_with(7);
            }
            after.fetch_add(1, Ordering::Relaxed);
        });
    });
    assert_eq!((payload, after.into_inner()), (7, 0));
}

#[test]
fn after_a_panic_helpers_begin_nothing_more() {
    // Both workers run an element at the same time; one panics. The other would have some ten seconds' work left.
    const MANY: usize = u32::MAX as usize;
    let both = Barrier::new(2);
    let caught = AtomicBool::new(false);
    let calls = AtomicUsize::new(0);
    let payload = payload_of(|| {
        pool(2).for_each(0..MANY, |i| {
            calls.fetch_add(1, Ordering::Relaxed);
            if i == 0 {
                both.wait();
                panic_with(3);
            }
            if !caught.swap(true, Ordering::Relaxed) {
                both.wait();
            }
        });
    });
    assert_eq!(payload, 3);
    assert!(calls.into_inner() < MANY / 2, "that is what a helper takes first");
}

#[test]
fn panics_of_two_workers_at_the_same_time() {
    let both = Barrier::new(2);
    let payload = payload_of(|| {
        pool(2).for_each(0..2_usize, |i| {
            both.wait();
            panic_with(i);
        });
    });
    assert!(payload < 2, "one of them");
}

#[test]
fn a_reduction_that_panics_drops_every_result_once() {
    struct Counted<'a>(&'a AtomicUsize);
    impl<'a> Counted<'a> {
        fn new(alive: &'a AtomicUsize) -> Self {
            alive.fetch_add(1, Ordering::Relaxed);
            Self(alive)
        }
    }
    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    for round in 0..100 {
        let alive = AtomicUsize::new(0);
        let reductions = AtomicUsize::new(0);
        let payload = payload_of(|| {
            pool(1 + round % 3).map_reduce(
                0..500,
                |_: usize| Counted::new(&alive),
                |a, b| {
                    if reductions.fetch_add(1, Ordering::Relaxed) == 5 * round {
                        panic_with(round);
                    }
                    drop(b);
                    a
                },
            );
        });
        // All 500 elements take 499 reductions.
        assert_eq!(payload, round);
        assert_eq!(alive.into_inner(), 0);
    }
}

#[test]
fn elements_that_are_sent_not_shared() {
    // `Cell` is `Send` and not `Sync`.
    let mut cells = vec![std::cell::Cell::new(1); 10_000];
    pool(3).for_each_mut(&mut cells, |cell| cell.set(cell.get() + 1));
    assert!(cells.iter().all(|cell| cell.get() == 2));
}

#[test]
fn many_loops_at_once_from_many_threads() {
    let pool = pool(3);
    thread::scope(|threads| {
        for thread in 0..4 {
            let pool = &pool;
            threads.spawn(move || {
                let mut random = Random(thread);
                for _ in 0..300 {
                    let n = random.below(5_000);
                    let sum = pool.map_reduce(0..n, |i| i, |a, b| a + b);
                    assert_eq!(sum.unwrap_or(0), n * n.saturating_sub(1) / 2);
                }
            });
        }
    });
    pool.wait_idle().unwrap();
    assert!(pool.metrics().is_balanced());
}
