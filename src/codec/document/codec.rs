//! The codec of every document format, and the columns that a sample of documents has.

use bytes::Bytes;

use super::context::{Context, Strictness};
use super::format::Format;
use super::shape::{RootObject, Shape};
use super::trie::Node;
use crate::codec::decode::{Codec, DecodeError, Decoder};
use crate::codec::path::{Path, Wanted};
use crate::column::{Buffer, Column, Type};
use crate::error::{Error, Result};

/// The codec of any document format: columns by paths.
pub(in crate::codec) struct DocumentCodec<F> {
    format: F,
    strictness: Strictness,
    paths: Vec<Path>,
    /// The columns with a path that may step into a value without parts.
    lenient: Vec<usize>,
    columns: Vec<Column>,
}

impl<F: Format> DocumentCodec<F> {
    /// A codec for columns by path, named by their paths; names may repeat.
    pub fn new(format: F, strictness: Strictness, wanted: Wanted) -> Self {
        let named = |(path, ty): &(Path, Type)| Column::new(path.column_name(), ty.clone());
        let texts = wanted.texts.iter().map(|path| Column::new(path.column_name(), Type::Varchar));
        let columns = wanted.columns.iter().map(named).chain(texts).collect();
        let paths = wanted.columns.into_iter().map(|(path, _)| path).chain(wanted.texts).collect();
        Self { format, strictness, paths, lenient: wanted.lenient, columns }
    }
}

impl<F: Format> Codec for DocumentCodec<F> {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn decoder(&self, projection: &[usize]) -> Box<dyn Decoder + '_> {
        let wanted = || projection.iter().copied();
        let path = |i| Some((self.paths.get(i)?, self.lenient.contains(&i)));
        let trie = Node::compile_lenient(wanted().filter_map(path));
        let types = wanted().filter_map(|i| self.columns.get(i)).map(|column| &column.ty).collect();
        Box::new(DocumentDecoder { codec: self, plan: self.format.plan(trie), types })
    }
}

/// The columns of the members that documents have, in order of first appearance, with types that take all their values;
/// payloads that are malformed, or are not objects, are passed over.
///
/// # Errors
/// No payload is an object.
pub(in crate::codec) fn infer<'p, F: Format>(
    format: &F,
    payloads: impl IntoIterator<Item = &'p [u8]>,
) -> Result<Vec<(Path, Type)>> {
    let mut shape = Shape::default();
    for payload in payloads {
        // A payload that is cut off still has the members before the cut.
        let _ = format.read(payload, RootObject(&mut shape));
    }
    let members = shape.members().ok_or_else(|| {
        Error::new("no columns can be inferred, as no payload of the sample is an object").advice("name the columns")
    })?;
    Ok(members.map(|(name, ty)| (Path::member(name), ty)).collect())
}

struct DocumentDecoder<'c, F: Format> {
    codec: &'c DocumentCodec<F>,
    plan: F::Plan,
    types: Vec<&'c Type>,
}

impl<F: Format> Decoder for DocumentDecoder<'_, F> {
    fn decode(&mut self, payload: &[u8], out: &mut [Buffer]) -> std::result::Result<(), DecodeError> {
        self.row(out, |format, plan, out, context| format.walk(payload, plan, out, context))
    }

    fn decode_part(&mut self, part: &[u8], whole: &Bytes, out: &mut [Buffer]) -> std::result::Result<(), DecodeError> {
        self.row(out, |format, plan, out, context| format.walk_part(part, whole, plan, out, context))
    }
}

impl<F: Format> DocumentDecoder<'_, F> {
    /// Appends a row, whose values `walk` reads.
    fn row(
        &self,
        out: &mut [Buffer],
        walk: impl FnOnce(&F, &F::Plan, &mut [Buffer], &Context<'_>) -> std::result::Result<(), String>,
    ) -> std::result::Result<(), DecodeError> {
        let rows = out.first().map_or(0, Buffer::len);
        let context = Context::new(self.codec.strictness, &self.types);
        let read = walk(&self.codec.format, &self.plan, out, &context);
        if let Some(error) = context.into_error() {
            return Err(error);
        }
        read.map_err(|cause| DecodeError { path: None, cause })?;
        out.iter_mut().filter(|buffer| buffer.len() == rows).for_each(Buffer::push_null);
        Ok(())
    }
}
