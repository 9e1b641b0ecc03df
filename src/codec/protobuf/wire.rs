//! The wire format: tags, values, and how far each value reaches. See <https://protobuf.dev/programming-guides/encoding/>.

use super::payload_error::PayloadError;

/// The deepest nesting of groups and messages that is followed, as in Google's own parsers.
pub(super) const MAX_DEPTH: u32 = 100;

/// One value on the wire, before the schema gives it a type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Wire<'a> {
    /// Type 0.
    Varint(u64),
    /// Type 1, little-endian.
    Fixed64(u64),
    /// Type 2: text, bytes, a message, or packed values.
    Bytes(&'a [u8]),
    /// Types 3 and 4: the bytes between the tags of a group.
    Group(&'a [u8]),
    /// Type 5, little-endian.
    Fixed32(u32),
}

/// Reads fields one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of a whole message, or of packed values.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What is not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// What was read since this reader was that one: `later` is a copy of it that went on.
    pub fn until(&self, later: Self) -> &'a [u8] {
        self.rest.get(..self.rest.len() - later.rest.len()).unwrap_or_default()
    }

    /// Whether everything is read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next field: its number and value; None at the end of the message.
    #[inline(always)]
    pub fn field(&mut self) -> Result<Option<(u32, Wire<'a>)>, PayloadError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, wire_type) = self.tag()?;
        let value = match wire_type {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(self.fixed64()?),
            2 => Wire::Bytes(self.delimited()?),
            3 => Wire::Group(self.group(number)?),
            4 => return Err(PayloadError::new(format!("the end of group {number} without its start"))),
            5 => Wire::Fixed32(self.fixed32()?),
            other => {
                return Err(PayloadError::new(format!("field {number} has the wire type {other}, which there is not")));
            }
        };
        Ok(Some((number, value)))
    }

    #[inline]
    fn tag(&mut self) -> Result<(u32, u32), PayloadError> {
        let tag = u32::try_from(self.varint()?).map_err(|_| PayloadError::new("a field number is out of range"))?;
        match tag >> 3 {
            0 => Err(PayloadError::new("a field has the number 0")),
            number => Ok((number, tag & 7)),
        }
    }

    /// A varint: seven bits a byte, the lowest first; at most ten bytes. Bits above the 64th are dropped.
    #[inline]
    pub fn varint(&mut self) -> Result<u64, PayloadError> {
        match self.rest.split_first() {
            // Most tags and lengths are one byte.
            Some((byte, rest)) if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, PayloadError> {
        let mut value = 0u64;
        for (i, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if *byte < 0x80 {
                self.rest = self.rest.get(i + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(if self.rest.len() < 10 { truncated() } else { PayloadError::new("a varint of more than 10 bytes") })
    }

    /// Eight bytes, little-endian.
    pub fn fixed64(&mut self) -> Result<u64, PayloadError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(truncated)?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*bytes))
    }

    /// Four bytes, little-endian.
    pub fn fixed32(&mut self) -> Result<u32, PayloadError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(truncated)?;
        self.rest = rest;
        Ok(u32::from_le_bytes(*bytes))
    }

    #[inline]
    fn delimited(&mut self) -> Result<&'a [u8], PayloadError> {
        let length = usize::try_from(self.varint()?).map_err(|_| truncated())?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// The bytes up to the end of a group, after its start has been read; groups inside are passed over.
    fn group(&mut self, number: u32) -> Result<&'a [u8], PayloadError> {
        let start = self.rest;
        let mut open = vec![number];
        loop {
            let inside = start.len() - self.rest.len();
            if self.rest.is_empty() {
                return Err(truncated());
            }
            match self.tag()? {
                (_, 0) => drop(self.varint()?),
                (_, 1) => drop(self.fixed64()?),
                (_, 2) => drop(self.delimited()?),
                (inner, 3) => {
                    open.push(inner);
                    if open.len() > MAX_DEPTH as usize {
                        return Err(too_deep());
                    }
                }
                (ended, 4) => match open.pop() {
                    Some(begun) if begun != ended => {
                        return Err(PayloadError::new(format!("group {begun} ends as group {ended}")));
                    }
                    _ if open.is_empty() => return Ok(start.get(..inside).unwrap_or_default()),
                    _ => {}
                },
                (_, 5) => drop(self.fixed32()?),
                (inner, other) => {
                    return Err(PayloadError::new(format!(
                        "field {inner} has the wire type {other}, which there is not"
                    )));
                }
            }
        }
    }
}

fn truncated() -> PayloadError {
    PayloadError::new("the message is truncated")
}

pub(super) fn too_deep() -> PayloadError {
    PayloadError::new(format!("messages are nested more than {MAX_DEPTH} deep"))
}

/// A signed number from its zigzag coding: 0, -1, 1, -2, ...
pub(super) fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<(u32, Wire<'_>)>, String> {
        let mut reader = Reader::new(bytes);
        let mut all = Vec::new();
        while let Some(field) = reader.field().map_err(|fault| fault.to_string())? {
            all.push(field);
        }
        Ok(all)
    }

    #[test]
    fn every_wire_type_is_read() {
        let bytes = b"\x08\x96\x01\x11\x01\0\0\0\0\0\0\x80\x1a\x02hi\x23\x08\x01\x2b\x2c\x24\x35\xff\0\0\0";
        assert_eq!(
            fields(bytes).unwrap(),
            [
                (1, Wire::Varint(150)),
                (2, Wire::Fixed64(0x8000_0000_0000_0001)),
                (3, Wire::Bytes(b"hi")),
                (4, Wire::Group(b"\x08\x01\x2b\x2c")),
                (6, Wire::Fixed32(255)),
            ]
        );
        assert_eq!(fields(b""), Ok(vec![]));
    }

    #[test]
    fn varints_keep_64_bits() {
        let max = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        assert_eq!(fields(max).unwrap(), [(1, Wire::Varint(u64::MAX))]);
        let more = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f";
        assert_eq!(fields(more).unwrap(), [(1, Wire::Varint(u64::MAX))]);
        assert_eq!(fields(b"\x08\x80\x80\x00").unwrap(), [(1, Wire::Varint(0))]);
    }

    #[test]
    fn zigzag_reaches_both_ends() {
        for (coded, value) in [(0, 0), (1, -1), (2, 1), (u64::MAX, i64::MIN), (u64::MAX - 1, i64::MAX)] {
            assert_eq!(zigzag(coded), value);
        }
    }

    #[test]
    fn broken_messages_say_why() {
        let deep = vec![0x0b; 102];
        for (bytes, why) in [
            (&b"\x08"[..], "the message is truncated"),
            (b"\x08\x80", "the message is truncated"),
            (b"\x80", "the message is truncated"),
            (b"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", "a varint of more than 10 bytes"),
            (b"\x09\0\0\0", "the message is truncated"),
            (b"\x0d\0", "the message is truncated"),
            (b"\x0a\x05abc", "the message is truncated"),
            (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "the message is truncated"),
            (b"\x0b\x10\x01", "the message is truncated"),
            (b"\x0b\x14", "group 1 ends as group 2"),
            (b"\x0c", "the end of group 1 without its start"),
            (b"\x00\x01", "a field has the number 0"),
            (b"\x0e", "field 1 has the wire type 6, which there is not"),
            (b"\x0b\x0f", "field 1 has the wire type 7, which there is not"),
            (b"\x88\x80\x80\x80\x80\x01\x01", "a field number is out of range"),
            (&deep, "messages are nested more than 100 deep"),
        ] {
            assert_eq!(fields(bytes), Err(format!("malformed protobuf: {why}")), "{bytes:x?}");
        }
    }
}
