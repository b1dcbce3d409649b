/// Xorshift64\* (Marsaglia 2003; Vigna 2016): three shifts and a multiplication, good enough to spread thieves.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Neighbouring seeds give unrelated streams: one round of SplitMix64 (Steele, Lea, Flood 2014) mixes the seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        // Zero is the one state that xorshift never leaves.
        Self((z ^ (z >> 31)).max(1))
    }

    /// A number below `n`, which must not be 0.
    #[inline]
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        ((high * n as u64) >> 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn every_victim_gets_its_share() {
        for seed in [0, 1, 2, u64::MAX] {
            let mut random = Random::new(seed);
            let mut hits = [0_u32; 7];
            for _ in 0..70_000 {
                hits[random.below(7)] += 1;
            }
            assert!(hits.iter().all(|&n| (9_000..11_000).contains(&n)), "seed {seed}: {hits:?}");
        }
    }
}
