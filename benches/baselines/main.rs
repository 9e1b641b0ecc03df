//! Other ways to read and write a stream, for `make bench` to compare with. Each prints one line of JSON.
//!
//! ```text
//! drain URL STREAM MESSAGES BATCH          raw socket, batched Direct Gets in flight, frames parsed, nothing kept
//! push URL STREAM MESSAGES                 raw socket, push consumer without acknowledgements, frames parsed, nothing kept
//! durable URL STREAM MESSAGES              raw socket, pull consumer that waits for acknowledgements, frames parsed, nothing kept
//! settle URL STREAM MESSAGES               the same, and the time of acknowledging all of them, until the last is answered
//! single URL STREAM MESSAGES               async-nats, one Direct Get after the other
//! batched URL STREAM MESSAGES BATCH        async-nats, batched Direct Gets in flight
//! pull URL STREAM MESSAGES [SUBJECT]       async-nats, pull consumer without acknowledgements
//! publish URL SUBJECT FILE MESSAGES WINDOW async-nats, the lines of a file, WINDOW acknowledgements awaited at most
//! raw_publish URL SUBJECT FILE MESSAGES WINDOW  raw socket, the lines of a file, WINDOW acknowledgements awaited at most
//! proxy ADDRESS MILLISECONDS MEGABYTES     delays both directions, each of at most so many megabytes a second for each connection
//!                                          (0: any number); prints its address, ends with its input
//! replay URL STREAM                        records the stream, then answers reads of it from memory; prints its address, ends with its input
//! load URL PREFIX SUBJECTS KIND SIZE MESSAGES    fills an empty stream; SUBJECTS and KIND as load.rs and documents.rs have them
//! file FILE KIND SIZE MESSAGES             the same messages as lines of a file
//! ```

mod client;
mod documents;
mod drain;
mod durable;
mod frames;
mod lines;
mod load;
mod proxy;
mod push;
mod raw_publish;
mod recording;
mod replay;

use std::error::Error;
use std::str::FromStr;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Batched requests that wait for their answers at any time.
const REQUESTS_IN_FLIGHT: u64 = 4;

/// The number of messages and bytes that were read, and the time of the reading without connecting.
#[derive(Default, serde::Serialize)]
struct Tally {
    messages: u64,
    bytes: u64,
    seconds: f64,
    /// Of single requests, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    p50: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99: Option<f64>,
}

fn main() -> Result<()> {
    // Cargo passes `--bench` to a bench that it runs.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let tally = match words[..] {
        ["drain", url, stream, messages, batch] => drain::read(url, stream, parsed(messages)?, parsed(batch)?)?,
        ["push", url, stream, messages] => push::read(url, stream, parsed(messages)?)?,
        ["durable", url, stream, messages] => durable::read(url, stream, parsed(messages)?)?,
        ["settle", url, stream, messages] => durable::settle(url, stream, parsed(messages)?)?,
        ["single", url, stream, messages] => client::single(url, stream, parsed(messages)?)?,
        ["batched", url, stream, messages, batch] => client::batched(url, stream, parsed(messages)?, parsed(batch)?)?,
        ["pull", url, stream, messages] => client::pull(url, stream, parsed(messages)?, "")?,
        ["pull", url, stream, messages, subject] => client::pull(url, stream, parsed(messages)?, subject)?,
        ["publish", url, subject, file, messages, window] => {
            client::publish(url, subject, file, parsed(messages)?, parsed(window)?)?
        }
        ["raw_publish", url, subject, file, messages, window] => {
            raw_publish::write(url, subject, file, parsed(messages)?, parsed(window)?)?
        }
        ["load", url, prefix, subjects, kind, size, messages] => {
            load::publish(url, prefix, parsed(subjects)?, parsed(kind)?, parsed(size)?, parsed(messages)?)?
        }
        ["file", file, kind, size, messages] => lines::write(file, parsed(kind)?, parsed(size)?, parsed(messages)?)?,
        ["proxy", address, milliseconds, megabytes] => {
            return proxy::run(address, parsed(milliseconds)?, parsed(megabytes)?);
        }
        ["replay", url, stream] => return replay::run(url, stream),
        _ => return Err("see the head of benches/baselines/main.rs for what this takes".into()),
    };
    println!("{}", serde_json::to_string(&tally)?);
    Ok(())
}

fn parsed<T: FromStr>(text: &str) -> Result<T>
where
    T::Err: Error,
{
    text.parse().map_err(|error| format!("'{text}': {error}").into())
}

/// The batched Direct Get of the messages from `first` on.
fn batch_request(first: u64, batch: u64) -> String {
    format!(r#"{{"seq":{first},"batch":{batch}}}"#)
}

/// The first sequence of every batch that covers a stream without holes.
fn starts(messages: u64, batch: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..messages.div_ceil(batch)).map(move |i| (i * batch + 1, batch.min(messages - i * batch)))
}

/// An error unless `tally` has all of them.
fn complete(tally: Tally, messages: u64) -> Result<Tally> {
    if tally.messages == messages {
        return Ok(tally);
    }
    Err(format!("{} messages, not {messages}", tally.messages).into())
}
