//! Templates of every accepted shape: two events share a key only where they share every part of it.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::template::Segment;
use super::{KeyError, PartValues, Template};
use crate::record::Headers;
use crate::testing::{cases, corpus, damaged_text};

const TELLING: &[u8] = b"{}|@:'\"%.$[]0159smhduT-\xc3";

/// An event: the values of the template's fields by position, and the message's own.
#[derive(Debug, Clone)]
struct Event {
    fields: Vec<Option<String>>,
    subject: String,
    sequence: u64,
    index: Option<u64>,
    headers: Headers,
}

impl PartValues for Event {
    fn field(&self, index: usize) -> Option<&str> {
        self.fields.get(index)?.as_deref()
    }
    fn subject(&self) -> Option<&str> {
        Some(&self.subject)
    }
    fn sequence(&self) -> Option<u64> {
        Some(self.sequence)
    }
    fn index(&self) -> Option<u64> {
        self.index
    }
    fn headers(&self) -> Option<&Headers> {
        Some(&self.headers)
    }
}

fn render(template: &Template, event: &Event) -> Result<String, KeyError> {
    let mut out = String::new();
    template.render(event, &mut out).map(|()| out)
}

/// Each part by itself, encoded only where every template encodes: the values that the key must distinguish.
fn parts(template: &Template) -> Vec<Template> {
    let alone =
        |segment: &Segment| Template { segments: vec![segment.clone()], encoded: Vec::new(), ..template.clone() };
    template.segments.iter().filter(|segment| matches!(segment, Segment::Part(_))).map(alone).collect()
}

/// The values from which keys are made.
const PIECES: [&str; 17] = [
    ":",
    "%",
    "3A",
    "25",
    "x",
    "-",
    "T",
    "é",
    "e",
    "/",
    "+",
    ".",
    "0",
    "2024-01-15",
    "2024-01-15T10:30",
    "2024-01-15T10:32:45Z",
    "1705314765",
];

/// Values made of few pieces, so that many of them run into each other.
fn value(pieces: &[String]) -> impl Strategy<Value = String> + use<> {
    vec(prop::sample::select(pieces.to_vec()), 0..3).prop_map(|pieces| pieces.concat())
}

fn event(fields: usize, pieces: &[String]) -> impl Strategy<Value = Event> + use<> {
    let values = vec(prop::option::weighted(0.9, value(pieces)), fields);
    (values, value(pieces), 0..3_u64, prop::option::of(value(pieces))).prop_map(
        |(fields, subject, sequence, header)| Event {
            fields,
            subject,
            sequence,
            index: (sequence > 0).then_some(3 - sequence),
            headers: Headers(header.into_iter().map(|value| ("Nats-Msg-Id".to_owned(), value)).collect()),
        },
    )
}

/// Events for a template: their values also contain the texts between its parts.
fn events(template: &Template) -> impl Strategy<Value = Vec<Event>> + use<> {
    let fields = template.paths().len();
    let literals = template.segments.iter().filter_map(|segment| match segment {
        Segment::Literal(text) => Some(text.clone()),
        Segment::Part(_) => None,
    });
    let literals: Vec<String> = literals.collect();
    prop::sample::subsequence(PIECES.to_vec(), 1..=3).prop_flat_map(move |pieces| {
        let pieces: Vec<String> = pieces.into_iter().map(str::to_owned).chain(literals.clone()).collect();
        vec(event(fields, &pieces), 2..150)
    })
}

/// Texts that look like templates; the parser takes about half of them.
fn text() -> impl Strategy<Value = String> {
    let source = prop::sample::select(vec![
        "a",
        "b",
        "c.d",
        "\"e|f\"",
        "subject",
        "seq",
        "unnest_index",
        "header:Nats-Msg-Id",
        "''",
        "'x'",
        "'2024'",
        "'-'",
    ]);
    let bucket = prop::sample::select(vec!["", "", "", "", "", "", "", "", "@5m", "@30s", "@1d", "@5m:s", "@1s:ms"]);
    let alternative = (source, bucket).prop_map(|(source, bucket)| format!("{source}{bucket}"));
    let part = vec(alternative, 1..4).prop_map(|alternatives| format!("{{{}}}", alternatives.join("|")));
    let literal = prop::sample::select(vec![":", ":", "-", "%", "3A", ":3", "x:", "T", "é", "+", "{{", "}}", "", "/"]);
    vec((literal, part), 1..4)
        .prop_map(|parts| parts.into_iter().map(|(literal, part)| format!("{literal}{part}")).collect())
}

#[test]
fn the_corpus_has_templates_that_are_taken_and_others() {
    let texts = corpus("key_templates");
    let taken = texts.iter().filter(|text| Template::parse(std::str::from_utf8(text).unwrap()).is_ok()).count();
    assert!(taken > 8 && texts.len() - taken > 5, "{taken} of {}", texts.len());
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn different_events_have_different_keys(
        (template, events) in text()
            .prop_filter_map("no template", |text| Template::parse(&text).ok())
            .prop_flat_map(|template| { let events = events(&template); (Just(template), events) }),
    ) {
        let parts = parts(&template);
        let mut seen: HashMap<String, Vec<String>> = HashMap::new();
        for event in &events {
            let alone: Result<Vec<String>, KeyError> = parts.iter().map(|part| render(part, event)).collect();
            let key = render(&template, event);
            prop_assert_eq!(alone.is_ok(), key.is_ok());
            let (Ok(alone), Ok(key)) = (alone, key) else { continue };
            prop_assert_eq!(render(&template, event).ok(), Some(key.clone()));
            let known = seen.entry(key.clone()).or_insert_with(|| alone.clone());
            prop_assert_eq!(&*known, &alone, "{} makes '{}' of both", template.text(), key);
        }
    }

    #[test]
    fn any_text_is_a_template_or_the_place_of_its_fault(text in damaged_text("key_templates", TELLING)) {
        match Template::parse(&text) {
            Ok(template) => {
                prop_assert_eq!(template.text(), &*text);
                prop_assert_eq!(Template::parse(&text).unwrap(), template);
            }
            Err(error) => {
                let shown = error.to_string();
                prop_assert!(shown.contains(&text), "{shown}");
                if let Some((_, rest)) = shown[shown.find(&text).unwrap() + text.len()..].split_once("position ") {
                    let position: usize = rest.split(':').next().unwrap().parse().unwrap();
                    prop_assert!((1..=text.chars().count() + 1).contains(&position), "{shown}");
                }
            }
        }
    }
}
