//! One datum in Avro's binary encoding.

use super::fault::Fault;
use super::schema::{Node, Resolved, Schema};
use crate::codec::document::{self, Tree};
use crate::codec::scalar::Instant;

/// How deep a datum may nest.
const MAX_DEPTH: usize = 200;
/// Elements that take no bytes (null, empty records) are bound by this, all others by the bytes that are left.
const MOST_EMPTY: u64 = 1 << 16;

/// A cursor over encoded bytes.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a> {
    pub rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Fault::CutOff)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Fault::CutOff)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A variable-length zigzag number of up to 64 bits.
    pub fn long(&mut self) -> Result<i64, Fault> {
        let mut bits: u64 = 0;
        for shift in (0..70).step_by(7) {
            let [byte] = self.array()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            bits |= part << shift;
            if byte & 0x80 == 0 {
                return Ok((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed());
            }
        }
        Err("a number has more than 64 bits".into())
    }

    /// Bytes with their length in front.
    pub fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let length = usize::try_from(self.long()?).map_err(|_| "a length is negative")?;
        self.take(length)
    }

    pub fn text(&mut self) -> Result<&'a str, Fault> {
        std::str::from_utf8(self.bytes()?).map_err(|_| "a string is not UTF-8".into())
    }

    /// The number of elements in the next block of an array or map; 0 at its end.
    pub fn block(&mut self) -> Result<u64, Fault> {
        let count = self.long()?;
        if count < 0 {
            // A negative count has the block's size in bytes behind it, for readers that skip.
            self.long()?;
        }
        Ok(count.unsigned_abs())
    }
}

/// Reads one datum of a schema from the front of some bytes.
pub(super) fn read(schema: &Schema, bytes: &mut Bytes<'_>) -> Result<Tree, Fault> {
    read_at(schema, schema.root(), bytes)
}

/// As [`read`], of the type at a position of the schema.
pub(super) fn read_at(schema: &Schema, position: usize, bytes: &mut Bytes<'_>) -> Result<Tree, Fault> {
    Reader::new(schema).value(position, bytes, 0)
}

/// Reads the values of one datum.
pub(super) struct Reader<'s> {
    schema: &'s Schema,
    empty_left: u64,
}

impl<'s> Reader<'s> {
    /// At the beginning of a datum.
    pub fn new(schema: &'s Schema) -> Self {
        Self { schema, empty_left: MOST_EMPTY }
    }

    /// The value of the type at a position of the schema, at this depth of the datum.
    pub fn value(&mut self, position: usize, bytes: &mut Bytes<'_>, depth: usize) -> Result<Tree, Fault> {
        if depth > MAX_DEPTH {
            return Err("the datum nests too deeply".into());
        }
        let node = self.schema.node(position).ok_or("the schema is incomplete")?;
        Ok(match node {
            Node::Null => Tree::Null,
            Node::Boolean => match bytes.array()? {
                [0] => Tree::Bool(false),
                [1] => Tree::Bool(true),
                _ => return Err("a boolean is neither 0 nor 1".into()),
            },
            Node::Int => {
                let value = i32::try_from(bytes.long()?).map_err(|_| "an int has more than 32 bits")?;
                Tree::Int(value.into())
            }
            Node::Long => Tree::Int(bytes.long()?.into()),
            Node::Float => Tree::Float(shortest(f32::from_le_bytes(bytes.array()?))),
            Node::Double => Tree::Float(f64::from_le_bytes(bytes.array()?)),
            Node::Bytes => Tree::Bytes(bytes.bytes()?.to_vec()),
            Node::String | Node::UuidString => Tree::Text(bytes.text()?.to_owned()),
            Node::Fixed(size) => Tree::Bytes(bytes.take(*size)?.to_vec()),
            Node::Enum(symbols) => {
                let symbol = usize::try_from(bytes.long()?).ok().and_then(|at| symbols.get(at));
                Tree::Text(symbol.ok_or("an enum has no such symbol")?.clone())
            }
            Node::Array(element) => {
                Tree::List(self.blocks(bytes, |reader, bytes| reader.value(*element, bytes, depth + 1))?)
            }
            Node::Map(value) => Tree::Map(self.blocks(bytes, |reader, bytes| {
                Ok((Tree::Text(bytes.text()?.to_owned()), reader.value(*value, bytes, depth + 1)?))
            })?),
            Node::Union(branches) => self.value(branch(branches, bytes)?, bytes, depth + 1)?,
            Node::Record(fields) => {
                let mut members = Vec::with_capacity(fields.len());
                for (name, ty) in fields {
                    members.push((Tree::Text(name.clone()), self.value(*ty, bytes, depth + 1)?));
                }
                Tree::Map(members)
            }
            Node::Decimal(size, _, scale) => decimal(sized(bytes, *size)?, *scale)?,
            Node::UuidBytes(size) => {
                let uuid: [u8; 16] = sized(bytes, *size)?.try_into().map_err(|_| "a uuid does not have 16 bytes")?;
                Tree::uuid(uuid)
            }
            Node::Date => {
                let days = i32::try_from(bytes.long()?).map_err(|_| "a date has more than 32 bits")?;
                let midnight = Instant { seconds: i64::from(days) * 86_400, nanos: 0 }.to_string();
                Tree::Text(midnight.split('T').next().unwrap_or_default().to_owned())
            }
            Node::Time(parts) => {
                let instant = instant(bytes.long()?, *parts);
                if !(0..86_400).contains(&instant.seconds) {
                    return Err("a time is not within a day".into());
                }
                let time = instant.to_string();
                Tree::Text(time.trim_start_matches("1970-01-01T").trim_end_matches('Z').to_owned())
            }
            Node::Timestamp(parts) => Tree::Timestamp(instant(bytes.long()?, *parts)),
            Node::Duration => {
                let months = u32::from_le_bytes(bytes.array()?);
                let days = u32::from_le_bytes(bytes.array()?);
                let millis = u32::from_le_bytes(bytes.array()?);
                Tree::Text(format!("{months} months {days} days {millis} ms"))
            }
            Node::Resolved(resolved) => self.resolved(resolved, bytes, depth)?,
        })
    }

    /// Reads what was written by another schema than the reader's.
    fn resolved(&mut self, to: &Resolved, bytes: &mut Bytes<'_>, depth: usize) -> Result<Tree, Fault> {
        Ok(match to {
            Resolved::Never(why) => return Err(Fault::Unresolved(why.clone())),
            Resolved::Float => Tree::Float(shortest(bytes.long()? as f32)),
            Resolved::Double => Tree::Float(bytes.long()? as f64),
            Resolved::Enum(symbols) => {
                let symbol = usize::try_from(bytes.long()?).ok().and_then(|at| symbols.get(at));
                let symbol = symbol.ok_or("an enum has no such symbol")?.clone();
                Tree::Text(symbol.map_err(Fault::Unresolved)?)
            }
            Resolved::Record { written, read } => {
                let mut members: Vec<(Tree, Tree)> =
                    read.iter().map(|(name, default)| (Tree::Text(name.clone()), default.clone())).collect();
                for (place, ty) in written {
                    let value = self.value(*ty, bytes, depth + 1)?;
                    if let Some((_, member)) = place.and_then(|place| members.get_mut(place)) {
                        *member = value;
                    }
                }
                Tree::Map(members)
            }
        })
    }

    /// The elements of an array or a map, each read by `element`.
    pub fn blocks<T>(
        &mut self,
        bytes: &mut Bytes<'_>,
        mut element: impl FnMut(&mut Self, &mut Bytes<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let mut elements = Vec::new();
        loop {
            let count = bytes.block()?;
            if count == 0 {
                return Ok(elements);
            }
            for _ in 0..count {
                let before = bytes.rest.len();
                elements.push(element(self, bytes)?);
                if bytes.rest.len() == before {
                    self.empty_left = self.empty_left.checked_sub(1).ok_or("too many empty elements")?;
                }
            }
        }
    }
}

/// The branch of a union that stands next.
pub(super) fn branch(branches: &[usize], bytes: &mut Bytes<'_>) -> Result<usize, Fault> {
    let branch = usize::try_from(bytes.long()?).ok().and_then(|at| branches.get(at));
    Ok(*branch.ok_or("a union has no such branch")?)
}

fn sized<'a>(bytes: &mut Bytes<'a>, size: Option<usize>) -> Result<&'a [u8], Fault> {
    match size {
        Some(size) => bytes.take(size),
        None => bytes.bytes(),
    }
}

/// The double with the same shortest text, so that 0.1 as a float is 0.1 as a DOUBLE, a DECIMAL or text.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

fn instant(count: i64, parts: i64) -> Instant {
    let nanos = count.rem_euclid(parts) * (1_000_000_000 / parts);
    Instant { seconds: count.div_euclid(parts), nanos: u32::try_from(nanos).unwrap_or(0) }
}

/// A decimal as text: its unscaled number, big-endian in two's complement, with the point put in.
fn decimal(unscaled: &[u8], scale: usize) -> Result<Tree, Fault> {
    let (magnitude, negative) = document::magnitude(unscaled);
    let digits = document::digits(&magnitude).ok_or("a decimal has more than 8000 bits")?;
    Ok(Tree::decimal_of_digits(&digits, negative, scale))
}
