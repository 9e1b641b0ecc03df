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
//! an object (or list, for an index) nor null is an error, too. A [`Strictness::Lenient`] codec (`json_extract`) takes the
//! first of two equal keys, and NULL for a path that steps into something else.

mod big;
mod codec;
mod context;
mod elements;
mod extension;
mod fill;
mod format;
mod keys;
mod names;
mod order;
mod parts;
mod read;
mod rest;
mod seen;
mod shape;
mod slot;
mod tag;
mod tree;
mod tree_format;
mod trie;
mod values;
mod visit;
mod walk;

pub(super) use big::{digits, magnitude};
pub(super) use codec::{DocumentCodec, infer};
pub(super) use context::{Context, Strictness};
pub(super) use elements::{Elements, LastElements};
pub(super) use fill::Fill;
pub(super) use format::{Format, Replay, Values};
pub(super) use order::Order;
pub(super) use parts::{Head, Layout, elements, number_behind};
pub use rest::Rest;
pub(super) use seen::Seen;
pub(super) use slot::Slot;
pub(super) use tree::Tree;
pub(super) use tree_format::TreeFormat;
pub(super) use trie::Node;
pub(super) use values::TreeValues;
pub(super) use walk::Walk;
