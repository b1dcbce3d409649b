//! What a future costs in allocations: one when it is spawned, none for a poll or a wake.

use pool_core::doc_toy::Pool;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::poll_fn;
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Poll, Waker};

/// Counts the allocations of each thread, so that what the test harness does beside it is not seen.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Of this thread.
fn allocations() -> usize {
    ALLOCATIONS.get()
}

/// Measured while the only worker is busy: to wake a sleeping worker costs a list.
#[test]
fn one_for_a_future_and_none_for_a_poll_or_a_wake() {
    let pool = Pool::builder().workers(1).build().unwrap();
    let remote = pool.remote();
    // The first one lets the queue and the list of futures grow.
    for _ in 0..2 {
        let remote = remote.clone();
        let spawned = pool.spawn(move || {
            let before = allocations();
            let mut polls = 0;
            let mut first = 0;
            let handle = remote.spawn_future(poll_fn(move |context| {
                polls += 1;
                match polls {
                    1 => {}
                    // When the list has it.
                    2 => first = allocations(),
                    1000 => return Poll::Ready(allocations() - first),
                    _ => {}
                }
                context.waker().wake_by_ref();
                Poll::Pending
            }));
            (handle, allocations() - before)
        });
        let (handle, for_spawn) = spawned.join().unwrap();
        assert_eq!((for_spawn, handle.join().unwrap()), (1, 0));
    }
    // Woken from outside.
    let left = Arc::new(Mutex::new(None::<Waker>));
    let leave = Arc::clone(&left);
    let handle = pool.spawn_future(poll_fn(move |context| {
        *leave.lock().unwrap() = Some(context.waker().clone());
        Poll::<()>::Pending
    }));
    for _ in 0..100 {
        pool.wait_idle().unwrap();
        let (begun, goes_on) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let waits = (Arc::clone(&begun), Arc::clone(&goes_on));
        pool.execute(move || {
            waits.0.wait();
            waits.1.wait();
        });
        begun.wait();
        let waker = left.lock().unwrap().take().expect("it was polled");
        let before = allocations();
        waker.wake_by_ref();
        waker.wake();
        assert_eq!(allocations() - before, 0);
        goes_on.wait();
    }
    assert!(handle.cancel());
}
