//! Fields that are not on the wire.

use super::*;

#[test]
fn proto3_scalars_have_their_zero_and_the_rest_is_null() {
    let codec = all(&everything(), vec![]).unwrap();
    let row = decode_one(&*codec, b"").unwrap();
    for (column, got) in codec.columns().iter().zip(row) {
        let expected = match column.name.as_str() {
            "f_bool" => "false",
            "f_string" | "f_bytes" => "",
            "f_enum" => "UNKNOWN",
            name if name.starts_with("f_") || name == "far" => "0",
            name if name.starts_with("r_") || name.starts_with("m_") => "[]",
            _ => "NULL",
        };
        assert_eq!(got, expected, "{}", column.name);
    }
}

#[test]
fn explicit_zeros_of_fields_with_presence_are_there() {
    for (at, payload, expected) in [
        ("o_int32", &b"\xa0\x01\x00"[..], "0"),
        ("o_string", b"\xaa\x01\x00", ""),
        ("o_enum", b"\xb0\x01\x00", "UNKNOWN"),
        ("c_int32", b"\x98\x03\x00", "0"),
        ("place.zone", b"\x92\x03\x00", ""),
        ("place.position.lat", b"\x92\x03\x00", "NULL"),
    ] {
        assert_eq!(value(&*own(&everything(), at), payload).unwrap(), expected, "{at}");
    }
    let codec = all(&everything(), vec![]).unwrap();
    let row = decode_one(&*codec, b"\x92\x03\x00\xf2\x03\x00\xfa\x03\x00").unwrap();
    let at = |name: &str| &row[codec.columns().iter().position(|column| column.name == name).unwrap()];
    assert_eq!(at("place"), "{zone: , level: 0, position: NULL, tags: []}");
    assert_eq!(at("w_int64"), "0");
    assert_eq!(at("w_string"), "");
    assert_eq!(at("w_bool"), "NULL");
}

#[test]
fn proto2_defaults_are_the_declared_ones() {
    let id = b"\x08\x01";
    let codec = all(&legacy(), vec![]).unwrap();
    let row = decode_one(&*codec, id).unwrap();
    let expected = [
        "1",
        "NULL",
        "42",
        "-9223372036854775808",
        "none",
        "\u{1}\u{fffd}",
        "GREEN",
        "0.1",
        "inf",
        "true",
        "[]",
        "[]",
        "NULL",
        "[]",
        "NULL",
        "[]",
    ];
    assert_eq!(row, expected);
}

#[test]
fn a_missing_required_field_is_an_error() {
    let cause = |codec: &dyn Codec, payload: &[u8]| decode_one(codec, payload).unwrap_err().to_string();
    let codec = own(&legacy(), "plain");
    assert_eq!(cause(&*codec, b""), "malformed protobuf in field 'id': the field is required and missing");
    let codec = own(&legacy(), "part.b");
    assert_eq!(
        cause(&*codec, b"\x08\x01\x7a\x02\x10\x01"),
        "malformed protobuf in field 'part.a': the field is required and missing"
    );
}
