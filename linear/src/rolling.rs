//! A hash of strings that goes on where the string does.

use crate::seen::Words;

/// The hash of a string, 122 bits.
///
/// A string's bytes `c1 … cn` are the coefficients of a polynomial, `(c1+1)·B^(n-1) + … + (cn+1)`,
/// evaluated at two random bases modulo the prime 2^61 - 1. So the hash of `s` followed by `t`
/// is made from the hashes of `s` and `t` and the length of `t`; the 1 added to each byte tells
/// `""` from `"\0"`.
///
/// Two different strings of at most `n` bytes have the same hash at one base if their difference,
/// a polynomial of degree below `n`, has a root there: for at most `n` of the 2^61 bases. At both
/// bases at once, with probability under `(n / 2^61)^2`: for strings of 64 KiB, 2^-90. A search of
/// 2^22 steps compares at most 2^43 pairs, so that it errs with probability under 2^-47, and only
/// towards "illegal": right verdicts are confirmed on the strings themselves. The bases come from
/// the seed and know nothing of the strings; nobody who chooses the strings knows the bases, as
/// long as no test chooses its values by this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Digest {
    lanes: [u64; 2],
}

impl Digest {
    /// The hash of the empty string.
    pub(crate) const EMPTY: Digest = Digest { lanes: [0; 2] };

    /// The hash as one number.
    #[inline]
    pub(crate) fn number(self) -> u128 {
        u128::from(self.lanes[0]) << 64 | u128::from(self.lanes[1])
    }
}

/// A string to append: its hash, and the factor by which it shifts what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Suffix {
    digest: Digest,
    shift: [u64; 2],
}

/// How strings are hashed: the bases.
#[derive(Debug, Clone)]
pub(crate) struct Rolling {
    /// `powers[lane][k]` is the base to the power `k`.
    powers: [[u64; BLOCK + 1]; 2],
}

const PRIME: u64 = (1 << 61) - 1;

/// Bytes taken in one go. Their products, 8 of 70 bits each, fit in 128 bits unreduced.
const BLOCK: usize = 8;

impl Rolling {
    pub(crate) fn new(seed: u64) -> Self {
        let mut words = Words::new(seed);
        let powers = [(); 2].map(|()| {
            let base = 1024 + words.next() % (PRIME - 1024);
            let mut powers = [1; BLOCK + 1];
            for k in 1..=BLOCK {
                powers[k] = multiply(powers[k - 1], base);
            }
            powers
        });
        Rolling { powers }
    }

    /// The hash of the hashed string followed by `bytes`.
    pub(crate) fn extend(&self, mut digest: Digest, bytes: &[u8]) -> Digest {
        for block in bytes.chunks(BLOCK) {
            for (lane, powers) in digest.lanes.iter_mut().zip(&self.powers) {
                let head = u128::from(*lane) * u128::from(powers[block.len()]);
                let mut sum = u128::from(reduce(head));
                for (k, &byte) in block.iter().rev().enumerate() {
                    sum += u128::from(powers[k]) * u128::from(u64::from(byte) + 1);
                }
                *lane = reduce(sum);
            }
        }
        digest
    }

    /// `text`, ready to be appended many times.
    pub(crate) fn suffix(&self, text: &[u8]) -> Suffix {
        let shift = [0, 1].map(|lane| power(self.powers[lane][1], text.len() as u64));
        Suffix {
            digest: self.extend(Digest::EMPTY, text),
            shift,
        }
    }
}

impl Suffix {
    /// The hash of the hashed string followed by this one.
    #[inline]
    pub(crate) fn after(self, before: Digest) -> Digest {
        let lanes = [0, 1].map(|lane| {
            let sum = multiply(before.lanes[lane], self.shift[lane]) + self.digest.lanes[lane];
            if sum >= PRIME { sum - PRIME } else { sum }
        });
        Digest { lanes }
    }
}

/// `value` modulo the prime, since 2^61 is 1 there.
#[inline]
fn reduce(value: u128) -> u64 {
    let folded = (value & u128::from(PRIME)) + (value >> 61);
    let folded = (folded as u64 & PRIME) + (folded >> 61) as u64;
    if folded >= PRIME {
        folded - PRIME
    } else {
        folded
    }
}

#[inline]
fn multiply(a: u64, b: u64) -> u64 {
    reduce(u128::from(a) * u128::from(b))
}

fn power(mut base: u64, mut exponent: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = multiply(result, base);
        }
        base = multiply(base, base);
        exponent >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::{Digest, PRIME, Rolling, reduce};

    #[test]
    fn appending_equals_hashing_the_whole() {
        let rolling = Rolling::new(1);
        let text = b"the quick brown fox jumps over the lazy dog";
        let whole = rolling.extend(Digest::EMPTY, text);
        for cut in 0..=text.len() {
            let (head, tail) = text.split_at(cut);
            let head = rolling.extend(Digest::EMPTY, head);
            assert_eq!(rolling.suffix(tail).after(head), whole, "cut at {cut}");
            assert_eq!(rolling.extend(head, tail), whole, "extended from {cut}");
        }
    }

    #[test]
    fn the_digest_is_the_polynomial_it_says_it_is() {
        let rolling = Rolling::new(9);
        let text = [0, 255, 7, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
        for lane in 0..2 {
            let base = u128::from(rolling.powers[lane][1]);
            let value = text.iter().fold(0, |sum, &byte| {
                (sum * base + u128::from(byte) + 1) % u128::from(PRIME)
            });
            let digest = rolling.extend(Digest::EMPTY, &text);
            assert_eq!(u128::from(digest.lanes[lane]), value, "lane {lane}");
        }
    }

    #[test]
    fn like_strings_differ_at_both_bases() {
        let texts: [&[u8]; 7] = [b"", b"\0", b"\0\0", b"ab", b"ba", b"a", b"b"];
        let rolling = Rolling::new(2);
        for (i, a) in texts.iter().enumerate() {
            for b in &texts[..i] {
                let [a1, a2] = rolling.extend(Digest::EMPTY, a).lanes;
                let [b1, b2] = rolling.extend(Digest::EMPTY, b).lanes;
                assert!(a1 != b1 && a2 != b2, "{a:?} and {b:?}");
            }
        }
        let other = Rolling::new(3);
        assert_ne!(other.suffix(b"ab"), rolling.suffix(b"ab"), "seeds differ");
    }

    #[test]
    fn reduces_the_edges() {
        let prime = u128::from(PRIME);
        for value in [
            0,
            1,
            prime - 1,
            prime,
            prime + 1,
            2 * prime,
            prime * prime,
            u128::MAX,
        ] {
            assert_eq!(u128::from(reduce(value)), value % prime, "{value}");
        }
    }
}
