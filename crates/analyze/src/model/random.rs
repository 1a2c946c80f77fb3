//! Chance that is the same again for the same seed and group.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};
use sha2::{Digest, Sha256};

/// Random numbers.
pub struct Random(Xoshiro256PlusPlus);

impl Random {
    /// Those of a group: whichever other groups there are, they are the same.
    pub fn of(seed: u64, group: &[Option<String>]) -> Self {
        let mut digest = Sha256::new();
        digest.update(seed.to_le_bytes());
        for value in group {
            let value = value.as_deref();
            digest.update([u8::from(value.is_some())]);
            let text = value.unwrap_or_default().as_bytes();
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text);
        }
        Self(Xoshiro256PlusPlus::from_seed(digest.finalize().into()))
    }

    /// A number from 0 to before 1.
    pub fn unit(&mut self) -> f64 {
        // As many digits as a float of 64 bits has.
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A whole number from 0 to before `end`; 0 if there is none.
    pub fn below(&mut self, end: usize) -> usize {
        // The high half of the product: the unevenness is below any that could be seen (Lemire, "Fast Random Integer
        // Generation in an Interval", 2019).
        let product = u128::from(self.0.next_u64()) * end as u128;
        (product >> 64) as usize
    }

    /// Any whole number.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_its_own_chance_and_the_same_again() {
        let of = |seed, group: &[Option<&str>]| {
            let group = group.iter().map(|value| value.map(str::to_owned));
            Random::of(seed, &group.collect::<Vec<_>>()).number()
        };
        assert_eq!(of(1, &[Some("a")]), of(1, &[Some("a")]));
        let all = [
            of(1, &[Some("a")]),
            of(2, &[Some("a")]),
            of(1, &[Some("b")]),
            of(1, &[Some("")]),
            of(1, &[None]),
            of(1, &[]),
            of(1, &[Some("a"), Some("")]),
            of(1, &[Some(""), Some("a")]),
        ];
        let distinct = all.iter().collect::<std::collections::BTreeSet<_>>();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn numbers_below_an_end_reach_all_of_them() {
        let mut random = Random::of(7, &[]);
        let mut counts = [0; 10];
        for _ in 0..10_000 {
            counts[random.below(10)] += 1;
            assert!((0.0..1.0).contains(&random.unit()));
        }
        let is_even = counts.iter().all(|count| (800..1_200).contains(count));
        assert!(is_even, "{counts:?}");
        assert_eq!(random.below(0), 0);
    }
}
