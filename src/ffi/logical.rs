//! Our [`Type`] as DuckDB's logical type.

use libduckdb_sys as duckdb;

use super::contain::c_text;
use crate::column::Type;
use crate::value::ParameterType;

/// An owned logical type.
pub(super) struct Logical(pub(super) duckdb::duckdb_logical_type);

impl Drop for Logical {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and is destroyed once.
        unsafe { duckdb::duckdb_destroy_logical_type(&raw mut self.0) };
    }
}

impl Logical {
    /// A type without parameters, from its number in the C API.
    pub(super) fn plain(id: duckdb::DUCKDB_TYPE) -> Self {
        // SAFETY: takes any type number.
        Self(unsafe { duckdb::duckdb_create_logical_type(id) })
    }

    fn list(child: &Logical) -> Self {
        // SAFETY: the child lives through the call, which copies it.
        Self(unsafe { duckdb::duckdb_create_list_type(child.0) })
    }

    fn of_struct(fields: &[(&str, Logical)]) -> Self {
        let names: Vec<_> = fields.iter().map(|(name, _)| c_text(name)).collect();
        let mut name_pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
        let mut types: Vec<_> = fields.iter().map(|(_, ty)| ty.0).collect();
        // SAFETY: both arrays have `fields.len()` live entries, which the call copies.
        Self(unsafe {
            duckdb::duckdb_create_struct_type(
                types.as_mut_ptr(),
                name_pointers.as_mut_ptr(),
                fields.len() as duckdb::idx_t,
            )
        })
    }
}

impl From<ParameterType> for Logical {
    fn from(ty: ParameterType) -> Self {
        match ty {
            ParameterType::Text => Logical::plain(duckdb::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR),
            ParameterType::TextList => Logical::list(&Logical::plain(duckdb::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR)),
            ParameterType::Boolean => Logical::plain(duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN),
            ParameterType::Interval => Logical::plain(duckdb::DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL),
            ParameterType::Unsigned | ParameterType::Moment | ParameterType::Any => {
                Logical::plain(duckdb::DUCKDB_TYPE_DUCKDB_TYPE_ANY)
            }
        }
    }
}

impl From<&Type> for Logical {
    fn from(ty: &Type) -> Self {
        let id = match ty {
            Type::Boolean => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN,
            Type::TinyInt => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TINYINT,
            Type::SmallInt => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT,
            Type::Integer => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER,
            Type::BigInt => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT,
            Type::HugeInt => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT,
            Type::UTinyInt => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT,
            Type::USmallInt => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT,
            Type::UInteger => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER,
            Type::UBigInt => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT,
            Type::UHugeInt => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UHUGEINT,
            Type::Float => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT,
            Type::Double => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE,
            Type::Varchar => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR,
            Type::Blob | Type::Base64 => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BLOB,
            Type::Uuid => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UUID,
            Type::Date => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_DATE,
            Type::Time => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIME,
            Type::Timestamp => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP,
            Type::TimestampS => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S,
            Type::TimestampMs => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS,
            Type::TimestampNs => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_NS,
            Type::TimestampTz => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ,
            Type::Interval => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL,
            Type::Decimal { width, scale } => {
                // SAFETY: width and scale are those of a valid DECIMAL.
                return Logical(unsafe { duckdb::duckdb_create_decimal_type(*width, *scale) });
            }
            Type::Json => {
                let json = Logical::plain(duckdb::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR);
                // SAFETY: the handle is live and the alias is a NUL-terminated constant.
                unsafe { duckdb::duckdb_logical_type_set_alias(json.0, c"JSON".as_ptr()) };
                return json;
            }
            Type::List(child) => return Logical::list(&Logical::from(&**child)),
            Type::Struct(fields) => {
                let fields: Vec<_> = fields.iter().map(|f| (f.name.as_str(), Logical::from(&f.ty))).collect();
                return Logical::of_struct(&fields);
            }
            Type::Map(key, value) => {
                let (key, value) = (Logical::from(&**key), Logical::from(&**value));
                // SAFETY: both live through the call, which copies them.
                return Logical(unsafe { duckdb::duckdb_create_map_type(key.0, value.0) });
            }
        };
        Logical::plain(id)
    }
}
