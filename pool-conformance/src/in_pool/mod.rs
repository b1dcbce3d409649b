//! The laws in a pool: the same strategy under threads, with tasks, panics, waits and an end.
//!
//! Each check takes a function that makes an empty scheduler, and panics with a message that names the broken law.
//! [`conformance!`](crate::conformance) makes a test of each. No check's verdict depends on time; one that does not end
//! within [`LIMIT`] fails with the state of the pool's threads.

mod admission;
mod balance;
mod bounded;
mod deadlines;
mod delivery;
mod dispatch;
mod ending;
mod futures;
mod futures_end;
mod futures_join;
mod groups;
mod handles;
mod idle;
mod life;
mod load;
mod panics;
mod remotes;
mod resizing;
mod shortsighted;
mod support;
mod urgency;
mod waiting;

pub use admission::*;
pub use balance::*;
pub use bounded::*;
pub use deadlines::*;
pub use delivery::*;
pub use dispatch::*;
pub use ending::*;
pub use futures::*;
pub use futures_end::*;
pub use futures_join::*;
pub use groups::*;
pub use handles::*;
pub use idle::*;
pub use life::*;
pub use load::*;
pub use panics::*;
pub use remotes::*;
pub use resizing::*;
pub use shortsighted::*;
pub use support::{LIMIT, thread_states, within};
pub use urgency::*;
pub use waiting::*;

/// Makes an empty scheduler. A function and not any closure, so that a check is compiled once for each type of
/// scheduler.
pub type Make<S> = fn() -> S;

/// The tests of a strategy in a pool, one for each check of [`in_pool`](crate::in_pool) but the order, for which
/// [`conformance!`](crate::conformance) takes an oracle: `in_pool_tests!(scheduler)`, in a module of its own.
#[macro_export]
macro_rules! in_pool_tests {
    ($make:expr) => {
        $crate::__in_pool_tests! { $make;
            runs_each_task_exactly_once, takes_a_flood, wakes_a_sleeper_for_each_round_trip,
            runs_what_a_blocked_worker_pushed, runs_the_link_whose_maker_blocks, looks_everywhere_before_it_sleeps,
            occupies_every_worker, wakes_the_next_for_each_that_blocks, overlaps_the_halves_of_a_join,
            one_long_task_holds_up_no_other, retiring_loses_nothing, workers_come_and_go_under_load,
            added_workers_take_part,
            a_handle_gets_the_payload, the_handler_gets_what_no_handle_takes, in_either_half_of_a_join,
            a_join_unwinds_only_after_its_thief, a_second_panic_in_drop_does_not_abort, in_a_scope, in_a_drop,
            after_a_handle_gave_up_waiting, in_the_hooks_and_the_handler, in_an_install,
            balances_while_64_threads_submit_into_a_shutdown, balances_in_cancel_races,
            shutdown_now_hands_back_what_did_not_run, balances_while_threads_submit_into_a_shutdown_now,
            shutdown_now_lets_the_running_wait_for_what_they_spawned,
            a_strategy_that_does_not_ask_loses_nothing, what_is_refused_never_passes_through_the_strategy,
            one_worker_suffices_for_200_nested_waits, any_nesting_ends_on_one_worker,
            a_lock_may_be_held_around_a_join, waiting_never_picks_up_foreign_tasks, helping_takes_bounded_stack,
            waits_for_what_runs_elsewhere, many_outside_threads_wait_at_once, a_scope_takes_tasks_from_anywhere,
            pools_use_each_other,
            groups_end_on_one_worker, results_of_a_group_come_as_tasks_end, an_error_ends_a_group_at_once,
            a_cancelled_group_begins_nothing_more, groups_end_with_their_pool, a_group_spans_pools, loops_end_early,
            idle_is_free, has_no_threads_but_its_workers, a_round_trip_wakes_no_crowd,
            a_handle_is_a_future, a_waker_is_replaced, a_cancelled_task_never_runs,
            a_timed_join_gives_the_handle_back, a_dropped_handle_detaches, handles_outlive_the_pool,
            waiters_learn_of_a_task_that_is_handed_back, waiters_learn_of_a_task_that_is_run_by_hand,
            workers_have_names_and_numbers, hooks_are_called_once_per_thread, a_pool_may_be_dropped_by_its_own_worker,
            shutdown_drains, a_closed_pool_refuses, wait_idle_waits_for_everything, a_failed_build_leaves_nothing,
            waits_with_a_limit_give_up, a_closed_pool_ends_by_itself, an_ended_pool_has_no_workers,
            shutdown_now_does_not_wait, a_worker_may_call_shutdown_now, the_last_owner_is_a_thread_local_of_a_worker,
            hooks_cannot_wait_for_their_pool, a_hook_of_the_only_worker_does_not_hang,
            every_shutdown_waits_for_the_threads, the_idle_leave_first, a_pool_is_resized_to_a_number,
            what_has_ended_does_not_start, a_running_task_sees_its_token, what_is_refused_leaves_its_token,
            a_full_pool_refuses, a_full_pool_does_not_wait_for_itself, a_submitter_waits_for_room,
            room_comes_in_each_way,
            submitters_that_wait_see_the_end, the_caller_runs_what_finds_no_room, a_full_pool_discards,
            a_batch_is_larger_than_the_room, balances_while_64_threads_fill_a_bounded_pool,
            free_functions_know_their_pool, waiting_for_ones_own_pool_is_the_same_error_everywhere,
            a_future_is_polled_once_for_all_wakes_before_the_poll, a_wake_during_a_poll_leads_to_one_more,
            no_wake_is_lost_and_no_poll_overlaps, a_panic_in_a_poll_goes_to_the_handle,
            a_cancelled_future_is_dropped_once, a_dropped_handle_detaches_its_future, a_future_awaits_others,
            a_timed_join_gives_the_handle_of_a_future_back, one_worker_suffices_to_join_a_future,
            a_pool_that_ends_drops_the_futures_that_wait, a_closed_pool_refuses_wakes_from_outside,
            shutdown_now_drops_futures, a_future_that_shutdown_now_drops_may_use_its_pool,
            a_future_may_submit_and_panic_as_it_is_dropped,
            a_pool_ends_with_the_future_that_owns_it, balances_while_futures_race_with_a_shutdown,
            a_remote_submits_as_its_pool, a_remote_does_not_keep_its_pool, remotes_race_with_the_end,
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __in_pool_tests {
    ($make:expr; $($name:ident,)*) => {
        $(
            #[test]
            fn $name() {
                $crate::in_pool::$name(|| $make);
            }
        )*
    };
}
