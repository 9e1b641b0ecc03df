//! The parsing canonical form of a schema, and its fingerprint, as the specification has them
//! (<https://avro.apache.org/docs/1.12.0/specification/#parsing-canonical-form-for-schemas>). The library keeps logical types
//! and orders in its form, so a schema with either would have another fingerprint than everywhere else.

use serde_json::Value;

/// The fingerprint of the empty text, and the polynomial.
const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

/// The CRC-64-AVRO fingerprint of a schema's canonical form, in the byte order of the single-object encoding; None for a text
/// that is no schema.
pub(super) fn fingerprint(schema: &str) -> Option<[u8; 8]> {
    Some(crc(form(schema)?.as_bytes()).to_le_bytes())
}

fn crc(bytes: &[u8]) -> u64 {
    bytes.iter().fold(EMPTY, |crc, byte| {
        let divided =
            (0..8).fold((crc ^ u64::from(*byte)) & 0xff, |rest, _| (rest >> 1) ^ if rest & 1 == 1 { EMPTY } else { 0 });
        (crc >> 8) ^ divided
    })
}

fn form(schema: &str) -> Option<String> {
    let mut out = String::new();
    write(&serde_json::from_str(schema).ok()?, "", &mut out)?;
    Some(out)
}

const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];

/// Appends a schema that stands in a namespace.
fn write(schema: &Value, namespace: &str, out: &mut String) -> Option<()> {
    let object = match schema {
        Value::String(name) if PRIMITIVES.contains(&name.as_str()) => return quote(name, out),
        Value::String(name) => return quote(&full_name(name, namespace), out),
        Value::Array(branches) => return list(branches, out, |branch, out| write(branch, namespace, out)),
        Value::Object(object) => object,
        _ => return None,
    };
    let kind = match object.get("type")? {
        Value::String(kind) => kind.as_str(),
        nested => return write(nested, namespace, out),
    };
    let named = |out: &mut String| -> Option<String> {
        let own = object.get("namespace").and_then(Value::as_str).unwrap_or(namespace);
        let name = full_name(object.get("name")?.as_str()?, own);
        out.push_str("{\"name\":");
        quote(&name, out)?;
        out.push_str(",\"type\":");
        quote(kind, out)?;
        Some(name)
    };
    match kind {
        "record" | "error" => {
            let name = named(out)?;
            let inside = name.rsplit_once('.').map_or("", |(namespace, _)| namespace);
            out.push_str(",\"fields\":");
            list(object.get("fields")?.as_array()?, out, |field, out| {
                out.push_str("{\"name\":");
                quote(field.get("name")?.as_str()?, out)?;
                out.push_str(",\"type\":");
                write(field.get("type")?, inside, out)?;
                out.push('}');
                Some(())
            })?;
        }
        "enum" => {
            named(out)?;
            out.push_str(",\"symbols\":");
            list(object.get("symbols")?.as_array()?, out, |symbol, out| quote(symbol.as_str()?, out))?;
        }
        "fixed" => {
            named(out)?;
            let size = object.get("size")?;
            let size = size.as_u64().or_else(|| size.as_str()?.trim().parse().ok())?;
            out.push_str(&format!(",\"size\":{size}"));
        }
        "array" | "map" => {
            let items = if kind == "array" { "items" } else { "values" };
            out.push_str(&format!("{{\"type\":\"{kind}\",\"{items}\":"));
            write(object.get(items)?, namespace, out)?;
        }
        // A primitive with attributes that mean nothing to a parser, or the name of a type.
        name => return write(&Value::String(name.to_owned()), namespace, out),
    }
    out.push('}');
    Some(())
}

fn full_name(name: &str, namespace: &str) -> String {
    match name.strip_prefix('.') {
        Some(name) => name.to_owned(),
        None if name.contains('.') || namespace.is_empty() => name.to_owned(),
        None => format!("{namespace}.{name}"),
    }
}

fn quote(text: &str, out: &mut String) -> Option<()> {
    out.push_str(&serde_json::to_string(text).ok()?);
    Some(())
}

fn list(items: &[Value], out: &mut String, mut item: impl FnMut(&Value, &mut String) -> Option<()>) -> Option<()> {
    out.push('[');
    for (position, value) in items.iter().enumerate() {
        out.push_str(if position == 0 { "" } else { "," });
        item(value, out)?;
    }
    out.push(']');
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Forms and fingerprints as `fastavro` 1.13 writes them.
    #[test]
    fn forms_and_fingerprints_are_those_of_fastavro() {
        for (schema, canonical, expected) in [
            (r#""int""#, r#""int""#, "8f5c393f1ad57572"),
            (r#"{"type":"long","logicalType":"timestamp-millis"}"#, r#""long""#, "b71df49344e154d0"),
            (
                r#"{"type":"record","name":"R","namespace":"a.b","doc":"d","aliases":["x"],"fields":[{"name":"t","doc":"z","default":0,"order":"descending","type":{"logicalType":"timestamp-micros","type":"long"}},{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},{"name":"u","type":["null",{"type":"string","logicalType":"uuid"}]}]}"#,
                r#"{"name":"a.b.R","type":"record","fields":[{"name":"t","type":"long"},{"name":"d","type":"bytes"},{"name":"u","type":["null","string"]}]}"#,
                "555c1a44b2bd334c",
            ),
            (
                r#"{"fields":[{"type":{"symbols":["A","B"],"name":"E","type":"enum"},"name":"e"},{"type":"E","name":"f"},{"name":"x","type":{"size":16,"name":"c.F","type":"fixed"}},{"name":"in","type":{"type":"record","name":"I","namespace":"","fields":[{"name":"r","type":["null","I"]}]}}],"name":"n.s.R","type":"record"}"#,
                r#"{"name":"n.s.R","type":"record","fields":[{"name":"e","type":{"name":"n.s.E","type":"enum","symbols":["A","B"]}},{"name":"f","type":"n.s.E"},{"name":"x","type":{"name":"c.F","type":"fixed","size":16}},{"name":"in","type":{"name":"I","type":"record","fields":[{"name":"r","type":["null","I"]}]}}]}"#,
                "0845ebb3910fe373",
            ),
            (
                r#"{"type":"map","values":{"type":"array","items":{"type":"int","logicalType":"date"}}}"#,
                r#"{"type":"map","values":{"type":"array","items":"int"}}"#,
                "3353a31dd601b882",
            ),
            (
                r#"{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]},{"name":"k\u00e9","type":{"type":"fixed","name":"D","size":"12","logicalType":"duration"}}]}"#,
                r#"{"name":"L","type":"record","fields":[{"name":"next","type":["null","L"]},{"name":"ké","type":{"name":"D","type":"fixed","size":12}}]}"#,
                "6430555d1b8f32d7",
            ),
        ] {
            assert_eq!(form(schema).as_deref(), Some(canonical));
            let hex: String = fingerprint(schema).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, expected, "{schema}");
        }
        assert_eq!(fingerprint("{\"type\":7}"), None);
    }
}
