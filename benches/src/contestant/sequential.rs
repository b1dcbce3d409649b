//! No pool: the same recursion on the calling thread.

use crate::capability::{Class, Contestant, Join, Reduce};

/// The calling thread alone.
#[derive(Debug)]
pub struct Sequential;

impl Contestant for Sequential {
    const NAME: &'static str = "sequential";
    const CLASS: Class = Class::Baseline;

    fn start(_workers: usize) -> Self {
        Sequential
    }

    fn warm_up(&self) {}
}

impl Join for Sequential {
    type Fork<'s> = ();

    fn root<R: Send>(&self, root: impl for<'x> FnOnce(&'x mut ()) -> R + Send) -> R {
        root(&mut ())
    }

    #[inline]
    fn join<RA: Send, RB: Send>(
        fork: &mut (),
        a: impl for<'x> FnOnce(&'x mut ()) -> RA + Send,
        b: impl for<'x> FnOnce(&'x mut ()) -> RB + Send,
    ) -> (RA, RB) {
        (a(fork), b(fork))
    }
}

impl Reduce for Sequential {
    fn sum(&self, data: &[f64], times: usize) -> f64 {
        let mut sum = 0.0;
        for _ in 0..times {
            sum = std::hint::black_box(data).iter().sum();
        }
        sum
    }
}
