//! Formats that are read through serde alone, along the trie of wanted paths.

use std::marker::PhantomData;

use serde::de::DeserializeSeed;

use super::context::Context;
use super::format::Format;
use super::trie::Node;
use super::values::TreeValues;
use super::walk::Walk;
use crate::column::Buffer;

/// A document format without a walk of its own: it has only a serde deserializer.
pub(in crate::codec) trait TreeFormat: Send + Sync + 'static {
    /// As [`Format::read`].
    fn read<S: for<'de> DeserializeSeed<'de, Value = ()>>(
        &self,
        payload: &[u8],
        seed: S,
    ) -> std::result::Result<(), String>;
}

impl<F: TreeFormat> Format for F {
    type Plan = Node;

    fn plan(&self, trie: Node) -> Node {
        trie
    }

    fn walk(
        &self,
        payload: &[u8],
        node: &Node,
        out: &mut [Buffer],
        context: &Context<'_>,
    ) -> std::result::Result<(), String> {
        TreeFormat::read(self, payload, Walk::<TreeValues> { node, out, context, values: PhantomData })
    }

    fn read<S: for<'de> DeserializeSeed<'de, Value = ()>>(
        &self,
        payload: &[u8],
        seed: S,
    ) -> std::result::Result<(), String> {
        TreeFormat::read(self, payload, seed)
    }
}
