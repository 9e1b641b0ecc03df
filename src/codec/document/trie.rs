//! The paths of all wanted columns as one trie, so that a document is walked once for all of them.

use std::cell::Cell;

use super::names::{Ends, Names};
use super::order::Order;
use crate::codec::path::{Path, Step};

/// One place in a document, and the parts that are wanted of the value there.
#[derive(Default)]
pub(in crate::codec) struct Node {
    /// The outputs that take this value itself: mostly one at most.
    pub targets: Vec<usize>,
    /// Members wanted when the value is an object, sorted by name.
    keys: Vec<(Box<str>, Node)>,
    /// Where each of them stands in `keys`.
    names: Names,
    /// The order in which members came last, for formats in which a look-up of a key is worth avoiding.
    pub order: Cell<Order>,
    /// Elements wanted when the value is a list, sorted by position.
    indices: Vec<(usize, Node)>,
    /// Elements wanted by their place from the end, from 1.
    from_end: Vec<(usize, Node)>,
    /// The columns that are wanted of all elements.
    all: Option<Box<AllElements>>,
    /// Whether a path that leads through here must not find a value without parts.
    is_strict: bool,
}

/// The columns that are wanted of each element of a list.
#[derive(Clone, Default)]
pub(in crate::codec) struct AllElements {
    /// The outputs that take a value of each element, by those of `element`.
    pub outputs: Vec<usize>,
    /// One element; its outputs are counted from 0.
    pub element: Node,
}

impl Clone for Node {
    /// The copy has seen no document yet, so it knows of no order.
    fn clone(&self) -> Self {
        Self {
            targets: self.targets.clone(),
            keys: self.keys.clone(),
            names: self.names.clone(),
            order: Cell::default(),
            indices: self.indices.clone(),
            from_end: self.from_end.clone(),
            all: self.all.clone(),
            is_strict: self.is_strict,
        }
    }
}

impl Node {
    /// The trie of some paths; path `i` fills output `i`.
    pub fn compile<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Self {
        Self::compile_lenient(paths.into_iter().map(|path| (path, false)))
    }

    /// As [`Node::compile`]; a flag for each path allows it to step into a value without parts.
    pub fn compile_lenient<'p>(paths: impl IntoIterator<Item = (&'p Path, bool)>) -> Self {
        let mut root = Node::default();
        for (output, (path, lenient)) in paths.into_iter().enumerate() {
            root.insert(path.steps(), output, lenient);
        }
        root.index();
        root
    }

    /// Makes the tables by which members are looked up.
    fn index(&mut self) {
        self.names = Names::new(self.keys.iter().map(|(name, _)| &**name));
        self.keys.iter_mut().for_each(|(_, node)| node.index());
        self.indices.iter_mut().chain(&mut self.from_end).for_each(|(_, node)| node.index());
        self.all.iter_mut().for_each(|all| all.element.index());
    }

    fn insert(&mut self, steps: &[Step], output: usize, lenient: bool) {
        let Some((step, rest)) = steps.split_first() else {
            self.targets.push(output);
            return;
        };
        self.is_strict |= !lenient;
        if let Step::Key(key) | Step::KeyOrIndex(key, _) = step {
            let at = self.keys.binary_search_by(|(name, _)| (**name).cmp(key)).unwrap_or_else(|at| {
                self.keys.insert(at, (key.as_str().into(), Node::default()));
                at
            });
            self.keys[at].1.insert(rest, output, lenient);
        }
        if let Step::Index(index) | Step::KeyOrIndex(_, index) = step {
            at_place(&mut self.indices, *index).insert(rest, output, lenient);
        }
        if let Step::FromEnd(place) = step {
            at_place(&mut self.from_end, *place).insert(rest, output, lenient);
        }
        if let Step::All = step {
            let all = self.all.get_or_insert_default();
            all.element.insert(rest, all.outputs.len(), lenient);
            all.outputs.push(output);
        }
    }

    /// Whether anything below this place is wanted.
    pub fn has_children(&self) -> bool {
        !self.keys.is_empty() || self.has_elements()
    }

    /// Whether a value without parts is an error here, unless the codec is lenient.
    pub fn is_strict(&self) -> bool {
        self.is_strict
    }

    /// Whether anything is wanted of the elements of a list.
    pub fn has_elements(&self) -> bool {
        !self.indices.is_empty() || self.needs_all_elements()
    }

    /// Whether elements of a list are wanted other than by their position.
    pub fn needs_all_elements(&self) -> bool {
        !self.from_end.is_empty() || self.all.is_some()
    }

    /// The wanted members, sorted by name.
    pub fn keys(&self) -> &[(Box<str>, Node)] {
        &self.keys
    }

    /// The wanted members, for a plan of its own.
    pub fn into_keys(self) -> Vec<(Box<str>, Node)> {
        self.keys
    }

    /// The wanted elements, sorted by position.
    pub fn indices(&self) -> &[(usize, Node)] {
        &self.indices
    }

    /// The wanted element at a position.
    pub fn element(&self, position: usize) -> Option<&Node> {
        let at = self.indices.binary_search_by_key(&position, |(index, _)| *index).ok()?;
        self.indices.get(at).map(|(_, node)| node)
    }

    /// The elements wanted by their place from the end, from 1, sorted.
    pub fn last_elements(&self) -> &[(usize, Node)] {
        &self.from_end
    }

    /// The columns that are wanted of all elements.
    pub fn all(&self) -> Option<&AllElements> {
        self.all.as_deref()
    }

    /// The position of a member in [`Node::keys`].
    #[inline]
    pub fn find(&self, key: &str) -> Option<usize> {
        self.names.find(Ends::of(key), |position| self.keys.get(position).is_some_and(|(name, _)| **name == *key))
    }
}

/// The node of a place; a missing node is made.
fn at_place(places: &mut Vec<(usize, Node)>, place: usize) -> &mut Node {
    let at = places.binary_search_by_key(&place, |(known, _)| *known).unwrap_or_else(|at| {
        places.insert(at, (place, Node::default()));
        at
    });
    &mut places[at].1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trie(paths: &[&str]) -> Node {
        let paths: Vec<Path> = paths.iter().map(|p| Path::parse(p).unwrap()).collect();
        Node::compile(&paths)
    }

    #[test]
    fn shared_steps_are_walked_once() {
        let root = trie(&["a.b", "a.c", "a", "z", "z"]);
        let names: Vec<&str> = root.keys().iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["a", "z"]);
        let a = &root.keys()[0].1;
        assert_eq!(a.targets, [2]);
        assert_eq!(a.find("c").map(|i| &*a.keys()[i].1.targets), Some(&[1][..]));
        assert_eq!(a.find("d"), None);
        assert_eq!(root.keys()[1].1.targets, [3, 4]);
    }

    #[test]
    fn a_bare_number_is_an_element_or_a_member() {
        let root = trie(&["a.0", "a[1]", "a.\"2\""]);
        let a = &root.keys()[0].1;
        assert_eq!(a.indices().iter().map(|(i, n)| (*i, n.targets[0])).collect::<Vec<_>>(), [(0, 0), (1, 1)]);
        assert_eq!(a.keys().iter().map(|(k, n)| (&**k, n.targets[0])).collect::<Vec<_>>(), [("0", 0), ("2", 2)]);
    }

    #[test]
    fn many_keys_are_found() {
        let names: Vec<String> = (0..40).map(|i| format!("key{i}")).collect();
        let root = trie(&names.iter().map(String::as_str).collect::<Vec<_>>());
        for (i, name) in names.iter().enumerate() {
            assert_eq!(root.find(name).map(|at| root.keys()[at].1.targets[0]), Some(i));
        }
    }
}
