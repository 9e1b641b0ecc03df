//! The order of the members in the last object. Documents of one stream mostly have their members in one order, and a key at its last position needs
//! no look-up.

/// The longest key that is remembered, in bytes of the document: with its quotes and the colon.
const LONGEST: usize = 16;
/// The most keys that are remembered of one object.
const MOST: usize = 64;
/// The keys of an object, as they were written, and the result of the look-up of each.
#[derive(Debug, Default)]
pub(in crate::codec) struct Order {
    keys: Vec<Written>,
}

/// A key as it was written.
#[derive(Debug, Clone, Copy)]
struct Written {
    bytes: u128,
    /// The bits of `bytes` that belong to the key.
    mask: u128,
    length: usize,
    found: Option<usize>,
}

impl Written {
    fn new(written: &[u8], found: Option<usize>) -> Option<Self> {
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..written.len())?.copy_from_slice(written);
        let unused = 8 * (LONGEST - written.len());
        let mask = if unused == 128 { 0 } else { u128::MAX >> unused };
        Some(Self { bytes: u128::from_le_bytes(bytes), mask, length: written.len(), found })
    }
}

impl Order {
    /// The length of the key at the beginning of the text, and the result of its look-up, when it is the key that came at this place last time, or
    /// the one behind that. The place moves behind the key.
    #[inline]
    pub fn follow(&self, text: &[u8], place: &mut usize) -> Option<(usize, Option<usize>)> {
        let bytes = u128::from_le_bytes(*text.first_chunk::<LONGEST>()?);
        let stands = |key: &&Written| (bytes ^ key.bytes) & key.mask == 0;
        let (next, key) = match self.keys.get(*place).filter(stands) {
            Some(key) => (*place + 1, key),
            None => (*place + 2, self.keys.get(*place + 1).filter(stands)?),
        };
        *place = next;
        Some((key.length, key.found))
    }

    /// Remembers a key that came at this place.
    pub fn learn(&mut self, written: &[u8], found: Option<usize>, place: &mut usize) {
        let Some(key) = Written::new(written, found) else { return };
        if self.keys.len() < MOST {
            self.keys.insert((*place).min(self.keys.len()), key);
        } else if let Some(before) = self.keys.get_mut(*place) {
            *before = key;
        }
        *place += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads keys as a walk does, and returns how many of them were at their last position.
    fn read(order: &mut Order, keys: &[&str]) -> usize {
        let (mut place, mut followed) = (0, 0);
        for (number, key) in keys.iter().enumerate() {
            let written = format!("\"{key}\":");
            let text = format!("{written}\"something behind it\"");
            match order.follow(text.as_bytes(), &mut place) {
                Some((length, found)) => {
                    assert_eq!((length, found), (written.len(), Some(key.len())), "{key}");
                    followed += 1;
                }
                None => order.learn(written.as_bytes(), Some(key.len()), &mut place),
            }
            assert!(place <= 2 * (number + 1));
        }
        followed
    }

    #[test]
    fn keys_are_followed_in_the_order_that_they_had() {
        let mut order = Order::default();
        assert_eq!(read(&mut order, &["a", "bc", "def"]), 0);
        assert_eq!(read(&mut order, &["a", "bc", "def"]), 3);
        assert_eq!(read(&mut order, &["a", "def"]), 2, "one is left out");
        assert_eq!(read(&mut order, &["a", "new", "bc", "def"]), 3, "one is new");
        assert_eq!(read(&mut order, &["a", "new", "bc", "def"]), 4);
        assert_eq!(read(&mut order, &["a", "bc", "def"]), 3);
        assert_eq!(read(&mut order, &["a", "a member with a long name", "new"]), 2, "long ones are not remembered");
        assert_eq!(read(&mut order, &["a", "bcd"]), 1, "the beginning of a key is not the key");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut order = Order::default();
        for round in 0..50 {
            let keys: Vec<String> = (0..100).map(|i| format!("k{}", (i * 7 + round * 13) % 101)).collect();
            read(&mut order, &keys.iter().map(String::as_str).collect::<Vec<_>>());
            assert!(order.keys.len() <= MOST);
        }
    }

    #[test]
    fn a_text_that_ends_early_is_not_followed() {
        let mut order = Order::default();
        read(&mut order, &["a"]);
        assert_eq!(order.follow(b"\"a\":1}", &mut 0), None);
    }
}
