//! The values of an ENUM, by their number.

use std::cmp::Ordering;

/// The values of an ENUM in the order in which it declares them, which is the order of its values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Enumeration {
    values: Vec<String>,
    /// The numbers of the values, in the order of their texts.
    by_text: Vec<u32>,
}

/// The width in which a vector holds the number of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum IndexWidth {
    One,
    Two,
    Four,
}

impl Enumeration {
    /// An ENUM of these values, which DuckDB ensures are distinct. Values behind the first 2^32 - 1 are left out.
    #[must_use]
    pub fn new(mut values: Vec<String>) -> Self {
        values.truncate(u32::MAX as usize);
        let mut by_text: Vec<u32> = (0..u32::MAX).take(values.len()).collect();
        by_text.sort_by(|a, b| text_of(&values, *a).cmp(text_of(&values, *b)));
        Self { values, by_text }
    }

    /// The number of a value; None when the ENUM does not have it.
    #[must_use]
    pub fn index(&self, text: &str) -> Option<u32> {
        let compare = |index: &u32| -> Ordering { text_of(&self.values, *index).cmp(text) };
        self.by_text.binary_search_by(compare).ok().and_then(|at| self.by_text.get(at)).copied()
    }

    /// The values, in order.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// The width of a number in a vector, which depends on the number of values
    /// (`EnumTypeInfo::DictType` of DuckDB).
    #[must_use]
    pub fn width(&self) -> IndexWidth {
        match self.values.len() {
            0..=0xff => IndexWidth::One,
            0x100..=0xffff => IndexWidth::Two,
            _ => IndexWidth::Four,
        }
    }
}

fn text_of(values: &[String], index: u32) -> &str {
    values.get(index as usize).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_number_of_its_place() {
        let values = ["new", "", "done", "b"].map(str::to_owned).to_vec();
        let known = Enumeration::new(values.clone());
        for (index, value) in values.iter().enumerate() {
            assert_eq!(known.index(value), Some(index as u32));
        }
        assert_eq!(["ne", "newer", "NEW", "z"].map(|other| known.index(other)), [None; 4]);
        assert_eq!(Enumeration::new(Vec::new()).index(""), None);
    }

    #[test]
    fn the_width_goes_by_the_number_of_values() {
        let width = |count: usize| Enumeration::new((0..count).map(|i| i.to_string()).collect()).width();
        assert_eq!([1, 255].map(width), [IndexWidth::One; 2]);
        assert_eq!([256, 65535].map(width), [IndexWidth::Two; 2]);
        assert_eq!(width(65536), IndexWidth::Four);
    }
}
