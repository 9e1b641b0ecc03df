//! The elements of MessagePack and CBOR payloads, cut out: each is what the path to it reads, whatever the document is, and no damage
//! leads out of the payload.

use proptest::collection::vec;
use proptest::prelude::*;

use super::path::{Path, Wanted};
use super::testing::decode_one;
use super::{Codec, DecodeError, cbor, msgpack};
use crate::column::Type;
use crate::testing::cases;

type Columns = fn(Wanted) -> crate::error::Result<Box<dyn Codec>>;

type Elements = fn(&[u8], &Path) -> Result<Vec<std::ops::Range<usize>>, DecodeError>;

const FORMATS: [(&str, Columns, Elements); 2] =
    [("msgpack", msgpack::columns, msgpack::elements), ("cbor", cbor::columns, cbor::elements)];

/// A document in both formats, at random in the longer of several forms that its values may have.
#[derive(Debug, Clone)]
enum Any {
    Scalar(Vec<u8>, Vec<u8>),
    List(Vec<Any>, u8),
    Map(Vec<(u8, Any)>, u8),
    Tagged(Box<Any>),
}

/// Scalars of every head: MessagePack's bytes, and CBOR's.
fn scalar() -> impl Strategy<Value = Any> {
    let of = |msgpack: &[u8], cbor: &[u8]| Any::Scalar(msgpack.to_vec(), cbor.to_vec());
    let sized = |msgpack: u8, cbor: u8, bytes: &[u8]| {
        let size = bytes.len() as u8;
        Any::Scalar([&[msgpack, size], bytes].concat(), [&[cbor, size], bytes].concat())
    };
    let pieces = |text: &[u8]| {
        let size = text.len() as u8;
        let one = [&[0x78, size], text].concat();
        Any::Scalar([&[0xdb, 0, 0, 0, size], text].concat(), [&[0x7f][..], &one, &one, &[0xff]].concat())
    };
    prop_oneof![
        Just(of(&[0xc0], &[0xf6])),
        Just(of(&[0xc3], &[0xf5])),
        Just(of(&[0x07], &[0x07])),
        Just(of(&[0xe0], &[0x38, 0x1f])),
        Just(of(&[0xcc, 0xff], &[0x18, 0xff])),
        Just(of(&[0xcd, 1, 2], &[0x19, 1, 2])),
        Just(of(&[0xce, 1, 2, 3, 4], &[0x1a, 1, 2, 3, 4])),
        Just(of(&[0xcf, 1, 2, 3, 4, 5, 6, 7, 8], &[0x1b, 1, 2, 3, 4, 5, 6, 7, 8])),
        Just(of(&[0xca, 0, 0, 0, 0], &[0xfa, 0, 0, 0, 0])),
        Just(of(&[0xcb, 0, 0, 0, 0, 0, 0, 0, 0], &[0xfb, 0, 0, 0, 0, 0, 0, 0, 0])),
        Just(of(&[0xd6, 0xff, 0, 0, 0, 1], &[0xc1, 0x01])),
        Just(of(&[0xc7, 3, 9, 1, 2, 3], &[0xc2, 0x43, 1, 2, 3])),
        Just(of(&[0xd8, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], &[0xf9, 0x3c, 0])),
        Just(of(&[0xa2, b'h', b'i'], &[0x62, b'h', b'i'])),
        vec(b'a'..=b'z', 0..200).prop_map(move |text| sized(0xd9, 0x78, &text)),
        vec(any::<u8>(), 0..200).prop_map(move |bytes| sized(0xc4, 0x58, &bytes)),
        vec(b'a'..=b'z', 0..60).prop_map(move |text| pieces(&text)),
    ]
}

fn document() -> impl Strategy<Value = Any> {
    scalar().prop_recursive(5, 60, 20, |inner| {
        prop_oneof![
            (vec(inner.clone(), 0..20), any::<u8>()).prop_map(|(items, form)| Any::List(items, form)),
            (vec(inner.clone(), 0..20), any::<u8>())
                .prop_map(|(values, form)| Any::Map((0..).zip(values).collect(), form)),
            inner.prop_map(|inner| Any::Tagged(Box::new(inner))),
        ]
    })
}

impl Any {
    fn msgpack(&self, out: &mut Vec<u8>) {
        let head = |out: &mut Vec<u8>, count: usize, form: &u8, [few, some, many]: [u8; 3]| match form % 3 {
            0 if count < 16 => out.push(few | count as u8),
            1 => out.extend([many, 0, 0, 0, count as u8]),
            _ => out.extend([some, 0, count as u8]),
        };
        match self {
            Any::Scalar(bytes, _) => out.extend(bytes),
            Any::List(items, form) => {
                head(out, items.len(), form, [0x90, 0xdc, 0xdd]);
                items.iter().for_each(|item| item.msgpack(out));
            }
            Any::Map(entries, form) => {
                head(out, entries.len(), form, [0x80, 0xde, 0xdf]);
                for (key, value) in entries {
                    out.extend([0xa1, b'A' + key]);
                    value.msgpack(out);
                }
            }
            Any::Tagged(inner) => inner.msgpack(out),
        }
    }

    fn cbor(&self, out: &mut Vec<u8>) {
        let head = |out: &mut Vec<u8>, count: usize, form: &u8, major: u8| match form % 4 {
            0 if count < 24 => out.push(major | count as u8),
            1 => out.extend([major | 26, 0, 0, 0, count as u8]),
            2 => out.push(major | 31),
            _ => out.extend([major | 24, count as u8]),
        };
        match self {
            Any::Scalar(_, bytes) => out.extend(bytes),
            Any::List(items, form) => {
                head(out, items.len(), form, 0x80);
                items.iter().for_each(|item| item.cbor(out));
                out.extend((form % 4 == 2).then_some(0xff));
            }
            Any::Map(entries, form) => {
                head(out, entries.len(), form, 0xa0);
                for (key, value) in entries {
                    out.extend([0x61, b'A' + key]);
                    value.cbor(out);
                }
                out.extend((form % 4 == 2).then_some(0xff));
            }
            Any::Tagged(inner) => {
                out.extend([0xd9, 0xd9, 0xf7]);
                inner.cbor(out);
            }
        }
    }

    fn written(&self) -> [Vec<u8>; 2] {
        let (mut msgpack, mut cbor) = (Vec::new(), Vec::new());
        self.msgpack(&mut msgpack);
        self.cbor(&mut cbor);
        [msgpack, cbor]
    }
}

fn read(columns: Columns, path: &str, payload: &[u8]) -> String {
    let codec = columns(vec![(Path::parse(path).unwrap(), Type::Json)].into()).unwrap();
    decode_one(&*codec, payload).map_or_else(|error| error.to_string(), |row| row.concat())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn each_element_is_what_its_path_reads(before in document(), items in vec(document(), 0..20), behind in document(), form in any::<u8>()) {
        let list = Any::Tagged(Box::new(Any::List(items.clone(), form)));
        let inner = Any::Map(vec![(1, before.clone()), (0, list), (2, behind.clone())], form / 3);
        let whole = Any::List(vec![before, inner, behind], form / 7);
        for ((name, columns, cut), payload) in FORMATS.into_iter().zip(whole.written()) {
            let parts = cut(&payload, &Path::parse("$[1].A").unwrap()).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(parts.len(), items.len(), "{}", name);
            for (at, part) in parts.iter().enumerate() {
                let by_path = read(columns, &format!("$[1].A[{at}]"), &payload);
                prop_assert_eq!(read(columns, "$", &payload[part.clone()]), by_path, "{} {}", name, at);
            }
            // By the end of the list, and of something that is not there.
            prop_assert_eq!(cut(&payload, &Path::parse("$[-2].A").unwrap()).ok(), Some(parts), "{}", name);
            prop_assert_eq!(cut(&payload, &Path::parse("$[1].Z").unwrap()).ok(), Some(vec![]), "{}", name);
        }
    }

    #[test]
    fn damage_leads_nowhere(document in document(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut_at in any::<prop::sample::Index>()) {
        let whole = Any::List(vec![document], 0);
        for ((name, _, cut), mut payload) in FORMATS.into_iter().zip(whole.written()) {
            let at = at.index(payload.len());
            payload[at] = byte;
            for payload in [&payload[..], &payload[..cut_at.index(payload.len())]] {
                for path in ["$", "$[0]", "$[0].A", "$[-1][0]"] {
                    for part in cut(payload, &Path::parse(path).unwrap()).unwrap_or_default() {
                        prop_assert!(payload.get(part).is_some_and(|part| !part.is_empty()), "{} {}", name, path);
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_no_list_is_told_as_for_json() {
    // {"a": 7}, {"a": {"b": [1]}}, [1], and {"a": [1], "a": [2]}.
    let payloads: [([&[u8]; 2], &str); 4] = [
        ([&[0x81, 0xa1, b'a', 7], &[0xa1, 0x61, b'a', 7]], "path 'a': expected a list, found 7"),
        (
            [&[0x81, 0xa1, b'a', 0x81, 0xa1, b'b', 0x91, 1], &[0xa1, 0x61, b'a', 0xa1, 0x61, b'b', 0x81, 1]],
            "path 'a': expected a list, found an object",
        ),
        ([&[0x91, 1], &[0x81, 1]], "expected an object, found a list"),
        (
            [&[0x82, 0xa1, b'a', 0x91, 1, 0xa1, b'a', 0x91, 2], &[0xa2, 0x61, b'a', 0x81, 1, 0x61, b'a', 0x81, 2]],
            "the object has the key 'a' twice",
        ),
    ];
    for (both, fault) in payloads {
        for ((name, _, cut), payload) in FORMATS.into_iter().zip(both) {
            let error = cut(payload, &Path::parse("a").unwrap()).map_err(|error| error.to_string());
            assert_eq!(error, Err(fault.to_owned()), "{name}");
        }
    }
}
