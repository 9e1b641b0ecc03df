//! Reading and publishing by async-nats.

use std::collections::VecDeque;
use std::fs;
use std::future::IntoFuture;
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, consumer};
use async_nats::{Client, ConnectOptions};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::runtime::Runtime;

use crate::{REQUESTS_IN_FLIGHT, Result, Tally, batch_request, complete, starts};

const CAPACITY: usize = 1 << 16;
const PULL_BATCH: usize = 10_000;
const NO_CONTENT: u16 = 204;

async fn connect(url: &str) -> Result<Client> {
    let client = ConnectOptions::new().subscription_capacity(CAPACITY).connect(url).await?;
    client.flush().await?;
    Ok(client)
}

pub fn single(url: &str, stream: &str, messages: u64) -> Result<Tally> {
    Runtime::new()?.block_on(async {
        let stream = jetstream::new(connect(url).await?).get_stream(stream).await?;
        stream.direct_get(1).await?;
        let mut micros = Vec::new();
        let mut tally = Tally::default();
        let started = Instant::now();
        for sequence in 1..=messages {
            let asked = Instant::now();
            tally.bytes += stream.direct_get(sequence).await?.payload.len() as u64;
            micros.push(asked.elapsed().as_secs_f64() * 1e6);
            tally.messages += 1;
        }
        tally.seconds = started.elapsed().as_secs_f64();
        micros.sort_by(f64::total_cmp);
        tally.p50 = micros.get(micros.len() / 2).copied();
        tally.p99 = micros.get(micros.len() * 99 / 100).copied();
        complete(tally, messages)
    })
}

pub fn batched(url: &str, stream: &str, messages: u64, batch: u64) -> Result<Tally> {
    Runtime::new()?.block_on(async {
        let client = connect(url).await?;
        let subject = format!("$JS.API.DIRECT.GET.{stream}");
        let inbox = client.new_inbox();
        let mut answers = client.subscribe(inbox.clone()).await?;
        let mut requests = starts(messages, batch).map(|(first, count)| batch_request(first, count));
        let mut tally = Tally::default();
        let started = Instant::now();
        for request in requests.by_ref().take(usize::try_from(REQUESTS_IN_FLIGHT)?) {
            client.publish_with_reply(subject.clone(), inbox.clone(), request.into()).await?;
        }
        while tally.messages < messages {
            let answer = answers.next().await.ok_or("the subscription ended")?;
            match answer.status.map(|status| status.as_u16()) {
                None => {
                    tally.messages += 1;
                    tally.bytes += answer.payload.len() as u64;
                }
                Some(NO_CONTENT) => {
                    if let Some(request) = requests.next() {
                        client.publish_with_reply(subject.clone(), inbox.clone(), request.into()).await?;
                    }
                }
                Some(status) => return Err(format!("status {status}").into()),
            }
        }
        tally.seconds = started.elapsed().as_secs_f64();
        complete(tally, messages)
    })
}

/// `subject` chooses messages; empty takes all.
pub fn pull(url: &str, stream: &str, messages: u64, subject: &str) -> Result<Tally> {
    Runtime::new()?.block_on(async {
        let stream = jetstream::new(connect(url).await?).get_stream(stream).await?;
        let config = consumer::pull::Config {
            ack_policy: consumer::AckPolicy::None,
            memory_storage: true,
            filter_subject: subject.to_owned(),
            inactive_threshold: Duration::from_secs(30),
            ..Default::default()
        };
        let consumer = stream.create_consumer(config).await?;
        let mut tally = Tally::default();
        let started = Instant::now();
        let mut received = consumer.stream().max_messages_per_batch(PULL_BATCH).messages().await?;
        while tally.messages < messages {
            let message = received.next().await.ok_or("the consumer ended")??;
            tally.messages += 1;
            tally.bytes += message.payload.len() as u64;
        }
        tally.seconds = started.elapsed().as_secs_f64();
        drop(received);
        stream.delete_consumer(&consumer.cached_info().name).await?;
        complete(tally, messages)
    })
}

pub fn publish(url: &str, subject: &str, file: &str, messages: usize, window: usize) -> Result<Tally> {
    let text = Bytes::from(fs::read(file)?);
    let payloads: Vec<Bytes> = text.split(|byte| *byte == b'\n').take(messages).map(|l| text.slice_ref(l)).collect();
    Runtime::new()?.block_on(async {
        let context = jetstream::new(connect(url).await?);
        let mut tally = Tally::default();
        let mut waiting = VecDeque::new();
        let started = Instant::now();
        for payload in payloads {
            if waiting.len() == window
                && let Some(oldest) = waiting.pop_front()
            {
                acknowledged(oldest).await?;
            }
            tally.messages += 1;
            tally.bytes += payload.len() as u64;
            waiting.push_back(context.publish(subject.to_owned(), payload).await?);
        }
        for publication in waiting {
            acknowledged(publication).await?;
        }
        tally.seconds = started.elapsed().as_secs_f64();
        complete(tally, messages as u64)
    })
}

async fn acknowledged(publication: jetstream::context::PublishAckFuture) -> Result<()> {
    publication.into_future().await?;
    Ok(())
}
