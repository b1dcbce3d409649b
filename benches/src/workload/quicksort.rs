//! Quicksort of real bytes: the overlapping eight-byte windows of a file, with the repetitions and runs that files have.

use std::path::Path;

use super::description::{Metric, Workload, workload};
use crate::capability::Join;
use crate::measure::{Measured, Meter, Params, Run, nanos_per, with_contestant};

const METRICS: &[Metric] = &[Metric::lower("time", "ns/key", "")];

/// One workload.
pub const WORKLOADS: [Workload; 1] =
    [workload("quicksort", "quicksort of 2 M keys (--full: 10 M), the 8-byte windows of a file", METRICS, "key")];

pub(crate) fn cells<C: Join>() -> [(&'static str, Run); 1] {
    [("quicksort", run::<C>)]
}

/// Up to this many keys are sorted sequentially, for every contestant alike.
const CUT_OFF: usize = 2_048;

/// Unsorted keys, and the checksum that they must still have when sorted.
struct Keys {
    keys: Vec<u64>,
    checksum: u64,
}

impl Keys {
    fn read(file: &Path, count: usize) -> std::io::Result<Keys> {
        let bytes = std::fs::read(file)?;
        if bytes.len() < 8 {
            return Err(std::io::Error::other("a file to sort needs at least eight bytes"));
        }
        // A file that is too short is used again, with other low bits.
        let keys: Vec<u64> = (0u64..)
            .flat_map(|round| {
                bytes.windows(8).map(move |window| u64::from_be_bytes(window.try_into().expect("eight bytes")) ^ round)
            })
            .take(count)
            .collect();
        let checksum = checksum(&keys);
        Ok(Keys { keys, checksum })
    }
}

/// A checksum that does not depend on the order of the keys, and that other keys hardly ever share.
fn checksum(keys: &[u64]) -> u64 {
    keys.iter().fold(0, |sum, &key| sum.wrapping_add(crate::random::Random::new(key).bits()))
}

fn quicksort<C: Join>(fork: &mut C::Fork<'_>, keys: &mut [u64]) {
    if keys.len() <= CUT_OFF {
        keys.sort_unstable();
        return;
    }
    let (left, right) = partition(keys);
    C::join_coarse(fork, |fork| quicksort::<C>(fork, left), |fork| quicksort::<C>(fork, right));
}

/// Hoare's partition around the median of nine, which splits runs of equal keys in the middle. Both parts are smaller than
/// the whole, and no key of the left one exceeds a key of the right one.
// One piece of code for all contestants: with a copy for each, the place of its loops changes times by 5 %.
#[inline(never)]
fn partition(keys: &mut [u64]) -> (&mut [u64], &mut [u64]) {
    let step = (keys.len() - 1) / 8;
    let mut nine: [u64; 9] = std::array::from_fn(|index| keys[index * step]);
    nine.sort_unstable();
    // A pivot that is not the largest key leaves a key for the right part.
    let pivot = nine[4];
    let (mut low, mut high) = (0, keys.len() - 1);
    loop {
        while keys[low] < pivot {
            low += 1;
        }
        while keys[high] > pivot {
            high -= 1;
        }
        if low >= high {
            break;
        }
        keys.swap(low, high);
        low += 1;
        high -= 1;
    }
    let middle = low.clamp(1, keys.len() - 1);
    keys.split_at_mut(middle)
}

fn run<C: Join>(params: &Params) -> Measured {
    let count = params.scale.pick(20_000, 300_000, 2_000_000, 10_000_000);
    let input = params.inputs.shared(|| {
        let file = params.data.clone().map_or_else(std::env::current_exe, Ok);
        let keys = file.and_then(|file| Keys::read(&file, count));
        keys.map_err(|error| format!("the file to sort cannot be read: {error}"))
    })?;
    let mut keys = input.keys.clone();
    with_contestant::<C>(params, |pool| {
        let meter = Meter::start();
        pool.root(|fork| quicksort::<C>(fork, &mut keys));
        let sample = meter.sample(nanos_per(meter.wall(), count as u64), count as u64);
        if !keys.is_sorted() {
            return Err("the keys are not sorted".into());
        }
        if checksum(&keys) != input.checksum {
            return Err("the sorted keys are not the given ones".into());
        }
        Ok(sample)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Contestant;
    use crate::contestant::Sequential;
    use crate::random::Random;

    #[test]
    fn sorts_what_breaks_bad_quicksorts() {
        let mut random = Random::new(3);
        let count = 3 * CUT_OFF as u64;
        let inputs: [Vec<u64>; 6] = [
            vec![5; count as usize],
            (0..count).collect(),
            (0..count).rev().collect(),
            (0..count).map(|index| index % 2).collect(),
            (0..count).map(|index| u64::from(index == count / 2)).collect(),
            (0..count).map(|_| random.bits() % 100).collect(),
        ];
        for input in inputs {
            let mut sorted = input.clone();
            Sequential::start(1).root(|fork| quicksort::<Sequential>(fork, &mut sorted));
            assert!(sorted.is_sorted());
            assert_eq!(checksum(&sorted), checksum(&input));
        }
    }

    #[test]
    fn a_changed_key_changes_the_checksum() {
        assert_ne!(checksum(&[1, 2, 3]), checksum(&[1, 2, 4]));
        assert_ne!(checksum(&[1, 1, 3]), checksum(&[1, 3, 3]));
        assert_eq!(checksum(&[1, 2, 3]), checksum(&[3, 1, 2]));
    }
}
