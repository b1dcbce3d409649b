//! [`Loop`]: the blocks of one loop, run by a worker and its helpers.

use super::span::{LONGEST_BLOCK, Span};
use crate::parallel::{fork, join};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::worker::Context;
use std::ops::Range;

/// A running loop: what it does with a block, and how it puts two neighbours' results together.
pub(super) struct Loop<'a, B, C> {
    block: &'a B,
    combine: &'a C,
    limit: Limit,
}

/// Where the loop ends early: no block from here on is begun. It is past the end while all is to be done, and only ever
/// moves to the left.
///
/// Relaxed throughout: it saves work, and no data is read on the strength of it. A panic or a result is known from the
/// frame that it comes back with.
pub(super) struct Limit(AtomicU64);

impl Limit {
    /// Past every step.
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }

    /// Nothing more is begun.
    pub(super) fn stop(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// As [`stop`](Self::stop), wherever that which stops the loop was found.
    pub(super) fn stop_at_any(&self, _step: u64) {
        self.stop();
    }

    /// Nothing is begun from `step` on.
    pub(super) fn lower(&self, step: u64) {
        self.0.fetch_min(step, Ordering::Relaxed);
    }

    /// Whether `step` lies at the limit or behind it.
    #[inline(always)]
    pub(super) fn excludes(&self, step: u64) -> bool {
        self.0.load(Ordering::Relaxed) <= step
    }
}

/// Runs `block` on ranges that make up `0..len`, each of them not empty, and combines the results from left to right.
/// `block` may lower the limit, and then the ranges that lie behind it are left out.
pub(super) fn run<R, B, C>(len: u64, block: &B, combine: &C) -> Option<R>
where
    R: Send,
    B: Fn(Range<u64>, &Limit) -> R + Sync,
    C: Fn(R, R) -> R + Sync,
{
    let this = Loop { block, combine, limit: Limit::new() };
    if Context::with(|context| context.is_some()) { this.divide(0..len) } else { this.alone(0..len) }
}

/// What one worker has in hand: a range of at least two, and the results of its helpers, each with the start of its
/// range.
struct Part<R> {
    span: Span,
    helped: Mutex<Vec<(u64, R)>>,
}

impl<R, B, C> Loop<'_, B, C>
where
    R: Send,
    B: Fn(Range<u64>, &Limit) -> R + Sync,
    C: Fn(R, R) -> R + Sync,
{
    /// Everything on this thread.
    fn alone(&self, range: Range<u64>) -> Option<R> {
        let mut start = range.start;
        let mut sum = None;
        while start < range.end && !self.limit.excludes(start) {
            let end = range.end.min(start.saturating_add(LONGEST_BLOCK.into()));
            sum = self.both(sum, Some(self.block(start..end)));
            start = end;
        }
        sum
    }

    /// A range of any length, in spans.
    fn divide(&self, range: Range<u64>) -> Option<R> {
        let len = range.end - range.start;
        if len <= Span::LONGEST {
            return self.part(range);
        }
        if self.limit.excludes(range.start) {
            return None;
        }
        let middle = range.start + len / 2;
        let (left, right) = join(|| self.divide(range.start..middle), || self.divide(middle..range.end));
        self.both(left, right)
    }

    /// A range that is this worker's for now.
    fn part(&self, range: Range<u64>) -> Option<R> {
        match range.end - range.start {
            0 => None,
            1 => Some(self.block(range)),
            _ => {
                let part = Part { span: Span::new(range), helped: Mutex::new(Vec::new()) };
                let own = self.offer(&part, 0);
                let mut helped = std::mem::take(&mut *part.helped.lock());
                helped.sort_unstable_by_key(|&(start, _)| start);
                helped.into_iter().fold(own, |sum, (_, result)| self.both(sum, Some(result)))
            }
        }
    }

    /// Runs what is left of this worker's part while other workers may help with it. Returns the result of what was
    /// done here, which is the left end of the part.
    fn offer(&self, part: &Part<R>, done: u64) -> Option<R> {
        let (own, ()) = join(|| self.own(part, done), || self.help(part));
        own
    }

    /// By the owner: block after block from the left.
    fn own(&self, part: &Part<R>, mut done: u64) -> Option<R> {
        let mut sum = None;
        while !self.limit.excludes(part.span.base() + done) {
            if fork::is_wanted() && part.span.is_divisible() {
                let rest = self.offer(part, done);
                return self.both(sum, rest);
            }
            let Some(range) = part.span.take_first(done) else { break };
            done += range.end - range.start;
            sum = self.both(sum, Some(self.block(range)));
        }
        sum
    }

    /// By the helper that has taken an offer: half after half from the right. By the owner if no helper has: then
    /// nothing is left.
    fn help(&self, part: &Part<R>) {
        while !self.limit.excludes(part.span.base()) {
            let Some(range) = part.span.take_last_half() else { break };
            let start = range.start;
            if let Some(result) = self.part(range) {
                part.helped.lock().push((start, result));
            }
        }
    }

    fn block(&self, range: Range<u64>) -> R {
        self.guarded(|| (self.block)(range, &self.limit))
    }

    fn both(&self, left: Option<R>, right: Option<R>) -> Option<R> {
        match (left, right) {
            (Some(left), Some(right)) => Some(self.guarded(|| (self.combine)(left, right))),
            (one, None) | (None, one) => one,
        }
    }

    /// Calls a closure of the user's.
    #[inline(always)]
    fn guarded(&self, f: impl FnOnce() -> R) -> R {
        let stop = StopOnPanic(&self.limit);
        let result = f();
        std::mem::forget(stop);
        result
    }
}

struct StopOnPanic<'a>(&'a Limit);

impl Drop for StopOnPanic<'_> {
    #[cold]
    fn drop(&mut self) {
        self.0.stop();
    }
}
