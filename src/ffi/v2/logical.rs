//! Our [`Type`] as DuckDB's logical type, and back.

use std::sync::Arc;

use duckdb_neo as neo;
use neo::Parameters;
use neo::connection::FFILink;
use neo::logical_type::{LogicalType, LogicalTypeID as Id};
use neo::types::DecimalSignature;
use neo::value::Value;

use crate::column::{Enumeration, Field, Type};
use crate::ffi::type_parser::Unread;
use crate::value::ParameterType;

fn plain<C: FFILink>(link: &C, id: Id) -> neo::Result<LogicalType> {
    LogicalType::create_from_id(link, id, Parameters::None)
}

fn with_children<C: FFILink>(link: &C, id: Id, children: &[LogicalType]) -> neo::Result<LogicalType> {
    let children: Vec<Value> =
        children.iter().map(|child| Value::from_logical_type(link, child)).collect::<neo::Result<_>>()?;
    let children: Vec<&dyn neo::QueryParameter> = children.iter().map(|child| child as _).collect();
    LogicalType::create_from_id(link, id, Parameters::positional(&children))
}

/// The type that DuckDB is told of a parameter.
pub(super) fn of_parameter<C: FFILink>(link: &C, ty: ParameterType) -> neo::Result<LogicalType> {
    match ty {
        ParameterType::Text => plain(link, Id::Varchar),
        ParameterType::TextList => with_children(link, Id::List, &[plain(link, Id::Varchar)?]),
        ParameterType::Boolean => plain(link, Id::Boolean),
        ParameterType::Interval => plain(link, Id::Interval),
        ParameterType::TextOrList | ParameterType::Unsigned | ParameterType::Moment | ParameterType::Any => {
            plain(link, Id::Any)
        }
    }
}

/// A type as DuckDB's.
pub(super) fn of<C: FFILink>(link: &C, ty: &Type) -> neo::Result<LogicalType> {
    let id = match ty {
        Type::Boolean => Id::Boolean,
        Type::TinyInt => Id::TinyInt,
        Type::SmallInt => Id::SmallInt,
        Type::Integer => Id::Integer,
        Type::BigInt => Id::BigInt,
        Type::HugeInt => Id::HugeInt,
        Type::UTinyInt => Id::UTinyInt,
        Type::USmallInt => Id::USmallInt,
        Type::UInteger => Id::UInteger,
        Type::UBigInt => Id::UBigInt,
        Type::UHugeInt => Id::UHugeInt,
        Type::Float => Id::Float,
        Type::Double => Id::Double,
        Type::Varchar => Id::Varchar,
        Type::Blob | Type::Base64 => Id::Blob,
        Type::Uuid => Id::Uuid,
        Type::Date => Id::Date,
        Type::Time => Id::Time,
        Type::Timestamp | Type::Epoch { zoned: false, .. } => Id::Timestamp,
        Type::TimestampS => Id::TimestampSec,
        Type::TimestampMs => Id::TimestampMs,
        Type::TimestampNs => Id::TimestampNs,
        Type::TimestampTz | Type::Epoch { zoned: true, .. } => Id::TimestampTz,
        Type::Interval => Id::Interval,
        Type::Decimal { width, scale } => return LogicalType::from_text(link, &format!("DECIMAL({width},{scale})")),
        Type::Json => return plain(link, Id::Varchar)?.with_alias(link, "JSON"),
        Type::Enum(known) => {
            let values: Vec<&dyn neo::QueryParameter> = known.values().iter().map(|value| value as _).collect();
            return LogicalType::create_from_id(link, Id::Enum, Parameters::positional(&values));
        }
        Type::List(child) => return with_children(link, Id::List, &[of(link, child)?]),
        Type::Map(key, value) => return with_children(link, Id::Map, &[of(link, key)?, of(link, value)?]),
        Type::Struct(fields) => {
            let types: Vec<Value> = fields
                .iter()
                .map(|field| Value::from_logical_type(link, &of(link, &field.ty)?))
                .collect::<neo::Result<_>>()?;
            let members: Vec<(&str, &dyn neo::QueryParameter)> =
                fields.iter().zip(&types).map(|(field, ty)| (field.name.as_str(), ty as _)).collect();
            return LogicalType::create_from_id(link, Id::Struct, Parameters::named(&members));
        }
    };
    plain(link, id)
}

/// The value of the ENUM that BASE64 is to DuckDB ([`super::type_text`]).
pub(super) const BASE64_VALUE: &str = "nats_js: base64 text";

/// DuckDB's type as ours. The error names a type that documents do not fill.
pub(super) fn read(logical: &LogicalType) -> Result<Type, String> {
    let failed = |error: neo::Error| error.message;
    let child = |index: usize| -> Result<(String, Type), String> {
        let (name, value) = logical.get_param(index).map_err(failed)?;
        let ty = value.get::<LogicalType>().map_err(failed)?.ok_or("a type has no child")?;
        Ok((name.to_owned(), read(&ty)?))
    };
    Ok(match logical.id().map_err(failed)? {
        Id::Boolean => Type::Boolean,
        Id::TinyInt => Type::TinyInt,
        Id::SmallInt => Type::SmallInt,
        Id::Integer => Type::Integer,
        Id::BigInt => Type::BigInt,
        Id::HugeInt => Type::HugeInt,
        Id::UTinyInt => Type::UTinyInt,
        Id::USmallInt => Type::USmallInt,
        Id::UInteger => Type::UInteger,
        Id::UBigInt => Type::UBigInt,
        Id::UHugeInt => Type::UHugeInt,
        Id::Float => Type::Float,
        Id::Double => Type::Double,
        Id::Enum => enumeration(logical)?,
        Id::Varchar if logical.name().map_err(failed)?.eq_ignore_ascii_case("JSON") => Type::Json,
        Id::Varchar => Type::Varchar,
        Id::Blob => Type::Blob,
        Id::Uuid => Type::Uuid,
        Id::Date => Type::Date,
        Id::Time => Type::Time,
        Id::Timestamp => Type::Timestamp,
        Id::TimestampSec => Type::TimestampS,
        Id::TimestampMs => Type::TimestampMs,
        Id::TimestampNs => Type::TimestampNs,
        Id::TimestampTz => Type::TimestampTz,
        Id::Interval => Type::Interval,
        Id::Decimal => {
            let decimal = DecimalSignature::from_logical_type(logical).map_err(failed)?;
            Type::Decimal { width: decimal.width, scale: decimal.scale }
        }
        Id::List => Type::list(child(0)?.1),
        Id::Map => Type::map(child(0)?.1, child(1)?.1),
        Id::Struct => {
            let count = logical.param_count().map_err(failed)?;
            let field = |index| child(index).map(|(name, ty)| Field { name, ty });
            Type::Struct((0..count).map(field).collect::<Result<_, _>>()?)
        }
        Id::Union => return Err(Unread::Union.why().into()),
        Id::Array => return Err(Unread::Array.why().into()),
        Id::Bit => return Err(Unread::Bit.why().into()),
        Id::TimeTz => return Err(Unread::TimeTz.why().into()),
        Id::Variant => return Err(Unread::Variant.why().into()),
        _ => return Err(Unread::Other.why().into()),
    })
}

fn enumeration(logical: &LogicalType) -> Result<Type, String> {
    let failed = |error: neo::Error| error.message;
    let value = |at: usize| -> Result<String, String> {
        let (_, value) = logical.get_param(at).map_err(failed)?;
        Ok(value.get::<String>().map_err(failed)?.unwrap_or_default())
    };
    let count = logical.param_count().map_err(failed)?;
    let values = (0..count).map(value).collect::<Result<Vec<_>, _>>()?;
    Ok(if values == [BASE64_VALUE] { Type::Base64 } else { Type::Enum(Arc::new(Enumeration::new(values))) })
}
