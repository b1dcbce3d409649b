//! Laws 1 and 6 in a pool around a strategy whose `inject_if` breaks its contract, in safe code: the pool decides what
//! comes in, and what it refuses it still has.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;

use pool_core::strategy::{Admit, Asking, Scheduler, Worker};
use pool_core::sync::Mutex;
use pool_core::{Pool, Rejected, Rejection, Task};

use super::Make;
use super::load::submit_into_a_shutdown;
use super::support::{balanced, check, occupy, pool, tick, until};

/// A strategy that does not ask, and so is given nothing.
struct Silent<S>(Arc<S>);

impl<S: Scheduler<Task>> Scheduler<Task> for Silent<S> {
    type Hint = S::Hint;
    type Worker = S::Worker;

    fn attach(self: &Arc<Self>, seed: u64) -> S::Worker {
        self.0.attach(seed)
    }

    fn inject(&self, item: Task, hint: Option<S::Hint>) {
        self.0.inject(item, hint);
    }

    fn inject_if(&self, _admit: impl FnOnce(Asking<'_>) -> Admit<Task, S::Hint>) {}

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A strategy whose `inject_if` does not ask. What comes from outside runs all the same, or is refused and comes back.
pub fn a_strategy_that_does_not_ask_loses_nothing<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(Silent(Arc::new(make())), name, 2);
        let ran = Arc::new(AtomicUsize::new(0));
        for i in 0..300 {
            let ran = Arc::clone(&ran);
            let task = move || tick(&ran);
            match i % 6 {
                0 => pool.execute(task),
                1 => assert!(pool.try_execute(task).is_ok()),
                2 => pool.spawn(task).join().unwrap(),
                3 => pool.try_spawn(task).unwrap().join().unwrap(),
                4 => pool.install(task),
                _ => pool.execute_batch([task]),
            }
        }
        assert_eq!(balanced(&pool).completed, 300);
        assert_eq!(ran.load(Ordering::Relaxed), 300, "law 1 (exactly once)");
        pool.shutdown().unwrap();
        let text = String::from("mine");
        pool.try_execute(move || assert_eq!(text, "mine")).unwrap_err().into_inner()();
        assert_eq!(pool.try_spawn(|| 5).unwrap_err().into_inner()(), 5);
        assert_eq!(balanced(&pool).rejected, 2);
        for round in 0..4 {
            submit_into_a_shutdown(Silent(Arc::new(make())), name, 100 * round);
        }
    });
}

/// A strategy that confuses what it is given, as far as the types let it. Now and then it does not ask. It keeps what
/// it gets, and puts away what it kept before instead, whether the pool admits or refuses. In the end it hands out
/// everything.
struct Hoarder<S: Scheduler<Task>> {
    inner: Arc<S>,
    /// Held by each call, so that an item on its way from here to `inner` is not overlooked.
    kept: Mutex<Vec<Kept<S>>>,
    calls: AtomicUsize,
}

type Kept<S> = (Task, Option<<S as Scheduler<Task>>::Hint>);

struct HoarderWorker<S: Scheduler<Task>> {
    shared: Arc<Hoarder<S>>,
    inner: S::Worker,
}

impl<S: Scheduler<Task>> Hoarder<S> {
    fn new(inner: S) -> Self {
        Self { inner: Arc::new(inner), kept: Mutex::new(Vec::new()), calls: AtomicUsize::new(0) }
    }

    /// Puts away one of the kept tasks, if there are some.
    fn put_another(&self, kept: &mut Vec<Kept<S>>, call: usize) {
        if kept.len() > 5 {
            let (task, hint) = kept.swap_remove(call % kept.len());
            self.inner.inject(task, hint);
        }
    }
}

impl<S: Scheduler<Task>> Scheduler<Task> for Hoarder<S> {
    type Hint = S::Hint;
    type Worker = HoarderWorker<S>;

    fn attach(self: &Arc<Self>, seed: u64) -> HoarderWorker<S> {
        HoarderWorker { shared: Arc::clone(self), inner: self.inner.attach(seed) }
    }

    fn inject(&self, item: Task, hint: Option<S::Hint>) {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let mut kept = self.kept.lock();
        kept.push((item, hint));
        self.put_another(&mut kept, call);
    }

    fn inject_if(&self, admit: impl FnOnce(Asking<'_>) -> Admit<Task, S::Hint>) {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let mut kept = self.kept.lock();
        let answer = match call % 4 {
            0 => {
                self.put_another(&mut kept, call);
                admit(Asking::under(&kept))
            }
            1 => admit(Asking::under(&kept)),
            2 => admit(Asking::unlocked()),
            // It does not ask.
            _ => Admit::Full,
        };
        if let Admit::Yes(task, hint) = answer {
            kept.push((task, hint));
        }
        self.put_another(&mut kept, call);
    }

    fn is_empty(&self) -> bool {
        let kept = self.kept.lock();
        kept.is_empty() && self.inner.is_empty()
    }
}

impl<S: Scheduler<Task>> Worker<Task> for HoarderWorker<S> {
    type Hint = S::Hint;

    fn push(&mut self, item: Task, hint: Option<S::Hint>) {
        self.inner.push(item, hint);
    }

    fn next(&mut self) -> Option<Task> {
        let mut kept = self.shared.kept.lock();
        self.inner.next().or_else(|| kept.pop().map(|(task, _)| task))
    }

    fn retire(self) {
        self.inner.retire();
    }
}

/// How often each task has run.
type Runs = Arc<Vec<AtomicU32>>;

/// What is to hold once the pool has ended.
type Promise = Box<dyn FnOnce()>;

/// Submits a closure, by each way that can give it back, and of a type for each way. `None` if it was refused: then it
/// has run here, and had in it what was put into it.
fn submit<S: Scheduler<Task> + 'static>(pool: &Pool<S>, runs: &Runs, id: usize) -> Option<Promise> {
    let run = {
        let runs = Arc::clone(runs);
        move || {
            runs[id].fetch_add(1, Ordering::Relaxed);
        }
    };
    let text = format!("of the task {id}");
    let block = [id; 40];
    match id % 6 {
        // Two words, which lie in the task itself.
        0 => nothing_more(pool.try_execute(run)),
        1 => nothing_more(pool.try_execute(move || {
            assert_eq!(text, format!("of the task {id}"));
            run();
        })),
        2 => nothing_more(pool.task().try_execute(move || {
            assert!(block.iter().all(|&word| word == id));
            run();
        })),
        3 => match pool.try_spawn(move || (run(), text).1) {
            Ok(handle) => Some(Box::new(move || assert_eq!(handle.join().unwrap(), format!("of the task {id}")))),
            Err(refused) => {
                assert_eq!(given_back(refused)(), format!("of the task {id}"));
                None
            }
        },
        4 => match pool.try_spawn(move || (run(), block).1) {
            Ok(handle) => Some(Box::new(move || assert_eq!(handle.join().unwrap(), [id; 40]))),
            Err(refused) => {
                assert_eq!(given_back(refused)(), [id; 40]);
                None
            }
        },
        _ => {
            let boxed = Box::new(id);
            let batch = [move || {
                assert_eq!(*boxed, id);
                run();
            }];
            match pool.task().try_execute_batch(batch) {
                Ok(()) => Some(Box::new(|| ())),
                Err(refused) => {
                    given_back(refused).into_iter().for_each(|f| f());
                    None
                }
            }
        }
    }
}

fn nothing_more<F: FnOnce()>(verdict: Result<(), Rejected<F>>) -> Option<Promise> {
    match verdict {
        Ok(()) => Some(Box::new(|| ())),
        Err(refused) => {
            given_back(refused)();
            None
        }
    }
}

fn given_back<F>(refused: Rejected<F>) -> F {
    assert_eq!(refused.reason(), Rejection::ShutDown);
    refused.into_inner()
}

/// A pool whose strategy keeps tasks and puts others in their place is closed while the strategy is full of them. What
/// the pool refuses from then on comes back as it was submitted, whatever its type; and what was accepted runs, once.
pub fn what_is_refused_never_passes_through_the_strategy<S: Scheduler<Task> + 'static>(make: Make<S>) {
    const ACCEPTED: usize = 300;
    const REFUSED: usize = 300;
    check(move |name| {
        let pool = pool(Hoarder::new(make()), name, 2);
        let runs: Runs = Arc::new((0..ACCEPTED + REFUSED).map(|_| AtomicU32::new(0)).collect());
        let gate = occupy(&pool);
        let promises: Vec<_> = (0..ACCEPTED).map(|id| submit(&pool, &runs, id).expect("the pool is open")).collect();
        let mut before_the_end = 0;
        thread::scope(|scope| {
            let ending = scope.spawn(|| pool.shutdown().unwrap());
            until(|| {
                let is_closed = pool.try_execute(|| ()).is_err();
                before_the_end += u64::from(!is_closed);
                is_closed
            });
            let refused = (ACCEPTED..ACCEPTED + REFUSED).filter(|&id| submit(&pool, &runs, id).is_none()).count();
            let started = runs[..ACCEPTED].iter().filter(|runs| runs.load(Ordering::Relaxed) > 0).count();
            gate.open();
            ending.join().unwrap();
            assert_eq!(refused, REFUSED, "law 6: the pool had been closed");
            assert_eq!(started, 0, "the workers were held, and the strategy had everything");
        });
        promises.into_iter().for_each(|promise| promise());
        let wrong = runs.iter().filter(|runs| runs.load(Ordering::Relaxed) != 1).count();
        assert_eq!(wrong, 0, "law 1 (exactly once): {wrong} closures did not run exactly once");
        let metrics = balanced(&pool);
        assert_eq!(metrics.completed, ACCEPTED as u64 + 2 + before_the_end);
        assert_eq!(metrics.rejected, REFUSED as u64 + 1);
    });
}
