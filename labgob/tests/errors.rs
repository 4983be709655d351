//! Each error, word for word: what was asked for, what was found, what to do.

use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct VoteArgs {
    term: u64,
    candidate: u8,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct VoteReply {
    term: u64,
    granted: bool,
}

#[derive(Debug, Serialize, Deserialize)]
enum Role {
    Follower,
    Leader,
}

const ARGS: VoteArgs = VoteArgs {
    term: 300,
    candidate: 2,
};

#[track_caller]
fn refuses<T: serde::de::DeserializeOwned + std::fmt::Debug>(bytes: &[u8], message: &str) {
    let error = labgob::decode::<T>(bytes).expect_err("decoding bad bytes");
    assert_eq!(error.to_string(), message);
}

/// A frame of `value` whose body is replaced.
fn with_body<T: Serialize>(value: &T, body: &[u8]) -> Vec<u8> {
    let mut bytes = labgob::encode(value);
    bytes.truncate(labgob::HEADER_LEN);
    bytes.extend_from_slice(body);
    bytes
}

#[test]
fn no_bytes() {
    refuses::<VoteArgs>(
        &[],
        "there are no bytes to decode `errors::VoteArgs` from. \
         A peer that starts for the first time has nothing saved: ask is_empty() first",
    );
}

#[test]
fn not_a_frame() {
    refuses::<VoteArgs>(
        b"hello",
        "`errors::VoteArgs` was asked for, but these 5 bytes are no labgob frame: one starts with \
         0xb5, and this with 0x68. Pass the whole of what labgob::encode returned, and nothing else",
    );
}

#[test]
fn another_version() {
    let mut bytes = labgob::encode(&ARGS);
    bytes[1] = 9;
    let message = "`errors::VoteArgs` was asked for, but this frame has version 9 of the format, \
                   and this build reads version 1 only. \
                   Another build wrote it: make the bytes again with this one";
    refuses::<VoteArgs>(&bytes, message);
    refuses::<VoteArgs>(&bytes[..2], message);
}

#[test]
fn another_type() {
    refuses::<VoteReply>(
        &labgob::encode(&ARGS),
        "`errors::VoteReply` was asked for, but these bytes hold `errors::VoteArgs`. \
         Decode them as the type they were encoded as",
    );
}

#[test]
fn a_type_never_seen() {
    let mut bytes = labgob::encode(&ARGS);
    bytes[2..6].copy_from_slice(&[0xef, 0xbe, 0xad, 0xde]);
    refuses::<VoteReply>(
        &bytes,
        "`errors::VoteReply` was asked for, but these bytes hold another type, which this process \
         has never encoded (its fingerprint is 0xdeadbeef). \
         Another build wrote them, or they were damaged: make them again",
    );
}

#[test]
fn too_short() {
    let bytes = labgob::encode(&ARGS);
    assert_eq!(bytes.len(), 9);
    let message = |len| {
        format!(
            "`errors::VoteArgs` was asked for, but these {len} bytes end before it does. \
             Pass the whole of what labgob::encode returned"
        )
    };
    for len in 1..bytes.len() {
        refuses::<VoteArgs>(&bytes[..len], &message(len));
    }
}

#[test]
fn too_long() {
    let mut bytes = labgob::encode(&ARGS);
    bytes.extend(labgob::encode(&ARGS));
    refuses::<VoteArgs>(
        &bytes,
        "`errors::VoteArgs` was asked for, and in these 18 bytes it is complete 9 bytes before the \
         end. Pass what one labgob::encode returned; to send two values, encode a tuple",
    );
}

#[track_caller]
fn malformed<T>(sample: &T, body: &[u8], name: &str, problem: &str, at: usize)
where
    T: Serialize + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let bytes = with_body(sample, body);
    let len = bytes.len();
    let message = format!(
        "`{name}` was asked for, but its bytes make no sense: {problem}, before byte {at} of \
         {len}. They were damaged, or its Deserialize does not read what its Serialize writes"
    );
    refuses::<T>(&bytes, &message);
}

#[test]
fn values_that_make_no_sense() {
    let reply = VoteReply {
        term: 1,
        granted: true,
    };
    malformed(
        &reply,
        &[1, 2],
        "errors::VoteReply",
        "a bool that is neither 0 nor 1",
        8,
    );
    let too_big = "an integer too big for its type";
    malformed(&7u16, &[0xff, 0xff, 0xff, 0], "u16", too_big, 9);
    let option = "an Option that is neither None (0) nor Some (1)";
    malformed(&Some(1u8), &[2, 1], "core::option::Option<u8>", option, 7);
    let utf8 = "a string that is not UTF-8";
    malformed(
        &String::new(),
        &[2, 0xc3, 0x28],
        "alloc::string::String",
        utf8,
        9,
    );
    malformed(&'x', &[1, 0xff], "char", "a char that does not exist", 8);
    let refused = "a value the type refuses, such as an enum variant it does not have";
    malformed(&Role::Leader, &[7], "errors::Role", refused, 7);
    malformed(&Role::Follower, &[2, 0, 0], "errors::Role", refused, 7);
}

/// `#[serde(untagged)]` tries the variants in turn, and asks the format what it sees.
#[test]
fn a_type_for_other_formats_only() {
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
    }
    refuses::<Either>(
        &labgob::encode(&Either::Number(3)),
        "`errors::a_type_for_other_formats_only::Either` cannot be decoded from any bytes: it asks \
         the format which type comes next, and this format does not say. \
         Remove #[serde(untagged)], #[serde(tag = ...)] or #[serde(flatten)] from it",
    );
}

#[derive(Serialize)]
struct Outer {
    term: u64,
    #[serde(flatten)]
    inner: VoteArgs,
}

#[test]
#[should_panic(
    expected = "labgob cannot encode errors::Outer: it has a sequence or map that does not say its \
                length in advance. Is there a #[serde(flatten)] in it? Make that a field of its own."
)]
fn encoding_without_a_length() {
    labgob::encode(&Outer {
        term: 1,
        inner: ARGS,
    });
}

#[test]
#[should_panic(expected = "labgob cannot encode errors::Outer: ")]
fn measuring_without_a_length() {
    labgob::encoded_len(&Outer {
        term: 1,
        inner: ARGS,
    });
}

#[test]
#[should_panic(
    expected = "labgob cannot encode errors::an_own_error_in_serialize::Locked: its Serialize \
                implementation returned an error of its own."
)]
fn an_own_error_in_serialize() {
    struct Locked;
    impl Serialize for Locked {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("locked"))
        }
    }
    labgob::encode(&Locked);
}
