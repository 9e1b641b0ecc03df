//! Our [`Type`] as DuckDB's logical type, and back.

use std::ffi::CStr;
use std::sync::Arc;

use libduckdb_sys as duckdb;

use crate::column::{Enumeration, Field, Type};
use crate::ffi::contain::c_text;
use crate::ffi::type_parser::Unread;
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

    fn enumeration(values: &[String]) -> Self {
        let values: Vec<_> = values.iter().map(|value| c_text(value)).collect();
        let mut pointers: Vec<_> = values.iter().map(|value| value.as_ptr()).collect();
        // SAFETY: the array has as many live texts as are said, which the call copies.
        Self(unsafe { duckdb::duckdb_create_enum_type(pointers.as_mut_ptr(), pointers.len() as duckdb::idx_t) })
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
            ParameterType::TextOrList | ParameterType::Unsigned | ParameterType::Moment | ParameterType::Any => {
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
            Type::Timestamp | Type::Epoch { zoned: false, .. } => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP,
            Type::TimestampS => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S,
            Type::TimestampMs => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS,
            Type::TimestampNs => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_NS,
            Type::TimestampTz | Type::Epoch { zoned: true, .. } => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ,
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
            Type::Enum(known) => return Logical::enumeration(known.values()),
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

/// The member of the UNION that BASE64 is to DuckDB ([`super::type_text`]); no document fills another UNION.
const BASE64_MEMBER: &str = "nats_js: base64 text";

/// A logical type as ours. The error names a type that documents do not fill.
pub(super) fn read(ty: &Logical) -> std::result::Result<Type, &'static str> {
    let child = |index| read(&ty.child(index));
    Ok(match ty.id() {
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
        duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UNION if ty.union_member() == BASE64_MEMBER => Type::Base64,
        duckdb::DUCKDB_TYPE_DUCKDB_TYPE_ENUM => Type::Enum(Arc::new(Enumeration::new(ty.enum_values()))),
        duckdb::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR if ty.alias().eq_ignore_ascii_case("JSON") => Type::Json,
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
            let (width, scale) = ty.decimal();
            Type::Decimal { width, scale }
        }
        duckdb::DUCKDB_TYPE_DUCKDB_TYPE_LIST => Type::list(child(0)?),
        duckdb::DUCKDB_TYPE_DUCKDB_TYPE_MAP => Type::map(child(0)?, child(1)?),
        duckdb::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => {
            let field = |index| Ok::<_, &str>(Field { name: ty.member_name(index), ty: child(index)? });
            Type::Struct((0..ty.members()).map(field).collect::<std::result::Result<_, _>>()?)
        }
        duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UNION => return Err(Unread::Union.why()),
        duckdb::DUCKDB_TYPE_DUCKDB_TYPE_ARRAY => return Err(Unread::Array.why()),
        duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BIT => return Err(Unread::Bit.why()),
        duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIME_TZ => return Err(Unread::TimeTz.why()),
        _ => return Err(Unread::Other.why()),
    })
}

impl Logical {
    fn id(&self) -> duckdb::DUCKDB_TYPE {
        // SAFETY: the handle is live.
        unsafe { duckdb::duckdb_get_type_id(self.0) }
    }

    fn alias(&self) -> String {
        // SAFETY: the handle is live; the text is ours to free.
        unsafe { owned(duckdb::duckdb_logical_type_get_alias(self.0)) }
    }

    fn decimal(&self) -> (u8, u8) {
        // SAFETY: the handle is live; of another type than DECIMAL both are 0.
        unsafe { (duckdb::duckdb_decimal_width(self.0), duckdb::duckdb_decimal_scale(self.0)) }
    }

    fn members(&self) -> usize {
        // SAFETY: the handle is live; another type than STRUCT has none.
        unsafe { duckdb::duckdb_struct_type_child_count(self.0) as usize }
    }

    fn member_name(&self, index: usize) -> String {
        // SAFETY: the handle is live; the text is ours to free, and null where there is no such member.
        unsafe { owned(duckdb::duckdb_struct_type_child_name(self.0, index as duckdb::idx_t)) }
    }

    /// The values of an ENUM.
    fn enum_values(&self) -> Vec<String> {
        // SAFETY: the handle is live and an ENUM; each text is ours to free.
        unsafe {
            let count = duckdb::duckdb_enum_dictionary_size(self.0);
            (0..count).map(|at| owned(duckdb::duckdb_enum_dictionary_value(self.0, at.into()))).collect()
        }
    }

    /// The name of a UNION's first member.
    fn union_member(&self) -> String {
        // SAFETY: the handle is live and a UNION; the text is ours to free.
        unsafe { owned(duckdb::duckdb_union_type_member_name(self.0, 0)) }
    }

    fn child(&self, index: usize) -> Self {
        // SAFETY: the handle is live; the child is ours to destroy.
        Self(unsafe {
            match (self.id(), index) {
                (duckdb::DUCKDB_TYPE_DUCKDB_TYPE_LIST, _) => duckdb::duckdb_list_type_child_type(self.0),
                (duckdb::DUCKDB_TYPE_DUCKDB_TYPE_MAP, 0) => duckdb::duckdb_map_type_key_type(self.0),
                (duckdb::DUCKDB_TYPE_DUCKDB_TYPE_MAP, _) => duckdb::duckdb_map_type_value_type(self.0),
                _ => duckdb::duckdb_struct_type_child_type(self.0, index as duckdb::idx_t),
            }
        })
    }
}

/// A text of DuckDB's that is ours to free; empty where there is none.
///
/// # Safety
/// The pointer must be null, or a NUL-terminated text that is ours.
pub(super) unsafe fn owned(text: *mut std::ffi::c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller vouches for the pointer, which is freed once.
    unsafe {
        let copy = CStr::from_ptr(text).to_string_lossy().into_owned();
        duckdb::duckdb_free(text.cast());
        copy
    }
}
