//! Frames of the NATS protocol, found in a buffer without copying.

use std::ops::Range;

/// One frame from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// MSG or HMSG; the ranges are positions in the buffer. Without headers the range of headers is empty.
    Message(Message<'a>),
    /// The server asks whether the connection is alive.
    Ping,
    /// The server's answer to PING.
    Pong,
    /// The server's description of itself and its requirements, as JSON.
    Info(&'a [u8]),
    /// The text of the server's refusal, without its quotes.
    Error(&'a [u8]),
    /// `+OK`.
    Ok,
}

/// A message that the server delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub subject: &'a [u8],
    /// The subscription that it is delivered to.
    pub subscription: &'a [u8],
    /// Where an answer would go; empty where none is expected.
    pub reply: &'a [u8],
    pub headers: Range<usize>,
    pub payload: Range<usize>,
}

/// A reply whose line is plain: positions in the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlainReply {
    /// The part of the subject behind the prefix.
    pub token: Range<usize>,
    pub headers: Range<usize>,
    pub payload: Range<usize>,
    /// Where the frame ends.
    pub end: usize,
}

/// Why a buffer does not begin with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameError {
    /// More bytes are needed; at least so many in all, as far as is known.
    Incomplete(usize),
    /// It is not the NATS protocol.
    Malformed,
}

/// The longest line that a server may send; an INFO with many cluster addresses is the longest there is.
const MAX_LINE: usize = 1024 * 1024;
/// The most bytes of a message with its headers: `max_payload` of nats-server's configuration is a number of 31 bits.
const MAX_MESSAGE: usize = 1 << 31;

/// The frame that begins at `start`, and where it ends.
pub(super) fn parse(buffer: &[u8], start: usize) -> Result<(Frame<'_>, usize), FrameError> {
    let rest = buffer.get(start..).unwrap_or_default();
    let Some(end) = memchr::memchr(b'\n', rest) else {
        return Err(if rest.len() > MAX_LINE {
            FrameError::Malformed
        } else {
            FrameError::Incomplete(buffer.len() + 1)
        });
    };
    let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
    let after = start + end + 1;
    let (verb, arguments) = match memchr::memchr2(b' ', b'\t', line) {
        Some(space) => (&line[..space], &line[space + 1..]),
        None => (line, &[][..]),
    };
    match verb {
        b"HMSG" | b"MSG" => message(buffer, verb == b"HMSG", arguments, after),
        b"PING" => Ok((Frame::Ping, after)),
        b"PONG" => Ok((Frame::Pong, after)),
        b"INFO" => Ok((Frame::Info(arguments), after)),
        b"+OK" => Ok((Frame::Ok, after)),
        b"-ERR" => Ok((Frame::Error(unquoted(arguments.trim_ascii())), after)),
        _ => Err(FrameError::Malformed),
    }
}

/// The reply that begins at `start`, if its line is that of nearly every reply of a scan: `HMSG <prefix><digits> <sid> <header bytes>
/// <total bytes>`, with one blank each, and all of it is there. Of any other, None; [`parse`] reads both alike.
pub(super) fn parse_reply(buffer: &[u8], start: usize, prefix: &[u8], subscription: &[u8]) -> Option<PlainReply> {
    let line = buffer.get(start..)?.strip_prefix(b"HMSG ")?.strip_prefix(prefix)?;
    let at = buffer.len() - line.len();
    let (_, rest) = some_digits(line)?;
    let token = at..buffer.len() - rest.len();
    let rest = rest.strip_prefix(b" ")?.strip_prefix(subscription)?.strip_prefix(b" ")?;
    let (header_length, rest) = some_digits(rest)?;
    let (total, rest) = some_digits(rest.strip_prefix(b" ")?)?;
    let after = buffer.len() - rest.strip_prefix(b"\r\n")?.len();
    let (header_length, total) = (usize::try_from(header_length).ok()?, usize::try_from(total).ok()?);
    let end = after.checked_add(total)?;
    if header_length > total || !buffer.get(end..)?.starts_with(b"\r\n") {
        return None;
    }
    let (headers, payload) = (after..after + header_length, after + header_length..end);
    Some(PlainReply { token, headers, payload, end: end + 2 })
}

/// The number that a text begins with, of at most nineteen digits, so that it fits, and what follows it; None without a digit.
#[inline(always)]
pub fn some_digits(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut number, mut length) = (0, 0);
    while let Some(byte) = text.get(length).filter(|byte| byte.is_ascii_digit() && length < 19) {
        number = number * 10 + u64::from(byte - b'0');
        length += 1;
    }
    (length > 0).then(|| (number, &text[length..]))
}

/// The message without headers that begins at `start` and where it ends, if its line is that of nearly every delivery of a consumer:
/// `MSG <subject> <sid> <reply> <bytes>`, with one blank each, and all of it is there. Of any other, None; [`parse`] reads both alike.
pub(super) fn parse_delivery(buffer: &[u8], start: usize) -> Option<(Message<'_>, usize)> {
    let (subject, line) = token(buffer.get(start..)?.strip_prefix(b"MSG ")?)?;
    let (_, rest) = some_digits(line)?;
    let subscription = &line[..line.len() - rest.len()];
    let (reply, rest) = token(rest.strip_prefix(b" ")?)?;
    let (total, rest) = some_digits(rest)?;
    let after = buffer.len() - rest.strip_prefix(b"\r\n")?.len();
    let end = after.checked_add(usize::try_from(total).ok()?)?;
    let is_whole = buffer.get(end..)?.starts_with(b"\r\n");
    is_whole.then(|| (Message { subject, subscription, reply, headers: after..after, payload: after..end }, end + 2))
}

/// What stands before the next blank, without a byte that would end the line or be trimmed, and what follows the blank.
fn token(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (token, rest) = text.split_at(memchr::memchr3(b' ', b'\t', b'\n', text)?);
    let bare = |byte: Option<&u8>| byte.is_some_and(|byte| !byte.is_ascii_whitespace());
    (bare(token.first()) && bare(token.last())).then_some((token, rest.strip_prefix(b" ")?))
}

/// `MSG <subject> <sid> [reply] <bytes>` and `HMSG <subject> <sid> [reply] <header bytes> <total bytes>`, then the
/// payload and an end of line.
fn message<'a>(
    buffer: &'a [u8],
    has_headers: bool,
    arguments: &'a [u8],
    after: usize,
) -> Result<(Frame<'a>, usize), FrameError> {
    let (rest, total) = last_token(arguments).ok_or(FrameError::Malformed)?;
    let total = size(total)?;
    let (rest, header_length) = if has_headers {
        let (rest, length) = last_token(rest).ok_or(FrameError::Malformed)?;
        (rest, size(length)?)
    } else {
        (rest, 0)
    };
    // The subject and the subscription are left, and perhaps the subject of an answer.
    let (subject, rest) = first_token(rest.trim_ascii_start());
    let (subscription, reply) = first_token(rest);
    if subscription.is_empty() {
        return Err(FrameError::Malformed);
    }
    if header_length > total {
        return Err(FrameError::Malformed);
    }
    let end = after + total;
    if buffer.len() < end + 2 {
        return Err(FrameError::Incomplete(end + 2));
    }
    if buffer.get(end..end + 2) != Some(b"\r\n") {
        return Err(FrameError::Malformed);
    }
    let headers = after..after + header_length;
    let message = Message { subject, subscription, reply, headers, payload: after + header_length..end };
    Ok((Frame::Message(message), end + 2))
}

fn size(digits: &[u8]) -> Result<usize, FrameError> {
    let size = number(digits).and_then(|size| usize::try_from(size).ok());
    size.filter(|size| *size <= MAX_MESSAGE).ok_or(FrameError::Malformed)
}

/// The first token, and what follows it.
fn first_token(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr2(b' ', b'\t', line) {
        Some(space) => (&line[..space], line[space + 1..].trim_ascii_start()),
        None => (line, &[]),
    }
}

/// The text before the last token, and the token.
fn last_token(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = memchr::memrchr2(b' ', b'\t', line)?;
    Some((line[..space].trim_ascii_end(), &line[space + 1..]))
}

/// A text without the single quotes around it.
fn unquoted(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"'").and_then(|text| text.strip_suffix(b"'")).unwrap_or(text)
}

/// A decimal number of digits alone.
pub fn number(digits: &[u8]) -> Option<u64> {
    // So many digits always fit.
    if digits.is_empty() || digits.len() > 19 {
        return std::str::from_utf8(digits).ok()?.parse().ok();
    }
    digits.iter().try_fold(0_u64, |n, b| b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found() {
        let buffer = b"PING\r\nMSG a.b 1 5\r\nhello\r\nHMSG i.7 1 reply 12 14\r\nNATS/1.0\r\n\r\nhi\r\n-ERR 'no'\r\n";
        let (frame, end) = parse(buffer, 0).unwrap();
        assert_eq!(frame, Frame::Ping);
        let (frame, end) = parse(buffer, end).unwrap();
        let Frame::Message(message) = frame else { unreachable!() };
        assert_eq!((message.subject, message.subscription, message.reply), (&b"a.b"[..], &b"1"[..], &b""[..]));
        assert_eq!((message.headers.len(), &buffer[message.payload]), (0, &b"hello"[..]));
        let (frame, end) = parse(buffer, end).unwrap();
        let Frame::Message(message) = frame else { unreachable!() };
        assert_eq!((message.subject, message.subscription, message.reply), (&b"i.7"[..], &b"1"[..], &b"reply"[..]));
        let (headers, payload) = (&buffer[message.headers], &buffer[message.payload]);
        assert_eq!((headers, payload), (&b"NATS/1.0\r\n\r\n"[..], &b"hi"[..]));
        let (frame, end) = parse(buffer, end).unwrap();
        assert_eq!((frame, end), (Frame::Error(b"no"), buffer.len()));
    }

    #[test]
    fn frames_without_a_payload_are_told_apart() {
        let cases: [(&[u8], Frame<'_>); 5] = [
            (b"PONG\r\n", Frame::Pong),
            (b"+OK\r\n", Frame::Ok),
            (b"INFO {\"a\":1}\r\n", Frame::Info(b"{\"a\":1}")),
            (b"INFO\t{}\r\n", Frame::Info(b"{}")),
            (b"-ERR  'x y' \r\n", Frame::Error(b"x y")),
        ];
        for (line, frame) in cases {
            let buffer = [b"before", line].concat();
            assert_eq!(parse(&buffer, 6), Ok((frame, buffer.len())));
        }
    }

    #[test]
    fn only_plain_lines_are_read_as_such() {
        let reply = |line: &str| parse_reply(line.as_bytes(), 0, b"i.", b"1");
        let expected = PlainReply { token: 7..8, headers: 17..21, payload: 21..23, end: 25 };
        assert_eq!(reply("HMSG i.7 1 4 06\r\nheadhi\r\n"), Some(expected));
        for line in [
            "HMSG i.7 1  2\r\nhi\r\n",
            "HMSG i.7 1 2 \r\nhi\r\n",
            "HMSG i.7  1 0 2\r\nhi\r\n",
            "HMSG i. 1 0 2\r\nhi\r\n",
            "HMSG i.x 1 0 2\r\nhi\r\n",
            "HMSG i.7 2 0 2\r\nhi\r\n",
            "HMSG i.7 1 r 0 2\r\nhi\r\n",
            "HMSG i.7 1 3 2\r\nhi\r\n",
            "HMSG i.7 1 0 2\nhi\r\n",
            "HMSG i.7 1 0 2\r\nhi!\r\n",
            "HMSG i.7 1 0 2\r\nhi\r",
            "HMSG i.7 1 0 18446744073709551615\r\nhi\r\n",
            "MSG i.7 1 2\r\nhi\r\n",
        ] {
            assert_eq!(reply(line), None, "{line:?}");
        }
        let delivery = |line: &str| parse_delivery(line.as_bytes(), 0).is_some();
        assert!(delivery("MSG a.b 2 r.s 2\r\nhi\r\n"));
        for line in [
            "MSG a.b 2 2\r\nhi\r\n",
            "MSG a.b  2 r 2\r\nhi\r\n",
            "MSG a.b 2 r\r 2\r\nhi\r\n",
            "MSG a.b x r 2\r\nhi\r\n",
            "MSG a.b 2 r \r\n\r\n",
        ] {
            assert!(!delivery(line), "{line:?}");
        }
    }

    #[test]
    fn a_message_may_be_headers_alone() {
        let buffer = b"HMSG a 1 12 12\r\nNATS/1.0\r\n\r\n\r\n";
        let (frame, end) = parse(buffer, 0).unwrap();
        let Frame::Message(message) = frame else { unreachable!() };
        assert_eq!((message.headers, message.payload, end), (16..28, 28..28, buffer.len()));
    }

    #[test]
    fn a_line_may_be_a_mebibyte_long() {
        let line = vec![b'x'; 1_048_576];
        assert_eq!(parse(&line, 0), Err(FrameError::Incomplete(1_048_577)));
        assert_eq!(parse(&line, 1), Err(FrameError::Incomplete(1_048_577)));
        assert_eq!(parse(&[&line[..], b"x"].concat(), 0), Err(FrameError::Malformed));
    }

    #[test]
    fn numbers_are_digits_that_fit() {
        for (digits, expected) in [
            ("0", Some(0)),
            ("0042", Some(42)),
            ("9999999999999999999", Some(9_999_999_999_999_999_999)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("", None),
            ("1x", None),
            ("-1", None),
            ("/", None),
            (":", None),
        ] {
            assert_eq!(number(digits.as_bytes()), expected, "{digits}");
        }
    }

    #[test]
    fn every_cut_is_incomplete_and_nothing_else() {
        let buffer = b"HMSG i.7 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n";
        for cut in 0..buffer.len() {
            let Err(FrameError::Incomplete(needed)) = parse(&buffer[..cut], 0) else { unreachable!("{cut}") };
            assert!(needed > cut && needed <= buffer.len(), "{cut}: {needed}");
        }
        assert!(parse(buffer, 0).is_ok());
    }

    #[test]
    fn what_is_not_the_protocol_is_malformed() {
        let cases: [&[u8]; 9] = [
            b"HTTP/1.1 400\r\n",
            b"MSG\r\n",
            b"MSG a 1 x\r\n",
            b"HMSG a 1 9 4\r\n1234\r\n",
            b"MSG a 1 2\r\nabcd",
            b"MSG a 1 99999999999999999999\r\n",
            b"MSG a 1 18446744073709551615\r\n",
            b"MSG a 1 2147483649\r\n",
            b"HMSG a 1 4\r\nNATS\r\n",
        ];
        for case in cases {
            assert_eq!(parse(case, 0), Err(FrameError::Malformed), "{}", String::from_utf8_lossy(case));
        }
    }
}
