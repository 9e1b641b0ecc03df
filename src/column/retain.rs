//! Removes some values of a buffer, in place.

use super::buffer::{Buffer, ListValues, TextValues, Values};

impl Buffer {
    /// Removes the rows for which `keep` is false, and moves the others together; `keep` has an entry for each row.
    /// No second buffer is made.
    pub fn retain(&mut self, keep: &[bool]) {
        debug_assert_eq!(self.len(), keep.len());
        retain(&mut self.valid, keep);
        match &mut self.values {
            Values::Bool(v) => retain(v, keep),
            Values::I8(v) => retain(v, keep),
            Values::I16(v) => retain(v, keep),
            Values::I32(v) => retain(v, keep),
            Values::I64(v) => retain(v, keep),
            Values::I128(v) => retain(v, keep),
            Values::U8(v) => retain(v, keep),
            Values::U16(v) => retain(v, keep),
            Values::U32(v) => retain(v, keep),
            Values::U64(v) => retain(v, keep),
            Values::U128(v) => retain(v, keep),
            Values::F32(v) => retain(v, keep),
            Values::F64(v) => retain(v, keep),
            Values::Interval(v) => retain(v, keep),
            Values::Text(v) => v.retain(keep),
            Values::List(v) => v.retain(keep),
            Values::Struct(members) => members.iter_mut().for_each(|member| member.retain(keep)),
        }
    }
}

fn retain<T>(values: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    values.retain(|_| keep.next() == Some(&true));
}

/// The ends of the values that stay, after those between them are removed.
fn retain_ends(ends: &mut Vec<usize>, keep: &[bool]) {
    let (mut start, mut last) = (0, 0);
    for (end, keep) in ends.iter_mut().zip(keep) {
        let len = *end - start;
        start = *end;
        last += if *keep { len } else { 0 };
        *end = last;
    }
    retain(ends, keep);
}

impl TextValues {
    fn retain(&mut self, keep: &[bool]) {
        let (mut start, mut to) = (0, 0);
        for (end, keep) in self.ends.iter().copied().zip(keep) {
            if *keep {
                self.bytes.copy_within(start..end, to);
                to += end - start;
            }
            start = end;
        }
        self.bytes.truncate(to);
        retain_ends(&mut self.ends, keep);
    }
}

impl ListValues {
    fn retain(&mut self, keep: &[bool]) {
        let mut items = vec![false; self.child.len()];
        let mut start = 0;
        for (end, keep) in self.ends.iter().copied().zip(keep) {
            items[start..end].fill(*keep);
            start = end;
        }
        self.child.retain(&items);
        retain_ends(&mut self.ends, keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::{Field, Type};
    use crate::testing::Numbers;

    /// Rows of a type, some of them NULL, with lists and texts of any length.
    fn rows(numbers: &mut Numbers, ty: &Type, count: usize) -> Buffer {
        let mut buffer = Buffer::new(ty);
        for _ in 0..count {
            push(numbers, ty, &mut buffer);
        }
        buffer
    }

    fn push(numbers: &mut Numbers, ty: &Type, buffer: &mut Buffer) {
        if numbers.below(4) == 0 {
            return buffer.push_null();
        }
        match (&mut buffer.values, ty) {
            (Values::Text(_), _) => return buffer.push_bytes(&b"abcdefgh"[numbers.below(8) as usize..]),
            (Values::I64(v), _) => v.push(numbers.below(99) as i64),
            (Values::Bool(v), _) => v.push(numbers.below(2) == 0),
            (Values::List(lists), Type::List(item)) => {
                for _ in 0..numbers.below(4) {
                    push(numbers, item, &mut lists.child);
                }
                lists.ends.push(lists.child.len());
            }
            (Values::Struct(members), Type::Struct(fields)) => {
                members.iter_mut().zip(fields).for_each(|(member, field)| push(numbers, &field.ty, member));
            }
            _ => unreachable!("{ty}"),
        }
        buffer.valid.push(true);
    }

    #[test]
    fn what_stays_is_what_would_have_been_copied() {
        let mut numbers = Numbers(26);
        let field = |name: &str, ty| Field { name: name.into(), ty };
        let nested = Type::list(Type::Struct(vec![
            field("a", Type::Varchar),
            field("b", Type::list(Type::BigInt)),
            field("c", Type::Boolean),
        ]));
        for ty in [Type::BigInt, Type::Boolean, Type::Varchar, nested] {
            for _ in 0..200 {
                let count = numbers.below(40) as usize;
                let mut buffer = rows(&mut numbers, &ty, count);
                let keep: Vec<bool> = (0..count).map(|_| numbers.below(3) > 0).collect();
                let mut expected = Buffer::new(&ty);
                keep.iter()
                    .enumerate()
                    .filter(|(_, keep)| **keep)
                    .for_each(|(row, _)| expected.push_from(&buffer, row));
                buffer.retain(&keep);
                assert!(buffer.fits(&ty), "{ty}");
                assert_eq!(buffer, expected, "{ty}");
            }
        }
    }
}
