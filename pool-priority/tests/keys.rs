//! Any ordered key does, and a submission without a key is never the most urgent by accident.

use std::cmp::Reverse;
use std::fmt::Debug;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant, SystemTime};

use pool_priority::{Keyed, KeyedPool};

/// A user's own key: ordered, and nothing else that a pool might ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ticket {
    class: u8,
    name: String,
}

fn ticket(class: u8, name: &str) -> Ticket {
    Ticket { class, name: name.to_owned() }
}

/// The order in which one worker runs what was submitted while it was held. `None`: without a key.
fn order<K: Ord + Clone + Send + Debug + 'static>(keyed: Keyed<K>, submitted: Vec<Option<K>>) -> Vec<Option<K>> {
    let pool: KeyedPool<K> = KeyedPool::builder_with(keyed).workers(1).build().unwrap();
    let (log, ran) = channel();
    let (open, gate) = channel::<()>();
    let (holds, held) = channel();
    pool.execute(move || {
        holds.send(()).unwrap();
        assert!(gate.recv().is_err(), "the gate is opened by dropping its other end");
    });
    held.recv().unwrap();
    for key in submitted {
        let (log, said) = (log.clone(), key.clone());
        let task = move || log.send(said).unwrap();
        match key {
            Some(key) => pool.task().hint(key).execute(task),
            None => pool.execute(task),
        }
    }
    drop(open);
    pool.wait_idle().unwrap();
    ran.try_iter().collect()
}

/// Submits the keys and one task without a key, in an order of their own, and expects the given one.
fn runs_in_order<K: Ord + Clone + Send + Debug + 'static>(sorted: [K; 3]) {
    let [first, second, third] = sorted.map(Some);
    let submitted = vec![third.clone(), None, first.clone(), second.clone()];
    assert_eq!(order(Keyed::new(), submitted), [first, second, third, None], "without a key it goes last");
}

#[test]
fn keys_of_all_kinds() {
    let (now, time) = (Instant::now(), SystemTime::now());
    runs_in_order([0, 1, 2].map(|seconds| now + Duration::from_secs(seconds)));
    runs_in_order([0, 1, 2].map(|seconds| time + Duration::from_secs(seconds)));
    runs_in_order([9_u32, 5, 1].map(Reverse));
    runs_in_order([(0_u8, 'b'), (1, 'a'), (1, 'b')]);
    runs_in_order([ticket(1, "a"), ticket(1, "b"), ticket(2, "a")]);
}

#[test]
fn a_plain_key_puts_a_submission_without_a_key_where_its_user_wants_it() {
    let submitted = vec![Some(7), None, Some(3), Some(5)];
    let ran = order(Keyed::new().with_plain_key(5_u32), submitted);
    assert_eq!(ran, [Some(3), None, Some(5), Some(7)], "equal keys in submission order");
}
