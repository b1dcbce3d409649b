//! Groups of tasks, and tokens that tell tasks to end.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use pool_core::{CancelToken, TaskGroup, is_cancelled};

use crate::at_some_place;
use crate::books::{Doing, Ticket, doing, fate_of, quietly};
use crate::rng::Rng;
use crate::world::{Plan, Soaked, World, count};

/// A group, and an end of it.
pub(crate) fn step<S: Soaked>(world: &Arc<World<S>>, rng: &mut Rng, depth: u32) {
    let token = CancelToken::new();
    let mut group = if rng.once_in(2) { TaskGroup::new() } else { TaskGroup::with_token(&token) };
    // It may be below that of a task that makes the group.
    let own_token = group.token().clone();
    let mut tasks = Vec::new();
    for _ in 0..rng.between(1, 8) {
        let plan = Plan::any(rng, depth);
        let mut ticket = Ticket::new(&world.books);
        ticket.may_be_skipped = true;
        let number = ticket.number;
        let f = plan.closure_with(ticket, world, depth);
        at_some_place!(world, rng, |task, patience| {
            let submits = world.submits(number..number + 1, patience, true);
            // The drop of a closure may panic.
            let submitted = doing(submits, || quietly(|| group.try_spawn(task, f)));
            match submitted.unwrap_or(Ok(tasks.len())) {
                Ok(at) if at != tasks.len() => world.books.fault(format!("task {} of a group is {at}", tasks.len())),
                Ok(_) => tasks.push((number, plan.may_panic())),
                Err(refused) => world.came_back(fate_of(refused.reason()), refused.into_inner(), rng),
            }
        });
        count("task of a group", 1);
    }
    let cancels_first = rng.once_in(4);
    // The drops of closures may panic.
    doing(Doing::Cancel, || {
        if cancels_first {
            count("group cancelled", 1);
            quietly(|| if rng.once_in(2) { group.cancel() } else { token.cancel() });
        }
        match rng.below(5) {
            0 => {
                count("group dropped", 1);
                quietly(|| drop(group));
            }
            1 => {
                count("group joined to the first error", 1);
                let all = quietly(|| group.try_join_all());
                if let Some(Ok(values)) = all {
                    let numbers = tasks.iter().map(|&(number, _)| number);
                    if !values.into_iter().eq(numbers) {
                        world.books.fault("a group has other results than tasks".into());
                    }
                }
            }
            2 => {
                count("group asked with a limit", 1);
                while let Some((at, result)) = group.next_timeout(Duration::from_micros(rng.below(300))) {
                    let (number, may_panic) = tasks[at];
                    world.check(number, may_panic, own_token.is_cancelled(), result);
                }
                quietly(|| drop(group));
            }
            _ => {
                count("group joined", 1);
                let (mut left, most) = (tasks.len(), rng.below(12));
                for (at, result) in group.by_ref().take(most as usize) {
                    let (number, may_panic) = tasks[at];
                    world.check(number, may_panic, own_token.is_cancelled(), result);
                    left -= 1;
                }
                if group.len() != left {
                    world.books.fault(format!("{} results of a group are left, not {left}", group.len()));
                }
                quietly(|| drop(group));
            }
        }
    });
}

/// Tasks that run until their token ends, by a call or by time.
pub(crate) fn tokens<S: Soaked>(world: &Arc<World<S>>, rng: &mut Rng) {
    count("token", 1);
    let root = CancelToken::new();
    let token = root.with_timeout(Duration::from_micros(rng.below(1_500)));
    let mut group = TaskGroup::with_token(&token.child());
    for _ in 0..rng.between(1, 3) {
        let mut ticket = Ticket::new(&world.books);
        ticket.may_be_skipped = true;
        let number = ticket.number;
        let f = move || {
            ticket.run(|| {
                while !is_cancelled() {
                    thread::yield_now();
                }
            });
        };
        at_some_place!(world, rng, |task, patience| {
            let refused = doing(world.submits(number..number + 1, patience, true), || group.try_spawn(task, f));
            if let Err(refused) = refused {
                // Outside of its group it has no token.
                doing(Doing::Back(fate_of(refused.reason())), || drop(refused.into_inner()));
            }
        });
    }
    match rng.below(3) {
        0 => root.cancel(),
        1 => token.cancel(),
        _ => {}
    }
    doing(Doing::Cancel, || drop(group.join_all()));
    let has_passed = token.deadline().is_none_or(|deadline| deadline < Instant::now());
    if has_passed && !token.is_cancelled() {
        world.books.fault("a token outlived its deadline".into());
    }
}
