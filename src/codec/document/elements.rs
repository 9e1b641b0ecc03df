//! Paths to all elements of a list, `[*]`: each element is read as a document of its own, into the elements of the columns.

use std::collections::VecDeque;

use super::context::Context;
use super::trie::{AllElements, Node};
use crate::column::{Buffer, Type, Values};

/// The columns that take a value of each element, while a list is read.
pub(in crate::codec) struct Elements<'a> {
    all: &'a AllElements,
    /// The types of the elements, by the outputs of [`AllElements::element`].
    types: Vec<&'a Type>,
    /// The elements of the columns; as JSON for a column that is not a LIST.
    buffers: Vec<Buffer>,
}

impl<'a> Elements<'a> {
    /// Takes the elements out of the columns of a list that begins.
    pub fn begin(all: &'a AllElements, out: &mut [Buffer], context: &Context<'a>) -> Self {
        let mut types: Vec<&Type> = Vec::with_capacity(all.outputs.len());
        let mut buffers = Vec::with_capacity(all.outputs.len());
        for output in &all.outputs {
            let ty = match context.types.get(*output) {
                Some(Type::List(element)) => element,
                _ => &Type::Json,
            };
            let buffer = match out.get_mut(*output).map(|buffer| &mut buffer.values) {
                Some(Values::List(list)) => std::mem::replace(&mut *list.child, Buffer::new(&Type::Boolean)),
                _ => Buffer::new(&Type::Json),
            };
            types.push(ty);
            buffers.push(buffer);
        }
        Self { all, types, buffers }
    }

    /// Reads one element by its trie, if there is one; a member that the element lacks is NULL. An error is noted in the context of the list, with
    /// the position of the element.
    pub fn read<E>(
        &mut self,
        position: usize,
        context: &Context<'_>,
        read: impl FnOnce(&Node, &mut [Buffer], &Context<'_>) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let before: Vec<usize> = self.buffers.iter().map(Buffer::len).collect();
        let inner = Context::new(context.strictness, &self.types);
        let outcome = read(&self.all.element, &mut self.buffers, &inner);
        if let Some(error) = inner.into_error() {
            context.note(error);
            context.under_index(position);
        }
        if !outcome? {
            return Ok(false);
        }
        let missing = self.buffers.iter_mut().zip(before).filter(|(buffer, before)| buffer.len() == *before);
        missing.for_each(|(buffer, _)| buffer.push_null());
        Ok(true)
    }

    /// Returns the elements to their columns, as a list when the list was read to its end.
    pub fn end(self, out: &mut [Buffer], complete: bool) {
        for (output, elements) in self.all.outputs.iter().zip(self.buffers) {
            let Some(buffer) = out.get_mut(*output) else { continue };
            if let Values::List(list) = &mut buffer.values {
                *list.child = elements;
                if complete {
                    list.ends.push(list.child.len());
                    buffer.valid.push(true);
                }
            } else if complete {
                buffer.push_bytes(&json_list(&elements));
            }
        }
    }
}

/// A list of JSON documents as one.
fn json_list(elements: &Buffer) -> Vec<u8> {
    let mut json = vec![b'['];
    if let Values::Text(texts) = &elements.values {
        for (i, valid) in elements.valid.iter().enumerate() {
            json.extend_from_slice(if i == 0 { b"" } else { b"," });
            json.extend_from_slice(if *valid { texts.get(i) } else { b"null" });
        }
    }
    json.push(b']');
    json
}

/// The elements of a list that may be among its last ones.
pub(in crate::codec) struct LastElements<T> {
    kept: VecDeque<T>,
    most: usize,
}

impl<T> LastElements<T> {
    /// For the elements that a node wants from the end.
    pub fn new(node: &Node) -> Self {
        Self { kept: VecDeque::new(), most: node.last_elements().last().map_or(0, |(place, _)| *place) }
    }

    /// Whether elements are kept at all.
    pub fn keeps(&self) -> bool {
        self.most > 0
    }

    /// Keeps the element that stands next.
    pub fn push(&mut self, element: T) {
        if self.kept.len() == self.most {
            self.kept.pop_front();
        }
        self.kept.push_back(element);
    }

    /// The element at a place from the end, from 1.
    pub fn get(&self, place: usize) -> Option<&T> {
        self.kept.get(self.kept.len().checked_sub(place)?)
    }
}
