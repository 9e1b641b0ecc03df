//! Table functions: the three callbacks that DuckDB makes on one.

use std::ffi::CStr;
use std::sync::{Arc, Mutex};

use libduckdb_sys as duckdb;

use super::host::has_full_api;
use super::logical::Logical;
use super::value::Handle;
use super::{Registrar, emit, logical, settings, unwinding};
use crate::column::{Chunk, Column};
use crate::error::{Error, Kind, Result};
use crate::ffi::contain::{c_text, contain, drop_box};
use crate::ffi::port::TableFunction;
use crate::value::Arguments;

const USE_INSERT: &str = "name the other columns in COPY table (...), or use INSERT INTO ... SELECT and a cast";

struct BindData<T: TableFunction> {
    plan: T::Plan,
    columns: Arc<[Column]>,
}

/// One run, shared by the threads that DuckDB gives it.
struct InitData<T: TableFunction> {
    reader: Mutex<T::Reader>,
    decoder: T::Decoder,
    columns: Arc<[Column]>,
    /// The column of each vector of the chunk; None for a vector without one.
    projection: Vec<Option<usize>>,
    /// The number of rows that a chunk holds.
    capacity: usize,
}

impl<T: TableFunction> InitData<T> {
    fn read(&self) -> Result<Option<T::Page>> {
        let mut reader =
            self.reader.lock().map_err(|_| Error::of(Kind::Internal, "an earlier internal error ended this query"))?;
        T::read(&mut reader, self.capacity)
    }

    fn decode<'p>(&'p self, page: &'p T::Page) -> Result<Chunk<'p>> {
        let chunk = T::decode(&self.decoder, page)?;
        let fits = chunk.check(&self.columns, &self.projection, self.capacity);
        fits.map_err(|what| Error::of(Kind::Internal, format!("internal error: {what}")).advice("please report it"))?;
        Ok(chunk)
    }
}

/// Marks the run as failed when it is dropped before the call has succeeded, also by an exception of DuckDB that passes.
struct FailureGuard<'a, T: TableFunction>(Option<&'a InitData<T>>);

impl<T: TableFunction> Drop for FailureGuard<'_, T> {
    fn drop(&mut self) {
        if let Some(data) = self.0 {
            let _ = contain(T::NAME, || {
                if let Ok(mut reader) = data.reader.lock() {
                    T::fail(&mut reader);
                }
                Ok(())
            });
        }
    }
}

/// Registers a table function.
pub(super) fn register<T: TableFunction>(registrar: &Registrar) -> duckdb::duckdb_state {
    let function = Described::of::<T>();
    // SAFETY: the connection is live during registration, and the call copies the function.
    unsafe { duckdb::duckdb_register_table_function(registrar.connection, function.0) }
}

/// An owned description of a table function.
pub(super) struct Described(pub(super) duckdb::duckdb_table_function);

impl Drop for Described {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and is destroyed once.
        unsafe { duckdb::duckdb_destroy_table_function(&raw mut self.0) };
    }
}

impl Described {
    pub(super) fn of<T: TableFunction>() -> Self {
        let name = c_text(T::NAME);
        // SAFETY: the function handle is live, every argument outlives its call, and the callbacks match the types that
        // `init` and `bind` store.
        unsafe {
            let function = duckdb::duckdb_create_table_function();
            duckdb::duckdb_table_function_set_name(function, name.as_ptr());
            for parameter in T::parameters() {
                duckdb::duckdb_table_function_add_parameter(function, Logical::from(parameter.ty).0);
            }
            for parameter in T::named() {
                let name = c_text(parameter.name);
                let ty = Logical::from(parameter.ty);
                duckdb::duckdb_table_function_add_named_parameter(function, name.as_ptr(), ty.0);
            }
            duckdb::duckdb_table_function_set_bind(function, Some(bind::<T>));
            duckdb::duckdb_table_function_set_init(function, Some(init::<T>));
            duckdb::duckdb_table_function_set_function(function, Some(unwinding::table(next::<T>)));
            duckdb::duckdb_table_function_supports_projection_pushdown(function, true);
            Self(function)
        }
    }
}

/// # Safety
/// Called by DuckDB with a live bind info.
unsafe extern "C" fn bind<T: TableFunction>(info: duckdb::duckdb_bind_info) {
    let outcome = contain(T::NAME, || {
        // SAFETY: DuckDB vouches for `info`.
        let arguments = unsafe { arguments::<T>(info)? };
        let bound = T::bind(&arguments)?;
        if !arguments.target.is_empty() && arguments.target != bound.columns {
            return Err(
                Error::of(Kind::Internal, "internal error: rows do not fit the table").advice("please report it")
            );
        }
        // The columns of a COPY are there already.
        if let Some(rows) = bound.estimated_rows {
            // SAFETY: DuckDB vouches for `info`.
            unsafe { duckdb::duckdb_bind_set_cardinality(info, rows, false) };
        }
        for column in bound.columns.iter().filter(|_| arguments.target.is_empty()) {
            let name = c_text(&column.name);
            let ty = Logical::from(&column.ty);
            // SAFETY: as above; name and type outlive the call, which copies them.
            unsafe { duckdb::duckdb_bind_add_result_column(info, name.as_ptr(), ty.0) };
        }
        Ok(BindData::<T> { plan: bound.plan, columns: bound.columns.into() })
    });
    // SAFETY: as above; the box is freed by `drop_box` of the same type.
    unsafe {
        match outcome {
            Ok(data) => duckdb::duckdb_bind_set_bind_data(
                info,
                Box::into_raw(Box::new(data)).cast(),
                Some(drop_box::<BindData<T>>),
            ),
            Err(message) => duckdb::duckdb_bind_set_error(info, message.as_ptr()),
        }
    }
}

/// # Safety
/// `info` must be a live bind info of the function `T`.
unsafe fn arguments<T: TableFunction>(info: duckdb::duckdb_bind_info) -> Result<Arguments> {
    let mut arguments = Arguments::default();
    // SAFETY: the caller vouches for `info`; indices stay below the count that it gives.
    unsafe {
        let count = duckdb::duckdb_bind_get_parameter_count(info);
        for (index, parameter) in (0..count).zip(T::parameters()) {
            let value = Handle(duckdb::duckdb_bind_get_parameter(info, index)).read();
            arguments.positional.push((parameter.name, value));
        }
        for parameter in T::named() {
            let raw = duckdb::duckdb_bind_get_named_parameter(info, c_text(parameter.name).as_ptr());
            if !raw.is_null() {
                arguments.named.push((parameter.name, Handle(raw).read()));
            }
        }
        arguments.settings = settings::of_table_function(info);
        arguments.target = target(info)?;
    }
    Ok(arguments)
}

/// The columns that a `COPY ... FROM` fills; none in any other statement.
///
/// # Safety
/// `info` must be a live bind info to which no column was added.
unsafe fn target(info: duckdb::duckdb_bind_info) -> Result<Vec<Column>> {
    if !has_full_api() {
        return Ok(Vec::new());
    }
    let column = |index| {
        // SAFETY: the caller vouches for `info` and the index is below the count that it gives; the name lives through
        // this call, the type is ours to destroy.
        let (name, logical) = unsafe {
            let name = duckdb::duckdb_table_function_bind_get_result_column_name(info, index);
            let logical = Logical(duckdb::duckdb_table_function_bind_get_result_column_type(info, index));
            (CStr::from_ptr(name).to_string_lossy().into_owned(), logical)
        };
        let ty = logical::read(&logical);
        let ty = ty.map_err(|why| Error::new(format!("column '{name}': {why}")).advice(USE_INSERT))?;
        Ok(Column { name, ty })
    };
    // SAFETY: the caller vouches for `info`.
    let count = unsafe { duckdb::duckdb_table_function_bind_get_result_column_count(info) };
    (0..count).map(column).collect()
}

/// # Safety
/// Called by DuckDB with a live init info, after `bind` of the same `T` succeeded.
unsafe extern "C" fn init<T: TableFunction>(info: duckdb::duckdb_init_info) {
    let outcome = contain(T::NAME, || {
        // SAFETY: the bind data is what `bind::<T>` stored, is read-only, and outlives the statement.
        let bound = unsafe { &*duckdb::duckdb_init_get_bind_data(info).cast::<BindData<T>>() };
        // SAFETY: DuckDB vouches for `info`; indices stay below the count.
        let projection: Vec<Option<usize>> = unsafe {
            let count = duckdb::duckdb_init_get_column_count(info);
            let column = |i| usize::try_from(duckdb::duckdb_init_get_column_index(info, i)).ok();
            (0..count).map(|i| column(i).filter(|c| *c < bound.columns.len())).collect()
        };
        let wanted: Vec<usize> = projection.iter().flatten().copied().collect();
        let (reader, decoder) = T::open(&bound.plan, &wanted)?;
        let threads = T::threads(&reader);
        // SAFETY: takes no argument.
        let capacity = unsafe { duckdb::duckdb_vector_size() } as usize;
        let columns = Arc::clone(&bound.columns);
        Ok((InitData::<T> { reader: Mutex::new(reader), decoder, columns, projection, capacity }, threads))
    });
    // SAFETY: as above; the box is freed by `drop_box` of the same type.
    unsafe {
        match outcome {
            Ok((data, threads)) => {
                duckdb::duckdb_init_set_max_threads(info, threads as duckdb::idx_t);
                let data = Box::into_raw(Box::new(data)).cast();
                duckdb::duckdb_init_set_init_data(info, data, Some(drop_box::<InitData<T>>));
            }
            Err(message) => duckdb::duckdb_init_set_error(info, message.as_ptr()),
        }
    }
}

/// # Safety
/// Called by DuckDB with a live function info and chunk, after `init` of the same `T` succeeded.
unsafe extern "C-unwind" fn next<T: TableFunction>(
    info: duckdb::duckdb_function_info,
    output: duckdb::duckdb_data_chunk,
) {
    // SAFETY: the init data is what `init::<T>` stored and outlives the run.
    let data = unsafe { &*duckdb::duckdb_function_get_init_data(info).cast::<InitData<T>>() };
    let mut guard = FailureGuard(Some(data));
    let message = loop {
        let page = match contain(T::NAME, || data.read()) {
            Ok(Some(page)) => page,
            Ok(None) => {
                guard.0 = None;
                // SAFETY: the chunk is DuckDB's and lives through this call.
                return unsafe { duckdb::duckdb_data_chunk_set_size(output, 0) };
            }
            Err(message) => break message,
        };
        let chunk = match contain(T::NAME, || data.decode(&page)) {
            // A chunk without rows would end the statement, so a page of which all rows are left out is passed over.
            Ok(chunk) if chunk.is_empty() => continue,
            Ok(chunk) => chunk,
            Err(message) => break message,
        };
        // SAFETY: the chunk is DuckDB's and lives through this call, its vectors stand for `projection`, and ours has
        // been checked. DuckDB may throw: nothing here contains that, and the drops of this frame are all there is.
        unsafe { emit::chunk(output, &chunk, &data.projection) };
        guard.0 = None;
        return;
    };
    // SAFETY: DuckDB vouches for `info`; the call copies the message.
    unsafe { duckdb::duckdb_function_set_error(info, message.as_ptr()) };
}
