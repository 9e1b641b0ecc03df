//! One scalar of a document becomes one value of a column.
//!
//! Every format passes its scalars as [`Scalar`], and [`push`] is the only place that turns them into values, so that a type means the same in every
//! format. A number never passes through a double on the way to an integer, a DECIMAL or text. NULL stays NULL. Everything that does not fit is an
//! error; nothing is cut off silently.
//!
//! | type | takes |
//! |---|---|
//! | BOOLEAN | true, false; a number (0 is false); the texts `true`, `false`, `t`, `f`, `yes`, `no` in any case |
//! | integers | a number, range-checked, a fraction rounded half to even as `read_json` rounds (`2.5` is 2, `1e3` is 1000); text of digits or `0x1F`; booleans as 0 and 1 |
//! | DECIMAL(w,s) | a number or its text, exact, rounded half away from zero to `s` places; booleans |
//! | FLOAT, DOUBLE | a number or its text, the nearest value; one beyond the range is an error; booleans |
//! | VARCHAR | text; the number's own text (`1.50`, `1e3`); `true`; an object or list as compact JSON |
//! | ENUM | what VARCHAR takes, when the text is one of its values |
//! | JSON | the value as compact JSON |
//! | BLOB | bytes; text as its UTF-8 bytes; numbers and objects as their text |
//! | BASE64 | a BLOB from base64 text, standard or URL-safe alphabet, padded or not |
//! | UUID | 32 hexadecimal digits, with or without hyphens and braces; 16 bytes |
//! | DATE | `2024-01-15`, also the date of a timestamp's text as it is written |
//! | TIME | `10:11:12.5`, also the time of a timestamp's text as it is written |
//! | TIMESTAMP, TIMESTAMPTZ, TIMESTAMP_S, _MS, _NS | ISO 8601 text (see [`time`]); UTC, also without zone; a number is an epoch in the unit of the type: µs, µs, s, ms, ns |
//! | TIMESTAMP, TIMESTAMPTZ with an epoch | a number, or its text, in the unit that is said; a fraction below the microsecond falls away; ISO 8601 text as above |
//! | INTERVAL | `1 day 02:03:04`, `P1DT2H3M4S` (see [`interval`]) |

mod decimal;
mod detect;
mod float;
mod instant;
mod integer;
pub mod interval;
mod iso;
mod number;
mod text;
pub mod time;
mod value;

use crate::column::{Buffer, Type, Values};

pub(super) use detect::detect;
pub use instant::Instant;
pub(super) use text::write_json;
use value::ConversionError;
pub use value::Scalar;
pub(super) use value::describe;

/// Appends a scalar to a buffer of a scalar type; the error names the value and the type.
///
/// After an error the buffer is as it was. A nested type takes nothing but NULL.
///
/// # Errors
/// The scalar does not fit the type.
#[inline]
pub fn push(scalar: Scalar<'_>, ty: &Type, buffer: &mut Buffer) -> Result<(), String> {
    // Most values are of this form and need no look at the rest.
    match (&scalar, ty, &mut buffer.values) {
        (Scalar::Null, ..) => buffer.push_null(),
        (Scalar::Text(text), Type::Varchar, _) => buffer.push_bytes(text.as_bytes()),
        _ => return convert(scalar, ty, buffer),
    }
    Ok(())
}

fn convert(scalar: Scalar<'_>, ty: &Type, buffer: &mut Buffer) -> Result<(), String> {
    let invalid = || format!("{} is not a valid {ty}", describe(&scalar));
    match ty {
        Type::Varchar => return text::push_varchar(scalar, buffer),
        Type::Json => return text::push_json(scalar, buffer),
        Type::Enum(known) => {
            let text = text::varchar(&scalar)?;
            let pushed = known.index(&text).is_some_and(|index| buffer.push_enum_index(index));
            return if pushed { Ok(()) } else { Err(format!("{} is no value of {ty}", describe(&scalar))) };
        }
        Type::Blob => return text::push_blob(scalar, buffer),
        Type::Base64 => return text::push_base64(scalar, buffer),
        Type::List(_) | Type::Struct(_) | Type::Map(..) => return Err(invalid()),
        _ => {}
    }
    let out_of_range = || format!("{} is out of range for {ty}", describe(&scalar));
    let error = |error: ConversionError| match error {
        ConversionError::Kind => invalid(),
        ConversionError::Range => out_of_range(),
        ConversionError::Because(why) => format!("{}: {why}", invalid()),
    };
    match ty {
        Type::Decimal { width, scale } => decimal::push(&scalar, *width, *scale, &mut buffer.values),
        Type::Date => time::date(&scalar).map(|days| put_i32(&mut buffer.values, days)),
        Type::Time => time::time_of_day(&scalar).map(|micros| put_i64(&mut buffer.values, micros)),
        Type::Timestamp | Type::TimestampTz => {
            time::timestamp(&scalar, time::Unit::Micros).map(|t| put_i64(&mut buffer.values, t))
        }
        Type::Epoch { unit, .. } => time::epoch_micros(&scalar, *unit).map(|t| put_i64(&mut buffer.values, t)),
        Type::TimestampS => time::timestamp(&scalar, time::Unit::Seconds).map(|t| put_i64(&mut buffer.values, t)),
        Type::TimestampMs => time::timestamp(&scalar, time::Unit::Millis).map(|t| put_i64(&mut buffer.values, t)),
        Type::TimestampNs => time::timestamp(&scalar, time::Unit::Nanos).map(|t| put_i64(&mut buffer.values, t)),
        _ => match (&mut buffer.values, &scalar) {
            (Values::Bool(out), _) => integer::boolean(&scalar).map(|v| out.push(v)),
            (Values::F32(out), _) => float::single(&scalar).map(|v| out.push(v)),
            (Values::F64(out), _) => float::double(&scalar).map(|v| out.push(v)),
            (Values::Interval(out), Scalar::Text(text)) => {
                interval::parse(text).map(|v| out.push(v)).map_err(ConversionError::Because)
            }
            (Values::I128(out), _) if *ty == Type::Uuid => text::uuid(&scalar).map(|v| out.push(v)),
            (values, _) => integer::push(&scalar, values),
        },
    }
    .map_err(error)?;
    buffer.valid.push(true);
    Ok(())
}

fn put_i32(values: &mut Values, value: i32) {
    if let Values::I32(out) = values {
        out.push(value);
    }
}

fn put_i64(values: &mut Values, value: i64) {
    if let Values::I64(out) = values {
        out.push(value);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The value that one scalar becomes, as Rust prints it, or the error.
    pub(super) fn pushed(scalar: Scalar<'_>, ty: &Type) -> Result<String, String> {
        let mut buffer = Buffer::new(ty);
        let result = push(scalar, ty, &mut buffer);
        if result.is_err() {
            assert_eq!(buffer, Buffer::new(ty), "an error leaves the buffer as it was");
        }
        result.map(|()| {
            assert_eq!(buffer.valid, [true]);
            match &buffer.values {
                Values::Bool(v) => v[0].to_string(),
                Values::I8(v) => v[0].to_string(),
                Values::I16(v) => v[0].to_string(),
                Values::I32(v) => v[0].to_string(),
                Values::I64(v) => v[0].to_string(),
                Values::I128(v) => v[0].to_string(),
                Values::U8(v) => v[0].to_string(),
                Values::U16(v) => v[0].to_string(),
                Values::U32(v) => v[0].to_string(),
                Values::U64(v) => v[0].to_string(),
                Values::U128(v) => v[0].to_string(),
                Values::F32(v) => format!("{:?}", v[0]),
                Values::F64(v) => format!("{:?}", v[0]),
                Values::Interval(v) => format!("{} {} {}", v[0].months, v[0].days, v[0].micros),
                Values::Text(v) => String::from_utf8_lossy(v.get(0)).into_owned(),
                Values::List(_) | Values::Struct(_) => unreachable!(),
            }
        })
    }

    #[test]
    fn null_is_null_in_every_type() {
        for ty in [Type::Integer, Type::Varchar, Type::Json, Type::list(Type::Date), Type::Interval, Type::Uuid] {
            let mut buffer = Buffer::new(&ty);
            push(Scalar::Null, &ty, &mut buffer).unwrap();
            assert_eq!(buffer.valid, [false]);
        }
    }

    #[test]
    fn errors_name_the_value_and_the_type() {
        for (scalar, ty, error) in [
            (Scalar::Text("x"), Type::Integer, "\"x\" is not a valid INTEGER"),
            (Scalar::Number("300"), Type::TinyInt, "300 is out of range for TINYINT"),
            (Scalar::Json("{\"a\":1}"), Type::Integer, "the object {\"a\":1} is not a valid INTEGER"),
            (Scalar::Json("[1]"), Type::Double, "the list [1] is not a valid DOUBLE"),
            (Scalar::Number("5"), Type::Interval, "5 is not a valid INTERVAL"),
            (Scalar::Number("5"), Type::Uuid, "5 is not a valid UUID"),
            (Scalar::Number("5"), Type::Date, "5 is not a valid DATE"),
            (Scalar::Bytes(b"ab"), Type::Integer, "a binary of 2 bytes is not a valid INTEGER"),
            (Scalar::Number("5"), Type::list(Type::Integer), "5 is not a valid INTEGER[]"),
        ] {
            assert_eq!(pushed_error(scalar, &ty), error);
        }
        let long = "y".repeat(200);
        let error = pushed_error(Scalar::Text(&long), &Type::Integer);
        assert_eq!(error, format!("\"{}…\" is not a valid INTEGER", "y".repeat(80)));
    }

    fn pushed_error(scalar: Scalar<'_>, ty: &Type) -> String {
        push(scalar, ty, &mut Buffer::new(ty)).unwrap_err()
    }
}
