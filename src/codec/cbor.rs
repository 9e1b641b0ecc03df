//! CBOR (RFC 8949): the same paths, types and rules as JSON.
//!
//! A byte string is a binary (see [`msgpack`](super::msgpack)). Tags 0, 1, 100 and 1004 are times and dates, 2 and 3
//! big integers, 4 decimals, 5 binary fractions, 30 rational numbers, 37 UUIDs; any other tag is passed over. `undefined` is NULL. A document nests at most 200
//! levels deep. The reader, `ciborium`, gives the whole document at once, which costs more than the walks of JSON and
//! MessagePack when few of many members are wanted.

use std::ops::Range;

use serde::de::DeserializeSeed;

use super::document::{
    self, DocumentCodec, Head, Layout, Replay, Strictness, Tree, TreeFormat, TreeValues, number_behind,
};
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
    Ok(Box::new(DocumentCodec::new(Cbor, Strictness::Strict, wanted)))
}

/// The columns of a sample of payloads, one for each member of their objects.
///
/// # Errors
/// No payload is an object.
pub fn infer(payloads: &mut dyn Iterator<Item = &[u8]>) -> Result<Vec<(Path, Type)>> {
    document::infer(&Cbor, payloads)
}

/// The elements of the list at a path.
///
/// # Errors
/// The payload is malformed, or the path leads to a value that is not a list.
pub fn elements(payload: &[u8], path: &Path) -> std::result::Result<Vec<Range<usize>>, DecodeError> {
    document::elements(Cbor, payload, path)
}

#[derive(Clone, Copy)]
struct Cbor;

/// RFC 8949, section 3.
impl Layout for Cbor {
    fn head(bytes: &[u8]) -> Option<(Head, usize)> {
        let first = *bytes.first()?;
        let (width, number) = match first & 0x1f {
            few @ 0..=23 => (0, Some(u64::from(few))),
            size @ 24..=27 => {
                let width = 1 << (size - 24);
                (width, Some(number_behind(bytes, width)?))
            }
            31 => (0, None),
            _ => return None,
        };
        let length = 1 + width;
        Some(match (first >> 5, number) {
            (0 | 1 | 7, Some(_)) => (Head::Scalar, length),
            (2 | 3, Some(size)) => (Head::Scalar, length.checked_add(usize::try_from(size).ok()?)?),
            (2 | 3, None) => (Head::Pieces, length),
            (4, count) => (Head::List(count), length),
            (5, count) => (Head::Map(count), length),
            (6, Some(_)) => (Head::Tag, length),
            (7, None) => (Head::End, length),
            _ => return None,
        })
    }
}

impl TreeFormat for Cbor {
    fn read<S: for<'de> DeserializeSeed<'de, Value = ()>>(
        &self,
        payload: &[u8],
        seed: S,
    ) -> std::result::Result<(), String> {
        if payload.is_empty() {
            return Err("malformed CBOR: the payload is empty".to_owned());
        }
        let mut rest = payload;
        let tree: Tree = ciborium::de::from_reader_with_recursion_limit(&mut rest, MAX_DEPTH)
            .map_err(|error| format!("malformed CBOR: {}", cause(error, payload)))?;
        if !rest.is_empty() {
            return Err(format!("malformed CBOR: {} bytes follow the document", rest.len()));
        }
        TreeValues::replay(&tree, seed)
    }
}

/// The reader's error as a sentence; the reader's own text is a debug output.
fn cause<E>(error: ciborium::de::Error<E>, payload: &[u8]) -> String {
    use ciborium::de::Error;
    match error {
        // A payload is read from memory, and such a read fails only at the end of the bytes.
        Error::Io(_) => cut_off(payload),
        Error::Syntax(position) => format!("invalid at byte {position}"),
        Error::Semantic(_, why) => why,
        Error::RecursionLimitExceeded => format!("the document nests more than {MAX_DEPTH} levels deep"),
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
        [&[0xa1, 0x61, b'v'], value].concat()
    }

    #[test]
    fn values_of_every_kind() {
        let uuid = [&[0xd8, 37, 0x50][..], &[0xab; 16]].concat();
        let big = [&[0xc2, 0x50][..], &[255; 16]].concat();
        let lowest = [&[0xc4, 0x82, 0xc3, 0x50, 127][..], &[255; 15], &[1]].concat();
        // -3 places, and a mantissa of -1 - 2^130 in 17 bytes.
        let large_decimal = [&[0xc4, 0x82, 0x22, 0xc3, 0x51, 4][..], &[0; 16]].concat();
        let huge = [&[0xc3, 0x49, 1][..], &[0; 8]].concat();
        for (value, ty, expected) in [
            (&[0x18, 42][..], Type::Integer, "42"),
            (&[0x3b, 127, 255, 255, 255, 255, 255, 255, 255], Type::BigInt, "-9223372036854775808"),
            (&[0x3b, 255, 255, 255, 255, 255, 255, 255, 255], Type::HugeInt, "-18446744073709551616"),
            (&big, Type::UHugeInt, "340282366920938463463374607431768211455"),
            (&huge, Type::HugeInt, "-18446744073709551617"),
            (&[0xfb, 0x40, 0x45, 0x40, 0, 0, 0, 0, 0], Type::Double, "42.5"),
            (&[0xf9, 0x3e, 0], Type::Double, "1.5"),
            (&[0xf6], Type::Integer, "NULL"),
            (&[0xf7], Type::Integer, "NULL"),
            (&[0xf5], Type::Boolean, "true"),
            (&[0x62, b'h', b'i'], Type::Varchar, "hi"),
            (&[0x7f, 0x61, b'h', 0x61, b'i', 0xff], Type::Varchar, "hi"),
            (&[0x42, b'o', b'k'], Type::Blob, "ok"),
            (&[0xc1, 0x1a, 0, 0, 0, 1], Type::Timestamp, "1000000"),
            (&[0xc1, 0xf9, 0xbe, 0], Type::TimestampMs, "-1500"),
            (&[0xc0, 0x6a, b'2', b'0', b'2', b'4', b'-', b'0', b'1', b'-', b'1', b'5'], Type::Date, "19737"),
            (&[0xd8, 100, 0x19, 0x4d, 0x19], Type::Date, "19737"),
            (&[0xc4, 0x82, 0x21, 0x19, 0x6a, 0xb3], Type::Decimal { width: 9, scale: 2 }, "27315"),
            (&[0xc4, 0x82, 0x21, 0x19, 0x6a, 0xb3], Type::Varchar, "273.15"),
            (&[0xc4, 0x82, 5, 0x20], Type::Varchar, "-1e5"),
            (&large_decimal, Type::Varchar, "-1361129467683753853853498429727072845.825"),
            (&[0xc5, 0x82, 0x20, 3], Type::Double, "1.5"),
            (&[0xc5, 0x82, 0x0a, 0x22], Type::Double, "-3072"),
            (&[0xd8, 30, 0x82, 1, 4], Type::Decimal { width: 9, scale: 2 }, "25"),
            (&[0xd8, 30, 0x82, 0x26, 7], Type::Integer, "-1"),
            (&[0xd8, 30, 0x82, 1, 0], Type::Json, "[1,0]"),
            (
                &[0xd9, 0x03, 0xec, 0x6a, b'2', b'0', b'2', b'4', b'-', b'0', b'1', b'-', b'1', b'5'],
                Type::Date,
                "19737",
            ),
            (&lowest, Type::Double, "0"),
            (&uuid, Type::Varchar, "abababab-abab-abab-abab-abababababab"),
            (&[0xd9, 0xd9, 0xf7, 0x82, 1, 0xf6], Type::list(Type::Integer), "[1, NULL]"),
            (&[0x9f, 1, 2, 0xff], Type::list(Type::Integer), "[1, 2]"),
            (&[0xa1, 1, 0x81, 0xf5], Type::Json, "{\"1\":[true]}"),
            (&[0xa1, 1, 2], Type::map(Type::Integer, Type::Integer), "[{1, 2}]"),
            (&[0xa1, 0x61, b'a', 2], Type::Struct(vec![ty("a", Type::Integer)]), "{a: 2}"),
        ] {
            assert_eq!(decode(&member(value), "v", ty.clone()).as_deref(), Ok(expected), "{value:?} as {ty}");
        }
    }

    #[test]
    fn keys_that_are_numbers_are_found_by_their_text() {
        // {1: {-2: "a", 2^64: 7, true: 8, null: 9, [0]: 10}, "1": 3}
        let big = [0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        let inner = [&[0xa5, 0x21, 0x61, b'a'][..], &big, &[7, 0xf5, 8, 0xf6, 9, 0x81, 0, 10]].concat();
        let document = [&[0xa2, 1][..], &inner, &[0x61, b'v', 3]].concat();
        for (path, ty, expected) in [
            ("1.-2", Type::Varchar, "a"),
            ("1.18446744073709551616", Type::Integer, "7"),
            ("1.true", Type::Integer, "NULL"),
            ("1", Type::Struct(vec![ty("-2", Type::Varchar), ty("3", Type::Integer)]), "{-2: a, 3: NULL}"),
            ("v", Type::Integer, "3"),
        ] {
            assert_eq!(decode(&document, path, ty).as_deref(), Ok(expected), "{path}");
        }
    }

    #[test]
    fn conversion_errors_and_broken_payloads() {
        for (payload, error) in [
            (member(&[0x81, 1]), "path 'v': the list [1] is not a valid INTEGER"),
            (member(&[1, 1]), "malformed CBOR: 1 bytes follow the document"),
            (vec![], "malformed CBOR: the payload is empty"),
            (vec![5], "expected an object, found 5"),
        ] {
            assert_eq!(decode(&payload, "v", Type::Integer), Err(error.to_owned()), "{payload:?}");
        }
        for (payload, error) in [
            (&[0x1c][..], "malformed CBOR: invalid at byte 0"),
            (&[0xff], "malformed CBOR: invalid type: break, expected non-break"),
            (&[0xa1, 0x61, 0xff, 1], "malformed CBOR: invalid at byte 1"),
        ] {
            assert_eq!(decode(payload, "v", Type::Integer), Err(error.to_owned()), "{payload:?}");
        }
    }

    #[test]
    fn a_payload_that_is_cut_off_says_where() {
        let whole = [&[0xa2, 0x61, b'v', 0x42, 0, 255, 0x61, b'w'][..], &[0xc1, 0x1a, 0, 0, 0, 1]].concat();
        assert_eq!(decode(&whole, "v", Type::Json).as_deref(), Ok("\"AP8=\""));
        for end in 1..whole.len() {
            let expected = format!("malformed CBOR: the payload ends too early, at byte {end}");
            assert_eq!(decode(&whole[..end], "v", Type::Json), Err(expected), "{end}");
        }
        for boastful in [&[0x9b, 255, 255, 255, 255, 255, 255, 255, 255][..], &[0xa1, 0x7b, 0, 0, 0, 1, 0, 0, 0, 0]] {
            let expected = format!("malformed CBOR: the payload ends too early, at byte {}", boastful.len());
            assert_eq!(decode(boastful, "v", Type::Integer), Err(expected));
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| member(&[vec![0x81; depth], vec![1]].concat());
        assert!(decode(&nested(199), "v", Type::Json).is_ok());
        let error = "malformed CBOR: the document nests more than 200 levels deep";
        for depth in [200, 100_000] {
            assert_eq!(decode(&nested(depth), "v", Type::Json), Err(error.to_owned()), "{depth}");
        }
    }
}
