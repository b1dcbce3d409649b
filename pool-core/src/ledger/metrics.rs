//! [`Metrics`]: one snapshot of a pool's counts.

use super::Totals;

/// The counts of a pool at one moment, in tasks, from [`Pool::metrics`](crate::Pool::metrics).
///
/// A *task* is what `execute`, `spawn`, [`Scope::spawn`](crate::Scope::spawn), and an `install`, `join`, `scope` or
/// loop from outside submit. The halves of a `join` and the shares of a loop are parts of the task that called it.
///
/// The counts are read one after the other, in an order in which none can miss what another implies; on a pool that is
/// quiet they are exact, on a busy one each is exact for some moment of the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Accepted, plus [`rejected`](Self::rejected), [`full`](Self::full) and [`caller_ran`](Self::caller_ran).
    pub submitted: u64,
    /// Ran to their end.
    pub completed: u64,
    /// Panicked.
    pub panicked: u64,
    /// Cancelled before they started, and gone from the queue.
    pub cancelled: u64,
    /// Not started, because their [deadline](crate::TaskBuilder::deadline) had passed.
    pub expired: u64,
    /// Refused, because the pool had been shut down.
    pub rejected: u64,
    /// Refused, because the pool was [full](crate::Builder::capacity).
    pub full: u64,
    /// Run by the thread that submitted them, because the pool was full: see [`WhenFull::CallerRuns`](crate::WhenFull::CallerRuns).
    pub caller_ran: u64,
    /// Accepted, and dropped unrun to make room for others: see [`WhenFull`](crate::WhenFull).
    pub discarded: u64,
    /// Taken out unrun by [`Pool::shutdown_now`](crate::Pool::shutdown_now), which hands them back, but for those that
    /// a running task waited for and ran itself.
    pub returned: u64,
    /// Accepted, and gone: the strategy dropped them, when it panicked or against its contract. Known from the next quiet
    /// moment on for which a thread waits; until then they count as waiting.
    pub lost: u64,
    /// Accepted and not yet started.
    pub waiting: u64,
    /// Started and not yet ended.
    pub running: u64,
    /// Worker threads, without those told to leave.
    pub workers: usize,
    /// Worker threads that sleep because there is no work.
    pub sleeping: usize,
}

impl Metrics {
    pub(crate) fn new(totals: Totals, workers: usize, sleeping: usize) -> Self {
        let Totals { rejected, full, caller_ran, .. } = totals;
        let unended = totals.submitted.saturating_sub(totals.ended());
        let running = totals.running().min(unended);
        Self {
            submitted: totals.submitted + rejected + full + caller_ran,
            completed: totals.completed,
            panicked: totals.panicked,
            cancelled: totals.cancelled,
            expired: totals.expired,
            rejected,
            full,
            caller_ran,
            discarded: totals.discarded,
            returned: totals.returned,
            lost: totals.lost,
            waiting: unended - running,
            running,
            workers,
            sleeping,
        }
    }

    /// Tasks that the pool is done with, in whichever way, the rejected ones included.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// pool.spawn(|| ()).join()?;
    /// pool.wait_idle()?;
    /// assert_eq!(pool.metrics().ended(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ended(&self) -> u64 {
        let ran = self.completed + self.panicked + self.caller_ran;
        let refused = self.rejected + self.full;
        ran + refused + self.cancelled + self.expired + self.discarded + self.returned + self.lost
    }

    /// Whether the books balance: submitted = completed + panicked + caller_ran + cancelled + expired + rejected + full + discarded +
    /// returned + lost + waiting + running.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// pool.execute(|| ());
    /// pool.shutdown()?;
    /// assert!(pool.metrics().is_balanced());
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    pub fn is_balanced(&self) -> bool {
        self.submitted == self.ended() + self.waiting + self.running
    }
}
