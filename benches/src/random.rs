//! Seeded pseudo-random numbers: the same seed gives the same workload on every machine.

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator; the same `seed` gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Puts `items` into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = (self.bits() % (last as u64 + 1)) as usize;
            items.swap(last, other);
        }
    }

    /// A Pareto-distributed number: at least `scale`, with tail exponent `shape`, cut at `cap`.
    ///
    /// The smaller the shape, the more of the sum comes from few large numbers. With a shape of 1.5 and no cap, the mean is
    /// three times `scale` and the variance infinite.
    pub fn pareto(&mut self, scale: f64, shape: f64, cap: f64) -> f64 {
        (scale / (1.0 - self.unit()).powf(1.0 / shape)).min(cap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pareto_repeats_for_a_seed_and_keeps_its_bounds() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            (0..10_000).map(|_| random.pareto(10.0, 1.5, 2_000.0)).collect::<Vec<_>>()
        };
        let first = draw(7);
        assert_eq!(first, draw(7));
        assert_ne!(first, draw(8));
        assert!(first.iter().all(|&value| (10.0..=2_000.0).contains(&value)));
        let mean = first.iter().sum::<f64>() / first.len() as f64;
        assert!((25.0..31.0).contains(&mean), "mean {mean}");
        let above_double = first.iter().filter(|&&value| value > 20.0).count() as f64 / 10_000.0;
        assert!((above_double - 0.5f64.powf(1.5)).abs() < 0.02, "P(X > 2 scale) = {above_double}");
    }

    #[test]
    fn shuffling_keeps_every_item() {
        let mut items: Vec<u32> = (0..1_000).collect();
        Random::new(1).shuffle(&mut items);
        assert_ne!(items, (0..1_000).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..1_000).collect::<Vec<_>>());
    }
}
