//! What the encoder writes is read back, each field as what it was.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{columns, everything, path};
use crate::codec::encode::ProtobufEncoder;
use crate::codec::testing::decode_one;
use crate::column::Type;
use crate::document::Document;
use crate::testing::cases;

/// A member of a document, the type that it is read as, and what is then shown.
type Member = (&'static str, Document, Type, String);

fn whole<T: Into<i128> + ToString + Copy>(name: &'static str, ty: Type, number: T) -> Member {
    (name, Document::Integer(number.into()), ty, number.to_string())
}

fn list(name: &'static str, ty: Type, items: Vec<(Document, String)>) -> Member {
    let (documents, shown): (Vec<_>, Vec<_>) = items.into_iter().unzip();
    (name, Document::Array(documents), Type::list(ty), format!("[{}]", shown.join(", ")))
}

fn numbers() -> impl Strategy<Value = Vec<Member>> {
    (any::<(i32, i64, u32, u64, i32, i64)>(), any::<(u32, u64, i32, i64, f64, f32, bool)>()).prop_map(|(a, b)| {
        vec![
            whole("f_int32", Type::Integer, a.0),
            whole("f_int64", Type::BigInt, a.1),
            whole("f_uint32", Type::UInteger, a.2),
            whole("f_uint64", Type::UBigInt, a.3),
            whole("f_sint32", Type::Integer, a.4),
            whole("f_sint64", Type::BigInt, a.5),
            whole("f_fixed32", Type::UInteger, b.0),
            whole("f_fixed64", Type::UBigInt, b.1),
            whole("f_sfixed32", Type::Integer, b.2),
            whole("f_sfixed64", Type::BigInt, b.3),
            ("f_double", Document::Float(b.4), Type::Double, b.4.to_string()),
            ("f_float", Document::Float(b.5.into()), Type::Float, b.5.to_string()),
            ("f_bool", Document::Boolean(b.6), Type::Boolean, b.6.to_string()),
            whole("far", Type::Integer, a.4),
            ("o_int32", Document::Null, Type::Integer, "NULL".to_owned()),
        ]
    })
}

fn texts_and_lists() -> impl Strategy<Value = Vec<Member>> {
    let texts =
        (".{0,30}", vec(any::<u8>(), 0..30), prop::sample::select(vec!["UNKNOWN", "ACTIVE", "BROKEN"]), ".{0,9}");
    let lists = (vec(any::<i32>(), 0..9), vec(any::<i64>(), 0..9), vec(any::<f64>(), 0..5), vec(".{0,9}", 0..5));
    let map = prop::collection::btree_map(".{0,9}", any::<i64>(), 0..5);
    (texts, lists, map).prop_map(|((text, bytes, name, option), (r_int32, r_sint64, r_double, r_string), map)| {
        let numbers =
            |items: Vec<i64>| items.into_iter().map(|n| (Document::Integer(n.into()), n.to_string())).collect();
        let entries = map.iter().map(|(key, value)| format!("{{{key}, {value}}}")).collect::<Vec<_>>().join(", ");
        let members = map.into_iter().map(|(key, value)| (key, Document::Integer(value.into()))).collect();
        vec![
            ("f_string", Document::Text(text.clone()), Type::Varchar, text),
            ("f_bytes", Document::Bytes(bytes.clone()), Type::Blob, String::from_utf8_lossy(&bytes).into_owned()),
            ("f_enum", Document::Text(name.into()), Type::Varchar, name.to_owned()),
            ("o_string", Document::Text(option.clone()), Type::Varchar, option),
            list("r_int32", Type::Integer, numbers(r_int32.into_iter().map(i64::from).collect())),
            list("r_sint64", Type::BigInt, numbers(r_sint64)),
            list("r_double", Type::Double, r_double.into_iter().map(|n| (Document::Float(n), n.to_string())).collect()),
            list("r_string", Type::Varchar, r_string.into_iter().map(|t| (Document::Text(t.clone()), t)).collect()),
            ("m_string", Document::Object(members), Type::map(Type::Varchar, Type::BigInt), format!("[{entries}]")),
        ]
    })
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_message_comes_back(numbers in numbers(), others in texts_and_lists(), cut in any::<prop::sample::Index>()) {
        let encoder = ProtobufEncoder::load(&everything()).unwrap();
        let members: Vec<Member> = numbers.into_iter().chain(others).collect();
        let document = Document::Object(members.iter().map(|(name, value, ..)| ((*name).to_owned(), value.clone())).collect());
        let payload = encoder.encode(&document).unwrap();
        let wanted: Vec<_> = members.iter().map(|(name, _, ty, _)| (path(name), ty.clone())).collect();
        let codec = columns(&everything(), wanted.into()).unwrap();
        let expected: Vec<String> = members.iter().map(|(.., shown)| shown.clone()).collect();
        prop_assert_eq!(decode_one(&*codec, &payload).unwrap(), expected);
        // What is cut off is refused, or ends between two fields: then what is there is what it was, or absent.
        if let Ok(row) = decode_one(&*codec, &payload[..cut.index(payload.len() + 1)]) {
            for (shown, (name, _, ty, whole)) in row.iter().zip(&members) {
                let absent = matches!(shown.as_str(), "NULL" | "0" | "false" | "" | "UNKNOWN" | "[]");
                let begun = matches!(ty, Type::List(_) | Type::Map(..)) && whole.starts_with(shown.trim_end_matches(']'));
                prop_assert!(shown == whole || absent || begun, "{name}: {shown} of {whole}");
            }
        }
    }
}
