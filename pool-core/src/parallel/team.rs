//! [`Loop`]: the blocks of one loop, run by whoever has time.

use super::span::{LONGEST_BLOCK, Span};
use crate::context::Context;
use crate::fork;
use crate::join::join;
use crate::sync::atomic::{AtomicBool, Ordering};
use std::ops::Range;

/// A running loop: what it does with a block, and how it puts two neighbours' results together.
pub(super) struct Loop<'a, B, C> {
    block: &'a B,
    combine: &'a C,
    /// A closure has panicked: nothing more is begun.
    stopped: AtomicBool,
}

/// Runs `block` on ranges that make up `0..len`, each of them not empty, and combines the results from left to right.
pub(super) fn run<R, B, C>(len: u64, block: &B, combine: &C) -> Option<R>
where
    R: Send,
    B: Fn(Range<u64>) -> R + Sync,
    C: Fn(R, R) -> R + Sync,
{
    let this = Loop { block, combine, stopped: AtomicBool::new(false) };
    if Context::with(|context| context.is_some()) { this.divide(0..len) } else { this.alone(0..len) }
}

impl<R, B, C> Loop<'_, B, C>
where
    R: Send,
    B: Fn(Range<u64>) -> R + Sync,
    C: Fn(R, R) -> R + Sync,
{
    /// Everything on this thread.
    fn alone(&self, range: Range<u64>) -> Option<R> {
        let mut start = range.start;
        let mut sum = None;
        while start < range.end {
            let end = range.end.min(start.saturating_add(LONGEST_BLOCK.into()));
            sum = self.both(sum, Some((self.block)(start..end)));
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
        let middle = range.start + len / 2;
        let (left, right) = join(|| self.divide(range.start..middle), || self.divide(middle..range.end));
        self.both(left, right)
    }

    /// A range that is this worker's for now.
    fn part(&self, range: Range<u64>) -> Option<R> {
        match range.end - range.start {
            0 => None,
            1 => Some((self.block)(range)),
            _ => self.offer(&Span::new(range), 0),
        }
    }

    /// Runs what is left of this worker's span while anybody who has time may help with it.
    fn offer(&self, span: &Span, done: u64) -> Option<R> {
        let (left, right) = join(|| self.own(span, done), || self.help(span));
        self.both(left, right)
    }

    /// By the owner: block after block from the left.
    fn own(&self, span: &Span, mut done: u64) -> Option<R> {
        let stop = StopOnPanic(&self.stopped);
        let mut sum = None;
        while !self.is_stopped() {
            if fork::is_wanted() && span.is_divisible() {
                // The last offer was taken. Whoever takes the next one will stand between us and that helper.
                let rest = self.offer(span, done);
                sum = self.both(sum, rest);
                break;
            }
            let Some(block) = span.take_first(done) else { break };
            done += block.end - block.start;
            sum = self.both(sum, Some((self.block)(block)));
        }
        std::mem::forget(stop);
        sum
    }

    /// By whoever has taken an offer: half after half from the right. By the owner itself if nobody has: then nothing is left.
    fn help(&self, span: &Span) -> Option<R> {
        let stop = StopOnPanic(&self.stopped);
        let mut sum = None;
        let mut last = None;
        while let Some(range) = span.take_last_half(last.as_ref()) {
            if self.is_stopped() {
                break;
            }
            sum = self.both(self.part(range.clone()), sum);
            last = Some(range);
        }
        std::mem::forget(stop);
        sum
    }

    fn both(&self, left: Option<R>, right: Option<R>) -> Option<R> {
        match (left, right) {
            (Some(left), Some(right)) => Some((self.combine)(left, right)),
            (one, None) | (None, one) => one,
        }
    }

    fn is_stopped(&self) -> bool {
        // Relaxed: a hint to save work. That the loop panics is known from the frame's result.
        self.stopped.load(Ordering::Relaxed)
    }
}

struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    #[cold]
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
