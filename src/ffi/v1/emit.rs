//! Writing rows: a chunk or a buffer is copied into vectors that DuckDB lends for one call.
//!
//! DuckDB may throw in here (see [`super::unwinding`]), so nothing here is contained and nothing here panics: chunks and
//! buffers were checked before ([`Chunk::check`], [`Buffer::fits`]), values are reached without an index that could be
//! out of bounds, and all allocation is DuckDB's.

use std::ops::Range;

use libduckdb_sys as duckdb;

use super::unwinding::{self, Unwinding};
use crate::column::{Buffer, Cells, Chunk, Interval, ListValues, Values};

/// Writes a chunk and its number of rows.
///
/// # Safety
/// `output` must be a live chunk with one flat, writable vector for each entry of `projection`, and `chunk` must have
/// passed [`Chunk::check`] for the same projection, the columns of the vectors and their capacity. The call may throw an
/// exception of DuckDB's.
pub(super) unsafe fn chunk(output: duckdb::duckdb_data_chunk, chunk: &Chunk<'_>, projection: &[Option<usize>]) {
    let Some(functions) = unwinding::functions() else { return };
    // SAFETY: the caller vouches for the chunk and for what fits into it.
    unsafe {
        for (index, position) in projection.iter().enumerate() {
            if let Some(cells) = position.and_then(|position| chunk.column(position)) {
                let raw = duckdb::duckdb_data_chunk_get_vector(output, index as duckdb::idx_t);
                Vector::new(raw, functions).write_cells(cells, chunk.len());
            }
        }
        duckdb::duckdb_data_chunk_set_size(output, chunk.len() as duckdb::idx_t);
    }
}

/// Writes all rows of a buffer.
///
/// # Safety
/// `output` must be a live, flat, writable vector with room for the rows, of a type that the buffer fits by
/// [`Buffer::fits`]. The call may throw an exception of DuckDB's.
pub(super) unsafe fn buffer(output: duckdb::duckdb_vector, buffer: &Buffer) {
    let Some(functions) = unwinding::functions() else { return };
    // SAFETY: the caller vouches for the vector and for what fits into it.
    unsafe { Vector::new(output, functions).write_buffer(0, buffer, 0..buffer.len()) }
}

/// The longest string that a `duckdb_string_t` holds in itself.
const INLINE: usize = 12;

/// One vector that is being written.
struct Vector {
    raw: duckdb::duckdb_vector,
    data: *mut u8,
    functions: &'static Unwinding,
}

impl Vector {
    /// # Safety
    /// `raw` must be a live, writable flat vector that outlives the writer.
    unsafe fn new(raw: duckdb::duckdb_vector, functions: &'static Unwinding) -> Self {
        // SAFETY: the caller vouches for the vector.
        Self { raw, data: unsafe { duckdb::duckdb_vector_get_data(raw) }.cast(), functions }
    }

    /// # Safety
    /// The vector's type and capacity must be those that the cells were checked for.
    unsafe fn write_cells(&self, cells: &Cells<'_>, rows: usize) {
        // SAFETY: the caller vouches for type and capacity.
        unsafe {
            match cells {
                Cells::U64(values) => self.copy(0, values),
                Cells::I64(values) => self.copy(0, values),
                Cells::Bytes(values) => {
                    for (row, value) in values.iter().enumerate() {
                        self.assign(row, value);
                    }
                }
                Cells::Constant(value) => {
                    for row in 0..rows {
                        self.assign(row, value);
                    }
                }
                Cells::Buffer(buffer) => self.write_buffer(0, buffer, 0..buffer.len()),
            }
        }
    }

    /// # Safety
    /// The vector must hold strings and have the row.
    unsafe fn assign(&self, row: usize, value: &[u8]) {
        if value.len() > INLINE {
            // SAFETY: the caller vouches for the vector; the call copies the bytes.
            unsafe {
                let (at, length) = (row as duckdb::idx_t, value.len() as duckdb::idx_t);
                (self.functions.assign_string)(self.raw, at, value.as_ptr().cast(), length);
            }
            return;
        }
        let mut inlined = [0; INLINE];
        for (to, from) in inlined.iter_mut().zip(value) {
            *to = *from as std::ffi::c_char;
        }
        let short = duckdb::duckdb_string_t {
            value: duckdb::duckdb_string_t__bindgen_ty_1 {
                inlined: duckdb::duckdb_string_t__bindgen_ty_1__bindgen_ty_2 { length: value.len() as u32, inlined },
            },
        };
        // SAFETY: the caller vouches for the vector; a short string owns no memory.
        unsafe { self.data.cast::<duckdb::duckdb_string_t>().add(row).write(short) };
    }

    /// Writes rows of a buffer from the row `at` on.
    ///
    /// # Safety
    /// The buffer must fit the vector's type, have the rows, and the vector room for them.
    unsafe fn write_buffer(&self, at: usize, buffer: &Buffer, rows: Range<usize>) {
        // SAFETY: the caller vouches for all three.
        unsafe {
            self.write_validity(at, buffer.valid.get(rows.clone()).unwrap_or_default());
            match &buffer.values {
                Values::Bool(v) => self.copy(at, v.get(rows).unwrap_or_default()),
                Values::I8(v) => self.copy(at, v.get(rows).unwrap_or_default()),
                Values::I16(v) => self.copy(at, v.get(rows).unwrap_or_default()),
                Values::I32(v) => self.copy(at, v.get(rows).unwrap_or_default()),
                Values::I64(v) => self.copy(at, v.get(rows).unwrap_or_default()),
                Values::I128(v) => self.copy(at, v.get(rows).unwrap_or_default()),
                Values::U8(v) => self.copy(at, v.get(rows).unwrap_or_default()),
                Values::U16(v) => self.copy(at, v.get(rows).unwrap_or_default()),
                Values::U32(v) => self.copy(at, v.get(rows).unwrap_or_default()),
                Values::U64(v) => self.copy(at, v.get(rows).unwrap_or_default()),
                Values::U128(v) => self.copy(at, v.get(rows).unwrap_or_default()),
                Values::F32(v) => self.copy(at, v.get(rows).unwrap_or_default()),
                Values::F64(v) => self.copy(at, v.get(rows).unwrap_or_default()),
                Values::Interval(v) => self.write_intervals(at, v.get(rows).unwrap_or_default()),
                Values::Text(texts) => {
                    // NULL rows are written too: a row without a value would show the vector's old content.
                    let mut start = end_before(&texts.ends, rows.start);
                    for (row, end) in texts.ends.get(rows).unwrap_or_default().iter().enumerate() {
                        self.assign(at + row, texts.bytes.get(start..*end).unwrap_or_default());
                        start = *end;
                    }
                }
                Values::List(lists) => self.write_lists(at, lists, rows),
                Values::Struct(members) => {
                    for (index, member) in members.iter().enumerate() {
                        let child = duckdb::duckdb_struct_vector_get_child(self.raw, index as duckdb::idx_t);
                        Vector::new(child, self.functions).write_buffer(at, member, rows.clone());
                    }
                }
            }
        }
    }

    /// # Safety
    /// As [`Vector::write_buffer`], for a LIST or MAP.
    unsafe fn write_lists(&self, at: usize, lists: &ListValues, rows: Range<usize>) {
        let ends = lists.ends.get(rows.clone()).unwrap_or_default();
        let start = end_before(&lists.ends, rows.start);
        let end = ends.last().copied().unwrap_or(start);
        // SAFETY: the caller vouches for the type; the child is asked for after it has grown to hold the elements.
        unsafe {
            let base = duckdb::duckdb_list_vector_get_size(self.raw) as usize;
            let size = (base + (end - start)) as duckdb::idx_t;
            (self.functions.list_reserve)(self.raw, size);
            (self.functions.list_set_size)(self.raw, size);
            let mut from = start;
            for (row, end) in ends.iter().enumerate() {
                let entry =
                    duckdb::duckdb_list_entry { offset: (base + from - start) as u64, length: (end - from) as u64 };
                self.data.cast::<duckdb::duckdb_list_entry>().add(at + row).write(entry);
                from = *end;
            }
            let child = duckdb::duckdb_list_vector_get_child(self.raw);
            Vector::new(child, self.functions).write_buffer(base, &lists.child, start..end);
        }
    }

    /// # Safety
    /// The vector must hold intervals and have room for them from `at` on.
    unsafe fn write_intervals(&self, at: usize, intervals: &[Interval]) {
        for (row, Interval { months, days, micros }) in intervals.iter().copied().enumerate() {
            let interval = duckdb::duckdb_interval { months, days, micros };
            // SAFETY: the caller vouches for the vector.
            unsafe { self.data.cast::<duckdb::duckdb_interval>().add(at + row).write(interval) };
        }
    }

    /// # Safety
    /// The vector's physical type must be `T` and have room for the values from `at` on. Integers of 16 bytes are two
    /// little-endian halves, as the C API declares them.
    unsafe fn copy<T: Copy>(&self, at: usize, values: &[T]) {
        // SAFETY: the caller vouches for the vector; our memory and DuckDB's do not overlap.
        unsafe {
            let target = self.data.add(at * size_of::<T>());
            std::ptr::copy_nonoverlapping(values.as_ptr().cast::<u8>(), target, size_of_val(values));
        }
    }

    /// # Safety
    /// The vector must have the rows.
    unsafe fn write_validity(&self, at: usize, valid: &[bool]) {
        if valid.iter().all(|valid| *valid) {
            return;
        }
        // SAFETY: the mask is made writable first and then has a bit for every row of the vector.
        unsafe {
            (self.functions.ensure_validity)(self.raw);
            let mask = duckdb::duckdb_vector_get_validity(self.raw);
            for (row, valid) in valid.iter().enumerate() {
                duckdb::duckdb_validity_set_row_validity(mask, (at + row) as duckdb::idx_t, *valid);
            }
        }
    }
}

/// The end of the value before the row, at which the row's value starts.
fn end_before(ends: &[usize], row: usize) -> usize {
    row.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0)
}
