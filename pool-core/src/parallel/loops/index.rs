//! [`LoopIndex`]: what a range of a parallel loop may count.

use std::ops::Range;

mod sealed {
    /// Keeps [`LoopIndex`](super::LoopIndex) to the integers of this file.
    pub trait Sealed: Copy + Send + Sync {
        /// How many steps lead from here to `end`: 0 if it lies behind.
        fn steps_to(self, end: Self) -> u64;
        /// The number `steps` further on. The caller knows that there is one.
        fn forward(self, steps: u64) -> Self;
    }
}

/// An integer that the range of [`for_each`](crate::for_each) or [`map_reduce`](crate::map_reduce) may count: each of the
/// standard ones of up to 64 bits. Sealed.
pub trait LoopIndex: sealed::Sealed {}

/// How many numbers the range has.
pub(super) fn len<I: LoopIndex>(range: &Range<I>) -> u64 {
    range.start.steps_to(range.end)
}

macro_rules! loop_index {
    ($($integer:ty),*) => {$(
        impl sealed::Sealed for $integer {
            #[inline(always)]
            fn steps_to(self, end: Self) -> u64 {
                // Sign-extended both, so that the difference is right modulo 2^64, which is all the distance there can be.
                if self < end { (end as u64).wrapping_sub(self as u64) } else { 0 }
            }

            #[inline(always)]
            fn forward(self, steps: u64) -> Self {
                self.wrapping_add(steps as Self)
            }
        }

        impl LoopIndex for $integer {}
    )*};
}
loop_index!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

#[cfg(all(test, not(loom)))]
mod tests {
    use super::sealed::Sealed;
    use super::*;

    #[test]
    fn counts_from_end_to_end_of_every_integer() {
        assert_eq!(len(&(i64::MIN..i64::MAX)), u64::MAX);
        assert_eq!(i64::MIN.forward(u64::MAX), i64::MAX);
        assert_eq!(len(&(-128..127_i8)), 255);
        assert_eq!((-128_i8).forward(255), 127);
        assert_eq!(len(&(u16::MAX - 1..u16::MAX)), 1);
        assert_eq!(len(&(0..usize::MAX)), usize::MAX as u64);
    }

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "that is the case")]
    fn nothing_lies_in_a_range_that_ends_before_it_starts() {
        assert_eq!(len(&(3..3_u8)), 0);
        assert_eq!(len(&(4..3_u8)), 0);
        assert_eq!(len(&(1..-1_i32)), 0);
    }
}
