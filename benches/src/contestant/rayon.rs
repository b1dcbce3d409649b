//! rayon: its own pool for each measurement, entered once per workload by `install` where the workload forks.

use rayon::prelude::*;
use rayon::{Scope, ThreadPool, ThreadPoolBuilder};

use super::warm_up::warm_up_with_tasks;
use crate::capability::{Class, Contestant, Execute, Join, Reduce, Scoped};

/// `rayon`.
#[derive(Debug)]
pub struct Rayon(ThreadPool);

impl Contestant for Rayon {
    const NAME: &'static str = "rayon";
    const CLASS: Class = Class::Peer;

    fn start(workers: usize) -> Self {
        Rayon(ThreadPoolBuilder::new().num_threads(workers).build().expect("threads can be started"))
    }

    fn warm_up(&self) {
        warm_up_with_tasks(self);
    }
}

impl Execute for Rayon {
    type Inside = ();

    fn execute(&self, task: impl FnOnce() + Send + 'static) {
        self.0.spawn(task);
    }

    fn inside(&self) {}

    fn execute_inside(_: &(), task: impl FnOnce() + Send + 'static) {
        rayon::spawn(task);
    }
}

impl Join for Rayon {
    type Fork<'s> = ();

    fn root<R: Send>(&self, root: impl for<'x> FnOnce(&'x mut ()) -> R + Send) -> R {
        self.0.install(|| root(&mut ()))
    }

    #[inline]
    fn join<RA: Send, RB: Send>(
        _: &mut (),
        a: impl for<'x> FnOnce(&'x mut ()) -> RA + Send,
        b: impl for<'x> FnOnce(&'x mut ()) -> RB + Send,
    ) -> (RA, RB) {
        rayon::join(|| a(&mut ()), || b(&mut ()))
    }
}

impl Scoped for Rayon {
    type Scope<'s> = Scope<'s>;

    fn scope<'s>(&'s self, f: impl FnOnce(&Scope<'s>) + Send) {
        self.0.scope(f);
    }

    fn spawn_in<'s>(scope: &Scope<'s>, task: impl for<'x> FnOnce(&'x Scope<'s>) + Send + 's) {
        scope.spawn(task);
    }
}

impl Reduce for Rayon {
    fn sum(&self, data: &[f64], times: usize) -> f64 {
        self.0.install(|| {
            let mut sum = 0.0;
            for _ in 0..times {
                sum = std::hint::black_box(data).par_iter().sum();
            }
            sum
        })
    }
}
