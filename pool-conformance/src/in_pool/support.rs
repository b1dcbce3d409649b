//! What the checks in a pool share: time limits, gates, looks at the system.

use std::any::Any;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use pool_core::{Metrics, Pool, Scheduler, Task};

/// After this long, a check that takes milliseconds hangs.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Runs `f` on a thread of its own, named `name`, and panics if that takes longer than `limit`. The thread is then left
/// where it hangs. A guard only: no verdict but that one depends on the time.
///
/// # Panics
///
/// If the time is over, or with the panic of `f`.
pub fn within<R: Send + 'static>(limit: Duration, name: &str, f: impl FnOnce() -> R + Send + 'static) -> R {
    let (sender, receiver) = sync_channel(1);
    let thread = thread::Builder::new().name(name.into()).spawn(move || sender.send(f())).expect("a thread");
    match receiver.recv_timeout(limit) {
        Ok(result) => {
            let _ = thread.join();
            result
        }
        Err(RecvTimeoutError::Disconnected) => match thread.join() {
            Err(payload) => resume_unwind(payload),
            Ok(_) => unreachable!("it sends before it ends"),
        },
        Err(RecvTimeoutError::Timeout) => panic!("{name} hangs: no end after {limit:?}{}", threads::states(name)),
    }
}

/// One line for each thread of this process whose name begins with `name`, with what the system says of it; empty where
/// the system does not.
pub fn thread_states(name: &str) -> String {
    threads::states(name)
}

/// Whether the thread of this name sleeps, as far as the system tells; where it does not, `true`.
pub(crate) fn is_asleep(name: &str) -> bool {
    cfg!(not(target_os = "linux")) || threads::named(name).iter().any(|seen| seen.state == "S")
}

/// Runs a check on a thread with a name that no other check has, and gives it that name, to name its pools with.
pub(crate) fn check(f: impl FnOnce(&str) + Send + 'static) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    // No name is the beginning of another. The system keeps 15 bytes.
    let name = format!("law{}.", NEXT.fetch_add(1, Ordering::Relaxed));
    let own = name.clone();
    within(LIMIT, &name, move || f(&own));
}

/// A pool around `scheduler`.
pub(crate) fn pool<S: Scheduler<Task> + 'static>(scheduler: S, name: &str, workers: usize) -> Pool<S> {
    Pool::builder_with(scheduler).workers(workers).thread_name(name).build().expect("threads")
}

/// A pool around `scheduler`, and how many of its threads live.
pub(crate) fn counted_pool<S: Scheduler<Task> + 'static>(
    scheduler: S,
    name: &str,
    workers: usize,
) -> (Pool<S>, Arc<AtomicUsize>) {
    let alive = Arc::new(AtomicUsize::new(0));
    let (come, go) = (Arc::clone(&alive), Arc::clone(&alive));
    let builder = Pool::builder_with(scheduler).workers(workers).thread_name(name);
    let builder = builder.on_start(move |_| tick(&come)).on_stop(move |_| {
        go.fetch_sub(1, Ordering::Relaxed);
    });
    (builder.build().expect("threads"), alive)
}

/// Passes time until `done`. For what must come true by itself; the check's limit ends it if it does not.
pub(crate) fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        thread::yield_now();
    }
}

/// Waits until each worker is parked, or is about to be.
pub(crate) fn until_parked<S: Scheduler<Task> + 'static>(pool: &Pool<S>) {
    until(|| {
        let metrics = pool.metrics();
        metrics.sleeping == metrics.workers
    });
}

/// Law 6 at the next quiet moment: nothing waits, nothing runs, and the books balance.
#[track_caller]
pub(crate) fn balanced<S: Scheduler<Task> + 'static>(pool: &Pool<S>) -> Metrics {
    pool.wait_idle().expect("this thread is no worker of the pool");
    let metrics = pool.metrics();
    assert!(metrics.is_balanced() && metrics.waiting == 0 && metrics.running == 0, "law 6 (balance): {metrics:?}");
    assert_eq!(metrics.submitted, metrics.ended(), "law 6 (balance): {metrics:?}");
    metrics
}

/// A place that tasks wait at until it is opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<(std::sync::Mutex<bool>, std::sync::Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub(crate) fn pass(&self) {
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), |open| !*open).unwrap());
    }
}

/// Occupies every worker until the gate that it returns is opened.
pub(crate) fn occupy<S: Scheduler<Task> + 'static>(pool: &Pool<S>) -> Gate {
    let gate = Gate::default();
    let arrived = Arc::new(Barrier::new(pool.workers() + 1));
    for _ in 0..pool.workers() {
        let (gate, arrived) = (gate.clone(), Arc::clone(&arrived));
        pool.task().wait_for_room(LIMIT).execute(move || {
            arrived.wait();
            gate.pass();
        });
    }
    arrived.wait();
    gate
}

/// Occupies one worker until the gate that it returns is opened.
pub(crate) fn occupy_one<S: Scheduler<Task> + 'static>(pool: &Pool<S>) -> Gate {
    let (begun, gate) = (Gate::default(), Gate::default());
    let inside = (begun.clone(), gate.clone());
    pool.execute(move || {
        inside.0.open();
        inside.1.pass();
    });
    begun.pass();
    gate
}

/// A value whose `Drop` panics, once armed.
#[derive(Debug, Default)]
pub(crate) struct Bomb(pub(crate) Arc<AtomicBool>);

impl Bomb {
    pub(crate) fn armed() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        // Once: a second panic in the same unwinding would be the check's own fault.
        if self.0.swap(false, Ordering::Relaxed) {
            resume_unwind(Box::new("a bomb in Drop"));
        }
    }
}

/// Unwinds with a payload of the checks' own, without the message of the panic hook.
pub(crate) fn throw(payload: impl Any + Send) -> ! {
    resume_unwind(Box::new(payload))
}

pub(crate) fn tick(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Counts how often it is dropped.
#[derive(Debug)]
pub(crate) struct Token(pub(crate) Arc<AtomicUsize>);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What the system knows of this process's threads whose name begins with a given one. Elsewhere than on Linux there is
/// nothing to be seen, and the checks that look pass.
pub(crate) mod threads {
    /// One thread as the system sees it.
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub(crate) struct Seen {
        pub(crate) id: String,
        pub(crate) name: String,
        /// `S` asleep, `R` running or ready.
        pub(crate) state: String,
        /// Times it gave its processor away of its own accord, as to park.
        pub(crate) voluntary: u64,
        /// Time on a processor, in nanoseconds, if the system counts it.
        pub(crate) cpu: Option<u64>,
    }

    /// The threads whose name begins with `name`, this one excepted: also those that such threads started without
    /// naming them, for a thread inherits its parent's name.
    #[cfg(target_os = "linux")]
    pub(crate) fn named(name: &str) -> Vec<Seen> {
        let this = std::fs::read_link("/proc/thread-self").expect("this thread");
        let mut seen: Vec<_> = std::fs::read_dir("/proc/self/task")
            .expect("a list of threads")
            // A thread may end while it is looked at.
            .filter_map(|entry| look(&entry.ok()?.path()))
            .filter(|seen| seen.name.starts_with(name) && !this.ends_with(&seen.id))
            .collect();
        seen.sort();
        seen
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn named(_name: &str) -> Vec<Seen> {
        Vec::new()
    }

    #[cfg(target_os = "linux")]
    fn look(path: &std::path::Path) -> Option<Seen> {
        let status = std::fs::read_to_string(path.join("status")).ok()?;
        let field = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        Some(Seen {
            id: path.file_name()?.to_str()?.to_owned(),
            name: field("Name:")?.to_owned(),
            state: field("State:")?.get(..1)?.to_owned(),
            voluntary: field("voluntary_ctxt_switches:")?.parse().ok()?,
            cpu: std::fs::read_to_string(path.join("schedstat"))
                .ok()
                .and_then(|text| text.split(' ').next()?.parse().ok()),
        })
    }

    /// For the message about a hang.
    pub(crate) fn states(name: &str) -> String {
        named(name).iter().map(|seen| format!("\n  {} is in state {}", seen.name, seen.state)).collect()
    }
}
