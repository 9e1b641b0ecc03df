//! The text of a value inside a key.

/// Appends a value with `:` and `%` percent-encoded.
pub fn push_escaped(value: &str, out: &mut String) {
    let mut rest = value;
    while let Some(at) = memchr::memchr2(b':', b'%', rest.as_bytes()) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        out.push_str(if from.starts_with(':') { "%3A" } else { "%25" });
        rest = &from[1..];
    }
    out.push_str(rest);
}

/// Appends a value with `:`, `%` and the characters of `encoded` percent-encoded, as the bytes of their UTF-8.
pub(super) fn push(value: &str, encoded: &[char], out: &mut String) {
    if encoded.is_empty() {
        return push_escaped(value, out);
    }
    let mut buffer = [0; 4];
    for c in value.chars() {
        if matches!(c, ':' | '%') || encoded.contains(&c) {
            for byte in c.encode_utf8(&mut buffer).bytes() {
                out.push('%');
                out.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])));
            }
        } else {
            out.push(c);
        }
    }
}
