//! The cost of single calls: of the bare strategies, with plain integers, and of a pool.
//!
//! For judging one change on one thread. `compare` is the benchmark that ranks the contestants.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use pool_any::{AnyStrategy, Strategy};
use pool_core::{Pool, Scheduler, Task, Worker};
use pool_fifo::Fifo;
use pool_priority::{Keyed, Priority};
use pool_workstealing::WorkStealing;

/// How many integers a strategy holds at a time.
const ITEMS: u64 = 64;

/// Settings with which all benchmarks together take less than a minute.
fn quick() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(900))
        .sample_size(20)
        .without_plots()
}

fn bare_strategy<S: Scheduler<u64>>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, scheduler: S) {
    let scheduler = Arc::new(scheduler);
    let mut worker = scheduler.attach(1);
    group.bench_function(format!("{name}/push and next"), |bencher| {
        bencher.iter(|| {
            for item in 0..ITEMS {
                worker.push(item, None);
            }
            for _ in 0..ITEMS {
                black_box(worker.next().expect("a pushed item comes out"));
            }
        });
    });
    group.bench_function(format!("{name}/inject and next"), |bencher| {
        bencher.iter(|| {
            for item in 0..ITEMS {
                scheduler.inject(item, None);
            }
            for _ in 0..ITEMS {
                black_box(worker.next().expect("an injected item comes out"));
            }
        });
    });
    worker.retire();
}

fn strategies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("strategy");
    group.throughput(Throughput::Elements(ITEMS));
    bare_strategy(&mut group, "fifo", Fifo::new());
    bare_strategy(&mut group, "workstealing", WorkStealing::new());
    bare_strategy(&mut group, "priority", Priority::new());
    bare_strategy(&mut group, "priority keyed", Keyed::<u64, _>::new());
    for &strategy in Strategy::ALL {
        bare_strategy(&mut group, &format!("any {strategy}"), AnyStrategy::new(strategy));
    }
    group.finish();
}

fn pool_calls<S>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, scheduler: S)
where
    S: Scheduler<Task> + 'static,
{
    let pool = Pool::builder_with(scheduler).workers(1).build().expect("one thread can be started");
    group.bench_function(format!("{name}/execute 1,000 and wait"), |bencher| {
        bencher.iter(|| {
            for index in 0..1_000u64 {
                pool.execute(move || {
                    black_box(index);
                });
            }
            pool.wait_idle().expect("called from outside");
        });
    });
    group.bench_function(format!("{name}/spawn and join"), |bencher| {
        bencher.iter(|| pool.spawn(|| black_box(1u64)).join().expect("the task does not panic"));
    });
    group.bench_function(format!("{name}/1,000 joins within"), |bencher| {
        bencher.iter_batched(
            || (),
            |()| {
                pool.install(|| {
                    for index in 0..1_000u64 {
                        black_box(pool_core::join(|| black_box(index), || black_box(index)));
                    }
                });
            },
            BatchSize::SmallInput,
        );
    });
    pool.shutdown().expect("called from outside");
}

fn pools(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pool");
    pool_calls(&mut group, "fifo", Fifo::new());
    pool_calls(&mut group, "workstealing", WorkStealing::new());
    pool_calls(&mut group, "priority", Priority::new());
    for &strategy in Strategy::ALL {
        pool_calls(&mut group, &format!("any {strategy}"), AnyStrategy::new(strategy));
    }
    group.finish();
}

criterion_group! {
    name = calls;
    config = quick();
    targets = strategies, pools
}
criterion_main!(calls);
