//! Defects that other pools have, or had: a test for each, with its name. Most run on the toy strategy of `pool-core`,
//! since they are about the pool; what is about a queue runs on the strategy that has one.

#![cfg(not(loom))]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use pool_conformance::in_pool::{self, within};
use pool_conformance::order;
use pool_core::doc_toy::{Stack, StackWorker};
use pool_core::strategy::{Scheduler, Worker};
use pool_core::{Metrics, Pool, Task};
use pool_priority::{Keyed, Level, Priority};
use pool_workstealing::WorkStealing;

const LIMIT: Duration = in_pool::LIMIT;

fn toy() -> Stack {
    Stack::default()
}

/// The toy, as an awkward strategy would be: it notes its seeds, and its cheap look fails every other time, as after a
/// lost race.
#[derive(Default)]
struct Awkward {
    stack: Arc<Stack>,
    seeds: Arc<Mutex<Vec<u64>>>,
}

struct AwkwardWorker {
    worker: StackWorker<Task>,
    calls: usize,
}

impl Scheduler<Task> for Awkward {
    /// A hint type of its own, which it ignores.
    type Hint = String;
    type Worker = AwkwardWorker;

    fn attach(self: &Arc<Self>, seed: u64) -> AwkwardWorker {
        self.seeds.lock().unwrap().push(seed);
        AwkwardWorker { worker: self.stack.attach(seed), calls: 0 }
    }
    fn inject(&self, item: Task, _hint: Option<String>) {
        self.stack.inject(item, None);
    }
    fn is_empty(&self) -> bool {
        self.stack.is_empty()
    }
}

impl Worker<Task> for AwkwardWorker {
    type Hint = String;

    fn push(&mut self, item: Task, _hint: Option<String>) {
        self.worker.push(item, None);
    }
    fn next(&mut self) -> Option<Task> {
        self.worker.next()
    }
    fn try_next(&mut self) -> Option<Task> {
        self.calls += 1;
        if self.calls % 2 == 0 { self.worker.next() } else { None }
    }
    fn retire(self) {
        self.worker.retire();
    }
}

// yatp

#[test]
fn yatp_a_local_spawn_wakes_no_worker() {
    in_pool::runs_what_a_blocked_worker_pushed(toy);
}

#[test]
fn yatp_a_panicking_task_kills_its_worker_and_shutdown_then_panics() {
    in_pool::the_handler_gets_what_no_handle_takes(toy);
}

#[test]
fn yatp_queued_tasks_are_dropped_at_shutdown() {
    in_pool::shutdown_drains(toy);
}

#[test]
fn yatp_builder_knobs_are_read_by_nothing() {
    // The others are read in `workers_have_names_and_numbers`, `hooks_are_called_once_per_thread` and the panic tests.
    in_pool::workers_have_names_and_numbers(toy);
    fn seeds(seed: u64) -> Vec<u64> {
        let strategy = Awkward::default();
        let seeds = Arc::clone(&strategy.seeds);
        drop(Pool::builder_with(strategy).workers(4).seed(seed).build().unwrap());
        let seeds = seeds.lock().unwrap();
        seeds[..4].to_vec()
    }
    assert_eq!(seeds(1), seeds(1));
    let distinct: BTreeSet<u64> = seeds(1).into_iter().chain(seeds(2)).collect();
    assert_eq!(distinct.len(), 8, "each worker has a seed of its own, and it depends on the pool's");
    // Some 100 MB of stack, which no default has.
    fn deep(depth: usize) -> usize {
        let page = std::hint::black_box([depth as u8; 4096]);
        if depth == 0 { 0 } else { deep(depth - 1) + usize::from(page[7] == depth as u8) }
    }
    let pool = Pool::builder_with(toy()).workers(1).stack_size(256 << 20).build().unwrap();
    assert_eq!(pool.install(|| deep(25_000)), 25_000);
}

#[test]
fn yatp_a_clock_is_read_on_every_push() {
    // Only a wait with a time limit reads the clock, a join once for many frames, and a worker that has nothing to do;
    // strategies know none. Comments may speak of it.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut readers = Vec::new();
    let mut folders: Vec<_> =
        ["pool-core", "pool-fifo", "pool-workstealing", "pool-priority"].map(|name| root.join(name).join("src")).into();
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files += 1;
                let text = fs::read_to_string(&path).unwrap();
                let mut code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                if code.any(|line| ["Instant::now", "SystemTime", "elapsed"].iter().any(|clock| line.contains(clock))) {
                    readers.push(path.strip_prefix(root).unwrap().to_path_buf());
                }
            }
        }
    }
    assert!(files > 20);
    readers.sort_unstable();
    assert_eq!(
        readers,
        ["pool-core/src/offers/stock.rs", "pool-core/src/sync/deadline.rs", "pool-core/src/worker/thread.rs"]
            .map(Path::new)
    );
}

#[test]
fn yatp_a_closed_enum_of_queues() {
    // A strategy that this workspace has never seen, with a hint of its own.
    in_pool::runs_each_task_exactly_once(Awkward::default);
    let pool = Pool::builder_with(Awkward::default()).workers(2).build().unwrap();
    assert_eq!(pool.task().hint("soon".into()).spawn(|| 5).join().unwrap(), 5);
}

// executors

#[test]
fn executors_a_local_push_never_unparks() {
    in_pool::wakes_the_next_for_each_that_blocks(toy);
}

#[test]
fn executors_retry_is_treated_as_empty() {
    in_pool::wakes_a_sleeper_for_each_round_trip(Awkward::default);
    in_pool::occupies_every_worker(Awkward::default);
    in_pool::takes_a_flood(WorkStealing::new);
}

#[test]
fn executors_what_the_injector_holds_is_lost_at_shutdown() {
    in_pool::shutdown_drains(WorkStealing::new);
    in_pool::shutdown_now_hands_back_what_did_not_run(WorkStealing::new);
}

#[test]
fn executors_workers_panic_if_the_pool_is_dropped_without_shutdown() {
    within(LIMIT, "drop", || {
        let (stopped, reported) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..50 {
            let (stops, reports) = (Arc::clone(&stopped), Arc::clone(&reported));
            let pool = Pool::builder_with(toy())
                .workers(3)
                .on_stop(move |_| drop(stops.fetch_add(1, Ordering::Relaxed).to_string()))
                .panic_handler(move |_| drop(reports.fetch_add(1, Ordering::Relaxed).to_string()))
                .build()
                .unwrap();
            pool.execute(|| ());
            drop(pool);
        }
        assert_eq!((stopped.load(Ordering::Relaxed), reported.load(Ordering::Relaxed)), (150, 0));
    });
}

#[test]
fn executors_the_pool_is_written_anew_for_each_strategy() {
    // One function, one pool, every strategy.
    fn sum<S: Scheduler<Task> + 'static>(scheduler: S) -> u64 {
        let pool = Pool::builder_with(scheduler).workers(2).build().unwrap();
        (0..100).map(|i| pool.spawn(move || i)).map(|handle| handle.join().unwrap()).sum()
    }
    let sums = [
        sum(toy()),
        sum(Awkward::default()),
        sum(pool_fifo::Fifo::new()),
        sum(WorkStealing::new()),
        sum(Priority::new()),
        sum(Keyed::<i64, _>::new()),
    ];
    assert_eq!(sums, [4950; 6]);
}

// rayon

#[test]
fn rayon_32_yields_and_47_switches_for_a_round_trip_after_idleness() {
    in_pool::a_round_trip_wakes_no_crowd(WorkStealing::new);
}

#[test]
fn rayon_a_counter_is_bumped_for_each_job() {
    within(LIMIT, "joins", || {
        fn joins(depth: u32) -> u64 {
            if depth == 0 {
                return 1;
            }
            let (a, b) = pool_core::join(|| joins(depth - 1), || joins(depth - 1));
            a + b
        }
        let pool = Pool::builder_with(toy()).workers(2).build().unwrap();
        assert_eq!(pool.install(|| joins(16)), 1 << 16);
        pool.wait_idle().unwrap();
        let metrics = pool.metrics();
        assert_eq!((metrics.submitted, metrics.completed), (1, 1), "a join is counted nowhere");
    });
}

#[test]
fn rayon_a_lock_around_a_join_deadlocks() {
    in_pool::a_lock_may_be_held_around_a_join(WorkStealing::new);
}

#[test]
fn rayon_stealing_while_waiting_overflows_the_stack() {
    in_pool::waiting_never_picks_up_foreign_tasks(WorkStealing::new);
    in_pool::helping_takes_bounded_stack(WorkStealing::new);
}

// chili

#[test]
fn chili_a_timer_thread() {
    in_pool::has_no_threads_but_its_workers(toy);
    in_pool::idle_is_free(toy);
}

#[test]
fn chili_two_coarse_closures_never_overlap() {
    in_pool::overlaps_the_halves_of_a_join(toy);
}

#[test]
fn chili_a_worker_waits_again_without_looking() {
    in_pool::waits_for_what_runs_elsewhere(toy);
    in_pool::occupies_every_worker(toy);
}

#[test]
fn chili_a_panic_in_the_first_half_unwinds_past_a_shared_job() {
    in_pool::a_join_unwinds_only_after_its_thief(toy);
}

// forte

#[test]
fn forte_at_most_32_members() {
    within(LIMIT, "members", || {
        let pool = Pool::builder_with(toy()).workers(100).build().unwrap();
        let all = Arc::new(Barrier::new(100));
        for _ in 0..100 {
            let all = Arc::clone(&all);
            pool.execute(move || {
                all.wait();
            });
        }
        pool.wait_idle().unwrap();
        assert_eq!(pool.metrics().completed, 100);
    });
}

#[test]
fn forte_hangs_in_back_to_back_round_trips() {
    in_pool::wakes_a_sleeper_for_each_round_trip(toy);
}

#[test]
fn forte_waits_out_what_lies_in_a_blocked_workers_queue() {
    in_pool::runs_what_a_blocked_worker_pushed(WorkStealing::new);
}

// tokio

#[test]
fn tokio_a_seqcst_load_loses_wake_ups() {
    // With real threads; the protocol itself is under loom in `pool-core`.
    in_pool::wakes_a_sleeper_for_each_round_trip(WorkStealing::new);
}

#[test]
fn tokio_a_lifo_slot_cannot_be_stolen_from() {
    in_pool::wakes_the_next_for_each_that_blocks(WorkStealing::new);
}

// affinitypool

#[test]
fn affinitypool_no_wake_on_a_self_spawn_deadlocks() {
    in_pool::occupies_every_worker(WorkStealing::new);
}

#[test]
fn affinitypool_slower_when_given_more_workers() {
    // A round trip costs as many wake-ups with 16 workers as with 2.
    in_pool::a_round_trip_wakes_no_crowd(toy);
}

// crossbeam-deque

#[test]
fn crossbeam_deque_a_double_steal() {
    in_pool::runs_each_task_exactly_once(WorkStealing::new);
    in_pool::balances_in_cancel_races(WorkStealing::new);
}

// Order

#[test]
fn yatp_69_batch_stealing_inverts_priorities() {
    const SLACKS: [u64; 4] = [0, u64::MAX, u64::MAX, u64::MAX];
    in_pool::keeps_its_order(|| Priority::with_slacks(&SLACKS), || order::Levels::new(&SLACKS, Level::new, 1));
    // Two workers and nothing but their common queue: no urgent task begins after a less urgent one that waited with
    // it.
    within(LIMIT, "inversion", || {
        let pool = Arc::new(Pool::builder_with(Priority::new()).workers(1).build().unwrap());
        let ran = Arc::new(Mutex::new(Vec::new()));
        let inner = (Arc::clone(&pool), Arc::clone(&ran));
        pool.spawn(move || {
            for i in 0..400_u32 {
                let ran = Arc::clone(&inner.1);
                let level = 3 - (i % 4) as u8;
                inner.0.task().hint(Level::new(level)).execute(move || ran.lock().unwrap().push((level, i)));
            }
        })
        .join()
        .unwrap();
        pool.wait_idle().unwrap();
        let ran = ran.lock().unwrap();
        assert!(ran.len() == 400 && ran.is_sorted(), "{ran:?}");
    });
}

#[test]
fn bs_thread_pool_equal_priorities_lose_their_order() {
    in_pool::keeps_its_order(Keyed::<u8, _>::new, || order::Keyed::new(|choice: u8| choice / 3));
}

// Counters

#[test]
fn fork_join_pool_a_counter_overflows_after_80_days() {
    // 64 bits on every target: at a billion tasks a second, more than 500 years.
    let Metrics { submitted, completed, panicked, cancelled, rejected, returned, waiting, running, .. } =
        Metrics::default();
    let counts: [u64; 8] = [submitted, completed, panicked, cancelled, rejected, returned, waiting, running];
    assert_eq!(counts, [0; 8]);
    // The widest count at a billion tasks a second.
    let seconds = counts.map(|_| u64::MAX / 1_000_000_000)[0];
    assert!(seconds > 500 * 365 * 24 * 3600);
}

// ants

#[test]
fn ants_least_tasks_compares_the_running_and_not_the_waiting() {
    in_pool::one_long_task_holds_up_no_other(toy);
    in_pool::one_long_task_holds_up_no_other(WorkStealing::new);
}

#[test]
fn ants_tasks_that_block_are_taken_for_throughput() {
    // Four workers run four blocking tasks at a time, and say so.
    within(LIMIT, "blocking", || {
        let pool = Pool::builder_with(toy()).workers(4).build().unwrap();
        let metrics = in_pool::all_waiting_at_once(&pool, 1000);
        assert_eq!(metrics.completed, 1004);
    });
}
