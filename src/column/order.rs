//! The order of two values, as DuckDB orders them: its `greatest` and `least` decide alike.

use std::cmp::Ordering;

use super::buffer::{Buffer, Values};
use super::types::Type;

/// Whether [`Buffer::compare`] orders values of a type. It does not order INTERVAL, JSON and nested types.
#[must_use]
pub fn is_ordered(ty: &Type) -> bool {
    !matches!(ty, Type::Interval | Type::Json | Type::List(_) | Type::Struct(_) | Type::Map(_, _))
}

impl Buffer {
    /// Orders two values that are not NULL, of the same ordered type: text and bytes by their bytes, NaN behind all other numbers, and both zeros as
    /// equal. Values of other types are equal.
    #[must_use]
    pub fn compare(&self, row: usize, other: &Buffer, other_row: usize) -> Ordering {
        match (&self.values, &other.values) {
            (Values::Bool(a), Values::Bool(b)) => a[row].cmp(&b[other_row]),
            (Values::I8(a), Values::I8(b)) => a[row].cmp(&b[other_row]),
            (Values::I16(a), Values::I16(b)) => a[row].cmp(&b[other_row]),
            (Values::I32(a), Values::I32(b)) => a[row].cmp(&b[other_row]),
            (Values::I64(a), Values::I64(b)) => a[row].cmp(&b[other_row]),
            (Values::I128(a), Values::I128(b)) => a[row].cmp(&b[other_row]),
            (Values::U8(a), Values::U8(b)) => a[row].cmp(&b[other_row]),
            (Values::U16(a), Values::U16(b)) => a[row].cmp(&b[other_row]),
            (Values::U32(a), Values::U32(b)) => a[row].cmp(&b[other_row]),
            (Values::U64(a), Values::U64(b)) => a[row].cmp(&b[other_row]),
            (Values::U128(a), Values::U128(b)) => a[row].cmp(&b[other_row]),
            (Values::F32(a), Values::F32(b)) => floats(a[row].into(), b[other_row].into()),
            (Values::F64(a), Values::F64(b)) => floats(a[row], b[other_row]),
            (Values::Text(a), Values::Text(b)) => a.get(row).cmp(b.get(other_row)),
            _ => Ordering::Equal,
        }
    }
}

fn floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_as_duckdb_orders_them() {
        let numbers = [f64::NEG_INFINITY, -1.0, 0.0, 1e-9, f64::INFINITY, f64::NAN];
        let values = Buffer { valid: vec![true; numbers.len()], values: Values::F64(numbers.to_vec()) };
        for a in 0..numbers.len() {
            for b in 0..numbers.len() {
                assert_eq!(values.compare(a, &values, b), a.cmp(&b), "{} {}", numbers[a], numbers[b]);
            }
        }
        let zeros = Buffer { valid: vec![true; 2], values: Values::F32(vec![0.0, -0.0]) };
        assert_eq!(zeros.compare(0, &zeros, 1), Ordering::Equal);
    }

    #[test]
    fn text_is_ordered_by_its_bytes() {
        let mut texts = Buffer::new(&Type::Varchar);
        ["", "9", "Z", "a", "ab", "é"].iter().for_each(|text| texts.push_bytes(text.as_bytes()));
        for row in 1..texts.len() {
            assert_eq!(texts.compare(row - 1, &texts, row), Ordering::Less);
        }
    }
}
