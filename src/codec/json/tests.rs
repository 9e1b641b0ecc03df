use super::*;
use crate::codec::DecodeError;
use crate::codec::testing::{decode_one, ty};
use crate::column::Field;

fn typed(document: &str, path: &str, ty: &Type) -> std::result::Result<String, DecodeError> {
    let codec = columns(vec![(Path::parse(path).unwrap(), ty.clone())].into()).unwrap();
    decode_one(&*codec, document.as_bytes()).map(|mut row| row.remove(0))
}

fn extracted(document: &str, paths: &[&str]) -> std::result::Result<Vec<String>, DecodeError> {
    let codec = extract(paths.iter().map(|p| (Path::parse(p).unwrap(), Type::Varchar)).collect()).unwrap();
    decode_one(&*codec, document.as_bytes())
}

#[test]
fn values_of_every_shape() {
    let point = Type::Struct(vec![ty("a", Type::Integer), ty("b", Type::Varchar)]);
    for (value, ty, expected) in [
        ("42.5", Type::Double, "42.5"),
        ("9007199254740993", Type::BigInt, "9007199254740993"),
        ("18446744073709551615", Type::UBigInt, "18446744073709551615"),
        ("1e3", Type::Integer, "1000"),
        ("1.50", Type::Varchar, "1.50"),
        ("\"a\\u0000b\"", Type::Varchar, "a\0b"),
        ("\"\\ud83d\\ude00\"", Type::Varchar, "😀"),
        ("\"\\u00e9\\/\"", Type::Varchar, "é/"),
        ("\"\"", Type::Varchar, ""),
        ("true", Type::Varchar, "true"),
        ("{\"a\": [1, 2 ]}", Type::Varchar, "{\"a\":[1,2]}"),
        ("\"x\"", Type::Json, "\"x\""),
        ("{ }", Type::Json, "{}"),
        ("null", Type::Json, "NULL"),
        ("null", Type::Integer, "NULL"),
        ("[1, 2, null]", Type::list(Type::Integer), "[1, 2, NULL]"),
        ("[]", Type::list(Type::Integer), "[]"),
        ("null", Type::list(Type::Integer), "NULL"),
        ("[[1],[],null]", Type::list(Type::list(Type::Integer)), "[[1], [], NULL]"),
        ("{\"a\":1}", point.clone(), "{a: 1, b: NULL}"),
        ("{\"b\":3,\"c\":{\"a\":9}}", point.clone(), "{a: NULL, b: 3}"),
        ("{\"A\":1}", point.clone(), "{a: NULL, b: NULL}"),
        ("null", point.clone(), "NULL"),
        ("[{\"a\":1},null,{}]", Type::list(point.clone()), "[{a: 1, b: NULL}, NULL, {a: NULL, b: NULL}]"),
        ("{\"a\":1,\"b\":null}", Type::map(Type::Varchar, Type::Integer), "[{a, 1}, {b, NULL}]"),
        ("{\"1\":[2]}", Type::map(Type::Integer, Type::list(Type::Integer)), "[{1, [2]}]"),
        ("{}", Type::map(Type::Varchar, Type::Integer), "[]"),
        ("null", Type::map(Type::Varchar, Type::Integer), "NULL"),
    ] {
        let document = format!("{{\"z\": [1, {{}}], \"v\": {value}, \"y\": \"\"}}");
        assert_eq!(typed(&document, "v", &ty).as_deref(), Ok(expected), "{value} as {ty}");
    }
}

#[test]
fn conversion_errors_name_their_path() {
    let point = Type::Struct(vec![Field { name: "a.x".into(), ty: Type::Integer }]);
    for (document, path, ty, error) in [
        ("{\"v\":{\"a\":1}}", "v", Type::Integer, "path 'v': the object {\"a\":1} is not a valid INTEGER"),
        ("{\"v\":[1]}", "v", Type::Integer, "path 'v': the list [1] is not a valid INTEGER"),
        ("{\"v\":300}", "v", Type::TinyInt, "path 'v': 300 is out of range for TINYINT"),
        ("{\"v\":{\"w\":\"x\"}}", "v.w", Type::Integer, "path 'v.w': \"x\" is not a valid INTEGER"),
        ("{\"v\":[0,{\"w\":true}]}", "v.1.w", Type::Date, "path 'v[1].w': true is not a valid DATE"),
        ("{\"v\":[1,\"x\"]}", "v", Type::list(Type::Integer), "path 'v[1]': \"x\" is not a valid INTEGER"),
        ("{\"v\":5}", "v", Type::list(Type::Integer), "path 'v': 5 is not a valid INTEGER[]"),
        ("{\"v\":{}}", "v", Type::list(Type::Integer), "path 'v': an object is not a valid INTEGER[]"),
        ("{\"v\":[]}", "v", point.clone(), "path 'v': a list is not a valid STRUCT(\"a.x\" INTEGER)"),
        ("{\"v\":{\"a.x\":[]}}", "v", point.clone(), "path 'v.\"a.x\"': the list [] is not a valid INTEGER"),
        (
            "{\"v\":{\"k\":[]}}",
            "v",
            Type::map(Type::Varchar, Type::Integer),
            "path 'v.k': the list [] is not a valid INTEGER",
        ),
        ("{\"v\":{\"k\":1}}", "v", Type::map(Type::Integer, Type::Integer), "path 'v': \"k\" is not a valid INTEGER"),
        ("{\"v\":5}", "v.w", Type::Integer, "path 'v': expected an object, found 5"),
        ("{\"v\":[5]}", "v.w", Type::Integer, "path 'v': expected an object, found a list"),
        ("{\"v\":{\"0\":5}}", "v[0]", Type::Integer, "path 'v': expected a list, found an object"),
        ("5", "v", Type::Integer, "expected an object, found 5"),
        ("\"x\"", "v", Type::Integer, "expected an object, found \"x\""),
        ("{\"v\":1,\"v\":2}", "v", Type::Integer, "the object has the key 'v' twice"),
        ("{\"v\":null,\"v\":2}", "v", Type::Integer, "the object has the key 'v' twice"),
        ("{\"v\":{\"a.x\":1,\"a.x\":1}}", "v", point.clone(), "path 'v': the object has the key 'a.x' twice"),
        (
            "{\"v\":{\"k\":1,\"k\":1}}",
            "v",
            Type::map(Type::Varchar, Type::Integer),
            "path 'v': the object has the key 'k' twice",
        ),
        (
            "{\"v\":{\"1\":1,\"01\":1}}",
            "v",
            Type::map(Type::Integer, Type::Integer),
            "path 'v': the object has the key '1' twice",
        ),
    ] {
        assert_eq!(typed(document, path, &ty).map_err(|e| e.to_string()), Err(error.to_owned()), "{document}");
    }
}

#[test]
fn broken_documents_are_errors() {
    for document in [
        "",
        " ",
        "{",
        "{\"v\":1",
        "{\"v\":1} x",
        "{\"v\":1}{\"v\":2}",
        "{\"v\":01}",
        "{\"v\":.5}",
        "{\"v\":1.}",
        "{\"v\":NaN}",
        "{\"v\":1,}",
        "{'v':1}",
        "{\"v\":\"a\nb\"}",
        "\u{feff}\u{feff}{\"v\":1}",
        "\u{feff}",
        "{\"v\":\"\\ud83d\"}",
        "{\"v\":\"\\ude00x\"}",
        "{\"v\":[\"\\ud83d\"]}",
        "{\"v\":\"\\x\"}",
        "{\"z\":\"\\x\",\"v\":1}",
        "{\"v\":+1}",
        "{v:1}",
        "nul",
        "{\"v\":1}\0",
        "{\"z\":[1,2,\"v\":1}",
    ] {
        let error = typed(document, "v", &Type::Varchar).unwrap_err().to_string();
        assert!(error.contains("malformed JSON"), "{document}: {error}");
        assert!(extracted(document, &["v"]).is_err(), "{document}");
    }
    let codec = columns(vec![(Path::parse("v").unwrap(), Type::Integer)].into()).unwrap();
    let error = decode_one(&*codec, b"{\"z\":\"\xff\",\"v\":1}").unwrap_err();
    assert_eq!(error.cause, "malformed JSON: invalid UTF-8 at byte 6: {\"z\":\"\u{fffd}\",\"v\":1}");
    assert_eq!(error.path, None);
}

#[test]
fn what_is_missing_is_null() {
    for (document, path) in [
        ("{}", "v"),
        ("null", "v"),
        ("{\"v\":null}", "v.w"),
        ("{\"v\":{}}", "v.w.x"),
        ("{\"v\":[]}", "v.0"),
        ("{\"v\":[1]}", "v[1]"),
        ("{\"V\":1}", "v"),
    ] {
        assert_eq!(typed(document, path, &Type::Integer).as_deref(), Ok("NULL"), "{document} {path}");
    }
}

#[test]
fn extract_keeps_text_and_forgives_shape() {
    let document = r#"{"device_id":"d1","kw":42.5,"big":9007199254740993,"location":{"zone":"north", "n": [1, "a b"]},
        "list":[{"x":1},{"x":"two"}],"a.b":{"c":true},"none":null,"dup":1,"dup":2,"0":"key"}"#;
    for (path, expected) in [
        ("device_id", "d1"),
        ("kw", "42.5"),
        ("big", "9007199254740993"),
        ("location.zone", "north"),
        ("location", "{\"zone\":\"north\",\"n\":[1,\"a b\"]}"),
        ("location.n.1", "a b"),
        ("list.1.x", "two"),
        ("list[0]", "{\"x\":1}"),
        ("list[0].x", "1"),
        ("\"a.b\".c", "true"),
        ("none", "NULL"),
        ("missing", "NULL"),
        ("kw.x", "NULL"),
        ("device_id.0", "NULL"),
        ("location[0]", "NULL"),
        ("list.x", "NULL"),
        ("dup", "1"),
        ("0", "key"),
        ("[0]", "bracket"),
    ] {
        if let Ok(path) = Path::parse(path) {
            let codec = extract(vec![(path, Type::Varchar)].into()).unwrap();
            assert_eq!(decode_one(&*codec, document.as_bytes()), Ok(vec![expected.to_owned()]));
        }
    }
    assert_eq!(extracted("[10,20]", &["1", "a"]), Ok(vec!["20".into(), "NULL".into()]));
    assert_eq!(extracted("7", &["a"]), Ok(vec!["NULL".into()]));
}

#[test]
fn a_value_and_its_members_can_both_be_asked_for() {
    let document = r#"{"a":{"b":{"c":1}, "d":[5, 6]},"e":2}"#;
    let got = extracted(document, &["e", "a.b.c", "a", "a.d.1", "a.d"]).unwrap();
    assert_eq!(got, ["2", "1", r#"{"b":{"c":1},"d":[5,6]}"#, "6", "[5,6]"]);
    let error = {
        let path = |p| Path::parse(p).unwrap();
        let codec = columns(vec![(path("a"), Type::Json), (path("a.b.c"), Type::Date)].into()).unwrap();
        decode_one(&*codec, document.as_bytes()).unwrap_err().to_string()
    };
    assert_eq!(error, "path 'a.b.c': 1 is not a valid DATE");
}

#[test]
fn a_text_for_a_key_is_read_beside_the_column() {
    let path = |p| Path::parse(p).unwrap();
    let wanted = Wanted {
        columns: vec![(path("a"), Type::Integer)],
        texts: vec![path("a"), path("a"), path("b.c")],
        ..Wanted::default()
    };
    let codec = columns(wanted).unwrap();
    let row = decode_one(&*codec, br#"{"a":1e1,"b":{"c":"x"}}"#).unwrap();
    assert_eq!(row, ["10", "1e1", "1e1", "x"]);
}

#[test]
fn only_the_projected_columns_are_read_and_in_their_order() {
    let path = |p| Path::parse(p).unwrap();
    let codec =
        columns(vec![(path("a"), Type::Date), (path("b"), Type::Integer), (path("c"), Type::Varchar)].into()).unwrap();
    let mut out = [crate::column::Buffer::new(&Type::Varchar), crate::column::Buffer::new(&Type::Integer)];
    codec.decoder(&[2, 1]).decode(br#"{"a":"not a date","b":7,"c":"x"}"#, &mut out).unwrap();
    let mut expected = [crate::column::Buffer::new(&Type::Varchar), crate::column::Buffer::new(&Type::Integer)];
    expected[0].push_bytes(b"x");
    expected[1].valid.push(true);
    expected[1].values = crate::column::Values::I32(vec![7]);
    assert_eq!(out, expected);
    codec.decoder(&[]).decode(b"{}", &mut []).unwrap();
    assert!(codec.decoder(&[]).decode(b"{", &mut []).is_err());
}

#[test]
fn depth_is_bounded_by_the_type_not_by_the_stack() {
    let nested = |depth: usize| format!("{{\"v\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(typed(&nested(100_000), "missing", &Type::Integer).as_deref(), Ok("NULL"));
    assert_eq!(typed(&nested(100_000), "v", &Type::Varchar).map(|v| v.len()), Ok(200_000));
    let deep_type = |depth: usize| (0..depth).fold(Type::Integer, |ty, _| Type::list(ty));
    assert!(typed(&nested(126), "v", &deep_type(126)).is_ok());
    let error = typed(&nested(1000), "v", &deep_type(1000)).unwrap_err().to_string();
    assert!(error.contains("recursion limit exceeded"), "{error}");
    let open = "[".repeat(1_000_000);
    assert!(typed(&open, "v", &Type::Varchar).is_err());
}
