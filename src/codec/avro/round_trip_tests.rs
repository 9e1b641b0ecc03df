//! Values that Apache's own library writes are read back: as a datum, as a single object and in containers.

use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;

use super::{Schema, columns};
use crate::codec::inflate::Inflate;
use crate::codec::path::{Path, Wanted};
use crate::codec::testing::decode_one;
use crate::testing::cases;

const SCHEMA: &str = r#"{"type":"record","name":"r","fields":[
    {"name":"i","type":"int"},
    {"name":"l","type":["null","long"]},
    {"name":"d","type":"double"},
    {"name":"b","type":"boolean"},
    {"name":"s","type":"string"},
    {"name":"y","type":"bytes"},
    {"name":"e","type":{"type":"enum","name":"color","symbols":["RED","GREEN"]}},
    {"name":"a","type":{"type":"array","items":"long"}},
    {"name":"m","type":{"type":"map","values":"string"}},
    {"name":"n","type":{"type":"record","name":"inner","fields":[{"name":"t","type":"string"},{"name":"u","type":["null","int"]}]}}]}"#;

/// A value of [`SCHEMA`], and its columns as `codec::testing` shows them. A map has at most one entry, as Rust's own have no order.
fn value() -> impl Strategy<Value = (Value, Vec<String>)> {
    let scalars =
        (any::<i32>(), any::<Option<i64>>(), any::<f64>(), any::<bool>(), ".{0,20}", vec(any::<u8>(), 0..20), 0..2_u32);
    let nested = (vec(any::<i64>(), 0..9), hash_map(".{0,9}", ".{0,9}", 0..2), ".{0,9}", any::<Option<i32>>());
    (scalars, nested).prop_map(|((i, l, d, b, s, y, e), (a, m, t, u))| {
        let symbol = ["RED", "GREEN"][e as usize].to_owned();
        let branch = |value: Option<Value>| match value {
            None => Value::Union(0, Box::new(Value::Null)),
            Some(value) => Value::Union(1, Box::new(value)),
        };
        let or_null = |shown: Option<String>| shown.unwrap_or_else(|| "NULL".to_owned());
        let list = |items: Vec<String>| format!("[{}]", items.join(", "));
        let shown = vec![
            i.to_string(),
            or_null(l.map(|l| l.to_string())),
            d.to_string(),
            b.to_string(),
            s.clone(),
            String::from_utf8_lossy(&y).into_owned(),
            symbol.clone(),
            list(a.iter().map(ToString::to_string).collect()),
            list(m.iter().map(|(key, value)| format!("{{{key}, {value}}}")).collect()),
            format!("{{t: {t}, u: {}}}", or_null(u.map(|u| u.to_string()))),
        ];
        let inner = vec![("t".to_owned(), Value::String(t)), ("u".to_owned(), branch(u.map(Value::Int)))];
        let fields = [
            ("i", Value::Int(i)),
            ("l", branch(l.map(Value::Long))),
            ("d", Value::Double(d)),
            ("b", Value::Boolean(b)),
            ("s", Value::String(s)),
            ("y", Value::Bytes(y)),
            ("e", Value::Enum(e, symbol)),
            ("a", Value::Array(a.into_iter().map(Value::Long).collect())),
            ("m", Value::Map(m.into_iter().map(|(key, value)| (key, Value::String(value))).collect())),
            ("n", Value::Record(inner)),
        ];
        (Value::Record(fields.map(|(name, value)| (name.to_owned(), value)).into()), shown)
    })
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_value_comes_back((value, expected) in value(), cut in any::<prop::sample::Index>()) {
        let written_by = apache_avro::Schema::parse_str(SCHEMA).unwrap();
        let schema = || Schema::parse(SCHEMA).unwrap();
        let wanted = || Wanted::from(schema().fields().unwrap());
        let codec = columns(Some(schema()), Inflate::DEFAULT_LIMIT, wanted()).unwrap();
        let datum = GenericDatumWriter::builder(&written_by).build().unwrap().write_value_to_vec(value.clone()).unwrap();
        prop_assert_eq!(decode_one(&*codec, &datum).unwrap(), expected.clone());
        let single = [&[0xc3, 0x01][..], schema().fingerprint(), &datum].concat();
        prop_assert_eq!(decode_one(&*codec, &single).unwrap(), expected.clone());
        prop_assert!(decode_one(&*codec, &datum[..cut.index(datum.len())]).is_err());
        prop_assert!(decode_one(&*codec, &[&datum[..], &[0]].concat()).is_err());
        // A container brings its schema, and is whole or refused.
        let codec = columns(None, Inflate::DEFAULT_LIMIT, wanted()).unwrap();
        for compression in [apache_avro::Codec::Null, apache_avro::Codec::Deflate(apache_avro::DeflateSettings::default())] {
            let mut writer = apache_avro::Writer::with_codec(&written_by, Vec::new(), compression).unwrap();
            writer.append_value(value.clone()).unwrap();
            let container = writer.into_inner().unwrap();
            prop_assert_eq!(decode_one(&*codec, &container).unwrap(), expected.clone());
            // Behind the object stands the marker, 16 bytes.
            for end in (container.len() - 18..container.len()).chain([cut.index(container.len())]) {
                prop_assert!(decode_one(&*codec, &container[..end]).is_err(), "{} of {}", end, container.len());
            }
        }
        let path = vec![(Path::member("l"), crate::column::Type::BigInt)];
        let one = columns(Some(schema()), Inflate::DEFAULT_LIMIT, path.into()).unwrap();
        prop_assert_eq!(decode_one(&*one, &datum).unwrap(), &expected[1..2]);
    }
}
