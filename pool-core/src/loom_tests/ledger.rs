//! The ledger and the quiet moment: nothing that was accepted is forgotten, and the end is not missed.

use super::model;
use super::strategy::Flagged;
use super::team::crew;
use crate::ledger::{Entry, Ledger, Tally};
use crate::pool::{Pool, ThreadConfig};
use crate::strategy::Asking;
use crate::sync::atomic::{Ordering, fence};
use crate::sync::{Deadline, SpinLock, thread};
use crate::task::Outcome;
use crate::worker::Shared;
use std::sync::Arc;

fn is_in(entry: Entry) -> bool {
    entry == Entry::In
}

#[test]
fn nothing_is_accepted_after_a_closed_ledger_was_found_quiet() {
    model(|| {
        let ledger = Arc::new(Ledger::new(None));
        let submitter = {
            let ledger = Arc::clone(&ledger);
            thread::spawn(move || is_in(ledger.admit(&Asking::unlocked(), 1, false)))
        };
        ledger.close();
        let quiet = ledger.is_quiet(std::iter::empty(), || true);
        let accepted = submitter.join().unwrap();
        assert!(!(quiet && accepted));
        assert_eq!(ledger.is_quiet(std::iter::empty(), || true), !accepted);
        assert_eq!(ledger.totals(std::iter::empty()).rejected, u64::from(!accepted));
    });
}

/// The same for a submission that is counted with plain loads and stores, under a lock that the closer passes through.
#[test]
fn nothing_is_accepted_under_a_lock_after_a_closed_ledger_was_found_quiet() {
    model(|| {
        let (ledger, lock) = (Arc::new(Ledger::new(None)), Arc::new(SpinLock::new(())));
        let submitter = {
            let (ledger, lock) = (Arc::clone(&ledger), Arc::clone(&lock));
            thread::spawn(move || is_in(ledger.admit(&Asking::under(&lock.lock()), 1, false)))
        };
        ledger.close();
        drop(lock.lock());
        let quiet = ledger.is_quiet(std::iter::empty(), || true);
        let accepted = submitter.join().unwrap();
        assert_eq!(quiet, !accepted, "a refused one hides no quiet moment");
        assert_eq!(ledger.totals(std::iter::empty()).rejected, u64::from(!accepted));
    });
}

/// A thread works out the limit while another submits: the limit lets in no more than there is room for.
///
/// The submitting thread is the first to run, as below.
#[test]
fn has_room_never_promises_too_much() {
    model(|| {
        let (ledger, lock) = (Arc::new(Ledger::new(Some(1))), SpinLock::new(()));
        let submit = || is_in(ledger.admit(&Asking::under(&lock.lock()), 1, false));
        let observer = {
            let ledger = Arc::clone(&ledger);
            thread::spawn(move || {
                ledger.room().unwrap().has_room(1, || ledger.totals(std::iter::empty()));
            })
        };
        assert!(submit());
        observer.join().unwrap();
        assert!(!submit(), "there is room for one");
    });
}

/// A task submits another and runs it: while it runs itself, the ledger is never quiet.
///
/// The counting thread is the first to run: loom does not go back from a load and store to a load of another thread's.
#[test]
fn an_end_brings_its_submission_with_it() {
    model(|| {
        let ledger = Arc::new(Ledger::new(None));
        let tally = Arc::new(Tally::default());
        assert!(is_in(ledger.admit(&Asking::unlocked(), 1, false)));
        let observer = {
            let (ledger, tally) = (Arc::clone(&ledger), Arc::clone(&tally));
            thread::spawn(move || assert!(!ledger.is_quiet(std::iter::once(&*tally), || true)))
        };
        tally.submit(1);
        tally.start();
        tally.end(Outcome::Completed);
        observer.join().unwrap();
    });
}

/// A submission that comes too late is counted for an instant, and so may hide the end from the closer.
#[test]
fn a_refused_submission_does_not_hide_the_end() {
    model(|| {
        let crew = crew();
        let shared = Arc::new(Shared { scheduler: Arc::new(Flagged::default()), crew: Arc::clone(&crew) });
        let threads = ThreadConfig { name: crate::pool::ThreadName::Prefix(String::new()), stack_size: None, seed: 0 };
        // It has no workers: the closer and the refused submitter are alone.
        let pool = Arc::new(Pool::from_parts(shared, threads));
        let submitter = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let accepted = pool.try_execute(|| {}).is_ok();
                if !accepted {
                    drop(pool);
                }
                accepted
            })
        };
        assert_eq!(pool.shutdown(), Ok(()));
        let accepted = submitter.join().unwrap();
        assert_eq!(crew.has_ended(), !accepted);
    });
}

/// A thread that learns that the pool is closing knows of every submission that came before.
#[test]
fn the_end_waits_for_what_was_accepted() {
    model(|| {
        let crew = crew();
        let worker = {
            let crew = Arc::clone(&crew);
            thread::spawn(move || {
                // As a worker before it parks.
                fence(Ordering::SeqCst);
                crew.settle();
            })
        };
        assert!(is_in(crew.ledger.admit(&Asking::unlocked(), 1, false)));
        crew.ledger.close();
        crew.end_when_quiet();
        worker.join().unwrap();
        assert!(!crew.has_ended());
    });
}

#[test]
fn the_last_end_is_seen_by_its_worker_or_by_the_waiter() {
    model(|| {
        let crew = crew();
        assert!(is_in(crew.ledger.admit(&Asking::unlocked(), 1, false)));
        let seated = crew.seat_one(|seat| {
            let crew = Arc::clone(&crew);
            Ok::<_, std::io::Error>(thread::spawn(move || {
                seat.tally.start();
                seat.tally.end(Outcome::Completed);
                // As a worker before it parks.
                fence(Ordering::SeqCst);
                crew.settle();
                crew.count_out();
            }))
        });
        assert!(seated.is_ok());
        assert!(crew.wait_quiet(Deadline::Never));
        assert_eq!(crew.totals().completed, 1);
        assert!(crew.wait_ended(Deadline::Never));
    });
}
