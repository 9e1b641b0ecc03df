//! MessagePack: the same paths, types and rules as JSON.
//!
//! A binary goes to BLOB as it is (and to UUID when it has 16 bytes, to VARCHAR when it is UTF-8, to JSON as base64); an
//! extension of type -1 is a timestamp, of any other type its bytes. A key that is a number is found by its text. A
//! document nests at most 200 levels deep.

use std::ops::Range;

use serde::de::DeserializeSeed;

use super::document::{self, DocumentCodec, Head, Layout, Strictness, TreeFormat, number_behind};
use super::path::{Path, Wanted};
use super::{Codec, DecodeError, cut_off};
use crate::column::Type;
use crate::error::Result;

const MAX_DEPTH: usize = 200;

/// A codec that reads typed columns by path.
///
/// # Errors
/// None; formats with a schema have some.
pub fn columns(wanted: Wanted) -> Result<Box<dyn Codec>> {
    Ok(Box::new(DocumentCodec::new(MsgPack, Strictness::Strict, wanted)))
}

/// The columns of a sample of payloads, one for each member of their objects.
///
/// # Errors
/// No payload is an object.
pub fn infer(payloads: &mut dyn Iterator<Item = &[u8]>) -> Result<Vec<(Path, Type)>> {
    document::infer(&MsgPack, payloads)
}

/// The elements of the list at a path.
///
/// # Errors
/// The payload is malformed, or the path leads to something that is no list.
pub fn elements(payload: &[u8], path: &Path) -> std::result::Result<Vec<Range<usize>>, DecodeError> {
    document::elements(MsgPack, payload, path)
}

#[derive(Clone, Copy)]
struct MsgPack;

/// <https://github.com/msgpack/msgpack/blob/master/spec.md#formats>
impl Layout for MsgPack {
    fn head(bytes: &[u8]) -> Option<(Head, usize)> {
        let first = *bytes.first()?;
        let number = |width| number_behind(bytes, width);
        let sized = |width: usize, fixed: usize| {
            let size = usize::try_from(number(width)?).ok()?;
            Some((Head::Scalar, (1 + width + fixed).checked_add(size)?))
        };
        let few = |mask: u8| Some(u64::from(first & mask));
        match first {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => Some((Head::Scalar, 1)),
            0x80..=0x8f => Some((Head::Map(few(0x0f)), 1)),
            0x90..=0x9f => Some((Head::List(few(0x0f)), 1)),
            0xa0..=0xbf => Some((Head::Scalar, 1 + usize::from(first & 0x1f))),
            0xc1 => None,
            0xc4 | 0xd9 => sized(1, 0),
            0xc5 | 0xda => sized(2, 0),
            0xc6 | 0xdb => sized(4, 0),
            // An extension has the byte of its type behind its size.
            0xc7 => sized(1, 1),
            0xc8 => sized(2, 1),
            0xc9 => sized(4, 1),
            0xcc | 0xd0 => Some((Head::Scalar, 2)),
            0xcd | 0xd1 => Some((Head::Scalar, 3)),
            0xca | 0xce | 0xd2 => Some((Head::Scalar, 5)),
            0xcb | 0xcf | 0xd3 => Some((Head::Scalar, 9)),
            0xd4..=0xd8 => Some((Head::Scalar, 2 + (1 << (first - 0xd4)))),
            0xdc => Some((Head::List(Some(number(2)?)), 3)),
            0xdd => Some((Head::List(Some(number(4)?)), 5)),
            0xde => Some((Head::Map(Some(number(2)?)), 3)),
            0xdf => Some((Head::Map(Some(number(4)?)), 5)),
        }
    }
}

impl TreeFormat for MsgPack {
    fn read<S: for<'de> DeserializeSeed<'de, Value = ()>>(
        &self,
        payload: &[u8],
        seed: S,
    ) -> std::result::Result<(), String> {
        if payload.is_empty() {
            return Err("malformed MessagePack: the payload is empty".to_owned());
        }
        let mut document = rmp_serde::Deserializer::new(payload);
        // The reader fails once its count of remaining bytes is zero.
        document.set_max_depth(MAX_DEPTH + 1);
        seed.deserialize(&mut document).map_err(|error| {
            let read = payload.len() - document.get_ref().len();
            format!("malformed MessagePack: {}", cause(&error, payload, read))
        })?;
        match document.get_ref().len() {
            0 => Ok(()),
            rest => Err(format!("malformed MessagePack: {rest} bytes follow the document")),
        }
    }
}

/// The reader's error in words, after it has read so many bytes; some of its own texts are those of a debugger.
fn cause(error: &rmp_serde::decode::Error, payload: &[u8], read: usize) -> String {
    use rmp_serde::decode::Error;
    match error {
        // A payload is read from memory, which has no other way to fail.
        Error::InvalidMarkerRead(_) | Error::InvalidDataRead(_) => cut_off(payload),
        // Any byte but 0xc1 starts a value.
        Error::TypeMismatch(_) => format!("invalid at byte {}", read.saturating_sub(1)),
        Error::DepthLimitExceeded => format!("the document nests more than {MAX_DEPTH} levels deep"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::testing::{decode_one, ty};

    fn decode(payload: &[u8], path: &str, ty: Type) -> std::result::Result<String, String> {
        let codec = columns(vec![(Path::parse(path).unwrap(), ty)].into()).unwrap();
        decode_one(&*codec, payload).map(|mut row| row.remove(0)).map_err(|error| error.to_string())
    }

    /// A document with one member `v`.
    fn member(value: &[u8]) -> Vec<u8> {
        [&[0x81, 0xa1, b'v'], value].concat()
    }

    #[test]
    fn values_of_every_kind() {
        for (value, ty, expected) in [
            (&[0x2a][..], Type::Integer, "42"),
            (&[0xff], Type::TinyInt, "-1"),
            (&[0xcf, 255, 255, 255, 255, 255, 255, 255, 255], Type::UBigInt, "18446744073709551615"),
            (&[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], Type::BigInt, "-9223372036854775808"),
            (&[0xcb, 0x40, 0x45, 0x40, 0, 0, 0, 0, 0], Type::Double, "42.5"),
            (&[0xcb, 0x40, 0x45, 0x40, 0, 0, 0, 0, 0], Type::Decimal { width: 9, scale: 2 }, "4250"),
            (&[0xca, 0x3f, 0xc0, 0, 0], Type::Float, "1.5"),
            (&[0xc0], Type::Integer, "NULL"),
            (&[0xc3], Type::Boolean, "true"),
            (&[0xa2, b'h', b'i'], Type::Varchar, "hi"),
            (&[0xc4, 2, 0, 255], Type::Json, "\"AP8=\""),
            (&[0xc4, 2, b'o', b'k'], Type::Blob, "ok"),
            (&[0xd6, 0xff, 0, 0, 0, 1], Type::Timestamp, "1000000"),
            (&[0xd6, 0xff, 0, 0, 0, 1], Type::Varchar, "1970-01-01T00:00:01Z"),
            (&[0xd4, 5, b'x'], Type::Blob, "x"),
            (&[0x93, 1, 0xc0, 3], Type::list(Type::Integer), "[1, NULL, 3]"),
            (&[0x91, 0xd6, 0xff, 0, 0, 0, 1], Type::list(Type::TimestampS), "[1]"),
            (&[0x82, 0xa1, b'a', 1, 2, 0x91, 0xa1, b'"'], Type::Json, "{\"a\":1,\"2\":[\"\\\"\"]}"),
            (&[0x82, 1, 2, 3, 4], Type::map(Type::Integer, Type::Integer), "[{1, 2}, {3, 4}]"),
            (&[0x81, 1, 2], Type::Struct(vec![ty("1", Type::Integer)]), "{1: 2}"),
        ] {
            assert_eq!(decode(&member(value), "v", ty.clone()).as_deref(), Ok(expected), "{value:?} as {ty}");
        }
        // Keys by number, a value and its members at once, and values that are skipped.
        let document = [0x82, 0x07, 0x81, 0xa1, b'w', 0x05, 0xd6, 0xff, 0, 0, 0, 1];
        assert_eq!(decode(&[&document[..], &[0xc7, 1, 9, 9]].concat(), "7.w", Type::Integer).as_deref(), Ok("5"));
        let both = [("v", Type::Json), ("v.1", Type::Timestamp)];
        let codec = columns(both.map(|(p, ty)| (Path::parse(p).unwrap(), ty)).into_iter().collect()).unwrap();
        let row = decode_one(&*codec, &member(&[0x92, 1, 0xd6, 0xff, 0, 0, 0, 1]));
        assert_eq!(row, Ok(vec!["[1,\"1970-01-01T00:00:01Z\"]".to_owned(), "1000000".to_owned()]));
    }

    #[test]
    fn conversion_errors_and_broken_payloads() {
        for (payload, error) in [
            (member(&[0x91, 1]), "path 'v': the list [1] is not a valid INTEGER"),
            (member(&[0xa1, 0xff]), "path 'v': a binary of 1 bytes is not a valid INTEGER"),
            (member(&[1, 1]), "malformed MessagePack: 1 bytes follow the document"),
            (vec![], "malformed MessagePack: the payload is empty"),
            (vec![5], "expected an object, found 5"),
            (vec![0xd6, 0xff, 0, 0, 0, 1], "expected an object, found 1970-01-01T00:00:01Z"),
        ] {
            assert_eq!(decode(&payload, "v", Type::Integer), Err(error.to_owned()), "{payload:?}");
        }
        assert_eq!(
            decode(&[0x81, 0xa1, b'v', 0xc1], "v", Type::Integer),
            Err("malformed MessagePack: invalid at byte 3".into())
        );
    }

    #[test]
    fn elements_from_the_end_and_all_elements() {
        // {"v": [{"a": 1}, {"a": 2, "b": bin(1 byte)}, nil]}
        let items = [0x93, 0x81, 0xa1, b'a', 1, 0x82, 0xa1, b'a', 2, 0xa1, b'b', 0xc4, 1, 7, 0xc0];
        let document = member(&items);
        for (path, ty, expected) in [
            ("v[*].a", Type::list(Type::Integer), "[1, 2, NULL]"),
            ("v[*].b", Type::list(Type::Blob), "[NULL, \u{7}, NULL]"),
            ("v[-2].a", Type::Integer, "2"),
            ("v[-2].b", Type::Blob, "\u{7}"),
            ("v[-1]", Type::Integer, "NULL"),
            ("v[-4].a", Type::Integer, "NULL"),
        ] {
            assert_eq!(decode(&document, path, ty).as_deref(), Ok(expected), "{path}");
        }
        let wanted: Vec<(Path, Type)> = ["v[*].a", "v[0].a", "v[-2].a"]
            .map(|path| (Path::parse(path).unwrap(), if path == "v[*].a" { Type::Json } else { Type::Integer }))
            .into();
        let row = decode_one(&*columns(wanted.into()).unwrap(), &document).unwrap();
        assert_eq!(row, ["[1,2,null]", "1", "2"]);
    }

    #[test]
    fn a_payload_that_is_cut_off_says_where() {
        let whole = [&[0x82, 0xa1, b'v', 0xc4, 2, 0, 255, 0xa1, b'w'][..], &[0xd6, 0xff, 0, 0, 0, 1]].concat();
        assert_eq!(decode(&whole, "v", Type::Json).as_deref(), Ok("\"AP8=\""));
        for end in 1..whole.len() {
            let expected = format!("malformed MessagePack: the payload ends too early, at byte {end}");
            for path in ["v", "w", "x"] {
                assert_eq!(decode(&whole[..end], path, Type::Json), Err(expected.clone()), "{path}");
            }
        }
        for boastful in [&[0xdd, 255, 255, 255, 255][..], &[0x81, 0xdb, 255, 255, 255, 255]] {
            let expected = format!("malformed MessagePack: the payload ends too early, at byte {}", boastful.len());
            assert_eq!(decode(boastful, "v", Type::Integer), Err(expected));
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| member(&[vec![0x91; depth], vec![1]].concat());
        let error = "malformed MessagePack: the document nests more than 200 levels deep";
        for (path, ty) in [("x", Type::Integer), ("v", Type::Json)] {
            assert!(decode(&nested(199), path, ty.clone()).is_ok(), "{path}");
            assert_eq!(decode(&nested(200), path, ty.clone()), Err(error.to_owned()), "{path}");
            assert_eq!(decode(&nested(100_000), path, ty), Err(error.to_owned()), "{path}");
        }
    }
}
