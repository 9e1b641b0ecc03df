//! Copying one value from a buffer into another.

use super::buffer::{Buffer, Values};

impl Buffer {
    /// Appends the value of a row of another buffer of the same type; NULL when there is no such row.
    pub fn push_from(&mut self, other: &Buffer, row: usize) {
        if !other.valid.get(row).copied().unwrap_or(false) {
            return self.push_null();
        }
        match (&mut self.values, &other.values) {
            (Values::Bool(to), Values::Bool(from)) => to.push(from[row]),
            (Values::I8(to), Values::I8(from)) => to.push(from[row]),
            (Values::I16(to), Values::I16(from)) => to.push(from[row]),
            (Values::I32(to), Values::I32(from)) => to.push(from[row]),
            (Values::I64(to), Values::I64(from)) => to.push(from[row]),
            (Values::I128(to), Values::I128(from)) => to.push(from[row]),
            (Values::U8(to), Values::U8(from)) => to.push(from[row]),
            (Values::U16(to), Values::U16(from)) => to.push(from[row]),
            (Values::U32(to), Values::U32(from)) => to.push(from[row]),
            (Values::U64(to), Values::U64(from)) => to.push(from[row]),
            (Values::U128(to), Values::U128(from)) => to.push(from[row]),
            (Values::F32(to), Values::F32(from)) => to.push(from[row]),
            (Values::F64(to), Values::F64(from)) => to.push(from[row]),
            (Values::Interval(to), Values::Interval(from)) => to.push(from[row]),
            (Values::Text(_), Values::Text(from)) => return self.push_bytes(from.get(row)),
            (Values::List(to), Values::List(from)) => {
                let start = if row == 0 { 0 } else { from.ends[row - 1] };
                (start..from.ends[row]).for_each(|item| to.child.push_from(&from.child, item));
                to.ends.push(to.child.len());
            }
            (Values::Struct(to), Values::Struct(from)) => {
                to.iter_mut().zip(from).for_each(|(to, from)| to.push_from(from, row));
            }
            _ => {
                debug_assert!(false, "a value of another type");
                return self.push_null();
            }
        }
        self.valid.push(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::{Field, Interval, ListValues, Type};

    #[test]
    fn values_of_every_layout_are_copied() {
        let nested = Type::list(Type::Struct(vec![Field { name: "a".into(), ty: Type::Varchar }]));
        let texts = |values: &[&str]| {
            let mut buffer = Buffer::new(&Type::Varchar);
            values.iter().for_each(|value| buffer.push_bytes(value.as_bytes()));
            buffer
        };
        let items = Buffer { valid: vec![true; 3], values: Values::Struct(vec![texts(&["x", "", "yz"])]) };
        let list = Values::List(ListValues { ends: vec![1, 1, 3], child: Box::new(items) });
        let flat = |values| Buffer { valid: vec![true, false, true], values };
        let interval = Interval { months: 1, days: 2, micros: 3 };
        let cases = [
            (nested, flat(list)),
            (Type::Boolean, flat(Values::Bool(vec![true, false, false]))),
            (Type::TinyInt, flat(Values::I8(vec![1, 0, -2]))),
            (Type::SmallInt, flat(Values::I16(vec![1, 0, -2]))),
            (Type::Date, flat(Values::I32(vec![1, 0, -2]))),
            (Type::Timestamp, flat(Values::I64(vec![1, 0, -2]))),
            (Type::HugeInt, flat(Values::I128(vec![1, 0, -2]))),
            (Type::UTinyInt, flat(Values::U8(vec![1, 0, 2]))),
            (Type::USmallInt, flat(Values::U16(vec![1, 0, 2]))),
            (Type::UInteger, flat(Values::U32(vec![1, 0, 2]))),
            (Type::UBigInt, flat(Values::U64(vec![1, 0, 2]))),
            (Type::UHugeInt, flat(Values::U128(vec![1, 0, 2]))),
            (Type::Float, flat(Values::F32(vec![1.5, 0.0, 2.5]))),
            (Type::Double, flat(Values::F64(vec![1.5, 0.0, 2.5]))),
            (Type::Interval, flat(Values::Interval(vec![interval, Interval::default(), interval]))),
            (Type::Varchar, Buffer { valid: vec![true, false, true], values: texts(&["ab", "", "c"]).values }),
        ];
        for (ty, from) in cases {
            assert!(from.fits(&ty), "{ty}");
            let mut to = Buffer::new(&ty);
            (0..4).for_each(|row| to.push_from(&from, row));
            assert!(to.fits(&ty), "{ty}");
            assert_eq!(to.valid, [true, false, true, false], "{ty}");
            to.truncate(3);
            assert_eq!(to, from, "{ty}");
        }
    }
}
