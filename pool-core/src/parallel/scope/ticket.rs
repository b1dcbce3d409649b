//! Tickets of scopes: what goes through the strategy for a [`Shard`] that holds tasks, and how a worker that draws one
//! helps.

use super::state::State;
use crate::offers::shard::{Drawn, Lending, Shard};
use crate::task::payload::Payload;
use crate::task::{Discarded, Outcome, Task, TaskKind, TaskVtable, Withdrawal};
use crate::worker::Context;
use std::ptr::NonNull;

/// What goes through the strategy for a shard that holds tasks.
#[inline]
pub(super) fn ticket(shard: NonNull<Shard>, lending: Lending) -> Task {
    // SAFETY: the maker of a ticket holds a scope of the pool open, so that the pool and its shards are alive.
    let pool = unsafe { shard.as_ref() }.pool;
    let payload = Payload::pair(lending.of(shard), pool);
    // SAFETY: the payload is a shard with its lending, and its pool, as the vtable expects. Wherever a strategy carries the ticket, the
    // shard is only looked at by workers of that pool, and they keep the pool's shards alive.
    unsafe { Task::from_raw(&TICKET, payload) }
}

static TICKET: TaskVtable = TaskVtable { kind: TaskKind::ScopeTicket, run: help, discard, withdraw };

/// A worker that helps a scope runs at most this many of its tasks before it asks the strategy again, so that no other
/// item waits longer than that for its turn.
const TURN: usize = if cfg!(loom) { 2 } else { 16 };

/// Runs a ticket: helps with the shard.
///
/// # Safety
/// As `TaskVtable::run`.
unsafe fn help(payload: Payload, pool: usize) -> Outcome {
    // A strategy could carry it to another pool, or run it itself when the pool is gone: then the scope's owner runs
    // the tasks.
    // SAFETY: made by `ticket`.
    if unsafe { payload.second() } != pool {
        return Outcome::Void;
    }
    // SAFETY: made by `ticket`.
    let (shard, lending) = Lending::apart(unsafe { payload.first() });
    // SAFETY: the shard is alive while a worker of its pool, which this is, runs tasks.
    let shard = unsafe { &*shard };
    let Some(Drawn { task, scope, is_more }) = shard.draw(lending) else { return Outcome::Void };
    Context::with(|context| {
        let context = context.expect("tickets are drawn by workers");
        if is_more {
            State::submit_ticket(context, NonNull::from(shard), lending);
        }
        // SAFETY: the scope waits for the task in our hand, and then for the unit that we earn with it, which stays with us
        // until we turn to other work: the scope is alive to the end of this function.
        let scope = unsafe { State::of(scope) };
        let outcome = scope.run_counted(context, task);
        for _ in 1..TURN {
            // What we spawned just now is the warmest; the rest of the shard is still ticketed.
            let Some(task) = scope.take_own(context) else { break };
            context.run_now(|_| Some(scope.run_counted(context, task)));
        }
        outcome
    })
}

/// Leaves the tasks to the scope's owner.
unsafe fn discard(_: Payload) -> Discarded {
    Discarded::Void
}

unsafe fn withdraw(_: &Payload) -> Withdrawal {
    Withdrawal::Void
}
