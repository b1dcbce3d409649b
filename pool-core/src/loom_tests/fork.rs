//! Forks: the second half of a `join` runs once, its result is seen, and its owner is woken.

use super::bounded;
use super::team::{self, Part, Shared};
use crate::join;
use crate::sync::UnsafeCell;

/// Made by one thread, taken by another: loom sees a race if nothing orders the two.
struct Parcel(UnsafeCell<u32>);

// SAFETY: a parcel has one owner at a time; that this is so is what loom checks.
unsafe impl Send for Parcel {}

impl Parcel {
    fn new(value: u32) -> Self {
        let parcel = Self(UnsafeCell::new(0));
        // SAFETY: no other thread has it.
        parcel.0.with_mut(|place| unsafe { *place = value });
        parcel
    }

    fn open(self) -> u32 {
        // SAFETY: no other thread has it.
        self.0.with_mut(|place| unsafe { *place })
    }
}

fn looks(times: usize) -> Part {
    Box::new(move |shared: &Shared| {
        for _ in 0..times {
            shared.run_one();
        }
    })
}

#[test]
fn a_fork_is_reclaimed_or_stolen() {
    bounded(3, || {
        let owner: Part = Box::new(|_| {
            let sent = Parcel::new(4);
            let (a, b) = join(|| 3, move || Parcel::new(sent.open() + 1));
            assert_eq!((a, b.open()), (3, 5));
        });
        team::run([owner, looks(1)]);
    });
}

/// The second fork lies in the slot of the first, whose ticket may still be queued.
#[test]
fn a_slot_is_used_again_with_a_stale_ticket() {
    bounded(2, || {
        let owner: Part = Box::new(|_| {
            for value in 0..2 {
                let sent = Parcel::new(value);
                let (a, b) = join(|| 3, move || Parcel::new(sent.open() + 1));
                assert_eq!((a, b.open()), (3, value + 1));
            }
        });
        team::run([owner, looks(2)]);
    });
}

/// The owner of a stolen fork may take what its thief forked meanwhile.
#[test]
fn a_descendant_is_reclaimed_or_helped_with() {
    bounded(2, || {
        let owner: Part = Box::new(|_| {
            let (a, b) = join(
                || 1,
                || {
                    let sent = Parcel::new(2);
                    let (c, d) = join(|| Parcel::new(1), move || Parcel::new(sent.open()));
                    c.open() + d.open()
                },
            );
            assert_eq!(a + b, 4);
        });
        team::run([owner, looks(1)]);
    });
}

#[test]
fn a_panic_of_a_stolen_half_reaches_the_owner() {
    bounded(2, || {
        let owner: Part = Box::new(|_| {
            let half = || -> u32 { std::panic::resume_unwind(Box::new(Parcel::new(9))) };
            let run = std::panic::AssertUnwindSafe(|| join(|| 1, half));
            let Err(payload) = std::panic::catch_unwind(run) else { panic!("lost") };
            let parcel = payload.downcast::<Parcel>().expect("the same payload");
            assert_eq!(parcel.open(), 9);
        });
        team::run([owner, looks(1)]);
    });
}
