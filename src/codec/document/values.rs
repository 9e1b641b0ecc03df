//! The values of every format but JSON and protobuf, as serde has them.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor, value};

use super::format::{Replay, Values};
use super::read::ReadTree;
use super::slot::Slot;
use super::tree::Tree;
use super::visit::visit_scalars;
use crate::codec::scalar::Scalar;

/// Reads each value as its serde deserializer has it.
pub(in crate::codec) struct TreeValues;

impl Values for TreeValues {
    fn scalar<'de, D: Deserializer<'de>>(value: D, slot: Slot<'_>) -> Result<(), D::Error> {
        value.deserialize_any(ReadScalar(slot))
    }
}

impl Replay for TreeValues {
    type Copy<'de> = Tree;

    fn copy<'de, D: Deserializer<'de>>(value: D) -> Result<Tree, D::Error> {
        Tree::deserialize(value)
    }

    fn replay<'c, S: DeserializeSeed<'c, Value = ()>>(copy: &'c Tree, seed: S) -> Result<(), String> {
        seed.deserialize(copy).map_err(|error: value::Error| error.to_string())
    }
}

/// Reads a scalar directly; anything else as a tree.
struct ReadScalar<'a>(Slot<'a>);

impl ReadScalar<'_> {
    fn scalar<E: de::Error>(self, scalar: Scalar<'_>) -> Result<(), E> {
        self.0.push(scalar)
    }
}

impl<'de> Visitor<'de> for ReadScalar<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.ty)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        ReadTree.visit_seq(list)?.push(self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        ReadTree.visit_map(map)?.push(self.0)
    }

    visit_scalars!(scalar);
}
