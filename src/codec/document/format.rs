//! A format of documents, and how its values are read.

use serde::de::{DeserializeSeed, Deserializer};

use super::context::Context;
use super::slot::Slot;
use super::trie::Node;
use crate::column::Buffer;

/// A document format: how its payloads are read.
pub(in crate::codec) trait Format: Send + Sync + 'static {
    /// The state that a decoder keeps for the wanted paths.
    type Plan: Send;

    /// The wanted paths in the form by which payloads are read.
    fn plan(&self, trie: Node) -> Self::Plan;

    /// Reads the wanted parts of a whole payload, as [`Format::read`] does with a walk.
    fn walk(
        &self,
        payload: &[u8],
        plan: &Self::Plan,
        out: &mut [Buffer],
        context: &Context<'_>,
    ) -> std::result::Result<(), String>;

    /// As [`Format::walk`], of a part of a payload. Only a format that is made for parts looks at the whole.
    fn walk_part(
        &self,
        part: &[u8],
        whole: &[u8],
        plan: &Self::Plan,
        out: &mut [Buffer],
        context: &Context<'_>,
    ) -> std::result::Result<(), String> {
        let _ = whole;
        self.walk(part, plan, out, context)
    }

    /// Reads a whole payload: hands its root to `seed` and checks that nothing follows. The error describes the fault
    /// with the payload; it is not used when the seed has failed.
    fn read<S: for<'de> DeserializeSeed<'de, Value = ()>>(
        &self,
        payload: &[u8],
        seed: S,
    ) -> std::result::Result<(), String>;
}

/// The reader of values from a serde deserializer; [`TreeValues`](super::TreeValues) unless a format needs more than serde has.
pub(in crate::codec) trait Values: 'static {
    /// Reads one value into a column of a type that is not LIST, STRUCT or MAP.
    fn scalar<'de, D: Deserializer<'de>>(value: D, slot: Slot<'_>) -> std::result::Result<(), D::Error>;
}

/// Reads a value more than once.
pub(in crate::codec) trait Replay: Values {
    /// A value set aside.
    type Copy<'de>;

    /// Sets one value aside.
    fn copy<'de, D: Deserializer<'de>>(value: D) -> std::result::Result<Self::Copy<'de>, D::Error>;

    /// Reads a value that was set aside.
    fn replay<'c, S: DeserializeSeed<'c, Value = ()>>(
        copy: &'c Self::Copy<'_>,
        seed: S,
    ) -> std::result::Result<(), String>;
}
