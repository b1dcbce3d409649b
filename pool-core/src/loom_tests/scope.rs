//! Scopes: all tasks end before the scope, on whichever thread they run, and its owner is woken.

use super::bounded;
use super::team::{self, Part, Shared};
use crate::sync::UnsafeCell;
use crate::{Scope, scope};

/// What a task of a scope writes to on its owner's stack.
struct Share(UnsafeCell<u32>);

// SAFETY: each share is written by one task, and read when the scope has ended; that this is so is what loom checks.
unsafe impl Sync for Share {}

impl Share {
    fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    fn write(&self) {
        // SAFETY: see above.
        self.0.with_mut(|place| unsafe { *place += 1 });
    }

    fn read(&self) -> u32 {
        // SAFETY: see above.
        self.0.with(|place| unsafe { *place })
    }
}

fn look() -> Part {
    Box::new(|shared: &Shared| {
        shared.run_one();
    })
}

#[test]
fn a_task_is_run_by_the_owner_or_another() {
    bounded(3, || {
        let owner: Part = Box::new(|_| {
            let share = Share::new();
            scope(|s| s.spawn(|_| share.write()));
            assert_eq!(share.read(), 1);
        });
        team::run([owner, look()]);
    });
}

/// Tasks of a task come when the owner may be parked already, and the worker that spawned them leaves after some of
/// them.
#[test]
fn a_parked_owner_learns_of_new_tasks() {
    bounded(2, || {
        let owner: Part = Box::new(|_| {
            let (outer, inner) = (Share::new(), [Share::new(), Share::new()]);
            scope(|s: &Scope<'_>| {
                s.spawn(|s| {
                    outer.write();
                    for share in &inner {
                        s.spawn(|_| share.write());
                    }
                });
            });
            assert_eq!((outer.read(), inner[0].read(), inner[1].read()), (1, 1, 1));
        });
        team::run([owner, look()]);
    });
}

#[test]
fn the_panic_of_a_task_reaches_the_owner() {
    bounded(2, || {
        let owner: Part = Box::new(|_| {
            let share = Share::new();
            let run = std::panic::AssertUnwindSafe(|| {
                scope(|s| {
                    s.spawn(|_| std::panic::resume_unwind(Box::new(9)));
                    share.write();
                });
            });
            let Err(payload) = std::panic::catch_unwind(run) else { panic!("lost") };
            assert_eq!(payload.downcast_ref::<i32>(), Some(&9));
            assert_eq!(share.read(), 1);
        });
        team::run([owner, look()]);
    });
}

/// An owner that helps with a fork of its own stolen half may spawn into a scope of that half, and then waits for the
/// half, and so for the scope.
#[test]
fn a_helper_keeps_no_credit_with_the_scope_that_it_waits_for() {
    bounded(2, || {
        let owner: Part = Box::new(|_| {
            let share = Share::new();
            crate::join(
                || (),
                || {
                    scope(|s| {
                        crate::join(|| (), || s.spawn(|_| share.write()));
                    });
                },
            );
            assert_eq!(share.read(), 1);
        });
        team::run([owner, look()]);
    });
}
