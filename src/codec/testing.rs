//! Helpers of the unit tests: a row as text.

use super::{Codec, DecodeError};
use crate::column::{Buffer, Field, Type, Values};

/// A member of a STRUCT.
pub fn ty(name: &str, ty: Type) -> Field {
    Field { name: name.to_owned(), ty }
}

/// Decodes one payload into all columns and shows its values; after an error the buffers must truncate to nothing.
pub fn decode_one(codec: &dyn Codec, payload: &[u8]) -> Result<Vec<String>, DecodeError> {
    let all: Vec<usize> = (0..codec.columns().len()).collect();
    let mut out: Vec<Buffer> = codec.columns().iter().map(|column| Buffer::new(&column.ty)).collect();
    if let Err(error) = codec.decoder(&all).decode(payload, &mut out) {
        for (buffer, column) in out.iter_mut().zip(codec.columns()) {
            buffer.truncate(0);
            assert_eq!(*buffer, Buffer::new(&column.ty));
        }
        return Err(error);
    }
    assert!(out.iter().all(|buffer| buffer.len() == 1));
    Ok(out.iter().zip(codec.columns()).map(|(buffer, column)| show(buffer, &column.ty, 0)).collect())
}

/// One value as text: `NULL`, `[1, 2]`, `{a: 1}`, the entries of a MAP as `[{k, v}]`.
pub fn show(buffer: &Buffer, ty: &Type, i: usize) -> String {
    if !buffer.valid[i] {
        return "NULL".to_owned();
    }
    if let (Type::Enum(known), Some(index)) = (ty, buffer.enum_index(i)) {
        return known.values()[index].clone();
    }
    match &buffer.values {
        Values::Bool(v) => v[i].to_string(),
        Values::I8(v) => v[i].to_string(),
        Values::I16(v) => v[i].to_string(),
        Values::I32(v) => v[i].to_string(),
        Values::I64(v) => v[i].to_string(),
        Values::I128(v) => v[i].to_string(),
        Values::U8(v) => v[i].to_string(),
        Values::U16(v) => v[i].to_string(),
        Values::U32(v) => v[i].to_string(),
        Values::U64(v) => v[i].to_string(),
        Values::U128(v) => v[i].to_string(),
        Values::F32(v) => v[i].to_string(),
        Values::F64(v) => v[i].to_string(),
        Values::Interval(v) => format!("{} months {} days {} us", v[i].months, v[i].days, v[i].micros),
        Values::Text(v) => String::from_utf8_lossy(v.get(i)).into_owned(),
        Values::List(v) => {
            let start = if i == 0 { 0 } else { v.ends[i - 1] };
            let child = match ty {
                Type::List(child) => (**child).clone(),
                Type::Map(key, value) => {
                    Type::Struct(vec![self::ty("", (**key).clone()), self::ty("", (**value).clone())])
                }
                _ => unreachable!(),
            };
            let items: Vec<String> = (start..v.ends[i]).map(|j| show(&v.child, &child, j)).collect();
            format!("[{}]", items.join(", "))
        }
        Values::Struct(children) => {
            let Type::Struct(fields) = ty else { unreachable!() };
            let items: Vec<String> = children
                .iter()
                .zip(fields)
                .map(|(child, field)| {
                    let name = if field.name.is_empty() { String::new() } else { format!("{}: ", field.name) };
                    format!("{name}{}", show(child, &field.ty, i))
                })
                .collect();
            format!("{{{}}}", items.join(", "))
        }
    }
}
