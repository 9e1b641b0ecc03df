//! The least that reading a stream can cost: a socket, and frames that are looked at and dropped.

use std::io::Write;
use std::time::Instant;

use crate::frames::{Frame, Frames, INBOX, connect, request};
use crate::{REQUESTS_IN_FLIGHT, Result, Tally, batch_request, complete, starts};

pub fn read(url: &str, stream: &str, messages: u64, batch: u64) -> Result<Tally> {
    let (mut socket, _) = connect(url, &[INBOX])?;
    let call = format!("DIRECT.GET.{stream}");
    let mut requests =
        starts(messages, batch).map(|(first, count)| request(&call, &batch_request(first, count))).fuse();
    let started = Instant::now();
    for request in requests.by_ref().take(usize::try_from(REQUESTS_IN_FLIGHT)?) {
        socket.write_all(request.as_bytes())?;
    }
    let mut tally = Tally::default();
    let mut frames = Frames::new(socket);
    while tally.messages < messages {
        match frames.next()? {
            Frame::Message { payload, .. } => {
                tally.messages += 1;
                tally.bytes += payload.len() as u64;
            }
            Frame::BatchEnd => {
                if let Some(request) = requests.next() {
                    frames.socket.write_all(request.as_bytes())?;
                }
            }
            Frame::Ping => frames.socket.write_all(b"PONG\r\n")?,
            Frame::Plain { payload: answer, .. } => return Err(String::from_utf8_lossy(answer).into_owned().into()),
            Frame::Other => {}
        }
    }
    tally.seconds = started.elapsed().as_secs_f64();
    complete(tally, messages)
}
