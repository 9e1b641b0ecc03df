//! The answers of a real server about one stream, kept in memory.

use std::io::Write;

use memchr::memmem;

use crate::frames::{Frame, Frames, INBOX, connect, request};
use crate::{Result, batch_request};

/// Messages that one recorded request asks for.
const BATCH: u64 = 4000;
const BATCH_BYTES: u64 = 4 << 20;

const LAST: &[u8] = b"\r\nNats-Last-Sequence: ";
const PENDING: &[u8] = b"\r\nNats-Num-Pending: ";

/// The answers of a server about a stream. A message is kept as the server sends it in the middle of a batch, from behind
/// the reply's subject and subscription on: `<header bytes> <total bytes>\r\n<headers><payload>\r\n`.
pub struct Recording {
    /// The INFO line of the server.
    pub info: String,
    /// The replies to STREAM.INFO, with and without the list of deleted sequences.
    pub state: Vec<u8>,
    pub state_with_deleted: Vec<u8>,
    sequences: Vec<u64>,
    /// Where each message ends; it begins where the one before ends.
    ends: Vec<usize>,
    bytes: Vec<u8>,
}

impl Recording {
    /// Reads a stream from the server. It must not change meanwhile.
    pub fn of(url: &str, stream: &str) -> Result<Self> {
        let (socket, info) = connect(url, &[INBOX])?;
        let mut frames = Frames::new(socket);
        let call = format!("STREAM.INFO.{stream}");
        let state = answer(&mut frames, &request(&call, ""))?;
        let state_with_deleted = answer(&mut frames, &request(&call, r#"{"deleted_details":true}"#))?;
        let facts: serde_json::Value = serde_json::from_slice(&state)?;
        let fact = |name: &str| facts["state"][name].as_u64().ok_or_else(|| format!("no stream {stream}: {facts}"));
        let (messages, last) = (fact("messages")?, fact("last_seq")?);
        let (sequences, ends, bytes) = (Vec::new(), Vec::new(), Vec::new());
        let mut recording = Self { info, state, state_with_deleted, sequences, ends, bytes };
        while recording.sequences.last().is_none_or(|sequence| *sequence < last) && messages > 0 {
            recording.batch(&mut frames, stream)?;
        }
        if recording.sequences.len() as u64 != messages {
            return Err(format!("{} messages, not {messages}", recording.sequences.len()).into());
        }
        Ok(recording)
    }

    /// Takes the next batch.
    fn batch(&mut self, frames: &mut Frames, stream: &str) -> Result<()> {
        let from = self.sequences.last().map_or(1, |sequence| sequence + 1);
        let body = batch_request(from, BATCH).replace('}', &format!(r#","max_bytes":{BATCH_BYTES}}}"#));
        frames.socket.write_all(request(&format!("DIRECT.GET.{stream}"), &body).as_bytes())?;
        loop {
            match frames.next()? {
                Frame::Message { block, payload } => self.push(block, payload)?,
                Frame::BatchEnd => return Ok(()),
                Frame::Ping => frames.socket.write_all(b"PONG\r\n")?,
                Frame::Plain { .. } | Frame::Other => {}
            }
        }
    }

    /// Keeps a message. The first message of a batch names no sequence before it; the kept one names that of the message before.
    fn push(&mut self, block: &[u8], payload: &[u8]) -> Result<()> {
        let sequence = std::str::from_utf8(header(block, b"\r\nNats-Sequence: ")?)?.parse()?;
        let previous = self.sequences.last().copied().unwrap_or(0);
        let block = with_header(block, LAST, previous.to_string().as_bytes())?;
        write!(self.bytes, "{} {}\r\n", block.len(), block.len() + payload.len())?;
        self.bytes.extend_from_slice(&block);
        self.bytes.extend_from_slice(payload);
        self.bytes.extend_from_slice(b"\r\n");
        self.ends.push(self.bytes.len());
        self.sequences.push(sequence);
        Ok(())
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.sequences.len()
    }

    /// The position of the first message at or behind a sequence.
    pub fn position(&self, sequence: u64) -> usize {
        // Nearly always there are no holes.
        let guess = usize::try_from(sequence).unwrap_or(usize::MAX).saturating_sub(1);
        match self.sequences.get(guess) {
            Some(found) if *found == sequence => guess,
            _ => self.sequences.partition_point(|found| *found < sequence),
        }
    }

    /// The sequence of a message.
    pub fn sequence(&self, position: usize) -> u64 {
        self.sequences[position]
    }

    /// A message in the middle of a batch.
    pub fn message(&self, position: usize) -> &[u8] {
        let start = position.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[position]]
    }

    /// The same as the first of a batch, or as the answer to a request for one message.
    pub fn first_message(&self, position: usize, batch: bool) -> Result<Vec<u8>> {
        let message = self.message(position);
        let line = memmem::find(message, b"\r\n").ok_or("no line")? + 2;
        let end = memmem::find(message, b"\r\n\r\n").ok_or("no headers")? + 4;
        let (block, rest) = (&message[line..end], &message[end..]);
        let block = if batch { with_header(block, LAST, b"0")? } else { without(&without(block, LAST)?, PENDING)? };
        let head = format!("{} {}\r\n", block.len(), block.len() + rest.len() - 2);
        Ok([head.as_bytes(), &block, rest].concat())
    }
}

/// The body of the answer to a request.
fn answer(frames: &mut Frames, request: &str) -> Result<Vec<u8>> {
    frames.socket.write_all(request.as_bytes())?;
    loop {
        match frames.next()? {
            Frame::Plain { payload: body, .. } => return Ok(body.to_vec()),
            Frame::Ping => frames.socket.write_all(b"PONG\r\n")?,
            _ => {}
        }
    }
}

/// Where the last value of a header stands: the server adds its own behind those of the message. `name` begins with the end
/// of the line before, and ends with the space behind the colon.
fn place(block: &[u8], name: &[u8]) -> Result<std::ops::Range<usize>> {
    let missing = || format!("no header {}", String::from_utf8_lossy(name.trim_ascii()));
    let start = memmem::rfind(block, name).ok_or_else(missing)? + name.len();
    let length = memmem::find(&block[start..], b"\r\n").ok_or_else(missing)?;
    Ok(start..start + length)
}

fn header<'a>(block: &'a [u8], name: &[u8]) -> Result<&'a [u8]> {
    Ok(&block[place(block, name)?])
}

fn with_header(block: &[u8], name: &[u8], value: &[u8]) -> Result<Vec<u8>> {
    let place = place(block, name)?;
    Ok([&block[..place.start], value, &block[place.end..]].concat())
}

fn without(block: &[u8], name: &[u8]) -> Result<Vec<u8>> {
    let place = place(block, name)?;
    Ok([&block[..place.start - name.len()], &block[place.end..]].concat())
}
