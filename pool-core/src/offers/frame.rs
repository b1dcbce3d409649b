//! [`Frame`]: the second half of a running `join`, on the stack of its owner.

use super::board::Board;
use crate::sync::atomic::AtomicBool;
use crate::sync::{Parker, UnsafeCell};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// The type-erased head of a frame: the first field of the frame itself, which lives on its owner's stack.
pub(crate) struct Frame {
    /// Runs what the frame stands for and stores the result in it. Never unwinds.
    ///
    /// # Safety
    /// The frame is alive and the caller has taken it.
    pub(crate) run: unsafe fn(NonNull<Frame>),
    /// Initialised by the owner when it exposes the frame, not before: most frames never are.
    exposure: UnsafeCell<MaybeUninit<Exposure>>,
}

/// What an exposed frame knows of its exposure.
pub(crate) struct Exposure {
    /// Unparked when the result is there.
    pub(crate) owner: NonNull<Parker>,
    /// Told that a slot is free. Both live as long as the pool.
    pub(crate) board: NonNull<Board>,
    pub(crate) slot: usize,
    /// The state of the slot while it held this frame, without [`TICKET`]. No other frame has the same until the count
    /// in it, which is two bits shorter than a pointer, wraps.
    pub(crate) stamp: usize,
    /// The thief has stored the result and touches the frame no more.
    pub(crate) done: AtomicBool,
    /// The owner parks, or is about to, and wants to be woken for what the thief offers meanwhile.
    pub(crate) listening: AtomicBool,
}

impl Frame {
    pub(crate) fn new(run: unsafe fn(NonNull<Frame>)) -> Self {
        Self { run, exposure: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    /// Stores what a frame that is about to be exposed must know.
    ///
    /// # Safety
    /// The frame is private: no other thread knows it.
    pub(crate) unsafe fn expose_with(&self, exposure: Exposure) {
        // SAFETY: only this thread has access, by this function's contract.
        self.exposure.with_mut(|place| unsafe { (*place).write(exposure) });
    }

    /// # Safety
    /// The frame was exposed.
    pub(crate) unsafe fn exposure(&self) -> &Exposure {
        // SAFETY: initialised when exposed, and from then on only read.
        self.exposure.with(|exposure| unsafe { (*exposure).assume_init_ref() })
    }
}

/// A frame that this thread has taken off a slot and must run.
#[must_use]
pub(crate) struct Taken(pub(crate) NonNull<Frame>);
