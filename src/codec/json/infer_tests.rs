use super::*;

fn inferred(documents: &[&str]) -> String {
    match infer(&mut documents.iter().map(|document| document.as_bytes())) {
        Ok(columns) => columns.iter().map(|(path, ty)| format!("{path} {ty}")).collect::<Vec<_>>().join(", "),
        Err(error) => error.to_string(),
    }
}

#[test]
fn types_are_those_of_read_json() {
    for (values, ty) in [
        (&["1"][..], "BIGINT"),
        (&["1", "1.5"], "DOUBLE"),
        (&["1e3"], "DOUBLE"),
        (&["1.0"], "DOUBLE"),
        (&["18446744073709551615"], "HUGEINT"),
        (&["-1", "9223372036854775808"], "HUGEINT"),
        (&["12345678901234567890123"], "DOUBLE"),
        (&["9223372036854775808", "0.5"], "DOUBLE"),
        (&["true", "false"], "BOOLEAN"),
        (&["1", "true"], "JSON"),
        (&["1", "\"x\""], "JSON"),
        (&["null"], "JSON"),
        (&["null", "1"], "BIGINT"),
        (&["\"2\""], "VARCHAR"),
        (&["\"x\"", "true"], "JSON"),
        (&["\"2024-01-15\"", "null"], "DATE"),
        (&["\"2024-01-15\"", "\"\""], "VARCHAR"),
        (&["\"x\"", "\"2024-01-15\""], "VARCHAR"),
        (&["\"2024-01-15\"", "\"2024-01-15 10:00:00\""], "VARCHAR"),
        (&["\"2024-01-15T10:00:00Z\"", "\"2024-01-15T10:00:00+02:00\""], "TIMESTAMP WITH TIME ZONE"),
        (&["\"5f1c6f2e-0b1c-4b8e-9d0a-0123456789ab\""], "UUID"),
        (&["1", "\"2024-01-15\""], "JSON"),
        (&["[]"], "JSON[]"),
        (&["[]", "[1]", "null", "[2.5, null]"], "DOUBLE[]"),
        (&["[[1],[]]"], "BIGINT[][]"),
        (&["[1,\"x\"]"], "JSON[]"),
        (&["[[\"a\"]]", "[\"b\"]"], "JSON[]"),
        (&["[1]", "1"], "JSON"),
        (&["1", "[1]"], "JSON"),
        (&["[1]", "{}"], "JSON"),
        (&["{}", "[1]"], "JSON"),
        (&["{}"], "MAP(VARCHAR, JSON)"),
        (&["{}", "{\"a\":1}"], "STRUCT(\"a\" BIGINT)"),
        (&["{\"b\":1}", "{\"a\":\"x\",\"b\":0.5}"], "STRUCT(\"b\" DOUBLE, \"a\" VARCHAR)"),
        (&["{\"a\":null}"], "STRUCT(\"a\" JSON)"),
        (&["[{\"a\":1},{\"b\":[{\"c\":true}]}]"], "STRUCT(\"a\" BIGINT, \"b\" STRUCT(\"c\" BOOLEAN)[])[]"),
    ] {
        let documents: Vec<String> = values.iter().map(|value| format!("{{\"v\":{value}}}")).collect();
        let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
        assert_eq!(inferred(&documents), format!("v {ty}"), "{values:?}");
    }
}

#[test]
fn objects_with_keys_for_values_are_maps() {
    let rarely_shared: Vec<String> = (0..300).map(|i| format!("{{\"v\":{{\"k{i}\":{i}}}}}")).collect();
    let rarely_shared: Vec<&str> = rarely_shared.iter().map(String::as_str).collect();
    assert_eq!(inferred(&rarely_shared), "v MAP(VARCHAR, BIGINT)");
    let many = |value: fn(usize) -> &'static str, count| {
        let members: Vec<String> = (0..count).map(|i| format!("\"k{i}\":{}", value(i))).collect();
        inferred(&[&format!("{{\"v\":{{{}}}}}", members.join(","))])
    };
    assert_eq!(many(|i| if i == 7 { "0.5" } else { "1" }, 200), "v MAP(VARCHAR, DOUBLE)");
    assert!(many(|_| "1", 199).starts_with("v STRUCT"));
    assert!(many(|i| if i % 2 == 0 { "1" } else { "\"x\"" }, 200).starts_with("v STRUCT"));
    // No field of a STRUCT can have these names.
    for (value, ty) in [
        ("{\"A\":1,\"a\":2.5}", "MAP(VARCHAR, DOUBLE)"),
        ("{\"X\":1,\"x\":\"x\"}", "MAP(VARCHAR, JSON)"),
        ("{\"\":1}", "MAP(VARCHAR, BIGINT)"),
        ("[{\"a\":{\"b\":1,\"B\":null}}]", "STRUCT(\"a\" MAP(VARCHAR, BIGINT))[]"),
    ] {
        assert_eq!(inferred(&[&format!("{{\"v\":{value}}}")]), format!("v {ty}"));
    }
}

#[test]
fn columns_are_the_members_by_first_appearance() {
    assert_eq!(inferred(&["{\"b\":1,\"a.x\":2}", "null", "5", "{\"c\":3"]), "b BIGINT, \"a.x\" BIGINT, c BIGINT");
    for documents in [&[][..], &["[1]", "5", "null", ""]] {
        assert_eq!(
            inferred(documents),
            "no columns can be inferred, as no payload of the sample is an object; name the columns"
        );
    }
}

#[test]
fn a_broken_payload_does_not_undo_what_came_before() {
    assert_eq!(
        inferred(&["{\"v\":[1],\"w\":{\"a\":1}}", "{\"v\":[2", "{\"w\":{\"a\""]),
        "v BIGINT[], w STRUCT(\"a\" BIGINT)"
    );
}
