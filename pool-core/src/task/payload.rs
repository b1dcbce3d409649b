//! [`Payload`]: two words that carry a closure, or a pointer to one, or whatever else a task stands for.
//!
//! # On moves
//!
//! Compilers copy three words in memory as one piece of two and one of one. If they were written one by one just before, a
//! processor cannot serve the piece of two from its store buffer: it waits until the stores have reached the cache, 4 ns and
//! more, each time. Something that is written and read at once should therefore not go from memory to memory on its
//! way. So a payload is a pair, which is passed in registers, and where a task of three words goes through hot code,
//! that code is inlined and has one place to take it from. Where `inline(always)` stands on a function that is given a
//! closure or an item, here or in a strategy, this is why.

use std::mem::{MaybeUninit, align_of, size_of};
use std::ptr;

/// One word of anything. Pointers keep their provenance in it, and it may be partly uninitialised.
type Word = MaybeUninit<*const ()>;

/// Two words of anything.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Payload(Word, Word);

impl Payload {
    /// A pointer, and nothing else.
    pub(crate) fn pointer<T>(first: *const T) -> Self {
        Self(MaybeUninit::new(first.cast()), MaybeUninit::uninit())
    }

    /// A pointer and a number.
    pub(crate) fn pair<T>(first: *const T, second: usize) -> Self {
        Self(MaybeUninit::new(first.cast()), MaybeUninit::new(ptr::without_provenance(second)))
    }

    /// # Safety
    /// Made by [`pointer`](Self::pointer) or [`pair`](Self::pair).
    pub(crate) unsafe fn first<T>(self) -> *const T {
        // SAFETY: both initialise it.
        unsafe { self.0.assume_init() }.cast()
    }

    /// # Safety
    /// Made by [`pair`](Self::pair).
    pub(crate) unsafe fn second(self) -> usize {
        // SAFETY: `pair` initialises it.
        unsafe { self.1.assume_init() }.addr()
    }

    /// The closure itself if it fits, else a box with it.
    #[inline(always)]
    pub(crate) fn closure<F>(f: F) -> Self {
        if const { fits::<F>() } {
            let mut payload = Self(MaybeUninit::uninit(), MaybeUninit::uninit());
            // SAFETY: the payload is large enough and aligned for `F`, by the condition above.
            unsafe { (&raw mut payload).cast::<F>().write(f) };
            payload
        } else {
            Self::pointer(Box::into_raw(Box::new(f)))
        }
    }

    /// Gives the closure to `here`, or the box with it to `boxed`: a large one is not moved to the stack.
    ///
    /// # Safety
    /// Made by [`closure`](Self::closure) from an `F`, and not used again.
    #[inline(always)]
    pub(crate) unsafe fn consume<F, R>(self, here: impl FnOnce(F) -> R, boxed: impl FnOnce(Box<F>) -> R) -> R {
        if const { fits::<F>() } {
            // SAFETY: `closure` put an `F` there, under the same condition, and it is taken once, by this function's
            // contract.
            here(unsafe { (&raw const self).cast::<F>().read() })
        } else {
            // SAFETY: as above, for the box.
            boxed(unsafe { Box::from_raw(self.first::<F>().cast_mut()) })
        }
    }

    /// The closure back.
    ///
    /// # Safety
    /// As for [`consume`](Self::consume).
    pub(crate) unsafe fn into_closure<F>(self) -> F {
        // SAFETY: passed on.
        unsafe { self.consume::<F, F>(|f| f, |boxed| *boxed) }
    }
}

/// Whether an `F` fits into a payload.
const fn fits<F>() -> bool {
    size_of::<F>() <= size_of::<Payload>() && align_of::<F>() <= align_of::<Payload>()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// The closure's answer, by either way out.
    fn there_and_back<R>(f: impl FnOnce() -> R + Clone) -> R {
        fn call<F: FnOnce() -> R, R>(payload: Payload, _: &F) -> R {
            // SAFETY: made from an `F`, and used once.
            unsafe { payload.consume::<F, R>(|f| f(), |f| f()) }
        }
        fn take<F: FnOnce() -> R, R>(payload: Payload, _: &F) -> F {
            // SAFETY: as above.
            unsafe { payload.into_closure::<F>() }
        }
        drop(take(Payload::closure(f.clone()), &f)());
        call(Payload::closure(f.clone()), &f)
    }

    #[test]
    fn closures_of_all_sizes_come_back_whole_and_are_dropped_once() {
        let token = Arc::new(7_u32);
        assert_eq!(there_and_back(|| 1), 1, "no size at all");
        let (byte, number) = (3_u8, 5_u32);
        assert_eq!(there_and_back(move || u32::from(byte) + number), 8, "less than two words, with padding");
        let one = Arc::clone(&token);
        assert_eq!(there_and_back(move || *one), 7, "one word");
        let (first, second) = (Arc::clone(&token), Arc::clone(&token));
        assert_eq!(there_and_back(move || *first + *second), 14, "two words");
        let (first, many) = (Arc::clone(&token), [1_u64; 9]);
        assert_eq!(there_and_back(move || u64::from(*first) + many.iter().sum::<u64>()), 16, "in a box");
        assert_eq!(Arc::strong_count(&token), 1);
    }

    #[test]
    fn a_pair_keeps_both() {
        let here = 1_u8;
        let payload = Payload::pair(&here, usize::MAX);
        // SAFETY: made by `pair`.
        assert_eq!(unsafe { (payload.first::<u8>(), payload.second()) }, (&raw const here, usize::MAX));
        // SAFETY: made by `pointer`.
        assert_eq!(unsafe { Payload::pointer(&here).first::<u8>() }, &raw const here);
    }
}
