//! Properties over random values and random damage. `PROPTEST_CASES=100000` tries harder.

use std::collections::BTreeMap;

use bytes::Bytes;
use labgob::{DecodeError, HEADER_LEN, decode, encode, encoded_len};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Command {
    Noop,
    Get(String),
    Put {
        key: String,
        value: Bytes,
        version: Option<u64>,
    },
    Batch(Vec<Command>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct State {
    term: u64,
    vote: Option<usize>,
    log: Vec<(u64, Command)>,
    sessions: BTreeMap<String, (i64, Result<char, String>)>,
    small: (u8, i8, bool, ()),
    wide: (u128, i128, f64),
    array: [u16; 3],
}

fn command() -> impl Strategy<Value = Command> {
    let leaf = prop_oneof![
        Just(Command::Noop),
        ".{0,8}".prop_map(Command::Get),
        (".{0,8}", vec(any::<u8>(), 0..40), any::<Option<u64>>()).prop_map(
            |(key, value, version)| Command::Put {
                key,
                value: value.into(),
                version
            }
        ),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| vec(inner, 0..4).prop_map(Command::Batch))
}

fn state() -> impl Strategy<Value = State> {
    let session = (
        any::<i64>(),
        prop::result::maybe_ok(any::<char>(), ".{0,4}"),
    );
    (
        (
            any::<u64>(),
            option::of(any::<usize>()),
            vec((any::<u64>(), command()), 0..6),
        ),
        btree_map(".{0,6}", session, 0..4),
        any::<(u8, i8, bool, ())>(),
        (
            any::<u128>(),
            any::<i128>(),
            prop::num::f64::ANY.prop_filter("NaN != NaN", |f| !f.is_nan()),
        ),
        any::<[u16; 3]>(),
    )
        .prop_map(|((term, vote, log), sessions, small, wide, array)| State {
            term,
            vote,
            log,
            sessions,
            small,
            wide,
            array,
        })
}

/// Ways to damage bytes.
#[derive(Clone, Debug)]
enum Damage {
    Flip { at: prop::sample::Index, bit: u8 },
    Set { at: prop::sample::Index, to: u8 },
    Remove { at: prop::sample::Index },
    Insert { at: prop::sample::Index, byte: u8 },
    Cut { at: prop::sample::Index },
    Repeat { from: prop::sample::Index },
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), 0u8..8).prop_map(|(at, bit)| Damage::Flip { at, bit }),
        (at(), any::<u8>()).prop_map(|(at, to)| Damage::Set { at, to }),
        at().prop_map(|at| Damage::Remove { at }),
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert { at, byte }),
        at().prop_map(|at| Damage::Cut { at }),
        at().prop_map(|from| Damage::Repeat { from }),
    ]
}

impl Damage {
    /// Damages what follows the header, so that the decoder gets to see it.
    fn apply(&self, bytes: &mut Vec<u8>) {
        let body = bytes.len() - HEADER_LEN;
        if body == 0 {
            return;
        }
        let place = |at: &prop::sample::Index| HEADER_LEN + at.index(body);
        match self {
            Damage::Flip { at, bit } => bytes[place(at)] ^= 1 << bit,
            Damage::Set { at, to } => bytes[place(at)] = *to,
            Damage::Remove { at } => drop(bytes.remove(place(at))),
            Damage::Insert { at, byte } => bytes.insert(place(at), *byte),
            Damage::Cut { at } => bytes.truncate(place(at)),
            Damage::Repeat { from } => bytes.extend_from_within(place(from)..),
        }
    }
}

/// Decodes as several types; that it returns at all is the point. What it accepts must be a value
/// like any other.
fn survives(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(state) = decode::<State>(bytes) {
        let again = encode(&state);
        prop_assert_eq!(again.len(), encoded_len(&state));
        prop_assert_eq!(
            encode(&decode::<State>(&again).expect("a state just encoded")),
            again
        );
    }
    let _ = decode::<Command>(bytes);
    let _ = decode::<Vec<String>>(bytes);
    let _ = decode::<(u64, Option<Bytes>)>(bytes);
    Ok(())
}

/// A frame of a `T` around this body.
fn framed<T: Serialize>(sample: &T, body: &[u8]) -> Vec<u8> {
    let mut bytes = encode(sample);
    bytes.truncate(HEADER_LEN);
    bytes.extend_from_slice(body);
    bytes
}

proptest! {
    #[test]
    fn round_trip(state in state()) {
        let bytes = encode(&state);
        prop_assert_eq!(bytes.len(), encoded_len(&state));
        prop_assert_eq!(decode::<State>(&bytes), Ok(state));
    }

    /// The bytes are a function of the value.
    #[test]
    fn same_value_same_bytes(state in state()) {
        prop_assert_eq!(encode(&state), encode(&state.clone()));
    }

    #[test]
    fn every_prefix_is_refused(state in state()) {
        let bytes = encode(&state);
        for len in 0..bytes.len() {
            match decode::<State>(&bytes[..len]) {
                Err(DecodeError::Empty { .. }) => prop_assert_eq!(len, 0),
                Err(DecodeError::Truncated { len: told, .. }) => prop_assert_eq!(told, len),
                other => prop_assert!(false, "a prefix of {len} bytes gave {other:?}"),
            }
        }
    }

    #[test]
    fn every_excess_is_refused(state in state(), excess in vec(any::<u8>(), 1..20)) {
        let mut bytes = encode(&state);
        bytes.extend_from_slice(&excess);
        match decode::<State>(&bytes) {
            Err(DecodeError::TrailingBytes { extra, len, .. }) => {
                prop_assert_eq!((extra, len), (excess.len(), bytes.len()));
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn another_type_is_named(state in state(), command in command()) {
        let name = |bytes: &[u8], as_state: bool| match (as_state, bytes) {
            (true, b) => decode::<State>(b).map(drop),
            (false, b) => decode::<Command>(b).map(drop),
        };
        for (bytes, as_state, found) in
            [(encode(&state), false, "properties::State"), (encode(&command), true, "properties::Command")]
        {
            match name(&bytes, as_state) {
                Err(DecodeError::WrongType { found: Some(f), .. }) => prop_assert_eq!(f, found),
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn damage_in_the_header_is_refused(state in state(), at in 0..HEADER_LEN, flip in 1..=255u8) {
        let mut bytes = encode(&state);
        bytes[at] ^= flip;
        prop_assert!(decode::<State>(&bytes).is_err());
    }

    #[test]
    fn survives_damage(state in state(), damages in vec(damage(), 1..6)) {
        let mut bytes = encode(&state);
        for damage in damages {
            damage.apply(&mut bytes);
        }
        survives(&bytes)?;
    }

    #[test]
    fn survives_random_bytes(bytes in vec(any::<u8>(), 0..300)) {
        survives(&bytes)?;
    }

    /// With a header in front the random bytes reach every type's decoder.
    #[test]
    fn survives_random_bodies(
        state in state(),
        body in vec(prop_oneof![any::<u8>(), 0u8..4, Just(0xffu8)], 0..300),
    ) {
        survives(&framed(&state, &body))?;
        survives(&framed(&Command::Noop, &body))?;
        survives(&framed(&Vec::<String>::new(), &body))?;
        survives(&framed(&(0u64, None::<Bytes>), &body))?;
    }
}
