use std::collections::HashMap;

use super::*;
use crate::codec::path::Path;
use crate::record::Headers;

struct Event {
    fields: Vec<Option<String>>,
    headers: Headers,
}

impl Parts for Event {
    fn field(&self, index: usize) -> Option<&str> {
        self.fields[index].as_deref()
    }
    fn subject(&self) -> Option<&str> {
        Some("plex.play")
    }
    fn sequence(&self) -> Option<u64> {
        Some(7)
    }
    fn headers(&self) -> Option<&Headers> {
        Some(&self.headers)
    }
}

fn key(template: &str, fields: &[(&str, &str)]) -> std::result::Result<String, KeyError> {
    let template = Template::parse(template).unwrap();
    let known: HashMap<&str, &str> = fields.iter().copied().collect();
    let field = |path: &Path| known.get(path.to_string().as_str()).map(|value| (*value).to_owned());
    let event = Event {
        fields: template.paths().iter().map(field).collect(),
        headers: Headers(vec![("Nats-Msg-Id".into(), "evt-1".into())]),
    };
    let mut out = String::new();
    template.render(&event, &mut out).map(|()| out)
}

#[test]
fn keys_are_exact_text() {
    let fields = [
        ("user_id", "42"),
        ("title", "a:b%c"),
        ("empty", ""),
        ("started_at", "2024-01-15T10:32:45.9Z"),
        ("local", "2024-01-15 12:32:45+02"),
        ("a.b", "nested"),
    ];
    let cases = [
        ("{user_id}", "42"),
        ("u-{user_id}-{{x}}", "u-42-{x}"),
        ("{title}:{user_id}", "a%3Ab%25c:42"),
        ("{missing|empty|'none'}", "none"),
        ("{missing|user_id|'none'}", "42"),
        ("{x|'it''s a:b'}", "it's a%3Ab"),
        ("{a.b}", "nested"),
        ("{started_at@5m}", "2024-01-15T10:30"),
        ("{started_at@1s}", "2024-01-15T10:32:45"),
        ("{started_at@30s}", "2024-01-15T10:32:30"),
        ("{started_at@60s}", "2024-01-15T10:32"),
        ("{local@1h}", "2024-01-15T10:00"),
        ("{started_at@1d}", "2024-01-15T00:00"),
        ("{subject}/{seq}/{header:Nats-Msg-Id}", "plex.play/7/evt-1"),
        ("{header:Other|seq}", "7"),
        ("{missing@5m|started_at@1d}", "2024-01-15T00:00"),
        ("{user_id}é{user_id}", "42é42"),
    ];
    for (template, expected) in cases {
        assert_eq!(key(template, &fields).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn different_events_do_not_share_a_key() {
    let key = |a, b| key("{a}:{b}", &[("a", a), ("b", b)]).unwrap();
    assert_ne!(key("x:y", "z"), key("x", "y:z"));
    assert_ne!(key("x%3A", "y"), key("x:", "y"));
}

#[test]
fn a_missing_part_is_an_error() {
    assert_eq!(key("{user_id}:{a|b}", &[("user_id", "1")]), Err(KeyError::Missing("a|b".into())));
    assert_eq!(key("{a}", &[("a", "")]), Err(KeyError::Missing("a".into())));
    assert_eq!(key("{a@5m}", &[("a", "soon")]), Err(KeyError::NotATime("a@5m".into(), "soon".into())));
    let text = KeyError::Missing("a|b".into()).to_string();
    assert_eq!(text, "the key's part {a|b} is missing or empty, and it has no alternative");
}

#[test]
fn what_is_not_a_template_is_named_by_position() {
    let cases = [
        ("{a", "position 3: a '{' is not closed"),
        ("a}b{c}", "position 2: a '}' without its '{'"),
        ("{a@5x}", "position 3: '5x' is not a time bucket"),
        ("{a@0m}", "position 3: '0m' is not a time bucket"),
        ("{}", "position 2: a field's name is missing"),
        ("{a|}", "position 4: a field's name is missing"),
        ("{a|'x}", "position 4: a quoted text is not closed"),
        ("{'x'y}", "position 5: expected '|' or '}'"),
        ("{header:}", "position 2: a header's name is missing"),
        ("é{a..b}", "position 3: "),
        ("{''}", "position 2: an empty text stands for nothing"),
        ("plain", "has no part in braces"),
        ("", "has no part in braces"),
    ];
    for (template, expected) in cases {
        let error = Template::parse(template).unwrap_err().to_string();
        assert!(error.contains(expected), "{template}: {error}");
    }
}

#[test]
fn paths_are_listed_once() {
    let template = Template::parse("{a}:{b|a}:{header:X}").unwrap();
    assert_eq!(template.paths().iter().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b"]);
    assert!(template.needs_headers() && template.needs_message());
    assert!(!Template::parse("{a}").unwrap().needs_message());
}
