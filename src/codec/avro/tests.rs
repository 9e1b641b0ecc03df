use apache_avro::types::Value;

use super::*;
use crate::codec::DecodeError;
use crate::codec::inflate::Inflate;
use crate::codec::testing::decode_one;

const SCHEMA: &str = r#"{"type":"record","name":"r","namespace":"n.s","fields":[
    {"name":"i","type":"int"},
    {"name":"l","type":["null","long"]},
    {"name":"f","type":"float"},
    {"name":"d","type":"double"},
    {"name":"b","type":"boolean"},
    {"name":"s","type":"string"},
    {"name":"y","type":"bytes"},
    {"name":"x","type":{"type":"fixed","name":"two","size":2}},
    {"name":"e","type":{"type":"enum","name":"color","symbols":["RED","GREEN"]}},
    {"name":"a","type":{"type":"array","items":"int"}},
    {"name":"m","type":{"type":"map","values":"long"}},
    {"name":"r","type":{"type":"record","name":"inner","fields":[{"name":"c","type":"color"}]}},
    {"name":"u","type":["null","int","string"]},
    {"name":"day","type":{"type":"int","logicalType":"date"}},
    {"name":"tm","type":{"type":"int","logicalType":"time-millis"}},
    {"name":"tu","type":{"type":"long","logicalType":"time-micros"}},
    {"name":"sm","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"sn","type":{"type":"long","logicalType":"timestamp-nanos"}},
    {"name":"dec","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
    {"name":"id","type":{"type":"string","logicalType":"uuid"}},
    {"name":"dur","type":{"type":"fixed","name":"dur","size":12,"logicalType":"duration"}}]}"#;

/// The datum of [`SCHEMA`] below, byte by byte as the specification encodes it.
fn datum() -> Vec<u8> {
    let mut bytes = vec![0x53]; // i: -42
    bytes.extend([2, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]); // l: 2^63 - 1
    bytes.extend(0.1f32.to_le_bytes());
    bytes.extend(42.5f64.to_le_bytes());
    bytes.extend([1, 4, b'h', b'i', 4, 0, 255, 7, 8]); // b, s, y, x
    bytes.extend([2]); // e: GREEN
    bytes.extend([3, 4, 2, 4, 2, 6, 0]); // a: a block with its size, [1, 2], and one without, [3]
    bytes.extend([2, 2, b'k', 20, 0]); // m: {k: 10}
    bytes.extend([0]); // r: {c: RED}
    bytes.extend([4, 2, b'z']); // u: "z"
    bytes.extend(long(19_737));
    bytes.extend(long(36_672_500));
    bytes.extend(long(36_672_500_001));
    bytes.extend(long(-1));
    bytes.extend(long(1_705_313_472_123_456_789));
    bytes.extend([4, 0xfe, 0xd4]); // dec: -300 unscaled
    bytes.extend([72]);
    bytes.extend(b"5f1c6f2e-0b1c-4b8e-9d0a-0123456789ab");
    bytes.extend([1, 0, 0, 0, 2, 0, 0, 0, 232, 3, 0, 0]);
    bytes
}

fn long(value: i64) -> Vec<u8> {
    let mut bits = (value << 1 ^ value >> 63).cast_unsigned();
    let mut bytes = Vec::new();
    while bits > 0x7f {
        bytes.push((bits & 0x7f) as u8 | 0x80);
        bits >>= 7;
    }
    bytes.push(bits as u8);
    bytes
}

fn schema() -> Schema {
    Schema::parse(SCHEMA).unwrap()
}

fn row(payload: &[u8]) -> std::result::Result<String, DecodeError> {
    let codec = columns(Some(schema()), Inflate::DEFAULT_LIMIT, schema().fields().unwrap().into()).unwrap();
    decode_one(&*codec, payload).map(|row| row.join(" | "))
}

const ROW: &str = "-42 | 9223372036854775807 | 0.1 | 42.5 | true | hi | \0\u{fffd} | \u{7}\u{8} | GREEN | [1, 2, 3] | \
    [{k, 10}] | {c: RED} | \"z\" | 19737 | 36672500000 | 36672500001 | -1000 | 1705313472123456789 | -300 | \
    -43059206405240009131234889138911377493 | 1 months 2 days 1000000 us";

#[test]
fn fields_come_typed_from_the_schema() {
    let fields: Vec<String> = schema().fields().unwrap().iter().map(|(path, ty)| format!("{path} {ty}")).collect();
    assert_eq!(
        fields.join(", "),
        "i INTEGER, l BIGINT, f FLOAT, d DOUBLE, b BOOLEAN, s VARCHAR, y BLOB, x BLOB, e VARCHAR, a INTEGER[], \
         m MAP(VARCHAR, BIGINT), r STRUCT(\"c\" VARCHAR), u JSON, day DATE, tm TIME, tu TIME, sm TIMESTAMP, \
         sn TIMESTAMP_NS, dec DECIMAL(9,2), id UUID, dur INTERVAL"
    );
    assert!(Schema::parse("{").is_err());
    assert!(Schema::parse("\"int\"").unwrap().fields().is_err());
}

#[test]
fn a_plain_datum_and_a_single_object() {
    let uuid = (0x5f1c_6f2e_0b1c_4b8e_9d0a_0123_4567_89ab_u128 ^ (1 << 127)).cast_signed().to_string();
    let expected = ROW.replace("-43059206405240009131234889138911377493", &uuid);
    assert_eq!(row(&datum()).as_deref(), Ok(&*expected));
    let single = [&[0xc3, 0x01][..], schema().fingerprint(), &datum()].concat();
    assert_eq!(row(&single).as_deref(), Ok(&*expected));
    let other = [&[0xc3, 0x01][..], &[0; 8], &datum()].concat();
    let error = row(&other).unwrap_err().to_string();
    assert_eq!(error, "malformed Avro: the payload is a single object of another schema than the one given");
}

#[test]
fn payloads_that_are_cut_off_or_too_long_are_errors() {
    let datum = datum();
    for end in 0..datum.len() {
        let error = row(&datum[..end]).unwrap_err().to_string();
        assert_eq!(error, format!("malformed Avro: the payload ends too early, at byte {end}"));
    }
    assert_eq!(row(&[&datum[..], &[0]].concat()).unwrap_err().cause, "malformed Avro: 1 bytes follow the datum");
}

fn container(codec: apache_avro::Codec, objects: i32) -> Vec<u8> {
    let schema = r#"{"type":"record","name":"r","fields":[{"name":"v","type":"int"},{"name":"s","type":"string"}]}"#;
    let schema = apache_avro::Schema::parse_str(schema).unwrap();
    let mut writer = apache_avro::Writer::with_codec(&schema, Vec::new(), codec).unwrap();
    for i in 0..objects {
        let record = vec![("v".to_owned(), Value::Int(i + 7)), ("s".to_owned(), Value::String("x".repeat(100)))];
        writer.append_value(Value::Record(record)).unwrap();
    }
    writer.into_inner().unwrap()
}

#[test]
fn containers_bring_their_schema() {
    let read = |payload: &[u8]| {
        let codec =
            super::columns(None, Inflate::DEFAULT_LIMIT, infer(&mut [payload].into_iter()).unwrap().into()).unwrap();
        decode_one(&*codec, payload).map_err(|error| error.to_string())
    };
    let expected = Ok(vec!["7".to_owned(), "x".repeat(100)]);
    let deflate = apache_avro::Codec::Deflate(apache_avro::DeflateSettings::default());
    for codec in [apache_avro::Codec::Null, deflate] {
        assert_eq!(read(&container(codec, 1)), expected, "{codec:?}");
    }
    let whole = container(apache_avro::Codec::Null, 1);
    let columns = || vec![(Path::member("v"), Type::Integer)].into();
    for end in 4..whole.len() {
        let error = decode_one(&*super::columns(None, Inflate::DEFAULT_LIMIT, columns()).unwrap(), &whole[..end])
            .unwrap_err()
            .cause;
        let header_alone = error == "malformed Avro: the container holds no object";
        let expected = format!("malformed Avro: the payload ends too early, at byte {end}");
        assert!(header_alone || error == expected, "{end}: {error}");
    }
    assert!(read(&container(apache_avro::Codec::Null, 0)).unwrap_err().contains("holds no object"));
    assert!(read(&container(apache_avro::Codec::Null, 2)).unwrap_err().contains("more than one object"));
    assert!(infer(&mut [&b"{}"[..]].into_iter()).is_err());
    // The one block with one byte less in it than its object has.
    let at = whole.len() - 16 - 103;
    assert_eq!(whole[at - 2..at], [206, 1]);
    let short = [&whole[..at - 2], &[204, 1], &whole[at..whole.len() - 17], &whole[whole.len() - 16..]].concat();
    assert_eq!(read(&short).unwrap_err(), "malformed Avro: a block ends before its object does");
    let codec = super::columns(None, Inflate::DEFAULT_LIMIT, vec![(Path::member("v"), Type::Integer)].into()).unwrap();
    assert!(decode_one(&*codec, &[14]).unwrap_err().cause.contains("no schema is given"));
}

#[test]
fn recursion_ends() {
    let list =
        r#"{"type":"record","name":"n","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","n"]}]}"#;
    let schema = || Schema::parse(list).unwrap();
    let fields = schema().fields().unwrap();
    assert_eq!(fields[1].1, Type::Json);
    let codec = columns(Some(schema()), Inflate::DEFAULT_LIMIT, fields.into()).unwrap();
    let short = [2, 2, 4, 2, 6, 0];
    assert_eq!(
        decode_one(&*codec, &short),
        Ok(vec!["1".to_owned(), "{\"v\":2,\"next\":{\"v\":3,\"next\":null}}".to_owned()])
    );
    let long = [[2, 2].repeat(100_000), vec![2, 0]].concat();
    assert!(decode_one(&*codec, &long).unwrap_err().cause.contains("nests too deeply"));
    let nulls =
        Schema::parse(r#"{"type":"record","name":"n","fields":[{"name":"a","type":{"type":"array","items":"null"}}]}"#);
    let codec =
        columns(Some(nulls.unwrap()), Inflate::DEFAULT_LIMIT, vec![(Path::member("a"), Type::Json)].into()).unwrap();
    let bomb = [super::tests::long(1 << 50), vec![0]].concat();
    assert!(decode_one(&*codec, &bomb).unwrap_err().cause.contains("too many empty elements"));
}

#[test]
fn decimals_of_any_width() {
    let text = r#"{"type":"record","name":"n","fields":[{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":38,"scale":3}}]}"#;
    let schema = || Schema::parse(text).unwrap();
    let codec =
        columns(Some(schema()), Inflate::DEFAULT_LIMIT, vec![(Path::member("d"), Type::Varchar)].into()).unwrap();
    for (unscaled, expected) in [
        (&[][..], Some("0.000")),
        (&[5], Some("0.005")),
        (&[0xff], Some("-0.001")),
        (&[0x12, 0xd6, 0x87], Some("1234.567")),
        (&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5], Some("0.005")),
        (&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5], Some("87112285931760246646623899502532662132.741")),
    ] {
        let payload = [vec![unscaled.len() as u8 * 2], unscaled.to_vec()].concat();
        let got = decode_one(&*codec, &payload).ok().map(|mut row| row.remove(0));
        assert_eq!(got.as_deref(), expected, "{unscaled:?}");
    }
}
