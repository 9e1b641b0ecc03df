//! Documents: formats whose payload is a tree of objects, lists and scalars, read by paths.
//!
//! A format is a [`Format`]: how to start a serde deserializer over a payload, and how one of its scalars is read. All
//! else is shared: the paths of the projected columns are compiled into a trie, and the payload is walked once, each
//! wanted value going straight into its column's buffer; everything else is skipped.
//!
//! | in the document | in the column |
//! |---|---|
//! | a path that leads nowhere, null | NULL |
//! | a scalar | see [`scalar`](super::scalar) |
//! | a list into LIST | its elements |
//! | an object into STRUCT | its members by exact name; a missing one is NULL, an extra one is ignored |
//! | an object into MAP | its entries; the key is read as text of the key's type; two equal keys are an error |
//! | an object or list into VARCHAR, JSON | compact JSON |
//!
//! A key twice in one object is an error when that member is wanted. A path that steps into something that is neither
//! an object (or list, for an index) nor null is an error, too. A [`Manner::Lenient`] codec (`json_extract`) takes the
//! first of two equal keys, and NULL for a path that steps into something else.

mod extension;
mod fill;
mod keys;
mod seen;
mod shape;
mod slot;
mod tag;
mod tree;
mod trie;
mod walk;

use std::cell::Cell;
use std::marker::PhantomData;

use serde::de::{self, DeserializeSeed, Deserializer};

use super::path::{self, Path, Wanted};
use super::{Codec, DecodeError, Decoder};
use crate::column::{Buffer, Column, Type};
use crate::error::{Error, Result};

use shape::{RootObject, Shape};
pub(super) use slot::Slot;
pub(super) use tree::{Tree, TreeValues};
use trie::Node;
use walk::Walk;

/// A document format: how its payloads are read.
pub(super) trait Format: Send + Sync + 'static {
    /// How its values are read.
    type Values: Values;

    /// Reads a whole payload: hands its root to `seed` and checks that nothing follows. The error says what is wrong
    /// with the payload; it is not used when the seed has failed.
    fn read<S: for<'de> DeserializeSeed<'de, Value = ()>>(
        &self,
        payload: &[u8],
        seed: S,
    ) -> std::result::Result<(), String>;
}

/// How values are read from a serde deserializer; [`TreeValues`] unless a format needs more than serde says.
pub(super) trait Values: 'static {
    /// A value set aside so that it can be read more than once.
    type Copy<'de>;

    /// Reads one value into a column of a type that is not LIST, STRUCT or MAP.
    fn scalar<'de, D: Deserializer<'de>>(value: D, slot: Slot<'_>) -> std::result::Result<(), D::Error>;

    /// Sets one value aside.
    fn copy<'de, D: Deserializer<'de>>(value: D) -> std::result::Result<Self::Copy<'de>, D::Error>;

    /// Reads a value that was set aside.
    fn replay<'c, S: DeserializeSeed<'c, Value = ()>>(
        copy: &'c Self::Copy<'_>,
        seed: S,
    ) -> std::result::Result<(), String>;
}

/// What a codec does about documents that do not have the asked-for shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// They are errors.
    Strict,
    /// They give NULL where the shape differs.
    Lenient,
}

/// The codec of any document format: columns by paths.
pub(super) struct DocumentCodec<F> {
    format: F,
    manner: Manner,
    paths: Vec<Path>,
    columns: Vec<Column>,
}

impl<F: Format> DocumentCodec<F> {
    /// A codec for columns by path; two paths that give the same column name are an error.
    pub fn new(format: F, manner: Manner, wanted: Wanted) -> Result<Self> {
        let mut columns = path::columns(&wanted.columns)?;
        columns.extend(wanted.texts.iter().map(|path| Column::new(path.column_name(), Type::Varchar)));
        let paths = wanted.columns.into_iter().map(|(path, _)| path).chain(wanted.texts).collect();
        Ok(Self { format, manner, paths, columns })
    }
}

impl<F: Format> Codec for DocumentCodec<F> {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn decoder(&self, projection: &[usize]) -> Box<dyn Decoder + '_> {
        let wanted = || projection.iter().copied();
        let trie = Node::compile(wanted().filter_map(|i| self.paths.get(i)));
        let types = wanted().filter_map(|i| self.columns.get(i)).map(|column| &column.ty).collect();
        Box::new(DocumentDecoder { codec: self, trie, types })
    }
}

/// The columns of the members that documents have, in order of first appearance, with types that take all their values;
/// payloads that are malformed or no objects are passed over.
///
/// # Errors
/// No payload is an object.
pub(super) fn infer<'p, F: Format>(
    format: &F,
    payloads: impl IntoIterator<Item = &'p [u8]>,
) -> Result<Vec<(Path, Type)>> {
    let mut shape = Shape::default();
    for payload in payloads {
        // A payload that is cut off, for one, leaves what came before: its members exist all the same.
        let _ = format.read(payload, RootObject(&mut shape));
    }
    let members = shape.members().ok_or_else(|| {
        Error::new("no columns can be inferred, as no payload of the sample is an object").advice("name the columns")
    })?;
    Ok(members.map(|(name, ty)| (Path::member(name), ty)).collect())
}

struct DocumentDecoder<'c, F> {
    codec: &'c DocumentCodec<F>,
    trie: Node,
    types: Vec<&'c Type>,
}

impl<F: Format> Decoder for DocumentDecoder<'_, F> {
    fn decode(&mut self, payload: &[u8], out: &mut [Buffer]) -> std::result::Result<(), DecodeError> {
        let rows = out.first().map_or(0, Buffer::len);
        let context = Context { manner: self.codec.manner, types: &self.types, error: Cell::new(None) };
        let walk = Walk::<F::Values> { node: &self.trie, out, context: &context, values: PhantomData };
        let read = self.codec.format.read(payload, walk);
        if let Some(error) = context.error.into_inner() {
            return Err(error);
        }
        read.map_err(|cause| DecodeError { path: None, cause })?;
        out.iter_mut().filter(|buffer| buffer.len() == rows).for_each(Buffer::push_null);
        Ok(())
    }
}

/// What the readers of one payload share.
pub(super) struct Context<'a> {
    manner: Manner,
    /// The type of each output.
    types: &'a [&'a Type],
    /// The first misfit. It travels here, not in the error of the deserializer, which may only hold text.
    error: Cell<Option<DecodeError>>,
}

impl Context<'_> {
    fn strict(&self) -> bool {
        self.manner == Manner::Strict
    }

    /// Notes a misfit and gives the error that ends the walk.
    pub fn fail<E: de::Error>(&self, cause: impl Into<String>) -> E {
        self.error.set(Some(DecodeError { path: None, cause: cause.into() }));
        E::custom("misfit")
    }

    /// Ends the walk after a replay has failed: for the misfit that is noted, else for the cause.
    fn fail_unless_noted<E: de::Error>(&self, cause: String) -> E {
        match self.error.take() {
            Some(error) => {
                self.error.set(Some(error));
                E::custom("misfit")
            }
            None => self.fail(cause),
        }
    }

    /// Puts a step in front of the path of the noted misfit, if there is one.
    fn under(&self, step: &str) {
        self.error.set(self.error.take().map(|mut error| {
            let path = error.path.unwrap_or_default();
            let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
            error.path = Some(format!("{step}{dot}{path}"));
            error
        }));
    }

    fn under_key(&self, key: &str) {
        self.under(&path::quoted(key));
    }

    fn under_index(&self, index: usize) {
        self.under(&format!("[{index}]"));
    }
}

/// Implements the scalar visits of a serde visitor by one method that takes a [`Scalar`](super::scalar::Scalar).
macro_rules! visit_scalars {
    ($method:ident) => {
        fn visit_bool<E: de::Error>(self, v: bool) -> Result<(), E> {
            self.$method(Scalar::Bool(v))
        }
        fn visit_i64<E: de::Error>(self, v: i64) -> Result<(), E> {
            self.$method(Scalar::Int(v.into()))
        }
        fn visit_i128<E: de::Error>(self, v: i128) -> Result<(), E> {
            self.$method(Scalar::Int(v))
        }
        fn visit_u64<E: de::Error>(self, v: u64) -> Result<(), E> {
            self.$method(Scalar::UInt(v.into()))
        }
        fn visit_u128<E: de::Error>(self, v: u128) -> Result<(), E> {
            self.$method(Scalar::UInt(v))
        }
        fn visit_f64<E: de::Error>(self, v: f64) -> Result<(), E> {
            self.$method(Scalar::Float(v))
        }
        fn visit_str<E: de::Error>(self, v: &str) -> Result<(), E> {
            self.$method(Scalar::Text(v))
        }
        fn visit_bytes<E: de::Error>(self, v: &[u8]) -> Result<(), E> {
            self.$method(Scalar::Bytes(v))
        }
        fn visit_unit<E: de::Error>(self) -> Result<(), E> {
            self.$method(Scalar::Null)
        }
        fn visit_none<E: de::Error>(self) -> Result<(), E> {
            self.$method(Scalar::Null)
        }
        fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
            value.deserialize_any(self)
        }
        fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
            let tree = crate::codec::document::extension::read(value)?;
            self.$method(tree.scalar().unwrap_or(Scalar::Null))
        }
    };
}
pub(super) use visit_scalars;
