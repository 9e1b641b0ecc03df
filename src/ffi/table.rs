//! Table functions: one trait, and the three callbacks that DuckDB makes on it.

use std::ffi::CStr;
use std::sync::Mutex;

use libduckdb_sys as duckdb;

use super::Registrar;
use super::chunk::Chunk;
use super::contain::{c_text, contain, drop_box};
use super::host::has_full_api;
use super::logical::Logical;
use super::settings;
use super::value::Handle;
use crate::column::Column;
use crate::error::{Error, Result};
use crate::value::{Arguments, Parameter};

/// What `bind` answers: the columns of the result and what the run needs to know.
pub struct Bound<B> {
    /// The result's columns, in order; in a `COPY ... FROM`, those of [`Arguments::target`].
    pub columns: Vec<Column>,
    /// Read-only from here on, shared by all runs of the statement.
    pub plan: B,
}

/// A SQL table function.
///
/// `bind` reads arguments and says the columns; it must not touch the network, because PREPARE, DESCRIBE and EXPLAIN
/// stop there. `open` starts a run, once per execution. `next` fills chunks until it leaves one empty.
pub trait TableFunction: 'static {
    /// The function's name in SQL.
    const NAME: &'static str;
    /// What bind hands to every run.
    type Plan: Send + Sync + 'static;
    /// The state of one run.
    type Run: Send + 'static;

    /// The positional parameters.
    fn parameters() -> Vec<Parameter>;
    /// The named parameters.
    fn named() -> Vec<Parameter>;
    /// Arguments become columns and a plan. No network.
    fn bind(arguments: &Arguments) -> Result<Bound<Self::Plan>>;
    /// Starts a run that will be asked for the columns at these positions of [`Bound::columns`] only.
    fn open(plan: &Self::Plan, projection: &[usize]) -> Result<Self::Run>;
    /// Writes the next rows and sets the chunk's length; a length of 0 ends the run.
    fn next(run: &mut Self::Run, chunk: &mut Chunk<'_>) -> Result<()>;
}

const USE_INSERT: &str = "name the other columns in COPY table (...), or use INSERT INTO ... SELECT and a cast";

struct BindData<T: TableFunction> {
    plan: T::Plan,
    column_count: usize,
}

struct InitData<T: TableFunction> {
    run: Mutex<T::Run>,
    /// For each vector of the chunk, the column that it stands for; None for one that stands for no column.
    projection: Vec<Option<usize>>,
}

impl Registrar {
    /// Registers a table function.
    pub fn table<T: TableFunction>(&self) -> Result<()> {
        let function = Described::of::<T>();
        // SAFETY: the connection is live during registration, and the call copies the function.
        let state = unsafe { duckdb::duckdb_register_table_function(self.connection, function.0) };
        if state == duckdb::DuckDBSuccess {
            Ok(())
        } else {
            Err(Error::new(format!("cannot register the table function {}", T::NAME)))
        }
    }
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
            duckdb::duckdb_table_function_set_function(function, Some(next::<T>));
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
            return Err(Error::new("internal error: rows do not fit the table").advice("please report it"));
        }
        // The columns of a COPY are there already.
        for column in bound.columns.iter().filter(|_| arguments.target.is_empty()) {
            let name = c_text(&column.name);
            let ty = Logical::from(&column.ty);
            // SAFETY: as above; name and type outlive the call, which copies them.
            unsafe { duckdb::duckdb_bind_add_result_column(info, name.as_ptr(), ty.0) };
        }
        Ok(BindData::<T> { plan: bound.plan, column_count: bound.columns.len() })
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
        let ty = logical.read(&|_| Err("no payload fills an ENUM".into()));
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
            (0..count).map(|i| column(i).filter(|c| *c < bound.column_count)).collect()
        };
        let wanted: Vec<usize> = projection.iter().flatten().copied().collect();
        let run = T::open(&bound.plan, &wanted)?;
        Ok(InitData::<T> { run: Mutex::new(run), projection })
    });
    // SAFETY: as above. One thread: rows leave in sequence order.
    unsafe {
        duckdb::duckdb_init_set_max_threads(info, 1);
        match outcome {
            Ok(data) => duckdb::duckdb_init_set_init_data(
                info,
                Box::into_raw(Box::new(data)).cast(),
                Some(drop_box::<InitData<T>>),
            ),
            Err(message) => duckdb::duckdb_init_set_error(info, message.as_ptr()),
        }
    }
}

/// # Safety
/// Called by DuckDB with a live function info and chunk, after `init` of the same `T` succeeded.
unsafe extern "C" fn next<T: TableFunction>(info: duckdb::duckdb_function_info, output: duckdb::duckdb_data_chunk) {
    let outcome = contain(T::NAME, || {
        // SAFETY: the init data is what `init::<T>` stored and outlives the run.
        let data = unsafe { &*duckdb::duckdb_function_get_init_data(info).cast::<InitData<T>>() };
        let mut run = data.run.lock().map_err(|_| Error::new("an earlier internal error ended this query"))?;
        // SAFETY: the chunk is DuckDB's and lives through this call; its vectors stand for `projection`.
        let mut chunk = unsafe { Chunk::new(output, &data.projection) };
        T::next(&mut run, &mut chunk)
    });
    if let Err(message) = outcome {
        let message: &CStr = &message;
        // SAFETY: as above; the call copies the message.
        unsafe { duckdb::duckdb_function_set_error(info, message.as_ptr()) };
    }
}
