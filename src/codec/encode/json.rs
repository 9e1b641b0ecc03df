//! JSON text, written as DuckDB's `to_json` writes it, except for numbers that are not finite.

use crate::document::Document;

/// Appends the document.
pub(super) fn encode(document: &Document, out: &mut Vec<u8>) {
    match document {
        Document::Null => out.extend_from_slice(b"null"),
        Document::Boolean(true) => out.extend_from_slice(b"true"),
        Document::Boolean(false) => out.extend_from_slice(b"false"),
        Document::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Document::Float(number) => out.extend_from_slice(float(*number).as_bytes()),
        Document::Number(text) => out.extend_from_slice(text.as_bytes()),
        Document::Text(text) => string(text, out),
        Document::Bytes(bytes) => string(&blob(bytes), out),
        Document::Json(text) => compact(text, out),
        Document::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                encode(item, out);
            }
            out.push(b']');
        }
        Document::Object(members) => {
            out.push(b'{');
            for (index, (name, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                string(name, out);
                out.push(b':');
                encode(member, out);
            }
            out.push(b'}');
        }
    }
}

/// The shortest digits that read back as the same number; plain from 1e-6 up to below 1e21. JSON has no number that is not finite, so it is written
/// as a text, which reads back as that number where one is wanted. (DuckDB's `to_json` writes it without quotes, which is not JSON.)
fn float(number: f64) -> String {
    if number.is_nan() {
        return "\"NaN\"".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "\"Infinity\"".into() } else { "\"-Infinity\"".into() };
    }
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        return format!("{number:e}");
    }
    let plain = number.to_string();
    if plain.contains('.') { plain } else { plain + ".0" }
}

/// Bytes as DuckDB casts them to text.
fn blob(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'\\' | b'\'' | b'"' => text.push_str(&format!("\\x{byte:02X}")),
            b' '..=b'~' => text.push(char::from(*byte)),
            byte => text.push_str(&format!("\\x{byte:02X}")),
        }
    }
    text
}

fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0C => out.extend_from_slice(b"\\f"),
            0..=0x1F => out.extend_from_slice(format!("\\u{byte:04X}").as_bytes()),
            byte => out.push(byte),
        }
    }
    out.push(b'"');
}

/// JSON text without the white space between its parts.
fn compact(text: &str, out: &mut Vec<u8>) {
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        if quoted || !byte.is_ascii_whitespace() {
            out.push(byte);
        }
        if escaped {
            escaped = false;
        } else if quoted && byte == b'\\' {
            escaped = true;
        } else if byte == b'"' {
            quoted = !quoted;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(document: &Document) -> String {
        let mut out = Vec::new();
        encode(document, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn floats_are_written_as_duckdb_writes_them() {
        let cases = [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (1e20, "100000000000000000000.0"),
            (1e21, "1e21"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.5e300, "1.5e300"),
            (f64::from(0.1_f32), "0.10000000149011612"),
            (f64::NEG_INFINITY, "\"-Infinity\""),
            (f64::NAN, "\"NaN\""),
        ];
        for (number, expected) in cases {
            assert_eq!(written(&Document::Float(number)), expected);
        }
    }

    #[test]
    fn text_is_escaped_and_json_is_compact() {
        assert_eq!(written(&Document::Text("é\"/\n\u{1}".into())), "\"é\\\"/\\n\\u0001\"");
        assert_eq!(written(&Document::Json("{ \"a b\\\" \" : [1, 2] }".into())), "{\"a b\\\" \":[1,2]}");
        assert_eq!(written(&Document::Bytes(b"a\"\xFF".to_vec())), "\"a\\\\x22\\\\xFF\"");
    }
}
