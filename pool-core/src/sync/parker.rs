//! [`Parker`]: how other threads wake the thread that sits in one place.

use super::Mutex;
use super::thread::Thread;

/// Unparks the thread that occupies a place, while threads come and go there.
///
/// The thread itself calls [`thread::park`](super::thread::park). An unpark that comes first makes that call return at once.
#[derive(Debug)]
pub(crate) struct Parker(Mutex<Option<Thread>>);

impl Parker {
    /// Nothing to unpark yet.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// From now on, [`unpark`](Self::unpark) is for `thread`.
    pub(crate) fn occupy(&self, thread: Thread) {
        *self.0.lock() = Some(thread);
    }

    /// Makes the thread's next, or present, park return.
    pub(crate) fn unpark(&self) {
        if let Some(thread) = &*self.0.lock() {
            thread.unpark();
        }
    }
}
