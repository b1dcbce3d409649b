//! Tokens: what is cancelled with what, for which reason, and that a long chain of them is no deep recursion.

use pool_core::{CancelReason, CancelToken, Cancelled, current_token, is_cancelled};
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn cancelling_reaches_all_below_and_none_above_or_beside() {
    let top = CancelToken::new();
    let (left, right) = (top.child(), top.child());
    let (left_child, left_grandchild) = (left.child(), left.child().with_timeout(HOUR));
    left.cancel();
    for below in [&left, &left_child, &left_grandchild, &left.clone(), &left_child.child()] {
        assert!(below.is_cancelled());
        assert_eq!(below.reason(), Some(CancelReason::Cancelled));
    }
    for other in [&top, &right, &right.child()] {
        assert!(!other.is_cancelled());
        assert_eq!((other.reason(), other.check()), (None, Ok(())));
    }
    top.cancel();
    assert!(right.is_cancelled() && right.child().is_cancelled());
}

#[test]
fn a_child_outlives_the_handles_of_those_above_it() {
    let top = CancelToken::new();
    let below = top.child().child().child();
    assert!(!below.is_cancelled());
    top.cancel();
    drop(top);
    assert!(below.is_cancelled());
}

#[test]
fn a_deadline_ends_a_token_and_those_below_it() {
    let top = CancelToken::new();
    let late = top.with_timeout(Duration::ZERO);
    let below = late.child().with_timeout(HOUR);
    for token in [&late, &below, &below.child()] {
        assert_eq!(token.reason(), Some(CancelReason::DeadlinePassed));
        assert_eq!(token.check().unwrap_err().reason(), CancelReason::DeadlinePassed);
    }
    assert!(!top.is_cancelled() && top.deadline().is_none());
    assert!(!top.with_timeout(HOUR).is_cancelled());
    assert!(top.with_deadline(Instant::now()).is_cancelled());
}

#[test]
fn the_earliest_deadline_counts() {
    let now = Instant::now();
    let (soon, later) = (now + HOUR, now + 2 * HOUR);
    let top = CancelToken::new();
    assert_eq!(top.with_deadline(soon).with_deadline(later).deadline(), Some(soon));
    assert_eq!(top.with_deadline(later).with_deadline(soon).deadline(), Some(soon));
    assert_eq!(top.with_deadline(later).child().deadline(), Some(later));
    assert_eq!(top.with_timeout(Duration::MAX).deadline(), None, "beyond the clock");
    assert_eq!(top.with_deadline(soon).with_timeout(Duration::MAX).deadline(), Some(soon));
}

#[test]
fn the_first_reason_stays() {
    let late = CancelToken::new().with_timeout(Duration::ZERO);
    assert_eq!(late.reason(), Some(CancelReason::DeadlinePassed));
    late.cancel();
    assert_eq!(late.reason(), Some(CancelReason::DeadlinePassed));

    let cancelled = CancelToken::new().with_timeout(Duration::ZERO);
    cancelled.cancel();
    assert_eq!(cancelled.reason(), Some(CancelReason::Cancelled));

    // The reason of the token above is found before the clock is read, and stays when that has been found out.
    let top = CancelToken::new();
    let child = top.with_timeout(Duration::ZERO);
    top.cancel();
    assert_eq!(child.reason(), Some(CancelReason::Cancelled));
}

#[test]
fn one_of_many_threads_gives_the_reason() {
    for _ in 0..200 {
        let token = CancelToken::new().with_timeout(Duration::ZERO);
        let by_deadline = AtomicUsize::new(0);
        thread::scope(|threads| {
            for canceller in [true, false, true, false] {
                let (token, by_deadline) = (&token, &by_deadline);
                threads.spawn(move || {
                    if canceller {
                        token.cancel();
                    }
                    if token.reason() == Some(CancelReason::DeadlinePassed) {
                        by_deadline.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert!([0, 4].contains(&by_deadline.into_inner()), "all read the same");
    }
}

#[test]
fn a_chain_of_a_million_tokens_is_no_recursion() {
    let top = CancelToken::new();
    let mut last = top.clone();
    let mut middle = None;
    for link in 0..1_000_000 {
        last = last.child();
        if link == 500_000 {
            middle = Some(last.clone());
        }
    }
    assert!(!last.is_cancelled());
    drop(last); // half of them, down to the middle
    let middle = middle.unwrap();
    assert!(!middle.is_cancelled());
    top.cancel();
    assert!(middle.is_cancelled(), "what is above the middle is still there");
    drop(middle);
}

#[test]
fn threads_drop_a_shared_chain_at_the_same_time() {
    for _ in 0..100 {
        let top = CancelToken::new();
        let shared = (0..1_000).fold(top.clone(), |token, _| token.child());
        thread::scope(|threads| {
            for _ in 0..4 {
                let own = shared.child();
                threads.spawn(move || drop(own));
            }
            drop(shared);
        });
        assert!(!top.is_cancelled());
    }
}

#[test]
fn an_error_of_a_token_goes_through_the_question_mark() {
    fn boxed(token: &CancelToken) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(token.check()?)
    }
    let token = CancelToken::new();
    assert!(boxed(&token).is_ok());
    token.cancel();
    let error = boxed(&token).unwrap_err();
    assert_eq!(error.to_string(), "the work was cancelled");
    assert_eq!(error.downcast_ref::<Cancelled>().unwrap().reason(), CancelReason::Cancelled);
    let late = CancelToken::new().with_timeout(Duration::ZERO);
    assert_eq!(late.check().unwrap_err().to_string(), "the deadline of the work has passed");
}

#[test]
fn a_thread_without_a_task_has_no_token() {
    assert!(current_token().is_none());
    assert!(!is_cancelled());
}

#[test]
fn what_is_printed_of_a_token() {
    let token = CancelToken::default();
    assert_eq!(format!("{token:?}"), "CancelToken { reason: None, deadline: None }");
    token.cancel();
    assert_eq!(format!("{token:?}"), "CancelToken { reason: Some(Cancelled), deadline: None }");
}
