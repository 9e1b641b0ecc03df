//! Payloads as error texts quote them.

/// The cause of an error for a payload that ends before its document does.
pub(super) fn cut_off(payload: &[u8]) -> String {
    format!("the payload ends too early, at byte {}", payload.len())
}

/// At most 80 characters of a payload, as error texts quote it; control characters are escaped.
pub(super) fn quote(text: &str) -> String {
    let mut quoted: String = text.chars().take(80).flat_map(escape_control).collect();
    if text.chars().nth(80).is_some() {
        quoted.push('…');
    }
    quoted
}

fn escape_control(c: char) -> impl Iterator<Item = char> {
    let (escaped, plain) = if c.is_control() { (Some(c.escape_default()), None) } else { (None, Some(c)) };
    escaped.into_iter().flatten().chain(plain)
}
