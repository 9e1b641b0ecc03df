//! DuckDB's values as our [`Value`] and, for payloads, as [`Document`]s.

use duckdb_neo as neo;
use neo::logical_type::LogicalTypeID as Id;
use neo::types::{
    BlobValue, DateValue, DecimalValue, IntervalValue, TimestampMsValue, TimestampNsValue, TimestampSecValue,
    TimestampTzValue, TimestampValue,
};

use super::boundary::fault;
use crate::column::Interval;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::value::Value;

/// The widest DECIMAL that `to_json` writes as a DOUBLE.
const EXACT_WIDTH: u8 = 15;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Reads a value, children included.
pub(super) fn read(value: &neo::value::Value) -> Result<Value> {
    read_value(value).map_err(fault)
}

fn read_value(value: &neo::value::Value) -> neo::Result<Value> {
    if value.is_null()? {
        return Ok(Value::Null);
    }
    let ty = value.logical_type()?;
    let found = match ty.id()? {
        Id::Boolean => value.get::<bool>()?.map(Value::Boolean),
        Id::TinyInt => value.get::<i8>()?.map(integer),
        Id::SmallInt => value.get::<i16>()?.map(integer),
        Id::Integer => value.get::<i32>()?.map(integer),
        Id::BigInt => value.get::<i64>()?.map(integer),
        Id::HugeInt => value.get::<i128>()?.map(integer),
        Id::UTinyInt => value.get::<u8>()?.map(integer),
        Id::USmallInt => value.get::<u16>()?.map(integer),
        Id::UInteger => value.get::<u32>()?.map(integer),
        Id::UBigInt => value.get::<u64>()?.map(integer),
        Id::Float => value.get::<f32>()?.map(|x| Value::Float(x.into())),
        Id::Double => value.get::<f64>()?.map(Value::Float),
        Id::Decimal => value.get::<DecimalValue>()?.map(|d| Value::Decimal { unscaled: d.value, scale: d.scale }),
        Id::Varchar => value.get::<String>()?.map(text),
        Id::Enum => Some(Value::Text(value.dbg_string()?)),
        Id::Blob => value.get::<BlobValue>()?.map(|blob| Value::Blob(blob.0)),
        Id::Date => value.get::<DateValue>()?.map(|days| utc(i64::from(days.0).saturating_mul(MICROS_PER_DAY))),
        Id::Timestamp => value.get::<TimestampValue>()?.map(|t| utc(t.0)),
        Id::TimestampSec => value.get::<TimestampSecValue>()?.map(|t| utc(t.0.saturating_mul(1_000_000))),
        Id::TimestampMs => value.get::<TimestampMsValue>()?.map(|t| utc(t.0.saturating_mul(1_000))),
        Id::TimestampNs => value.get::<TimestampNsValue>()?.map(|t| utc(t.0.div_euclid(1_000))),
        Id::TimestampTz => value.get::<TimestampTzValue>()?.map(|t| Value::Timestamp { micros: t.0, zoned: true }),
        Id::Interval => value
            .get::<IntervalValue>()?
            .map(|i| Value::Interval(Interval { months: i.months, days: i.days, micros: i.micros })),
        Id::List | Id::Tuple => Some(Value::List(children(value, read_value)?)),
        Id::Map => Some(Value::Map(pairs(children(value, read_value)?))),
        Id::Struct => {
            let members = children(value, read_value)?;
            Some(Value::Struct(names(&ty)?.into_iter().zip(members).collect()))
        }
        _ => Some(Value::Other("a type that is not supported here")),
    };
    Ok(found.unwrap_or(Value::Null))
}

/// The text; [`Value::Other`] when it has a NUL: no name, address or option has one, and the first door cannot read one.
fn text(value: String) -> Value {
    if value.contains('\0') { Value::Other("a text with a NUL character") } else { Value::Text(value) }
}

fn integer(value: impl Into<i128>) -> Value {
    Value::Integer(value.into())
}

fn utc(micros: i64) -> Value {
    Value::Timestamp { micros, zoned: false }
}

fn children<T, E: From<neo::Error>>(
    value: &neo::value::Value,
    read: impl Fn(&neo::value::Value) -> std::result::Result<T, E>,
) -> std::result::Result<Vec<T>, E> {
    let count = value.child_count()?;
    (0..count).map(|index| read(&value.get_child(index)?)).collect()
}

/// The keys and values of a MAP, in turn.
fn pairs<T>(items: Vec<T>) -> Vec<(T, T)> {
    let mut items = items.into_iter();
    std::iter::from_fn(|| Some((items.next()?, items.next()?))).collect()
}

/// The names of the members of a STRUCT or UNION.
fn names(ty: &neo::logical_type::LogicalType) -> neo::Result<Vec<String>> {
    Ok(ty.get_params()?.into_iter().map(|(name, _)| name).collect())
}

/// A value as a document: the shapes and texts that DuckDB's `to_json` gives it; an error for a type that has none.
pub(super) fn document(value: &neo::value::Value) -> Result<Document> {
    read_document(value).map_err(|failure| match failure {
        Failure::Ours(error) => error,
        Failure::Host(error) => fault(error),
    })
}

/// The reason why a value is no document.
enum Failure {
    Ours(Error),
    Host(neo::Error),
}

impl From<neo::Error> for Failure {
    fn from(error: neo::Error) -> Self {
        Failure::Host(error)
    }
}

fn read_document(value: &neo::value::Value) -> std::result::Result<Document, Failure> {
    if value.is_null()? {
        return Ok(Document::Null);
    }
    let ty = value.logical_type()?;
    Ok(match ty.id()? {
        Id::UHugeInt => Document::Number(value.dbg_string()?),
        Id::Decimal => {
            let text = value.dbg_string()?;
            let width = value.get::<DecimalValue>()?.map_or(0, |decimal| decimal.width);
            if width <= EXACT_WIDTH {
                Document::Float(text.parse().unwrap_or(f64::NAN))
            } else {
                Document::Number(text)
            }
        }
        Id::Varchar => {
            let text = value.get::<String>()?.unwrap_or_default();
            if ty.name()?.eq_ignore_ascii_case("JSON") { Document::Json(text) } else { Document::Text(text) }
        }
        Id::List | Id::Array | Id::Tuple => Document::Array(children(value, read_document)?),
        Id::Map => {
            let entries = pairs(children(value, read_document)?);
            Document::Object(
                entries
                    .into_iter()
                    .map(|(key, value)| Ok((key_text(key)?, value)))
                    .collect::<std::result::Result<_, Failure>>()?,
            )
        }
        Id::Struct => {
            let members = children(value, read_document)?;
            Document::Object(names(&ty)?.into_iter().zip(members).collect())
        }
        Id::Union => {
            let tag = value.get_child(0)?.dbg_string()?.parse().unwrap_or(usize::MAX);
            let name = names(&ty)?.into_iter().nth(tag).unwrap_or_default();
            Document::Object(vec![(name, read_document(&value.get_child(1)?)?)])
        }
        Id::Date
        | Id::Time
        | Id::TimeTz
        | Id::TimeNs
        | Id::Timestamp
        | Id::TimestampTz
        | Id::TimestampSec
        | Id::TimestampMs
        | Id::TimestampNs
        | Id::Interval
        | Id::Uuid
        | Id::Enum => Document::Text(value.dbg_string()?),
        _ => match read_value(value)? {
            Value::Boolean(flag) => Document::Boolean(flag),
            Value::Integer(number) => Document::Integer(number),
            Value::Float(number) => Document::Float(number),
            Value::Blob(bytes) => Document::Bytes(bytes),
            _ => {
                return Err(Failure::Ours(
                    Error::new("a value is of a type that cannot be written to a payload")
                        .advice("cast it to VARCHAR, or use to_json(...)"),
                ));
            }
        },
    })
}

/// A key of a MAP: its text.
fn key_text(key: Document) -> std::result::Result<String, Failure> {
    match key {
        Document::Boolean(flag) => Ok(flag.to_string()),
        Document::Integer(number) => Ok(number.to_string()),
        Document::Number(text) | Document::Text(text) => Ok(text),
        _ => Err(Failure::Ours(
            Error::new("a MAP has keys of a type that is no text and no whole number")
                .advice("cast its keys to VARCHAR, or use to_json(...)"),
        )),
    }
}
