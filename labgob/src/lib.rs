//! Encoding of RPC arguments, persisted state, snapshots and commands.
//!
//! Any type with serde's derives can be turned into bytes and back:
//!
//! ```
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct Saved {
//!     term: u64,
//!     vote: Option<usize>,
//!     log: Vec<(u64, String)>,
//! }
//!
//! let saved = Saved { term: 3, vote: Some(1), log: vec![(1, "x".into()), (3, "y".into())] };
//! let bytes = labgob::encode(&saved);
//! assert_eq!(bytes.len(), labgob::encoded_len(&saved));
//! assert_eq!(labgob::decode::<Saved>(&bytes), Ok(saved));
//! ```
//!
//! Bytes know what they hold. To decode them as another type is an error that names both, not a
//! value full of nonsense:
//!
//! ```
//! let bytes = labgob::encode(&7u64);
//! let error = labgob::decode::<String>(&bytes).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "`alloc::string::String` was asked for, but these bytes hold `u64`. \
//!      Decode them as the type they were encoded as"
//! );
//! ```
//!
//! # The frame
//!
//! | bytes | what |
//! |---|---|
//! | 1 | magic, `0xB5` |
//! | 1 | version of this format, 1 |
//! | 4 | fingerprint of the type, little endian |
//! | rest | the value in [postcard](https://docs.rs/postcard)'s format |
//!
//! The fingerprint is a hash of the type's name as [`std::any::type_name`] gives it, its module
//! included. A name may change from one compiler or build to the next, and so may the fields behind
//! it: frames are for messages and disks that live as long as one build does, not for archives.
//!
//! The name is hashed without what serde does not encode either: `&T`, `&mut T` and `Box<T>` count
//! as `T`, `str` as `String`, and a slice `[T]` as `Vec<T>`, also inside other types. So state may
//! be saved by reference and read back as an owned value, without a copy of the log in between:
//!
//! ```
//! let (term, log) = (3u64, vec!["x".to_string()]);
//! let bytes = labgob::encode(&(term, log.as_slice()));
//! assert_eq!(labgob::decode::<(u64, Vec<String>)>(&bytes), Ok((term, log)));
//! ```
//!
//! # What to know when you define a type
//!
//! - Fields are encoded in order and without their names; small integers take one byte.
//! - For payloads prefer `bytes::Bytes` to `Vec<u8>`: serde takes a `Vec<u8>` one byte at a time.
//! - Two `HashMap`s with the same content may encode to different bytes, and differently in each
//!   run. A `BTreeMap` always gives the same.
//! - Attributes that need a self-describing format do not work: `#[serde(flatten)]`,
//!   `#[serde(untagged)]` and `#[serde(tag = "…")]`.
#![forbid(unsafe_code)]

mod error;
mod fingerprint;
mod frame;

pub use error::DecodeError;
pub use frame::{HEADER_LEN, decode, encode, encoded_len};
