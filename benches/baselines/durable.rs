//! The least that a durable can cost: a socket, a pull consumer with an acknowledgement a message, and frames that are looked at and dropped.

use std::io::Write;
use std::time::Instant;

use memchr::memmem;

use crate::frames::{Frame, Frames, INBOX, connect, request};
use crate::{Result, Tally, complete};

const DELIVERED: &str = "_INBOX.durable.delivered";
const CONSUMER: &str = "durable_drain";
/// The messages that a pull asks for; the next pull goes out when half of them are still to come.
const BATCH: u64 = 8_000;

/// Reads a stream by a durable that is made anew, and acknowledges nothing.
pub fn read(url: &str, stream: &str, messages: u64) -> Result<Tally> {
    let mut frames = make(url, stream, messages)?;
    let started = Instant::now();
    let mut tally = drain(&mut frames, stream, messages, |_| {})?;
    tally.seconds = started.elapsed().as_secs_f64();
    delete(&mut frames, stream)?;
    complete(tally, messages)
}

/// Reads the same, and then acknowledges every message; the time is that of the acknowledgements, until the server has answered the last one.
pub fn settle(url: &str, stream: &str, messages: u64) -> Result<Tally> {
    let mut frames = make(url, stream, messages)?;
    let (mut acknowledgements, mut last) = (Vec::new(), 0);
    let mut tally = drain(&mut frames, stream, messages, |subject| {
        last = acknowledgements.len();
        acknowledgements.extend_from_slice(b"PUB ");
        acknowledgements.extend_from_slice(subject);
        acknowledgements.extend_from_slice(b" 4\r\n+ACK\r\n");
    })?;
    let subject = acknowledgements.split_off(last);
    let subject = std::str::from_utf8(&subject)?.split_ascii_whitespace().nth(1).unwrap_or_default().to_owned();
    let started = Instant::now();
    frames.socket.write_all(&acknowledgements)?;
    write!(frames.socket, "PUB {subject} {INBOX} 4\r\n+ACK\r\n")?;
    wait(&mut frames, "")?;
    tally.seconds = started.elapsed().as_secs_f64();
    delete(&mut frames, stream)?;
    complete(tally, messages)
}

/// A connection, and the durable.
fn make(url: &str, stream: &str, messages: u64) -> Result<Frames> {
    let (socket, _) = connect(url, &[INBOX, DELIVERED])?;
    let mut frames = Frames::new(socket);
    let config = format!(
        r#"{{"stream_name":"{stream}","config":{{"durable_name":"{CONSUMER}","ack_policy":"explicit","deliver_policy":"all",
        "max_ack_pending":{messages},"ack_wait":600000000000}}}}"#
    );
    let create = request(&format!("CONSUMER.DURABLE.CREATE.{stream}.{CONSUMER}"), &config);
    frames.socket.write_all(create.as_bytes())?;
    wait(&mut frames, "\"created\"")?;
    Ok(frames)
}

fn delete(frames: &mut Frames, stream: &str) -> Result<()> {
    frames.socket.write_all(request(&format!("CONSUMER.DELETE.{stream}.{CONSUMER}"), "").as_bytes())?;
    wait(frames, "\"success\"")
}

/// Waits for an answer, which has this text in it.
fn wait(frames: &mut Frames, text: &str) -> Result<()> {
    loop {
        match frames.next()? {
            Frame::Plain { payload, .. } if memmem::find(payload, text.as_bytes()).is_some() => return Ok(()),
            Frame::Plain { payload, .. } => return Err(String::from_utf8_lossy(payload).into_owned().into()),
            Frame::Ping => frames.socket.write_all(b"PONG\r\n")?,
            Frame::Message { .. } | Frame::BatchEnd | Frame::Other => {}
        }
    }
}

/// Takes all messages; `given` is called with the subject of each one's acknowledgement.
fn drain(frames: &mut Frames, stream: &str, messages: u64, mut given: impl FnMut(&[u8])) -> Result<Tally> {
    let (mut tally, mut asked) = (Tally::default(), 0);
    while tally.messages < messages {
        while asked < messages && asked - tally.messages <= BATCH / 2 {
            let batch = BATCH.min(messages - asked);
            let body = format!(r#"{{"batch":{batch},"no_wait":true}}"#);
            let call = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{CONSUMER}");
            write!(frames.socket, "PUB {call} {DELIVERED} {}\r\n{body}\r\n", body.len())?;
            asked += batch;
        }
        match frames.next()? {
            Frame::Plain { reply, payload } => {
                given(reply);
                tally.messages += 1;
                tally.bytes += payload.len() as u64;
            }
            Frame::Ping => frames.socket.write_all(b"PONG\r\n")?,
            Frame::Message { .. } => return Err("a message with headers".into()),
            Frame::BatchEnd | Frame::Other => {}
        }
    }
    Ok(tally)
}
