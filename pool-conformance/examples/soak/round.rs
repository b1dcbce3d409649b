//! One round: a pool with settings by chance, threads that use it in every way, quiet moments in between, and an end.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use pool_core::strategy::Eviction;
use pool_core::{Pool, WhenFull};

use crate::books::{Books, Doing, WORKER_OF, doing, quietly};
use crate::futures::nudge;
use crate::rng::Rng;
use crate::steps::{join, step};
use crate::world::{Soaked, World, count};

/// How deep tasks of tasks of tasks go.
const DEPTH: u32 = 2;

/// How a round ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// At a quiet moment.
    Shutdown,
    /// The pool is closed and shut down under its users' hands.
    UnderLoad,
    /// And what waits is taken out.
    Now,
    /// One of its own tasks drops it.
    ByItsOwnWorker,
    /// Dropped from outside, while tasks run.
    Dropped,
}

/// A pool, and how many of its threads live.
fn build<S: Soaked>(scheduler: S, id: u64, rng: &mut Rng) -> (Pool<S>, Option<WhenFull>, Arc<AtomicU64>) {
    let mut policies = vec![WhenFull::Block, WhenFull::Reject, WhenFull::CallerRuns];
    policies.extend(scheduler.can_evict(Eviction::Oldest).then_some(WhenFull::DiscardOldest));
    policies.extend(scheduler.can_evict(Eviction::LeastUrgent).then_some(WhenFull::DiscardLeastUrgent));
    let policy = rng.once_in(2).then(|| policies[rng.below(policies.len() as u64) as usize]);
    let alive = Arc::new(AtomicU64::new(0));
    let (come, go) = (Arc::clone(&alive), Arc::clone(&alive));
    let mut builder = Pool::builder_with(scheduler)
        .workers(rng.between(1, 4))
        .thread_name(format!("soak{id}."))
        .seed(rng.next())
        .on_start(move |_| {
            come.fetch_add(1, SeqCst);
            WORKER_OF.set(id);
        })
        .on_stop(move |_| {
            go.fetch_sub(1, SeqCst);
        })
        .panic_handler(|payload| {
            count("panic without a handle", 1);
            quietly(|| drop(payload));
        });
    if let Some(policy) = policy {
        let capacity = if rng.once_in(3) { rng.between(1, 3) } else { rng.between(4, 100) };
        builder = builder.capacity(capacity).when_full(policy);
    }
    (builder.build().expect("threads"), policy, alive)
}

/// Runs a round. Returns what was wrong in it.
pub(crate) fn run<S: Soaked>(scheduler: S, seed: u64) -> Vec<String> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let id = NEXT.fetch_add(1, SeqCst);
    let mut rng = Rng::new(seed);
    let (pool, policy, alive) = build(scheduler, id, &mut rng);
    count("round", 1);
    count(policy.map_or("unbounded pool", policy_name), 1);
    let pool = Arc::new(pool);
    let (nudges, wakers) = channel();
    let nudger = {
        let rng = Rng::new(rng.next());
        thread::Builder::new().name(format!("nudge{id}")).spawn(move || nudge(&wakers, rng)).expect("a thread")
    };
    let world = Arc::new(World::new(&pool, Books::new(id, policy), nudges));
    let books = Arc::clone(&world.books);
    for _ in 0..rng.between(0, 3) {
        phase(&world, &mut rng, |_| {});
        quiet(&world, &pool, &mut rng);
    }
    let end = [End::Shutdown, End::UnderLoad, End::Now, End::ByItsOwnWorker, End::Dropped][rng.below(5) as usize];
    let metrics = match end {
        End::Shutdown => {
            books.is_closed.store(true, SeqCst);
            pool.shutdown().expect("not on a worker");
            phase(&world, &mut rng, |_| {});
            Some(pool.metrics())
        }
        End::UnderLoad => {
            phase(&world, &mut rng, |rng| close(&world, &pool, rng));
            Some(pool.metrics())
        }
        End::Now => {
            phase(&world, &mut rng, |rng| shut_down_now(&world, &pool, rng));
            Some(pool.metrics())
        }
        End::ByItsOwnWorker => {
            phase(&world, &mut rng, |_| {});
            books.is_closed.store(true, SeqCst);
            let own = Arc::clone(&pool);
            let (is_mine, yours) = sync_channel::<()>(0);
            pool.task().wait_for_room(Duration::from_secs(100)).execute(move || {
                let _ = yours.recv();
                drop(own);
            });
            books.enter(crate::books::COMPLETED);
            drop(pool);
            let _ = is_mine.send(());
            None
        }
        End::Dropped => {
            phase(&world, &mut rng, |_| {});
            books.is_closed.store(true, SeqCst);
            drop(pool);
            None
        }
    };
    count(end_name(end), 1);
    while alive.load(SeqCst) > 0 {
        thread::yield_now();
    }
    finish(&world);
    drop(world);
    nudger.join().expect("it does not panic");
    match metrics {
        Some(metrics) => count("task in the books", books.compare(&metrics)),
        None if !books.all_ended() => books.fault("tickets are open after the end".into()),
        None => count("task in the books", books.made()),
    }
    books.faults().into_iter().map(|fault| format!("{end:?}, {policy:?}: {fault}")).collect()
}

fn policy_name(policy: WhenFull) -> &'static str {
    match policy {
        WhenFull::Block => "pool that blocks",
        WhenFull::Reject => "pool that rejects",
        WhenFull::CallerRuns => "pool whose caller runs",
        WhenFull::DiscardOldest => "pool that discards the oldest",
        _ => "pool that discards the least urgent",
    }
}

fn end_name(end: End) -> &'static str {
    match end {
        End::Shutdown => "end by shutdown",
        End::UnderLoad => "end under load",
        End::Now => "end by shutdown_now",
        End::ByItsOwnWorker => "end by its own worker",
        End::Dropped => "end by a drop",
    }
}

/// Outside threads make steps, while this thread does `meanwhile`.
fn phase<S: Soaked>(world: &Arc<World<S>>, rng: &mut Rng, meanwhile: impl FnOnce(&mut Rng)) {
    let (drivers, steps) = (rng.between(1, 4), rng.between(5, 120));
    let start = Barrier::new(drivers + 1);
    thread::scope(|scope| {
        for i in 0..drivers {
            let (seed, start) = (rng.next(), &start);
            let name = format!("drive{}.{i}", world.books.pool);
            let drive = move || {
                let mut rng = Rng::new(seed);
                start.wait();
                (0..steps).for_each(|_| step(world, &mut rng, DEPTH));
            };
            thread::Builder::new().name(name).spawn_scoped(scope, drive).expect("a thread");
        }
        start.wait();
        meanwhile(rng);
    });
}

/// Waits for a quiet moment and compares the books.
fn quiet<S: Soaked>(world: &World<S>, pool: &Pool<S>, rng: &mut Rng) {
    loop {
        let held = std::mem::take(&mut *world.held.lock().unwrap());
        for waker in held {
            if rng.once_in(2) { waker.wake() } else { drop(waker) }
        }
        pool.wait_idle().expect("not on a worker");
        if world.books.futures_open.load(SeqCst) == 0 {
            break;
        }
        thread::yield_now();
    }
    pool.wait_idle().expect("not on a worker");
    world.books.compare(&pool.metrics());
    count("quiet moment", 1);
}

/// What outlives the pool.
fn finish<S: Soaked>(world: &World<S>) {
    for waker in std::mem::take(&mut *world.held.lock().unwrap()) {
        waker.wake();
    }
    for kept in std::mem::take(&mut *world.stash.lock().unwrap()) {
        join(world, kept);
    }
}

/// The end in good order, in one of the ways.
fn close<S: Soaked>(world: &World<S>, pool: &Pool<S>, rng: &mut Rng) {
    thread::sleep(Duration::from_micros(rng.below(3_000)));
    world.books.is_closed.store(true, SeqCst);
    if rng.once_in(2) {
        pool.close();
    }
    while rng.once_in(2) {
        let _ = pool.shutdown_timeout(Duration::from_micros(rng.below(300)));
    }
    pool.shutdown().expect("not on a worker");
    if !pool.has_ended() || !pool.is_closed() || pool.workers() > 0 {
        world.books.fault("a pool that was shut down has not ended".into());
    }
}

/// The end at once: what waits comes back, and is run or dropped here.
fn shut_down_now<S: Soaked>(world: &World<S>, pool: &Pool<S>, rng: &mut Rng) {
    thread::sleep(Duration::from_micros(rng.below(3_000)));
    world.books.is_now.store(true, SeqCst);
    world.books.is_closed.store(true, SeqCst);
    loop {
        let tasks = pool.shutdown_now().expect("not in a child process");
        let has_ended = pool.has_ended();
        count("task handed back", tasks.len() as u64);
        for task in tasks {
            let runs = rng.once_in(2);
            doing(Doing::Hand, || quietly(|| if runs { task.run() } else { drop(task) }));
        }
        if has_ended {
            break;
        }
        let _ = pool.shutdown_timeout(Duration::from_micros(rng.below(300)));
    }
}
