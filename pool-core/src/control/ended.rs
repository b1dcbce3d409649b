//! [`Ended`]: which tasks of a group have ended, in that order.

use crate::sync::{Deadline, Mutex, Spin, thread};
use std::collections::VecDeque;

/// The numbers of tasks that have ended, until the group takes them.
///
/// Everything lies under one lock: a task that ends puts its number there and takes the waiting thread away with it, and the
/// group registers its thread only if there is no number. So either the group finds the number, or the task finds the thread.
pub(super) struct Ended(Mutex<State>);

struct State {
    numbers: VecDeque<usize>,
    /// The thread that waits for a number. At most one: it has the group to itself.
    waiting: Option<thread::Thread>,
}

impl Ended {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { numbers: VecDeque::new(), waiting: None }))
    }

    /// By the thread on which a task ends, is cancelled or leaves its pool.
    pub(super) fn announce(&self, number: usize) {
        let waiting = {
            let mut state = self.0.lock();
            state.numbers.push_back(number);
            state.waiting.take()
        };
        if let Some(thread) = waiting {
            thread.unpark();
        }
    }

    /// The number that has been here longest.
    pub(super) fn take(&self) -> Option<usize> {
        self.0.lock().numbers.pop_front()
    }

    /// The next number, when there is one. `None` if the deadline came first.
    pub(super) fn wait(&self, deadline: Deadline) -> Option<usize> {
        let mut spin = Spin::new();
        loop {
            if let Some(number) = self.take() {
                return Some(number);
            }
            if !spin.once() {
                break;
            }
        }
        let mut in_time = true;
        loop {
            {
                let mut state = self.0.lock();
                if let Some(number) = state.numbers.pop_front() {
                    state.waiting = None;
                    return Some(number);
                }
                if !in_time {
                    state.waiting = None;
                    return None;
                }
                state.waiting.get_or_insert_with(thread::current);
            }
            in_time = deadline.park();
        }
    }
}
