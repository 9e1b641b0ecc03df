//! The walk through one payload along the trie of wanted paths.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::context::Context;
use super::elements::{Elements, LastElements};
use super::fill::Fill;
use super::format::Replay;
use super::keys::FindKey;
use super::seen::Seen;
use super::trie::Node;
use super::visit::visit_scalars;
use crate::codec::scalar::{Scalar, describe};
use crate::column::Buffer;

/// Reads the value that stands at a node.
pub(in crate::codec) struct Walk<'a, V> {
    pub node: &'a Node,
    /// All outputs; each node writes its own.
    pub out: &'a mut [Buffer],
    pub context: &'a Context<'a>,
    pub values: PhantomData<V>,
}

impl<V: Replay> Walk<'_, V> {
    fn below<'b>(&'b mut self, node: &'b Node) -> Walk<'b, V> {
        Walk { node, out: self.out, context: self.context, values: PhantomData }
    }

    /// The reader of the value itself.
    fn fill(&mut self, output: usize) -> Option<Fill<'_, V>> {
        let buffer = self.out.get_mut(output)?;
        let ty = self.context.types.get(output)?;
        Some(Fill::new(ty, buffer, self.context))
    }

    /// Reads each element of a list: for all of them, and for those at a position from the front or the end.
    fn elements<'de, A: SeqAccess<'de>>(
        &mut self,
        mut list: A,
        mut all: Option<&mut Elements<'_>>,
    ) -> Result<(), A::Error> {
        let (node, context) = (self.node, self.context);
        let mut last = LastElements::new(node);
        let mut length = 0;
        loop {
            let position = length;
            let child = node.element(position);
            if child.is_none() && !last.keeps() {
                // Each element is wanted by one path at most, so it is read as it comes.
                let Some(all) = all.as_deref_mut() else { return Ok(()) };
                let more = all.read(position, context, |node, out, context| {
                    let element = Walk::<V> { node, out, context, values: PhantomData };
                    list.next_element_seed(element).map(|read| read.is_some())
                })?;
                if !more {
                    break;
                }
            } else {
                let Some(copy) = list.next_element_seed(TakeCopy::<V>(PhantomData))? else { break };
                if let Some(child) = child {
                    self.again(&copy, child).inspect_err(|_| context.under_index(position))?;
                }
                if let Some(all) = all.as_deref_mut() {
                    all.read(position, context, |node, out, context| {
                        Walk::<V> { node, out, context, values: PhantomData }.again(&copy, node).map(|()| true)
                    })?;
                }
                if last.keeps() {
                    last.push(copy);
                }
            }
            length += 1;
        }
        for (place, child) in node.last_elements() {
            if let Some(copy) = last.get(*place) {
                self.again(copy, child).inspect_err(|_| context.under_index(length - place))?;
            }
        }
        Ok(())
    }

    /// Reads a value that was set aside.
    fn again<E: de::Error>(&mut self, copy: &V::Copy<'_>, node: &Node) -> Result<(), E> {
        let context = self.context;
        V::replay(copy, self.below(node)).map_err(|cause| context.fail_unless_noted(cause))
    }

    /// A value that cannot be stepped into.
    fn scalar<E: de::Error>(self, scalar: Scalar<'_>) -> Result<(), E> {
        if scalar == Scalar::Null { Ok(()) } else { self.conversion_error_if_strict(&describe(&scalar)) }
    }

    fn conversion_error_if_strict<E: de::Error>(self, found: &str) -> Result<(), E> {
        if !self.context.is_strict() || !self.node.is_strict() {
            return Ok(());
        }
        let expected = if self.node.keys().is_empty() { "a list" } else { "an object" };
        Err(self.context.fail(format!("expected {expected}, found {found}")))
    }
}

impl<'de, V: Replay> DeserializeSeed<'de> for Walk<'_, V> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(mut self, value: D) -> Result<(), D::Error> {
        let context = self.context;
        match self.node.targets.as_slice() {
            [] => value.deserialize_any(self),
            [output] if !self.node.has_children() => match self.fill(*output) {
                Some(fill) => fill.deserialize(value),
                None => value.deserialize_ignored_any(IgnoredAny).map(drop),
            },
            outputs => {
                let copy = V::copy(value)?;
                for output in outputs {
                    if let Some(fill) = self.fill(*output) {
                        V::replay(&copy, fill).map_err(|cause| context.fail_unless_noted(cause))?;
                    }
                }
                if self.node.has_children() {
                    V::replay(&copy, Below(self)).map_err(|cause| context.fail_unless_noted(cause))?;
                }
                Ok(())
            }
        }
    }
}

/// Sets a value aside.
struct TakeCopy<V>(PhantomData<V>);

impl<'de, V: Replay> DeserializeSeed<'de> for TakeCopy<V> {
    type Value = V::Copy<'de>;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<V::Copy<'de>, D::Error> {
        V::copy(value)
    }
}

/// The children of a node, after its own value has been read.
struct Below<'a, V>(Walk<'a, V>);

impl<'de, V: Replay> DeserializeSeed<'de> for Below<'_, V> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self.0)
    }
}

impl<'de, V: Replay> Visitor<'de> for Walk<'_, V> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let (node, context) = (self.node, self.context);
        if node.keys().is_empty() {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return self.conversion_error_if_strict("an object");
        }
        let mut seen = Seen::new(node.keys().len());
        while let Some(found) = map.next_key_seed(FindKey(node))? {
            let Some((position, (key, child))) = found.and_then(|at| Some((at, node.keys().get(at)?))) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if seen.insert(position) {
                map.next_value_seed(self.below(child)).inspect_err(|_| context.under_key(key))?;
            } else if context.is_strict() {
                return Err(context.fail(format!("the object has the key '{key}' twice")));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let (node, context) = (self.node, self.context);
        if node.needs_all_elements() {
            let mut elements = node.all().map(|all| Elements::begin(all, self.out, context));
            let outcome = self.elements(list, elements.as_mut());
            elements.into_iter().for_each(|elements| elements.end(self.out, outcome.is_ok()));
            return outcome;
        }
        let mut position = 0;
        for (index, child) in node.indices() {
            while position < *index {
                if list.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(());
                }
                position += 1;
            }
            let element = list.next_element_seed(self.below(child)).inspect_err(|_| context.under_index(*index))?;
            if element.is_none() {
                return Ok(());
            }
            position += 1;
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        if node.indices().is_empty() { self.conversion_error_if_strict("a list") } else { Ok(()) }
    }

    visit_scalars!(scalar);
}
