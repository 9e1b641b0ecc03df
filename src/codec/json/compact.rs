//! JSON text without the whitespace between its tokens; the tokens stay as they were written.

/// Appends a valid JSON text in compact form; a lone surrogate among its strings is an error.
pub(super) fn write(json: &str, out: &mut Vec<u8>) -> Result<(), &'static str> {
    let mut rest = json.as_bytes();
    while let Some(end) = rest.iter().position(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b'"')) {
        let (head, tail) = rest.split_at(end);
        out.extend_from_slice(head);
        rest = match tail.split_first() {
            Some((b'"', _)) => {
                let (string, after) = tail.split_at(string_length(tail)?);
                out.extend_from_slice(string);
                after
            }
            Some((_, after)) => after,
            None => tail,
        };
    }
    out.extend_from_slice(rest);
    Ok(())
}

/// The length of the string that the text starts with, quotes included.
fn string_length(text: &[u8]) -> Result<usize, &'static str> {
    let mut at = 1;
    let mut high_surrogate = false;
    loop {
        let found = text.iter().skip(at).position(|b| matches!(b, b'"' | b'\\')).ok_or("a string is not closed")?;
        let unpaired = high_surrogate && found > 0;
        at += found;
        let unit = match text.get(at + 1) {
            Some(b'u') if text.get(at) == Some(&b'\\') => code_unit(text.get(at + 2..at + 6)),
            _ => None,
        };
        let low = matches!(unit, Some(0xDC00..=0xDFFF));
        if unpaired || high_surrogate != low {
            return Err("lone surrogate in a string");
        }
        high_surrogate = matches!(unit, Some(0xD800..=0xDBFF));
        if text.get(at) == Some(&b'"') {
            return Ok(at + 1);
        }
        at += if unit.is_some() { 6 } else { 2 };
    }
}

fn code_unit(digits: Option<&[u8]>) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits?).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::write;

    fn compact(json: &str) -> Result<String, &'static str> {
        let mut out = Vec::new();
        write(json, &mut out).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn whitespace_between_tokens_goes_and_nothing_else() {
        for (json, expected) in [
            ("{\"a\": 1, \"b\" : [1, 2 ]}", "{\"a\":1,\"b\":[1,2]}"),
            (" [\r\n\t1e3 , 1.10 ] ", "[1e3,1.10]"),
            ("[\"a b\", \"c\\\" d\", \"\\\\\", \" \"]", "[\"a b\",\"c\\\" d\",\"\\\\\",\" \"]"),
            ("[ \"\\u00e9\\/\\u0000\" ]", "[\"\\u00e9\\/\\u0000\"]"),
            ("[ \"\\ud83d\\ude00\", \"é x\" ]", "[\"\\ud83d\\ude00\",\"é x\"]"),
            ("1", "1"),
        ] {
            assert_eq!(compact(json).as_deref(), Ok(expected), "{json}");
        }
    }

    #[test]
    fn lone_surrogates_are_errors() {
        for json in [
            r#""\ud83d""#,
            r#""\ude00""#,
            r#""\ud83dx\ude00""#,
            r#""\ud83d\ud83d""#,
            r#""\ud83d\n""#,
            r#"["\\\ude00"]"#,
        ] {
            assert_eq!(compact(json), Err("lone surrogate in a string"), "{json}");
        }
        assert!(compact(r#""\\ud83d""#).is_ok());
    }
}
