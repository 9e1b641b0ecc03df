//! The positions of a list's elements in the bytes of a binary document, for formats in which each value can be read by itself.

use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer};

use super::codec::DocumentCodec;
use super::context::Strictness;
use super::format::Format;
use super::keys::FindKey;
use super::trie::Node;
use crate::codec::decode::{Codec, DecodeError};
use crate::codec::path::{Path, Step, Wanted};
use crate::column::{Buffer, Type};

/// The head of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::codec) enum Head {
    /// A scalar, whose bytes belong to the head.
    Scalar,
    /// A scalar in pieces up to an end mark; each piece is a scalar.
    Pieces,
    /// A list of this many elements; None when an end mark ends it.
    List(Option<u64>),
    /// A map of this many entries; None when an end mark ends it.
    Map(Option<u64>),
    /// A tag, which stands in front of its value.
    Tag,
    /// The end mark of a value without a count.
    End,
}

/// The layout of values in the bytes of a format.
pub(in crate::codec) trait Layout: Format + Copy {
    /// The head at the beginning of the bytes, and its length in bytes without the values inside of it. None where the bytes are cut off, or begin no
    /// value.
    fn head(bytes: &[u8]) -> Option<(Head, usize)>;
}

/// The number in this many bytes behind the first, the most significant first; None where they are cut off. At most eight.
pub(in crate::codec) fn number_behind(bytes: &[u8], width: usize) -> Option<u64> {
    let digits = bytes.get(1..=width)?;
    Some(digits.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)))
}

/// The elements of the list at a path.
///
/// # Errors
/// The payload is malformed, or the path leads to a value that is not a list.
pub(in crate::codec) fn elements<L: Layout>(
    format: L,
    payload: &[u8],
    path: &Path,
) -> Result<Vec<Range<usize>>, DecodeError> {
    // No list has this element, so the column reads nothing, but the decoder checks the whole document and the values on the path.
    let beyond = path.steps().iter().cloned().chain([Step::Index(usize::MAX)]).collect();
    let codec =
        DocumentCodec::new(format, Strictness::Strict, Wanted::from(vec![(Path::of_steps(beyond), Type::Json)]));
    codec.decoder(&[0]).decode(payload, &mut [Buffer::new(&Type::Json)])?;
    find(&format, payload, 0..payload.len(), path.steps()).ok_or_else(|| DecodeError {
        path: None,
        cause: "the elements of the list are not found in the payload".to_owned(),
    })
}

/// Follows a path from the value in a range of a payload that was checked.
fn find<L: Layout>(format: &L, payload: &[u8], at: Range<usize>, steps: &[Step]) -> Option<Vec<Range<usize>>> {
    let (head, inside) = open::<L>(payload, at)?;
    let Some((step, rest)) = steps.split_first() else {
        return match head {
            Head::List(count) => positions::<L>(payload, inside, count),
            _ => Some(Vec::new()),
        };
    };
    let value = match (head, step) {
        (Head::Map(count), Step::Key(key) | Step::KeyOrIndex(key, _)) => {
            let entries = positions::<L>(payload, inside, count.map(|count| count.saturating_mul(2)))?;
            let wanted = Node::compile([&Path::member(key)]);
            let mut entries = entries.chunks_exact(2);
            entries
                .find(|entry| payload.get(entry[0].clone()).is_some_and(|key| is_key(format, &wanted, key)))
                .map(|entry| entry[1].clone())
        }
        (Head::List(count), Step::Index(index) | Step::KeyOrIndex(_, index)) => {
            positions::<L>(payload, inside, count)?.get(*index).cloned()
        }
        (Head::List(count), Step::FromEnd(place)) => {
            let elements = positions::<L>(payload, inside, count)?;
            elements.len().checked_sub(*place).and_then(|index| elements.get(index)).cloned()
        }
        _ => None,
    };
    value.map_or(Some(Vec::new()), |value| find(format, payload, value, rest))
}

/// The head of a value behind its tags, and the position at which the values inside it begin.
fn open<L: Layout>(payload: &[u8], at: Range<usize>) -> Option<(Head, usize)> {
    let mut start = at.start;
    loop {
        let (head, length) = L::head(payload.get(start..at.end)?)?;
        start += length;
        if head != Head::Tag {
            return Some((head, start));
        }
    }
}

/// The ranges of this many values that follow each other, or of those up to an end mark.
fn positions<L: Layout>(payload: &[u8], mut at: usize, count: Option<u64>) -> Option<Vec<Range<usize>>> {
    let mut found = Vec::new();
    while count.is_none_or(|count| (found.len() as u64) < count) {
        let rest = payload.get(at..)?;
        if count.is_none() && L::head(rest)?.0 == Head::End {
            break;
        }
        let end = at + length::<L>(rest)?;
        found.push(at..end);
        at = end;
    }
    Some(found)
}

/// The length of the value in front.
fn length<L: Layout>(bytes: &[u8]) -> Option<usize> {
    // The values that are open, each with the number of values in it that are still to come.
    let mut open = vec![Some(1_u64)];
    let mut at = 0;
    while let Some(left) = open.last_mut() {
        match left {
            Some(0) => {
                open.pop();
                continue;
            }
            Some(left) => *left -= 1,
            None => {}
        }
        let (head, length) = L::head(bytes.get(at..)?)?;
        at = at.checked_add(length).filter(|at| *at <= bytes.len())?;
        match head {
            Head::Scalar => {}
            Head::Pieces => open.push(None),
            Head::List(count) => open.push(count),
            Head::Map(count) => open.push(count.map(|count| count.saturating_mul(2))),
            Head::Tag => open.push(Some(1)),
            Head::End => {
                open.pop().filter(Option::is_none)?;
            }
        }
    }
    Some(at)
}

fn is_key<L: Layout>(format: &L, wanted: &Node, key: &[u8]) -> bool {
    let mut found = false;
    let read = format.read(key, Lookup { wanted, found: &mut found });
    read.is_ok() && found
}

struct Lookup<'a> {
    wanted: &'a Node,
    found: &'a mut bool,
}

impl<'de> DeserializeSeed<'de> for Lookup<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<(), D::Error> {
        *self.found = FindKey(self.wanted).deserialize(key)?.is_some();
        Ok(())
    }
}
