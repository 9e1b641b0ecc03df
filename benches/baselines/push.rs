//! The least that reading a stream by a push consumer can cost: a socket, and frames that are looked at and dropped.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use memchr::memmem::Finder;

use crate::frames::connect;
use crate::{Result, Tally, complete};

const BUFFER_BYTES: usize = 1 << 20;
const DELIVER: &str = "_INBOX.push.deliver";
const ANSWERS: &str = "_INBOX.push.answers";
const CONSUMER: &str = "push_drain";

/// Reads a stream by an ephemeral push consumer in memory, without acknowledgements, with flow control.
pub fn read(url: &str, stream: &str, messages: u64) -> Result<Tally> {
    let (mut socket, _) = connect(url, &[ANSWERS, DELIVER])?;
    let config = format!(
        r#"{{"stream_name":"{stream}","config":{{"name":"{CONSUMER}","deliver_subject":"{DELIVER}","ack_policy":"none","max_deliver":1,
        "mem_storage":true,"num_replicas":1,"flow_control":true,"idle_heartbeat":500000000,"deliver_policy":"all"}}}}"#
    );
    let started = Instant::now();
    publish(&mut socket, &format!("$JS.API.CONSUMER.CREATE.{stream}.{CONSUMER}"), ANSWERS, &config)?;
    let (mut buffer, mut end) = (vec![0; BUFFER_BYTES], 0);
    let mut tally = Tally::default();
    while tally.messages < messages {
        if end == buffer.len() {
            buffer.resize(buffer.len() * 2, 0);
        }
        match socket.read(&mut buffer[end..])? {
            0 => return Err("the server closed the connection".into()),
            size => end += size,
        }
        let used = take(&buffer[..end], &mut socket, &mut tally)?;
        buffer.copy_within(used..end, 0);
        end -= used;
    }
    tally.seconds = started.elapsed().as_secs_f64();
    publish(&mut socket, &format!("$JS.API.CONSUMER.DELETE.{stream}.{CONSUMER}"), ANSWERS, "")?;
    // Until the server has taken it.
    write!(socket, "PING\r\n")?;
    let pong = Finder::new(b"PONG\r\n");
    while pong.find(&buffer[..end]).is_none() {
        end = socket.read(&mut buffer)?;
    }
    complete(tally, messages)
}

fn publish(socket: &mut TcpStream, subject: &str, reply: &str, body: &str) -> Result<()> {
    write!(socket, "PUB {subject} {reply} {}\r\n{body}\r\n", body.len())?;
    Ok(())
}

/// Takes every whole frame of the buffer; how many bytes they are.
fn take(buffer: &[u8], socket: &mut TcpStream, tally: &mut Tally) -> Result<usize> {
    let mut start = 0;
    while let Some(length) = memchr::memchr(b'\n', &buffer[start..]) {
        let line = &buffer[start..start + length];
        let after = start + length + 1;
        if line.starts_with(b"PING") {
            socket.write_all(b"PONG\r\n")?;
        }
        if line.starts_with(b"-ERR") {
            return Err(String::from_utf8_lossy(line).into_owned().into());
        }
        if !line.starts_with(b"MSG ") && !line.starts_with(b"HMSG ") {
            start = after;
            continue;
        }
        let words: Vec<&str> = std::str::from_utf8(line)?.split_ascii_whitespace().collect();
        let total: usize = words.last().unwrap_or(&"").parse()?;
        if buffer.len() < after + total + 2 {
            break;
        }
        match words[..] {
            [_, _, "1", ..] if Finder::new(b"\"error\"").find(&buffer[after..after + total]).is_some() => {
                return Err(String::from_utf8_lossy(&buffer[after..after + total]).into_owned().into());
            }
            [_, _, "2", reply, ..] if reply.starts_with("$JS.ACK.") => {
                tally.messages += 1;
                tally.bytes += total as u64;
            }
            // The server waits for an answer before it sends much more.
            [_, _, "2", reply, ..] if reply.starts_with("$JS.FC.") => write!(socket, "PUB {reply} 0\r\n\r\n")?,
            _ => {}
        }
        start = after + total + 2;
    }
    Ok(start)
}
