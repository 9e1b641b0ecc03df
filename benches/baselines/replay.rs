//! A server that uses very little processor time: it repeats the answers of a real server about one stream, from memory.
//!
//! It greets as that server did, and knows PING, SUB, UNSUB and PUB; of JetStream `STREAM.INFO`, and `DIRECT.GET` of a batch
//! or of one message, by sequence and without a filter of subjects. Any other request has no responder. So a
//! measurement against it measures the reader.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use serde::Deserialize;

use crate::Result;
use crate::recording::Recording;

/// Answers are sent in pieces of this many bytes.
const PIECE: usize = 1 << 18;
/// Message bytes of a batch when none are asked for.
const MAX_BYTES: usize = 4 << 20;
const NOBODY: &str = "NATS/1.0 503\r\n\r\n";
const NOTHING: &str = "NATS/1.0 404 Message Not Found\r\n\r\n";
const REFUSED: &str = "NATS/1.0 408 Replay Knows No Subjects\r\n\r\n";

/// Records a stream, then prints its address and answers until its input ends.
pub fn run(url: &str, stream: &str) -> Result<()> {
    let replay = Arc::new(Replay {
        recording: Recording::of(url, stream)?,
        info: format!("$JS.API.STREAM.INFO.{stream}"),
        get: format!("$JS.API.DIRECT.GET.{stream}"),
    });
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!(r#"{{"address":"{}","messages":{}}}"#, listener.local_addr()?, replay.recording.len());
    std::io::stdout().flush()?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let replay = Arc::clone(&replay);
            // A client that hangs up ends its thread.
            thread::spawn(move || drop(Session::serve(&replay, client)));
        }
    });
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

struct Replay {
    recording: Recording,
    /// The subjects that are answered.
    info: String,
    get: String,
}

/// The body of a Direct Get (ADR-31).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Get {
    seq: u64,
    batch: u64,
    max_bytes: usize,
    next_by_subj: Option<String>,
    last_by_subj: Option<String>,
}

/// One client.
struct Session<'a> {
    replay: &'a Replay,
    stream: TcpStream,
    /// The client's subscriptions: the subject, which may end in wildcards, by the subscription's id.
    subscriptions: HashMap<String, String>,
    outgoing: Vec<u8>,
}

impl Session<'_> {
    fn serve(replay: &Replay, stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        let mut incoming = BufReader::with_capacity(1 << 16, stream.try_clone()?);
        let mut session =
            Session { replay, stream, subscriptions: HashMap::new(), outgoing: Vec::with_capacity(2 * PIECE) };
        write!(session.outgoing, "{}\r\n", replay.recording.info)?;
        session.flush()?;
        let mut line = String::new();
        loop {
            line.clear();
            if incoming.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            match words[..] {
                ["PING"] => session.outgoing.extend_from_slice(b"PONG\r\n"),
                ["SUB", subject, id] | ["SUB", subject, _, id] => {
                    session.subscriptions.insert(id.to_owned(), subject.to_owned());
                }
                ["UNSUB", id] => drop(session.subscriptions.remove(id)),
                ["PUB" | "HPUB", subject, ref reply @ .., size] => {
                    let mut body = vec![0; size.parse::<usize>()? + 2];
                    incoming.read_exact(&mut body)?;
                    if let Some(reply) = reply.first() {
                        session.answer(subject, reply, &body[..body.len() - 2])?;
                    }
                }
                _ => {}
            }
            // The answers to the requests that follow may be sent together with it.
            if incoming.buffer().is_empty() {
                session.flush()?;
            }
        }
    }

    fn answer(&mut self, subject: &str, reply: &str, body: &[u8]) -> Result<()> {
        let matches = |(_, pattern): &(&String, &String)| covers(pattern, reply);
        let Some((id, _)) = self.subscriptions.iter().find(matches) else { return Ok(()) };
        let to = format!("{reply} {id} ");
        let recording = &self.replay.recording;
        if subject == self.replay.info {
            let state = if body.is_empty() { &recording.state } else { &recording.state_with_deleted };
            write!(self.outgoing, "MSG {to}{}\r\n", state.len())?;
            self.outgoing.extend_from_slice(state);
            self.outgoing.extend_from_slice(b"\r\n");
            return Ok(());
        }
        if subject != self.replay.get {
            return self.status(&to, NOBODY);
        }
        let get: Get = serde_json::from_slice(body)?;
        let every = |filter: &Option<String>| filter.as_deref().is_none_or(|filter| filter == ">");
        if !every(&get.next_by_subj) || !every(&get.last_by_subj) || (get.seq == 0 && get.last_by_subj.is_none()) {
            return self.status(&to, REFUSED);
        }
        let from = match get.last_by_subj {
            Some(_) => recording.len().saturating_sub(1),
            None => recording.position(get.seq),
        };
        // Without a filter one message is asked for by its own sequence.
        let other = get.batch == 0 && get.next_by_subj.is_none() && get.last_by_subj.is_none();
        if from == recording.len() || (other && recording.sequence(from) != get.seq) {
            return self.status(&to, NOTHING);
        }
        self.messages(&to, from, &get)
    }

    fn messages(&mut self, to: &str, from: usize, get: &Get) -> Result<()> {
        let recording = &self.replay.recording;
        let most = if get.max_bytes > 0 { get.max_bytes } else { MAX_BYTES };
        let first = recording.first_message(from, get.batch > 0)?;
        let mut bytes = first.len();
        self.head(to);
        self.outgoing.extend_from_slice(&first);
        if get.batch == 0 {
            return Ok(());
        }
        let end = recording.len().min(from.saturating_add(usize::try_from(get.batch)?));
        let mut next = from + 1;
        while next < end && bytes + recording.message(next).len() <= most {
            let message = recording.message(next);
            bytes += message.len();
            self.head(to);
            self.outgoing.extend_from_slice(message);
            next += 1;
            if self.outgoing.len() >= PIECE {
                self.flush()?;
            }
        }
        let (pending, last) = (recording.len() - next, recording.sequence(next - 1));
        let end = format!("NATS/1.0 204 EOB\r\nNats-Num-Pending: {pending}\r\nNats-Last-Sequence: {last}\r\n\r\n");
        self.status(to, &end)
    }

    /// An answer of headers alone.
    fn status(&mut self, to: &str, block: &str) -> Result<()> {
        self.head(to);
        Ok(write!(self.outgoing, "{0} {0}\r\n{block}\r\n", block.len())?)
    }

    fn head(&mut self, to: &str) {
        self.outgoing.extend_from_slice(b"HMSG ");
        self.outgoing.extend_from_slice(to.as_bytes());
    }

    fn flush(&mut self) -> Result<()> {
        self.stream.write_all(&self.outgoing)?;
        self.outgoing.clear();
        Ok(())
    }
}

/// Whether a subscription matches a subject.
fn covers(pattern: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    for part in pattern.split('.') {
        match (part, tokens.next()) {
            (">", Some(_)) => return true,
            (_, None) => return false,
            ("*", Some(_)) => {}
            (part, Some(token)) if part == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}
