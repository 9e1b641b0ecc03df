//! Finds the ends of strings: quotes, backslashes and control characters, for a block of the text at once.

use wide::u8x16;

/// Bytes of a block: as many as a word has bits.
const BLOCK: usize = 64;
/// The byte that fills a block behind the end of the text; the search does not look for it.
const PADDING: u8 = b' ';

/// The quotes, backslashes and control characters of one block.
#[derive(Debug)]
pub(super) struct Specials {
    /// Where the block ends; a multiple of its size, 0 before the first.
    end: usize,
    /// A bit for each byte, the first one lowest.
    found: u64,
}

impl Specials {
    /// Before the first block.
    pub fn new() -> Self {
        Self { end: 0, found: 0 }
    }

    /// The first quote, backslash or control character from `at` on; the length of the text when there is none. `at` never steps back by a block.
    #[inline]
    pub fn next(&mut self, text: &[u8], mut at: usize) -> usize {
        loop {
            if at >= self.end {
                if at >= text.len() {
                    return text.len();
                }
                self.look(text, at & !(BLOCK - 1));
            }
            let found = self.found >> (at & (BLOCK - 1));
            if found != 0 {
                return at + found.trailing_zeros() as usize;
            }
            at = self.end;
        }
    }

    #[inline]
    fn look(&mut self, text: &[u8], start: usize) {
        self.end = start + BLOCK;
        let rest = text.get(start..).unwrap_or_default();
        self.found = match rest.first_chunk() {
            Some(block) => specials(block),
            None => {
                let mut block = [PADDING; BLOCK];
                block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                specials(&block)
            }
        };
    }
}

/// A bit for each byte that is a quote, a backslash or a control character.
#[inline]
fn specials(block: &[u8; BLOCK]) -> u64 {
    let (parts, _) = block.as_chunks::<16>();
    parts.iter().rev().fold(0, |found, part| {
        let bytes = u8x16::new(*part);
        let control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
        let special = bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\')) | control;
        found << 16 | u64::from(special.to_bitmask())
    })
}

/// The position behind the quote that closes a string, where everything before `at` has been passed. None when the string is not closed, or has a
/// control character or an unknown escape.
pub(super) fn escaped_end(text: &[u8], specials: &mut Specials, mut at: usize) -> Option<usize> {
    loop {
        at = specials.next(text, at);
        match (text.get(at)?, text.get(at + 1)) {
            (b'"', _) => return Some(at + 1),
            (b'\\', Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')) => at += 2,
            (b'\\', Some(b'u')) if text.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit) => at += 6,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_special_byte_is_found_wherever_it_stands() {
        for special in [b'"', b'\\', 0, 9, 0x1f] {
            for length in (0..40).chain(60..70).chain([127, 128, 200]) {
                for filler in [b'!', b'#', b'[', b']', b' ', 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
                    let mut text = vec![filler; length];
                    assert_eq!(Specials::new().next(&text, 0), length);
                    text.extend([special, b'"', filler]);
                    let mut specials = Specials::new();
                    assert_eq!(specials.next(&text, 0), length, "{special} behind {length} of {filler}");
                    assert_eq!(specials.next(&text, length + 1), length + 1);
                    assert_eq!(Specials::new().next(&text, length.min(3)), length);
                }
            }
        }
    }

    #[test]
    fn escapes_are_passed_over() {
        for (text, end) in [
            (r#"a\"b" "#, Some(5)),
            (r#"\\" "#, Some(3)),
            (r#"\u00e9\/" "#, Some(9)),
            (r#"\ud800" "#, Some(7)),
            (r#"\u00g9""#, None),
            (r#"\u00"#, None),
            (r#"\x""#, None),
            (r"\", None),
            (r#"\""#, None),
            ("a\n\"", None),
        ] {
            assert_eq!(escaped_end(text.as_bytes(), &mut Specials::new(), 0), end, "{text}");
        }
    }
}
