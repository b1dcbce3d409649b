//! Waiting for something that another thread does: spin a little, then park.
//!
//! Every wait in this crate has the same shape: look, spin for a bounded time, register where the other side will find us,
//! look again, park. The other side changes what is looked at first and unparks second, so either the last look sees the
//! change or the unpark finds us.

use crate::cell::Holder;
use crate::sync::{hint, thread, thread_local};
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

/// When a wait gives up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deadline {
    /// It does not.
    Never,
    /// At that time.
    At(Instant),
}

impl Deadline {
    /// `limit` from now. A limit too long for the clock is no limit.
    pub(crate) fn after(limit: Duration) -> Self {
        Instant::now().checked_add(limit).map_or(Self::Never, Self::At)
    }

    /// Parks until unparked, or spuriously, or until the deadline. `false` once that has passed. Under loom, which has no clock,
    /// it passes as soon as others have had a turn.
    pub(crate) fn park(self) -> bool {
        match self {
            Self::Never => thread::park(),
            Self::At(_) if cfg!(loom) => {
                thread::yield_now();
                return false;
            }
            Self::At(end) => match end.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => thread::park_timeout(left),
                _ => return false,
            },
        }
        true
    }
}

/// Looks a bounded number of times before somebody parks.
///
/// It only pauses the processor between looks, and never yields it: a thread that yields to the one it waits for stays
/// runnable on the same processor, and the system sees no reason to move either, even if another processor is free. One
/// that parks is put on a free processor when it wakes.
#[derive(Debug, Default)]
pub(crate) struct Spin {
    round: u32,
}

impl Spin {
    /// So many rounds. Together their pauses take some 10 µs: as long as it takes to wake a sleeper.
    const ROUNDS: u32 = if cfg!(loom) { 0 } else { 240 };
    /// Pauses in a round.
    const PAUSES: u32 = 2;

    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// One that lasts for so many rounds, [`ROUNDS`](Self::ROUNDS) at most.
    pub(crate) fn lasting(rounds: u32) -> Self {
        Self { round: Self::ROUNDS.saturating_sub(rounds) }
    }

    /// Passes a little time. `false` once there has been enough of it.
    pub(crate) fn once(&mut self) -> bool {
        let more = !self.is_over();
        if more {
            self.pass(1);
        }
        more
    }

    pub(crate) fn is_over(&self) -> bool {
        self.round >= Self::ROUNDS
    }

    /// Passes the time of so many rounds, as far as there are.
    pub(crate) fn pass(&mut self, rounds: u32) {
        let rounds = rounds.min(Self::ROUNDS.saturating_sub(self.round));
        for _ in 0..Self::PAUSES * rounds {
            hint::spin_loop();
        }
        self.round += rounds;
    }
}

/// Unparks a thread, as a waker.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    /// Wakes this thread. Made once for each thread, so that a wait allocates nothing.
    static THIS_THREAD: Waker = Waker::from(Arc::new(Unpark(thread::current())));
}

/// Waits until the task has finished. `false` if the deadline came first.
pub(crate) fn for_task<R>(holder: &mut Holder<R>, deadline: Deadline) -> bool {
    let mut spin = Spin::new();
    while !holder.is_finished() {
        if spin.once() {
            continue;
        }
        // A thread that is being torn down has lost its waker: make one for this wait.
        let registered = THIS_THREAD
            .try_with(|waker| holder.set_waker(waker))
            .unwrap_or_else(|_| holder.set_waker(&Waker::from(Arc::new(Unpark(thread::current())))));
        if !registered {
            return true;
        }
        while !holder.is_finished() {
            if !deadline.park() {
                return holder.is_finished();
            }
        }
    }
    true
}

/// Passes time for a worker that waits for a piece of its own work to come back and may find parts of it to help with in
/// the meantime: first a [`Spin`], then ever longer naps, each ended early by an unpark.
///
/// The end of the wait always comes with an unpark. The naps end by themselves only so that the worker looks for new parts
/// to help with; they are bounded below by what a wake costs and above by what a missed chance costs.
#[derive(Debug)]
pub(crate) struct Nap {
    spin: Spin,
    length: Duration,
}

impl Nap {
    const SHORTEST: Duration = Duration::from_micros(50);
    const LONGEST: Duration = Duration::from_millis(1);
    /// While spinning, a look for parts comes at every so many looks for the end.
    const LOOKS_APART: u32 = 80;

    pub(crate) fn new() -> Self {
        Self { spin: Spin::new(), length: Self::SHORTEST }
    }

    /// Whether to look now for parts to help with: now and then at first, and before and after each nap.
    pub(crate) fn is_time_to_look(&self) -> bool {
        self.spin.round % Self::LOOKS_APART == Self::LOOKS_APART - 1 || self.spin.round == Spin::ROUNDS
    }

    pub(crate) fn once(&mut self) {
        if !self.spin.once() {
            thread::park_timeout(self.length);
            self.length = (self.length * 2).min(Self::LONGEST);
        }
    }
}
