//! The frame around postcard's bytes.

use std::any::type_name;

use postcard::ser_flavors::{Flavor, Size};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{DecodeError, fingerprint};

/// The first byte of every frame. It is neither text nor a small number, so that bytes which never
/// were a frame are told apart at once.
pub(crate) const MAGIC: u8 = 0xB5;
/// The version of the frame that this build writes and reads.
pub(crate) const VERSION: u8 = 1;
/// Bytes of a frame before the value itself: magic, version, fingerprint.
pub const HEADER_LEN: usize = 6;

/// The value as bytes, in an allocation of exactly that size.
///
/// # Panics
/// If the type cannot be encoded: it uses `#[serde(flatten)]`, or its own `Serialize` fails or does
/// not say how many elements a sequence has. That is so for each value of such a type, so the first
/// test that sends one finds it.
#[track_caller]
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    // Measuring first costs a tenth of what growing step by step would.
    let mut bytes = Vec::with_capacity(encoded_len(value));
    bytes.extend_from_slice(&header(fingerprint::of::<T>()));
    match postcard::serialize_with_flavor(value, Frame(bytes)) {
        Ok(bytes) => bytes,
        Err(e) => refuse(type_name::<T>(), e),
    }
}

/// The number of bytes that [`encode`] would give, without making them.
///
/// # Panics
/// As [`encode`] does.
#[track_caller]
pub fn encoded_len<T: Serialize + ?Sized>(value: &T) -> usize {
    match postcard::serialize_with_flavor(value, Size::default()) {
        Ok(len) => HEADER_LEN + len,
        Err(e) => refuse(type_name::<T>(), e),
    }
}

/// The value that [`encode`] turned into these bytes.
///
/// # Errors
/// If the bytes are not exactly one whole frame of a `T`; see [`DecodeError`].
///
/// Bad bytes never make it panic, and a length in them never makes it allocate more than about 1 MiB
/// ahead of the data. Two kinds of types are on their own with damaged bytes: a type that contains
/// itself nests, on the stack, as deep as the bytes say; and a sequence of elements that take no
/// bytes, such as `Vec<()>`, can claim any length.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let expected = type_name::<T>();
    let body = open(bytes, expected)?;
    let mut source = postcard::Deserializer::from_bytes(body);
    let value = T::deserialize(&mut source);
    let rest = source.finalize().map_or(0, <[u8]>::len);
    match value {
        Ok(value) if rest == 0 => Ok(value),
        Ok(_) => Err(DecodeError::TrailingBytes {
            expected,
            len: bytes.len(),
            extra: rest,
        }),
        Err(e) => Err(DecodeError::in_body(
            expected,
            e,
            bytes.len(),
            bytes.len() - rest,
        )),
    }
}

fn header(fingerprint: u32) -> [u8; HEADER_LEN] {
    let [a, b, c, d] = fingerprint.to_le_bytes();
    [MAGIC, VERSION, a, b, c, d]
}

/// Checks the header and gives the body.
fn open<'a>(bytes: &'a [u8], expected: &'static str) -> Result<&'a [u8], DecodeError> {
    let Some(&magic) = bytes.first() else {
        return Err(DecodeError::Empty { expected });
    };
    if magic != MAGIC {
        return Err(DecodeError::BadMagic {
            expected,
            found: magic,
            len: bytes.len(),
        });
    }
    if let Some(&found) = bytes.get(1)
        && found != VERSION
    {
        return Err(DecodeError::BadVersion { expected, found });
    }
    let Some((&[_, _, a, b, c, d], body)) = bytes.split_first_chunk::<HEADER_LEN>() else {
        return Err(DecodeError::Truncated {
            expected,
            len: bytes.len(),
        });
    };
    let found = u32::from_le_bytes([a, b, c, d]);
    let own = fingerprint::of_name(expected);
    if found != own {
        let name = fingerprint::name(found);
        return Err(DecodeError::WrongType {
            expected,
            found: name,
            fingerprint: found,
        });
    }
    Ok(body)
}

/// A growing frame, as postcard's output.
struct Frame(Vec<u8>);

impl Flavor for Frame {
    type Output = Vec<u8>;

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        // Most pieces are numbers of a byte or two, and a log that is saved has thousands of them: copied by a call
        // each, they are a third of what encoding costs.
        match *data {
            [a] => self.0.push(a),
            [a, b] => {
                self.0.push(a);
                self.0.push(b);
            }
            _ => self.0.extend_from_slice(data),
        }
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

#[cold]
#[track_caller]
fn refuse(name: &str, error: postcard::Error) -> ! {
    use postcard::Error::{SerdeSerCustom, SerializeSeqLengthUnknown};
    let why = match error {
        SerializeSeqLengthUnknown => {
            "it has a sequence or map that does not say its length in advance. \
             Is there a #[serde(flatten)] in it? Make that a field of its own"
                .to_string()
        }
        SerdeSerCustom => "its Serialize implementation returned an error of its own".to_string(),
        other => format!("{other}"),
    };
    panic!("labgob cannot encode {name}: {why}.")
}
