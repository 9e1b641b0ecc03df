//! Logical types: the part of DuckDB's type system that a message can fill.

use std::fmt;

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
    Interval,
    List(Box<Type>),
    Struct(Vec<Field>),
    Map(Box<Type>, Box<Type>),
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
            Type::Json => "JSON",
            Type::Blob | Type::Base64 => "BLOB",
            Type::Uuid => "UUID",
            Type::Date => "DATE",
            Type::Time => "TIME",
            Type::Timestamp => "TIMESTAMP",
            Type::TimestampS => "TIMESTAMP_S",
            Type::TimestampMs => "TIMESTAMP_MS",
            Type::TimestampNs => "TIMESTAMP_NS",
            Type::TimestampTz => "TIMESTAMP WITH TIME ZONE",
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
