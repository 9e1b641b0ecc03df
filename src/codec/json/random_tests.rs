//! Random documents, and documents with random faults, against serde_json.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;
use crate::codec::Decoder;
use crate::codec::testing::{decode_one, show};
use crate::column::Column;
use crate::testing::Numbers;

/// Documents from repeatable numbers.
struct Random(Numbers);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0.place(bound)
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        self.0.one(of)
    }

    fn space(&mut self) -> &'static str {
        self.one(&["", "", "", "", " ", "\n\t", " \r "])
    }

    fn string(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.below(12) {
            let piece = [
                "a",
                "xyz",
                " ",
                "é",
                "😀",
                "{",
                "]",
                ":",
                ",",
                "0",
                "long text without anything in it ",
                r"\n",
                r"\\",
                r#"\""#,
                r"\u00e9",
                r"\ud83d\ude00",
                r"\/",
                "\u{7f}",
            ];
            text.push_str(self.one(&piece));
        }
        format!("\"{text}\"")
    }

    fn value(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 6 } else { 9 }) {
            0 => self.one(&["null", "true", "false"]).to_owned(),
            1 => self.one(&["0", "-0", "17", "-1.5e3", "0.25", "1E-2", "12345678901234567890", "3.0"]).to_owned(),
            2..=5 => self.string(),
            6 => {
                let items: Vec<String> = (0..self.below(4)).map(|_| self.spaced(depth - 1)).collect();
                format!("[{}{}]", self.space(), items.join(","))
            }
            _ => self.object(depth - 1),
        }
    }

    fn spaced(&mut self, depth: usize) -> String {
        format!("{}{}{}", self.space(), self.value(depth), self.space())
    }

    fn object(&mut self, depth: usize) -> String {
        let names = ["a", "b", "c", "a_member_with_a_long_name", "é", "x\\n", "seventeen_letters"];
        let mut members = Vec::new();
        for name in names {
            if self.below(3) > 0 {
                members.push(format!("{}\"{name}\"{}:{}", self.space(), self.space(), self.spaced(depth)));
            }
        }
        if self.below(4) == 0 {
            members.reverse();
        }
        format!("{{{}{}}}", self.space(), members.join(","))
    }
}

/// Bytes that make a document invalid, or change its meaning.
const FAULTS: &[u8] = b"\"\\{}[]:,0123e.+-tfnu \n\x01\xff\xc3a";

const PATHS: &[&str] =
    &["a", "b", "a_member_with_a_long_name", "é", "a.b", "a.c.a", "b[1]", "c[0].a", "seventeen_letters.a"];

/// Paths as json_extract reads them, and as JSON.
fn codecs() -> (Box<dyn Codec>, Box<dyn Codec>) {
    let paths = || PATHS.iter().map(|path| Path::parse(path).unwrap());
    let json = Wanted { columns: paths().map(|path| (path, Type::Json)).collect(), ..Wanted::default() };
    let json = DocumentCodec::new(Json, Strictness::Lenient, json);
    (extract(paths().map(|path| (path, Type::Varchar)).collect()).unwrap(), Box::new(json))
}

/// The rows of one decoder, which remembers the order of keys from document to document.
struct Rows<'c> {
    decoder: Box<dyn Decoder + 'c>,
    out: Vec<Buffer>,
    columns: &'c [Column],
}

impl<'c> Rows<'c> {
    fn new(codec: &'c dyn Codec) -> Self {
        let (columns, all) = (codec.columns(), (0..codec.columns().len()).collect::<Vec<_>>());
        let out = columns.iter().map(|column| Buffer::new(&column.ty)).collect();
        Self { decoder: codec.decoder(&all), out, columns }
    }

    fn decode(&mut self, document: &[u8]) -> Vec<String> {
        self.decoder.decode(document, &mut self.out).unwrap();
        let last = |buffer: &Buffer, column: &Column| show(buffer, &column.ty, buffer.len() - 1);
        self.out.iter().zip(self.columns).map(|(buffer, column)| last(buffer, column)).collect()
    }
}

/// The value at a path of PATHS.
fn at<'v>(value: &'v Value, path: &str) -> &'v Value {
    let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
    value.pointer(&pointer).unwrap_or(&Value::Null)
}

#[test]
fn values_are_those_that_serde_json_reads() {
    let (texts, json) = codecs();
    let (mut texts, mut json) = (Rows::new(&*texts), Rows::new(&*json));
    let mut random = Random(Numbers(7));
    for _ in 0..3000 {
        let document = format!("{}{}{}", random.space(), random.object(4), random.space());
        let expected: Value = serde_json::from_str(&document).unwrap();
        let texts = texts.decode(document.as_bytes());
        let json = json.decode(document.as_bytes());
        for ((path, text), json) in PATHS.iter().zip(&texts).zip(&json) {
            let expected = at(&expected, path);
            match expected {
                Value::Null => assert_eq!((text.as_str(), json.as_str()), ("NULL", "NULL"), "{path} of {document}"),
                Value::String(expected) => assert_eq!(text, expected, "{path} of {document}"),
                expected => assert_eq!(&serde_json::from_str::<Value>(text).unwrap(), expected, "{path} of {document}"),
            }
            if !expected.is_null() {
                assert_eq!(&serde_json::from_str::<Value>(json).unwrap(), expected, "{path} of {document}");
            }
        }
    }
}

#[test]
fn what_is_no_json_is_an_error_as_it_is_for_serde_json() {
    let nothing = extract(vec![(Path::parse("nothing").unwrap(), Type::Varchar)].into()).unwrap();
    let (texts, _) = codecs();
    let mut random = Random(Numbers(11));
    let (mut good, mut bad) = (0, 0);
    for _ in 0..20_000 {
        let mut document = random.object(3).into_bytes();
        for _ in 0..=random.below(2) {
            let place = random.below(document.len());
            match random.below(3) {
                0 => document[place] = FAULTS[random.below(FAULTS.len())],
                1 => drop(document.remove(place)),
                _ => document.insert(place, FAULTS[random.below(FAULTS.len())]),
            }
            if document.is_empty() {
                document.push(b' ');
            }
        }
        let shown = String::from_utf8_lossy(&document);
        let expected =
            serde_json::from_slice::<IgnoredAny>(&document).is_ok() && std::str::from_utf8(&document).is_ok();
        // A key with half of a surrogate pair is an error when it is unescaped; IgnoredAny does not unescape it.
        let read = decode_one(&*nothing, &document);
        if !read.as_ref().is_err_and(|error| error.cause.contains("surrogate") || error.cause.contains("hex escape")) {
            assert_eq!(read.is_ok(), expected, "{shown}: {read:?}");
        }
        if !expected {
            let error = decode_one(&*texts, &document).unwrap_err().to_string();
            assert!(error.contains("malformed JSON"), "{shown}: {error}");
            bad += 1;
        } else {
            good += 1;
        }
    }
    assert!(good > 1000 && bad > 1000, "{good} {bad}");
}
