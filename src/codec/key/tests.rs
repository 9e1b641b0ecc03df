use std::collections::HashMap;

use super::template::Segment;
use super::*;
use crate::codec::path::Path;
use crate::record::Headers;
use crate::testing::Numbers;

struct Event {
    fields: Vec<Option<String>>,
    headers: Headers,
}

impl PartValues for Event {
    fn field(&self, index: usize) -> Option<&str> {
        self.fields[index].as_deref()
    }
    fn subject(&self) -> Option<&str> {
        Some("plex.play")
    }
    fn sequence(&self) -> Option<u64> {
        Some(7)
    }
    fn index(&self) -> Option<u64> {
        Some(3)
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
        ("epoch", "1705314765.9"),
        ("millis", "1705314765999"),
        ("early", "-0.5"),
        ("zero", "0"),
        ("whole", "-1.0"),
        ("before", "1969-12-31T23:59:59.5Z"),
        ("last", "253402300799"),
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
        ("{unnest_index}-{seq}", "3-7"),
        ("{missing@5m|started_at@1d}", "2024-01-15T00:00"),
        ("{user_id}é{user_id}", "42é42"),
        ("{missing|''}:{user_id}", ":42"),
        ("{empty|''}", ""),
        ("{title}-{user_id}", "a%3Ab%25c-42"),
        ("{a.b}e{user_id}", "n%65st%65de42"),
        // Where a colon ends the value, nothing else is encoded.
        ("{a.b}e:{user_id}", "nestede:42"),
        ("{epoch@5m:s}", "2024-01-15T10:30"),
        ("{millis@30s:ms}", "2024-01-15T10:32:30"),
        ("{early@1h:us}", "1969-12-31T23:00"),
        ("{zero@1s:ns}", "1970-01-01T00:00:00"),
        ("{whole@1s:s}", "1969-12-31T23:59:59"),
        ("{before@1s}", "1969-12-31T23:59:59"),
        ("{last@1s:s}", "9999-12-31T23:59:59"),
        // A text in front of the first part, and one behind the last, end no value.
        ("n-{a.b}:{user_id}", "n-nested:42"),
        ("{user_id}:{a.b}n", "42:nestedn"),
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

fn not_a_time(part: &str, value: &str, wants: &str, lacks_unit: bool) -> KeyError {
    KeyError::NotATime { part: part.into(), value: value.into(), wants: wants.into(), lacks_unit }
}

#[test]
fn a_missing_part_is_an_error() {
    assert_eq!(key("{user_id}:{a|b}", &[("user_id", "1")]), Err(KeyError::Missing("a|b".into())));
    assert_eq!(key("{a}", &[("a", "")]), Err(KeyError::Missing("a".into())));
    assert_eq!(key("{a@5m}", &[("a", "soon")]), Err(not_a_time("a@5m", "soon", "a time (ISO 8601)", false)));
    assert_eq!(key("{a@5m}", &[("a", "17")]), Err(not_a_time("a@5m", "17", "a time (ISO 8601)", true)));
    assert_eq!(key("{a@5m:s}", &[("a", "1e9")]), Err(not_a_time("a@5m:s", "1e9", "a Unix epoch in s", false)));
    let quoted = not_a_time("a@5m|'it''s'", "soon", "a time (ISO 8601)", false);
    assert_eq!(key("{a@5m|'it''s'}", &[("a", "soon")]), Err(quoted), "a part is shown as it is written");
    // The time is beyond the year 9999; the template gives the unit, so none is missing.
    let late = "253402300800";
    assert_eq!(key("{a@5m:s}", &[("a", late)]), Err(not_a_time("a@5m:s", late, "a Unix epoch in s", false)));
    assert!(key("{a@5m:s}", &[("a", "-62167219201")]).is_err(), "before the year 0");
    let text = not_a_time("t@5m", "17", "a time (ISO 8601)", true).to_string();
    assert_eq!(
        text,
        "the key's part {t@5m} needs a time (ISO 8601), not '17'; of a Unix epoch say the unit, as in {t@5m:s}"
    );
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
        ("{''}", "has no part in braces that varies"),
        ("plain", "has no part in braces that varies"),
        ("", "has no part in braces that varies"),
        ("x{a}{b}", "position 5: two parts side by side"),
        ("{a}%{b}", "position 4: a text between two parts that begins with '%'"),
        ("{a@5m|b}:{c}:{d|e@5m}", "position 14: a second part that is a time in one row and a value in another"),
        ("{a@5m|b@5s}:{c@5m|d}", "position 13: a second part that is a time in one row"),
        ("{a@5m:h}", "position 3: '5m:h' is not a time bucket"),
        // A text that begins as a time does could be one.
        ("{a@5m|'9'}:{b@5m|'8'}", "position 12: a second part that is a time in one row"),
        ("{a@5m|'-'}:{b@5m|'+'}", "position 12: a second part that is a time in one row"),
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
    let quoted = Template::parse("{\"a|b\"}:{c}").unwrap();
    assert_eq!(quoted.paths().len(), 2, "a member's name in double quotes may have any character");
    assert!(!Template::parse("{a}").unwrap().needs_message());
    // A field that has an alternative somewhere, and stands alone elsewhere, is needed.
    let may_miss = |template: &str| -> Vec<bool> {
        Template::parse(template).unwrap().texts().iter().map(|text| text.may_miss).collect()
    };
    assert_eq!(may_miss("{a}:{b|c}:{c}"), [false, true, false]);
}

/// Templates of up to three parts, of which the parser takes some.
fn template(numbers: &mut Numbers) -> String {
    let parts =
        ["{A}", "{A}", "{A|''}", "{A@5m}", "{A@5m|A2}", "{A@1s|A2}", "{A@5m|''}", "{A@1s|'none'}", "{A@5m|'2024'}"];
    let literals = [":", "-", "%", "3", "3A", ":3", "x:", "::", "T", "/%", "é", "+", ":-", ""];
    let mut text = numbers.one(&["", "", "2024-", ":"]).to_owned();
    for name in ["a", "b", "c"].iter().take(2 + numbers.place(2)) {
        text.push_str(&numbers.one(&parts).replace("A2", &format!("{name}2")).replace('A', name));
        text.push_str(numbers.one(&literals));
    }
    text
}

/// A value that an event may have for one part of the template: a time, another value, or the alternative of one that is missing.
fn options(template: &str, name: &str) -> Vec<(String, String)> {
    let mut values = ["x", "3", "2024", "2024-01-15T10", "30", "2024-01-15T10:30:15", "2024-01-16T10:34:00"]
        .map(str::to_owned)
        .to_vec();
    // A value must not be mistaken for the text between the parts.
    for literal in template.split(['{', '}']).step_by(2).filter(|literal| !literal.is_empty()) {
        values.extend([literal.to_owned(), format!("x{literal}"), format!("{literal}x")]);
    }
    let second = format!("{name}2");
    let plain = values.iter().map(|value| (name.to_owned(), value.clone()));
    let other = values.iter().step_by(2).map(|value| (second.clone(), value.clone()));
    plain.chain(other).chain([(name.to_owned(), String::new())]).collect()
}

/// The key of the parts, and the value of each part by itself.
fn parts_and_key(
    template: &Template,
    parts: &[Template],
    fields: &[&(String, String)],
) -> Option<(Vec<String>, String)> {
    let field = |path: &Path| fields.iter().find(|(name, _)| *name == path.to_string()).map(|(_, value)| value.clone());
    let event = Event { fields: template.paths.iter().map(field).collect(), headers: Headers::default() };
    let render = |template: &Template| {
        let mut out = String::new();
        template.render(&event, &mut out).ok().map(|()| out)
    };
    Some((parts.iter().map(render).collect::<Option<_>>()?, render(template)?))
}

#[test]
fn no_template_makes_one_key_of_different_values() {
    let mut numbers = Numbers(15);
    let (mut taken, mut made) = (0, 0);
    for _ in 0..300 {
        let text = template(&mut numbers);
        let Ok(template) = Template::parse(&text) else { continue };
        taken += 1;
        let alone =
            |segment: &Segment| Template { segments: vec![segment.clone()], encoded: Vec::new(), ..template.clone() };
        let is_part = |segment: &&Segment| matches!(segment, Segment::Part(_));
        let parts: Vec<Template> = template.segments.iter().filter(is_part).map(alone).collect();
        let [first, second, third] = ["a", "b", "c"].map(|name| options(&text, name));
        let third = if parts.len() > 2 { &third[..] } else { &third[..1] };
        let mut seen: HashMap<String, Vec<String>> = HashMap::new();
        for a in &first {
            for b in &second {
                // A few values of the third part, different ones each time.
                for _ in 0..third.len().min(3) {
                    let c = &third[numbers.place(third.len())];
                    let Some((values, key)) = parts_and_key(&template, &parts, &[a, b, c]) else { continue };
                    made += 1;
                    let known = seen.entry(key.clone()).or_insert_with(|| values.clone());
                    assert_eq!(*known, values, "{text} makes '{key}' of both");
                }
            }
        }
    }
    assert!(taken > 80 && made > 20_000, "{taken} templates, {made} keys");
}
