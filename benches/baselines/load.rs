//! Fills a stream as fast as the server stores, and checks at the end that every message is there.

use std::collections::VecDeque;
use std::future::IntoFuture;
use std::str::FromStr;
use std::time::Instant;

use async_nats::jetstream;
use bytes::BytesMut;
use tokio::runtime::Runtime;

use crate::documents::Kind;
use crate::{Result, Tally, complete};

/// One publication in this many, or in this many bytes, is acknowledged; the server stores them in order. It drops messages that wait for a
/// stream beyond 10 000, so fewer are in flight.
const STRIDE_MESSAGES: u64 = 1000;
const STRIDE_BYTES: usize = 4 << 20;
const STRIDES_IN_FLIGHT: usize = 4;
/// Memory that payloads are cut from; larger than any of them.
const BLOCK_BYTES: usize = 1 << 20;

/// Where message `i` goes, below a prefix.
#[derive(Clone, Copy)]
pub enum Subjects {
    /// This many subjects in turn.
    Turn(u64),
    /// One message in this many has a subject of its own, the others share one: in a stream that keeps one message a
    /// subject, the others leave holes.
    Holes(u64),
}

impl FromStr for Subjects {
    type Err = std::io::Error;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let wrong = || Self::Err::other("there are turn=N and holes=N");
        let (word, count) = text.split_once('=').ok_or_else(wrong)?;
        let count = count.parse().map_err(|_| wrong())?;
        match word {
            "turn" => Ok(Self::Turn(count)),
            "holes" => Ok(Self::Holes(count)),
            _ => Err(wrong()),
        }
    }
}

impl Subjects {
    fn of(self, prefix: &str, i: u64) -> String {
        match self {
            Self::Turn(count) => format!("{prefix}.{}", i % count),
            Self::Holes(count) if i.is_multiple_of(count) => format!("{prefix}.kept.{i}"),
            Self::Holes(_) => format!("{prefix}.replaced"),
        }
    }
}

pub fn publish(url: &str, prefix: &str, subjects: Subjects, kind: Kind, size: usize, messages: u64) -> Result<Tally> {
    Runtime::new()?.block_on(async {
        let client = async_nats::connect(url).await?;
        let context = jetstream::new(client.clone());
        let mut strides = VecDeque::new();
        let (mut tally, mut block, mut payload) = (Tally::default(), BytesMut::new(), Vec::new());
        let (mut stride, mut stride_bytes, mut last) = (0, 0, 0);
        let started = Instant::now();
        for i in 1..=messages {
            payload.clear();
            kind.write(i, size, &mut payload)?;
            if block.capacity() < payload.len() {
                block.reserve(BLOCK_BYTES);
            }
            block.extend_from_slice(&payload);
            let body = block.split().freeze();
            (stride, stride_bytes) = (stride + 1, stride_bytes + payload.len());
            tally.messages += 1;
            tally.bytes += payload.len() as u64;
            let subject = subjects.of(prefix, i);
            if stride < STRIDE_MESSAGES && stride_bytes < STRIDE_BYTES && i < messages {
                client.publish(subject, body).await?;
                continue;
            }
            (stride, stride_bytes) = (0, 0);
            strides.push_back(context.publish(subject, body).await?);
            if strides.len() == STRIDES_IN_FLIGHT
                && let Some(oldest) = strides.pop_front()
            {
                last = oldest.into_future().await?.sequence;
            }
        }
        for acknowledgement in strides {
            last = acknowledgement.into_future().await?.sequence;
        }
        tally.seconds = started.elapsed().as_secs_f64();
        if last != messages {
            return Err(format!("the last message has sequence {last}, not {messages}").into());
        }
        complete(tally, messages)
    })
}
