//! Which situations the search has been in already.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// Random words from a seed (Steele, Lea & Flood's SplitMix64).
pub(crate) struct Words(u64);

impl Words {
    pub(crate) fn new(seed: u64) -> Self {
        Words(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn next_wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
}

/// `value` spread over a random word of its own.
pub(crate) fn scatter(value: u128, seed: u64) -> u128 {
    let mut high = Words::new(seed ^ value as u64);
    let mut low = Words::new(high.next() ^ (value >> 64) as u64);
    u128::from(low.next()) << 64 | u128::from(low.next())
}

/// The situations seen so far: a set of operations placed, and the state that they left.
///
/// A situation is one number of 128 bits: the XOR of a random word for each operation placed,
/// mixed with the state's fingerprint by XOR. Taking an operation changes it by one XOR, where a
/// set of 3,000 bits would have to be copied and hashed.
///
/// Two different situations that get the same number would make the search skip the second, and
/// so perhaps call a right history wrong. If the sets differ, the XOR of the words of their
/// difference is uniform over 128 bits, and whatever the states are, the numbers agree with
/// probability 2^-128: among the 2^22 situations that the default budget allows, for some pair
/// with probability under 2^-84. If the sets agree, the numbers agree only if the fingerprints
/// do; each model answers for its own (see [`crate::rolling`] for the strings').
pub(crate) struct Seen {
    numbers: HashSet<u128, BuildHasherDefault<Already>>,
}

impl Seen {
    pub(crate) fn new() -> Self {
        Seen {
            numbers: HashSet::default(),
        }
    }

    /// Whether the situation is new; from now on it is not.
    #[inline]
    pub(crate) fn insert(&mut self, number: u128) -> bool {
        self.numbers.insert(number)
    }
}

/// The hash of a number that is random already.
#[derive(Default)]
struct Already(u64);

impl Hasher for Already {
    #[inline]
    fn write_u128(&mut self, number: u128) {
        self.0 = number as u64 ^ (number >> 64) as u64;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only numbers of 128 bits are kept here");
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Seen, scatter};

    #[test]
    fn a_situation_is_new_once() {
        let mut seen = Seen::new();
        assert!(seen.insert(1 << 100));
        assert!(seen.insert(1));
        assert!(!seen.insert(1 << 100));
    }

    #[test]
    fn scatter_uses_both_halves_and_the_seed() {
        let plain = scatter(5, 1);
        assert_ne!(plain, scatter(6, 1));
        assert_ne!(plain, scatter(5 | 1 << 64, 1));
        assert_ne!(plain, scatter(5, 2));
        assert_eq!(plain, scatter(5, 1));
    }
}
