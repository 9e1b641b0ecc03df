//! Logical types: the part of DuckDB's type system that a message can fill.

use std::fmt;
use std::sync::Arc;

use super::enumeration::Enumeration;

/// The type of a column, named as DuckDB names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Type {
    Boolean,
    TinyInt,
    SmallInt,
    Integer,
    BigInt,
    HugeInt,
    UTinyInt,
    USmallInt,
    UInteger,
    UBigInt,
    UHugeInt,
    Float,
    Double,
    /// `DECIMAL(width, scale)`, width 1 to 38, scale 0 to width.
    Decimal {
        width: u8,
        scale: u8,
    },
    Varchar,
    /// `ENUM('a', 'b')`.
    Enum(Arc<Enumeration>),
    /// A VARCHAR with the alias `JSON`.
    Json,
    Blob,
    /// A BLOB that a document carries as base64 text; SQL sees BLOB. Users spell it `BASE64`.
    Base64,
    Uuid,
    Date,
    Time,
    Timestamp,
    TimestampS,
    TimestampMs,
    TimestampNs,
    TimestampTz,
    /// A TIMESTAMP, or a TIMESTAMPTZ, that a document carries as a number since 1970 UTC in this unit.
    Epoch {
        unit: EpochUnit,
        zoned: bool,
    },
    Interval,
    List(Box<Type>),
    Struct(Vec<Field>),
    Map(Box<Type>, Box<Type>),
}

/// The unit of a time that is a number since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum EpochUnit {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

impl EpochUnit {
    /// Every unit with its name in SQL.
    pub const CHOICES: [(&str, EpochUnit); 4] =
        [("s", EpochUnit::Seconds), ("ms", EpochUnit::Millis), ("us", EpochUnit::Micros), ("ns", EpochUnit::Nanos)];
}

/// One member of a STRUCT.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// The member's name.
    pub name: String,
    /// The member's type.
    pub ty: Type,
}

/// One column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The column's name as SQL sees it.
    pub name: String,
    /// The column's type. Every column is nullable.
    pub ty: Type,
}

impl Column {
    /// A column from its name and type.
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        Self { name: name.into(), ty }
    }
}

impl Type {
    /// `LIST` of `ty`.
    #[must_use]
    pub fn list(ty: Type) -> Self {
        Type::List(Box::new(ty))
    }

    /// `MAP` from `key` to `value`.
    #[must_use]
    pub fn map(key: Type, value: Type) -> Self {
        Type::Map(Box::new(key), Box::new(value))
    }
}

impl Type {
    /// The type with each TIMESTAMP and TIMESTAMPTZ in it carried as a number in a unit; None when there is none in it.
    #[must_use]
    pub fn with_epoch(&self, unit: EpochUnit) -> Option<Self> {
        Some(match self {
            Type::Timestamp => Type::Epoch { unit, zoned: false },
            Type::TimestampTz => Type::Epoch { unit, zoned: true },
            Type::List(child) => Type::list(child.with_epoch(unit)?),
            Type::Map(key, value) => Type::map((**key).clone(), value.with_epoch(unit)?),
            Type::Struct(fields) => {
                let carried: Vec<Option<Type>> = fields.iter().map(|field| field.ty.with_epoch(unit)).collect();
                if carried.iter().all(Option::is_none) {
                    return None;
                }
                let member = |(field, carried): (&Field, Option<Type>)| Field {
                    name: field.name.clone(),
                    ty: carried.unwrap_or_else(|| field.ty.clone()),
                };
                Type::Struct(fields.iter().zip(carried).map(member).collect())
            }
            _ => return None,
        })
    }
}

/// The most values of an ENUM that an error shows.
const SHOWN_VALUES: usize = 5;

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Type::Boolean => "BOOLEAN",
            Type::TinyInt => "TINYINT",
            Type::SmallInt => "SMALLINT",
            Type::Integer => "INTEGER",
            Type::BigInt => "BIGINT",
            Type::HugeInt => "HUGEINT",
            Type::UTinyInt => "UTINYINT",
            Type::USmallInt => "USMALLINT",
            Type::UInteger => "UINTEGER",
            Type::UBigInt => "UBIGINT",
            Type::UHugeInt => "UHUGEINT",
            Type::Float => "FLOAT",
            Type::Double => "DOUBLE",
            Type::Decimal { width, scale } => return write!(f, "DECIMAL({width},{scale})"),
            Type::Varchar => "VARCHAR",
            Type::Enum(values) => {
                let some =
                    values.values().iter().take(SHOWN_VALUES).map(|value| format!("'{}'", value.replace('\'', "''")));
                let more = if values.values().len() > SHOWN_VALUES { ", …" } else { "" };
                return write!(f, "ENUM({}{more})", some.collect::<Vec<_>>().join(", "));
            }
            Type::Json => "JSON",
            Type::Blob | Type::Base64 => "BLOB",
            Type::Uuid => "UUID",
            Type::Date => "DATE",
            Type::Time => "TIME",
            Type::Timestamp | Type::Epoch { zoned: false, .. } => "TIMESTAMP",
            Type::TimestampS => "TIMESTAMP_S",
            Type::TimestampMs => "TIMESTAMP_MS",
            Type::TimestampNs => "TIMESTAMP_NS",
            Type::TimestampTz | Type::Epoch { zoned: true, .. } => "TIMESTAMP WITH TIME ZONE",
            Type::Interval => "INTERVAL",
            Type::List(child) => return write!(f, "{child}[]"),
            Type::Map(key, value) => return write!(f, "MAP({key}, {value})"),
            Type::Struct(fields) => {
                f.write_str("STRUCT(")?;
                for (i, field) in fields.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}\"{}\" {}", field.name.replace('"', "\"\""), field.ty)?;
                }
                return f.write_str(")");
            }
        };
        f.write_str(name)
    }
}
