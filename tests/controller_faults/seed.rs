//! Where the tests' choices come from.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Whether all is gone through that there is.
pub(crate) fn is_exhaustive() -> bool {
    std::env::var("ANYWHERE_FAULTS").is_ok_and(|value| value == "all")
}

/// A number from the environment.
pub(crate) fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

/// The seed of this run, which is printed.
pub(crate) fn seed() -> u64 {
    let seed = number("ANYWHERE_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish() % 1_000_000);
    println!("ANYWHERE_SEED={seed}");
    seed
}

/// Choices that follow from a seed: splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
pub(crate) struct Choices(u64);

impl Choices {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// Whether something with this chance, in percent, happens.
    pub(crate) fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// All of these in any order.
    pub(crate) fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            all.swap(last, other);
        }
    }
}
