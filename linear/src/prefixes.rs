//! The hashes of all beginnings of many strings, most of which continue each other.

use crate::rolling::{Digest, Rolling};

/// One of the strings in [`Prefixes`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextId {
    trunk: u32,
    len: u64,
    whole: Digest,
}

impl TextId {
    /// The hash of the whole string, and its length.
    #[inline]
    pub(crate) fn whole(self) -> (Digest, u64) {
        (self.whole, self.len)
    }
}

/// Strings, each with the hashes of its beginnings.
///
/// The answers of a register that grows are beginnings of each other. Each string is therefore
/// kept as a beginning of a *trunk*; only what no earlier string began with is hashed. Telling how
/// far two strings agree is a comparison of memory, some ten times quicker than hashing.
pub(crate) struct Prefixes<'h> {
    rolling: Rolling,
    trunks: Vec<Trunk<'h>>,
}

struct Trunk<'h> {
    text: &'h [u8],
    /// `marks[i]` is the hash of the first `i * STRIDE` bytes.
    marks: Vec<Digest>,
}

/// Bytes between two marks: the most that are hashed for one [`Prefixes::beginning`].
const STRIDE: usize = 64;

/// How many of the latest trunks a new string is compared with.
const RECENT: usize = 4;

impl<'h> Prefixes<'h> {
    pub(crate) fn new(rolling: Rolling) -> Self {
        Prefixes {
            rolling,
            trunks: Vec::new(),
        }
    }

    pub(crate) fn insert(&mut self, text: &'h [u8]) -> TextId {
        let (trunk, agreed) = self.best_trunk(text);
        let trunk = match trunk {
            Some(trunk) if agreed == text.len() => trunk,
            Some(trunk) if agreed == self.trunks[trunk].text.len() => {
                self.trunks[trunk].text = text;
                trunk
            }
            Some(trunk) => {
                let marks = self.trunks[trunk].marks[..=agreed / STRIDE].to_vec();
                self.trunks.push(Trunk { text, marks });
                self.trunks.len() - 1
            }
            None => {
                self.trunks.push(Trunk {
                    text,
                    marks: vec![Digest::EMPTY],
                });
                self.trunks.len() - 1
            }
        };
        self.trunks[trunk].mark(&self.rolling);
        let id = TextId {
            trunk: trunk as u32,
            len: text.len() as u64,
            whole: Digest::EMPTY,
        };
        let whole = self
            .beginning(id, id.len)
            .expect("a string begins with itself");
        TextId { whole, ..id }
    }

    /// The hash of the first `len` bytes, if there are as many.
    #[inline]
    pub(crate) fn beginning(&self, id: TextId, len: u64) -> Option<Digest> {
        if len > id.len {
            return None;
        }
        let (trunk, len) = (&self.trunks[id.trunk as usize], len as usize);
        let mark = len / STRIDE;
        Some(
            self.rolling
                .extend(trunk.marks[mark], &trunk.text[mark * STRIDE..len]),
        )
    }

    /// The trunks. Each is one of the strings.
    pub(crate) fn trunks(&self) -> impl Iterator<Item = &'h [u8]> {
        self.trunks.iter().map(|trunk| trunk.text)
    }

    /// The trunk of which the string is a beginning: its number and its text.
    pub(crate) fn trunk_of(&self, id: TextId) -> (usize, &'h [u8]) {
        (id.trunk as usize, self.trunks[id.trunk as usize].text)
    }

    /// The recent trunk with which `text` agrees longest, and how long.
    fn best_trunk(&self, text: &[u8]) -> (Option<usize>, usize) {
        let mut best = (None, 0);
        for trunk in (0..self.trunks.len()).rev().take(RECENT) {
            let other = self.trunks[trunk].text;
            let agreed = agreement(text, other);
            if best.0.is_none() || agreed > best.1 {
                best = (Some(trunk), agreed);
            }
            if agreed == text.len().min(other.len()) {
                break;
            }
        }
        best
    }
}

impl Trunk<'_> {
    fn mark(&mut self, rolling: &Rolling) {
        while self.marks.len() <= self.text.len() / STRIDE {
            let done = self.marks.len() - 1;
            let stretch = &self.text[done * STRIDE..(done + 1) * STRIDE];
            self.marks.push(rolling.extend(self.marks[done], stretch));
        }
    }
}

/// How many bytes two strings have in common at their start.
pub(crate) fn agreement(a: &[u8], b: &[u8]) -> usize {
    const CHUNK: usize = 256;
    let equal_chunks = a
        .chunks_exact(CHUNK)
        .zip(b.chunks_exact(CHUNK))
        .take_while(|(a, b)| a == b)
        .count();
    let start = equal_chunks * CHUNK;
    start
        + a[start..]
            .iter()
            .zip(&b[start..])
            .take_while(|(a, b)| a == b)
            .count()
}

#[cfg(test)]
mod tests {
    use super::{Prefixes, agreement};
    use crate::rolling::{Digest, Rolling};

    #[test]
    fn agreement_is_where_they_part() {
        let long = vec![b'x'; 1000];
        for cut in [0, 1, 255, 256, 257, 700, 999] {
            let mut other = long.clone();
            other[cut] = b'y';
            assert_eq!(agreement(&long, &other), cut);
            assert_eq!(agreement(&long, &long[..cut]), cut);
        }
    }

    /// Whatever trunk a string lands on, its beginnings hash as if it stood alone.
    #[test]
    fn beginnings_hash_as_if_alone() {
        let base: Vec<u8> = (0..300_u32).map(|i| (i * i % 251) as u8).collect();
        let mut texts: Vec<Vec<u8>> = vec![Vec::new(), base[..10].to_vec(), base.clone()];
        for cut in [5, 63, 64, 65, 128, 299] {
            texts.push(
                [
                    &base[..cut],
                    b"another end, longer than one stride of marks, by far: \
                and then some more of it",
                ]
                .concat(),
            );
            texts.push(base[..cut].to_vec());
        }
        let rolling = Rolling::new(4);
        let mut prefixes = Prefixes::new(rolling.clone());
        let ids: Vec<_> = texts.iter().map(|text| prefixes.insert(text)).collect();
        for (text, &id) in texts.iter().zip(&ids) {
            for len in 0..=text.len() {
                let alone = rolling.extend(Digest::EMPTY, &text[..len]);
                assert_eq!(
                    prefixes.beginning(id, len as u64),
                    Some(alone),
                    "{len} of {text:?}"
                );
            }
            assert_eq!(prefixes.beginning(id, text.len() as u64 + 1), None);
            let whole = (rolling.extend(Digest::EMPTY, text), text.len() as u64);
            assert_eq!(id.whole(), whole);
        }
    }
}
