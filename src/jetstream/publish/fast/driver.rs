//! Sends fast batches and reads the server's answers to them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::answer::{Operation, place, read, reply_subject};
use super::window::{FastWindow, Message, Taken};
use crate::error::{Error, Kind, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::failure::{Failure, no_permission, refusal};
use crate::jetstream::own_socket::{Happened, OwnSocket};
use crate::jetstream::publish::driver::Until;
use crate::jetstream::publish::message::{Checked, EXPECTED_STREAM};
use crate::jetstream::publish::transport::lost;
use crate::jetstream::wire::{Arrival, Received};
use crate::log;
use crate::stats;

/// After how many messages the server is asked to speak; it takes 500 at most, and fewer while several publish.
const FLOW: u64 = 500;
/// The first pause before a batch that was not begun is begun again; doubles each time.
const PAUSE: Duration = Duration::from_millis(20);

impl Message for Checked {
    fn subject(&self) -> &str {
        &self.subject
    }

    fn size(&self) -> usize {
        self.payload.len()
    }

    fn is_idempotent(&self) -> bool {
        self.idempotent
    }
}

pub(super) struct FastDriver {
    connection: Arc<Connection>,
    stream: String,
    own: OwnSocket,
    /// The subject below which answers come; its subscription belongs to the socket.
    inbox: String,
    /// The beginning of the names of batches, how many batches there were, and the name of the newest.
    name: String,
    batches: u64,
    batch: String,
    /// A subject that the stream captures: that of the first message of the batch.
    subject: String,
    window: FastWindow<Checked>,
    /// Header block of the message that goes out.
    block: Vec<u8>,
    /// Why nothing more can be sent, and what is not acknowledged is unknown.
    lost: Option<Error>,
    /// How often in a row a batch was not begun.
    pauses: u32,
    last_activity: Instant,
}

impl FastDriver {
    /// Starts without messages, for a stream.
    ///
    /// # Errors
    /// No connection.
    pub async fn start(connection: &Arc<Connection>, stream: &str) -> Result<Self> {
        let mut own = OwnSocket::open(connection, 0).await?;
        let inbox = own.get().map(|socket| socket.subscribe_below().1).unwrap_or_default();
        Ok(Self {
            connection: Arc::clone(connection),
            stream: stream.to_owned(),
            own,
            inbox,
            name: connection.unique_name(),
            batches: 0,
            batch: String::new(),
            subject: String::new(),
            window: FastWindow::new(),
            block: Vec::new(),
            lost: None,
            pauses: 0,
            last_activity: Instant::now(),
        })
    }

    pub fn window(&self) -> &FastWindow<Checked> {
        &self.window
    }

    pub fn window_mut(&mut self) -> &mut FastWindow<Checked> {
        &mut self.window
    }

    /// The bytes that the first message of a batch has more than others.
    pub fn added_bytes(stream: &str) -> usize {
        // `NATS/1.0`, the header, and their ends of lines.
        EXPECTED_STREAM.len() + stream.len() + 16
    }

    /// Why what is not acknowledged is unknown, if that happened.
    pub fn lost(&self) -> Option<&Error> {
        self.lost.as_ref()
    }

    /// Whether a batch has been open for so long without a message.
    pub fn rests_for(&self, time: Duration) -> bool {
        self.window.is_open() && self.last_activity.elapsed() >= time
    }

    /// Sends what is to be sent and takes what is heard, so far. Afterwards [`FastDriver::lost`] and the window's refusal
    /// say whether it went wrong.
    pub async fn advance(&mut self, until: Until) {
        let timeout = self.connection.timeout;
        let (mut deadline, mut ask_at) = (Instant::now() + timeout, Instant::now() + timeout / 2);
        let mut resume_at = None;
        while self.lost.is_none() {
            let is_refused = self.window.refused().is_some();
            if resume_at.is_none() {
                self.send();
            }
            let ends = self.window.is_open() && self.window.is_sent() && until == Until::Settled;
            if ends || self.window.is_stalled() || (is_refused && self.window.is_open()) {
                self.send_end();
            }
            let is_done = match until {
                _ if is_refused => self.window.is_idle(),
                Until::Sent => self.window.is_sent(),
                Until::Settled => self.window.is_sent() && self.window.is_idle(),
            };
            if is_done {
                self.own.flush().await;
                return;
            }
            let wake = resume_at.unwrap_or(deadline).min(deadline).min(ask_at);
            let happened = tokio::select! {
                biased;
                happened = self.own.receive() => Some(happened),
                () = tokio::time::sleep_until(wake) => None,
            };
            match happened {
                Some(Ok(Happened::Received(received))) => match self.take(received) {
                    Taken::Progress => {
                        (deadline, ask_at) = (Instant::now() + timeout, Instant::now() + timeout / 2);
                        self.pauses = 0;
                    }
                    Taken::Pause => {
                        resume_at = Some(Instant::now() + PAUSE * 2_u32.pow(self.pauses.min(6)));
                        self.pauses += 1;
                    }
                    Taken::Nothing => {}
                    Taken::Lost => self.lose(&unknown("the server no longer knows the batch")),
                },
                Some(Ok(Happened::Reconnected)) => self.reconnected(),
                Some(Err(error)) => self.lose(&error),
                None => {
                    let now = Instant::now();
                    resume_at = resume_at.filter(|at| *at > now);
                    if now >= deadline {
                        self.lose(&self.silence());
                    } else if now >= ask_at {
                        self.ask();
                        ask_at = deadline;
                    }
                }
            }
        }
    }

    /// Nothing more is sent or awaited.
    pub fn finish(&mut self) {
        if let Some(socket) = self.own.get()
            && let Some(number) = self.inbox.rsplit('.').next().and_then(|number| number.parse().ok())
        {
            socket.unsubscribe(number);
        }
        self.own.finish();
    }

    /// Sends the messages that there is room for.
    fn send(&mut self) {
        while self.own.is_up()
            && let Some(next) = self.window.next()
        {
            let operation = if next.position == 1 { Operation::Start } else { Operation::Append };
            if operation == Operation::Start {
                self.batches += 1;
                self.batch = format!("{}-{}", self.name, self.batches);
            }
            let reply = self.reply(next.position, operation);
            let Some(message) = self.window.message(next.index) else { return };
            // Another stream does not know the batch, and so refuses its other messages.
            let added = (operation == Operation::Start).then_some((EXPECTED_STREAM, self.stream.as_str()));
            self.block.clear();
            message.write_headers(added, &mut self.block);
            if let Some(socket) = self.own.get() {
                socket.publish_for(&message.subject, &reply, &self.block, &message.payload);
            }
            if operation == Operation::Start {
                self.subject.clone_from(&message.subject);
            }
            let counter = if next.is_new { &stats::PUBLISHED } else { &stats::RETRIES };
            counter.add(1);
            self.last_activity = Instant::now();
        }
    }

    fn reply(&self, position: u64, operation: Operation) -> String {
        reply_subject(&self.inbox, &self.batch, FLOW, position, operation)
    }

    /// Sends the end of the batch.
    fn send_end(&mut self) {
        let position = self.window.end();
        self.send_empty(position, Operation::End);
    }

    /// Asks where the batch stands; its end is sent again, which asks as well.
    fn ask(&mut self) {
        if self.window.is_ending() {
            return self.send_end();
        }
        self.send_empty(self.window.position(), Operation::Ping);
    }

    /// What is not stored goes to the subject of a message that is.
    fn send_empty(&mut self, position: u64, operation: Operation) {
        let reply = self.reply(position, operation);
        if let Some(socket) = self.own.get() {
            socket.publish_for(&self.subject, &reply, &[], &[]);
        }
        self.last_activity = Instant::now();
    }

    /// Takes the answers that came.
    fn take(&mut self, received: Received) -> Taken {
        let mut taken = Taken::Nothing;
        let stored = self.window.stored_count();
        for arrival in self.own.frames().iter() {
            let Arrival::Delivery(frame) = arrival else { continue };
            let Some((of, position)) = std::str::from_utf8(frame.subject()).ok().and_then(place) else { continue };
            // The end of a batch settles it: answers that come later say nothing.
            if of != self.batch || self.window.is_idle() {
                continue;
            }
            let news = match read(frame.is_no_responders(), position, frame.payload()) {
                Some(answer) => self.window.take(answer, &self.stream),
                None => Taken::Lost,
            };
            if news != Taken::Nothing {
                taken = news;
            }
        }
        self.own.clear();
        stats::PUBLISHES_STORED.add(self.window.stored_count().saturating_sub(stored));
        if let Received::Refused(words) = received {
            for words in &words {
                self.forbid(words);
            }
        }
        taken
    }

    /// The server does not let the user publish, or listen for answers.
    fn forbid(&mut self, words: &str) {
        let failure = self.window.sent().find_map(|message| refusal(words, &message.subject));
        if let Some(failure) = failure {
            let error = match failure {
                Failure::ReplyDenied(subject) => no_permission(&format!("subscribe to {subject}, for the answer")),
                _ => no_permission("publish to it"),
            };
            self.lose(&error);
        }
    }

    /// The connection was lost and is back: what the server said meanwhile is lost.
    fn reconnected(&mut self) {
        self.inbox = self.own.get().map(|socket| socket.subscribe_below().1).unwrap_or_default();
        if !self.window.is_idle() && self.window.lose() == Taken::Lost {
            self.lose(&lost(true));
        }
    }

    fn lose(&mut self, error: &Error) {
        self.window.lose();
        let label = self.connection.label();
        log::warning(format!("{label}: publishing by fast batches is given up: {error}"));
        self.lost = Some(error.clone());
    }

    fn silence(&self) -> Error {
        let seconds = self.connection.timeout.as_secs_f64();
        if self.pauses > 0 {
            return Error::of(Kind::Unavailable, format!("the stream takes no more messages, for {seconds:.1} s"))
                .advice("check the stream, publish less at a time, or give it more time with timeout");
        }
        Error::of(Kind::TimedOut, format!("no answer about the batch within {seconds:.1} s"))
            .advice("look at the stream before publishing again, or give it more time with timeout")
    }
}

fn unknown(what: &str) -> Error {
    Error::of(Kind::Unreachable, what)
        .advice("look at the stream before publishing again; rows with a msg_id would have been sent again, safely")
}
