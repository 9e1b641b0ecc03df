//! `unnest`: the elements of an array, and the entries of a map, one row each.
//!
//! A part is the datum of an element, or the key and the value of an entry, as they stand in the payload or in the inflated
//! block of a container. It is read by the type that the schema of its payload has for it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use serde::de::DeserializeSeed;

use super::datum::{self, Bytes, Reader};
use super::fault::Fault;
use super::list;
use super::payload::Avro;
use super::schema::{Node, Resolved, Schema};
use crate::codec::document::{
    Context, DocumentCodec, Format, Node as Trie, Replay, Strictness, Tree, TreeValues, Walk,
};
use crate::codec::path::{Path, Step, Wanted};
use crate::codec::scalar::describe;
use crate::codec::{Codec, Cut, DecodeError, Parts, place_in, quote};
use crate::column::Buffer;

/// Finds the elements of the list at a path.
pub(super) fn cut(avro: Avro) -> Cut {
    Arc::new(move |payload, path| parts(&avro, payload, path))
}

/// A codec of the elements of the list at a path; `wanted` is below an element.
pub(super) fn columns(avro: Avro, list: Path, wanted: Wanted) -> Box<dyn Codec> {
    Box::new(DocumentCodec::new(Element { avro, list }, Strictness::Strict, wanted))
}

fn parts(avro: &Avro, payload: &[u8], path: &Path) -> Result<Parts, DecodeError> {
    let failed = |fault: Fault| DecodeError { path: None, cause: fault.told(payload) };
    let (schema, held) = avro.open(payload).map_err(failed)?;
    let datum = avro.datum(&held).map_err(failed)?;
    let mut finder = Finder { schema: &schema, reader: Reader::new(&schema), path, length: datum.len() };
    let found = held.read(&datum, |bytes| finder.value(schema.root(), path.steps(), bytes, 0));
    let places = found.map_err(failed)??;
    if places.is_empty() {
        return Ok(Parts::default());
    }
    // The elements are read by what the schema alone says about them.
    list::position(&schema, path).map_err(|error| DecodeError { path: None, cause: error.to_string() })?;
    Ok(match datum {
        Cow::Borrowed(datum) => {
            let start = place_in(payload, datum).map_or(0, |place| place.start);
            let places = places.into_iter().map(|place| start + place.start..start + place.end).collect();
            Parts { places, inflated: None }
        }
        Cow::Owned(datum) => Parts { places, inflated: Some(datum.into()) },
    })
}

/// Where the elements stand in the datum, or why the value there is no list.
type Found = Result<Vec<Range<usize>>, DecodeError>;

/// Reads a datum to its end, and finds the elements of a list on the way.
struct Finder<'a> {
    schema: &'a Schema,
    reader: Reader<'a>,
    path: &'a Path,
    /// The length of the datum.
    length: usize,
}

impl Finder<'_> {
    fn value(&mut self, position: usize, steps: &[Step], bytes: &mut Bytes<'_>, depth: usize) -> Result<Found, Fault> {
        let node = self.schema.node(position).ok_or("the schema is incomplete")?;
        match (node, steps.split_first().map(|(step, below)| (list::field_name(step), below))) {
            (Node::Union(branches), _) => {
                let branch = datum::branch(branches, bytes)?;
                self.value(branch, steps, bytes, depth + 1)
            }
            (Node::Record(fields), Some((Some(key), below))) => {
                self.fields(fields.iter().map(|(name, ty)| (name == key, *ty)), below, bytes, depth)
            }
            (Node::Resolved(Resolved::Record { written, read }), Some((Some(key), below))) => {
                let place = read.iter().position(|(name, _)| name == key);
                let is_it = |to: &Option<usize>| to.is_some() && *to == place;
                let found = self.fields(written.iter().map(|(to, ty)| (is_it(to), *ty)), below, bytes, depth)?;
                let default = read.iter().find(|(name, _)| name == key).map(|(_, default)| default);
                let is_written = written.iter().any(|(to, _)| is_it(to));
                Ok(if is_written { found } else { default.map_or(found, |default| self.in_default(default, below)) })
            }
            (Node::Array(element), None) => {
                let end = self.length;
                Ok(Ok(self.reader.blocks(bytes, |reader, bytes| {
                    let start = end - bytes.rest.len();
                    reader.value(*element, bytes, depth + 1)?;
                    Ok(start..end - bytes.rest.len())
                })?))
            }
            (Node::Map(value), None) => {
                let (end, mut keys, mut twice) = (self.length, HashSet::new(), None);
                let places = self.reader.blocks(bytes, |reader, bytes| {
                    let start = end - bytes.rest.len();
                    let key = bytes.text()?.to_owned();
                    reader.value(*value, bytes, depth + 1)?;
                    twice = twice.take().or_else(|| keys.replace(key));
                    Ok(start..end - bytes.rest.len())
                })?;
                let fault = |key: String| self.fault(0, format!("the object has the key '{}' twice", quote(&key)));
                Ok(twice.map_or(Ok(places), |key| Err(fault(key))))
            }
            _ => {
                let tree = self.reader.value(position, bytes, depth)?;
                Ok(self.no_list(&tree, steps))
            }
        }
    }

    /// The fields of a record, one of which may be on the way.
    fn fields(
        &mut self,
        fields: impl Iterator<Item = (bool, usize)>,
        below: &[Step],
        bytes: &mut Bytes<'_>,
        depth: usize,
    ) -> Result<Found, Fault> {
        let mut found = Ok(Vec::new());
        for (is_it, ty) in fields {
            if is_it {
                found = self.value(ty, below, bytes, depth + 1)?;
            } else {
                self.reader.value(ty, bytes, depth + 1)?;
            }
        }
        Ok(found)
    }

    /// A list in what the reader's schema has for a field that was not written.
    fn in_default(&self, default: &Tree, steps: &[Step]) -> Found {
        match (default, steps.split_first()) {
            (Tree::Map(members), Some((step, below))) => {
                let is_it = |key: &Tree| matches!(key, Tree::Text(key) if list::field_name(step) == Some(key));
                let member = members.iter().find(|(key, _)| is_it(key));
                member.map_or(Ok(Vec::new()), |(_, value)| self.in_default(value, below))
            }
            (Tree::List(items), None) if items.is_empty() => Ok(Vec::new()),
            (Tree::Map(entries), None) if entries.is_empty() => Ok(Vec::new()),
            (Tree::List(_) | Tree::Map(_), None) => {
                Err(self.fault(0, "the default of the reader's schema is not taken apart".to_owned()))
            }
            (value, _) => self.no_list(value, steps),
        }
    }

    /// The outcome for a value that cannot be stepped into; null is no error.
    fn no_list(&self, value: &Tree, steps: &[Step]) -> Found {
        let found = match value {
            Tree::Null => return Ok(Vec::new()),
            Tree::List(_) => "a list".to_owned(),
            Tree::Map(_) => "an object".to_owned(),
            scalar => scalar.scalar().map(|scalar| describe(&scalar)).unwrap_or_default(),
        };
        let expected = if steps.first().and_then(list::field_name).is_some() { "a record" } else { "a list" };
        Err(self.fault(steps.len(), format!("expected {expected}, found {found}")))
    }

    /// A fault of the value that so many steps in front of the list.
    fn fault(&self, before: usize, cause: String) -> DecodeError {
        let steps = self.path.steps();
        let upto = steps.get(..steps.len() - before).unwrap_or_default();
        let path = (!upto.is_empty()).then(|| Path::of_steps(upto.to_vec()).to_string());
        DecodeError { path, cause }
    }
}

/// The format of a row's element.
struct Element {
    avro: Avro,
    list: Path,
}

impl Element {
    fn tree(&self, part: &[u8], whole: &[u8]) -> Result<Tree, Fault> {
        let (schema, _) = self.avro.open(whole)?;
        let list = list::position(&schema, &self.list).map_err(|error| error.to_string())?;
        let mut bytes = Bytes { rest: part };
        match schema.node(list) {
            Some(Node::Array(element)) => datum::read_at(&schema, *element, &mut bytes),
            Some(Node::Map(value)) => {
                let key = Tree::Text(bytes.text()?.to_owned());
                let value = datum::read_at(&schema, *value, &mut bytes)?;
                let member = |name: &str, value| (Tree::Text(name.to_owned()), value);
                Ok(Tree::Map(vec![member("key", key), member("value", value)]))
            }
            _ => Err("the list is lost".into()),
        }
    }
}

impl Format for Element {
    type Plan = Trie;

    fn plan(&self, trie: Trie) -> Trie {
        trie
    }

    fn walk_part(
        &self,
        part: &[u8],
        whole: &[u8],
        node: &Trie,
        out: &mut [Buffer],
        context: &Context<'_>,
    ) -> Result<(), String> {
        let tree = self.tree(part, whole).map_err(|fault| fault.told(part))?;
        TreeValues::replay(&tree, Walk::<TreeValues> { node, out, context, values: PhantomData })
    }

    /// A part is not read without its payload, which has the schema.
    fn walk(&self, _: &[u8], _: &Trie, _: &mut [Buffer], _: &Context<'_>) -> Result<(), String> {
        Err("an element of Avro is read beside its payload".to_owned())
    }

    fn read<S: for<'de> DeserializeSeed<'de, Value = ()>>(&self, _: &[u8], _: S) -> Result<(), String> {
        Err("an element of Avro is read beside its payload".to_owned())
    }
}
