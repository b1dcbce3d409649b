//! The strategies of this workspace. They share one pool, so one implementation serves all three.

use pool_core::{JoinHandle, Scope};

use super::warm_up::warm_up_with_tasks;
use crate::capability::{Class, Contestant, Execute, Join, Reduce, Scoped, Spawn};

macro_rules! strategy {
    ($(#[$doc:meta])* $type:ident, $name:literal, $pool:ty, $urgent:expr $(, $capacity:expr)?) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $type($pool);

        impl Contestant for $type {
            const NAME: &'static str = $name;
            const CLASS: Class = Class::Ours;

            fn start(workers: usize) -> Self {
                let builder = <$pool>::builder().workers(workers);
                $(let builder = builder.capacity($capacity);)?
                $type(builder.build().expect("threads can be started"))
            }

            fn warm_up(&self) {
                warm_up_with_tasks(self);
            }

            fn stop(self) {
                self.0.shutdown().expect("called from outside");
            }
        }

        impl Execute for $type {
            type Inside = ();

            fn execute(&self, task: impl FnOnce() + Send + 'static) {
                self.0.execute(task);
            }

            fn execute_urgent(&self, task: impl FnOnce() + Send + 'static) {
                self.0.task().hint($urgent).execute(task);
            }

            fn inside(&self) {}

            fn execute_inside(_: &(), task: impl FnOnce() + Send + 'static) {
                pool_core::execute(task);
            }
        }

        impl Spawn for $type {
            type Handle<R: Send + 'static> = JoinHandle<R>;

            fn spawn<R: Send + 'static>(&self, task: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R> {
                self.0.spawn(task)
            }

            fn join<R: Send + 'static>(&self, handle: JoinHandle<R>) -> R {
                handle.join().expect("no task of a workload panics")
            }
        }

        impl Join for $type {
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
                pool_core::join(|| a(&mut ()), || b(&mut ()))
            }
        }

        impl Scoped for $type {
            type Scope<'s> = Scope<'s>;

            fn scope<'s>(&'s self, f: impl FnOnce(&Scope<'s>) + Send) {
                self.0.scope(f);
            }

            fn spawn_in<'s>(scope: &Scope<'s>, task: impl for<'x> FnOnce(&'x Scope<'s>) + Send + 's) {
                scope.spawn(task);
            }
        }

        impl Reduce for $type {
            fn sum(&self, data: &[f64], times: usize) -> f64 {
                self.0.install(|| {
                    let mut sum = 0.0;
                    for _ in 0..times {
                        let data = std::hint::black_box(data);
                        sum = pool_core::map_reduce(0..data.len(), |i| data[i], |a, b| a + b).unwrap_or(0.0);
                    }
                    sum
                })
            }
        }
    };
}

strategy! {
    /// `pool-fifo`.
    Fifo, "pool-fifo", pool_core::Pool<pool_fifo::Fifo>, ()
}

strategy! {
    /// `pool-workstealing`.
    WorkStealing, "pool-workstealing", pool_core::Pool<pool_workstealing::WorkStealing>, ()
}

strategy! {
    /// `pool-priority`; urgent tasks get its high priority.
    Priority, "pool-priority", pool_core::Pool<pool_priority::Priority>, pool_priority::Level::HIGH
}

strategy! {
    /// `pool-fifo` with a capacity that no workload reaches: what the bound itself costs.
    FifoBounded, "pool-fifo-bounded", pool_core::Pool<pool_fifo::Fifo>, (), 1 << 20
}
