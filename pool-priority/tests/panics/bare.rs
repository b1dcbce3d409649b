//! On the bare traits, where each call can be told apart.

use std::cmp::Ordering as Cmp;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use pool_conformance::in_pool::{LIMIT, within};
use pool_core::strategy::{Admit, Asking};
use pool_priority::{Keyed, Scheduler, Worker};

use crate::fates::Fates;
use crate::key::{Bomb, Code, Fuse, Key, thrown};

#[test]
fn a_look_that_unwinds_has_taken_nothing() {
    let fuse = Fuse::new(Code::Drop, 1);
    let keyed = Arc::new(Keyed::<Key, u32>::new());
    let (mut worker, mut other) = (keyed.attach(0), keyed.attach(1));
    (0..4).for_each(|n| keyed.inject(n, Some(fuse.key(n))));
    assert_eq!((worker.next(), worker.next()), (Some(0), Some(1)));
    assert!(thrown(|| worker.next()), "the key of 0 is dropped");
    assert!(!keyed.is_empty());
    assert_eq!(other.next(), Some(2), "another worker can take what this one did not");
    assert_eq!(worker.try_next(), Some(3), "it goes on");
    assert!(thrown(|| worker.next()), "the key of 1 is dropped");
    assert_eq!(worker.next(), None);
    assert!(thrown(|| worker.retire()), "the key of 3 is dropped");
    assert!(!thrown(|| drop(other)), "the key of 2 is dropped, quietly");
}

/// A key that inherits from nothing but the last item: a look that finds none does not forget it.
#[test]
fn a_look_that_finds_nothing_keeps_the_key_that_pushes_inherit() {
    let keyed = Arc::new(Keyed::<u32, &str>::new());
    let mut worker = keyed.attach(0);
    keyed.inject("parent", Some(1));
    assert_eq!((worker.next(), worker.next(), worker.next()), (Some("parent"), None, None));
    worker.push("child", None);
    keyed.inject("later", Some(2));
    assert_eq!((worker.next(), worker.next()), (Some("child"), Some("later")));
}

/// Two keys of a worker panic, and those of all that waits: that is one panic after another, never one within another.
#[test]
fn what_is_dropped_with_worker_and_scheduler_is_dropped_once() {
    let fuse = Fuse::new(Code::Drop, 1);
    let fates = Arc::new(Fates::default());
    let keyed = Arc::new(Keyed::new().with_plain_key(fuse.key(0)).with_plain_key(fuse.key(1)));
    let mut worker = keyed.attach(0);
    (0..10).for_each(|n| keyed.inject(fates.witness(), Some(fuse.key(n))));
    (0..2).for_each(|_| worker.next().unwrap().run());
    assert!(!thrown(|| drop(worker)));
    assert_eq!(fuse.panics(), 3, "of the first plain key, and of both keys of the worker");
    assert!(!thrown(|| drop(keyed)));
    assert_eq!((fuse.panics(), fates.lost()), (12, 8));
}

/// An item that uses the strategy when it is dropped, as a closure may that owns a pool.
struct Asks(Arc<Keyed<Key, Asks>>, Arc<AtomicUsize>);

impl Drop for Asks {
    fn drop(&mut self) {
        assert!(self.0.is_empty());
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn what_a_panicking_submission_drops_may_use_the_strategy() {
    within(LIMIT, "a clone that panics under the lock", || {
        let fuse = Fuse::new(Code::Clone, 1);
        let keyed = Arc::new(Keyed::new().with_plain_key(fuse.key(1)));
        let dropped = Arc::new(AtomicUsize::new(0));
        let item = || Asks(Arc::clone(&keyed), Arc::clone(&dropped));
        assert!(thrown(|| keyed.inject(item(), None)));
        let ask = |_: Asking<'_>| Admit::Yes(item(), None);
        assert!(thrown(|| keyed.inject_if(ask)));
        assert!(thrown(|| keyed.inject_batch((0..3).map(|_| item()), Some(fuse.key(2)))));
        assert_eq!(dropped.load(Ordering::Relaxed), 3);
        assert!(keyed.is_empty(), "the strategy is whole, and its lock free");
    });
}

/// The clone of a batch's key panics, and so does its `Drop` while that unwinds: without care, the process would abort.
#[test]
fn a_batch_whose_key_panics_twice_keeps_what_came_before() {
    /// Its third clone panics, and the `Drop` of the original, even while a panic unwinds.
    struct Twice(Arc<Mutex<u32>>, bool);

    impl Clone for Twice {
        fn clone(&self) -> Self {
            let mut clones = self.0.lock().unwrap();
            *clones += 1;
            if *clones == 3 {
                drop(clones);
                resume_unwind(Box::new(Bomb));
            }
            Twice(Arc::clone(&self.0), false)
        }
    }

    impl Drop for Twice {
        fn drop(&mut self) {
            if self.1 {
                resume_unwind(Box::new(()));
            }
        }
    }

    impl PartialEq for Twice {
        fn eq(&self, _other: &Self) -> bool {
            true
        }
    }
    impl Eq for Twice {}
    impl PartialOrd for Twice {
        fn partial_cmp(&self, other: &Self) -> Option<Cmp> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Twice {
        fn cmp(&self, _other: &Self) -> Cmp {
            Cmp::Equal
        }
    }

    let keyed = Arc::new(Keyed::new());
    assert!(thrown(|| keyed.inject_batch(0..5, Some(Twice(Arc::default(), true)))));
    let mut worker = keyed.attach(0);
    assert_eq!((worker.next(), worker.next(), worker.next()), (Some(0), Some(1), None));
}
