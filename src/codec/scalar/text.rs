//! VARCHAR, JSON, BLOB and UUID.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::value::{ConversionError, Scalar, describe};
use crate::column::Buffer;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Appends a scalar as VARCHAR.
pub(super) fn push_varchar(scalar: Scalar<'_>, buffer: &mut Buffer) -> Result<(), String> {
    match scalar {
        Scalar::Null => buffer.push_null(),
        _ => buffer.push_bytes(varchar(&scalar)?.as_bytes()),
    }
    Ok(())
}

/// The text of a scalar that is not NULL, as VARCHAR holds it.
pub(super) fn varchar<'a>(scalar: &Scalar<'a>) -> Result<Cow<'a, str>, String> {
    match *scalar {
        Scalar::Number(text) | Scalar::Text(text) | Scalar::Json(text) => Ok(Cow::Borrowed(text)),
        Scalar::Bytes(bytes) => std::str::from_utf8(bytes)
            .map(Cow::Borrowed)
            .map_err(|_| "a binary that is not UTF-8 is not a valid VARCHAR".to_owned()),
        _ => Ok(Cow::Owned(describe(scalar))),
    }
}

/// Appends a scalar as BLOB: bytes as they are, anything else as its text.
pub(super) fn push_blob(scalar: Scalar<'_>, buffer: &mut Buffer) -> Result<(), String> {
    match scalar {
        Scalar::Bytes(bytes) => buffer.push_bytes(bytes),
        _ => return push_varchar(scalar, buffer),
    }
    Ok(())
}

/// Appends a scalar as JSON text: a timestamp as a string, a binary as a string of base64, a number that JSON does not have (NaN, the infinities) as
/// null.
pub(super) fn push_json(scalar: Scalar<'_>, buffer: &mut Buffer) -> Result<(), String> {
    buffer.push_bytes_with(|out| {
        write_json(scalar, out);
        Ok(())
    })
}

/// Writes a scalar as JSON text, as a column of type JSON holds it.
pub(in crate::codec) fn write_json(scalar: Scalar<'_>, out: &mut Vec<u8>) {
    match scalar {
        Scalar::Null => out.extend_from_slice(b"null"),
        Scalar::Float(v) if !v.is_finite() => out.extend_from_slice(b"null"),
        Scalar::Number(text) | Scalar::Json(text) => out.extend_from_slice(text.as_bytes()),
        Scalar::Text(text) => write_string(text, out),
        Scalar::Bytes(bytes) => write_string(&STANDARD.encode(bytes), out),
        Scalar::Timestamp(instant) => write_string(&instant.to_string(), out),
        Scalar::Bool(_) | Scalar::Int(_) | Scalar::UInt(_) | Scalar::Float(_) => {
            out.extend_from_slice(describe(&scalar).as_bytes());
        }
    }
}

/// Writes a text as a JSON string.
fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for part in text.split_inclusive(|c: char| c < ' ' || c == '"' || c == '\\') {
        match part.as_bytes().split_last() {
            Some((last, head)) if *last < b' ' || *last == b'"' || *last == b'\\' => {
                out.extend_from_slice(head);
                match last {
                    b'"' | b'\\' => out.extend_from_slice(&[b'\\', *last]),
                    b'\n' => out.extend_from_slice(b"\\n"),
                    b'\r' => out.extend_from_slice(b"\\r"),
                    b'\t' => out.extend_from_slice(b"\\t"),
                    control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
                }
            }
            _ => out.extend_from_slice(part.as_bytes()),
        }
    }
    out.push(b'"');
}

/// Appends a BLOB: base64 text decoded, bytes as they are.
pub(super) fn push_base64(scalar: Scalar<'_>, buffer: &mut Buffer) -> Result<(), String> {
    match scalar {
        Scalar::Bytes(bytes) => {
            buffer.push_bytes(bytes);
            Ok(())
        }
        Scalar::Text(text) => buffer.push_bytes_with(|out| {
            let engine = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
            engine.decode_vec(text, out).map_err(|_| format!("{} is not valid base64", describe(&scalar)))
        }),
        _ => Err(format!("{} is not valid base64", describe(&scalar))),
    }
}

/// A UUID as DuckDB keeps it: its 128 bits with the top bit flipped.
pub(super) fn uuid(scalar: &Scalar<'_>) -> Result<i128, ConversionError> {
    let bits = match *scalar {
        Scalar::Bytes(bytes) => u128::from_be_bytes(bytes.try_into().map_err(|_| ConversionError::Kind)?),
        Scalar::Text(text) => parse_uuid(text).ok_or(ConversionError::Kind)?,
        _ => return Err(ConversionError::Kind),
    };
    Ok((bits ^ (1 << 127)).cast_signed())
}

/// The bits of a UUID's text: 32 hexadecimal digits, alone or in groups of 8-4-4-4-12, perhaps in braces.
pub(in crate::codec) fn parse_uuid(text: &str) -> Option<u128> {
    let text = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text);
    let hyphens = match text.len() {
        36 => true,
        32 => false,
        _ => return None,
    };
    let mut bits = 0u128;
    for (i, byte) in text.bytes().enumerate() {
        if hyphens && matches!(i, 8 | 13 | 18 | 23) {
            if byte != b'-' {
                return None;
            }
            continue;
        }
        bits = bits << 4 | u128::from(char::from(byte).to_digit(16)?);
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::super::tests::pushed;
    use super::*;
    use crate::column::Type;

    #[test]
    fn text_keeps_what_was_written() {
        for (scalar, ty, expected) in [
            (Scalar::Number("1.50"), Type::Varchar, Some("1.50")),
            (Scalar::Number("1E5"), Type::Varchar, Some("1E5")),
            (Scalar::Text("a\0b"), Type::Varchar, Some("a\0b")),
            (Scalar::Bool(true), Type::Varchar, Some("true")),
            (Scalar::Float(1.0), Type::Varchar, Some("1.0")),
            (Scalar::Json("[1,2]"), Type::Varchar, Some("[1,2]")),
            (Scalar::Bytes(b"ok"), Type::Varchar, Some("ok")),
            (Scalar::Bytes(b"\xff"), Type::Varchar, None),
            (Scalar::Bytes(b"ok"), Type::Blob, Some("ok")),
            (Scalar::Text("é"), Type::Blob, Some("é")),
            (Scalar::Text("a \"b\"\\\n\u{1}é"), Type::Json, Some(r#""a \"b\"\\\n\u0001é""#)),
            (Scalar::Text(""), Type::Json, Some("\"\"")),
            (Scalar::Number("1.10"), Type::Json, Some("1.10")),
            (Scalar::Bool(false), Type::Json, Some("false")),
            (Scalar::Bytes(b"abc"), Type::Json, Some("\"YWJj\"")),
            (Scalar::Float(f64::NAN), Type::Json, Some("null")),
            (Scalar::Text("YWI="), Type::Base64, Some("ab")),
            (Scalar::Text("YWI"), Type::Base64, Some("ab")),
            (Scalar::Text("fn5-"), Type::Base64, Some("~~~")),
            (Scalar::Text("fn5+"), Type::Base64, Some("~~~")),
            (Scalar::Text("Y"), Type::Base64, None),
            (Scalar::Text("Y W"), Type::Base64, None),
            (Scalar::Number("5"), Type::Base64, None),
        ] {
            assert_eq!(pushed(scalar, &ty).ok().as_deref(), expected, "{scalar:?} as {ty:?}");
        }
    }

    #[test]
    fn uuids_sort_as_their_text_does() {
        let stored = |text| pushed(Scalar::Text(text), &Type::Uuid).ok();
        let expected = (0x5f1c_6f2e_0b1c_4b8e_9d0a_0123_4567_89ab_u128 ^ (1 << 127)).cast_signed().to_string();
        for text in [
            "5f1c6f2e-0b1c-4b8e-9d0a-0123456789ab",
            "5F1C6F2E0B1C4B8E9D0A0123456789AB",
            "{5f1c6f2e-0b1c-4b8e-9d0a-0123456789ab}",
        ] {
            assert_eq!(stored(text), Some(expected.clone()), "{text}");
        }
        assert_eq!(stored("00000000-0000-0000-0000-000000000000"), Some(i128::MIN.to_string()));
        for text in ["x", "", "5f1c6f2e-0b1c-4b8e-9d0a-0123456789a", "5f1c6f2e+0b1c-4b8e-9d0a-0123456789ab"] {
            assert_eq!(stored(text), None, "{text}");
        }
        assert_eq!(pushed(Scalar::Bytes(&[0; 16]), &Type::Uuid), Ok(i128::MIN.to_string()));
    }
}
