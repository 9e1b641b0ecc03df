//! MessagePack and CBOR. Bytes stay bytes; a JSON document becomes the value that it holds; a number that is held only as text stays text.

use super::parse::parsed;
use crate::document::Document;

/// Appends the document as MessagePack.
pub(super) fn msgpack(document: &Document, out: &mut Vec<u8>) {
    match document {
        Document::Null => out.push(0xC0),
        Document::Boolean(flag) => out.push(0xC2 + u8::from(*flag)),
        Document::Integer(number) => match (u64::try_from(*number), i64::try_from(*number)) {
            (Ok(number @ 0..=0x7F), _) => out.push(number as u8),
            (Ok(number), _) => put(out, 0xCF, &number.to_be_bytes()),
            (_, Ok(number @ -32..=-1)) => out.push(number as u8),
            (_, Ok(number)) => put(out, 0xD3, &number.to_be_bytes()),
            _ => msgpack_text(&number.to_string(), out),
        },
        Document::Float(number) => put(out, 0xCB, &number.to_be_bytes()),
        Document::Number(text) | Document::Text(text) => msgpack_text(text, out),
        Document::Bytes(bytes) => {
            put(out, 0xC6, &(bytes.len() as u32).to_be_bytes());
            out.extend_from_slice(bytes);
        }
        Document::Json(text) => msgpack(&parsed(text), out),
        Document::Array(items) => {
            put(out, 0xDD, &(items.len() as u32).to_be_bytes());
            items.iter().for_each(|item| msgpack(item, out));
        }
        Document::Object(members) => {
            put(out, 0xDF, &(members.len() as u32).to_be_bytes());
            for (name, member) in members {
                msgpack_text(name, out);
                msgpack(member, out);
            }
        }
    }
}

fn msgpack_text(text: &str, out: &mut Vec<u8>) {
    match text.len() {
        length @ 0..32 => out.push(0xA0 | length as u8),
        length => put(out, 0xDB, &(length as u32).to_be_bytes()),
    }
    out.extend_from_slice(text.as_bytes());
}

fn put(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

/// Appends the document as CBOR.
pub(super) fn cbor(document: &Document, out: &mut Vec<u8>) {
    match document {
        Document::Null => out.push(0xF6),
        Document::Boolean(flag) => out.push(0xF4 + u8::from(*flag)),
        Document::Integer(number) => match (u64::try_from(*number), u64::try_from(-1 - *number)) {
            (Ok(number), _) => head(0, number, out),
            (_, Ok(below)) => head(1, below, out),
            _ => cbor_text(&number.to_string(), out),
        },
        Document::Float(number) => put(out, 0xFB, &number.to_be_bytes()),
        Document::Number(text) | Document::Text(text) => cbor_text(text, out),
        Document::Bytes(bytes) => {
            head(2, bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
        Document::Json(text) => cbor(&parsed(text), out),
        Document::Array(items) => {
            head(4, items.len() as u64, out);
            items.iter().for_each(|item| cbor(item, out));
        }
        Document::Object(members) => {
            head(5, members.len() as u64, out);
            for (name, member) in members {
                cbor_text(name, out);
                cbor(member, out);
            }
        }
    }
}

fn cbor_text(text: &str, out: &mut Vec<u8>) {
    head(3, text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// The head of a CBOR item: its major type, and its number or length.
fn head(major: u8, number: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    match number {
        0..24 => out.push(major | number as u8),
        24..0x100 => put(out, major | 24, &[number as u8]),
        0x100..0x1_0000 => put(out, major | 25, &(number as u16).to_be_bytes()),
        0x1_0000..0x1_0000_0000 => put(out, major | 26, &(number as u32).to_be_bytes()),
        _ => put(out, major | 27, &number.to_be_bytes()),
    }
}
