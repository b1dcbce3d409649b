//! The soak in short: half a minute in all, by a test for each strategy. `SOAK_SEED` in the environment repeats one.

use std::sync::Once;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{soak, watch};

fn briefly(strategies: &[&'static str]) {
    static WATCH: Once = Once::new();
    WATCH.call_once(watch);
    let seed = match std::env::var("SOAK_SEED") {
        Ok(seed) => seed.parse().expect("a number in SOAK_SEED"),
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_nanos() as u64,
    };
    println!("SOAK_SEED={seed}");
    assert_eq!(soak(strategies, Duration::from_secs(6), seed, None), 0, "SOAK_SEED={seed}");
}

#[test]
fn fifo() {
    briefly(&["fifo"]);
}

#[test]
fn work_stealing() {
    briefly(&["work-stealing"]);
}

#[test]
fn levels() {
    briefly(&["levels"]);
}

#[test]
fn keyed() {
    briefly(&["keyed"]);
}

#[test]
fn any() {
    briefly(&["any-fifo", "any-work-stealing", "any-levels"]);
}
