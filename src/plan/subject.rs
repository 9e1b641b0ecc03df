//! The rules of names: subjects, wildcards, streams.
//!
//! Source: <https://docs.nats.io/nats-concepts/subjects> and
//! <https://docs.nats.io/running-a-nats-service/nats_admin/jetstream_admin/naming>.

use crate::error::{Error, Result};

/// Checks a subject filter: tokens separated by dots, `*` for one token, `>` for the rest and only at the end.
///
/// # Errors
/// `Kind::Misuse` when the filter breaks a rule; the error names it.
pub fn check_subject_filter(subject: &str) -> Result<()> {
    let fault = if subject.is_empty() {
        Some("it is empty")
    } else if subject.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Some("it contains white space or a control character")
    } else if subject.split('.').any(str::is_empty) {
        Some("it has an empty token")
    } else {
        let mut tokens = subject.split('.').rev();
        tokens.next();
        tokens.any(|token| token == ">").then_some("'>' stands for the rest of a subject and must be its last token")
    };
    match fault {
        None => Ok(()),
        Some(fault) => Err(Error::new(format!("'{subject}' is not a subject: {fault}"))
            .advice("write tokens separated by dots, '*' for any one token, '>' at the end for any rest")),
    }
}

/// Checks a subject to publish to: as a filter, but without wildcards.
///
/// # Errors
/// Those of [`check_subject_filter`], and when there is a wildcard.
pub fn check_publish_subject(subject: &str) -> Result<()> {
    check_subject_filter(subject)?;
    if subject.split('.').any(|token| matches!(token, "*" | ">")) {
        return Err(Error::new(format!("'{subject}' has a wildcard; a message is published to one subject")));
    }
    Ok(())
}

/// Checks a stream's name: not empty, and without white space, `.`, `*`, `>`, `/` and `\`.
///
/// # Errors
/// `Kind::Misuse` when the name breaks a rule.
pub fn check_stream(stream: &str) -> Result<()> {
    let wrong = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '.' | '*' | '>' | '/' | '\\');
    if stream.is_empty() {
        return Err(Error::new("the stream's name is empty").advice("name a stream, as in nats_scan('ORDERS')"));
    }
    match stream.chars().find(|c| wrong(*c)) {
        None => Ok(()),
        Some(c) => Err(Error::new(format!("'{stream}' is not a stream's name: it contains {c:?}")).advice(
            "a stream's name has no white space, '.', '*', '>', '/' or '\\'; subjects go into subject := '...'",
        )),
    }
}

/// Checks a consumer's name, which has the same rules.
///
/// # Errors
/// `Kind::Misuse` when the name breaks a rule.
pub fn check_consumer(consumer: &str) -> Result<()> {
    let wrong = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '.' | '*' | '>' | '/' | '\\');
    if consumer.is_empty() {
        return Err(Error::new("the consumer's name is empty"));
    }
    match consumer.chars().find(|c| wrong(*c)) {
        None => Ok(()),
        Some(c) => Err(Error::new(format!("'{consumer}' is not a consumer's name: it contains {c:?}"))
            .advice("a consumer's name has no white space, '.', '*', '>', '/' or '\\'")),
    }
}

/// Checks the name of a durable: not empty, and without white space, `.`, `*`, `>`, `/` and `\`.
///
/// # Errors
/// `Kind::Misuse` when the name breaks a rule.
pub fn check_durable(durable: &str) -> Result<()> {
    let wrong = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '.' | '*' | '>' | '/' | '\\');
    if durable.is_empty() || durable.contains(wrong) {
        return Err(Error::new(format!("'{durable}' is not a durable's name"))
            .advice("it must not be empty nor have white space, '.', '*', '>', '/' or '\\'"));
    }
    Ok(())
}

/// Whether a stream can hold a message of this subject: nats-server matches no stream with a subject that has an empty token, and white space ends a
/// subject on the wire.
#[must_use]
pub fn is_possible_subject(subject: &[u8]) -> bool {
    let mut before = b'.';
    for byte in subject {
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') || (*byte == b'.' && before == b'.') {
            return false;
        }
        before = *byte;
    }
    before != b'.'
}

/// Whether a subject matches a filter, by the rules of NATS.
#[must_use]
pub fn subject_matches(subject: &[u8], filter: &str) -> bool {
    let mut tokens = subject.split(|b| *b == b'.');
    let mut pattern = filter.as_bytes().split(|b| *b == b'.');
    loop {
        match (tokens.next(), pattern.next()) {
            (None, None) => return true,
            (Some(_), Some(b">")) => return true,
            (Some(_), Some(b"*")) => {}
            (Some(token), Some(literal)) if token == literal => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn possible_subjects_have_no_empty_token_and_no_white_space() {
        for subject in ["a", "a.b", "ä.{\"b\":1}", "$JS.ACK", "a.*.>"] {
            assert!(is_possible_subject(subject.as_bytes()), "{subject}");
        }
        for subject in ["", ".", ".a", "a.", "a..b", "a b", "a.\tb", "a\r\n", "a.b.\n"] {
            assert!(!is_possible_subject(subject.as_bytes()), "{subject}");
        }
    }

    #[test]
    fn wildcards_match_tokens() {
        let cases = [
            ("a.b.c", "a.b.c", true),
            ("a.b.c", "a.*.c", true),
            ("a.b.c", "a.>", true),
            ("a", "a.>", false),
            ("a.b", ">", true),
            ("a.b.c", "a.*", false),
            ("a.b", "a.b.*", false),
            ("ab.c", "a*.c", false),
            ("playback.complex", "plex", false),
        ];
        for (subject, filter, matches) in cases {
            assert_eq!(subject_matches(subject.as_bytes(), filter), matches, "{subject} ~ {filter}");
        }
    }

    #[test]
    fn filters_are_checked() {
        for good in ["a", "a.b", "*.b", ">", "a.>", "a.*.>", "a>b", "é.x"] {
            assert!(check_subject_filter(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "a b", "a.>.b", ">.a", "a\tb", "a\r\n"] {
            assert!(check_subject_filter(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn stream_names_are_checked() {
        assert!(check_stream("ORDERS_2-x").is_ok());
        for bad in ["", "a.b", "a b", "a*", "a>", "a/b", "a\\b", "a\n"] {
            assert!(check_stream(bad).is_err(), "{bad:?}");
        }
    }
}
