//! DuckDB's values as our [`Value`].

use std::ffi::CStr;

use libduckdb_sys as duckdb;

use super::logical::{Logical, owned};
use crate::column::Interval;
use crate::ffi::contain::c_text;
use crate::value::Value;

/// An owned DuckDB value.
pub(super) struct Handle(pub(super) duckdb::duckdb_value);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and is destroyed once.
        unsafe { duckdb::duckdb_destroy_value(&raw mut self.0) };
    }
}

impl Handle {
    /// Reads the value, children included.
    pub(super) fn read(&self) -> Value {
        let raw = self.0;
        // SAFETY: every getter below is called with a live value of the type that it reads; NULL is excluded first,
        // because a getter answers NULL with a default. The type belongs to the value and is not destroyed.
        unsafe {
            if raw.is_null() || duckdb::duckdb_is_null_value(raw) {
                return Value::Null;
            }
            let ty = duckdb::duckdb_get_value_type(raw);
            match duckdb::duckdb_get_type_id(ty) {
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_SQLNULL => Value::Null,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN => Value::Boolean(duckdb::duckdb_get_bool(raw)),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TINYINT
                | duckdb::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT
                | duckdb::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER
                | duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT => Value::Integer(duckdb::duckdb_get_int64(raw).into()),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT
                | duckdb::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT
                | duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER
                | duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT => Value::Integer(duckdb::duckdb_get_uint64(raw).into()),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT => Value::Integer(hugeint(duckdb::duckdb_get_hugeint(raw))),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT => Value::Float(duckdb::duckdb_get_float(raw).into()),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE => Value::Float(duckdb::duckdb_get_double(raw)),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_DECIMAL => {
                    let decimal = duckdb::duckdb_get_decimal(raw);
                    Value::Decimal { unscaled: hugeint(decimal.value), scale: decimal.scale }
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR | duckdb::DUCKDB_TYPE_DUCKDB_TYPE_ENUM => self.text(),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BLOB => self.blob(),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_DATE => {
                    utc(i64::from(duckdb::duckdb_get_date(raw).days).saturating_mul(86_400_000_000))
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP => utc(duckdb::duckdb_get_timestamp(raw).micros),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S => {
                    utc(duckdb::duckdb_get_timestamp_s(raw).seconds.saturating_mul(1_000_000))
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS => {
                    utc(duckdb::duckdb_get_timestamp_ms(raw).millis.saturating_mul(1_000))
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_NS => {
                    utc(duckdb::duckdb_get_timestamp_ns(raw).nanos.div_euclid(1_000))
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ => {
                    Value::Timestamp { micros: duckdb::duckdb_get_timestamp_tz(raw).micros, zoned: true }
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL => {
                    let interval = duckdb::duckdb_get_interval(raw);
                    Value::Interval(Interval { months: interval.months, days: interval.days, micros: interval.micros })
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_LIST => {
                    let size = duckdb::duckdb_get_list_size(raw);
                    Value::List((0..size).map(|i| Handle(duckdb::duckdb_get_list_child(raw, i)).read()).collect())
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_MAP => {
                    let entry = |i| {
                        let key = Handle(duckdb::duckdb_get_map_key(raw, i)).read();
                        (key, Handle(duckdb::duckdb_get_map_value(raw, i)).read())
                    };
                    Value::Map((0..duckdb::duckdb_get_map_size(raw)).map(entry).collect())
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => {
                    let member = |i| {
                        let name = duckdb::duckdb_struct_type_child_name(ty, i);
                        let text = CStr::from_ptr(name).to_string_lossy().into_owned();
                        duckdb::duckdb_free(name.cast());
                        (text, Handle(duckdb::duckdb_get_struct_child(raw, i)).read())
                    };
                    Value::Struct((0..duckdb::duckdb_struct_type_child_count(ty)).map(member).collect())
                }
                _ => Value::Other("a type that is not supported here"),
            }
        }
    }

    /// The text; [`Value::Other`] when it has a NUL, at which the C API ends a text without a sign that more follows.
    fn text(&self) -> Value {
        // SAFETY: the value is live; the text is ours to free, null where there is none.
        let text = unsafe { duckdb::duckdb_get_varchar(self.0) };
        if text.is_null() {
            return Value::Null;
        }
        // SAFETY: the text is ours.
        let text = unsafe { owned(text) };
        if self.is_cut() { Value::Other("a text with a NUL character") } else { Value::Text(text) }
    }

    /// Whether a NUL cuts the text: DuckDB prints a list of the text and of a text behind it, whose end is then missing.
    fn is_cut(&self) -> bool {
        const BEHIND: &str = "nats_js: the end";
        let behind = c_text(BEHIND);
        let varchar = Logical::plain(duckdb::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR);
        // SAFETY: the values and the type are live through the calls, which copy them; list, value and text are ours.
        let printed = unsafe {
            let behind = Handle(duckdb::duckdb_create_varchar(behind.as_ptr()));
            let mut members = [self.0, behind.0];
            let count = members.len() as duckdb::idx_t;
            let list = Handle(duckdb::duckdb_create_list_value(varchar.0, members.as_mut_ptr(), count));
            owned(duckdb::duckdb_get_varchar(list.0))
        };
        !printed.trim_end_matches([']', '\'']).ends_with(BEHIND)
    }

    fn blob(&self) -> Value {
        // SAFETY: the value is a live BLOB; its copy has `size` bytes and is ours to free.
        unsafe {
            let blob = duckdb::duckdb_get_blob(self.0);
            let bytes = if blob.data.is_null() {
                Vec::new()
            } else {
                std::slice::from_raw_parts(blob.data.cast::<u8>(), blob.size as usize).to_vec()
            };
            duckdb::duckdb_free(blob.data.cast());
            Value::Blob(bytes)
        }
    }
}

fn utc(micros: i64) -> Value {
    Value::Timestamp { micros, zoned: false }
}

fn hugeint(value: duckdb::duckdb_hugeint) -> i128 {
    (i128::from(value.upper) << 64) | i128::from(value.lower)
}
