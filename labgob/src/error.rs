//! Why bytes could not be decoded.

use std::fmt;

/// Why [`decode`](crate::decode) gave no value. `expected` is always the name of the type that was
/// asked for; lengths and positions are in bytes and count the frame's header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// There are no bytes at all.
    Empty {
        /// The type asked for.
        expected: &'static str,
    },
    /// The first byte is not that of a frame: `encode` did not make these bytes, or their beginning
    /// is gone.
    BadMagic {
        /// The type asked for.
        expected: &'static str,
        /// The first byte.
        found: u8,
        /// How many bytes there are.
        len: usize,
    },
    /// A frame in a version of the format that this build does not read.
    BadVersion {
        /// The type asked for.
        expected: &'static str,
        /// The version in the frame.
        found: u8,
    },
    /// A frame that holds another type.
    WrongType {
        /// The type asked for.
        expected: &'static str,
        /// The type that was encoded, if this process has ever encoded or decoded it.
        found: Option<&'static str>,
        /// The fingerprint in the frame.
        fingerprint: u32,
    },
    /// The bytes end before the value does.
    Truncated {
        /// The type asked for.
        expected: &'static str,
        /// How many bytes there are.
        len: usize,
    },
    /// Bytes are left over after the value.
    TrailingBytes {
        /// The type asked for.
        expected: &'static str,
        /// How many bytes there are.
        len: usize,
        /// How many of them come after the value.
        extra: usize,
    },
    /// No bytes can be decoded as this type, since it wants a format that describes itself.
    Undecodable {
        /// The type asked for.
        expected: &'static str,
    },
    /// The frame is one of this type, but the value in it makes no sense.
    Malformed {
        /// The type asked for.
        expected: &'static str,
        /// What is wrong.
        problem: &'static str,
        /// Where reading stopped.
        at: usize,
        /// How many bytes there are.
        len: usize,
    },
}

impl DecodeError {
    /// Of postcard's error, after it has read as far as byte `at` of `len`.
    #[cold]
    pub(crate) fn in_body(
        expected: &'static str,
        error: postcard::Error,
        len: usize,
        at: usize,
    ) -> DecodeError {
        use postcard::Error as E;
        let problem = match error {
            E::DeserializeUnexpectedEnd => return DecodeError::Truncated { expected, len },
            E::DeserializeBadVarint => "an integer too big for its type",
            E::DeserializeBadBool => "a bool that is neither 0 nor 1",
            E::DeserializeBadChar => "a char that does not exist",
            E::DeserializeBadUtf8 => "a string that is not UTF-8",
            E::DeserializeBadOption => "an Option that is neither None (0) nor Some (1)",
            E::DeserializeBadEnum => "an enum variant beyond u32",
            E::WontImplement => return DecodeError::Undecodable { expected },
            _ => "a value the type refuses, such as an enum variant it does not have",
        };
        DecodeError::Malformed {
            expected,
            problem,
            at,
            len,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::frame::{MAGIC, VERSION};
        match *self {
            DecodeError::Empty { expected } => write!(
                f,
                "there are no bytes to decode `{expected}` from. \
                 A peer that starts for the first time has nothing saved: ask is_empty() first"
            ),
            DecodeError::BadMagic {
                expected,
                found,
                len,
            } => write!(
                f,
                "`{expected}` was asked for, but these {len} bytes are no labgob frame: \
                 one starts with {MAGIC:#04x}, and this with {found:#04x}. \
                 Pass the whole of what labgob::encode returned, and nothing else"
            ),
            DecodeError::BadVersion { expected, found } => write!(
                f,
                "`{expected}` was asked for, but this frame has version {found} of the format, \
                 and this build reads version {VERSION} only. \
                 Another build wrote it: make the bytes again with this one"
            ),
            DecodeError::WrongType {
                expected,
                found: Some(found),
                ..
            } => write!(
                f,
                "`{expected}` was asked for, but these bytes hold `{found}`. \
                 Decode them as the type they were encoded as"
            ),
            DecodeError::WrongType {
                expected,
                found: None,
                fingerprint,
            } => write!(
                f,
                "`{expected}` was asked for, but these bytes hold another type, which this process \
                 has never encoded (its fingerprint is {fingerprint:#010x}). \
                 Another build wrote them, or they were damaged: make them again"
            ),
            DecodeError::Truncated { expected, len } => write!(
                f,
                "`{expected}` was asked for, but these {len} bytes end before it does. \
                 Pass the whole of what labgob::encode returned"
            ),
            DecodeError::TrailingBytes {
                expected,
                len,
                extra,
            } => write!(
                f,
                "`{expected}` was asked for, and in these {len} bytes it is complete {extra} bytes \
                 before the end. \
                 Pass what one labgob::encode returned; to send two values, encode a tuple"
            ),
            DecodeError::Undecodable { expected } => write!(
                f,
                "`{expected}` cannot be decoded from any bytes: it asks the format which type comes \
                 next, and this format does not say. \
                 Remove #[serde(untagged)], #[serde(tag = ...)] or #[serde(flatten)] from it"
            ),
            DecodeError::Malformed {
                expected,
                problem,
                at,
                len,
            } => write!(
                f,
                "`{expected}` was asked for, but its bytes make no sense: \
                 {problem}, before byte {at} of {len}. \
                 They were damaged, or its Deserialize does not read what its Serialize writes"
            ),
        }
    }
}

impl std::error::Error for DecodeError {}
