//! A set of small numbers.

/// A set of operations, one bit each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// The empty set, with room for the numbers below `len`.
    #[must_use]
    pub fn new(len: usize) -> Self {
        Bits {
            words: vec![0; len.div_ceil(64)],
        }
    }

    /// Whether `index` is in the set.
    ///
    /// # Panics
    /// If the set has no room for it.
    #[inline]
    #[must_use]
    pub fn contains(&self, index: usize) -> bool {
        self.words[index / 64] >> (index % 64) & 1 == 1
    }

    #[inline]
    pub(crate) fn insert(&mut self, index: usize) {
        self.words[index / 64] |= 1 << (index % 64);
    }

    #[inline]
    pub(crate) fn remove(&mut self, index: usize) {
        self.words[index / 64] &= !(1 << (index % 64));
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn holds_what_was_put_in_and_not_taken_out() {
        let mut bits = Bits::new(130);
        for index in [0, 63, 64, 129] {
            assert!(!bits.contains(index), "{index} in an empty set");
            bits.insert(index);
        }
        bits.remove(64);
        let held: Vec<usize> = (0..130).filter(|&index| bits.contains(index)).collect();
        assert_eq!(held, [0, 63, 129]);
    }
}
