//! What a handle leaves behind when it is dropped, or gives up: nothing.

use pool_core::JoinHandle;
use pool_core::doc_toy::Pool;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

#[derive(Default)]
struct Counted(AtomicUsize);

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll<R>(handle: &mut JoinHandle<R>, waker: &Arc<Counted>) -> bool {
    let waker = Waker::from(Arc::clone(waker));
    matches!(Pin::new(handle).poll(&mut Context::from_waker(&waker)), Poll::Ready(_))
}

/// A pool whose worker is held until the sender is used.
fn held() -> (Pool, mpsc::Sender<()>) {
    let pool = Pool::builder().workers(1).build().unwrap();
    let ((open, gate), (begin, begun)) = (mpsc::channel(), mpsc::channel());
    pool.execute(move || {
        begin.send(()).unwrap();
        gate.recv().unwrap();
    });
    begun.recv().unwrap();
    (pool, open)
}

/// A timeout won against the task, a hundred times: none of the wakers lives on in the pool, and none is woken.
#[test]
fn a_handle_that_is_dropped_after_a_poll_forgets_its_waker() {
    let (pool, open) = held();
    let waker = Arc::new(Counted::default());
    for _ in 0..100 {
        let mut handle = pool.spawn(|| [0_u8; 1 << 10]);
        assert!(!poll(&mut handle, &waker));
        assert_eq!(Arc::strong_count(&waker), 2);
        drop(handle);
        assert_eq!(Arc::strong_count(&waker), 1, "forgotten at once");
    }
    open.send(()).unwrap();
    pool.shutdown().unwrap();
    assert_eq!(waker.0.load(Ordering::Relaxed), 0);
    assert_eq!(pool.metrics().completed, 101);
}

/// A timed join takes the place of the waker that an earlier poll left, and leaves none itself.
#[test]
fn a_timed_join_leaves_no_waker() {
    let (pool, open) = held();
    let waker = Arc::new(Counted::default());
    let mut handle = pool.spawn(|| 5);
    assert!(!poll(&mut handle, &waker));
    let mut handle = handle.join_timeout(Duration::from_millis(1)).unwrap_err();
    assert_eq!(Arc::strong_count(&waker), 1);
    // What is left on this thread: an unpark that is due to nothing.
    open.send(()).unwrap();
    pool.wait_idle().unwrap();
    assert!(poll(&mut handle, &waker));
    assert_eq!(waker.0.load(Ordering::Relaxed), 0);
}

/// A handle is dropped, polled or joined with a limit while its task ends: each waker is dropped, and woken at most once.
#[test]
fn wakers_are_forgotten_in_a_race_with_the_end() {
    let pool = Pool::builder().workers(2).build().unwrap();
    let rounds = if cfg!(miri) { 10 } else { 2_000 };
    for round in 0..rounds {
        let waker = Arc::new(Counted::default());
        let mut handle = pool.spawn(move || round);
        let ready = poll(&mut handle, &waker);
        match round % 3 {
            _ if ready => drop(handle),
            0 => drop(handle),
            1 => drop(handle.join_timeout(Duration::ZERO)),
            _ => assert_eq!(handle.join().unwrap(), round),
        }
        while Arc::strong_count(&waker) > 1 {
            std::thread::yield_now();
        }
        assert!(waker.0.load(Ordering::Relaxed) <= 1);
    }
}

/// A waker whose `Drop` panics: the handle is gone nevertheless, and the pool goes on.
#[test]
fn the_drop_of_a_waker_panics() {
    struct Bomb;
    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("bomb"));
        }
    }
    let (pool, open) = held();
    let token = Arc::new(());
    let inside = Arc::clone(&token);
    let mut handle = pool.spawn(move || inside);
    // The only reference to the waker that is left lies in the cell.
    let poll = |handle: &mut JoinHandle<Arc<()>>| {
        let waker = Waker::from(Arc::new(Bomb));
        assert!(Pin::new(handle).poll(&mut Context::from_waker(&waker)).is_pending());
    };
    poll(&mut handle);
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(handle)));
    assert!(dropped.is_err(), "it was dropped here, and not by the pool");
    open.send(()).unwrap();
    pool.shutdown().unwrap();
    assert_eq!(Arc::strong_count(&token), 1);
}
