//! Fingerprints of types, and the names behind them.

use std::any::type_name;
use std::sync::OnceLock;

/// A type that this process has encoded or asked for.
struct Known {
    name: &'static str,
    canonical: String,
    fingerprint: u32,
}

/// Slots of the table of known types, several times the types of a whole lab.
const SLOTS: usize = 512;
/// Slots tried for one name.
const TRIES: usize = 16;

/// Every type seen so far, at the slot its name hashes to or soon after. It saves the work on the
/// name at the next call, and it lets an error say what a frame holds. Only a slot's first use
/// takes a lock, for as long as it takes to hash a name; later ones are one atomic load.
static KNOWN: [OnceLock<Known>; SLOTS] = [const { OnceLock::new() }; SLOTS];

/// The fingerprint of `T`.
#[inline]
pub(crate) fn of<T: ?Sized>() -> u32 {
    of_name(type_name::<T>())
}

/// The fingerprint of the type with this name, as [`type_name`] gives it.
pub(crate) fn of_name(name: &'static str) -> u32 {
    let first = slot_hash(name.as_bytes());
    for i in 0..TRIES {
        let known = KNOWN[first.wrapping_add(i) % SLOTS].get_or_init(|| Known::new(name));
        if known.name == name {
            return known.fingerprint;
        }
    }
    // A crowded table costs time, and errors cannot name this type; nothing else.
    Known::new(name).fingerprint
}

/// The name of a known type with this fingerprint.
pub(crate) fn name(fingerprint: u32) -> Option<&'static str> {
    let mut known = KNOWN.iter().filter_map(OnceLock::get);
    known
        .find(|k| k.fingerprint == fingerprint)
        .map(|k| k.canonical.as_str())
}

impl Known {
    fn new(name: &'static str) -> Known {
        let canonical = canonical(name);
        Known {
            name,
            fingerprint: fnv(canonical.as_bytes()),
            canonical,
        }
    }
}

/// A quick hash, eight bytes at a time, that only chooses a slot.
fn slot_hash(name: &[u8]) -> usize {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = name.as_chunks::<8>();
    let mut h = name.len() as u64;
    for word in words {
        h = (h.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(K);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    h = (h.rotate_left(5) ^ u64::from_le_bytes(last)).wrapping_mul(K);
    (h >> 40) as usize
}

/// FNV-1a, folded to 32 bits: among a hundred types two share one with odds of 1 in 870,000.
fn fnv(bytes: &[u8]) -> u32 {
    let mut h = 0xcbf2_9ce4_8422_2325_u64;
    for b in bytes {
        h = (h ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    (h ^ (h >> 32)) as u32
}

/// The name without what leaves no mark in the encoding: references, boxes, and the difference
/// between `str` and `String` and between `[T]` and `Vec<T>`.
fn canonical(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    append_canonical(name, &mut out);
    out
}

fn append_canonical(mut rest: &str, out: &mut String) {
    const BOX: &str = "alloc::boxed::Box";
    while let Some(c) = rest.chars().next() {
        if c == '&' {
            rest = after_reference(&rest[1..]);
        } else if c == '['
            && let Some((inner, after)) = split_bracket(rest, '[', ']')
        {
            append_brackets(inner, out);
            rest = after;
        } else if is_name_part(c) {
            let end = rest.find(|c| !is_name_part(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after;
            match word {
                "str" => out.push_str(type_name::<String>()),
                BOX if let Some((inner, after)) = split_bracket(rest, '<', '>') => {
                    append_canonical(inner, out);
                    rest = after;
                }
                _ => out.push_str(word),
            }
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
}

/// What stands in brackets is an array, which has a `;`, or a slice.
fn append_brackets(inner: &str, out: &mut String) {
    let is_array = top_level(inner).any(|(_, c)| c == ';');
    out.push_str(if is_array { "[" } else { "alloc::vec::Vec<" });
    append_canonical(inner, out);
    out.push(if is_array { ']' } else { '>' });
}

/// The rest after a `&`, without the `'_ ` and the `mut ` that belong to it.
fn after_reference(mut rest: &str) -> &str {
    if rest.starts_with('\'') {
        rest = rest.split_once(' ').map_or("", |(_, after)| after);
    }
    rest.strip_prefix("mut ").unwrap_or(rest)
}

/// Of a text that begins with `open`: what is inside that bracket, and what follows it.
fn split_bracket(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    let body = text.strip_prefix(open)?;
    let (at, _) = top_level(body).find(|(_, c)| *c == close)?;
    Some((&body[..at], &body[at + close.len_utf8()..]))
}

/// The characters that are in no bracket of any kind, and the bracket that closes too much.
fn top_level(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut depth = 0;
    text.char_indices().filter(move |(_, c)| {
        let before = depth;
        match c {
            '(' | '[' | '<' | '{' => depth += 1,
            ')' | ']' | '>' | '}' => depth -= 1,
            _ => {}
        }
        before == 0 && depth <= 0
    })
}

fn is_name_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == ':'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_leaves_no_mark_in_the_encoding() {
        for (name, expected) in [
            ("u64", "u64"),
            ("raft::message::Args", "raft::message::Args"),
            ("&raft::Args", "raft::Args"),
            ("&&mut raft::Args", "raft::Args"),
            ("&'_ raft::Args<'_>", "raft::Args<'_>"),
            ("&str", "alloc::string::String"),
            ("raft::str::strange", "raft::str::strange"),
            ("[u8]", "alloc::vec::Vec<u8>"),
            ("&[&str]", "alloc::vec::Vec<alloc::string::String>"),
            ("[u8; 3]", "[u8; 3]"),
            ("[[u8; 3]]", "alloc::vec::Vec<[u8; 3]>"),
            ("[&[u8]; 3]", "[alloc::vec::Vec<u8>; 3]"),
            (
                "(u64, &[raft::Entry])",
                "(u64, alloc::vec::Vec<raft::Entry>)",
            ),
            (
                "alloc::boxed::Box<[alloc::boxed::Box<u8>]>",
                "alloc::vec::Vec<u8>",
            ),
            ("my::alloc::boxed::Box<u8>", "my::alloc::boxed::Box<u8>"),
            (
                "core::option::Option<&(u8, &str)>",
                "core::option::Option<(u8, alloc::string::String)>",
            ),
        ] {
            assert_eq!(canonical(name), expected, "of {name}");
        }
    }

    /// Whatever a compiler may put into a name one day, it must not bring us down.
    #[test]
    fn odd_names_are_kept() {
        for name in [
            "",
            "&",
            "&'",
            "&'a",
            "[",
            "]",
            "[[u8]",
            "a<",
            "a>",
            "alloc::boxed::Box<",
            "é[ß]",
            "fn(&u8) -> [u8",
        ] {
            let _ = canonical(name);
        }
        assert_eq!(canonical("fn(u8) -> u8"), "fn(u8) -> u8");
        assert_eq!(canonical("[[u8"), "[[u8");
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        // Published values of the 64-bit hash, folded.
        let fold = |h: u64| (h ^ (h >> 32)) as u32;
        assert_eq!(fnv(b""), fold(0xcbf2_9ce4_8422_2325));
        assert_eq!(fnv(b"a"), fold(0xaf63_dc4c_8601_ec8c));
        assert_eq!(fnv(b"foobar"), fold(0x8594_4171_f739_67e8));
    }

    /// A full table makes fingerprints slower and nothing else.
    #[test]
    fn a_crowded_table_gives_the_same_fingerprints() {
        let names: Vec<&'static str> = (0..3 * SLOTS)
            .map(|i| &*format!("crowd::T{i}").leak())
            .collect();
        for name in names.iter().chain(&names) {
            assert_eq!(of_name(name), fnv(name.as_bytes()), "of {name}");
        }
    }

    /// The slots must spread, or every call would probe.
    #[test]
    fn slots_spread() {
        let mut used = std::collections::BTreeSet::new();
        for i in 0..100 {
            used.insert(slot_hash(format!("raft::message::Type{i}").as_bytes()) % SLOTS);
        }
        assert!(used.len() > 80, "100 names share {} slots", used.len());
    }
}
