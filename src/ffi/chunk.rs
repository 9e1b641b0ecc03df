//! Writing rows: a chunk that DuckDB lends for one call, and the typed writers of its vectors.

use std::marker::PhantomData;
use std::ops::Range;

use libduckdb_sys as duckdb;

use crate::column::{Buffer, Values};
use crate::error::Result;

/// The chunk that one call of `next` fills.
pub struct Chunk<'a> {
    raw: duckdb::duckdb_data_chunk,
    projection: &'a [Option<usize>],
    capacity: usize,
}

impl<'a> Chunk<'a> {
    /// # Safety
    /// `raw` must be a live chunk with one vector for each entry of `projection`, not shared with anyone for `'a`.
    pub(super) unsafe fn new(raw: duckdb::duckdb_data_chunk, projection: &'a [Option<usize>]) -> Self {
        // SAFETY: takes no argument.
        let capacity = unsafe { duckdb::duckdb_vector_size() } as usize;
        Self { raw, projection, capacity }
    }

    /// How many rows fit.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Hands each vector to `write`, with the position of its column in `Bound::columns`. A column that the query does
    /// not use has no vector.
    pub fn fill(&mut self, mut write: impl FnMut(usize, &mut Vector<'_>) -> Result<()>) -> Result<()> {
        for (index, column) in self.projection.iter().enumerate() {
            if let Some(column) = column {
                // SAFETY: the chunk has a vector at `index` by the contract of `new`; it is lent for this call only.
                let mut vector =
                    unsafe { Vector::new(duckdb::duckdb_data_chunk_get_vector(self.raw, index as duckdb::idx_t)) };
                write(*column, &mut vector)?;
            }
        }
        Ok(())
    }

    /// Says how many rows the chunk now has; at most [`Chunk::capacity`].
    pub fn set_len(&mut self, rows: usize) {
        debug_assert!(rows <= self.capacity);
        // SAFETY: the chunk is live; every vector has `rows` written values or none that anyone reads.
        unsafe { duckdb::duckdb_data_chunk_set_size(self.raw, rows.min(self.capacity) as duckdb::idx_t) };
    }
}

/// One vector that is being written. The writer must have the physical type of the vector's column.
pub struct Vector<'a> {
    raw: duckdb::duckdb_vector,
    data: *mut u8,
    chunk: PhantomData<&'a mut ()>,
}

/// The longest string that a `duckdb_string_t` holds in itself.
const INLINE: usize = 12;

impl Vector<'_> {
    /// # Safety
    /// `raw` must be a live, writable flat vector that outlives the writer.
    pub(super) unsafe fn new(raw: duckdb::duckdb_vector) -> Self {
        // SAFETY: the caller vouches for the vector.
        Self { raw, data: unsafe { duckdb::duckdb_vector_get_data(raw) }.cast(), chunk: PhantomData }
    }

    /// Writes UBIGINTs from row 0 on. The caller keeps within the chunk's capacity.
    pub fn write_u64(&mut self, values: impl Iterator<Item = u64>) {
        for (row, value) in values.enumerate() {
            // SAFETY: the vector holds 8-byte values and the row is within the capacity.
            unsafe { self.data.cast::<u64>().add(row).write(value) };
        }
    }

    /// Writes 8-byte signed values (BIGINT, TIMESTAMP) from row 0 on. The caller keeps within the chunk's capacity.
    pub fn write_i64(&mut self, values: impl Iterator<Item = i64>) {
        for (row, value) in values.enumerate() {
            // SAFETY: as in `write_u64`.
            unsafe { self.data.cast::<i64>().add(row).write(value) };
        }
    }

    /// Writes BLOBs, or VARCHARs that are known to be UTF-8, from row 0 on.
    pub fn write_bytes<'b>(&mut self, values: impl Iterator<Item = &'b [u8]>) {
        for (row, value) in values.enumerate() {
            self.assign(row, value);
        }
    }

    /// Writes VARCHARs from row 0 on. What is not UTF-8 is replaced by U+FFFD.
    pub fn write_text<'b>(&mut self, values: impl Iterator<Item = &'b [u8]>) {
        for (row, value) in values.enumerate() {
            match std::str::from_utf8(value) {
                Ok(_) => self.assign(row, value),
                Err(_) => self.assign(row, String::from_utf8_lossy(value).as_bytes()),
            }
        }
    }

    fn assign(&mut self, row: usize, value: &[u8]) {
        if value.len() <= INLINE {
            let mut inlined = [0; INLINE];
            for (to, from) in inlined.iter_mut().zip(value) {
                *to = from.cast_signed();
            }
            let short = duckdb::duckdb_string_t {
                value: duckdb::duckdb_string_t__bindgen_ty_1 {
                    inlined: duckdb::duckdb_string_t__bindgen_ty_1__bindgen_ty_2 {
                        length: value.len() as u32,
                        inlined,
                    },
                },
            };
            // SAFETY: the vector holds strings and the row is within its capacity; a short string owns no memory.
            unsafe { self.data.cast::<duckdb::duckdb_string_t>().add(row).write(short) };
        } else {
            // SAFETY: as above; the call copies the bytes.
            unsafe {
                duckdb::duckdb_vector_assign_string_element_len(
                    self.raw,
                    row as duckdb::idx_t,
                    value.as_ptr().cast(),
                    value.len() as duckdb::idx_t,
                );
            }
        }
    }

    /// Writes rows of a buffer from row 0 on. The buffer must be of the column's type.
    pub fn write_buffer(&mut self, buffer: &Buffer, rows: Range<usize>) {
        self.write_at(0, buffer, rows);
    }

    fn write_at(&mut self, at: usize, buffer: &Buffer, rows: Range<usize>) {
        self.write_validity(at, &buffer.valid[rows.clone()]);
        match &buffer.values {
            Values::Bool(v) => self.copy(at, &v[rows]),
            Values::I8(v) => self.copy(at, &v[rows]),
            Values::I16(v) => self.copy(at, &v[rows]),
            Values::I32(v) => self.copy(at, &v[rows]),
            Values::I64(v) => self.copy(at, &v[rows]),
            Values::I128(v) => self.copy(at, &v[rows]),
            Values::U8(v) => self.copy(at, &v[rows]),
            Values::U16(v) => self.copy(at, &v[rows]),
            Values::U32(v) => self.copy(at, &v[rows]),
            Values::U64(v) => self.copy(at, &v[rows]),
            Values::U128(v) => self.copy(at, &v[rows]),
            Values::F32(v) => self.copy(at, &v[rows]),
            Values::F64(v) => self.copy(at, &v[rows]),
            Values::Interval(v) => {
                for (row, interval) in v[rows].iter().enumerate() {
                    let interval = duckdb::duckdb_interval {
                        months: interval.months,
                        days: interval.days,
                        micros: interval.micros,
                    };
                    // SAFETY: the vector holds intervals and has room for the rows.
                    unsafe { self.data.cast::<duckdb::duckdb_interval>().add(at + row).write(interval) };
                }
            }
            Values::Text(v) => {
                for (row, from) in rows.enumerate() {
                    if buffer.valid[from] {
                        self.assign(at + row, v.get(from));
                    }
                }
            }
            Values::List(v) => {
                let start = if rows.start == 0 { 0 } else { v.ends[rows.start - 1] };
                let end = if rows.is_empty() { start } else { v.ends[rows.end - 1] };
                // SAFETY: the vector is a LIST or MAP; its child is asked for again after it has grown.
                let (mut child, base) = unsafe {
                    let base = duckdb::duckdb_list_vector_get_size(self.raw) as usize;
                    let size = (base + end - start) as duckdb::idx_t;
                    duckdb::duckdb_list_vector_reserve(self.raw, size);
                    duckdb::duckdb_list_vector_set_size(self.raw, size);
                    (Vector::new(duckdb::duckdb_list_vector_get_child(self.raw)), base)
                };
                let mut from = start;
                for (row, end) in v.ends[rows].iter().enumerate() {
                    let entry =
                        duckdb::duckdb_list_entry { offset: (base + from - start) as u64, length: (end - from) as u64 };
                    // SAFETY: the vector holds list entries and has room for the rows.
                    unsafe { self.data.cast::<duckdb::duckdb_list_entry>().add(at + row).write(entry) };
                    from = *end;
                }
                child.write_at(base, &v.child, start..end);
            }
            Values::Struct(children) => {
                for (index, child) in children.iter().enumerate() {
                    // SAFETY: the vector is a STRUCT with as many members as the buffer of its type.
                    let mut vector = unsafe {
                        Vector::new(duckdb::duckdb_struct_vector_get_child(self.raw, index as duckdb::idx_t))
                    };
                    vector.write_at(at, child, rows.clone());
                }
            }
        }
    }

    fn copy<T: Copy>(&mut self, at: usize, values: &[T]) {
        // SAFETY: the vector's physical type is `T` (see `Values`; integers of 16 bytes are two little-endian halves,
        // as the C API declares them), it has room for the rows, and the two do not overlap.
        unsafe {
            let target = self.data.add(at * size_of::<T>());
            std::ptr::copy_nonoverlapping(values.as_ptr().cast::<u8>(), target, size_of_val(values));
        }
    }

    fn write_validity(&mut self, at: usize, valid: &[bool]) {
        if valid.iter().all(|v| *v) {
            return;
        }
        // SAFETY: the mask is made writable first and has a bit for every row of the vector.
        unsafe {
            duckdb::duckdb_vector_ensure_validity_writable(self.raw);
            let mask = duckdb::duckdb_vector_get_validity(self.raw);
            for (row, valid) in valid.iter().enumerate() {
                duckdb::duckdb_validity_set_row_validity(mask, (at + row) as duckdb::idx_t, *valid);
            }
        }
    }
}
