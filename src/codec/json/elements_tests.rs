//! Paths to elements from the end of a list, and to all of them.

use super::columns;
use crate::codec::path::Path;
use crate::codec::testing::decode_one;
use crate::column::Type;

/// One row of columns by path, or the error.
fn read(columns_: &[(&str, Type)], document: &str) -> Result<Vec<String>, String> {
    let wanted: Vec<(Path, Type)> =
        columns_.iter().map(|(path, ty)| (Path::parse(path).unwrap(), ty.clone())).collect();
    let codec = columns(wanted.into()).unwrap();
    decode_one(&*codec, document.as_bytes()).map_err(|error| error.to_string())
}

const ITEMS: &str = r#"{"id":7,"items":[{"sku":"a","n":1,"tags":["x","y"]},{"sku":"b"},null,{"n":3,"tags":[]}]}"#;

fn texts() -> Type {
    Type::list(Type::Varchar)
}

#[test]
fn elements_from_the_end() {
    let int = Type::Integer;
    for (path, document, expected) in [
        ("a[-1]", r#"{"a":[1,2,3]}"#, "3"),
        ("a[-3]", r#"{"a":[1,2,3]}"#, "1"),
        ("a[-4]", r#"{"a":[1,2,3]}"#, "NULL"),
        ("a[-1]", r#"{"a":[]}"#, "NULL"),
        ("a[-1]", r#"{"a":null}"#, "NULL"),
        ("a[-1]", "{}", "NULL"),
        ("a[-1].b", r#"{"a":["no number",{"b":5}]}"#, "5"),
        ("a[-1][-2]", r#"{"a":[[0],[1,2]]}"#, "1"),
        ("$[-1]", "[4,5]", "5"),
    ] {
        assert_eq!(read(&[(path, int.clone())], document), Ok(vec![expected.to_owned()]), "{path} of {document}");
    }
    for (document, error) in [
        (r#"{"a":7}"#, "path 'a': expected a list, found 7"),
        (r#"{"a":{}}"#, "path 'a': expected a list, found an object"),
        (r#"{"a":[1,"x"]}"#, "path 'a[1]': \"x\" is not a valid INTEGER"),
    ] {
        assert_eq!(read(&[("a[-1]", int.clone())], document), Err(error.to_owned()), "{document}");
    }
}

#[test]
fn all_elements_are_a_list() {
    for (path, ty, expected) in [
        ("items[*].sku", texts(), "[a, b, NULL, NULL]"),
        ("items[*].n", Type::list(Type::Integer), "[1, NULL, NULL, 3]"),
        ("items[*].tags[0]", texts(), "[x, NULL, NULL, NULL]"),
        ("items[*].tags[-1]", texts(), "[y, NULL, NULL, NULL]"),
        ("items[*].tags[*]", Type::list(texts()), "[[x, y], NULL, NULL, []]"),
        ("items[*].tags[*]", Type::Json, r#"[["x","y"],null,null,[]]"#),
        ("items[*].sku", Type::Varchar, r#"["a","b",null,null]"#),
        (
            "items[*]",
            Type::list(Type::Json),
            r#"[{"sku":"a","n":1,"tags":["x","y"]}, {"sku":"b"}, NULL, {"n":3,"tags":[]}]"#,
        ),
        ("missing[*].x", texts(), "NULL"),
    ] {
        assert_eq!(read(&[(path, ty.clone())], ITEMS), Ok(vec![expected.to_owned()]), "{path} as {ty}");
    }
    assert_eq!(read(&[("$[*]", Type::list(Type::Integer))], "[]"), Ok(vec!["[]".to_owned()]));
}

#[test]
fn paths_through_one_list_are_read_side_by_side() {
    let columns = [
        ("items[*].sku", texts()),
        ("items[-1].n", Type::Integer),
        ("items[0].sku", Type::Varchar),
        ("items[*].n", Type::list(Type::Integer)),
        ("items", Type::list(Type::Json)),
        ("id", Type::Integer),
    ];
    let row = read(&columns, ITEMS).unwrap();
    assert_eq!(row[..4], ["[a, b, NULL, NULL]", "3", "a", "[1, NULL, NULL, 3]"]);
    assert_eq!(row[5], "7");
}

#[test]
fn a_bad_element_is_named_by_its_position() {
    let numbers = Type::list(Type::Integer);
    for (path, document, error) in [
        ("a[*].b", r#"{"a":[{"b":1},{"b":"x"}]}"#, "path 'a[1].b': \"x\" is not a valid INTEGER"),
        ("a[*].b", r#"{"a":[{"b":1},2]}"#, "path 'a[1]': expected an object, found 2"),
        ("a[*][*]", r#"{"a":[[],[1,"x"]]}"#, "path 'a[1][1]': \"x\" is not a valid INTEGER"),
        ("a[*]", r#"{"a":7}"#, "path 'a': expected a list, found 7"),
    ] {
        let ty = if path == "a[*][*]" { Type::list(numbers.clone()) } else { numbers.clone() };
        assert_eq!(read(&[(path, ty)], document), Err(error.to_owned()), "{path} of {document}");
    }
    assert!(read(&[("a[*]", numbers)], r#"{"a":[1,2"#).unwrap_err().starts_with("malformed JSON"));
}
