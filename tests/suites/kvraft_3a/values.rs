//! Keys and values are any text (raftapi::kv).

use kvraft::{Clerk, Server};
use raft::Raft;
use tests::prelude::*;

/// A value need not be short.
#[story(part = "3A", servers = 3, points = 2)]
fn a_large_value(c: &Cluster) {
    let large: String = (0..4 * 1024)
        .map(|_| format!("{:016x}", rng().random::<u64>()))
        .collect();
    let mut clerk = c.clerk();
    clerk.put("x", &large);
    clerk.append("x", "!");
    let value = clerk.get("x");
    c.expect(&claim::READS_OWN_WRITES, value == large + "!", || {
        format!(
            "a get returned {} bytes, not the 65,537 that were written",
            value.len()
        )
    });
}

/// The empty text is a value as any other, a key that was never written has it, and appends begin with it (raftapi::kv).
#[story(part = "3A", servers = 3, points = 2)]
fn empty_values(c: &Cluster) {
    let mut clerk = c.clerk();
    for key in ["x", ""] {
        c.expect_value(&clerk.get(key), "");
        clerk.append(key, "a");
        c.expect_value(&clerk.get(key), "a");
        clerk.put(key, "");
        c.expect_value(&clerk.get(key), "");
        clerk.append(key, "");
        clerk.append(key, "b");
        c.expect_value(&clerk.get(key), "b");
    }
}

/// Keys and values are text, whatever is in it: white space, line breaks, letters of any alphabet (raftapi::kv).
#[story(part = "3A", servers = 3, points = 2)]
fn any_text(c: &Cluster) {
    const TEXTS: [&str; 7] = ["a", "a b", " a ", "a\n", "a\0b", "ä½京", "\t"];
    let mut clerk = c.clerk();
    let values = || TEXTS.iter().cycle().skip(2);
    for (key, value) in TEXTS.iter().zip(values()) {
        clerk.put(key, value);
        clerk.append(key, "\n");
    }
    for (key, value) in TEXTS.iter().zip(values()) {
        c.expect_value(&clerk.get(key), &format!("{value}\n"));
    }
}

/// A clerk that writes the same once more means it: two writes that say the same are two (§8).
#[story(part = "3A", servers = 3, points = 2)]
fn the_same_again(c: &Cluster) {
    let (mut one, mut other) = (c.clerk(), c.clerk());
    (0..3).for_each(|_| one.append("x", "a"));
    c.expect_value(&one.get("x"), "aaa");
    one.put("y", "1");
    other.put("y", "2");
    one.put("y", "1");
    c.expect_value(&other.get("y"), "1");
}
