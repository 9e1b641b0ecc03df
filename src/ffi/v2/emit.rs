//! Writing rows into DuckDB's vectors.
//!
//! Every function of the v2 API answers with an error where the host would throw, so nothing here can unwind through
//! foreign frames.

use duckdb_neo as neo;
use neo::ffi;
use neo::logical_type::LogicalTypeID as Id;
use neo::types::BlobValue;
use neo::vector::{HasDuckDBBytes, Unknown, Vector};

use crate::column::{Buffer, Cells, Interval, TextValues, Values};

/// The longest string that a vector holds in its own slot.
const INLINE: usize = ffi::DUCKDB_V2_BYTES_INLINE_LENGTH as usize;

/// Writes the cells of a column as the first `rows` rows of a vector.
///
/// # Safety
/// The cells must fit the vector's type and have one value a row, as [`crate::column::Chunk::check`] says.
pub(super) unsafe fn write(vector: Vector<'_, Unknown>, cells: &Cells<'_>, rows: usize) -> neo::Result<()> {
    let mut vector = vector;
    vector.set_size(rows)?;
    // SAFETY: the caller vouches for type and length of the cells.
    unsafe {
        match cells {
            Cells::U64(values) => copy(&mut vector, values),
            Cells::I64(values) => copy(&mut vector, values),
            Cells::Bytes(values) => bytes(vector, values.iter().map(|value| Some(*value))),
            Cells::Constant(value) => constant(vector, value),
            Cells::Buffer(buffer) => fill(vector, buffer),
        }
    }
}

/// Writes a whole buffer into a vector.
///
/// # Safety
/// The buffer must fit the vector's type, as [`Buffer::fits`] says.
pub(super) unsafe fn write_buffer(vector: Vector<'_, Unknown>, buffer: &Buffer) -> neo::Result<()> {
    let mut vector = vector;
    vector.set_size(buffer.len())?;
    // SAFETY: the caller vouches for the buffer.
    unsafe { fill(vector, buffer) }
}

/// # Safety
/// The buffer must fit the vector's type, and the vector must have as many rows.
unsafe fn fill(mut vector: Vector<'_, Unknown>, buffer: &Buffer) -> neo::Result<()> {
    // SAFETY: the caller vouches for the buffer; children are given the length of the buffer's children first.
    unsafe {
        validity(&mut vector, &buffer.valid)?;
        match &buffer.values {
            Values::Bool(v) => copy(&mut vector, v),
            Values::I8(v) => copy(&mut vector, v),
            Values::I16(v) => copy(&mut vector, v),
            Values::I32(v) => copy(&mut vector, v),
            Values::I64(v) => copy(&mut vector, v),
            Values::I128(v) => copy(&mut vector, v),
            Values::U8(v) => copy(&mut vector, v),
            Values::U16(v) => copy(&mut vector, v),
            Values::U32(v) => copy(&mut vector, v),
            Values::U64(v) => copy(&mut vector, v),
            Values::U128(v) => copy(&mut vector, v),
            Values::F32(v) => copy(&mut vector, v),
            Values::F64(v) => copy(&mut vector, v),
            Values::Interval(v) => intervals(&mut vector, v),
            Values::Text(v) => texts(vector, v, &buffer.valid),
            Values::List(v) => {
                entries(&mut vector, &v.ends)?;
                child(&mut vector, 0, &v.child)
            }
            Values::Struct(members) => {
                members.iter().enumerate().try_for_each(|(index, member)| child(&mut vector, index, member))
            }
        }
    }
}

/// # Safety
/// The vector must have the child, and the buffer must fit its type.
unsafe fn child(vector: &mut Vector<'_, Unknown>, index: usize, buffer: &Buffer) -> neo::Result<()> {
    let Some(mut children) = vector.children_mut() else {
        return Err(neo::Error::api_error("a vector of a nested type has no children"));
    };
    // SAFETY: the caller vouches for the buffer.
    unsafe { write_buffer(children.get_untyped_vector_at_mut(index)?, buffer) }
}

/// # Safety
/// The vector's physical type must be `T` (integers of 16 bytes are two little-endian halves), with as many rows.
unsafe fn copy<T: Copy>(vector: &mut Vector<'_, Unknown>, values: &[T]) -> neo::Result<()> {
    let mut writer = vector.writer()?;
    // SAFETY: the caller vouches for type and length; the two do not overlap.
    unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), writer.as_mut_ptr().cast::<T>(), values.len()) };
    Ok(())
}

/// # Safety
/// As [`copy`], with a vector of INTERVAL.
unsafe fn intervals(vector: &mut Vector<'_, Unknown>, values: &[Interval]) -> neo::Result<()> {
    let values: Vec<_> =
        values.iter().map(|i| ffi::duckdb_v2_interval_t { months: i.months, days: i.days, micros: i.micros }).collect();
    // SAFETY: the caller vouches for the vector.
    unsafe { copy(vector, &values) }
}

/// # Safety
/// As [`copy`], with a vector of LIST or MAP, whose child gets the elements.
unsafe fn entries(vector: &mut Vector<'_, Unknown>, ends: &[usize]) -> neo::Result<()> {
    let mut start = 0;
    let entry = |end: &usize| {
        let entry = ffi::duckdb_v2_list_entry { offset: start as u64, length: (end - start) as u64 };
        start = *end;
        entry
    };
    let entries: Vec<_> = ends.iter().map(entry).collect();
    // SAFETY: the caller vouches for the vector.
    unsafe { copy(vector, &entries) }
}

/// # Safety
/// The vector must have as many rows as there are flags.
unsafe fn validity(vector: &mut Vector<'_, Unknown>, valid: &[bool]) -> neo::Result<()> {
    if valid.iter().all(|valid| *valid) {
        return Ok(());
    }
    let mut writer = vector.writer()?;
    for (row, valid) in valid.iter().enumerate() {
        // SAFETY: valid rows are written next; descendants of a row that is NULL are NULL in the buffer, too.
        unsafe { writer.set_row_validity(row, *valid)? };
    }
    Ok(())
}

/// # Safety
/// The vector must be of VARCHAR or BLOB and have as many rows.
unsafe fn texts(vector: Vector<'_, Unknown>, values: &TextValues, valid: &[bool]) -> neo::Result<()> {
    let value = |(row, valid): (usize, &bool)| valid.then(|| values.get(row));
    // SAFETY: the caller vouches for the vector.
    unsafe { bytes(vector, valid.iter().enumerate().map(value)) }
}

/// # Safety
/// The vector must be of VARCHAR or BLOB and have as many rows; VARCHARs must be UTF-8.
unsafe fn bytes<'v>(
    vector: Vector<'_, Unknown>,
    values: impl Iterator<Item = Option<&'v [u8]>> + Clone,
) -> neo::Result<()> {
    // SAFETY: the caller vouches for the vector.
    unsafe {
        match vector.logical_type().id()? {
            Id::Blob => assign(&mut vector.cast::<BlobValue>()?, values),
            _ => assign(&mut vector.cast::<String>()?, values),
        }
    }
}

/// The same bytes in every row, which are copied once.
///
/// # Safety
/// As [`bytes`].
unsafe fn constant(vector: Vector<'_, Unknown>, value: &[u8]) -> neo::Result<()> {
    let rows = vector.len();
    if value.len() <= INLINE {
        // SAFETY: the caller vouches for the vector.
        return unsafe { bytes(vector, std::iter::repeat_n(Some(value), rows)) };
    }
    // SAFETY: as above.
    unsafe {
        match vector.logical_type().id()? {
            Id::Blob => repeat(&mut vector.cast::<BlobValue>()?, value),
            _ => repeat(&mut vector.cast::<String>()?, value),
        }
    }
}

/// # Safety
/// As [`bytes`], with a vector of `T`.
unsafe fn repeat<T: HasDuckDBBytes>(vector: &mut Vector<'_, T>, value: &[u8]) -> neo::Result<()> {
    let rows = vector.len();
    let mut writer = vector.writer()?;
    let slots = writer.as_mut_ptr().cast::<ffi::duckdb_v2_bytes>();
    // SAFETY: the arena gives as many bytes as were asked for, and every slot is within the vector's rows.
    unsafe {
        let mut free = writer.arena()?.allocate(value.len())?;
        let slot = slot(value, &mut free)?;
        (0..rows).for_each(|row| slots.add(row).write(slot));
    }
    Ok(())
}

/// # Safety
/// As [`bytes`], with a vector of `T`.
unsafe fn assign<'v, T: HasDuckDBBytes>(
    vector: &mut Vector<'_, T>,
    values: impl Iterator<Item = Option<&'v [u8]>> + Clone,
) -> neo::Result<()> {
    let long: usize = values.clone().flatten().map(<[u8]>::len).filter(|length| *length > INLINE).sum();
    let mut writer = vector.writer()?;
    let slots = writer.as_mut_ptr().cast::<ffi::duckdb_v2_bytes>();
    let mut free = if long == 0 { std::ptr::null_mut() } else { writer.arena()?.allocate(long)? };
    for (row, value) in values.enumerate() {
        if let Some(value) = value {
            // SAFETY: the row is one of the vector's, and the arena's bytes suffice for all long values.
            unsafe { slots.add(row).write(slot(value, &mut free)?) };
        }
    }
    Ok(())
}

/// A string as a vector holds it; a long one is copied to `free`, which moves behind it.
///
/// # Safety
/// A long value needs as many bytes at `free`, which live as long as the vector.
unsafe fn slot(value: &[u8], free: &mut *mut u8) -> neo::Result<ffi::duckdb_v2_bytes> {
    let Ok(length) = u32::try_from(value.len()) else {
        return Err(neo::Error::invalid_input("a value of 4 GiB or more does not fit into a column"));
    };
    let value = if value.len() <= INLINE {
        let mut inlined = [0; INLINE];
        inlined.iter_mut().zip(value).for_each(|(to, from)| *to = std::ffi::c_char::from_ne_bytes([*from]));
        ffi::duckdb_v2_bytes__bindgen_ty_1 {
            inlined: ffi::duckdb_v2_bytes__bindgen_ty_1__bindgen_ty_2 { length, inlined },
        }
    } else {
        let mut prefix = [0; 4];
        prefix.iter_mut().zip(value).for_each(|(to, from)| *to = std::ffi::c_char::from_ne_bytes([*from]));
        let start = *free;
        // SAFETY: the caller vouches for the room; the two do not overlap.
        unsafe {
            std::ptr::copy_nonoverlapping(value.as_ptr(), start, value.len());
            *free = start.add(value.len());
        }
        ffi::duckdb_v2_bytes__bindgen_ty_1 {
            pointer: ffi::duckdb_v2_bytes__bindgen_ty_1__bindgen_ty_1 { length, prefix, ptr: start.cast() },
        }
    };
    Ok(ffi::duckdb_v2_bytes { value })
}
