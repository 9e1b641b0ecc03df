//! A cursor over the text of one document: tokens are taken one after the other, and each is checked as it is passed.
//!
//! The grammar is that of RFC 8259. An escape in a string is checked for its form; whether `\uXXXX` is half of a surrogate
//! pair is checked by the code that unescapes the string. Nesting that is passed over costs one bit a level, no stack.

use super::error::JsonError;
use super::strings::{Specials, escaped_end};

/// The number of levels that may be stepped into.
const MOST_LEVELS: u8 = 127;

/// The rest of a document.
#[derive(Debug)]
pub(super) struct Cursor<'de> {
    text: &'de str,
    /// The position of the next byte.
    at: usize,
    /// The number of objects and lists that have been stepped into.
    level: u8,
    specials: Specials,
}

/// A value: a scalar that is read, or the text of an object or list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'de> {
    Null,
    Bool(bool),
    /// A number by its text.
    Number(&'de str),
    /// A string without escapes, without its quotes.
    Text(&'de str),
    /// A string with escapes, as it is written, with its quotes.
    Escaped(&'de str),
    /// An object or a list, as it is written.
    Nested(&'de str),
}

impl<'de> Cursor<'de> {
    /// A cursor at the beginning of a text.
    pub fn new(text: &'de str) -> Self {
        Self { text, at: 0, level: 0, specials: Specials::new() }
    }

    /// All of the text.
    pub fn text(&self) -> &'de str {
        self.text
    }

    /// The position of the next byte in the text.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The next byte that is no whitespace; None at the end.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                byte => return byte.copied(),
            }
        }
    }

    /// Passes a byte that stands next, perhaps behind whitespace.
    #[inline]
    pub fn pass(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.peek() != Some(byte) {
            return Err(JsonError::Syntax);
        }
        self.at += 1;
        Ok(())
    }

    /// Checks that only whitespace follows.
    pub fn end(&mut self) -> Result<(), JsonError> {
        if self.peek().is_none() { Ok(()) } else { Err(JsonError::Syntax) }
    }

    /// The rest of the text.
    #[inline]
    pub fn rest(&self) -> &'de [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Passes some bytes that were looked at in [`Cursor::rest`].
    #[inline]
    pub fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Steps into the object or list that begins at the next byte, and returns whether it has a member; `close` is its last byte, which is passed
    /// when it has no member.
    #[inline]
    pub fn enter(&mut self, close: u8) -> Result<bool, JsonError> {
        if self.level == MOST_LEVELS {
            return Err(JsonError::TooDeep { at: self.at });
        }
        self.level += 1;
        self.at += 1;
        Ok(self.first(close))
    }

    #[inline]
    fn first(&mut self, close: u8) -> bool {
        let closed = self.peek() == Some(close);
        self.at += usize::from(closed);
        !closed
    }

    /// Steps out of the innermost object or list.
    #[inline]
    pub fn leave(&mut self) {
        self.level -= 1;
    }

    /// Passes the comma or the closing byte behind a member, and returns whether another member follows.
    #[inline]
    pub fn another(&mut self, close: u8) -> Result<bool, JsonError> {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                // A member must follow a comma; the code that reads the member checks it.
                if self.peek() == Some(close) { Err(JsonError::Syntax) } else { Ok(true) }
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(JsonError::Syntax),
        }
    }

    /// Takes a string: as it is written with its quotes when it has escapes, else without them.
    #[inline(always)]
    pub fn string(&mut self) -> Result<Token<'de>, JsonError> {
        self.peek();
        let start = self.at;
        let escaped = self.skip_string()?;
        let token = if escaped {
            self.text.get(start..self.at).map(Token::Escaped)
        } else {
            self.text.get(start + 1..self.at - 1).map(Token::Text)
        };
        token.ok_or(JsonError::Syntax)
    }

    /// Passes a string, and returns whether it has escapes.
    #[inline(always)]
    fn skip_string(&mut self) -> Result<bool, JsonError> {
        self.pass(b'"')?;
        let text = self.text.as_bytes();
        let end = self.specials.next(text, self.at);
        if text.get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(false);
        }
        self.at = escaped_end(text, &mut self.specials, end).ok_or(JsonError::Syntax)?;
        Ok(true)
    }

    /// Passes a value.
    #[inline]
    pub fn skip(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"') => self.skip_string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.skip_number(),
            Some(b'{' | b'[') => self.skip_nested(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => Err(JsonError::Syntax),
        }
    }

    /// Takes a value.
    #[inline(always)]
    pub fn value(&mut self) -> Result<Token<'de>, JsonError> {
        let first = self.peek();
        if first == Some(b'"') {
            return self.string();
        }
        let start = self.at;
        self.skip()?;
        let written = self.text.get(start..self.at).ok_or(JsonError::Syntax)?;
        Ok(match first {
            Some(b'{' | b'[') => Token::Nested(written),
            Some(b't') => Token::Bool(true),
            Some(b'f') => Token::Bool(false),
            Some(b'n') => Token::Null,
            _ => Token::Number(written),
        })
    }

    fn skip_nested(&mut self) -> Result<(), JsonError> {
        let mut open = Open::default();
        loop {
            // A value stands next.
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    self.at += 1;
                    open.push(bracket == b'{');
                    if self.first(open.close()) {
                        self.pass_key(&open)?;
                        continue;
                    }
                    open.pop();
                }
                _ => self.skip()?,
            }
            // A value has ended.
            loop {
                if open.is_empty() {
                    return Ok(());
                }
                if self.another(open.close())? {
                    self.pass_key(&open)?;
                    break;
                }
                open.pop();
            }
        }
    }

    fn pass_key(&mut self, open: &Open) -> Result<(), JsonError> {
        if open.is_object() {
            self.skip_string()?;
            self.pass(b':')?;
        }
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), JsonError> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(JsonError::Syntax);
        }
        self.at += word.len();
        Ok(())
    }

    /// Passes a number.
    #[inline]
    fn skip_number(&mut self) -> Result<(), JsonError> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut at = start + usize::from(bytes.get(start) == Some(&b'-'));
        at = match bytes.get(at) {
            Some(b'0') => at + 1,
            Some(b'1'..=b'9') => digits_end(bytes, at + 1),
            _ => return Err(JsonError::Syntax),
        };
        if bytes.get(at) == Some(&b'.') {
            at = some_digits_end(bytes, at + 1)?;
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            at = some_digits_end(bytes, at)?;
        }
        // The code that reads the next byte checks it: a digit behind a leading zero is an error there, as it is no comma.
        self.at = at;
        Ok(())
    }
}

#[inline]
fn digits_end(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

#[inline]
fn some_digits_end(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    let end = digits_end(bytes, at);
    if end == at { Err(JsonError::Syntax) } else { Ok(end) }
}

/// The objects and lists that are open: a bit each, set for an object.
#[derive(Default)]
struct Open {
    depth: usize,
    /// The innermost ones; the lowest bit is the last.
    last: u64,
    /// Those before, 64 each.
    before: Vec<u64>,
}

impl Open {
    fn push(&mut self, object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.before.push(self.last);
        }
        self.depth += 1;
        self.last = self.last << 1 | u64::from(object);
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.last >>= 1;
        if self.depth.is_multiple_of(64) {
            self.last = self.before.pop().unwrap_or(0);
        }
    }

    fn is_empty(&self) -> bool {
        self.depth == 0
    }

    fn is_object(&self) -> bool {
        self.last & 1 == 1
    }

    /// The byte that closes the last one.
    fn close(&self) -> u8 {
        if self.is_object() { b'}' } else { b']' }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(text: &str) -> Option<&str> {
        let mut cursor = Cursor::new(text);
        cursor.value().ok().and_then(|_| text.get(cursor.at..))
    }

    #[test]
    fn values_are_passed_over() {
        for (text, rest) in [
            ("1,", ","),
            ("-0.5e+10]", "]"),
            ("01", "1"),
            ("\"a\\\"b\" x", " x"),
            (" [1, {\"a\": [] , \"b\":{}}, \"]\"] ,", " ,"),
            ("{}{", "{"),
            ("truex", "x"),
        ] {
            assert_eq!(skipped(text), Some(rest), "{text}");
        }
        for text in [
            "",
            "-",
            "1.",
            "1e",
            "1e+",
            ".5",
            "[1,]",
            "[,1]",
            "{\"a\":1,}",
            "{\"a\"}",
            "{1:2}",
            "[1}",
            "{\"a\":1]",
            "tru",
            "[",
            "\"a",
        ] {
            assert_eq!(skipped(text), None, "{text}");
        }
    }

    #[test]
    fn nesting_has_no_limit_when_it_is_passed_over() {
        for depth in [1, 63, 64, 65, 128, 200, 100_000] {
            let text = format!("{}{}", "[{\"a\":".repeat(depth) + "0", "}]".repeat(depth));
            assert_eq!(skipped(&text), Some(""), "{depth}");
            let wrong = text.replacen("}]", "]]", 1);
            assert_eq!(skipped(&wrong), None, "{depth}");
        }
    }

    #[test]
    fn tokens_are_told_apart() {
        for (text, token) in [
            ("null", Token::Null),
            ("true", Token::Bool(true)),
            ("false", Token::Bool(false)),
            ("-1.50e3", Token::Number("-1.50e3")),
            ("\"é\"", Token::Text("é")),
            ("\"\"", Token::Text("")),
            ("\"a\\n\"", Token::Escaped("\"a\\n\"")),
            (" [1, {}] ", Token::Nested("[1, {}]")),
        ] {
            assert_eq!(Cursor::new(text).value().ok(), Some(token), "{text}");
        }
    }
}
