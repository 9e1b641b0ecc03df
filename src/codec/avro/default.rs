//! The default of a field, as a value of its type.

use serde_json::Value;

use super::datum::{self, Bytes};
use super::schema::{Node, Schema};
use crate::codec::document::Tree;

/// How deep a default may nest, with the defaults of the fields that it leaves out.
const MAX_DEPTH: usize = 100;

/// The value that the JSON of a default stands for, by the type at a position: it is encoded as a writer would, and read.
/// Bytes are texts of the characters U+0000 to U+00FF, and of a union the first branch is taken that has such a value
/// (<https://avro.apache.org/docs/1.12.0/specification/#complex-types>). None where the type has no such value.
pub(super) fn value(schema: &Schema, position: usize, default: &Value) -> Option<Tree> {
    let mut encoded = Vec::new();
    encode(schema, position, default, &mut encoded, 0)?;
    let mut bytes = Bytes { rest: &encoded };
    datum::read_at(schema, position, &mut bytes).ok()
}

fn encode(schema: &Schema, position: usize, value: &Value, out: &mut Vec<u8>, depth: usize) -> Option<()> {
    if depth > MAX_DEPTH {
        return None;
    }
    match schema.node(position)? {
        Node::Null => value.as_null()?,
        Node::Boolean => out.push(value.as_bool()?.into()),
        Node::Int | Node::Date | Node::Time(1000) => long(i32::try_from(value.as_i64()?).ok()?.into(), out),
        Node::Long | Node::Time(_) | Node::Timestamp(_) => long(value.as_i64()?, out),
        Node::Float => out.extend_from_slice(&(value.as_f64()? as f32).to_le_bytes()),
        Node::Double => out.extend_from_slice(&value.as_f64()?.to_le_bytes()),
        Node::String | Node::UuidString => sized(value.as_str()?.as_bytes(), out),
        Node::Bytes | Node::Decimal(None, ..) | Node::UuidBytes(None) => sized(&latin1(value)?, out),
        Node::Fixed(size) | Node::Decimal(Some(size), ..) | Node::UuidBytes(Some(size)) => {
            out.extend(Some(latin1(value)?).filter(|bytes| bytes.len() == *size)?);
        }
        Node::Duration => out.extend(Some(latin1(value)?).filter(|bytes| bytes.len() == 12)?),
        Node::Enum(symbols) => {
            let symbol = value.as_str()?;
            long(i64::try_from(symbols.iter().position(|known| known == symbol)?).ok()?, out);
        }
        Node::Array(element) => {
            for item in value.as_array()? {
                out.push(2);
                encode(schema, *element, item, out, depth + 1)?;
            }
            out.push(0);
        }
        Node::Map(ty) => {
            for (key, entry) in value.as_object()? {
                out.push(2);
                sized(key.as_bytes(), out);
                encode(schema, *ty, entry, out, depth + 1)?;
            }
            out.push(0);
        }
        Node::Union(branches) => {
            let before = out.len();
            let taken = branches.iter().zip(0..).find_map(|(branch, number)| {
                out.truncate(before);
                long(number, out);
                encode(schema, *branch, value, out, depth + 1)
            });
            taken?;
        }
        Node::Record(fields) => {
            let members = value.as_object()?;
            let notes = &schema.named.get(&position)?.fields;
            for ((name, ty), (_, default)) in fields.iter().zip(notes) {
                encode(schema, *ty, members.get(name).or(default.as_ref())?, out, depth + 1)?;
            }
        }
        Node::Resolved(_) => return None,
    }
    Some(())
}

fn long(value: i64, out: &mut Vec<u8>) {
    let mut bits = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while bits > 0x7f {
        out.push((bits & 0x7f) as u8 | 0x80);
        bits >>= 7;
    }
    out.push(bits as u8);
}

fn sized(bytes: &[u8], out: &mut Vec<u8>) {
    long(i64::try_from(bytes.len()).unwrap_or(i64::MAX), out);
    out.extend_from_slice(bytes);
}

fn latin1(value: &Value) -> Option<Vec<u8>> {
    value.as_str()?.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}
