//! The least that publishing to a stream can cost: a socket, messages that lie ready, and every acknowledgement counted.

use std::fs;
use std::io::Write;
use std::time::Instant;

use memchr::memmem::Finder;

use crate::frames::{Frame, Frames, INBOX, connect};
use crate::{Result, Tally, complete};

/// As many bytes go out in one write at most.
const WRITE_BYTES: usize = 256 * 1024;

/// The lines of a file, `window` acknowledgements awaited at most.
pub fn write(url: &str, subject: &str, file: &str, messages: usize, window: usize) -> Result<Tally> {
    let text = fs::read(file)?;
    let mut payloads = text.split(|byte| *byte == b'\n').take(messages).peekable();
    let (socket, _) = connect(url, &[INBOX])?;
    let mut frames = Frames::new(socket);
    let error = Finder::new(b"\"error\"");
    let mut tally = Tally::default();
    let (mut sent, mut stored) = (0, 0);
    let mut out = Vec::with_capacity(2 * WRITE_BYTES);
    let started = Instant::now();
    while stored < messages {
        while sent - stored < window
            && out.len() < WRITE_BYTES
            && let Some(payload) = payloads.next()
        {
            write!(out, "PUB {subject} {INBOX} {}\r\n", payload.len())?;
            out.extend_from_slice(payload);
            out.extend_from_slice(b"\r\n");
            sent += 1;
            tally.bytes += payload.len() as u64;
        }
        // While answers lie ready nothing is written, so that writes stay large.
        if out.len() >= WRITE_BYTES || !frames.has_more() {
            frames.socket.write_all(&out)?;
            out.clear();
        }
        match frames.next()? {
            Frame::Plain { payload: answer, .. } if error.find(answer).is_none() => stored += 1,
            Frame::Plain { payload: answer, .. } => return Err(String::from_utf8_lossy(answer).into_owned().into()),
            Frame::Ping => frames.socket.write_all(b"PONG\r\n")?,
            Frame::Message { .. } | Frame::BatchEnd | Frame::Other => {}
        }
    }
    tally.seconds = started.elapsed().as_secs_f64();
    tally.messages = stored as u64;
    complete(tally, messages as u64)
}
