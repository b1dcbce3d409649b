//! A token: the work that finds it ended sees what the canceller did before, also through the tokens between them.

use super::{CancelToken, State};
use crate::error::CancelReason;
use crate::loom_tests::model;
use crate::sync::{UnsafeCell, thread};
use std::sync::Arc;

/// What a canceller leaves for the work.
struct Word(UnsafeCell<u32>);

// SAFETY: it is written before the token is cancelled and read after it was found cancelled, which is what loom checks.
unsafe impl Send for Word {}
// SAFETY: as above.
unsafe impl Sync for Word {}

impl Word {
    fn write(&self) {
        // SAFETY: no thread reads before it has found the token cancelled; that this is so is what loom checks.
        self.0.with_mut(|word| unsafe { *word = 42 });
    }

    fn read(&self) -> u32 {
        // SAFETY: as in `write`.
        self.0.with_mut(|word| unsafe { *word })
    }
}

fn word() -> Arc<Word> {
    Arc::new(Word(UnsafeCell::new(0)))
}

/// The canceller writes and cancels the token at the top; the work looks at a grandchild.
#[test]
fn what_was_done_before_the_cancelling_is_seen_by_the_work_below() {
    model(|| {
        let (top, word) = (CancelToken::new(), word());
        let below = top.child().child();
        let canceller = {
            let word = Arc::clone(&word);
            thread::spawn(move || {
                word.write();
                top.cancel();
            })
        };
        if below.is_cancelled() {
            assert_eq!(word.read(), 42);
        }
        canceller.join().unwrap();
        assert_eq!(below.reason(), Some(CancelReason::Cancelled));
    });
}

/// One look finds the token at the top cancelled, and ends the child with that. A later look, at the child alone, on another
/// thread, sees what the canceller did.
#[test]
fn a_look_hands_on_what_it_has_seen() {
    model(|| {
        let (top, word) = (CancelToken::new(), word());
        let child = top.child();
        let canceller = {
            let word = Arc::clone(&word);
            thread::spawn(move || {
                word.write();
                top.cancel();
            })
        };
        let looker = {
            let child = child.clone();
            thread::spawn(move || child.is_cancelled())
        };
        if child.is_cancelled() {
            assert_eq!(word.read(), 42);
        }
        canceller.join().unwrap();
        looker.join().unwrap();
    });
}

/// Work that finds its deadline passed at the moment of the cancelling: if that came first, it counts as seen.
#[test]
fn a_late_deadline_acquires_the_cancelling_before_it() {
    model(|| {
        let (state, word) = (Arc::new(State::new()), word());
        let canceller = {
            let (state, word) = (Arc::clone(&state), Arc::clone(&word));
            thread::spawn(move || {
                word.write();
                state.end(CancelReason::Cancelled)
            })
        };
        let ours = state.end(CancelReason::DeadlinePassed);
        if ours == CancelReason::Cancelled {
            assert_eq!(word.read(), 42);
        }
        assert_eq!(canceller.join().unwrap(), ours, "the first reason stands for both");
    });
}
