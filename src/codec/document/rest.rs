//! The rest of a document: its members that no path names, as JSON.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::trie::Node;
use crate::codec::path::Path;

/// The part of a document that some paths leave. A member to which a path leads is left out. A member through which a path leads loses the members
/// that are named below it, and is left out when none remains. Lists are kept whole unless a path leads to them.
#[derive(Debug, Clone)]
pub struct Rest {
    paths: Vec<Path>,
}

/// Writes the rest of one document after the other.
pub struct RestWriter {
    named: Node,
}

impl Rest {
    /// The rest that these paths leave.
    #[must_use]
    pub fn new(paths: &[Path]) -> Self {
        Self { paths: paths.to_vec() }
    }

    /// A writer for one thread.
    #[must_use]
    pub fn writer(&self) -> RestWriter {
        RestWriter { named: Node::compile(&self.paths) }
    }
}

impl RestWriter {
    /// Appends the rest of a document as compact JSON. Returns false, and appends nothing, when nothing is left.
    ///
    /// # Errors
    /// The text is not JSON.
    pub fn write(&self, document: &str, out: &mut Vec<u8>) -> std::result::Result<bool, String> {
        if !self.named.targets.is_empty() {
            return Ok(false);
        }
        let raw: &RawValue = serde_json::from_str(document).map_err(|error| error.to_string())?;
        write(&self.named, raw, out)
    }
}

fn write(node: &Node, value: &RawValue, out: &mut Vec<u8>) -> std::result::Result<bool, String> {
    if !value.get().starts_with('{') || node.keys().is_empty() {
        let left = value.get() != "null" || !node.has_children();
        if left {
            out.extend_from_slice(value.get().as_bytes());
        }
        return Ok(left);
    }
    let Members(members) = value.deserialize_map(CollectMembers).map_err(|error| error.to_string())?;
    let start = out.len();
    for (key, value) in members {
        let child = node.find(&key).and_then(|position| node.keys().get(position)).map(|(_, child)| child);
        if child.is_some_and(|child| !child.targets.is_empty()) {
            continue;
        }
        let before = out.len();
        out.push(if before == start { b'{' } else { b',' });
        serde_json::to_writer(&mut *out, &key).map_err(|error| error.to_string())?;
        out.push(b':');
        let left = match child {
            Some(child) => write(child, value, out)?,
            None => {
                out.extend_from_slice(value.get().as_bytes());
                true
            }
        };
        if !left {
            out.truncate(before);
        }
    }
    if out.len() == start {
        return Ok(false);
    }
    out.push(b'}');
    Ok(true)
}

struct Members<'de>(Vec<(String, &'de RawValue)>);

struct CollectMembers;

impl<'de> Visitor<'de> for CollectMembers {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry::<String, &RawValue>()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(paths: &[&str], document: &str) -> Option<String> {
        let paths: Vec<Path> = paths.iter().map(|path| Path::parse(path).unwrap()).collect();
        let mut out = Vec::new();
        let left = Rest::new(&paths).writer().write(document, &mut out).unwrap();
        assert_eq!(left, !out.is_empty(), "{document}");
        left.then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_is_named_goes_and_the_rest_stays_as_it_is() {
        let cases = [
            (&["a"][..], r#"{"a":1,"b":[1,{"a":2}],"c":1.10}"#, Some(r#"{"b":[1,{"a":2}],"c":1.10}"#)),
            (&["a"], r#"{"a":1}"#, None),
            (&["a"], "{}", None),
            (&["a.b"], r#"{"a":{"b":1,"c":2},"d":3}"#, Some(r#"{"a":{"c":2},"d":3}"#)),
            (&["a.b"], r#"{"a":{"b":1}}"#, None),
            (&["a.b"], r#"{"a":7}"#, Some(r#"{"a":7}"#)),
            (&["a.b"], r#"{"a":null}"#, None),
            (&["a.b", "a"], r#"{"a":{"b":1,"c":2}}"#, None),
            (&["a[0]"], r#"{"a":[1,2]}"#, Some(r#"{"a":[1,2]}"#)),
            (&["a.0"], r#"{"a":{"0":1,"1":2}}"#, Some(r#"{"a":{"1":2}}"#)),
            (&["a"], "[1,2]", Some("[1,2]")),
            (&["$", "a"], r#"{"a":1,"b":2}"#, None),
            (&["a"], r#"{"b\"\n":"x","a":1}"#, Some(r#"{"b\"\n":"x"}"#)),
        ];
        for (paths, document, expected) in cases {
            assert_eq!(rest(paths, document).as_deref(), expected, "{paths:?} of {document}");
        }
    }
}
