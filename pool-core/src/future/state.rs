//! [`State`]: the life of a future in a pool in one atomic word, as named transitions.
//!
//! ```text
//!                 wake                take_turn, join                 finish
//!   ┌─► IDLE ─────────────► SCHEDULED ───────────────► RUNNING ─────────────────► DONE
//!   │    │    (JOINED: DUE)     ▲  (from DUE: join)    │  ▲ │
//!   │    │                      │       pause          │  │ │ wake
//!   │    │                      └──────── NOTIFIED ◄───┼──┼─┘
//!   │    │                                             │  │
//!   └────┼────────────────────── pause ────────────────┘  │
//!        └──────── cancel (from SCHEDULED, DUE too) ──────┘
//! ```
//!
//! The thread that makes the state `RUNNING` owns the future until it makes it something else. It polls the future, or
//! drops it if `CANCELLED` is set.
//!
//! Each transition is one exchange with `AcqRel`. Acquire: the new owner sees what the last owner did with the future.
//! Release: the next owner sees what this thread did. [`wake`](State::wake) is an exchange even where it changes nothing, so
//! that a poll that comes after the wake sees what the waking thread did before; otherwise the poll could miss what it was
//! woken for.

use crate::sync::atomic::{AtomicU32, Ordering};
use crate::task::Withdrawal;

/// Waits for a wake.
const IDLE: u32 = 0;
/// Its next turn lies in a queue.
const SCHEDULED: u32 = 1;
/// Woken, to be polled by the worker that joins it.
const DUE: u32 = 2;
/// Owned by the thread that polls or drops it.
const RUNNING: u32 = 3;
/// As `RUNNING`, and woken since.
const NOTIFIED: u32 = 4;
/// The result is stored, or the future was dropped. Never left.
const DONE: u32 = 5;
/// The bits of the six above.
const PHASE: u32 = 0b111;
/// A turn was submitted and has not been counted as ended.
const TURN: u32 = 1 << 3;
/// The handle still exists. Never set again once unset.
const HANDLE: u32 = 1 << 4;
/// A worker of the pool waits in `join`, and does the polling from now on. Never unset once set.
const JOINED: u32 = 1 << 5;
/// The future is to be dropped and leaves no result. Never unset once set, and not set after `DONE`.
const CANCELLED: u32 = 1 << 6;
/// The turn was taken out of the queue unrun and counted: the thread that drops it owns the future, and drops that too.
const WITHDRAWN: u32 = 1 << 7;

/// The state of a future.
#[derive(Debug)]
pub(super) struct State(AtomicU32);

/// What the thread that has woken a future must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a turn must be submitted, and a joining worker woken"]
pub(super) enum Woken {
    /// Submit a turn.
    Submit,
    /// Wake the worker that joins the future.
    Joiner,
    /// Nothing.
    Nothing,
}

/// What a turn that has left its queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a future that is the caller's must be polled or dropped"]
pub(super) enum Turn {
    /// The future is the caller's, to be polled.
    Poll,
    /// The future is the caller's, to be dropped.
    Drop,
    /// The future was cancelled while the turn waited, and the turn is to be counted so.
    Cancelled,
    /// The worker that joins the future has polled it in place of the turn, which is to be counted as completed.
    Spent,
    /// The turn was counted when it was withdrawn.
    Void,
}

/// What the worker that joins a future does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a future that is the caller's must be polled"]
pub(super) enum Join {
    /// The future is the caller's, to be polled as a part of the task that joins.
    Due,
    /// Wait until the future [is due or done](State::is_due_or_done).
    Wait,
    /// The future has ended.
    Done,
}

/// What follows a poll that came back without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a woken future must be polled again, and a cancelled one dropped"]
pub(super) enum Paused {
    /// The future waits for a wake.
    Idle,
    /// It was woken during the poll: submit a turn.
    Submit,
    /// It was woken during the poll: wake the worker that joins it.
    Joiner,
    /// It was cancelled during the poll: it is still the caller's, to be dropped.
    Drop,
}

/// What came of an attempt to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a future that is the caller's must be dropped"]
pub(super) enum Cancel {
    /// The future is the caller's, to be dropped.
    Ours,
    /// It runs: the thread that polls it will drop it.
    Asked,
    /// It had ended, or was cancelled before.
    Late,
}

impl State {
    /// Scheduled, with a handle.
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(SCHEDULED | TURN | HANDLE))
    }

    /// One transition: `next` gives the new word, or `Err` for none. Orderings: see the module's docs.
    fn change<T>(&self, next: impl Fn(u32) -> Result<(u32, T), T>) -> T {
        let mut old = self.0.load(Ordering::Acquire);
        loop {
            let (new, answer) = match next(old) {
                Ok(change) => change,
                Err(answer) => return answer,
            };
            match self.0.compare_exchange_weak(old, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return answer,
                Err(now) => old = now,
            }
        }
    }

    /// Wakes the future: it is polled after this call, however often it is woken before that poll.
    pub(super) fn wake(&self) -> Woken {
        self.change(|old| match old & PHASE {
            IDLE if old & JOINED == 0 => Ok((to(old, SCHEDULED) | TURN, Woken::Submit)),
            IDLE => Ok((to(old, DUE), Woken::Joiner)),
            RUNNING => Ok((to(old, NOTIFIED), Woken::Nothing)),
            DONE => Err(Woken::Nothing),
            // No change, and an exchange nevertheless: see the module's docs.
            _ => Ok((old, Woken::Nothing)),
        })
    }

    /// By the worker that has the turn in hand.
    pub(super) fn take_turn(&self) -> Turn {
        self.change(|old| match old & PHASE {
            _ if old & TURN == 0 => Err(Turn::Void),
            SCHEDULED if old & CANCELLED == 0 => Ok((to(old, RUNNING) & !TURN, Turn::Poll)),
            SCHEDULED => Ok((to(old, RUNNING) & !TURN, Turn::Drop)),
            _ if old & JOINED != 0 && old & CANCELLED == 0 => Ok((old & !TURN, Turn::Spent)),
            _ => Ok((old & !TURN, Turn::Cancelled)),
        })
    }

    /// By the thread that takes a turn out of the queue which will not be run. The future is [kept](WITHDRAWN) for the drop
    /// of the turn. Says how the turn is to be counted.
    pub(super) fn withdraw_turn(&self) -> Withdrawal {
        self.change(|old| match old & PHASE {
            _ if old & TURN == 0 => Err(Withdrawal::Void),
            SCHEDULED => Ok((to(old, RUNNING) & !TURN | CANCELLED | WITHDRAWN, Withdrawal::Cancelled)),
            _ => Ok((old & !TURN, Withdrawal::Cancelled)),
        })
    }

    /// By the thread that drops a turn. Never [`Turn::Poll`].
    pub(super) fn discard_turn(&self) -> Turn {
        self.change(|old| match old & PHASE {
            _ if old & WITHDRAWN != 0 => Ok((old & !WITHDRAWN, Turn::Drop)),
            _ if old & TURN == 0 => Err(Turn::Void),
            SCHEDULED => Ok((to(old, RUNNING) & !TURN | CANCELLED, Turn::Drop)),
            _ => Ok((old & !TURN, Turn::Cancelled)),
        })
    }

    /// By the worker that joins: takes the future if it is to be polled, and from now on is woken in place of a turn.
    ///
    /// A turn that the future was scheduled for is left where it is, perhaps still with the thread that submits it: what
    /// is not counted as submitted must not be counted as ended. The pool may refuse it yet.
    pub(super) fn join(&self) -> Join {
        self.change(|old| match old & PHASE {
            DONE => Err(Join::Done),
            SCHEDULED if old & CANCELLED == 0 => Ok((to(old, RUNNING) | JOINED, Join::Due)),
            DUE => Ok((to(old, RUNNING), Join::Due)),
            _ => Ok((old | JOINED, Join::Wait)),
        })
    }

    /// By the owner: a poll came back without a result.
    pub(super) fn pause(&self) -> Paused {
        self.change(|old| match old & PHASE {
            _ if old & CANCELLED != 0 => Err(Paused::Drop),
            NOTIFIED if old & JOINED == 0 => Ok((to(old, SCHEDULED) | TURN, Paused::Submit)),
            NOTIFIED => Ok((to(old, DUE), Paused::Joiner)),
            _ => Ok((to(old, IDLE), Paused::Idle)),
        })
    }

    /// By the owner: the result is stored, or the future was dropped. `true` if the result is the handle's now; otherwise it
    /// remains the caller's.
    pub(super) fn finish(&self) -> bool {
        self.change(|old| Ok((to(old, DONE), old & (HANDLE | CANCELLED) == HANDLE)))
    }

    /// Has the future dropped without a result.
    pub(super) fn cancel(&self) -> Cancel {
        self.change(|old| match old & PHASE {
            _ if old & CANCELLED != 0 => Err(Cancel::Late),
            DONE => Err(Cancel::Late),
            RUNNING | NOTIFIED => Ok((old | CANCELLED, Cancel::Asked)),
            _ => Ok((to(old, RUNNING) | CANCELLED, Cancel::Ours)),
        })
    }

    /// Schedules an idle future to be dropped, since its pool ends. `true` if so: a last turn is the caller's to submit.
    pub(super) fn abandon(&self) -> bool {
        self.change(|old| match old & PHASE {
            IDLE => Ok((to(old, SCHEDULED) | TURN | CANCELLED, true)),
            _ => Err(false),
        })
    }

    /// The handle is gone. `true` if the result, which may have been taken, is the caller's.
    pub(super) fn let_go(&self) -> bool {
        self.change(|old| Ok((old & !HANDLE, has_result(old))))
    }

    /// An exchange that changes nothing.
    #[cfg(loom)]
    pub(super) fn touch(&self) {
        self.change(|old| Ok((old, ())));
    }

    /// Whether the future has ended.
    pub(super) fn is_done(&self) -> bool {
        // Acquire: pairs with `finish`.
        self.0.load(Ordering::Acquire) & PHASE == DONE
    }

    /// Whether the future has ended, or waits for the worker that joins it.
    pub(super) fn is_due_or_done(&self) -> bool {
        // Acquire: pairs with `finish`.
        matches!(self.0.load(Ordering::Acquire) & PHASE, DONE | DUE)
    }

    /// Whether the result, which may have been taken, is the handle's.
    pub(super) fn has_result(&self) -> bool {
        // Acquire: pairs with `finish`.
        has_result(self.0.load(Ordering::Acquire))
    }
}

/// The same word in another phase.
fn to(word: u32, phase: u32) -> u32 {
    word & !PHASE | phase
}

fn has_result(word: u32) -> bool {
    word & PHASE == DONE && word & CANCELLED == 0
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// A future that is polled for the first time.
    fn running() -> State {
        let state = State::new();
        assert_eq!(state.take_turn(), Turn::Poll);
        state
    }

    fn idle() -> State {
        let state = running();
        assert_eq!(state.pause(), Paused::Idle);
        state
    }

    #[test]
    fn many_wakes_before_a_poll_are_one() {
        let state = idle();
        assert_eq!(state.wake(), Woken::Submit);
        assert_eq!((state.wake(), state.wake()), (Woken::Nothing, Woken::Nothing));
        assert_eq!((state.take_turn(), state.pause()), (Turn::Poll, Paused::Idle));
    }

    #[test]
    fn a_wake_during_a_poll_leads_to_another() {
        let state = running();
        assert_eq!((state.wake(), state.wake()), (Woken::Nothing, Woken::Nothing));
        assert_eq!((state.pause(), state.take_turn(), state.pause()), (Paused::Submit, Turn::Poll, Paused::Idle));
    }

    #[test]
    fn a_wake_after_the_end_does_nothing() {
        let state = running();
        assert!(state.finish());
        assert_eq!(state.wake(), Woken::Nothing);
        assert!(state.is_done() && state.has_result());
        assert!(state.let_go(), "the handle drops the result");
    }

    #[test]
    fn without_a_handle_the_result_is_the_owners() {
        let state = running();
        assert!(!state.let_go());
        assert!(!state.finish());
    }

    #[test]
    fn the_turn_of_a_cancelled_future_is_counted_once() {
        let state = State::new();
        assert_eq!((state.cancel(), state.cancel()), (Cancel::Ours, Cancel::Late));
        assert_eq!((state.take_turn(), state.take_turn()), (Turn::Cancelled, Turn::Void));
        assert!(!state.finish() && !state.has_result());
        let state = idle();
        assert_eq!(state.cancel(), Cancel::Ours);
        assert_eq!(state.take_turn(), Turn::Void);
    }

    #[test]
    fn a_cancel_during_a_poll_is_obeyed_after_it() {
        let state = running();
        assert_eq!((state.cancel(), state.cancel()), (Cancel::Asked, Cancel::Late));
        assert_eq!((state.wake(), state.pause()), (Woken::Nothing, Paused::Drop));
        let state = running();
        assert_eq!(state.cancel(), Cancel::Asked);
        assert!(!state.finish(), "a result that comes nevertheless is not the handle's");
    }

    #[test]
    fn a_joining_worker_takes_the_turn_and_all_that_follow() {
        let state = State::new();
        assert_eq!((state.join(), state.take_turn(), state.take_turn()), (Join::Due, Turn::Spent, Turn::Void));
        assert_eq!((state.wake(), state.pause(), state.join()), (Woken::Nothing, Paused::Joiner, Join::Due));
        assert_eq!((state.pause(), state.join(), state.wake()), (Paused::Idle, Join::Wait, Woken::Joiner));
        assert!(state.is_due_or_done() && !state.is_done());
        assert_eq!((state.take_turn(), state.join()), (Turn::Void, Join::Due));
        assert!(state.finish());
        assert_eq!(state.join(), Join::Done);
    }

    #[test]
    fn a_turn_that_is_refused_after_a_join_leaves_the_future_alone() {
        let state = idle();
        assert_eq!((state.wake(), state.join()), (Woken::Submit, Join::Due));
        assert_eq!((state.discard_turn(), state.discard_turn()), (Turn::Cancelled, Turn::Void));
        assert_eq!((state.pause(), state.wake(), state.join()), (Paused::Idle, Woken::Joiner, Join::Due));
        assert!(state.finish());
    }

    #[test]
    fn a_withdrawn_turn_is_counted_at_once_and_its_future_dropped_with_it() {
        let state = State::new();
        assert_eq!((state.withdraw_turn(), state.withdraw_turn()), (Withdrawal::Cancelled, Withdrawal::Void));
        assert_eq!((state.wake(), state.cancel(), state.join()), (Woken::Nothing, Cancel::Late, Join::Wait));
        assert_eq!((state.discard_turn(), state.discard_turn()), (Turn::Drop, Turn::Void));
        assert!(!state.finish() && state.is_done());
        let state = State::new();
        assert_eq!((state.cancel(), state.withdraw_turn()), (Cancel::Ours, Withdrawal::Cancelled));
        assert_eq!(state.discard_turn(), Turn::Void);
    }

    #[test]
    fn only_an_idle_future_is_abandoned() {
        assert!(!State::new().abandon() && !running().abandon());
        let state = idle();
        assert!(state.abandon() && !state.abandon());
        assert_eq!((state.wake(), state.cancel(), state.join()), (Woken::Nothing, Cancel::Late, Join::Wait));
        assert_eq!(state.take_turn(), Turn::Drop);
    }
}
