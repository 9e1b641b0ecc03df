//! Scalar functions: one trait, and the callback that DuckDB makes on it.

use std::ffi::{CStr, c_void};
use std::sync::Arc;

use libduckdb_sys as duckdb;

use super::Registrar;
use super::chunk::Vector;
use super::contain::{c_text, contain, drop_box};
use super::host::has_full_api;
use super::logical::Logical;
use super::settings;
use crate::column::{Buffer, Interval, Type};
use crate::document::Document;
use crate::error::{Error, Result};
use crate::value::{ParameterType, Value};

/// One overload of a scalar function: the types of its parameters.
pub type ScalarSignature = &'static [ParameterType];

/// A SQL scalar function.
pub trait ScalarFunction: 'static {
    /// The function's name in SQL.
    const NAME: &'static str;
    /// Whether each row is a call of its own: true for what has an effect or may answer differently each time.
    const VOLATILE: bool;
    /// The overloads.
    const SIGNATURES: &'static [ScalarSignature];

    /// The type of the result.
    fn returns() -> Type;
    /// Answers every row of the input: a buffer of the result's type with as many rows. NULL arguments are passed on.
    fn call(input: &Input<'_>) -> Result<Buffer>;
}

impl Registrar {
    /// Registers a scalar function with all its overloads.
    pub fn scalar<F: ScalarFunction>(&self) -> Result<()> {
        let name = c_text(F::NAME);
        // SAFETY: the handles are ours until the end of the block, every argument outlives its call, and the callback
        // keeps nothing.
        let state = unsafe {
            let mut set = duckdb::duckdb_create_scalar_function_set(name.as_ptr());
            for signature in F::SIGNATURES {
                let mut function = duckdb::duckdb_create_scalar_function();
                duckdb::duckdb_scalar_function_set_name(function, name.as_ptr());
                for parameter in *signature {
                    duckdb::duckdb_scalar_function_add_parameter(function, Logical::from(*parameter).0);
                }
                duckdb::duckdb_scalar_function_set_return_type(function, Logical::from(&F::returns()).0);
                duckdb::duckdb_scalar_function_set_function(function, Some(call::<F>));
                duckdb::duckdb_scalar_function_set_special_handling(function);
                if has_full_api() {
                    duckdb::duckdb_scalar_function_set_bind(function, Some(bind));
                }
                if F::VOLATILE {
                    duckdb::duckdb_scalar_function_set_volatile(function);
                }
                duckdb::duckdb_add_scalar_function_to_set(set, function);
                duckdb::duckdb_destroy_scalar_function(&raw mut function);
            }
            let state = duckdb::duckdb_register_scalar_function_set(self.connection, set);
            duckdb::duckdb_destroy_scalar_function_set(&raw mut set);
            state
        };
        if state == duckdb::DuckDBSuccess {
            Ok(())
        } else {
            Err(Error::new(format!("cannot register the scalar function {}", F::NAME)))
        }
    }
}

/// The settings of the session that binds a call; shared by the copies of its plan.
type BindData = Arc<Vec<(&'static str, Value)>>;

/// # Safety
/// Called by DuckDB with a live bind info.
unsafe extern "C" fn bind(info: duckdb::duckdb_bind_info) {
    let outcome = contain("nats_js", || {
        // SAFETY: DuckDB vouches for `info`.
        Ok(BindData::new(unsafe { settings::of_scalar_function(info) }))
    });
    // SAFETY: as above; the box is freed by `drop_box` and copied by `copy_bind_data` of the same type.
    unsafe {
        match outcome {
            Ok(data) => {
                let data: *mut c_void = Box::into_raw(Box::new(data)).cast();
                duckdb::duckdb_scalar_function_set_bind_data(info, data, Some(drop_box::<BindData>));
                duckdb::duckdb_scalar_function_set_bind_data_copy(info, Some(copy_bind_data));
            }
            Err(message) => duckdb::duckdb_scalar_function_bind_set_error(info, message.as_ptr()),
        }
    }
}

/// # Safety
/// Called by DuckDB with the bind data that [`bind`] stored.
unsafe extern "C" fn copy_bind_data(data: *mut c_void) -> *mut c_void {
    // SAFETY: the caller vouches for the pointer; cloning an `Arc` does not panic.
    let data = unsafe { &*data.cast::<BindData>() };
    Box::into_raw(Box::new(Arc::clone(data))).cast()
}

/// # Safety
/// `info` must be a live function info of a function whose bind is [`bind`], on a host that has it.
unsafe fn bound_settings<'a>(info: duckdb::duckdb_function_info) -> &'a [(&'static str, Value)] {
    if !has_full_api() {
        return &[];
    }
    // SAFETY: the bind data, if any, is what `bind` stored and outlives the call.
    unsafe {
        let data = duckdb::duckdb_scalar_function_get_bind_data(info).cast::<BindData>();
        data.as_ref().map_or(&[], |settings| settings.as_slice())
    }
}

/// # Safety
/// Called by DuckDB with a live, flat input chunk and an output vector of the declared type.
unsafe extern "C" fn call<F: ScalarFunction>(
    info: duckdb::duckdb_function_info,
    input: duckdb::duckdb_data_chunk,
    output: duckdb::duckdb_vector,
) {
    let outcome = contain(F::NAME, || {
        // SAFETY: DuckDB vouches for the chunk and the info, which live through this call.
        let input = unsafe { Input::new(input, bound_settings(info)) };
        let result = F::call(&input)?;
        if result.len() != input.len() {
            return Err(Error::new("internal error: the answer has another number of rows than the question"));
        }
        // SAFETY: the output vector has room for the input's rows.
        unsafe { Vector::new(output) }.write_buffer(&result, 0..result.len());
        Ok(())
    });
    if let Err(message) = outcome {
        let message: &CStr = &message;
        // SAFETY: DuckDB vouches for `info`; the call copies the message.
        unsafe { duckdb::duckdb_scalar_function_set_error(info, message.as_ptr()) };
    }
}

/// The arguments of one call, row by row.
pub struct Input<'a> {
    columns: Vec<Source<'a>>,
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
            let column = |i| Source::new(duckdb::duckdb_data_chunk_get_vector(chunk, i));
            Self {
                columns: (0..count).map(column).collect(),
                rows: duckdb::duckdb_data_chunk_get_size(chunk) as usize,
                settings,
            }
        }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The settings of the session that are set, by their names.
    pub fn settings(&self) -> &[(&'static str, Value)] {
        self.settings
    }

    /// The number of arguments.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// The bytes of a VARCHAR or BLOB argument; None for NULL and for an argument of another type.
    pub fn bytes(&self, column: usize, row: usize) -> Option<&[u8]> {
        self.columns.get(column).filter(|_| row < self.rows)?.bytes(row)
    }

    /// Whether a column is VARCHAR or BLOB.
    pub fn is_bytes(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(Source::is_bytes)
    }

    /// Any argument as a document for a payload; null when there is no such argument.
    pub fn document(&self, column: usize, row: usize) -> Result<Document> {
        self.columns.get(column).filter(|_| row < self.rows).map_or(Ok(Document::Null), |source| source.document(row))
    }

    /// Any argument as a value; NULL when there is no such argument.
    pub fn value(&self, column: usize, row: usize) -> Value {
        match self.columns.get(column) {
            Some(source) if row < self.rows => source.value(row),
            _ => Value::Null,
        }
    }
}

/// One flat vector that is being read.
pub(super) struct Source<'a> {
    pub(super) raw: duckdb::duckdb_vector,
    pub(super) ty: Logical,
    pub(super) id: duckdb::DUCKDB_TYPE,
    data: *const u8,
    validity: *mut u64,
    chunk: std::marker::PhantomData<&'a ()>,
}

impl Source<'_> {
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
                    let child = Source::new(duckdb::duckdb_list_vector_get_child(self.raw));
                    Value::List(self.entry(row).map(|i| child.value(i)).collect())
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_MAP => {
                    let entries = duckdb::duckdb_list_vector_get_child(self.raw);
                    let keys = Source::new(duckdb::duckdb_struct_vector_get_child(entries, 0));
                    let values = Source::new(duckdb::duckdb_struct_vector_get_child(entries, 1));
                    Value::Map(self.entry(row).map(|i| (keys.value(i), values.value(i))).collect())
                }
                duckdb::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => {
                    let member = |i| {
                        let name = duckdb::duckdb_struct_type_child_name(self.ty.0, i);
                        let text = CStr::from_ptr(name).to_string_lossy().into_owned();
                        duckdb::duckdb_free(name.cast());
                        (text, Source::new(duckdb::duckdb_struct_vector_get_child(self.raw, i)).value(row))
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
