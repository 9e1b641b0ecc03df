//! The members of an object that have been met.

/// A set of small numbers; up to 64 of them cost no allocation.
pub(in crate::codec) struct Seen {
    few: u64,
    many: Vec<bool>,
}

impl Seen {
    /// An empty set of numbers below `count`.
    pub fn new(count: usize) -> Self {
        Self { few: 0, many: vec![false; if count > 64 { count } else { 0 }] }
    }

    /// Adds a number; false when it was there.
    pub fn insert(&mut self, number: usize) -> bool {
        if let Some(entry) = self.many.get_mut(number) {
            return !std::mem::replace(entry, true);
        }
        let bit = 1u64.checked_shl(u32::try_from(number).unwrap_or(u32::MAX)).unwrap_or(0);
        let new = self.few & bit == 0;
        self.few |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn each_number_is_new_once() {
        for count in [1, 64, 65, 200] {
            let mut seen = Seen::new(count);
            for number in [0, count - 1] {
                assert!(seen.insert(number) || count == 1 && number == 0);
                assert!(!seen.insert(number));
            }
        }
    }
}
