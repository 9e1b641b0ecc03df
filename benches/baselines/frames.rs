//! A raw socket to a server, and the frames that come in on it.

use std::io::{Read, Write};
use std::net::TcpStream;

use memchr::memmem::Finder;

use crate::Result;

const BUFFER_BYTES: usize = 1 << 20;
/// The subject on which the answers to requests come.
pub const INBOX: &str = "_INBOX.baselines";

/// A connection with these subscriptions, numbered from 1, that has seen the server's first PONG; also the server's INFO
/// line.
pub fn connect(url: &str, subscriptions: &[&str]) -> Result<(TcpStream, String)> {
    let mut socket = TcpStream::connect(url.trim_start_matches("nats://"))?;
    socket.set_nodelay(true)?;
    let options = r#"{"verbose":false,"pedantic":false,"headers":true,"no_responders":true}"#;
    write!(socket, "CONNECT {options}\r\n")?;
    for (number, subject) in (1..).zip(subscriptions) {
        write!(socket, "SUB {subject} {number}\r\n")?;
    }
    write!(socket, "PING\r\n")?;
    let mut greeting = Vec::new();
    let pong = Finder::new(b"PONG\r\n");
    let mut part = [0; 4096];
    while pong.find(&greeting).is_none() {
        match socket.read(&mut part)? {
            0 => return Err("the server closed the connection".into()),
            size => greeting.extend_from_slice(&part[..size]),
        }
    }
    let info = String::from_utf8_lossy(&greeting);
    let info = info.lines().next().unwrap_or_default().to_owned();
    Ok((socket, info))
}

/// The bytes of a request to the JetStream API; `call` follows `$JS.API.`.
pub fn request(call: &str, body: &str) -> String {
    format!("PUB $JS.API.{call} {INBOX} {}\r\n{body}\r\n", body.len())
}

/// One frame; the bytes lie in the buffer of [`Frames`].
pub enum Frame<'a> {
    /// A stored message: its header block and its payload.
    Message {
        block: &'a [u8],
        payload: &'a [u8],
    },
    /// A message without headers: an answer, or a delivery.
    Plain {
        /// The subject of an answer to it; something else where there is none.
        reply: &'a [u8],
        payload: &'a [u8],
    },
    BatchEnd,
    Ping,
    Other,
}

pub struct Frames {
    pub socket: TcpStream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Frames {
    pub fn new(socket: TcpStream) -> Self {
        Self { socket, buffer: vec![0; BUFFER_BYTES], start: 0, end: 0 }
    }

    /// Whether bytes of a further frame were read already.
    pub fn has_more(&self) -> bool {
        self.end > self.start
    }

    pub fn next(&mut self) -> Result<Frame<'_>> {
        let line_end = loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[self.start..self.end]) {
                break self.start + at + 1;
            }
            self.fill()?;
        };
        let line = &self.buffer[self.start..line_end];
        let has_headers = line.starts_with(b"HMSG ");
        if !has_headers && !line.starts_with(b"MSG ") {
            if line.starts_with(b"-ERR") {
                return Err(String::from_utf8_lossy(line).into_owned().into());
            }
            self.start = line_end;
            return Ok(if line == b"PING\r\n" { Frame::Ping } else { Frame::Other });
        }
        let mut sizes = std::str::from_utf8(line)?.split_ascii_whitespace().rev();
        let mut size = || -> Result<usize> { Ok(sizes.next().unwrap_or_default().parse()?) };
        let total = size()?;
        let head = if has_headers { size()? } else { 0 };
        let line_bytes = line.len();
        while self.end - self.start < line_bytes + total + 2 {
            self.fill()?;
        }
        let body = self.start + line_bytes;
        self.start = body + total + 2;
        let (block, payload) = self.buffer[body..body + total].split_at(head);
        match block.get(..12) {
            None => {
                let line = &self.buffer[body - line_bytes..body];
                let reply = line.trim_ascii_end().rsplit(|byte| *byte == b' ').nth(1).unwrap_or_default();
                Ok(Frame::Plain { reply, payload })
            }
            Some(b"NATS/1.0 204") => Ok(Frame::BatchEnd),
            Some(text) if text.starts_with(b"NATS/1.0\r\n") => Ok(Frame::Message { block, payload }),
            _ => Err(String::from_utf8_lossy(block).into_owned().into()),
        }
    }

    /// Reads more bytes behind those in the buffer, which move to its front when there is no room.
    fn fill(&mut self) -> Result<()> {
        if self.start > 0 && self.buffer.len() - self.end < BUFFER_BYTES / 8 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        match self.socket.read(&mut self.buffer[self.end..])? {
            0 => Err("the server closed the connection".into()),
            size => {
                self.end += size;
                Ok(())
            }
        }
    }
}
