//! Law 4 in a pool, for strategies that know urgency: what a task submits is as urgent as the task, unless it says
//! otherwise.
//!
//! Not in [`conformance!`](crate::conformance), as most strategies know no urgency. Each check takes four hints, the
//! most urgent first.

use std::sync::{Arc, Mutex};

use pool_core::{Pool, Scheduler, Task};

use super::Make;
use super::support::{Gate, balanced, check, occupy_one, pool, until};

/// What ran, in its order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    /// A task that notes its name.
    fn note(&self, name: &'static str) -> impl FnOnce() + Clone + Send + Sync + 'static {
        let log = self.clone();
        move || log.0.lock().unwrap().push(name)
    }

    fn read(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }
}

/// A task submits others, by each way and without a hint, while some wait that are more urgent than it, or less. Its
/// children have its own urgency, and so have their children; one that is given a hint has that, and hands it on.
pub fn children_inherit_the_level_of_the_task_that_makes_them<S>(make: Make<S>, hints: [S::Hint; 4])
where
    S: Scheduler<Task> + 'static,
{
    check(move |name| {
        let [high, normal, low, background] = hints;
        // The children of a plain task would go before the waiting ones here,
        assert_eq!(with_others_waiting(make(), name, &background, &low, None), ["other", "child"]);
        // and after them here.
        assert_eq!(with_others_waiting(make(), name, &high, &normal, None), ["child", "other"]);
        assert_eq!(with_others_waiting(make(), name, &low, &normal, Some(&high)), ["child", "other"]);
        assert_eq!(with_others_waiting(make(), name, &high, &low, Some(&background)), ["other", "child"]);
    });
}

/// What ran on the only worker, once for each run of equals: a task with the hint `maker` submits children, with the
/// hint `own` if there is one, while others wait with the hint `others`.
fn with_others_waiting<S: Scheduler<Task> + 'static>(
    scheduler: S,
    name: &str,
    maker: &S::Hint,
    others: &S::Hint,
    own: Option<&S::Hint>,
) -> Vec<&'static str> {
    let pool = Arc::new(pool(scheduler, name, 1));
    let log = Log::default();
    let (begun, gate) = (Gate::default(), Gate::default());
    let make_children = {
        let (pool, own) = (Arc::clone(&pool), own.cloned());
        let (child, begun, gate) = (log.note("child"), begun.clone(), gate.clone());
        move || {
            begun.open();
            gate.pass();
            match own {
                None => submit_by_each_way(&pool, child),
                // By its own child, so that the hint is handed on.
                Some(own) => pool.task().hint(own).execute(move || submit_freely(child)),
            }
        }
    };
    pool.task().hint(maker.clone()).execute(make_children);
    begun.pass();
    (0..3).for_each(|_| pool.task().hint(others.clone()).execute(log.note("other")));
    gate.open();
    balanced(&pool);
    let mut ran = log.read();
    ran.dedup();
    ran
}

fn submit_freely(child: impl FnOnce() + Clone + Send + 'static) {
    (0..3).for_each(|_| pool_core::execute(child.clone()));
}

fn submit_by_each_way<S: Scheduler<Task> + 'static>(
    pool: &Pool<S>,
    child: impl FnOnce() + Clone + Send + Sync + 'static,
) {
    let one = || child.clone();
    submit_freely(one());
    drop(pool_core::spawn(one()));
    pool_core::task::<S::Hint>().execute(one());
    pool.execute(one());
    drop(pool.spawn(one()));
    pool.task().execute(one());
    pool.execute_batch([one(), one()]);
    drop(pool.spawn_batch([one(), one()]));
    assert!(pool.task().try_execute_batch([one(), one()]).is_ok());
    let grandchild = one();
    pool_core::execute(move || submit_freely(grandchild));
}

/// A task of little urgency opens a scope, whose tasks it runs itself; what stood for them in the strategy stays there.
/// The same worker then runs an urgent task that opens a scope. Another worker, once it is free, takes the tasks of
/// that scope before all that is less urgent.
pub fn a_scope_has_the_urgency_of_the_task_that_opens_it<S>(make: Make<S>, hints: [S::Hint; 4])
where
    S: Scheduler<Task> + 'static,
{
    const OTHERS: usize = 200;
    const SCOPED: usize = 6;
    check(move |name| {
        let [high, normal, _, background] = hints;
        let pool = Arc::new(pool(make(), name, 2));
        let log = Log::default();
        let held = occupy_one(&pool);
        let urgent = {
            let log = log.clone();
            move || {
                pool_core::scope(|scope| {
                    for _ in 0..SCOPED {
                        let scoped = log.note("scoped");
                        scope.spawn(move |_| scoped());
                    }
                    held.open();
                    // The other worker has the choice: this one runs nothing before so many tasks have run there.
                    until(|| log.read().len() >= SCOPED);
                });
            }
        };
        let (inner, other) = (Arc::clone(&pool), log.note("other"));
        pool.task().hint(background).execute(move || {
            pool_core::scope(|scope| (0..3).for_each(|_| scope.spawn(|_| ())));
            (0..OTHERS).for_each(|_| inner.task().hint(normal.clone()).execute(other.clone()));
            inner.task().hint(high).execute(urgent);
        });
        balanced(&pool);
        let ran = log.read();
        assert_eq!(ran.len(), SCOPED + OTHERS, "law 1 (exactly once)");
        assert_eq!(ran[..SCOPED], ["scoped"; SCOPED], "law 4: what is less urgent went before the tasks of the scope");
    });
}
