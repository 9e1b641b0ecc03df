//! The rules of the wire: fields that come twice, packed, split, unknown, negative, or broken.

use super::*;

#[test]
fn the_extremes_of_every_integer() {
    let max = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    let min = b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01";
    let long = |tag: u8, bytes: &[u8]| [&[tag][..], bytes].concat();
    for (at, payload, expected) in [
        ("f_int32", long(0x18, max), "-1"),
        ("f_int32", b"\x18\x80\x80\x80\x80\xf8\xff\xff\xff\xff\x01".to_vec(), "-2147483648"),
        ("f_int32", b"\x18\xff\xff\xff\xff\x07".to_vec(), "2147483647"),
        ("f_int32", b"\x18\x81\x80\x80\x80\x10".to_vec(), "1"),
        ("f_int64", long(0x20, min), "-9223372036854775808"),
        ("f_int64", b"\x20\xff\xff\xff\xff\xff\xff\xff\xff\x7f".to_vec(), "9223372036854775807"),
        ("f_uint32", b"\x28\xff\xff\xff\xff\x0f".to_vec(), "4294967295"),
        ("f_uint64", long(0x30, max), "18446744073709551615"),
        ("f_sint32", b"\x38\xff\xff\xff\xff\x0f".to_vec(), "-2147483648"),
        ("f_sint64", long(0x40, max), "-9223372036854775808"),
        ("f_fixed32", b"\x4d\xff\xff\xff\xff".to_vec(), "4294967295"),
        ("f_fixed64", b"\x51\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(), "18446744073709551615"),
        ("f_sfixed32", b"\x5d\0\0\0\x80".to_vec(), "-2147483648"),
        ("f_sfixed64", b"\x61\0\0\0\0\0\0\0\x80".to_vec(), "-9223372036854775808"),
        ("f_bool", b"\x68\x80\x80\x80\x80\x10".to_vec(), "true"),
        ("f_enum", b"\x80\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01".to_vec(), "BROKEN"),
        ("f_enum", b"\x80\x01\x63".to_vec(), "99"),
        ("far", b"\x80\xea\x30\x05".to_vec(), "5"),
    ] {
        assert_eq!(value(&*own(&everything(), at), &payload).unwrap(), expected, "{at}");
    }
}

#[test]
fn the_last_scalar_wins_and_messages_merge() {
    // place = {zone: "a", level: 1, tags: ["x"]} then place = {level: 2, position: {lat: 1}, tags: ["y"]}, then
    // place = {position: {lon: 2}}
    let lat = b"\x09\0\0\0\0\0\0\xf0\x3f";
    let lon = b"\x11\0\0\0\0\0\0\0\x40";
    let place = |bytes: &[u8]| [&b"\x92\x03"[..], &[bytes.len() as u8], bytes].concat();
    let payload = [
        place(b"\x0a\x01a\x10\x01\x22\x01x"),
        place(&[b"\x10\x02\x22\x01y".to_vec(), delimited(0x1a, lat)].concat()),
        b"\x18\x01\x18\x02".to_vec(),
        place(&delimited(0x1a, lon)),
    ]
    .concat();
    let source = everything();
    let json = column(&source, "place", Type::Json);
    let expected = r#"{"zone":"a","level":2,"position":{"lat":1.0,"lon":2.0},"tags":["x","y"]}"#;
    assert_eq!(value(&*json, &payload).unwrap(), expected);
    assert_eq!(value(&*own(&source, "place.position.lat"), &payload).unwrap(), "1");
    assert_eq!(value(&*own(&source, "place.tags"), &payload).unwrap(), "[x, y]");
    assert_eq!(value(&*own(&source, "f_int32"), &payload).unwrap(), "2");
}

#[test]
fn lists_are_packed_split_or_mixed() {
    let source = everything();
    for (at, payload, expected) in [
        ("r_int32", &b"\xf2\x01\x03\x01\x02\x03"[..], "[1, 2, 3]"),
        ("r_int32", b"\xf0\x01\x01\xf2\x01\x02\x02\x03\xf0\x01\x04\xf2\x01\x00", "[1, 2, 3, 4]"),
        ("r_sint64", b"\xfa\x01\x02\x01\x02", "[-1, 1]"),
        ("r_sint64", b"\xf8\x01\x01\xf8\x01\x02", "[-1, 1]"),
        ("r_fixed32", b"\x8a\x02\x08\x01\0\0\0\x02\0\0\0", "[1, 2]"),
        ("r_bool", b"\x92\x02\x03\x00\x01\x7f", "[false, true, true]"),
        ("r_enum", b"\xaa\x02\x02\x01\x05", "[ACTIVE, 5]"),
        ("r_string", b"\x9a\x02\x01a\x9a\x02\x00", "[a, ]"),
        ("r_int32[1]", b"\xf2\x01\x03\x01\x02\x03", "2"),
        ("r_int32.9", b"\xf2\x01\x03\x01\x02\x03", "NULL"),
    ] {
        assert_eq!(value(&*own(&source, at), payload).unwrap(), expected, "{at} {payload:x?}");
    }
    let codec = own(&legacy(), "counts");
    assert_eq!(value(&*codec, b"\x08\x01\x5a\x02\x05\x06\x58\x07").unwrap(), "[5, 6, 7]");
}

#[test]
fn the_last_entry_of_a_map_wins() {
    let source = everything();
    for (at, payload, expected) in [
        // {"a": 1} and {"b": 2} and {"a": 3}
        (
            "m_string",
            &b"\xc2\x02\x05\x0a\x01a\x10\x01\xc2\x02\x05\x0a\x01b\x10\x02\xc2\x02\x05\x0a\x01a\x10\x03"[..],
            "[{b, 2}, {a, 3}]",
        ),
        ("m_string.a", b"\xc2\x02\x05\x0a\x01a\x10\x01\xc2\x02\x05\x0a\x01a\x10\x03", "3"),
        ("m_string.zz", b"\xc2\x02\x05\x0a\x01a\x10\x01", "NULL"),
        // Value before key, unknown field, key missing, value missing, everything missing.
        ("m_string", b"\xc2\x02\x07\x10\x01\x18\x05\x0a\x01a", "[{a, 1}]"),
        ("m_string", b"\xc2\x02\x02\x10\x01", "[{, 1}]"),
        ("m_string", b"\xc2\x02\x03\x0a\x01a", "[{a, 0}]"),
        ("m_int32", b"\xca\x02\x00", "[{0, }]"),
        ("m_int32.7", b"\xca\x02\x05\x08\x07\x12\x01x", "x"),
        ("m_bool.true", b"\xd2\x02\x02\x08\x01", "0"),
        ("m_enum", b"\xe2\x02\x02\x10\x01", "[{, ACTIVE}]"),
        ("m_uint64", b"\xda\x02\x02\x08\x05", r#"[{5, {"zone":"","level":0,"tags":[]}}]"#),
        ("m_uint64.5.level", b"\xda\x02\x06\x08\x05\x12\x02\x10\x09", "9"),
    ] {
        assert_eq!(value(&*own(&source, at), payload).unwrap(), expected, "{at} {payload:x?}");
    }
}

#[test]
fn the_last_member_of_a_oneof_takes_the_others_away() {
    let codec = extract(&everything(), ["c_int32", "c_string", "c_place.level"].map(path).to_vec(), vec![]).unwrap();
    for (payload, expected) in [
        (&b"\x98\x03\x07"[..], ["7", "NULL", "NULL"]),
        (b"\x98\x03\x07\xa2\x03\x01x", ["NULL", "x", "NULL"]),
        (b"\xa2\x03\x01x\xaa\x03\x02\x10\x05\xaa\x03\x00", ["NULL", "NULL", "5"]),
        // Between two of the same message stands another member: nothing to merge with.
        (b"\xaa\x03\x02\x10\x05\x98\x03\x07\xaa\x03\x00", ["NULL", "NULL", "0"]),
    ] {
        assert_eq!(decode_one(&*codec, payload).unwrap(), expected, "{payload:x?}");
    }
}

#[test]
fn a_member_of_a_oneof_that_nobody_asks_for_takes_the_others_away() {
    let codec = own(&everything(), "c_int32");
    for (payload, expected) in [
        (&b"\x98\x03\x07\xa2\x03\x01x"[..], "NULL"),
        (b"\x98\x03\x07\xaa\x03\x00", "NULL"),
        (b"\xa2\x03\x01x\x98\x03\x07", "7"),
        // A number where a text belongs is an unknown field.
        (b"\x98\x03\x07\xa0\x03\x01", "7"),
    ] {
        assert_eq!(value(&*codec, payload).unwrap(), expected, "{payload:x?}");
    }
}

#[test]
fn unknown_fields_and_wire_types_that_do_not_fit_are_passed_over() {
    let codec = own(&everything(), "f_int32");
    for payload in [
        &b"\x18\x05\xe8\x3f\x01"[..],
        b"\xea\x3f\x03abc\x18\x05",
        b"\xeb\x3f\x0b\x10\x01\x0c\xec\x3f\x18\x05",
        b"\x18\x05\x1d\0\0\0\x01",
        b"\x18\x05\x1a\x01\x07",
        b"\x18\x05\x72\x01a\x70\x07",
    ] {
        assert_eq!(value(&*codec, payload).unwrap(), "5", "{payload:x?}");
    }
}

#[test]
fn groups_are_messages() {
    let payload = b"\x08\x01\x6b\x0a\x02hi\x13\x08\x07\x14\x6c\x73\x0a\x01k\x74\x73\x0a\x01l\x10\x02\x74";
    let source = legacy();
    assert_eq!(value(&*own(&source, "detail.note"), payload).unwrap(), "hi");
    assert_eq!(value(&*own(&source, "detail.deep.x"), payload).unwrap(), "7");
    assert_eq!(value(&*own(&source, "item[1].value"), payload).unwrap(), "2");
    assert_eq!(
        value(&*column(&source, "item", Type::Json), payload).unwrap(),
        r#"[{"key":"k"},{"key":"l","value":2}]"#
    );
}

#[test]
fn broken_payloads_name_the_place() {
    let source = everything();
    let error = |codec: Box<dyn Codec>, payload: &[u8]| value(&*codec, payload).unwrap_err().to_string();
    for (codec, payload, expected) in [
        (own(&source, "f_int32"), &b"\x18"[..], "malformed protobuf: the message is truncated"),
        (
            own(&source, "place.zone"),
            b"\x92\x03\x02\x0a\x09",
            "malformed protobuf in field 'place': the message is truncated",
        ),
        (
            own(&source, "place.position.lat"),
            b"\x92\x03\x03\x1a\x01\x09",
            "malformed protobuf in field 'place.position': the message is truncated",
        ),
        (
            own(&source, "f_string"),
            b"\x72\x03a\xffb",
            "path 'f_string': malformed protobuf: the text is not UTF-8 at byte 1: a\u{fffd}b",
        ),
        (
            own(&source, "r_string"),
            b"\x9a\x02\x01a\x9a\x02\x01\xff",
            "path 'r_string[1]': malformed protobuf: the text is not UTF-8 at byte 0: \u{fffd}",
        ),
        (
            own(&source, "r_int32"),
            b"\xf2\x01\x01\x80",
            "malformed protobuf in field 'r_int32': the message is truncated",
        ),
        (
            column(&source, "place", Type::Json),
            b"\x92\x03\x04\x1a\x02\x09\x00",
            "path 'place': malformed protobuf in field 'position': the message is truncated",
        ),
        (column(&source, "f_int64", Type::TinyInt), b"\x20\x80\x01", "path 'f_int64': 128 is out of range for TINYINT"),
    ] {
        assert_eq!(error(codec, payload), expected, "{payload:x?}");
    }
}

#[test]
fn a_long_text_is_quoted_in_part() {
    let text = [b"\x72\xc8\x01".to_vec(), vec![b'x'; 199], vec![0xff]].concat();
    let error = value(&*own(&everything(), "f_string"), &text).unwrap_err();
    assert!(error.cause.ends_with(&format!(": {}…", "x".repeat(80))), "{error}");
}

#[test]
fn nesting_ends_at_a_hundred() {
    let nested = |depth: usize| {
        let field = |tag: &[u8], inside: &[u8]| [tag, &varint(inside.len()), inside].concat();
        let tree = (0..depth).fold(Vec::new(), |tree, _| field(b"\x12", &tree));
        field(b"\x82\x05", &tree)
    };
    let codec = column(&everything(), "tree", Type::Json);
    assert!(value(&*codec, &nested(99)).is_ok());
    let error = value(&*codec, &nested(100)).unwrap_err().to_string();
    assert!(error.ends_with("messages are nested more than 100 deep"), "{error}");
}
