//! Types: the schema's own, and those that the user names.

use super::*;

fn types(codec: &dyn Codec) -> Vec<(String, String)> {
    codec.columns().iter().map(|column| (column.name.clone(), column.ty.to_string())).collect()
}

#[test]
fn a_whole_message_has_the_types_of_its_schema() {
    let place =
        r#"STRUCT("zone" VARCHAR, "level" INTEGER, "position" STRUCT("lat" DOUBLE, "lon" DOUBLE), "tags" VARCHAR[])"#;
    let expected = format!(
        "f_double DOUBLE|f_float FLOAT|f_int32 INTEGER|f_int64 BIGINT|f_uint32 UINTEGER|f_uint64 UBIGINT|\
         f_sint32 INTEGER|f_sint64 BIGINT|f_fixed32 UINTEGER|f_fixed64 UBIGINT|f_sfixed32 INTEGER|\
         f_sfixed64 BIGINT|f_bool BOOLEAN|f_string VARCHAR|f_bytes BLOB|f_enum VARCHAR|o_int32 INTEGER|\
         o_string VARCHAR|o_enum VARCHAR|r_int32 INTEGER[]|r_sint64 BIGINT[]|r_double DOUBLE[]|\
         r_fixed32 UINTEGER[]|r_bool BOOLEAN[]|r_string VARCHAR[]|r_bytes BLOB[]|r_enum VARCHAR[]|r_place {place}[]|\
         r_at TIMESTAMP[]|m_string MAP(VARCHAR, BIGINT)|m_int32 MAP(INTEGER, VARCHAR)|m_bool MAP(BOOLEAN, DOUBLE)|\
         m_uint64 MAP(UBIGINT, {place})|m_enum MAP(VARCHAR, VARCHAR)|place {place}|c_int32 INTEGER|c_string VARCHAR|\
         c_place {place}|at TIMESTAMP|took INTERVAL|w_int64 BIGINT|w_string VARCHAR|w_bool BOOLEAN|w_double DOUBLE|\
         w_bytes BLOB|attrs JSON|value JSON|list JSON|any JSON|empty JSON|\
         tree STRUCT(\"name\" VARCHAR, \"children\" JSON[])|far INTEGER"
    );
    let codec = all(&everything(), vec![]).unwrap();
    let got: Vec<String> = types(&*codec).into_iter().map(|(name, ty)| format!("{name} {ty}")).collect();
    assert_eq!(got, expected.split('|').collect::<Vec<_>>());
}

#[test]
fn extracted_columns_have_the_old_types_and_names() {
    let paths = [
        "f_double",
        "f_float",
        "f_int32",
        "f_sint32",
        "f_sfixed32",
        "f_int64",
        "f_sint64",
        "f_sfixed64",
        "f_uint32",
        "f_fixed32",
        "f_uint64",
        "f_fixed64",
        "f_bool",
        "f_string",
        "f_bytes",
        "f_enum",
        "place.zone",
        "place.position.lat",
        "place",
        "at",
        "at.seconds",
        "r_int32",
        "r_place",
        "r_place.0.level",
        "m_uint64",
    ];
    let codec = extract(&everything(), paths.map(path).to_vec(), vec![]).unwrap();
    let got: Vec<String> = types(&*codec).into_iter().map(|(name, ty)| format!("{name} {ty}")).collect();
    let expected = [
        "f_double DOUBLE",
        "f_float FLOAT",
        "f_int32 INTEGER",
        "f_sint32 INTEGER",
        "f_sfixed32 INTEGER",
        "f_int64 BIGINT",
        "f_sint64 BIGINT",
        "f_sfixed64 BIGINT",
        "f_uint32 UINTEGER",
        "f_fixed32 UINTEGER",
        "f_uint64 UBIGINT",
        "f_fixed64 UBIGINT",
        "f_bool BOOLEAN",
        "f_string VARCHAR",
        "f_bytes BLOB",
        "f_enum VARCHAR",
        "place_zone VARCHAR",
        "place_position_lat DOUBLE",
        "place VARCHAR",
        "at VARCHAR",
        "at_seconds BIGINT",
        "r_int32 INTEGER[]",
        "r_place VARCHAR[]",
        "r_place_0_level INTEGER",
        "m_uint64 MAP(UBIGINT, VARCHAR)",
    ];
    assert_eq!(got, expected);
}

#[test]
fn values_become_the_types_that_the_user_names() {
    let at = b"\xe2\x03\x0b\x08\xa1\x9c\x84\xb4\x06\x10\x80\xe5\x9a\x77".to_vec();
    let took = b"\xea\x03\x05\x08\x5a\x10\x80\x7d".to_vec();
    let minus = b"\xea\x03\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01".to_vec();
    let list = |ty| Type::List(Box::new(ty));
    let float = b"\x15\xcd\xcc\xcc\x3d".to_vec();
    let ok: Vec<(&str, Vec<u8>, Type, &str)> = vec![
        ("at", at.clone(), Type::Timestamp, "1719733793250000"),
        ("at", at.clone(), Type::TimestampTz, "1719733793250000"),
        ("at", at.clone(), Type::TimestampNs, "1719733793250000000"),
        ("at", at.clone(), Type::Date, "19904"),
        ("at", at.clone(), Type::Varchar, "2024-06-30T07:49:53.25Z"),
        ("at", at.clone(), Type::Json, "\"2024-06-30T07:49:53.25Z\""),
        ("at.seconds", at.clone(), Type::BigInt, "1719733793"),
        ("took", took.clone(), Type::Interval, "0 months 0 days 90000016 us"),
        ("took", took.clone(), Type::Varchar, "90.000016s"),
        ("took", minus, Type::Interval, "0 months 0 days -1000000 us"),
        ("f_enum", b"\x80\x01\x02".to_vec(), Type::Varchar, "INACTIVE"),
        ("f_enum", b"\x80\x01\x02".to_vec(), Type::Integer, "2"),
        ("f_enum", b"\x80\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01".to_vec(), Type::TinyInt, "-1"),
        ("r_enum", b"\xaa\x02\x02\x01\x05".to_vec(), list(Type::SmallInt), "[1, 5]"),
        ("f_float", float.clone(), Type::Varchar, "0.1"),
        ("f_float", float.clone(), Type::Decimal { width: 9, scale: 9 }, "100000000"),
        ("f_float", float.clone(), Type::Double, "0.10000000149011612"),
        ("f_float", float, Type::Json, "0.1"),
        ("f_uint64", b"\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01".to_vec(), Type::HugeInt, "18446744073709551615"),
        ("f_int64", b"\x20\x01".to_vec(), Type::Boolean, "true"),
        ("f_string", b"\x72\x0a2024-06-30".to_vec(), Type::Date, "19904"),
        ("f_string", b"\x72\x03\x00\"a".to_vec(), Type::Json, r#""\u0000\"a""#),
        ("f_bytes", b"\x7a\x02\x00\xff".to_vec(), Type::Json, "\"AP8=\""),
        ("w_int64", b"\xf2\x03\x02\x08\x07".to_vec(), Type::Varchar, "7"),
        ("w_int64.value", b"\xf2\x03\x02\x08\x07".to_vec(), Type::BigInt, "7"),
        ("place", b"\x92\x03\x05\x0a\x01a\x10\x02".to_vec(), Type::Varchar, r#"{"zone":"a","level":2,"tags":[]}"#),
        (
            "place",
            b"\x92\x03\x05\x0a\x01a\x10\x02".to_vec(),
            Type::Struct(vec![crate::codec::testing::ty("level", Type::Double)]),
            "{level: 2}",
        ),
        (
            "m_int32",
            b"\xca\x02\x05\x08\x07\x12\x01x".to_vec(),
            Type::Map(Box::new(Type::Varchar), Box::new(Type::Blob)),
            "[{7, x}]",
        ),
        (
            "m_bool",
            b"\xd2\x02\x02\x08\x01".to_vec(),
            Type::Map(Box::new(Type::Boolean), Box::new(Type::Double)),
            "[{true, 0}]",
        ),
    ];
    for (at, payload, ty, expected) in ok {
        assert_eq!(value(&*column(&everything(), at, ty.clone()), &payload).unwrap(), expected, "{at} as {ty}");
    }
    let cases: Vec<(&str, Vec<u8>, Type, &str)> = vec![
        ("at", at, Type::BigInt, "path 'at': 2024-06-30T07:49:53.25Z is not a valid BIGINT"),
        (
            "place",
            b"\x92\x03\x00".to_vec(),
            Type::Integer,
            "path 'place': the object {\"zone\":\"\",\"level\":0,\"tags\":[]} is not a valid INTEGER",
        ),
        ("f_string", b"\x72\x01x".to_vec(), Type::Integer, "path 'f_string': \"x\" is not a valid INTEGER"),
        ("at", b"\xe2\x03\x0a\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f".to_vec(), Type::Timestamp, "out of range"),
        ("r_int32", b"\xf0\x01\x01".to_vec(), Type::Struct(vec![]), "a list is not a valid STRUCT()"),
    ];
    for (at, payload, ty, expected) in cases {
        let error = value(&*column(&everything(), at, ty.clone()), &payload).unwrap_err().to_string();
        assert!(error.contains(expected), "{at} as {ty}: {error}");
    }
}

#[test]
fn struct_and_value_are_the_document_that_they_hold() {
    // attrs = {"a": {"b": [1, 2.5, null, "x"]}}
    let number = |n: f64| [&b"\x11"[..], &n.to_le_bytes()].concat();
    let items = [number(1.0), number(2.5), b"\x08\x00".to_vec(), b"\x1a\x01x".to_vec()];
    let list = delimited(0x32, &items.iter().flat_map(|item| delimited(0x0a, item)).collect::<Vec<_>>());
    let entry = |key: &str, value: &[u8]| {
        let pair = [delimited(0x0a, key.as_bytes()), delimited(0x12, value)].concat();
        delimited(0x0a, &pair)
    };
    let inner = delimited(0x2a, &entry("b", &list));
    let attrs = entry("a", &inner);
    let payload = [&b"\x9a\x04"[..], &[attrs.len() as u8], &attrs].concat();
    let source = everything();
    let cases: Vec<(&str, Type, &str)> = vec![
        ("attrs", Type::Json, r#"{"a":{"b":[1,2.5,null,"x"]}}"#),
        ("attrs.a", Type::Varchar, r#"{"b":[1,2.5,null,"x"]}"#),
        ("attrs.a.b[0]", Type::BigInt, "1"),
        ("attrs.a.b[0]", Type::Varchar, "1"),
        ("attrs.a.b[1]", Type::Varchar, "2.5"),
        ("attrs.a.b[2]", Type::Varchar, "NULL"),
        ("attrs.a.b[3]", Type::Varchar, "x"),
        ("attrs.a.b", Type::list(Type::Json), r#"[1, 2.5, NULL, "x"]"#),
        ("attrs.q", Type::Varchar, "NULL"),
    ];
    for (at, ty, expected) in cases {
        assert_eq!(value(&*column(&source, at, ty.clone()), &payload).unwrap(), expected, "{at} as {ty}");
    }
}

#[test]
fn any_is_opened_when_the_schema_knows_it() {
    let codec = column(&everything(), "any", Type::Json);
    let any = |url: &str, bytes: &[u8]| {
        let inner = [delimited(0x0a, url.as_bytes()), delimited(0x12, bytes)].concat();
        [&b"\xb2\x04"[..], &[inner.len() as u8], &inner].concat()
    };
    for (payload, expected) in [
        (any("t/common.Position", b""), r#"{"@type":"t/common.Position","lat":0.0,"lon":0.0}"#),
        (any("t/google.protobuf.Duration", b"\x08\x01"), r#"{"@type":"t/google.protobuf.Duration","value":"1s"}"#),
        (any("t/google.protobuf.Empty", b""), r#"{"@type":"t/google.protobuf.Empty"}"#),
        (any("t/no.Such", b"\x01"), r#"{"@type":"t/no.Such","value":"AQ=="}"#),
        (b"\xb2\x04\x00".to_vec(), "{}"),
    ] {
        assert_eq!(value(&*codec, &payload).unwrap(), expected);
    }
    assert_eq!(value(&*own(&everything(), "any.type_url"), &any("t/no.Such", b"\x01")).unwrap(), "t/no.Such");
    let error = value(&*codec, &any("t/common.Position", b"\x09")).unwrap_err().to_string();
    assert!(error.starts_with("path 'any': malformed protobuf"), "{error}");
}

#[test]
fn a_path_below_another_is_read_as_well() {
    let wanted = [
        ("place", Type::Json),
        ("place.zone", Type::Varchar),
        ("f_int32", Type::Integer),
        ("place.position", Type::Json),
        ("place.position.lat", Type::Double),
        ("r_place[0]", Type::Json),
        ("r_place.0.level", Type::Integer),
    ];
    let typed: Vec<_> = wanted.into_iter().map(|(at, ty)| (path(at), ty)).collect();
    let codec = columns(&everything(), typed.into()).unwrap();
    let payload = b"\x18\x05\x92\x03\x05\x0a\x01a\x1a\x00\xb2\x02\x02\x10\x03";
    let expected = [
        r#"{"zone":"a","level":0,"position":{"lat":0.0,"lon":0.0},"tags":[]}"#,
        "a",
        "5",
        r#"{"lat":0.0,"lon":0.0}"#,
        "0",
        r#"{"zone":"","level":3,"tags":[]}"#,
        "3",
    ];
    assert_eq!(decode_one(&*codec, payload).unwrap(), expected);
    assert!(decode_one(&*codec, b"\x18\x05\x92\x03\x01\x09").is_err());
}

#[test]
fn a_key_may_read_what_a_column_shows() {
    let texts = ["f_int32", "at", "place", "place.zone", "f_int32"].map(path).to_vec();
    let codec = extract(&everything(), vec![path("f_int32"), path("at.seconds")], texts.clone()).unwrap();
    let payload = b"\x18\x05\xe2\x03\x02\x08\x3c\x92\x03\x03\x0a\x01a";
    let place = r#"{"zone":"a","level":0,"tags":[]}"#;
    let expected = ["5", "60", "5", "1970-01-01T00:01:00Z", place, "a", "5"];
    assert_eq!(decode_one(&*codec, payload).unwrap(), expected);
    let whole = all(&everything(), texts).unwrap();
    assert_eq!(decode_one(&*whole, payload).unwrap().split_off(whole.columns().len() - 5), &expected[2..]);
    let nowhere = failure(all(&everything(), vec![path("nope")]));
    assert_eq!(nowhere, "Field 'nope' not found in message type 'Everything' (field path: nope)");
}

#[test]
fn recursion_ends_as_json() {
    // tree = {name: "a", children: [{name: "b", children: [{name: "c"}]}]}
    let c = delimited(0x0a, b"c");
    let b = [delimited(0x0a, b"b"), delimited(0x12, &c)].concat();
    let a = [delimited(0x0a, b"a"), delimited(0x12, &b)].concat();
    let payload = [&b"\x82\x05"[..], &[a.len() as u8], &a].concat();
    let codec = all(&everything(), vec![]).unwrap();
    let tree = decode_one(&*codec, &payload).unwrap().remove(codec.columns().len() - 2);
    assert_eq!(tree, r#"{name: a, children: [{"name":"b","children":[{"name":"c","children":[]}]}]}"#);
    let deep = own(&everything(), "tree.children[0].children[0].name");
    assert_eq!(value(&*deep, &payload).unwrap(), "c");
}
