//! Strategies that panic: the worker that asked goes on, what was dropped is counted as lost and not waited for, and what was
//! kept runs.

use pool_core::Task;
use pool_core::doc_toy::Stack;
use pool_core::strategy::{Admit, Asking, Scheduler, Worker};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a strategy around a [`Stack`] passes on to it.
macro_rules! with_the_workers_of_a_stack {
    () => {
        type Hint = ();
        type Worker = <Stack as Scheduler<Task>>::Worker;

        fn attach(self: &Arc<Self>, seed: u64) -> Self::Worker {
            self.0.attach(seed)
        }
        fn inject(&self, item: Task, hint: Option<()>) {
            self.0.inject(item, hint);
        }
    };
}

/// A question of the pool to the strategy that panics, once, must not take the worker with it.
#[test]
fn a_strategy_panics_when_it_is_asked_whether_it_is_empty() {
    #[derive(Default)]
    struct Touchy(Arc<Stack>, AtomicUsize);

    impl Scheduler<Task> for Touchy {
        with_the_workers_of_a_stack!();

        fn is_empty(&self) -> bool {
            if self.1.fetch_add(1, Ordering::Relaxed) % 2 == 0 {
                resume_unwind(Box::new("touchy"));
            }
            self.0.is_empty()
        }
    }

    let runs = Arc::new(AtomicUsize::new(0));
    let pool = pool_core::Pool::builder_with(Touchy::default()).workers(3).panic_handler(|_| {}).build().unwrap();
    for _ in 0..200 {
        for _ in 0..5 {
            let runs = Arc::clone(&runs);
            pool.execute(move || {
                runs.fetch_add(1, Ordering::Relaxed);
            });
        }
        pool.wait_idle().unwrap();
    }
    pool.shutdown().unwrap();
    assert_eq!(runs.load(Ordering::Relaxed), 1000);
}

/// A strategy that panics at the third item of a batch: the two before run, the others are dropped and not waited for.
#[test]
fn a_strategy_panics_in_the_midst_of_a_batch() {
    #[derive(Default)]
    struct Choosy(Arc<Stack>);
    struct ChoosyWorker(<Stack as Scheduler<Task>>::Worker, usize);

    impl Scheduler<Task> for Choosy {
        type Hint = ();
        type Worker = ChoosyWorker;

        fn attach(self: &Arc<Self>, seed: u64) -> ChoosyWorker {
            ChoosyWorker(self.0.attach(seed), 0)
        }
        fn inject(&self, item: Task, hint: Option<()>) {
            self.0.inject(item, hint);
        }
        fn inject_batch(&self, items: impl Iterator<Item = Task>, hint: Option<()>) {
            for (place, item) in items.enumerate() {
                if place == 2 {
                    resume_unwind(Box::new("choosy"));
                }
                self.inject(item, hint);
            }
        }
        fn is_empty(&self) -> bool {
            self.0.is_empty()
        }
    }

    impl Worker<Task> for ChoosyWorker {
        type Hint = ();

        fn push(&mut self, item: Task, hint: Option<()>) {
            self.1 += 1;
            if self.1 == 3 {
                resume_unwind(Box::new("choosy"));
            }
            self.0.push(item, hint);
        }
        fn next(&mut self) -> Option<Task> {
            self.0.next()
        }
    }

    let token = Arc::new(());
    let pool = pool_core::Pool::builder_with(Choosy::default()).workers(2).build().unwrap();
    let batch = || {
        let tokens: Vec<_> = (0..5).map(|_| Arc::clone(&token)).collect();
        pool.execute_batch(tokens.into_iter().map(|token| move || drop(token)));
    };
    assert!(catch_unwind(AssertUnwindSafe(batch)).is_err(), "from outside");
    assert!(pool.install(|| catch_unwind(AssertUnwindSafe(batch)).is_err()), "from a worker");
    pool.wait_idle().unwrap();
    let metrics = pool.metrics();
    assert_eq!((metrics.submitted, metrics.completed, metrics.lost), (11, 5, 6), "{metrics:?}");
    assert_eq!(Arc::strong_count(&token), 1);
    pool.shutdown().unwrap();
}

/// A strategy that panics when a worker pushes: the submission panics, and its closure is dropped once and not waited for.
#[test]
fn a_strategy_panics_at_the_push_of_a_worker() {
    #[derive(Default)]
    struct Closed(Arc<Stack>);
    struct ClosedWorker(<Stack as Scheduler<Task>>::Worker);

    impl Scheduler<Task> for Closed {
        type Hint = ();
        type Worker = ClosedWorker;

        fn attach(self: &Arc<Self>, seed: u64) -> ClosedWorker {
            ClosedWorker(self.0.attach(seed))
        }
        fn inject(&self, item: Task, hint: Option<()>) {
            self.0.inject(item, hint);
        }
        fn is_empty(&self) -> bool {
            self.0.is_empty()
        }
    }

    impl Worker<Task> for ClosedWorker {
        type Hint = ();

        fn push(&mut self, _item: Task, _hint: Option<()>) {
            resume_unwind(Box::new("closed"));
        }
        fn next(&mut self) -> Option<Task> {
            self.0.next()
        }
    }

    let token = Arc::new(());
    let pool = Arc::new(pool_core::Pool::builder_with(Closed::default()).workers(2).build().unwrap());
    let (inside, held) = (Arc::clone(&pool), Arc::clone(&token));
    pool.install(move || {
        let (small, large, held_too, room) = (Arc::clone(&held), Arc::clone(&held), Arc::clone(&held), [0_u64; 9]);
        let free = catch_unwind(AssertUnwindSafe(|| pool_core::execute(move || drop(small))));
        let boxed = catch_unwind(AssertUnwindSafe(|| pool_core::execute(move || drop((large, room)))));
        let own = catch_unwind(AssertUnwindSafe(|| inside.execute(move || drop(held_too))));
        assert!(free.is_err() && boxed.is_err() && own.is_err());
        assert_eq!(Arc::strong_count(&held), 2, "each closure was dropped");
    });
    pool.wait_idle().unwrap();
    let metrics = pool.metrics();
    assert_eq!((metrics.submitted, metrics.completed, metrics.lost), (4, 1, 3), "{metrics:?}");
    assert_eq!(Arc::strong_count(&token), 1);
    pool.shutdown().unwrap();
}

/// A strategy that panics when the closing pool goes through its lock: the panic is reported, and the pool ends all the same.
#[test]
fn a_strategy_panics_while_the_pool_closes() {
    #[derive(Default)]
    struct Frail(Arc<Stack>);

    impl Scheduler<Task> for Frail {
        with_the_workers_of_a_stack!();

        fn inject_if(&self, admit: impl FnOnce(Asking<'_>) -> Admit<Task, ()>) {
            match admit(Asking::unlocked()) {
                Admit::Yes(item, hint) => self.inject(item, hint),
                _ => resume_unwind(Box::new("frail")),
            }
        }
        fn is_empty(&self) -> bool {
            self.0.is_empty()
        }
    }

    let panics = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&panics);
    let handler = move |_| _ = counted.fetch_add(1, Ordering::Relaxed);
    let pool = pool_core::Pool::builder_with(Frail::default()).workers(2).panic_handler(handler).build().unwrap();
    assert_eq!(pool.install(|| 5), 5);
    pool.shutdown().unwrap();
    assert_eq!(panics.load(Ordering::Relaxed), 1);
    assert!(catch_unwind(AssertUnwindSafe(|| pool.try_execute(|| ()))).is_err(), "to the submitter");
    assert!(pool.metrics().is_balanced());
}

/// A strategy that does not take all of a batch: what it left is dropped, counted as lost, and not waited for.
#[test]
fn a_strategy_that_leaves_some_of_a_batch() {
    #[derive(Default)]
    struct Sated(Arc<Stack>);

    impl Scheduler<Task> for Sated {
        with_the_workers_of_a_stack!();

        fn inject_batch(&self, items: impl Iterator<Item = Task>, _hint: Option<()>) {
            items.take(3).for_each(|item| self.inject(item, None));
        }
        fn is_empty(&self) -> bool {
            self.0.is_empty()
        }
    }

    let pool = pool_core::Pool::builder_with(Sated::default()).workers(2).build().unwrap();
    pool.execute_batch((0..5).map(|n| move || assert!(n < 5)));
    pool.wait_idle().unwrap();
    let metrics = pool.metrics();
    assert_eq!((metrics.submitted, metrics.completed, metrics.lost), (5, 3, 2), "{metrics:?}");
}

/// A strategy that panics in `inject` and keeps the item: nothing is lost, and a later wait for a quiet moment is not
/// deceived, however many it kept.
#[test]
fn a_strategy_panics_and_keeps_the_item() {
    #[derive(Default)]
    struct Hoarder(Arc<Stack>, AtomicUsize);

    impl Scheduler<Task> for Hoarder {
        type Hint = ();
        type Worker = <Stack as Scheduler<Task>>::Worker;

        fn attach(self: &Arc<Self>, seed: u64) -> Self::Worker {
            self.0.attach(seed)
        }
        fn inject(&self, item: Task, hint: Option<()>) {
            self.0.inject(item, hint);
            if self.1.fetch_add(1, Ordering::Relaxed) < 3 {
                resume_unwind(Box::new("kept"));
            }
        }
        fn is_empty(&self) -> bool {
            self.0.is_empty()
        }
    }

    for waits_between in [false, true] {
        let runs = Arc::new(AtomicUsize::new(0));
        let pool = pool_core::Pool::builder_with(Hoarder::default()).workers(2).build().unwrap();
        let count = || {
            let runs = Arc::clone(&runs);
            move || _ = runs.fetch_add(1, Ordering::Relaxed)
        };
        for _ in 0..3 {
            assert!(catch_unwind(AssertUnwindSafe(|| pool.execute(count()))).is_err());
        }
        if waits_between {
            pool.wait_idle().unwrap();
            assert_eq!(runs.load(Ordering::Relaxed), 3);
        }
        while runs.load(Ordering::Relaxed) < 3 {
            std::thread::yield_now();
        }
        for long in 1..=3 {
            let (open, gate) = std::sync::mpsc::channel::<()>();
            pool.execute(move || gate.recv().unwrap());
            let limit = std::time::Duration::from_millis(5);
            assert!(pool.wait_idle_timeout(limit).is_err(), "round {long}: a task runs");
            open.send(()).unwrap();
            pool.wait_idle().unwrap();
        }
        let metrics = pool.metrics();
        assert_eq!((metrics.submitted, metrics.completed, metrics.lost), (6, 6, 0), "{metrics:?}");
        assert!(metrics.is_balanced());
        pool.shutdown().unwrap();
    }
}

/// A strategy that panics in `next` and drops the item that it was about to hand out: its waiter is told, and the pool
/// does not wait for it.
#[test]
fn a_strategy_panics_and_drops_what_it_was_to_hand_out() {
    #[derive(Default)]
    struct Clumsy(Arc<Stack>);
    struct ClumsyWorker(<Stack as Scheduler<Task>>::Worker, usize);

    impl Scheduler<Task> for Clumsy {
        type Hint = ();
        type Worker = ClumsyWorker;

        fn attach(self: &Arc<Self>, seed: u64) -> ClumsyWorker {
            ClumsyWorker(self.0.attach(seed), 0)
        }
        fn inject(&self, item: Task, hint: Option<()>) {
            self.0.inject(item, hint);
        }
        fn is_empty(&self) -> bool {
            self.0.is_empty()
        }
    }

    impl Worker<Task> for ClumsyWorker {
        type Hint = ();

        fn push(&mut self, item: Task, hint: Option<()>) {
            self.0.push(item, hint);
        }
        fn next(&mut self) -> Option<Task> {
            let item = self.0.next()?;
            self.1 += 1;
            if self.1 % 3 == 0 {
                resume_unwind(Box::new("dropped"));
            }
            Some(item)
        }
    }

    for workers in [1, 3] {
        let builder = pool_core::Pool::builder_with(Clumsy::default()).workers(workers);
        let pool = builder.panic_handler(|_| {}).build().unwrap();
        let results: Vec<_> = (0..90).map(|n| pool.spawn(move || n)).map(|handle| handle.join()).collect();
        let lost = results.iter().filter(|result| result.as_ref().is_err_and(|error| error.is_cancelled())).count();
        assert!(lost > 0 && results.iter().filter(|result| result.is_ok()).count() == 90 - lost);
        pool.wait_idle().unwrap();
        let metrics = pool.metrics();
        assert!(metrics.is_balanced() && metrics.waiting == 0, "{metrics:?}");
        // A task whose handle saw it dropped counts as cancelled or as lost, by how it went.
        assert_eq!((metrics.completed, metrics.lost + metrics.cancelled), (90 - lost as u64, lost as u64));
        pool.shutdown().unwrap();
    }
}
