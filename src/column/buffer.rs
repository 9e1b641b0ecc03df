//! Columnar buffers: values decoded on any thread, written to DuckDB's vectors later.
//!
//! A buffer's physical layout is that of the DuckDB vector of the same type, so that `ffi` copies a flat column in
//! one step. Decoding needs no DuckDB, runs on any thread, and can take a half-written row back ([`Buffer::truncate`]).

use super::enumeration::{Enumeration, IndexWidth};
use super::types::Type;

/// The values of one column, in order, with their validity.
#[derive(Debug, Clone, PartialEq)]
pub struct Buffer {
    /// One entry a row: false is NULL.
    pub valid: Vec<bool>,
    /// The values; a NULL row holds a default.
    pub values: Values,
}

/// The physical values behind a column, as DuckDB's vectors lay them out.
///
/// | physical | logical |
/// |---|---|
/// | `Bool` | BOOLEAN |
/// | `I8` .. `I64`, `U8` .. `U64` | the integers; `I32` DATE (days since 1970); `I64` TIME (µs), the timestamps (s, ms, µs, ns since 1970 UTC) |
/// | `I16`, `I32`, `I64`, `I128` | DECIMAL of width up to 4, 9, 18, 38 (the unscaled number) |
/// | `I128` | HUGEINT; UUID with its top bit flipped, so that it sorts as DuckDB sorts it |
/// | `U128` | UHUGEINT |
/// | `U8`, `U16`, `U32` | ENUM of up to 255, 65535 and more values: the number of the value, from 0 |
/// | `Text` | VARCHAR, JSON, BLOB |
/// | `List` | LIST; MAP as a list of STRUCT(key, value) |
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Values {
    Bool(Vec<bool>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    I128(Vec<i128>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    U128(Vec<u128>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Interval(Vec<Interval>),
    Text(TextValues),
    List(ListValues),
    Struct(Vec<Buffer>),
}

/// An INTERVAL as DuckDB keeps it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Interval {
    pub months: i32,
    pub days: i32,
    pub micros: i64,
}

/// Byte strings end to end; `ends[i]` is where value `i` ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextValues {
    /// All values, one after the other.
    pub bytes: Vec<u8>,
    /// The end of each value in `bytes`.
    pub ends: Vec<usize>,
}

/// Lists end to end; `ends[i]` is where list `i` ends in `child`.
#[derive(Debug, Clone, PartialEq)]
pub struct ListValues {
    /// The end of each list in `child`.
    pub ends: Vec<usize>,
    /// All elements, one list after the other.
    pub child: Box<Buffer>,
}

impl TextValues {
    /// The `i`th value.
    #[must_use]
    pub fn get(&self, i: usize) -> &[u8] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.bytes[start..self.ends[i]]
    }

    fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len());
    }

    fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows);
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }
}

impl ListValues {
    fn fit(&self, rows: usize) -> bool {
        self.ends.len() == rows && ascending(&self.ends, self.child.len())
    }
}

impl Values {
    /// The number of values, where each has a fixed width.
    fn flat_len(&self) -> Option<usize> {
        Some(match self {
            Values::Bool(v) => v.len(),
            Values::I8(v) => v.len(),
            Values::I16(v) => v.len(),
            Values::I32(v) => v.len(),
            Values::I64(v) => v.len(),
            Values::I128(v) => v.len(),
            Values::U8(v) => v.len(),
            Values::U16(v) => v.len(),
            Values::U32(v) => v.len(),
            Values::U64(v) => v.len(),
            Values::U128(v) => v.len(),
            Values::F32(v) => v.len(),
            Values::F64(v) => v.len(),
            Values::Interval(v) => v.len(),
            Values::Text(_) | Values::List(_) | Values::Struct(_) => return None,
        })
    }
}

/// Whether the ends of values never step back, and the last of them is the end of all.
fn ascending(ends: &[usize], all: usize) -> bool {
    ends.is_sorted() && ends.last().copied().unwrap_or(0) == all
}

impl Buffer {
    /// An empty buffer for values of a type.
    #[must_use]
    pub fn new(ty: &Type) -> Self {
        let values = match ty {
            Type::Boolean => Values::Bool(Vec::new()),
            Type::TinyInt => Values::I8(Vec::new()),
            Type::SmallInt => Values::I16(Vec::new()),
            Type::Integer | Type::Date => Values::I32(Vec::new()),
            Type::BigInt
            | Type::Time
            | Type::Timestamp
            | Type::TimestampS
            | Type::TimestampMs
            | Type::TimestampNs
            | Type::TimestampTz
            | Type::Epoch { .. } => Values::I64(Vec::new()),
            Type::HugeInt | Type::Uuid => Values::I128(Vec::new()),
            Type::UTinyInt => Values::U8(Vec::new()),
            Type::USmallInt => Values::U16(Vec::new()),
            Type::UInteger => Values::U32(Vec::new()),
            Type::UBigInt => Values::U64(Vec::new()),
            Type::UHugeInt => Values::U128(Vec::new()),
            Type::Float => Values::F32(Vec::new()),
            Type::Double => Values::F64(Vec::new()),
            Type::Decimal { width: 0..=4, .. } => Values::I16(Vec::new()),
            Type::Decimal { width: 5..=9, .. } => Values::I32(Vec::new()),
            Type::Decimal { width: 10..=18, .. } => Values::I64(Vec::new()),
            Type::Decimal { .. } => Values::I128(Vec::new()),
            Type::Enum(known) => match known.width() {
                IndexWidth::One => Values::U8(Vec::new()),
                IndexWidth::Two => Values::U16(Vec::new()),
                IndexWidth::Four => Values::U32(Vec::new()),
            },
            Type::Varchar | Type::Json | Type::Blob | Type::Base64 => Values::Text(TextValues::default()),
            Type::Interval => Values::Interval(Vec::new()),
            Type::List(child) => Values::List(ListValues { ends: Vec::new(), child: Box::new(Buffer::new(child)) }),
            Type::Map(key, value) => {
                let entry =
                    Buffer { valid: Vec::new(), values: Values::Struct(vec![Buffer::new(key), Buffer::new(value)]) };
                Values::List(ListValues { ends: Vec::new(), child: Box::new(entry) })
            }
            Type::Struct(fields) => Values::Struct(fields.iter().map(|f| Buffer::new(&f.ty)).collect()),
        };
        Buffer { valid: Vec::new(), values }
    }

    /// Whether the buffer has the layout of a vector of the type, with as many values as rows at every level. A buffer that passes can be copied into
    /// such a vector without another check of its bounds.
    #[must_use]
    pub fn fits(&self, ty: &Type) -> bool {
        let rows = self.len();
        let layout = std::mem::discriminant(&Buffer::new(ty).values) == std::mem::discriminant(&self.values);
        layout
            && match (&self.values, ty) {
                (Values::Text(texts), _) => texts.ends.len() == rows && ascending(&texts.ends, texts.bytes.len()),
                (Values::List(lists), Type::List(child)) => lists.fit(rows) && lists.child.fits(child),
                (Values::List(lists), Type::Map(key, value)) => {
                    let entries = lists.child.len();
                    lists.fit(rows) && lists.child.members_fit(entries, [&**key, &**value].into_iter())
                }
                (Values::Struct(_), Type::Struct(fields)) => self.members_fit(rows, fields.iter().map(|f| &f.ty)),
                (values, Type::Enum(known)) => values.flat_len() == Some(rows) && self.numbers_are_of(known),
                (values, _) => values.flat_len() == Some(rows),
            }
    }

    /// Whether each number is that of a value; a row that is NULL holds 0, which is not checked.
    fn numbers_are_of(&self, known: &Enumeration) -> bool {
        let count = known.values().len();
        (0..self.len()).all(|row| !self.valid[row] || self.enum_index(row).is_some_and(|index| index < count))
    }

    /// The number of an ENUM's value; None where the buffer has no such numbers, or no such row.
    #[must_use]
    pub fn enum_index(&self, row: usize) -> Option<usize> {
        match &self.values {
            Values::U8(v) => v.get(row).map(|index| usize::from(*index)),
            Values::U16(v) => v.get(row).map(|index| usize::from(*index)),
            Values::U32(v) => v.get(row).map(|index| *index as usize),
            _ => None,
        }
    }

    /// Appends a value of an ENUM by its number. False, and nothing appended, when the buffer has no such numbers.
    #[must_use]
    pub fn push_enum_index(&mut self, index: u32) -> bool {
        let pushed = match &mut self.values {
            Values::U8(v) => u8::try_from(index).map(|index| v.push(index)).is_ok(),
            Values::U16(v) => u16::try_from(index).map(|index| v.push(index)).is_ok(),
            Values::U32(v) => {
                v.push(index);
                true
            }
            _ => false,
        };
        if pushed {
            self.valid.push(true);
        }
        pushed
    }

    fn members_fit<'t>(&self, rows: usize, types: impl ExactSizeIterator<Item = &'t Type>) -> bool {
        let Values::Struct(members) = &self.values else { return false };
        members.len() == types.len()
            && members.iter().zip(types).all(|(member, ty)| member.len() == rows && member.fits(ty))
    }

    /// The number of rows written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.valid.len()
    }

    /// Whether nothing is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.valid.is_empty()
    }

    /// Removes every row from `rows` on, in the children as well, whole or half written.
    pub fn truncate(&mut self, rows: usize) {
        self.valid.truncate(rows);
        match &mut self.values {
            Values::Bool(v) => v.truncate(rows),
            Values::I8(v) => v.truncate(rows),
            Values::I16(v) => v.truncate(rows),
            Values::I32(v) => v.truncate(rows),
            Values::I64(v) => v.truncate(rows),
            Values::I128(v) => v.truncate(rows),
            Values::U8(v) => v.truncate(rows),
            Values::U16(v) => v.truncate(rows),
            Values::U32(v) => v.truncate(rows),
            Values::U64(v) => v.truncate(rows),
            Values::U128(v) => v.truncate(rows),
            Values::F32(v) => v.truncate(rows),
            Values::F64(v) => v.truncate(rows),
            Values::Interval(v) => v.truncate(rows),
            Values::Text(v) => v.truncate(rows),
            Values::List(v) => {
                v.ends.truncate(rows);
                v.child.truncate(v.ends.last().copied().unwrap_or(0));
            }
            Values::Struct(children) => children.iter_mut().for_each(|c| c.truncate(rows)),
        }
    }

    /// The text of a row; None for NULL, for a row that is not there, and where the buffer has no texts.
    #[must_use]
    pub fn text(&self, row: usize) -> Option<&str> {
        match &self.values {
            Values::Text(values) if *self.valid.get(row)? => std::str::from_utf8(values.get(row)).ok(),
            _ => None,
        }
    }

    /// Appends NULL.
    pub fn push_null(&mut self) {
        self.valid.push(false);
        match &mut self.values {
            Values::Bool(v) => v.push(false),
            Values::I8(v) => v.push(0),
            Values::I16(v) => v.push(0),
            Values::I32(v) => v.push(0),
            Values::I64(v) => v.push(0),
            Values::I128(v) => v.push(0),
            Values::U8(v) => v.push(0),
            Values::U16(v) => v.push(0),
            Values::U32(v) => v.push(0),
            Values::U64(v) => v.push(0),
            Values::U128(v) => v.push(0),
            Values::F32(v) => v.push(0.0),
            Values::F64(v) => v.push(0.0),
            Values::Interval(v) => v.push(Interval::default()),
            Values::Text(v) => v.push(&[]),
            Values::List(v) => v.ends.push(v.child.len()),
            Values::Struct(children) => children.iter_mut().for_each(Buffer::push_null),
        }
    }

    /// Appends the bytes of a VARCHAR, JSON or BLOB. VARCHAR and JSON must be UTF-8.
    ///
    /// A buffer of another type is left as it is: the caller chose the writer by the buffer's type.
    pub fn push_bytes(&mut self, value: &[u8]) {
        if let Values::Text(values) = &mut self.values {
            values.push(value);
            self.valid.push(true);
        }
    }

    /// Appends the bytes that `write` adds to the end of its argument, as one VARCHAR, JSON or BLOB.
    ///
    /// After an error of `write` the buffer is as it was. A buffer of another type is left as it is.
    ///
    /// # Errors
    /// Those of `write`; the buffer is as it was then.
    pub fn push_bytes_with<E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        if let Values::Text(values) = &mut self.values {
            let start = values.bytes.len();
            if let Err(error) = write(&mut values.bytes) {
                values.bytes.truncate(start);
                return Err(error);
            }
            values.ends.push(values.bytes.len());
            self.valid.push(true);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::Field;

    #[test]
    fn truncate_takes_back_a_half_written_row() {
        let ty = Type::list(Type::Struct(vec![Field { name: "a".into(), ty: Type::Varchar }]));
        let mut buffer = Buffer::new(&ty);
        buffer.push_null();
        let before = buffer.clone();
        if let Values::List(list) = &mut buffer.values
            && let Values::Struct(children) = &mut list.child.values
        {
            children[0].push_bytes(b"half");
        }
        buffer.truncate(1);
        assert_eq!(buffer, before);
    }

    #[test]
    fn a_buffer_fits_its_own_type_alone() {
        let nested =
            Type::map(Type::Varchar, Type::list(Type::Struct(vec![Field { name: "a".into(), ty: Type::Date }])));
        let mut buffer = Buffer::new(&nested);
        buffer.push_null();
        assert!(buffer.fits(&nested));
        assert!(!buffer.fits(&Type::map(Type::Varchar, Type::Varchar)));
        assert!(!buffer.fits(&Type::list(Type::Varchar)));
        let Values::List(lists) = &mut buffer.values else { unreachable!() };
        lists.ends[0] = 1;
        assert!(!buffer.fits(&nested), "a list that ends behind its elements");
        let short = Buffer { valid: vec![true, true], values: Values::U64(vec![1]) };
        assert!(!short.fits(&Type::UBigInt), "fewer values than rows");
        let texts = TextValues { bytes: b"ab".to_vec(), ends: vec![2, 1] };
        assert!(!Buffer { valid: vec![true; 2], values: Values::Text(texts) }.fits(&Type::Varchar), "ends step back");
    }

    #[test]
    fn text_values_keep_their_bounds() {
        let mut buffer = Buffer::new(&Type::Blob);
        buffer.push_bytes(b"ab");
        buffer.push_null();
        buffer.push_bytes(b"");
        buffer.push_bytes(b"c");
        let Values::Text(text) = &buffer.values else { unreachable!() };
        assert_eq!((text.get(0), text.get(1), text.get(2), text.get(3)), (&b"ab"[..], &b""[..], &b""[..], &b"c"[..]));
        assert_eq!(buffer.valid, [true, false, true, true]);
        assert_eq!([0, 1, 2, 3, 4].map(|row| buffer.text(row)), [Some("ab"), None, Some(""), Some("c"), None]);
        assert_eq!(Buffer { valid: vec![true], values: Values::U8(vec![1]) }.text(0), None);
    }
}
