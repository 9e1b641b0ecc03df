//! One message becomes several rows: the elements of a list in its payload, or its lines.
//!
//! A part is a slice of the payload, so a row costs no copy of it; what a row is made from is told by [`Part`].

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::decode::DecodeError;
use super::inflate::Inflate;
use super::path::{Path, Step};
use crate::record::{Part, Record};

/// Finds the parts of a payload. A path that leads nowhere, null and an empty list give none.
///
/// # Errors
/// The payload is malformed, or the path leads to something that is no list.
pub type Cut = Arc<CutParts>;

/// What a [`Cut`] does.
pub type CutParts = dyn Fn(&[u8], &Path) -> Result<Parts, DecodeError> + Send + Sync;

/// The parts of a payload.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Where they stand in the payload, or in the inflated bytes.
    pub places: Vec<Range<usize>>,
    /// Bytes that the payload holds compressed, if the parts stand in them.
    pub inflated: Option<Bytes>,
}

/// A cut whose parts stand in the payload itself.
pub fn in_payload(
    places: impl Fn(&[u8], &Path) -> Result<Vec<Range<usize>>, DecodeError> + Send + Sync + 'static,
) -> Cut {
    Arc::new(move |payload, path| Ok(Parts { places: places(payload, path)?, inflated: None }))
}

/// Where a part of some bytes stands in them.
pub(super) fn place_in(bytes: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(bytes.as_ptr() as usize)?;
    (start + part.len() <= bytes.len()).then_some(start..start + part.len())
}

/// What the rows of a message are.
#[derive(Clone)]
pub struct Unnest {
    /// Finds the parts of a payload.
    pub cut: Cut,
    /// The path of the list; that of the document itself for lines.
    pub path: Path,
    /// Whether the parts are lines, which have no document around them.
    pub is_lines: bool,
}

impl Unnest {
    /// The path of a value of an element, as columns name it.
    #[must_use]
    pub fn element(&self, below: &Path) -> Path {
        let steps = self.path.steps().iter().cloned().chain([Step::Each]).chain(below.steps().iter().cloned());
        Path::of_steps(steps.collect())
    }
}

/// Takes messages apart, one after the other.
pub struct Unnester {
    unnest: Unnest,
    inflate: Inflate,
    messages: VecDeque<Record>,
    open: Option<Open>,
}

/// The message that is being taken apart.
struct Open {
    message: Record,
    whole: Bytes,
    /// The bytes in which the parts stand.
    parts_in: Bytes,
    places: std::vec::IntoIter<Range<usize>>,
    next: u64,
}

impl Unnester {
    /// Without messages.
    #[must_use]
    pub fn new(unnest: Unnest, inflate: Inflate) -> Self {
        Self { unnest, inflate, messages: VecDeque::new(), open: None }
    }

    /// Adds messages behind those that are there.
    pub fn add(&mut self, messages: impl IntoIterator<Item = Record>) {
        self.messages.extend(messages);
    }

    /// The next rows, at most so many; none when all messages are used up. A message that cannot be taken apart is one
    /// row, which says why.
    pub fn next(&mut self, most: usize) -> Vec<Record> {
        let mut rows = Vec::new();
        while rows.len() < most {
            if let Some(open) = &mut self.open {
                rows.extend(open.by_ref().take(most - rows.len()));
                if rows.len() == most {
                    break;
                }
            }
            self.open = None;
            let Some(message) = self.messages.pop_front() else { break };
            match self.take_apart(message) {
                Ok(open) => self.open = Some(open),
                Err(row) => rows.push(*row),
            }
        }
        rows
    }

    fn take_apart(&self, message: Record) -> Result<Open, Box<Record>> {
        let failed = |mut message: Record, whole: Bytes, error: DecodeError| {
            message.part = Some(Box::new(Part { index: None, whole, fault: Some((error.path, error.cause)) }));
            Box::new(message)
        };
        let whole = match self.inflate.payload(&message) {
            Ok(Cow::Borrowed(_)) => Ok(message.payload.clone()),
            Ok(Cow::Owned(inflated)) => Ok(Bytes::from(inflated)),
            Err(cause) => Err(DecodeError { path: None, cause }),
        };
        let whole = match whole {
            Ok(whole) => whole,
            Err(error) => return Err(failed(message, Bytes::new(), error)),
        };
        match (self.unnest.cut)(&whole, &self.unnest.path) {
            Ok(Parts { places, inflated }) => {
                let parts_in = inflated.unwrap_or_else(|| whole.clone());
                Ok(Open { message, whole, parts_in, places: places.into_iter(), next: 1 })
            }
            Err(error) => Err(failed(message, whole, error)),
        }
    }
}

impl Iterator for Open {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let range = self.places.next()?;
        let part = Part { index: Some(self.next), whole: self.whole.clone(), fault: None };
        self.next += 1;
        Some(Record { payload: self.parts_in.slice(range), part: Some(Box::new(part)), ..self.message.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::inflate::Compression;
    use super::*;
    use crate::codec::json;
    use crate::record::Headers;

    fn rows(cut: Cut, path: &str, payloads: &[&str], most: usize) -> Vec<String> {
        let messages = payloads.iter().zip(1..).map(|(payload, sequence)| Record {
            subject: "s".into(),
            sequence,
            time_ns: 0,
            headers: Headers::default(),
            payload: Bytes::copy_from_slice(payload.as_bytes()),
            part: None,
        });
        let inflate = Inflate { compression: Compression::None, limit: 0 };
        let mut unnester = Unnester::new(Unnest { cut, path: Path::parse(path).unwrap(), is_lines: false }, inflate);
        unnester.add(messages);
        let mut shown = Vec::new();
        loop {
            let page = unnester.next(most);
            assert!(page.len() <= most);
            if page.is_empty() {
                return shown;
            }
            shown.extend(page.into_iter().map(|row| {
                let part = row.part.unwrap();
                let payload = String::from_utf8_lossy(&row.payload).into_owned();
                match (part.index, part.fault) {
                    (Some(index), None) => format!("{}.{index} {payload}", row.sequence),
                    (_, fault) => format!("{} {fault:?}", row.sequence),
                }
            }));
        }
    }

    #[test]
    fn each_element_is_a_row() {
        let payloads = [
            r#"{"id":1,"a":{"l":[1, {"x":[2]} ,"],"]}}"#,
            r#"{"a":{"l":[]}}"#,
            r#"{"a":null}"#,
            "{}",
            "null",
            r#"{"a":{"l":null}}"#,
            r#"{"a":{"l":[null]}}"#,
        ];
        for most in [1, 2, 100] {
            let expected = ["1.1 1", r#"1.2 {"x":[2]}"#, r#"1.3 "],""#, "7.1 null"];
            assert_eq!(rows(in_payload(json::elements), "a.l", &payloads, most), expected, "{most}");
        }
        assert_eq!(rows(in_payload(json::elements), "$", &["[1,2]", " \u{feff}[3]", "\u{feff}[3]"], 9).len(), 4);
        assert_eq!(rows(in_payload(json::elements), "$[-1][0]", &["[[[1]],[[2,3]]]"], 9), ["1.1 2", "1.2 3"]);
        assert_eq!(
            rows(in_payload(json::elements), "a.1", &[r#"{"a":[[1],[2]]}"#, r#"{"a":{"1":[3]}}"#], 9),
            ["1.1 2", "2.1 3"]
        );
    }

    #[test]
    fn a_message_that_cannot_be_taken_apart_is_one_row() {
        for (payload, fault) in [
            (r#"{"a":7}"#, r#"(Some("a"), "expected a list, found 7")"#),
            (r#"{"a":{"b":[1]}}"#, r#"(Some("a"), "expected a list, found an object")"#),
            ("[1]", r#"(None, "expected an object, found a list")"#),
            (r#"{"a":[1],"a":[2]}"#, r#"(None, "the object has the key 'a' twice")"#),
            (r#"{"\u0061":"x"}"#, r#"(Some("a"), "expected a list, found \"x\"")"#),
        ] {
            assert_eq!(rows(in_payload(json::elements), "a", &[payload], 9), [format!("1 Some({fault})")], "{payload}");
        }
        for payload in ["", "{", r#"{"a":[1,2}"#, r#"{"a":[1]} x"#, r#"{"a":[1],"b":}"#] {
            let row = rows(in_payload(json::elements), "a", &[payload], 9).concat();
            assert!(row.starts_with("1 Some((None, \"malformed JSON"), "{payload}: {row}");
        }
    }

    #[test]
    fn each_line_is_a_row() {
        let payloads = ["{\"a\":1}\n\n{\"a\":2}\r\n", "", "\n", "\u{feff}1", "1\n{"];
        let expected = ["1.1 {\"a\":1}", "1.2 {\"a\":2}", "4.1 1", "5.1 1", "5.2 {"];
        assert_eq!(rows(in_payload(json::lines), "$", &payloads, 2), expected);
    }
}
