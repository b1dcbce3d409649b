//! Workers without the loop of a worker: each runs a closure, with everything around it that a task finds.

use super::strategy::Flagged;
use crate::error::panic;
use crate::idle::Published;
use crate::sync::{Mutex, thread};
use crate::task::payload::Payload;
use crate::task::{Task, TaskVtable};
use crate::worker::{Context, Crew, Hooks, Inject, Queue, WaitingFutures};
use std::any::Any;
use std::ptr::NonNull;
use std::sync::Arc;

/// A crew without threads of its own.
pub(super) fn crew() -> Arc<Crew> {
    let hooks = Hooks { on_start: None, on_stop: None, on_panic: Arc::new(|_| {}) };
    Arc::new(Crew::new(hooks, 1, None))
}

/// What the members of a team share.
pub(super) struct Shared {
    pub(super) crew: Arc<Crew>,
    queue: Flagged,
}

impl Shared {
    /// Runs a task if one is queued. `false` if none was seen.
    pub(super) fn run_one(&self) -> bool {
        match self.queue.take() {
            Some(task) => {
                let _ = task.run_guarded(self.crew.id(), |_| {});
                true
            }
            None => false,
        }
    }
}

impl Inject for Shared {
    fn is_empty(&self) -> bool {
        crate::Scheduler::<Task>::is_empty(&self.queue)
    }

    fn inject_ticket(&self, task: Task) -> Result<(), ()> {
        self.queue.put(task);
        Ok(())
    }

    fn futures(&self) -> &WaitingFutures {
        &self.crew.futures
    }

    fn report_panic(&self, payload: panic::Payload) {
        self.crew.report_panic(payload);
    }

    fn submit_from_outside(&self, _task: Task, _hint: &dyn Any) -> Result<(), Task> {
        unreachable!("all threads are workers")
    }

    fn inject_counted(&self, _task: Task) {
        unreachable!("no future waits")
    }
}

struct Member(Arc<Shared>);

impl Queue for Member {
    unsafe fn push(&self, vtable: &'static TaskVtable, payload: Payload) -> Published {
        // SAFETY: by this function's contract.
        self.0.queue.put(unsafe { Task::from_raw(vtable, payload) });
        Published::Plainly
    }
    fn has_hints(&self) -> bool {
        true
    }
    fn takes(&self, _hint: &dyn Any) -> bool {
        false
    }
    fn push_hinted(&self, _task: Task, _hint: &dyn Any) -> Published {
        unreachable!("no hint is taken")
    }
    fn shared(&self) -> NonNull<dyn Inject> {
        NonNull::from(&*self.0 as &dyn Inject)
    }
}

/// What one worker does.
pub(super) type Part = Box<dyn FnOnce(&Shared) + Send>;

/// Seats a worker for each part, lets all of them begin, and waits for their end.
pub(super) fn run<const N: usize>(parts: [Part; N]) {
    let shared = Arc::new(Shared { crew: crew(), queue: Flagged::default() });
    let gate = Arc::new(Mutex::new(()));
    // None begins before all are seated: a worker that forks alone offers nothing.
    let closed = gate.lock();
    for (number, part) in (0..).zip(parts) {
        let member = Member(Arc::clone(&shared));
        let gate = Arc::clone(&gate);
        let seated = shared.crew.seat_one(|seat| {
            Ok::<_, std::io::Error>(thread::spawn(move || {
                drop(gate.lock());
                seat.parker.occupy(thread::current());
                let shared = Arc::clone(&member.0);
                let queue: NonNull<dyn Queue> = NonNull::from(&member);
                // SAFETY: `member` lives until the call has returned.
                unsafe {
                    Context::enter(Arc::clone(&shared.crew), seat, number, queue, |context| {
                        part(&shared);
                        // As a worker that finds nothing more.
                        context.account().settle();
                    });
                }
                shared.crew.count_out();
            }))
        });
        assert!(seated.is_ok());
    }
    drop(closed);
    assert!(shared.crew.wait_ended(crate::sync::Deadline::Never));
}
