//! The least that a durable can cost: a socket, a pull consumer with an acknowledgement a message, and frames that are looked at and dropped.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use crate::frames::{INBOX, connect, request};
use crate::{Result, Tally, complete};

const BUFFER_BYTES: usize = 1 << 20;
const DELIVERED: &str = "_INBOX.durable.delivered";
const CONSUMER: &str = "durable_drain";
/// The messages that a pull asks for; the next pull goes out when half of them are still to come.
const BATCH: u64 = 8_000;

/// Reads a stream by a durable that is made anew, and acknowledges nothing.
pub fn read(url: &str, stream: &str, messages: u64) -> Result<Tally> {
    let (mut socket, _) = connect(url, &[INBOX, DELIVERED])?;
    make(&mut socket, stream, messages)?;
    let started = Instant::now();
    let mut tally = drain(&mut socket, stream, messages, |_| {})?;
    tally.seconds = started.elapsed().as_secs_f64();
    delete(&mut socket, stream)?;
    complete(tally, messages)
}

/// Reads the same, and then acknowledges every message; the time is that of the acknowledgements, until the server has answered the last one.
pub fn settle(url: &str, stream: &str, messages: u64) -> Result<Tally> {
    let (mut socket, _) = connect(url, &[INBOX, DELIVERED])?;
    make(&mut socket, stream, messages)?;
    let (mut acknowledgements, mut last) = (Vec::new(), 0);
    let mut tally = drain(&mut socket, stream, messages, |subject| {
        last = acknowledgements.len();
        acknowledgements.extend_from_slice(b"PUB ");
        acknowledgements.extend_from_slice(subject);
        acknowledgements.extend_from_slice(b" 4\r\n+ACK\r\n");
    })?;
    let subject = acknowledgements.split_off(last);
    let subject = std::str::from_utf8(&subject)?.split_ascii_whitespace().nth(1).unwrap_or_default().to_owned();
    let started = Instant::now();
    socket.write_all(&acknowledgements)?;
    write!(socket, "PUB {subject} {INBOX} 4\r\n+ACK\r\n")?;
    wait(&mut socket, &format!("MSG {INBOX} 1 "))?;
    tally.seconds = started.elapsed().as_secs_f64();
    delete(&mut socket, stream)?;
    complete(tally, messages)
}

fn make(socket: &mut TcpStream, stream: &str, messages: u64) -> Result<()> {
    let config = format!(
        r#"{{"stream_name":"{stream}","config":{{"durable_name":"{CONSUMER}","ack_policy":"explicit","deliver_policy":"all",
        "max_ack_pending":{messages},"ack_wait":600000000000}}}}"#
    );
    socket.write_all(request(&format!("CONSUMER.DURABLE.CREATE.{stream}.{CONSUMER}"), &config).as_bytes())?;
    wait(socket, "\"created\"")
}

fn delete(socket: &mut TcpStream, stream: &str) -> Result<()> {
    socket.write_all(request(&format!("CONSUMER.DELETE.{stream}.{CONSUMER}"), "").as_bytes())?;
    wait(socket, "\"success\"")
}

/// Waits for an answer that has this in it.
fn wait(socket: &mut TcpStream, text: &str) -> Result<()> {
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while memchr::memmem::find(&answer, text.as_bytes()).is_none() {
        match socket.read(&mut part)? {
            0 => return Err("the server closed the connection".into()),
            size => answer.extend_from_slice(&part[..size]),
        }
        if memchr::memmem::find(&answer, b"\"error\"").is_some() {
            return Err(String::from_utf8_lossy(&answer).into_owned().into());
        }
    }
    Ok(())
}

/// Takes all messages; `given` is called with the subject of each one's acknowledgement.
fn drain(socket: &mut TcpStream, stream: &str, messages: u64, mut given: impl FnMut(&[u8])) -> Result<Tally> {
    let (mut buffer, mut end, mut asked) = (vec![0; BUFFER_BYTES], 0, 0);
    let mut tally = Tally::default();
    while tally.messages < messages {
        while asked < messages && asked - tally.messages <= BATCH / 2 {
            let batch = BATCH.min(messages - asked);
            let body = format!(r#"{{"batch":{batch},"no_wait":true}}"#);
            write!(
                socket,
                "PUB $JS.API.CONSUMER.MSG.NEXT.{stream}.{CONSUMER} {DELIVERED} {}\r\n{body}\r\n",
                body.len()
            )?;
            asked += batch;
        }
        match socket.read(&mut buffer[end..])? {
            0 => return Err("the server closed the connection".into()),
            size => end += size,
        }
        let used = take(&buffer[..end], socket, &mut tally, &mut given)?;
        buffer.copy_within(used..end, 0);
        end -= used;
    }
    Ok(tally)
}

/// Takes every whole frame of the buffer; how many bytes they are.
fn take(buffer: &[u8], socket: &mut TcpStream, tally: &mut Tally, given: &mut impl FnMut(&[u8])) -> Result<usize> {
    let mut start = 0;
    while let Some(length) = memchr::memchr(b'\n', &buffer[start..]) {
        let line = &buffer[start..start + length];
        let after = start + length + 1;
        if line.starts_with(b"PING") {
            socket.write_all(b"PONG\r\n")?;
        }
        if !line.starts_with(b"MSG ") {
            if line.starts_with(b"HMSG ") || line.starts_with(b"-ERR") {
                return Err(String::from_utf8_lossy(line).into_owned().into());
            }
            start = after;
            continue;
        }
        let mut words = line.trim_ascii_end().rsplit(|byte| *byte == b' ');
        let total: usize = std::str::from_utf8(words.next().unwrap_or_default())?.parse()?;
        if buffer.len() < after + total + 2 {
            break;
        }
        given(words.next().unwrap_or_default());
        tally.messages += 1;
        tally.bytes += total as u64;
        start = after + total + 2;
    }
    Ok(start)
}
