//! The least that reading a stream can cost: a socket, and frames that are looked at and dropped.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use memchr::memmem::Finder;

use crate::{REQUESTS_IN_FLIGHT, Result, Tally, batch_request, complete, starts};

const BUFFER_BYTES: usize = 1 << 20;
const INBOX: &str = "_INBOX.drain";

pub fn read(url: &str, stream: &str, messages: u64, batch: u64) -> Result<Tally> {
    let mut socket = connect(url, &[INBOX])?;
    let mut requests =
        starts(messages, batch).map(|(first, count)| publication(stream, &batch_request(first, count))).fuse();
    let started = Instant::now();
    for request in requests.by_ref().take(usize::try_from(REQUESTS_IN_FLIGHT)?) {
        socket.write_all(request.as_bytes())?;
    }
    let mut tally = Tally::default();
    let mut frames = Frames::new(socket);
    while tally.messages < messages {
        match frames.next()? {
            Frame::Message(bytes) => {
                tally.messages += 1;
                tally.bytes += bytes as u64;
            }
            Frame::BatchEnd => {
                if let Some(request) = requests.next() {
                    frames.socket.write_all(request.as_bytes())?;
                }
            }
            Frame::Ping => frames.socket.write_all(b"PONG\r\n")?,
            Frame::Other => {}
        }
    }
    tally.seconds = started.elapsed().as_secs_f64();
    complete(tally, messages)
}

/// A connection with these subscriptions, numbered from 1, that has seen the server's first PONG.
pub fn connect(url: &str, subscriptions: &[&str]) -> Result<TcpStream> {
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
    Ok(socket)
}

fn publication(stream: &str, body: &str) -> String {
    format!("PUB $JS.API.DIRECT.GET.{stream} {INBOX} {}\r\n{body}\r\n", body.len())
}

enum Frame {
    /// A stored message with so many bytes of payload.
    Message(usize),
    BatchEnd,
    Ping,
    Other,
}

struct Frames {
    socket: TcpStream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Frames {
    fn new(socket: TcpStream) -> Self {
        Self { socket, buffer: vec![0; BUFFER_BYTES], start: 0, end: 0 }
    }

    fn next(&mut self) -> Result<Frame> {
        let line_end = loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[self.start..self.end]) {
                break self.start + at + 1;
            }
            self.fill()?;
        };
        let line = &self.buffer[self.start..line_end];
        if !line.starts_with(b"HMSG ") {
            let frame = match line {
                b"PING\r\n" => Frame::Ping,
                _ if line.starts_with(b"-ERR") || line.starts_with(b"MSG ") => {
                    return Err(String::from_utf8_lossy(line).into_owned().into());
                }
                _ => Frame::Other,
            };
            self.start = line_end;
            return Ok(frame);
        }
        let mut sizes = std::str::from_utf8(line)?.split_ascii_whitespace().rev();
        let mut size = || -> Result<usize> { Ok(sizes.next().unwrap_or_default().parse()?) };
        let (total, head) = (size()?, size()?);
        let line_bytes = line.len();
        while self.end - self.start < line_bytes + total + 2 {
            self.fill()?;
        }
        let body = self.start + line_bytes;
        self.start = body + total + 2;
        let status = &self.buffer[body..body + head];
        match status.get(..12) {
            Some(b"NATS/1.0 204") => Ok(Frame::BatchEnd),
            Some(text) if text.starts_with(b"NATS/1.0\r\n") => Ok(Frame::Message(total - head)),
            _ => Err(String::from_utf8_lossy(status).into_owned().into()),
        }
    }

    /// Reads more behind what is there, which moves to the front when it stands in the way.
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
