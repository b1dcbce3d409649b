//! The life of a [`Pool`]: more workers and fewer, and the end.

use super::Pool;
use crate::error::{StartError, WaitError};
use crate::strategy::Scheduler;
use crate::sync::atomic::Ordering;
use crate::sync::{Deadline, is_inherited, thread};
use crate::task::Task;
use crate::worker::{WorkerThread, life_in};
use std::io;
use std::sync::Arc;
use std::time::Duration;

impl<S: Scheduler<Task> + 'static> Pool<S> {
    /// Whether this process was forked after the pool was made.
    #[inline(always)]
    pub(super) fn is_inherited(&self) -> bool {
        is_inherited(self.shared.crew.id())
    }

    /// That this thread can wait for the pool.
    pub(super) fn may_wait(&self) -> Result<(), WaitError> {
        if self.is_inherited() {
            Err(WaitError::Forked)
        } else if life_in(self.shared.crew.id()).is_some() {
            Err(WaitError::OwnWorker)
        } else {
            Ok(())
        }
    }

    // Ending.

    /// Ends the pool in good order:
    ///
    /// 1. *Close*: outside submissions are refused from now on. One that was accepted before is not lost, even if its
    ///    thread has yet to put it into the queue: it is counted first, and the workers wait for it.
    /// 2. *Drain*: everything accepted runs, and so does everything that it submits.
    /// 3. *Join*: when nothing waits and nothing runs, the workers end. This returns when their threads are gone,
    ///    thread-locals included.
    ///
    /// May be called again, from any number of threads; each returns when the pool has ended.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// pool.execute(|| println!("runs before `shutdown` returns"));
    /// pool.shutdown()?;
    /// assert!(pool.try_execute(|| ()).is_err());
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    ///
    /// # Errors
    /// [`WaitError::OwnWorker`] on a thread of this pool, at whatever moment of its life, its hooks and thread-locals
    /// included: the pool is closed, and ends by itself, but cannot be waited for here. [`WaitError::Forked`] in a child
    /// process.
    pub fn shutdown(&self) -> Result<(), WaitError> {
        self.end(Deadline::Never)
    }

    /// Like [`shutdown`](Self::shutdown), but waits no longer than `limit`. The pool stays closed, drains and ends in any
    /// case.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use std::time::Duration;
    ///
    /// let pool = my_strategy::Pool::new();
    /// pool.execute(|| println!("at most five seconds"));
    /// if pool.shutdown_timeout(Duration::from_secs(5)).is_err() {
    ///     let unrun = pool.shutdown_now()?; // what has not started by now
    ///     println!("{} tasks did not run", unrun.len());
    /// }
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] when the time is over; else as [`shutdown`](Self::shutdown).
    pub fn shutdown_timeout(&self, limit: Duration) -> Result<(), WaitError> {
        self.end(Deadline::after(limit))
    }

    fn end(&self, deadline: Deadline) -> Result<(), WaitError> {
        self.close();
        self.may_wait()?;
        if self.shared.crew.wait_ended(deadline) { Ok(()) } else { Err(WaitError::TimedOut) }
    }

    /// The first step of [`shutdown`](Self::shutdown) alone: outside submissions are refused from now on. Returns at once;
    /// the pool drains and ends by itself.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// pool.close();
    /// assert!(pool.is_closed());
    /// assert!(pool.try_execute(|| ()).is_err());
    /// ```
    pub fn close(&self) {
        if !self.is_inherited() {
            self.shared.close();
        }
    }

    /// Whether outside submissions are refused.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// assert!(!pool.is_closed());
    /// pool.shutdown()?;
    /// assert!(pool.is_closed());
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.crew.ledger.is_closed()
    }

    /// Whether the pool has been closed and has run all that it accepted: no task will run any more. Its threads may be on
    /// their last steps; [`shutdown`](Self::shutdown) waits for them.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// assert!(!pool.has_ended());
    /// pool.shutdown()?;
    /// assert!(pool.has_ended());
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    pub fn has_ended(&self) -> bool {
        self.shared.crew.has_ended()
    }

    /// Ends the pool without running what waits: closes it, and hands back what has not started, at once. The workers
    /// finish only what they run. It does not wait for that: [`shutdown`](Self::shutdown) or
    /// [`shutdown_timeout`](Self::shutdown_timeout) after it does.
    ///
    /// What a task that still runs submits afterwards is not run, either: a second call hands it back.
    ///
    /// A [`JoinHandle`](crate::JoinHandle) to a task that was handed back says so
    /// ([`JoinError::is_returned`](crate::JoinError::is_returned)) instead of waiting, until the task is run elsewhere.
    ///
    /// Some tasks do not come back: those of a scope that is open, which the scope runs; what an `install`, `join`,
    /// `scope` or loop from outside waits for, which panics; and what was cancelled before. A task for which a running
    /// task waits by its handle may come back, and is run by its waiter nevertheless: the [`Task`] does nothing then. The
    /// order is that of [`Scheduler::take_all`] as far as one thread took them.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::builder().workers(1).build()?;
    /// pool.execute_batch((0..100).map(|i| move || println!("{i}")));
    /// for task in pool.shutdown_now()? {
    ///     task.run(); // here, then
    /// }
    /// pool.shutdown()?; // waits for what runs
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`WaitError::Forked`] in a child process.
    pub fn shutdown_now(&self) -> Result<Vec<Task>, WaitError> {
        if self.is_inherited() {
            return Err(WaitError::Forked);
        }
        let crew = &self.shared.crew;
        // From now on, a worker that has nothing to run withdraws what waits.
        crew.halt();
        self.shared.close();
        self.shared.withdraw_all();
        Ok(crew.take_unrun())
    }

    /// Waits until, at some moment of this call, no task waits and none runs. Without a limit in time: tasks that keep
    /// submitting others keep it waiting.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// pool.execute(|| println!("done before `wait_idle` returns"));
    /// pool.wait_idle()?;
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    ///
    /// # Errors
    /// [`WaitError::OwnWorker`] on a thread of this pool; [`WaitError::Forked`] in a child process.
    pub fn wait_idle(&self) -> Result<(), WaitError> {
        self.wait_quiet(Deadline::Never)
    }

    /// Like [`wait_idle`](Self::wait_idle), but no longer than `limit`.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use pool_core::WaitError;
    /// use std::time::Duration;
    ///
    /// let pool = my_strategy::Pool::new();
    /// match pool.wait_idle_timeout(Duration::from_secs(5)) {
    ///     Err(WaitError::TimedOut) => println!("busy: {:?}", pool.metrics()),
    ///     other => other?,
    /// }
    /// # Ok::<(), WaitError>(())
    /// ```
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] when the time is over; else as [`wait_idle`](Self::wait_idle).
    pub fn wait_idle_timeout(&self, limit: Duration) -> Result<(), WaitError> {
        self.wait_quiet(Deadline::after(limit))
    }

    fn wait_quiet(&self, deadline: Deadline) -> Result<(), WaitError> {
        self.may_wait()?;
        if self.shared.crew.wait_quiet(deadline) { Ok(()) } else { Err(WaitError::TimedOut) }
    }

    // Workers.

    /// Adds `n` workers. Those that were to [leave](Self::retire_workers) and have not left yet stay, and count; a place
    /// that a retired worker has left, with its number, is taken again first.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::builder().workers(1).build()?;
    /// if let Err(error) = pool.add_workers(2) {
    ///     println!("only {} of 2: {error}", error.started());
    /// }
    /// assert!(pool.workers() >= 1);
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    ///
    /// # Errors
    /// With the number of workers that were added; the pool keeps those. If the pool has ended; if the system will not start
    /// a thread, or the name given to it holds a zero byte; or if there would be more than [`Builder::workers`] takes.
    ///
    /// [`Builder::workers`]: crate::Builder::workers
    pub fn add_workers(&self, n: usize) -> Result<(), StartError> {
        if self.is_inherited() {
            return Err(StartError::new(0, io::Error::other(WaitError::Forked)));
        }
        let kept = self.shared.crew.keep(n);
        (kept..n).try_for_each(|started| self.start_worker().map_err(|error| StartError::new(started, error)))
    }

    fn start_worker(&self) -> io::Result<()> {
        // Relaxed: only the number matters.
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        self.shared.crew.seat_one(|seat| {
            let name = self.threads.name.of_worker(seat.index());
            // `std` panics at such a name.
            if name.contains('\0') {
                let message = format!("a thread's name must not hold a zero byte: {name:?}");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
            let mut builder = thread::Builder::new().name(name);
            if let Some(bytes) = self.threads.stack_size {
                builder = builder.stack_size(bytes);
            }
            let worker = self.shared.scheduler.attach(split_mix(self.threads.seed, number));
            let shared = Arc::clone(&self.shared);
            builder.spawn(move || WorkerThread::main(shared, seat, number, worker))
        })
    }

    /// Lets up to `n` workers leave, those that first have nothing in hand. What they hold goes back to the strategy. One
    /// worker always stays. Returns how many will leave, without waiting for them.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::builder().workers(3).build()?;
    /// assert_eq!(pool.retire_workers(5), 2);
    /// assert_eq!(pool.workers(), 1);
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    pub fn retire_workers(&self, n: usize) -> usize {
        if self.is_inherited() { 0 } else { self.shared.crew.retire(n) }
    }

    /// Makes the number of workers `n`, by [`add_workers`](Self::add_workers) or
    /// [`retire_workers`](Self::retire_workers). Of several calls at the same time, one comes last.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::builder().workers(1).build()?;
    /// pool.resize(3)?;
    /// pool.resize(2)?;
    /// assert_eq!(pool.workers(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`add_workers`](Self::add_workers), and if `n` is 0.
    pub fn resize(&self, n: usize) -> Result<(), StartError> {
        if n == 0 {
            let message = "a pool has at least 1 worker; `shutdown` ends it";
            return Err(StartError::new(0, io::Error::new(io::ErrorKind::InvalidInput, message)));
        }
        if self.is_inherited() {
            return Err(StartError::new(0, io::Error::other(WaitError::Forked)));
        }
        let _one_at_a_time = self.resizing.lock();
        let now = self.workers();
        self.retire_workers(now.saturating_sub(n));
        self.add_workers(n.saturating_sub(now))
    }

    /// The number of workers, without those that are to leave. 0 once the pool has ended.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// assert_eq!(my_strategy::Pool::builder().workers(3).build()?.workers(), 3);
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    pub fn workers(&self) -> usize {
        if self.is_inherited() { 0 } else { self.shared.crew.workers() }
    }
}

/// The `n`-th number of the stream of `seed`: SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
/// generators", 2014).
fn split_mix(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
