//! After a flood the memory goes back, wherever the flood lay and whichever worker took it. Counted by the allocator.

use std::alloc::System;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use pool_conformance::in_pool::{LIMIT, within};
use pool_core::strategy::{Scheduler, Worker};
use pool_core::{Pool, Task};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// As large as a task.
type Item = [usize; 3];

/// Items of a flood: some 24 MiB in any strategy, before it is taken.
const FLOOD: usize = 1 << 20;

/// What a strategy may keep, for the next items.
const KEPT: isize = 512 << 10;

/// Few enough that a worker that takes them does not find anything empty.
const OUTSIDE: usize = 300;

/// One test at a time: the allocator counts for all.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Bytes that are allocated now.
fn live() -> isize {
    let stats = COUNTING.stats();
    stats.bytes_allocated as isize - stats.bytes_deallocated as isize
}

#[track_caller]
fn assert_given_back(before: isize, flooded: isize, what: &str) {
    let after = live();
    let held = flooded - before;
    assert!(held > FLOOD as isize * size_of::<Item>() as isize, "{what}: a flood takes only {held} bytes");
    assert!(after - before < KEPT, "{what}: {} of {held} bytes stay", after - before);
}

fn take_all<W: Worker<Item>>(worker: &mut W) -> usize {
    std::iter::from_fn(|| worker.next()).count()
}

/// On the bare traits: one worker pushes all and looks for nothing meanwhile, as if its task blocked.
fn bare<S: Scheduler<Item>>(make: fn() -> S) {
    let _alone = alone();
    let scheduler = Arc::new(make());
    let (mut owner, mut thief) = (scheduler.attach(1), scheduler.attach(2));
    let _asleep = scheduler.attach(3).next();
    let before = live();

    (0..FLOOD).for_each(|n| owner.push([n; 3], None));
    let flooded = live();
    assert_eq!(take_all(&mut thief), FLOOD);
    assert_eq!(owner.next(), None);
    assert_given_back(before, flooded, "the owner finds nothing");

    (0..FLOOD).for_each(|n| owner.push([n; 3], None));
    let flooded = live();
    assert_eq!(take_all(&mut thief), FLOOD);
    scheduler.inject_batch((0..OUTSIDE).map(|n| [n; 3]), None);
    (0..OUTSIDE).for_each(|_| assert!(owner.next().is_some()));
    assert_given_back(before, flooded, "the owner finds work from outside");

    (0..FLOOD).for_each(|n| owner.push([n; 3], None));
    let flooded = live();
    for _ in 0..FLOOD / 2 {
        assert!(owner.next().is_some() && thief.next().is_some());
    }
    assert_eq!((thief.next(), owner.next()), (None, None));
    assert_given_back(before, flooded, "both take");

    (0..FLOOD).for_each(|n| owner.push([n; 3], None));
    let flooded = live();
    assert_eq!(take_all(&mut owner), FLOOD);
    assert_eq!(thief.next(), None);
    assert_given_back(before, flooded, "the owner takes all");

    (0..FLOOD).for_each(|n| scheduler.inject([n; 3], None));
    let flooded = live();
    assert_eq!(take_all(&mut thief), FLOOD);
    assert_given_back(before, flooded, "all comes from outside");

    scheduler.inject_batch((0..FLOOD).map(|n| [n; 3]), None);
    let flooded = live();
    let mut taken = 0;
    scheduler.take_all(|_| taken += 1);
    assert_eq!(taken, FLOOD);
    assert_given_back(before, flooded, "all is taken out");
}

/// Once a worker of the pool has nothing to do, it sleeps.
fn until_asleep<S: Scheduler<Task> + 'static>(pool: &Pool<S>) {
    pool.wait_idle().unwrap();
    while pool.metrics().sleeping < pool.metrics().workers {
        thread::yield_now();
    }
}

/// In a pool: a task pushes all and blocks, the other worker takes all, and only work from outside comes after that.
fn in_pool<S: Scheduler<Task> + 'static>(make: fn() -> S) {
    let _alone = alone();
    within(LIMIT, "the return of a flood's memory", move || {
        let pool = Pool::builder_with(make()).workers(2).build().unwrap();
        pool.execute_batch((0..OUTSIDE).map(|n| move || assert!(n < OUTSIDE)));
        until_asleep(&pool);
        let before = live();
        for outside in [0, OUTSIDE] {
            let (open, gate) = channel::<()>();
            let (all_ran, taken) = channel::<()>();
            let (pushed, flooded) = channel();
            let (all_pushed, may_take) = channel::<()>();
            pool.execute(move || assert!(may_take.recv().is_err(), "it waits for the other end to be dropped"));
            pool.execute(move || {
                for n in 0..FLOOD {
                    let all_ran = all_ran.clone();
                    pool_core::execute(move || drop((n, all_ran)));
                }
                drop(all_ran);
                pushed.send(live()).unwrap();
                drop(all_pushed);
                assert!(gate.recv().is_err(), "the gate is opened by dropping its other end");
            });
            let flooded = flooded.recv().unwrap();
            assert!(taken.recv().is_err(), "each task has dropped its end");
            drop(open);
            for n in 0..outside {
                pool.execute(move || assert!(n < OUTSIDE));
            }
            until_asleep(&pool);
            assert!(flooded - before > FLOOD as isize * size_of::<Task>() as isize, "{flooded} bytes are no flood");
            // A worker that counts as asleep may have its last look before it.
            while live() - before >= KEPT {
                thread::yield_now();
            }
        }
        pool.shutdown().unwrap();
    });
}

macro_rules! give_back {
    ($($name:ident: $make:expr;)*) => {
        $(
            mod $name {
                #[test]
                fn on_the_bare_traits() {
                    super::bare(|| $make);
                }

                #[test]
                fn in_a_pool() {
                    super::in_pool(|| $make);
                }
            }
        )*
    };
}

give_back! {
    fifo: pool_fifo::Fifo::new();
    work_stealing: pool_workstealing::WorkStealing::new();
    levels: pool_priority::Priority::new();
    keys: pool_priority::Keyed::<u32, _>::new();
}
