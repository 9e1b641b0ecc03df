//! Our [`Type`] as DuckDB's logical type, and back.

use std::ffi::CStr;

use libduckdb_sys as duckdb;

use crate::column::{Field, Type};
use crate::ffi::contain::c_text;
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

/// What to make of an ENUM, which no payload fills as such.
pub(super) type Enumeration<'a> = &'a dyn Fn(&Logical) -> std::result::Result<Type, String>;

impl Logical {
    /// The type as ours. The error names a type that documents do not fill.
    pub(super) fn read(&self, enumeration: Enumeration<'_>) -> std::result::Result<Type, String> {
        // SAFETY: the handle is live; children and names are ours to destroy; each getter fits the type's number.
        unsafe {
            let raw = self.0;
            let child = |handle| Logical(handle).read(enumeration);
            Ok(match duckdb::duckdb_get_type_id(raw) {
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN => Type::Boolean,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TINYINT => Type::TinyInt,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT => Type::SmallInt,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER => Type::Integer,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT => Type::BigInt,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT => Type::HugeInt,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT => Type::UTinyInt,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT => Type::USmallInt,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER => Type::UInteger,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT => Type::UBigInt,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UHUGEINT => Type::UHugeInt,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT => Type::Float,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE => Type::Double,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_ENUM => enumeration(self)?,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR if self.alias().eq_ignore_ascii_case("JSON") => Type::Json,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR => Type::Varchar,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BLOB => Type::Blob,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UUID => Type::Uuid,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_DATE => Type::Date,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIME => Type::Time,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP => Type::Timestamp,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S => Type::TimestampS,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS => Type::TimestampMs,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_NS => Type::TimestampNs,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ => Type::TimestampTz,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL => Type::Interval,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_DECIMAL => {
                    Type::Decimal { width: duckdb::duckdb_decimal_width(raw), scale: duckdb::duckdb_decimal_scale(raw) }
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_LIST => Type::list(child(duckdb::duckdb_list_type_child_type(raw))?),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_MAP => Type::map(
                    child(duckdb::duckdb_map_type_key_type(raw))?,
                    child(duckdb::duckdb_map_type_value_type(raw))?,
                ),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => {
                    let field = |i| {
                        let name = duckdb::duckdb_struct_type_child_name(raw, i);
                        let text = CStr::from_ptr(name).to_string_lossy().into_owned();
                        duckdb::duckdb_free(name.cast());
                        child(duckdb::duckdb_struct_type_child_type(raw, i)).map(|ty| Field { name: text, ty })
                    };
                    let count = duckdb::duckdb_struct_type_child_count(raw);
                    Type::Struct((0..count).map(field).collect::<std::result::Result<_, _>>()?)
                }
                _ => return Err("no document fills a column of that type".into()),
            })
        }
    }

    /// The first member of an ENUM; empty where it has none.
    pub(super) fn first_member(&self) -> String {
        // SAFETY: the handle is live and an ENUM, which may have no member; the text is ours to free.
        unsafe {
            if duckdb::duckdb_enum_dictionary_size(self.0) == 0 {
                return String::new();
            }
            let member = duckdb::duckdb_enum_dictionary_value(self.0, 0);
            let text = CStr::from_ptr(member).to_string_lossy().into_owned();
            duckdb::duckdb_free(member.cast());
            text
        }
    }

    fn alias(&self) -> String {
        // SAFETY: the handle is live; the text is ours to free.
        unsafe {
            let alias = duckdb::duckdb_logical_type_get_alias(self.0);
            if alias.is_null() {
                return String::new();
            }
            let text = CStr::from_ptr(alias).to_string_lossy().into_owned();
            duckdb::duckdb_free(alias.cast());
            text
        }
    }
}
