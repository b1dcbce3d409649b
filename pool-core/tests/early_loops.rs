//! Loops that may end before all of their range is done: the right find, no number twice, and an end soon after a find.

use pool_core::doc_toy::Pool;
use pool_core::{find_any, find_first, try_for_each};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const SIZES: [usize; 12] = [0, 1, 2, 3, 4, 5, 8, 63, 100, 1_000, 4_097, 30_000];

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

/// Pseudo-random numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// A counter for each number of `0..n`.
fn counters(n: usize) -> Vec<AtomicUsize> {
    (0..n).map(|_| AtomicUsize::new(0)).collect()
}

fn tick(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn count(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::Relaxed)
}

#[test]
fn without_a_find_each_number_is_looked_at_once() {
    everywhere(|| {
        for n in SIZES {
            let calls = counters(n);
            let look = |i: usize| {
                tick(&calls[i]);
                i >= n
            };
            assert_eq!(try_for_each(0..n, |i| if look(i) { Err(i) } else { Ok(()) }), Ok(()));
            assert_eq!((find_any(0..n, look), find_first(0..n, look)), (None, None));
            assert!(calls.iter().all(|calls| count(calls) == 3), "{n}");
        }
    });
}

#[test]
fn alone_everything_runs_from_the_left_up_to_the_find() {
    for n in [1, 2, 5_000, 30_000] {
        for hit in [0, 1, 4_095, 4_096, 29_999].into_iter().filter(|&hit| hit < n) {
            let calls = AtomicUsize::new(0);
            let is_hit = |i: usize| {
                tick(&calls);
                i >= hit
            };
            assert_eq!(try_for_each(0..n, |i| if is_hit(i) { Err(i) } else { Ok(()) }), Err(hit));
            assert_eq!((find_any(0..n, is_hit), find_first(0..n, is_hit)), (Some(hit), Some(hit)));
            assert_eq!(calls.into_inner(), 3 * (hit + 1), "{n}, {hit}");
        }
    }
}

#[test]
fn of_the_errors_that_occurred_the_one_of_the_smallest_number_is_returned() {
    let mut random = Random(1);
    for round in 0..300 {
        let n = 1 + random.below(5_000);
        let bad: Vec<bool> = (0..n).map(|_| random.below(1 + round) == 0).collect();
        let calls = counters(n);
        let result = pool(1 + round % 4).try_for_each(0..n, |i| {
            tick(&calls[i]);
            if bad[i] { Err(i) } else { Ok(()) }
        });
        assert!(calls.iter().all(|calls| count(calls) <= 1));
        let first = (0..n).find(|&i| bad[i] && count(&calls[i]) == 1);
        assert_eq!(result, first.map_or(Ok(()), Err));
        assert_eq!(result.is_ok(), !bad.contains(&true));
    }
}

#[test]
fn the_first_find_is_that_of_a_plain_search() {
    let mut random = Random(2);
    for round in 0..300 {
        let n = 1 + random.below(5_000);
        let hits: Vec<bool> = (0..n).map(|_| random.below(1 + 10 * round) == 0).collect();
        let slow: Vec<usize> = (0..n).map(|_| if random.below(50) == 0 { random.below(5_000) } else { 0 }).collect();
        let calls = counters(n);
        let found = pool(1 + round % 4).find_first(0..n, |i| {
            tick(&calls[i]);
            (0..slow[i]).for_each(|_| std::hint::spin_loop());
            hits[i]
        });
        let first = hits.iter().position(|&hit| hit);
        assert_eq!(found, first);
        let (needed, others) = calls.split_at(first.map_or(n, |first| first + 1));
        assert!(needed.iter().all(|calls| count(calls) == 1), "all up to the first find");
        assert!(others.iter().all(|calls| count(calls) <= 1));
    }
}

#[test]
fn any_find_is_a_find() {
    let mut random = Random(3);
    for round in 0..300 {
        let n = 1 + random.below(5_000);
        let hits: Vec<bool> = (0..n).map(|_| random.below(1 + 10 * round) == 0).collect();
        let calls = counters(n);
        let found = pool(1 + round % 4).find_any(0..n, |i| {
            tick(&calls[i]);
            hits[i]
        });
        match found {
            Some(found) => assert!(hits[found]),
            None => assert!(!hits.contains(&true)),
        }
        assert!(calls.iter().all(|calls| count(calls) <= 1));
    }
}

#[test]
fn both_of_two_finds_at_the_same_time_occurred() {
    for _ in 0..100 {
        let both = Barrier::new(2);
        let meet = |i: u32| {
            both.wait();
            i
        };
        let pool = pool(2);
        // Each number runs on a worker of its own, and both are found.
        assert_eq!(pool.try_for_each(0..2, |i| Err::<(), u32>(meet(i))), Err(0));
        assert_eq!(pool.find_any(0..2, |i| meet(i) < 2), Some(0));
        assert_eq!(pool.find_first(0..2, |i| meet(i) < 2), Some(0));
    }
}

#[test]
fn ranges_of_other_integers() {
    everywhere(|| {
        assert_eq!(find_first(-100..100_i8, |i| i > -3), Some(-2));
        assert_eq!(find_any(i64::MAX - 9..i64::MAX, |i| i == i64::MAX - 1), Some(i64::MAX - 1));
        assert_eq!(try_for_each(7..7_u8, Err), Ok(()));
        #[expect(clippy::reversed_empty_ranges)]
        let reversed = 7..-7_isize;
        assert_eq!(find_first(reversed, |_| panic!("empty")), None);
    });
}

#[test]
fn a_find_ends_the_longest_of_all_ranges() {
    everywhere(|| {
        assert_eq!(find_first(0..u64::MAX, |i| i >= 10_000), Some(10_000));
        assert!(find_any(0..u64::MAX, |i| i >= 10_000).is_some_and(|i| i >= 10_000));
        assert!(try_for_each(0..u64::MAX, |i| if i < 10_000 { Ok(()) } else { Err(i) }).is_err_and(|i| i >= 10_000));
    });
}

/// Two workers meet in a call each, then one of them, for number 0, finds something. The other one would have some ten
/// seconds' work left.
fn meet_and_find(run: impl Fn(&Pool, usize, &(dyn Fn(usize) -> bool + Sync))) {
    const MANY: usize = u32::MAX as usize;
    let both = Barrier::new(2);
    let met = AtomicBool::new(false);
    let calls = AtomicUsize::new(0);
    run(&pool(2), MANY, &|i| {
        tick(&calls);
        if i == 0 || !met.swap(true, Ordering::Relaxed) {
            both.wait();
        }
        i == 0
    });
    assert!(calls.into_inner() < MANY / 2, "that is what a helper takes first");
}

#[test]
fn after_a_find_helpers_begin_nothing_more() {
    meet_and_find(|pool, many, look| {
        assert_eq!(pool.try_for_each(0..many, |i| if look(i) { Err(i) } else { Ok(()) }), Err(0));
    });
    meet_and_find(|pool, many, look| assert_eq!(pool.find_any(0..many, look), Some(0)));
    meet_and_find(|pool, many, look| assert_eq!(pool.find_first(0..many, look), Some(0)));
}

#[test]
fn a_find_on_the_right_does_not_end_the_search_on_the_left() {
    // The helper finds the last number while the owner is at the first; the smaller find still comes.
    let found_last = AtomicBool::new(false);
    let found = pool(2).find_first(0..10_000_usize, |i| match i {
        0 => {
            while !found_last.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            false
        }
        9_999 => {
            found_last.store(true, Ordering::Release);
            true
        }
        _ => i == 4_000,
    });
    assert_eq!(found, Some(4_000));
}

#[test]
fn a_panic_ends_the_loop_as_in_others() {
    fn payload_of(f: impl FnOnce()) -> usize {
        *catch_unwind(AssertUnwindSafe(f)).unwrap_err().downcast().unwrap()
    }
    for workers in [1, 3] {
        let pool = pool(workers);
        let throw = |i: usize| if i == 700 { resume_unwind(Box::new(i)) } else { false };
        assert_eq!(payload_of(|| assert!(pool.find_any(0..10_000, throw).is_none())), 700);
        assert_eq!(payload_of(|| assert!(pool.find_first(0..10_000, throw).is_none())), 700);
        let result = |i| if throw(i) { Err(()) } else { Ok(()) };
        assert_eq!(payload_of(|| assert!(pool.try_for_each(0..10_000, result).is_ok())), 700);
        assert_eq!(pool.find_first(0..10_000, |i| i == 701), Some(701));
    }
}

#[test]
fn each_error_is_dropped_once() {
    struct Counted<'a>(&'a AtomicUsize, usize);
    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    for round in 0..100 {
        let (alive, made) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let result = pool(1 + round % 4).try_for_each(0..1_000_usize, |i| {
            if i % 10 < 9 {
                return Ok(());
            }
            tick(&made);
            tick(&alive);
            Err(Counted(&alive, i))
        });
        let error = result.unwrap_err();
        assert_eq!((error.1 % 10, count(&alive)), (9, 1));
        drop(error);
        assert_eq!(count(&alive), 0);
        assert!(count(&made) >= 1);
    }
}
