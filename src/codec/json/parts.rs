//! The positions of a list's elements, or of a text's lines, in a payload.

use std::ops::Range;

use super::cursor::{Cursor, Token};
use super::error::JsonError;
use super::{read, without_mark};
use crate::codec::decode::DecodeError;
use crate::codec::document::Context;
use crate::codec::path::{Path, Step};
use crate::codec::scalar::{Scalar, describe};

/// The elements of the list at a path.
///
/// # Errors
/// The payload is malformed, or the path leads to a value that is not a list.
pub fn elements(payload: &[u8], path: &Path) -> Result<Vec<Range<usize>>, DecodeError> {
    let context = Context::new(super::Strictness::Strict, &[]);
    let offset = payload.len() - without_mark(payload).len();
    let mut found = Vec::new();
    let outcome = read(payload, |text| {
        // The whole document is checked before a part of it is taken.
        let mut cursor = Cursor::new(text);
        cursor.skip().and_then(|()| cursor.end())?;
        descend(Cursor::new(text), offset, path.steps(), &context, &mut found)
    });
    match (context.into_error(), outcome) {
        (Some(error), _) => Err(error),
        (None, Err(cause)) => Err(DecodeError { path: None, cause }),
        (None, Ok(())) => Ok(found),
    }
}

/// The lines that are not blank.
///
/// # Errors
/// None.
pub fn lines(payload: &[u8], _: &Path) -> Result<Vec<Range<usize>>, DecodeError> {
    let mut start = payload.len() - without_mark(payload).len();
    let mut found = Vec::new();
    while start < payload.len() {
        let rest = payload.get(start..).unwrap_or_default();
        let end = start + memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = payload.get(start..end).unwrap_or_default();
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
        if let Some(first) = line.iter().position(|byte| !blank(byte)) {
            let last = line.iter().rposition(|byte| !blank(byte)).unwrap_or(first);
            found.push(start + first..start + last + 1);
        }
        start = end + 1;
    }
    Ok(found)
}

/// Follows a path from the value that stands next. Its text begins at this offset in the payload.
fn descend(
    mut cursor: Cursor<'_>,
    offset: usize,
    steps: &[Step],
    context: &Context<'_>,
    found: &mut Vec<Range<usize>>,
) -> Result<(), JsonError> {
    let Some((step, rest)) = steps.split_first() else { return take_elements(cursor, offset, context, found) };
    let below = |at: usize, text: &str, found: &mut Vec<Range<usize>>| {
        let inner = Cursor::new(text.get(at..).unwrap_or_default());
        descend(inner, offset + at, rest, context, found)
    };
    let text = cursor.text();
    match (cursor.peek(), step) {
        (Some(b'{'), Step::Key(key) | Step::KeyOrIndex(key, _)) => {
            let Some(at) = member(&mut cursor, key, context)? else { return Ok(()) };
            below(at, text, found).inspect_err(|_| context.under_key(key))
        }
        (Some(b'['), Step::Index(index) | Step::KeyOrIndex(_, index)) => {
            let Some(element) = positions(&mut cursor)?.get(*index).cloned() else { return Ok(()) };
            below(element.start, text, found).inspect_err(|_| context.under_index(*index))
        }
        (Some(b'['), Step::FromEnd(place)) => {
            let elements = positions(&mut cursor)?;
            let Some(index) = elements.len().checked_sub(*place) else { return Ok(()) };
            let start = elements.get(index).map_or(0, |element| element.start);
            below(start, text, found).inspect_err(|_| context.under_index(index))
        }
        (_, Step::Key(_) | Step::KeyOrIndex(..)) => expected("an object", cursor, context),
        _ => expected("a list", cursor, context),
    }
}

/// The beginning of a member's value, if there is one.
fn member(cursor: &mut Cursor<'_>, key: &str, context: &Context<'_>) -> Result<Option<usize>, JsonError> {
    let mut found = None;
    let mut more = cursor.enter(b'}')?;
    while more {
        let is_it = match cursor.string()? {
            Token::Text(name) => name == key,
            Token::Escaped(raw) => super::read::unescape(raw)? == key,
            _ => false,
        };
        cursor.pass(b':')?;
        if is_it && found.replace(cursor.position()).is_some() {
            return Err(context.fail(format!("the object has the key '{key}' twice")));
        }
        cursor.skip()?;
        more = cursor.another(b'}')?;
    }
    Ok(found)
}

/// The positions of a list's elements.
fn positions(cursor: &mut Cursor<'_>) -> Result<Vec<Range<usize>>, JsonError> {
    let mut elements = Vec::new();
    let mut more = cursor.enter(b']')?;
    while more {
        cursor.peek();
        let start = cursor.position();
        cursor.skip()?;
        elements.push(start..cursor.position());
        more = cursor.another(b']')?;
    }
    Ok(elements)
}

fn take_elements(
    mut cursor: Cursor<'_>,
    offset: usize,
    context: &Context<'_>,
    found: &mut Vec<Range<usize>>,
) -> Result<(), JsonError> {
    if cursor.peek() != Some(b'[') {
        return expected("a list", cursor, context);
    }
    *found = positions(&mut cursor)?;
    found.iter_mut().for_each(|part| *part = part.start + offset..part.end + offset);
    Ok(())
}

/// The error for a value of another kind; null is not an error.
fn expected(wanted: &str, mut cursor: Cursor<'_>, context: &Context<'_>) -> Result<(), JsonError> {
    let shown = match cursor.value()? {
        Token::Null => return Ok(()),
        Token::Bool(value) => describe(&Scalar::Bool(value)),
        Token::Text(text) => describe(&Scalar::Text(text)),
        Token::Escaped(raw) => describe(&Scalar::Text(&super::read::unescape(raw)?)),
        Token::Number(text) => super::read::number(text)?,
        Token::Nested(raw) if raw.starts_with('{') => "an object".to_owned(),
        Token::Nested(_) => "a list".to_owned(),
    };
    Err(context.fail(format!("expected {wanted}, found {shown}")))
}
