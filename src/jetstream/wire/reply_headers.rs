//! The header block of a reply to Direct Get (ADR-31), read in place.

use std::ops::Range;

use super::frame;

/// The content of a reply's header block; the ranges are positions in the buffer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ReplyHeaders {
    pub status: Option<u16>,
    pub description: Range<usize>,
    pub subject: Option<Range<usize>>,
    pub sequence: Option<Digits>,
    pub time: Option<Range<usize>>,
    pub pending: Option<Digits>,
    pub previous: Option<Digits>,
    /// The number of headers.
    pub count: usize,
}

/// A value that is to be a decimal number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Digits {
    /// Where it stands.
    pub at: Range<usize>,
    /// None when it is no number.
    pub number: Option<u64>,
}

/// Reads the block `NATS/1.0 [status [description]]\r\nName: value\r\n...\r\n`. Of several values of a name the last
/// counts: the server appends its own.
pub(super) fn read_reply_headers(buffer: &[u8], block: Range<usize>) -> ReplyHeaders {
    plain(&buffer[..block.end], block.start).unwrap_or_else(|| any(buffer, block))
}

/// The block of a message that has no headers of its own, as the server writes it: nearly every reply of a scan.
fn plain(buffer: &[u8], start: usize) -> Option<ReplyHeaders> {
    let mut at = Cursor { buffer, at: start };
    at.literal(b"NATS/1.0\r\nNats-Stream: ")?;
    at.value()?;
    at.literal(b"\r\nNats-Subject: ")?;
    let subject = Some(at.value()?);
    at.literal(b"\r\nNats-Sequence: ")?;
    let sequence = Some(at.number()?);
    at.literal(b"\r\nNats-Time-Stamp: ")?;
    let time = Some(at.value()?);
    let mut headers = ReplyHeaders { subject, sequence, time, count: 4, ..ReplyHeaders::default() };
    if at.literal(b"\r\nNats-Num-Pending: ").is_some() {
        headers.pending = Some(at.number()?);
        at.literal(b"\r\nNats-Last-Sequence: ")?;
        headers.previous = Some(at.number()?);
        headers.count = 6;
    }
    at.literal(b"\r\n\r\n")?;
    (at.at == buffer.len()).then_some(headers)
}

/// A place in a block; each step is taken as a whole or not at all.
struct Cursor<'a> {
    buffer: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    /// A text of a length that the compiler knows: compared without a call.
    #[inline(always)]
    fn literal<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        (self.buffer.get(self.at..)?.first_chunk() == Some(text)).then(|| self.at += N)
    }

    /// Digits, from one to nineteen of them, so that the number fits.
    #[inline(always)]
    fn number(&mut self) -> Option<Digits> {
        let start = self.at;
        let (number, rest) = frame::some_digits(&self.buffer[start..])?;
        self.at = self.buffer.len() - rest.len();
        Some(Digits { at: start..self.at, number: Some(number) })
    }

    /// The text before the end of the line; None where it would have to be trimmed.
    fn value(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        self.at += memchr::memchr2(b'\r', b'\n', &self.buffer[start..])?;
        let value = &self.buffer[start..self.at];
        let bare = |byte: Option<&u8>| byte.is_some_and(|byte| !byte.is_ascii_whitespace());
        (bare(value.first()) && bare(value.last())).then_some(start..self.at)
    }
}

fn any(buffer: &[u8], block: Range<usize>) -> ReplyHeaders {
    let mut headers = ReplyHeaders::default();
    let mut at = block.start;
    let mut first = true;
    while at < block.end {
        let end = memchr::memchr(b'\n', &buffer[at..block.end]).map_or(block.end, |n| at + n);
        let line_end = if end > at && buffer[end - 1] == b'\r' { end - 1 } else { end };
        let line = &buffer[at..line_end];
        if first {
            status_line(line, at, &mut headers);
            first = false;
        } else if !line.is_empty() {
            header_line(line, at, &mut headers);
        }
        at = end + 1;
    }
    headers
}

fn status_line(line: &[u8], at: usize, headers: &mut ReplyHeaders) {
    let Some(rest) = line.strip_prefix(b"NATS/1.0 ") else { return };
    let digits = rest.len().min(3);
    headers.status = frame::number(&rest[..digits]).and_then(|status| u16::try_from(status).ok());
    let start = at + line.len() - rest.len() + digits;
    headers.description = (start + 1).min(at + line.len())..at + line.len();
}

fn header_line(line: &[u8], at: usize, headers: &mut ReplyHeaders) {
    let Some(colon) = memchr::memchr(b':', line) else { return };
    let value = line[colon + 1..].trim_ascii();
    let start = at + line.len() - line[colon + 1..].trim_ascii_start().len();
    let (place, digits) = (start..start + value.len(), |at| Some(Digits { at, number: frame::number(value) }));
    match &line[..colon] {
        b"Nats-Subject" => headers.subject = Some(place),
        b"Nats-Sequence" => headers.sequence = digits(place),
        b"Nats-Time-Stamp" => headers.time = Some(place),
        b"Nats-Num-Pending" => headers.pending = digits(place),
        b"Nats-Last-Sequence" => headers.previous = digits(place),
        _ => {}
    }
    headers.count += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "NATS/1.0\r\nNats-Stream: S\r\nNats-Subject: a.b\r\nNats-Sequence: 7\r\n\
                           Nats-Time-Stamp: 1970-01-01T00:00:01Z\r\n";
    const BATCH: &str = "Nats-Num-Pending: 3\r\nNats-Last-Sequence: 5\r\n";

    #[test]
    fn a_plain_block_reads_as_any() {
        for block in [format!("{MESSAGE}\r\n"), format!("{MESSAGE}{BATCH}\r\n")] {
            let buffer = format!("before{block}after");
            let place = 6..6 + block.len();
            let plain = plain(&buffer.as_bytes()[..place.end], place.start);
            assert_eq!(plain, Some(any(buffer.as_bytes(), place)), "{block}");
        }
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_other() {
        let stored = MESSAGE.trim_start_matches("NATS/1.0\r\n");
        let blocks = [
            format!("{MESSAGE}X: y\r\n\r\n"),
            format!("{MESSAGE}{BATCH}X: y\r\n\r\n"),
            format!("{MESSAGE}{stored}{BATCH}\r\n"),
            format!("{MESSAGE}Nats-Num-Pending: 3\r\n\r\n"),
            format!("NATS/1.0\r\nX: y\r\n{stored}\r\n"),
            format!("NATS/1.0 204 EOB\r\n{BATCH}\r\n"),
            MESSAGE.to_owned(),
            String::new(),
        ];
        for block in blocks {
            assert_eq!(plain(block.as_bytes(), 0), None, "{block}");
        }
    }

    /// The content of a block, as texts; the block stands between other bytes, so that a position which is off by one shows.
    #[derive(Debug, PartialEq, Eq, Default)]
    struct Said<'a> {
        status: Option<u16>,
        description: &'a str,
        /// Subject, sequence, time, pending and previous.
        values: [Option<&'a str>; 5],
        count: usize,
    }

    fn said<'a>(buffer: &'a str, headers: &ReplyHeaders) -> Said<'a> {
        let text = |range: &Range<usize>| &buffer[range.clone()];
        let at = |digits: &Option<Digits>| digits.as_ref().map(|digits| digits.at.clone());
        let (sequence, pending, previous) = (at(&headers.sequence), at(&headers.pending), at(&headers.previous));
        let values = [headers.subject.clone(), sequence, headers.time.clone(), pending, previous];
        Said {
            status: headers.status,
            description: text(&headers.description),
            values: values.map(|range| range.as_ref().map(text)),
            count: headers.count,
        }
    }

    #[test]
    fn every_part_of_a_block_is_found_in_its_place() {
        let none = [None; 5];
        let cases = [
            (
                format!("{MESSAGE}{BATCH}X: y\r\n\r\n"),
                Said {
                    values: [Some("a.b"), Some("7"), Some("1970-01-01T00:00:01Z"), Some("3"), Some("5")],
                    count: 7,
                    ..Said::default()
                },
            ),
            (
                "NATS/1.0 204 EOB\r\nNats-Num-Pending: 4\r\nNats-Last-Sequence:9\r\n\r\n".to_owned(),
                Said {
                    status: Some(204),
                    description: "EOB",
                    values: [None, None, None, Some("4"), Some("9")],
                    count: 2,
                },
            ),
            (
                "NATS/1.0 404 Message Not Found\r\n\r\n".to_owned(),
                Said { status: Some(404), description: "Message Not Found", values: none, count: 0 },
            ),
            ("NATS/1.0 503\r\n\r\n".to_owned(), Said { status: Some(503), ..Said::default() }),
            ("NATS/1.0 503 \n".to_owned(), Said { status: Some(503), ..Said::default() }),
            ("NATS/1.0 40".to_owned(), Said { status: Some(40), ..Said::default() }),
            ("NATS/1.0 4x4 Odd\r\n\r\n".to_owned(), Said { description: "Odd", ..Said::default() }),
            ("NATS/1.0 \r\n\r\n".to_owned(), Said::default()),
            (
                "NATS/1.0\nNats-Subject:  a.b \t\nno colon\n\nNats-Sequence: 7".to_owned(),
                Said { values: [Some("a.b"), Some("7"), None, None, None], count: 2, ..Said::default() },
            ),
            (
                "\nNats-Sequence: 7\n".to_owned(),
                Said { values: [None, Some("7"), None, None, None], count: 1, ..Said::default() },
            ),
            (
                "NATS/1.0\r\nNats-Sequence: 1\r\nNats-Sequence: 22\r\nNats-Subject:\r\n\r\n".to_owned(),
                Said { values: [Some(""), Some("22"), None, None, None], count: 3, ..Said::default() },
            ),
        ];
        for (block, expected) in cases {
            // A place that is off by one meets the end of a line.
            let buffer = format!("befor\r{block}after");
            let headers = any(buffer.as_bytes(), 6..6 + block.len());
            assert_eq!(said(&buffer, &headers), expected, "{block:?}");
        }
    }

    #[test]
    fn a_block_that_is_not_the_whole_is_not_plain() {
        let block = format!("{MESSAGE}\r\n");
        assert_eq!(plain(format!("{block}x").as_bytes(), 0), None);
        assert_eq!(plain(block.replace("a.b", " a.b").as_bytes(), 0), None);
        assert_eq!(plain(block.replace("a.b", "a.b ").as_bytes(), 0), None);
        assert_eq!(plain(block.replace("a.b", "").as_bytes(), 0), None);
    }
}
