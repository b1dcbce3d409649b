//! chili: fork–join only. The calling thread is one of its workers; one scope is reused for a whole workload.

use std::num::NonZero;

use chili::{Config, Scope, ThreadPool};

use crate::capability::{Class, Contestant, Join, Reduce};

/// `chili`.
#[derive(Debug)]
pub struct Chili(ThreadPool);

impl Contestant for Chili {
    const NAME: &'static str = "chili";
    const CLASS: Class = Class::Peer;

    fn start(workers: usize) -> Self {
        // `thread_count` counts the caller.
        Chili(ThreadPool::with_config(Config { thread_count: NonZero::new(workers), ..Config::default() }))
    }

    fn warm_up(&self) {
        let sum = self.sum(&vec![1.0; 100_000], 20);
        assert_eq!(sum, 100_000.0);
    }
}

impl Join for Chili {
    type Fork<'s> = Scope<'s>;

    fn root<R: Send>(&self, root: impl for<'x, 's> FnOnce(&'x mut Scope<'s>) -> R + Send) -> R {
        root(&mut self.0.scope())
    }

    #[inline]
    fn join<RA: Send, RB: Send>(
        fork: &mut Scope<'_>,
        a: impl for<'x, 's> FnOnce(&'x mut Scope<'s>) -> RA + Send,
        b: impl for<'x, 's> FnOnce(&'x mut Scope<'s>) -> RB + Send,
    ) -> (RA, RB) {
        fork.join(a, b)
    }

    fn join_coarse<RA: Send, RB: Send>(
        fork: &mut Scope<'_>,
        a: impl for<'x, 's> FnOnce(&'x mut Scope<'s>) -> RA + Send,
        b: impl for<'x, 's> FnOnce(&'x mut Scope<'s>) -> RB + Send,
    ) -> (RA, RB) {
        // `join` checks for the heartbeat only at every 64th call.
        fork.join_with_heartbeat_every::<1, _, _, _, _>(a, b)
    }
}

impl Reduce for Chili {
    fn sum(&self, data: &[f64], times: usize) -> f64 {
        let mut scope = self.0.scope();
        let mut sum = 0.0;
        for _ in 0..times {
            sum = halves(std::hint::black_box(data), &mut scope);
        }
        sum
    }
}

/// chili has no loops over slices. Its users write such a recursion, here down to a thousand numbers.
fn halves(data: &[f64], scope: &mut Scope<'_>) -> f64 {
    if data.len() <= 1_024 {
        return data.iter().sum();
    }
    let (left, right) = data.split_at(data.len() / 2);
    let (a, b) = Chili::join_coarse(scope, |scope| halves(left, scope), |scope| halves(right, scope));
    a + b
}
