//! What is in a frame, and which types count as the same.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The layout is fixed: magic, version, fingerprint, postcard.
#[test]
fn golden_bytes() {
    let bytes = labgob::encode(&(300u64, true, "ab"));
    let (header, body) = bytes.split_at(labgob::HEADER_LEN);
    assert_eq!(
        body,
        [0xac, 0x02, 1, 2, b'a', b'b'],
        "a varint, a bool, a string with its length"
    );
    assert_eq!(header[..2], [0xb5, 1], "magic and version");
    // FNV-1a of "(u64, bool, alloc::string::String)", its halves xored.
    assert_eq!(header[2..], [237, 208, 162, 45], "fingerprint");
}

#[derive(Serialize, Deserialize)]
struct Heartbeat {
    term: u64,
    leader: usize,
    prev: (u64, u64),
    entries: Vec<(u64, Bytes)>,
    commit: u64,
}

/// The suites count bytes; a message without content must be small.
#[test]
fn a_heartbeat_is_small() {
    let args = Heartbeat {
        term: 12,
        leader: 2,
        prev: (3456, 11),
        entries: vec![],
        commit: 3455,
    };
    assert_eq!(labgob::encoded_len(&args), 14);
    let bytes = labgob::encode(&args);
    assert_eq!((bytes.len(), bytes.capacity()), (14, 14));
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    term: u64,
    command: String,
}

/// State can be saved by reference and read back as owned values.
#[test]
fn references_count_as_what_they_refer_to() {
    let log = vec![
        Entry {
            term: 1,
            command: "x".into(),
        },
        Entry {
            term: 2,
            command: "y".into(),
        },
    ];
    type State = (u64, Option<usize>, Vec<Entry>);
    let by_reference = labgob::encode(&(7u64, &Some(2usize), log.as_slice()));
    assert_eq!(
        labgob::decode::<State>(&by_reference),
        Ok((7, Some(2), log.clone()))
    );

    let twice = &&log[0];
    assert_eq!(labgob::decode(&labgob::encode(&twice)), Ok(log[0].clone()));
    assert_eq!(
        labgob::decode(&labgob::encode(&Box::new(log[0].clone()))),
        Ok(log[0].clone())
    );
    assert_eq!(
        labgob::decode(&labgob::encode("text")),
        Ok("text".to_string())
    );
    assert_eq!(
        labgob::decode(&labgob::encode(&["a", "b"][..])),
        Ok(vec!["a".to_string(), "b".to_string()])
    );

    let map: BTreeMap<&str, &Entry> = [("k", &log[1])].into();
    let owned: BTreeMap<String, Entry> = [("k".to_string(), log[1].clone())].into();
    assert_eq!(labgob::decode(&labgob::encode(&map)), Ok(owned));
}

/// Types with the same fields but other names are other types.
#[test]
fn the_name_decides() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Entry {
        #[allow(dead_code)]
        term: u64,
        #[allow(dead_code)]
        command: String,
    }
    let bytes = labgob::encode(&self::Entry {
        term: 1,
        command: "x".into(),
    });
    let error = labgob::decode::<Entry>(&bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`frames::the_name_decides::Entry` was asked for, but these bytes hold `frames::Entry`. \
         Decode them as the type they were encoded as"
    );
    labgob::decode::<u32>(&labgob::encode(&1u64)).expect_err("a u64 is no u32");
    labgob::decode::<[u8; 2]>(&labgob::encode(&vec![1u8, 2])).expect_err("a Vec is no array");
}

/// Threads that meet a type for the first time at the same moment agree on it.
#[test]
fn many_threads_at_once() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Fresh(u64);
    let start = std::sync::Barrier::new(4);
    let frames: Vec<Vec<u8>> = std::thread::scope(|s| {
        let one = || {
            start.wait();
            labgob::encode(&Fresh(5))
        };
        let threads: Vec<_> = (0..4).map(|_| s.spawn(one)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(frames.iter().all(|f| *f == frames[0]), "{frames:?}");
    assert_eq!(labgob::decode(&frames[0]), Ok(Fresh(5)));
}
