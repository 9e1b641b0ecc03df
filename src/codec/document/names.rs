//! Names of members, looked up by a few of their bytes.

/// The positions of names.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    ends: Vec<Ends>,
    /// Positions plus one, each in the first free place from its hash on: four places a name, so that most are empty.
    places: Vec<u32>,
}

/// The length of a name, its first and its last eight bytes, which overlap in a shorter one: all of it up to sixteen bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    length: usize,
    first: u64,
    last: u64,
}

impl Ends {
    /// Those of a name.
    #[inline]
    pub fn of(name: &str) -> Self {
        let (first, last) = match name.as_bytes() {
            [] => (0, 0),
            [a] => (u64::from(*a), 0),
            [a, b] => (u64::from(*a), u64::from(*b)),
            [a, b, c] => (u64::from(*a) << 8 | u64::from(*b), u64::from(*c)),
            name => match (name.first_chunk(), name.last_chunk(), name.first_chunk(), name.last_chunk()) {
                (Some(first), Some(last), ..) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
                (.., Some(first), Some(last)) => (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into()),
                _ => (0, 0),
            },
        };
        Self { length: name.len(), first, last }
    }

    fn hash(self) -> usize {
        let bits = (self.first ^ self.last.rotate_left(29)).wrapping_add(self.length as u64);
        // The multiplier of Knuth's multiplicative hashing, 2^64 by the golden ratio.
        (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
    }
}

impl Names {
    /// The table of some names, by their order.
    pub fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let ends: Vec<Ends> = names.map(Ends::of).collect();
        let mut places = vec![0; (ends.len() * 4).next_power_of_two()];
        let last = places.len() - 1;
        for (number, name) in (1..).zip(&ends) {
            let mut place = name.hash() & last;
            while places[place] != 0 {
                place = (place + 1) & last;
            }
            places[place] = number;
        }
        Self { ends, places }
    }

    /// The position of a name; `same` compares it with the one at a position.
    #[inline]
    pub fn find(&self, name: Ends, same: impl Fn(usize) -> bool) -> Option<usize> {
        let last = self.places.len().checked_sub(1)?;
        let mut place = name.hash() & last;
        loop {
            let position = self.places.get(place)?.checked_sub(1)? as usize;
            // All of a name of up to sixteen bytes is in its ends.
            if self.ends.get(position) == Some(&name) && (name.length <= 16 || same(position)) {
                return Some(position);
            }
            place = (place + 1) & last;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_others_are_not() {
        let mut names: Vec<String> = (0..20).map(|length| "x".repeat(length)).collect();
        names.extend((0..300).map(|i| format!("member{i}")));
        // Names that differ in the middle alone, which the first and the last bytes do not show.
        names.extend((0..50).map(|i| format!("beginning-{i:03}-theirend")));
        let table = Names::new(names.iter().map(String::as_str));
        let find = |name: &str| table.find(Ends::of(name), |position| names[position] == name);
        for (position, name) in names.iter().enumerate() {
            assert_eq!(find(name), Some(position), "{name}");
        }
        for name in ["y", "xy", "xyx", "member", "member300", "beginning-999-theirend", "xxxxxxxxxxxxxxxxxxxxxxxxx"] {
            assert_eq!(find(name), None, "{name}");
        }
        assert_eq!(Names::default().find(Ends::of(""), |_| true), None);
    }

    #[test]
    fn short_names_are_told_apart_by_their_ends() {
        let mut seen = std::collections::HashSet::new();
        for a in ["", "a", "b", "ab", "ba", "aab", "aba", "abab", "ababa", "abcdefgh", "abcdefghi", "bbcdefghi"] {
            let ends = Ends::of(a);
            assert!(seen.insert((ends.length, ends.first, ends.last)), "{a}");
        }
    }
}
