//! Reading rows that DuckDB hands over: the arguments of a scalar function, the rows of a `COPY ... TO`.

use std::ffi::CStr;

use libduckdb_sys as duckdb;

use super::host;
use super::logical::Logical;
use crate::column::Interval;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::ffi::port;
use crate::value::Value;

/// A flat chunk that is being read, row by row.
pub(super) struct Input<'a> {
    columns: Vec<FlatVector<'a>>,
    rows: usize,
    settings: &'a [(&'static str, Value)],
}

impl<'a> Input<'a> {
    /// # Safety
    /// `chunk` must be a live flat chunk that outlives the input.
    pub(super) unsafe fn new(chunk: duckdb::duckdb_data_chunk, settings: &'a [(&'static str, Value)]) -> Self {
        // SAFETY: the caller vouches for the chunk; indices stay below its column count.
        unsafe {
            let count = duckdb::duckdb_data_chunk_get_column_count(chunk);
            let column = |i| FlatVector::new(duckdb::duckdb_data_chunk_get_vector(chunk, i));
            Self {
                columns: (0..count).map(column).collect(),
                rows: duckdb::duckdb_data_chunk_get_size(chunk) as usize,
                settings,
            }
        }
    }

    fn column(&self, column: usize, row: usize) -> Option<&FlatVector<'a>> {
        self.columns.get(column).filter(|_| row < self.rows)
    }
}

impl port::Input for Input<'_> {
    fn len(&self) -> usize {
        self.rows
    }

    fn settings(&self) -> &[(&'static str, Value)] {
        self.settings
    }

    fn width(&self) -> usize {
        self.columns.len()
    }

    fn bytes(&self, column: usize, row: usize) -> Option<&[u8]> {
        self.column(column, row)?.bytes(row)
    }

    fn is_bytes(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(FlatVector::is_bytes)
    }

    fn document(&self, column: usize, row: usize) -> Result<Document> {
        let source = self.column(column, row);
        source.map_or(Ok(Document::Null), |source| source.rows_of_members()?.document(row))
    }

    fn value(&self, column: usize, row: usize) -> Result<Value> {
        let source = self.column(column, row);
        source.map_or(Ok(Value::Null), |source| Ok(source.rows_of_members()?.value(row)))
    }

    fn option(&self, column: usize, row: usize) -> Value {
        let source = self.column(column, row);
        // Row 0 is there, whatever the members' vectors are.
        source.map_or(Value::Null, |source| source.value(if source.has_rows_of_members() { row } else { 0 }))
    }
}

/// One flat vector that is being read.
pub(super) struct FlatVector<'a> {
    pub(super) raw: duckdb::duckdb_vector,
    pub(super) ty: Logical,
    pub(super) id: duckdb::DUCKDB_TYPE,
    data: *const u8,
    validity: *mut u64,
    chunk: std::marker::PhantomData<&'a ()>,
}

impl FlatVector<'_> {
    /// # Safety
    /// `raw` must be a live flat vector that outlives the source.
    pub(super) unsafe fn new(raw: duckdb::duckdb_vector) -> Self {
        // SAFETY: the caller vouches for the vector; the type is ours to destroy.
        unsafe {
            let ty = Logical(duckdb::duckdb_vector_get_column_type(raw));
            let id = duckdb::duckdb_get_type_id(ty.0);
            Self {
                raw,
                id,
                ty,
                data: duckdb::duckdb_vector_get_data(raw).cast(),
                validity: duckdb::duckdb_vector_get_validity(raw),
                chunk: std::marker::PhantomData,
            }
        }
    }

    /// Whether the members of a STRUCT have a value a row. DuckDB 1.2 flattens a STRUCT that it hands over, and not its
    /// members, which may hold one value for all rows, and the C API does not say so.
    fn has_rows_of_members(&self) -> bool {
        self.id != duckdb::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT || host::flattens_members()
    }

    fn rows_of_members(&self) -> Result<&Self> {
        if self.has_rows_of_members() {
            return Ok(self);
        }
        Err(Error::new("DuckDB 1.2 does not hand over the members of a STRUCT")
            .advice("use a MAP: MAP {'name': value}, or to_json(...) for a payload"))
    }

    pub(super) fn is_valid(&self, row: usize) -> bool {
        // SAFETY: a mask that exists has a bit for every row.
        self.validity.is_null() || unsafe { duckdb::duckdb_validity_row_is_valid(self.validity, row as duckdb::idx_t) }
    }

    fn is_bytes(&self) -> bool {
        matches!(self.id, duckdb::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR | duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BLOB)
    }

    pub(super) fn bytes(&self, row: usize) -> Option<&[u8]> {
        if !self.is_bytes() || !self.is_valid(row) {
            return None;
        }
        // SAFETY: the vector holds strings; a short one lies in the vector itself, a long one where it points, and both
        // live as long as the chunk.
        unsafe {
            let string = &*self.data.cast::<duckdb::duckdb_string_t>().add(row);
            let length = string.value.inlined.length as usize;
            let start = if length <= 12 {
                string.value.inlined.inlined.as_ptr().cast::<u8>()
            } else {
                string.value.pointer.ptr.cast::<u8>()
            };
            Some(std::slice::from_raw_parts(start, length))
        }
    }

    /// # Safety
    /// The vector must hold values of type `T` and have more than `row` of them.
    pub(super) unsafe fn at<T: Copy>(&self, row: usize) -> T {
        // SAFETY: the caller vouches for type and row.
        unsafe { self.data.cast::<T>().add(row).read_unaligned() }
    }

    pub(super) fn value(&self, row: usize) -> Value {
        if !self.is_valid(row) {
            return Value::Null;
        }
        // SAFETY: each arm reads the physical type of its logical type; rows of children are those that the parent's
        // entry names.
        unsafe {
            match self.id {
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_SQLNULL => Value::Null,
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN => Value::Boolean(self.at::<u8>(row) != 0),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TINYINT => Value::Integer(self.at::<i8>(row).into()),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT => Value::Integer(self.at::<i16>(row).into()),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER => Value::Integer(self.at::<i32>(row).into()),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT => Value::Integer(self.at::<i64>(row).into()),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT => Value::Integer(self.at::<u8>(row).into()),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT => Value::Integer(self.at::<u16>(row).into()),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER => Value::Integer(self.at::<u32>(row).into()),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT => Value::Integer(self.at::<u64>(row).into()),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT => Value::Integer(self.at::<i128>(row)),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT => Value::Float(self.at::<f32>(row).into()),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE => Value::Float(self.at::<f64>(row)),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR => self
                    .bytes(row)
                    .map_or(Value::Null, |bytes| Value::Text(String::from_utf8_lossy(bytes).into_owned())),
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BLOB => {
                    self.bytes(row).map_or(Value::Null, |bytes| Value::Blob(bytes.to_vec()))
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP => Value::Timestamp { micros: self.at(row), zoned: false },
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ => Value::Timestamp { micros: self.at(row), zoned: true },
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL => {
                    let interval = self.at::<duckdb::duckdb_interval>(row);
                    Value::Interval(Interval { months: interval.months, days: interval.days, micros: interval.micros })
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_LIST => {
                    let child = FlatVector::new(duckdb::duckdb_list_vector_get_child(self.raw));
                    Value::List(self.entry(row).map(|i| child.value(i)).collect())
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_MAP => {
                    let entries = duckdb::duckdb_list_vector_get_child(self.raw);
                    let keys = FlatVector::new(duckdb::duckdb_struct_vector_get_child(entries, 0));
                    let values = FlatVector::new(duckdb::duckdb_struct_vector_get_child(entries, 1));
                    Value::Map(self.entry(row).map(|i| (keys.value(i), values.value(i))).collect())
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => {
                    let member = |i| {
                        let name = duckdb::duckdb_struct_type_child_name(self.ty.0, i);
                        let text = CStr::from_ptr(name).to_string_lossy().into_owned();
                        duckdb::duckdb_free(name.cast());
                        (text, FlatVector::new(duckdb::duckdb_struct_vector_get_child(self.raw, i)).value(row))
                    };
                    Value::Struct((0..duckdb::duckdb_struct_type_child_count(self.ty.0)).map(member).collect())
                }
                _ => Value::Other("a type that is not supported here"),
            }
        }
    }

    /// The rows of the child that belong to one list.
    ///
    /// # Safety
    /// The vector must be a LIST or MAP with more than `row` rows.
    pub(super) unsafe fn entry(&self, row: usize) -> std::ops::Range<usize> {
        // SAFETY: the caller vouches for type and row.
        let entry = unsafe { self.at::<duckdb::duckdb_list_entry>(row) };
        entry.offset as usize..(entry.offset + entry.length) as usize
    }
}
