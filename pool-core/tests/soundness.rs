//! What a strategy or a closure may do wrong in safe code, and what threads may meet in an unlucky order: none of it
//! may be unsound, hang, or lose a task.

use pool_core::doc_toy::Pool;
use pool_core::{Scheduler, Task, Worker, join};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};

fn fib(n: u32) -> u64 {
    if n < 2 {
        return u64::from(n);
    }
    let (a, b) = join(|| fib(n - 1), || fib(n - 2));
    a + b
}

/// The seat of a worker that left has the marks of its deep recursion; the next worker on it begins with an empty fork
/// stack.
#[test]
fn a_new_worker_forks_on_the_seat_of_another() {
    let pool = Pool::builder().workers(2).build().unwrap();
    for _ in 0..200 {
        assert_eq!(pool.retire_workers(1), 1);
        let handles: Vec<_> = (0..4).map(|_| pool.spawn(|| fib(10))).collect();
        pool.add_workers(1).unwrap();
        for handle in handles {
            assert_eq!(handle.join().unwrap(), 55);
        }
    }
}

/// Orders come while workers are busy, searching, going to sleep and asleep; tasks must not leave with their workers.
#[test]
fn workers_come_and_go_under_load() {
    let pool = Pool::builder().workers(4).build().unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    for round in 0..300 {
        for _ in 0..10 {
            let runs = Arc::clone(&runs);
            pool.execute(move || {
                runs.fetch_add(1, Ordering::Relaxed);
            });
        }
        pool.retire_workers(round % 4);
        pool.add_workers(4 - pool.workers()).unwrap();
    }
    pool.wait_idle().unwrap();
    assert_eq!(runs.load(Ordering::Relaxed), 3000);
    pool.shutdown().unwrap();
    let metrics = pool.metrics();
    assert_eq!((metrics.completed, metrics.returned), (3000, 0));
}

/// A strategy that puts every other item aside, where it outlives the pool.
#[derive(Default)]
struct Leaky {
    queue: Mutex<VecDeque<Task>>,
    pushed: AtomicUsize,
    aside: Arc<Mutex<Vec<Task>>>,
    armed: Arc<AtomicBool>,
}

struct LeakyWorker(Arc<Leaky>);

impl Scheduler<Task> for Leaky {
    type Hint = ();
    type Worker = LeakyWorker;

    fn attach(self: &Arc<Self>, _seed: u64) -> LeakyWorker {
        LeakyWorker(Arc::clone(self))
    }
    fn inject(&self, item: Task, _hint: Option<()>) {
        if self.armed.load(Ordering::Relaxed) && self.pushed.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            self.aside.lock().unwrap().push(item);
        } else {
            self.queue.lock().unwrap().push_back(item);
        }
    }
    fn is_empty(&self) -> bool {
        self.queue.lock().unwrap().is_empty()
    }
}

impl Worker<Task> for LeakyWorker {
    type Hint = ();

    fn push(&mut self, item: Task, _hint: Option<()>) {
        self.0.inject(item, None);
    }
    fn next(&mut self) -> Option<Task> {
        self.0.queue.lock().unwrap().pop_front()
    }
}

/// Forks and tasks of a scope whose items the strategy keeps: their owners run them nevertheless, and running the items
/// when pool and frames are gone, here or in another pool, touches neither.
#[test]
fn items_that_a_strategy_kept_outlive_the_pool() {
    let strategy = Leaky::default();
    let (aside, armed) = (Arc::clone(&strategy.aside), Arc::clone(&strategy.armed));
    let pool = pool_core::Pool::builder_with(strategy).workers(3).build().unwrap();
    let runs = AtomicUsize::new(0);
    pool.install(|| {
        armed.store(true, Ordering::Relaxed);
        assert_eq!(fib(16), 987);
        pool_core::scope(|s| {
            for _ in 0..50 {
                s.spawn(|_| {
                    runs.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        armed.store(false, Ordering::Relaxed);
    });
    assert_eq!(runs.load(Ordering::Relaxed), 50);
    drop(pool);
    let kept = std::mem::take(&mut *aside.lock().unwrap());
    assert!(!kept.is_empty());
    let other = Pool::builder().workers(1).build().unwrap();
    for (i, task) in kept.into_iter().enumerate() {
        if i % 2 == 0 {
            task.run();
        } else {
            other.scheduler().inject(task, None);
        }
    }
    other.execute(|| {});
    other.wait_idle().unwrap();
    assert_eq!(runs.load(Ordering::Relaxed), 50);
}

/// Panics when it is dropped, if it holds `true`.
struct Bomb(bool);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 {
            resume_unwind(Box::new("bomb"));
        }
    }
}

/// `shutdown_now` drops what an `install` waits for, whose closure may panic when it is dropped.
#[test]
fn the_closure_of_a_withdrawn_install_panics_in_its_drop() {
    let reports = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reports);
    let pool = Pool::builder()
        .workers(1)
        .panic_handler(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .build()
        .unwrap();
    let busy = Barrier::new(2);
    let (go, wait) = mpsc::channel::<()>();
    std::thread::scope(|threads| {
        let (pool, busy) = (&pool, &busy);
        let holding = threads.spawn(move || {
            pool.install(move || {
                busy.wait();
                wait.recv().unwrap();
            });
        });
        busy.wait();
        let refused = threads.spawn(|| {
            let bomb = Bomb(true);
            let install = AssertUnwindSafe(|| pool.install(move || std::mem::forget(bomb)));
            assert!(catch_unwind(install).is_err());
        });
        while pool.metrics().waiting == 0 {
            std::thread::yield_now();
        }
        assert!(pool.shutdown_now().unwrap().is_empty());
        refused.join().unwrap();
        go.send(()).unwrap();
        holding.join().unwrap();
    });
    pool.shutdown().unwrap();
    assert_eq!(reports.load(Ordering::Relaxed), 1);
    let metrics = pool.metrics();
    assert_eq!((metrics.completed, metrics.cancelled), (1, 1));
    assert!(metrics.is_balanced());
}

/// A worker waits for a task that `shutdown_now` has handed back: it runs the task, and what came back is a shell.
#[test]
fn a_worker_waits_for_a_task_that_was_withdrawn() {
    let pool = Pool::builder().workers(1).build().unwrap();
    let (started, running) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    pool.execute(move || {
        let handle = pool_core::spawn(|| 5);
        started.send(()).unwrap();
        wait.recv().unwrap();
        assert_eq!(handle.join().unwrap(), 5);
    });
    running.recv().unwrap();
    let unrun = pool.shutdown_now().unwrap();
    assert_eq!(unrun.len(), 1);
    go.send(()).unwrap();
    pool.shutdown().unwrap();
    unrun.into_iter().for_each(Task::run);
    let metrics = pool.metrics();
    assert_eq!((metrics.completed, metrics.returned, metrics.panicked), (1, 1, 0));
    assert!(metrics.is_balanced());
}

/// The result of the other half may panic when it is dropped: the panic of the first half is what comes out.
#[test]
fn both_halves_of_a_join_go_wrong() {
    for workers in [1, 2] {
        let pool = Pool::builder().workers(workers).build().unwrap();
        for _ in 0..100 {
            let run = AssertUnwindSafe(|| pool.join(|| -> Bomb { resume_unwind(Box::new("first")) }, || Bomb(true)));
            let payload = catch_unwind(run).err().expect("it panics");
            assert_eq!(payload.downcast_ref::<&str>(), Some(&"first"));
        }
        assert_eq!(pool.install(|| 5), 5);
    }
}

/// More than the stack of the threads that run and drop it.
struct Large([u8; 1 << 20], Arc<AtomicUsize>);

impl Large {
    fn sum(&self) -> usize {
        self.0.iter().map(|&byte| usize::from(byte)).sum()
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        self.1.fetch_add(self.sum(), Ordering::Relaxed);
    }
}

/// Runs `f` on a thread with a stack of this many bytes.
fn on_stack<R: Send>(bytes: usize, f: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|s| std::thread::Builder::new().stack_size(bytes).spawn_scoped(s, f).unwrap().join().unwrap())
}

/// A closure that lies in a box is dropped there: it may be larger than the stack.
#[test]
fn a_closure_larger_than_the_stack_is_dropped() {
    let sum = Arc::new(AtomicUsize::new(0));
    let pool = Pool::builder().workers(1).build().unwrap();
    let (open, gate) = mpsc::channel::<()>();
    pool.execute(move || gate.recv().unwrap());
    on_stack(16 << 20, || {
        let large = Large([1; 1 << 20], Arc::clone(&sum));
        pool.execute(move || assert!(large.sum() > 0));
    });
    let unrun = pool.shutdown_now().unwrap();
    on_stack(256 << 10, || drop(unrun));
    open.send(()).unwrap();
    assert_eq!(sum.load(Ordering::Relaxed), 1 << 20);
}

/// And it runs there, as far as the compiler lets it: without optimisation it moves each closure that it calls.
#[test]
#[cfg_attr(debug_assertions, ignore = "needs optimisation")]
fn a_closure_larger_than_the_stack_runs() {
    let sum = Arc::new(AtomicUsize::new(0));
    let pool = Pool::builder().workers(1).stack_size(256 << 10).build().unwrap();
    on_stack(16 << 20, || {
        let large = Large([1; 1 << 20], Arc::clone(&sum));
        pool.execute(move || assert!(large.sum() > 0));
    });
    pool.wait_idle().unwrap();
    assert_eq!(sum.load(Ordering::Relaxed), 1 << 20);
}

/// Workers that come while a halted pool waits for a running task run nothing.
#[test]
fn workers_added_during_shutdown_now_run_nothing() {
    let pool = Pool::builder().workers(1).build().unwrap();
    let (open, gate) = mpsc::channel::<()>();
    let (begun, running) = mpsc::channel();
    pool.execute(move || {
        begun.send(()).unwrap();
        gate.recv().unwrap();
        // The running may submit as ever.
        pool_core::execute(|| panic!("it runs"));
    });
    running.recv().unwrap();
    assert!(pool.shutdown_now().unwrap().is_empty());
    pool.add_workers(2).unwrap();
    open.send(()).unwrap();
    pool.shutdown().unwrap();
    let unrun = pool.shutdown_now().unwrap();
    let metrics = pool.metrics();
    assert_eq!((unrun.len(), metrics.completed, metrics.returned), (1, 1, 1), "{metrics:?}");
}
