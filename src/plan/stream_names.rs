//! The streams that a call names: by name, or by patterns of names.

use super::subject::check_stream;
use crate::error::{Error, Result};

/// Names and patterns; `*` in a pattern stands for any characters, also none. A stream's name has no `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamNames(Vec<String>);

impl StreamNames {
    /// These names and patterns.
    ///
    /// # Errors
    /// A name is not a stream's name apart from its `*`, or the list is empty.
    pub fn new<T: AsRef<str>>(names: &[T]) -> Result<Self> {
        if names.is_empty() {
            return Err(Error::new("the list of streams is empty").advice("name at least one"));
        }
        for name in names.iter().map(AsRef::as_ref) {
            // A pattern of `*` alone stands for every name.
            let literal = name.replace('*', "");
            if name.is_empty() || !literal.is_empty() {
                check_stream(&literal)?;
            }
        }
        Ok(Self(names.iter().map(|name| name.as_ref().to_owned()).collect()))
    }

    /// Every stream.
    #[must_use]
    pub fn every() -> Self {
        Self(vec!["*".to_owned()])
    }

    /// The name, where exactly one stream is named.
    #[must_use]
    pub fn single(&self) -> Option<&str> {
        match self.0.as_slice() {
            [name] if !is_pattern(name) => Some(name),
            _ => None,
        }
    }

    /// Whether there is a pattern, so that the existing streams must be known.
    #[must_use]
    pub fn has_patterns(&self) -> bool {
        self.0.iter().any(|name| is_pattern(name))
    }

    /// The streams in the order of the list, each once; those of a pattern, out of the existing ones, in the order of their
    /// names. A name that is given as such is among them whether it exists or not.
    #[must_use]
    pub fn resolve(&self, existing: &[String]) -> Vec<String> {
        let mut existing: Vec<&String> = existing.iter().collect();
        existing.sort();
        let mut found: Vec<String> = Vec::new();
        for name in &self.0 {
            let matching: Vec<&String> = if is_pattern(name) {
                existing.iter().copied().filter(|stream| matches(stream.as_bytes(), name.as_bytes())).collect()
            } else {
                vec![name]
            };
            for stream in matching {
                if !found.contains(stream) {
                    found.push(stream.clone());
                }
            }
        }
        found
    }

    /// The names and patterns as an error shows them.
    #[must_use]
    pub fn shown(&self) -> String {
        self.0.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
    }
}

fn is_pattern(name: &str) -> bool {
    name.contains('*')
}

/// Whether a name matches a pattern, in which `*` stands for any bytes.
fn matches(name: &[u8], pattern: &[u8]) -> bool {
    // The place to go on from when the text behind the last `*` does not fit: the `*` takes one byte more.
    let (mut at, mut next, mut retry) = (0, 0, None);
    while at < name.len() {
        match pattern.get(next) {
            Some(b'*') => {
                retry = Some((at, next));
                next += 1;
            }
            Some(byte) if *byte == name[at] => {
                at += 1;
                next += 1;
            }
            _ => match retry {
                Some((from, star)) => {
                    retry = Some((from + 1, star));
                    (at, next) = (from + 1, star + 1);
                }
                None => return false,
            },
        }
    }
    pattern[next..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_names() {
        let cases = [
            ("ORDERS_EU", "ORDERS_*", true),
            ("ORDERS_", "ORDERS_*", true),
            ("ORDERS", "ORDERS_*", false),
            ("A_B_B", "A*_B", true),
            ("A_B_C", "A*_B", false),
            ("ABC", "*B*", true),
            ("ABC", "*", true),
            ("ABC", "A**C", true),
            ("aab", "*ab", true),
            ("ABC", "abc", false),
        ];
        for (name, pattern, expected) in cases {
            assert_eq!(matches(name.as_bytes(), pattern.as_bytes()), expected, "{name} ~ {pattern}");
        }
    }

    #[test]
    fn names_stay_in_order_and_come_once() {
        let existing = ["B1", "A2", "A1", "C"].map(str::to_owned);
        let resolve = |names: &[&str]| StreamNames::new(names).unwrap().resolve(&existing);
        assert_eq!(resolve(&["C", "A*", "A1", "NEW"]), ["C", "A1", "A2", "NEW"]);
        assert_eq!(resolve(&["X*"]), [""; 0]);
        assert_eq!(StreamNames::every().resolve(&existing), ["A1", "A2", "B1", "C"]);
        assert_eq!(StreamNames::new(&["C"]).unwrap().single(), Some("C"));
        assert_eq!(StreamNames::new(&["C*"]).unwrap().single(), None);
        for bad in ["", "a.b", "a b*", "a>"] {
            assert!(StreamNames::new(&[bad]).is_err(), "{bad}");
        }
        assert!(StreamNames::new::<&str>(&[]).is_err());
    }
}
