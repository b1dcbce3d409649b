//! The end of a pool and of its workers, from wherever it is asked for: limits in time, the pool's own threads, what comes
//! back unrun, and which workers leave.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak, mpsc};
use std::thread;
use std::time::Duration;

use pool_core::{Pool, Rejection, Scheduler, Task, WaitError};

use super::support::{Gate, balanced, check, occupy, occupy_one, pool, threads, tick, until};
use super::{LIMIT, Make};

/// Calls with a limit in time give up, and what they began goes on: a pool whose end was waited for in vain stays closed,
/// drains, and ends.
pub fn waits_with_a_limit_give_up<S: Scheduler<Task> + 'static>(make: Make<S>) {
    const SHORT: Duration = Duration::from_millis(1);
    check(move |name| {
        let pool = pool(make(), name, 2);
        assert_eq!(pool.wait_idle_timeout(LIMIT), Ok(()), "an idle pool");
        let gate = occupy_one(&pool);
        assert_eq!(pool.wait_idle_timeout(SHORT), Err(WaitError::TimedOut));
        assert_eq!(pool.wait_idle_timeout(Duration::ZERO), Err(WaitError::TimedOut));
        assert!(!pool.is_closed(), "to wait closes nothing");
        assert_eq!(pool.shutdown_timeout(SHORT), Err(WaitError::TimedOut));
        assert!(pool.is_closed() && !pool.has_ended());
        assert_eq!(pool.try_execute(|| ()).unwrap_err().reason(), Rejection::ShutDown);
        gate.open();
        assert_eq!(pool.shutdown_timeout(Duration::MAX), Ok(()), "no limit that a clock could tell");
        assert!(pool.has_ended());
        assert_eq!(pool.shutdown_timeout(Duration::ZERO), Ok(()), "it has ended");
        assert_eq!(balanced(&pool).completed, 1);
    });
}

/// `close` returns at once; the pool drains and ends by itself.
pub fn a_closed_pool_ends_by_itself<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 2);
        let gate = occupy(&pool);
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..20 {
            let ran = Arc::clone(&ran);
            pool.execute(move || {
                pool_core::execute({
                    let ran = Arc::clone(&ran);
                    move || tick(&ran)
                });
                tick(&ran);
            });
        }
        pool.close();
        pool.close();
        assert!(pool.is_closed() && !pool.has_ended());
        assert!(pool.try_spawn(|| ()).is_err());
        gate.open();
        until(|| pool.has_ended());
        assert_eq!(ran.load(Ordering::Relaxed), 40);
        balanced(&pool);
    });
}

/// An ended pool has no workers, says so, and gets none.
pub fn an_ended_pool_has_no_workers<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = pool(make(), name, 3);
        pool.shutdown().unwrap();
        assert_eq!((pool.workers(), pool.metrics().workers, pool.metrics().sleeping), (0, 0, 0));
        let error = pool.add_workers(2).expect_err("it has ended");
        assert_eq!(error.started(), 0);
        assert!(error.to_string().contains("shut down"), "{error}");
        assert!(pool.resize(2).is_err());
        assert_eq!(pool.retire_workers(1), 0);
        // The system may list a thread for a moment longer.
        until(|| threads::named(name).is_empty());
        // While it drains it may still grow.
        let pool = self::pool(make(), name, 1);
        let gate = occupy_one(&pool);
        let (sender, receiver) = mpsc::channel();
        pool.execute(move || sender.send(()).unwrap());
        pool.close();
        pool.add_workers(1).unwrap();
        receiver.recv().unwrap();
        gate.open();
    });
}

/// What waits comes back while a task runs that does not end; each handle to what came back says so at once, polled or
/// joined, before and after, and the result of a task that is run elsewhere reaches its handle.
pub fn shutdown_now_does_not_wait<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for workers in [1, 3] {
            let pool = pool(make(), name, workers);
            let gate = occupy(&pool);
            let mut handles: Vec<_> = (0..30).map(|i| pool.spawn(move || i)).collect();
            let mut first = handles.remove(0);
            let polls = Arc::new(Polls::default());
            assert!(polls.poll(&mut first).is_none());
            let mut rest = pool.shutdown_now().unwrap();
            assert_eq!(rest.len(), 30);
            assert_eq!(polls.wakes.load(Ordering::Relaxed), 1, "the waker is woken");
            assert!(polls.poll(&mut first).is_some_and(|result| result.unwrap_err().is_returned()));
            // One is run elsewhere before it is asked for.
            rest.remove(0).run();
            let results: Vec<_> = handles.into_iter().map(|handle| handle.join()).collect();
            assert_eq!(results.iter().filter(|result| result.is_ok()).count() + usize::from(first.join().is_ok()), 1);
            assert!(results.into_iter().filter_map(Result::err).all(|error| error.is_returned()));
            assert_eq!(pool.shutdown_timeout(Duration::ZERO), Err(WaitError::TimedOut));
            gate.open();
            pool.shutdown().unwrap();
            drop(rest);
            assert_eq!(balanced(&pool).returned, 30);
        }
    });
}

/// A task of the pool may end it by `shutdown_now`, too: it gets what waits, and runs on.
pub fn a_worker_may_call_shutdown_now<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let pool = Arc::new(pool(make(), name, 1));
        let (gate, own) = (Gate::default(), Arc::clone(&pool));
        let ending = pool.spawn({
            let gate = gate.clone();
            move || {
                gate.pass();
                own.shutdown_now().unwrap().len()
            }
        });
        pool.execute_batch((0..10).map(|_| || ()));
        gate.open();
        assert_eq!(ending.join().unwrap(), 10);
        pool.shutdown().unwrap();
        let metrics = balanced(&pool);
        assert_eq!((metrics.completed, metrics.returned), (1, 10));
    });
}

/// Counts the wakes of a waker.
#[derive(Debug, Default)]
struct Polls {
    wakes: AtomicUsize,
}

impl std::task::Wake for Polls {
    fn wake(self: Arc<Self>) {
        tick(&self.wakes);
    }
}

impl Polls {
    fn poll<F: Future + Unpin>(self: &Arc<Self>, future: &mut F) -> Option<F::Output> {
        let waker = Arc::clone(self).into();
        match std::pin::Pin::new(future).poll(&mut std::task::Context::from_waker(&waker)) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}

thread_local! {
    static LAST_WORDS: RefCell<Option<LastWords>> = const { RefCell::new(None) };
}

/// Runs a closure when the thread-locals of its thread are dropped.
struct LastWords(Option<Box<dyn FnOnce()>>);

impl Drop for LastWords {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}

/// Arranges for `f` to run while the thread-locals of this thread are dropped.
fn at_thread_exit(f: impl FnOnce() + 'static) {
    LAST_WORDS.with_borrow_mut(|words| *words = Some(LastWords(Some(Box::new(f)))));
}

/// The last owner of a pool is a thread-local of one of its own workers, which ends because the pool was closed, or because
/// it was told to leave: the pool ends by itself, and no thread joins itself.
pub fn the_last_owner_is_a_thread_local_of_a_worker<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for leaves in [false, true] {
            let pool = Arc::new(pool(make(), name, 2));
            let (own, (told, answer)) = (Arc::clone(&pool), mpsc::channel());
            let (gate, left, go) = (occupy_one(&pool), Gate::default(), Gate::default());
            let inside = (left.clone(), go.clone());
            pool.spawn(move || {
                at_thread_exit(move || {
                    inside.0.open();
                    inside.1.pass();
                    told.send((own.shutdown(), own.wait_idle(), own.shutdown_timeout(LIMIT))).unwrap();
                    drop(own);
                });
            })
            .join()
            .unwrap();
            let ran = Arc::new(AtomicUsize::new(0));
            for _ in 0..10 {
                let ran = Arc::clone(&ran);
                pool.execute(move || tick(&ran));
            }
            if leaves {
                // The other one is held.
                assert_eq!(pool.retire_workers(1), 1);
            } else {
                pool.close();
                gate.open();
            }
            left.pass();
            // Not before: of two workers with nothing in hand, either may leave.
            gate.open();
            drop(pool);
            go.open();
            let own = Err(WaitError::OwnWorker);
            assert_eq!(answer.recv_timeout(LIMIT).unwrap(), (own, own, own));
            until(|| ran.load(Ordering::Relaxed) == 10);
            until(|| threads::named(name).is_empty());
        }
    });
}

/// In the hooks a thread is the pool's own, too: it cannot wait for the pool, and is told so by an error, or by a panic,
/// which goes to the handler. What it submits without waiting runs.
pub fn hooks_cannot_wait_for_their_pool<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let place: Arc<OnceLock<Weak<Pool<S>>>> = Arc::default();
        let (answers, ran, panics) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)), Arc::default());
        let start = {
            let (place, ran) = (Arc::clone(&place), Arc::clone(&ran));
            let answers = Arc::clone(&answers);
            move |_: usize| {
                // Not for the first worker, which starts before the pool can be known.
                let Some(pool) = place.get().and_then(Weak::upgrade) else { return };
                answers.lock().unwrap().push((pool.wait_idle(), pool.shutdown_timeout(LIMIT)));
                let ran = Arc::clone(&ran);
                let child = pool.task().try_spawn(move || tick(&ran));
                assert!(child.is_err(), "it has been closed");
                let nested = pool.try_execute(|| ());
                assert!(nested.is_err());
                pool.install(|| unreachable!("it panics instead"));
            }
        };
        let stop = {
            let (place, answers) = (Arc::clone(&place), Arc::clone(&answers));
            move |_: usize| {
                if let Some(pool) = place.get().and_then(Weak::upgrade) {
                    answers.lock().unwrap().push((pool.wait_idle(), pool.shutdown()));
                }
            }
        };
        let counted: Arc<AtomicUsize> = Arc::clone(&panics);
        let builder = Pool::builder_with(make()).workers(1).thread_name(name).on_start(start).on_stop(stop);
        let pool = Arc::new(builder.panic_handler(move |_| tick(&counted)).build().unwrap());
        pool.install(|| ());
        let gate = occupy_one(&pool);
        place.set(Arc::downgrade(&pool)).unwrap();
        pool.add_workers(1).unwrap();
        until(|| panics.load(Ordering::Relaxed) == 1);
        gate.open();
        pool.shutdown().unwrap();
        let own = Err(WaitError::OwnWorker);
        assert_eq!(*answers.lock().unwrap(), [(own, own); 3], "one that starts, and two that stop");
        assert_eq!((ran.load(Ordering::Relaxed), panics.load(Ordering::Relaxed)), (0, 1));
        balanced(&pool);
    });
}

/// A hook of the only worker waits for its own pool: a panic, not a wait for ever.
pub fn a_hook_of_the_only_worker_does_not_hang<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        let place: Arc<OnceLock<Weak<Pool<S>>>> = Arc::default();
        let (entered, begin) = (Gate::default(), Gate::default());
        let panics = Arc::new(AtomicUsize::new(0));
        let start = {
            let (place, entered, begin) = (Arc::clone(&place), entered.clone(), begin.clone());
            move |_: usize| {
                entered.open();
                begin.pass();
                let pool = place.get().and_then(Weak::upgrade).expect("the test waits");
                let task = pool.spawn(|| 5);
                let join = std::panic::AssertUnwindSafe(|| task.join());
                assert!(std::panic::catch_unwind(join).is_err(), "no worker is there to run it");
                pool.join(|| (), || ());
            }
        };
        let counted = Arc::clone(&panics);
        let builder = Pool::builder_with(make()).workers(1).thread_name(name).on_start(start);
        let pool = Arc::new(builder.panic_handler(move |_| tick(&counted)).build().unwrap());
        place.set(Arc::downgrade(&pool)).unwrap();
        entered.pass();
        begin.open();
        assert_eq!(pool.install(|| 6), 6);
        pool.shutdown().unwrap();
        assert_eq!(panics.load(Ordering::Relaxed), 1);
        assert_eq!(balanced(&pool).completed, 2, "what the hook spawned runs, and what was installed");
    });
}

/// Two threads wait for the end of a pool while a thread-local of its worker takes time: both wait for it.
pub fn every_shutdown_waits_for_the_threads<S: Scheduler<Task> + 'static>(make: Make<S>) {
    check(move |name| {
        for limit in [None, Some(LIMIT)] {
            let pool = pool(make(), name, 2);
            let (leaving, go, gone) = (Gate::default(), Gate::default(), Arc::new(AtomicUsize::new(0)));
            let inside = (leaving.clone(), go.clone(), Arc::clone(&gone));
            pool.install(move || {
                at_thread_exit(move || {
                    inside.0.open();
                    inside.1.pass();
                    tick(&inside.2);
                });
            });
            thread::scope(|scope| {
                let end = || {
                    limit.map_or_else(|| pool.shutdown(), |limit| pool.shutdown_timeout(limit)).unwrap();
                    assert_eq!(gone.load(Ordering::Relaxed), 1, "the thread-local was still being dropped");
                };
                for _ in 0..3 {
                    scope.spawn(end);
                }
                leaving.pass();
                assert_eq!(pool.shutdown_timeout(Duration::from_millis(1)), Err(WaitError::TimedOut));
                go.open();
                end();
            });
        }
    });
}
