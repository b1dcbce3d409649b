//! [`PriorityWorker`]: the half of [`Priority`] that one worker owns.

use std::fmt;
use std::sync::Arc;

use pool_core::Task;
use pool_core::strategy::Worker;

use crate::level::Level;
use crate::levels::Priority;

/// A worker of [`Priority`]. It holds no items, only the level of the last one, which a [`push`](Worker::push) without
/// a hint hands on.
pub struct PriorityWorker<T = Task> {
    shared: Arc<Priority<T>>,
    current: Level,
    /// What this worker's last `try_take` noted.
    drained: bool,
}

impl<T> PriorityWorker<T> {
    pub(crate) fn new(shared: Arc<Priority<T>>) -> Self {
        Self { shared, current: Level::default(), drained: false }
    }
}

impl<T> fmt::Debug for PriorityWorker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PriorityWorker").field("current", &self.current).finish_non_exhaustive()
    }
}

impl<T: Send> Worker<T> for PriorityWorker<T> {
    type Hint = Level;

    #[inline(always)]
    fn push(&mut self, item: T, level: Option<Level>) {
        self.shared.submit_near(item, level.unwrap_or(self.current), self.drained);
    }

    fn next(&mut self) -> Option<T> {
        let (level, waiting) = self.shared.take()?;
        // At most `MAX_LEVELS`, so it fits.
        self.current = Level(level as u8);
        Some(waiting.item)
    }

    #[inline(always)]
    fn try_next(&mut self) -> Option<T> {
        let (level, waiting) = self.shared.try_take(&mut self.drained)?;
        self.current = Level(level as u8);
        Some(waiting.item)
    }

    /// By the locks of inbox and lanes.
    #[inline(always)]
    fn push_is_ordered(&self) -> bool {
        true
    }
}
