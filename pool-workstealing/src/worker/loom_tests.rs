//! Models under [loom](https://docs.rs/loom): `RUSTFLAGS="--cfg loom" cargo test -p pool-workstealing --release --lib`
//!
//! The deques are not of loom: their accesses take effect at once, in the order of the model's steps. What is explored are
//! the list of workers, the outside queue and the fences of the pool.

use loom::thread;
use pool_core::strategy::Scheduler;
use pool_core::sync::atomic::{AtomicBool, Ordering, fence};

use super::*;

/// The owner takes another deque and pushes to it, while a worker that has the old one in its snapshot falls asleep: the
/// sleeper finds the item, or the owner sees that it must wake the sleeper.
#[test]
fn a_last_look_overlooks_no_replaced_deque() {
    loom::model(|| {
        let shared = Arc::new(WorkStealing::<u32>::new());
        let mut sleeper = shared.attach(0);
        let mut owner = shared.attach(1);
        sleeper.refresh();
        let is_asleep = Arc::new(AtomicBool::new(false));
        let announced = Arc::clone(&is_asleep);
        let look = thread::spawn(move || {
            announced.store(true, Ordering::Relaxed);
            // As S2 of the idle protocol.
            fence(Ordering::SeqCst);
            let found = sleeper.search_everywhere();
            (sleeper, found)
        });
        owner.replace_place();
        owner.push(7, None);
        // As N2.
        fence(Ordering::SeqCst);
        let wakes = is_asleep.load(Ordering::Relaxed);
        let (mut sleeper, found) = look.join().unwrap();
        assert!(wakes || found == Some(7), "it sleeps while an item waits");
        // Woken, it finds the item.
        assert_eq!(found.or_else(|| sleeper.next()), Some(7));
    });
}
