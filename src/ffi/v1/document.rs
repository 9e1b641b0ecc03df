//! Values of a vector as documents, for payloads: the shapes and texts that DuckDB's `to_json` gives them.

use libduckdb_sys as duckdb;

use super::host::has_full_api;
use super::input::FlatVector;
use super::logical::owned;
use super::value::Handle;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::value::Value;

/// The widest DECIMAL that `to_json` writes as a DOUBLE.
const EXACT_WIDTH: u8 = 15;

impl FlatVector<'_> {
    /// A value as a document; an error for a type that has none.
    pub(super) fn document(&self, row: usize) -> Result<Document> {
        if !self.is_valid(row) {
            return Ok(Document::Null);
        }
        // SAFETY: each arm reads the physical type of its logical type; rows of children are those that the parent's
        // entry names.
        unsafe {
            match self.id {
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_SQLNULL => Ok(Document::Null),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN => Ok(Document::Boolean(self.at::<u8>(row) != 0)),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UHUGEINT => Ok(Document::Number(self.at::<u128>(row).to_string())),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT => Ok(Document::Float(self.at::<f32>(row).into())),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE => Ok(Document::Float(self.at(row))),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_DECIMAL => Ok(self.decimal(row)),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR => {
                    let text = String::from_utf8_lossy(self.bytes(row).unwrap_or_default()).into_owned();
                    Ok(if self.is_json() { Document::Json(text) } else { Document::Text(text) })
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BLOB => {
                    Ok(Document::Bytes(self.bytes(row).unwrap_or_default().to_vec()))
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_LIST => {
                    let child = FlatVector::new(duckdb::duckdb_list_vector_get_child(self.raw));
                    self.entry(row).map(|i| child.document(i)).collect::<Result<_>>().map(Document::Array)
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_ARRAY => {
                    let child = FlatVector::new(duckdb::duckdb_array_vector_get_child(self.raw));
                    let size = duckdb::duckdb_array_type_array_size(self.ty.0) as usize;
                    let items = (row * size..(row + 1) * size).map(|i| child.document(i));
                    items.collect::<Result<_>>().map(Document::Array)
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_MAP => {
                    let entries = duckdb::duckdb_list_vector_get_child(self.raw);
                    let keys = FlatVector::new(duckdb::duckdb_struct_vector_get_child(entries, 0));
                    let values = FlatVector::new(duckdb::duckdb_struct_vector_get_child(entries, 1));
                    let entry = |i| Ok((keys.key(i)?, values.document(i)?));
                    self.entry(row).map(entry).collect::<Result<_>>().map(Document::Object)
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => {
                    let member = |i| {
                        let name = owned(duckdb::duckdb_struct_type_child_name(self.ty.0, i));
                        let child = FlatVector::new(duckdb::duckdb_struct_vector_get_child(self.raw, i));
                        Ok((name, child.document(row)?))
                    };
                    let count = duckdb::duckdb_struct_type_child_count(self.ty.0);
                    (0..count).map(member).collect::<Result<_>>().map(Document::Object)
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UNION => {
                    let tags = FlatVector::new(duckdb::duckdb_struct_vector_get_child(self.raw, 0));
                    let tag = duckdb::idx_t::from(tags.at::<u8>(row));
                    let name = owned(duckdb::duckdb_union_type_member_name(self.ty.0, tag));
                    let child = FlatVector::new(duckdb::duckdb_struct_vector_get_child(self.raw, tag + 1));
                    Ok(Document::Object(vec![(name, child.document(row)?)]))
                }
                _ => match self.value(row) {
                    Value::Integer(number) => Ok(Document::Integer(number)),
                    _ => self.text(row).map(Document::Text),
                },
            }
        }
    }

    /// A key of a MAP: its text.
    fn key(&self, row: usize) -> Result<String> {
        match self.document(row)? {
            Document::Boolean(flag) => Ok(flag.to_string()),
            Document::Integer(number) => Ok(number.to_string()),
            Document::Number(text) | Document::Text(text) => Ok(text),
            _ => Err(Error::new("a MAP has keys of a type that is no text and no whole number")
                .advice("cast its keys to VARCHAR, or use to_json(...)")),
        }
    }

    fn is_json(&self) -> bool {
        // SAFETY: the type is live; the alias, if there is one, is ours to free, which `owned` does.
        unsafe {
            let alias = duckdb::duckdb_logical_type_get_alias(self.ty.0);
            !alias.is_null() && owned(alias) == "JSON"
        }
    }

    /// # Safety
    /// The vector must be of DECIMAL and have more than `row` rows.
    unsafe fn decimal(&self, row: usize) -> Document {
        // SAFETY: the caller vouches for the type and the row; the physical type is the one that DuckDB says.
        unsafe {
            let (width, scale) = (duckdb::duckdb_decimal_width(self.ty.0), duckdb::duckdb_decimal_scale(self.ty.0));
            let value = match duckdb::duckdb_decimal_internal_type(self.ty.0) {
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT => self.at::<i16>(row).into(),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER => self.at::<i32>(row).into(),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT => self.at::<i64>(row).into(),
                _ => self.at::<i128>(row),
            };
            let value = duckdb::duckdb_hugeint { lower: value as u64, upper: (value >> 64) as i64 };
            let decimal = duckdb::duckdb_decimal { width, scale, value };
            if width <= EXACT_WIDTH {
                return Document::Float(duckdb::duckdb_decimal_to_double(decimal));
            }
            Document::Number(cast(duckdb::duckdb_create_decimal(decimal)))
        }
    }

    /// The text that DuckDB casts a value to.
    ///
    /// # Safety
    /// The vector must have more than `row` rows, and a valid one there.
    unsafe fn text(&self, row: usize) -> Result<String> {
        // SAFETY: each arm reads the physical type of its logical type and makes a value of it.
        let value = unsafe {
            match self.id {
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_DATE => duckdb::duckdb_create_date(self.at(row)),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIME => duckdb::duckdb_create_time(self.at(row)),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIME_TZ => duckdb::duckdb_create_time_tz_value(self.at(row)),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIME_NS if has_full_api() => {
                    duckdb::duckdb_create_time_ns(self.at(row))
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP => duckdb::duckdb_create_timestamp(self.at(row)),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ => duckdb::duckdb_create_timestamp_tz(self.at(row)),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S => duckdb::duckdb_create_timestamp_s(self.at(row)),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS => duckdb::duckdb_create_timestamp_ms(self.at(row)),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_NS => duckdb::duckdb_create_timestamp_ns(self.at(row)),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL => duckdb::duckdb_create_interval(self.at(row)),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UUID => {
                    // A vector holds a UUID with its highest bit flipped, so that it sorts.
                    let bits = self.at::<u128>(row) ^ (1 << 127);
                    let uuid = duckdb::duckdb_uhugeint { lower: bits as u64, upper: (bits >> 64) as u64 };
                    duckdb::duckdb_create_uuid(uuid)
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_ENUM => {
                    let index = match duckdb::duckdb_enum_internal_type(self.ty.0) {
                        duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT => self.at::<u8>(row).into(),
                        duckdb::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT => self.at::<u16>(row).into(),
                        _ => self.at::<u32>(row).into(),
                    };
                    return Ok(owned(duckdb::duckdb_enum_dictionary_value(self.ty.0, index)));
                }
                _ => {
                    return Err(Error::new("a value is of a type that cannot be written to a payload")
                        .advice("cast it to VARCHAR, or use to_json(...)"));
                }
            }
        };
        // SAFETY: the value was made above and is ours.
        Ok(unsafe { cast(value) })
    }
}

/// The text of a value, which is destroyed.
///
/// # Safety
/// The value must be live and ours.
unsafe fn cast(value: duckdb::duckdb_value) -> String {
    let value = Handle(value);
    // SAFETY: the caller vouches for the value; the text is ours to free.
    unsafe { owned(duckdb::duckdb_get_varchar(value.0)) }
}
