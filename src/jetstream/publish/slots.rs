//! Subjects of acknowledgements that serve one message after the other; pure.
//!
//! A server looks up who listens on a subject in a cache of its last subjects, some hundreds of them. A new subject for each
//! acknowledgement is never there, and costs the server about a third of its time for a message. So a subject is used again
//! once the message before on it is stored: at any time at most one message waits on it.
//!
//! More than the stream may answer a message, such as a service on the same subject; of several answers the first counts. A
//! later one may come when the subject serves the next message already. So a subject that was answered by a stream serves only
//! messages that lead to the same stream, as far as is known: those of the same subject, or of a call for one stream. And then
//! it listens only to that stream, which answers each message once.

use std::sync::Arc;

use super::ack::{Outcome, named_stream};

/// The most reply subjects that a call uses again. The server's cache of a stream's own client has 512.
pub(super) const MOST_SLOTS: usize = 256;
/// The most subjects of messages that have reply subjects to use again.
const MOST_POOLS: usize = 16;

/// The last tokens of reply subjects: below [`MOST_SLOTS`] those that are used again, above them one for each message.
pub(super) struct Slots {
    slots: Vec<Slot>,
    /// The slots that are free, by the subject of the messages that they served.
    pools: Vec<Pool>,
    /// The pool of the last message.
    last: usize,
    /// Whether all messages are for one stream, whatever their subjects.
    one_stream: bool,
}

struct Pool {
    subject: String,
    free: Vec<usize>,
}

struct Slot {
    pool: usize,
    /// The message that waits; None where the slot is free, or no longer used.
    message: Option<usize>,
    /// The stream that answered before, the only one that is listened to.
    stream: Option<Arc<str>>,
}

impl Slots {
    /// None is in use. `one_stream`: all messages are for one stream, which the caller compares with that of each answer.
    pub fn new(one_stream: bool) -> Self {
        Self { slots: Vec::new(), pools: Vec::new(), last: 0, one_stream }
    }

    /// A token for a message that is sent for the first time.
    pub fn first_token(&mut self, message: usize, subject: &str) -> usize {
        self.slot(message, subject).unwrap_or_else(|| Self::own_token(message))
    }

    /// A token for a message that is sent once more: the answer to the first sending may still come.
    pub fn own_token(message: usize) -> usize {
        MOST_SLOTS + message
    }

    fn slot(&mut self, message: usize, subject: &str) -> Option<usize> {
        let pool = self.pool(subject)?;
        if let Some(slot) = self.pools[pool].free.pop() {
            self.slots[slot].message = Some(message);
            return Some(slot);
        }
        (self.slots.len() < MOST_SLOTS).then(|| {
            self.slots.push(Slot { pool, message: Some(message), stream: None });
            self.slots.len() - 1
        })
    }

    fn pool(&mut self, subject: &str) -> Option<usize> {
        let serves = |pool: &Pool| self.one_stream || pool.subject == subject;
        if !self.pools.get(self.last).is_some_and(serves) {
            self.last = match self.pools.iter().position(serves) {
                Some(pool) => pool,
                None if self.pools.len() < MOST_POOLS => {
                    self.pools.push(Pool { subject: subject.to_owned(), free: Vec::new() });
                    self.pools.len() - 1
                }
                None => return None,
            };
        }
        Some(self.last)
    }

    /// The message that an answer on a token is for; None where it is none of the answers that are awaited there.
    pub fn answered(&mut self, token: usize, outcome: &Outcome, payload: &[u8]) -> Option<usize> {
        let Some(slot) = self.slots.get_mut(token) else { return token.checked_sub(MOST_SLOTS) };
        let message = slot.message?;
        if slot.stream.as_deref().is_some_and(|stream| !may_come_from(stream, outcome, payload, self.one_stream)) {
            return None;
        }
        slot.message = None;
        // After any other answer the slot stays out of use.
        if let Outcome::Stored(published) = outcome {
            slot.stream = Some(Arc::clone(&published.stream));
            self.pools[slot.pool].free.push(token);
        }
        Some(message)
    }

    /// The connection is another one: no answer comes to what was sent before.
    pub fn forget(&mut self) {
        *self = Self::new(self.one_stream);
    }
}

/// Whether an answer may be that of a stream. Another stream's is that of a message which went to the wrong stream, where all
/// are for one.
fn may_come_from(stream: &str, outcome: &Outcome, payload: &[u8], one_stream: bool) -> bool {
    match outcome {
        Outcome::Stored(published) => one_stream || *published.stream == *stream,
        Outcome::NotAnAck => false,
        Outcome::NoStream => true,
        Outcome::Busy | Outcome::Unavailable(_) | Outcome::Refused(_) => {
            named_stream(payload).is_none_or(|named| named == stream)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jetstream::publish::ack::AckReader;

    fn answer(slots: &mut Slots, token: usize, payload: &str) -> Option<usize> {
        let outcome = AckReader::default().read(payload.is_empty(), payload.as_bytes());
        slots.answered(token, &outcome, payload.as_bytes())
    }

    fn stored(slots: &mut Slots, token: usize, stream: &str) -> Option<usize> {
        answer(slots, token, &format!(r#"{{"stream":"{stream}", "seq":1}}"#))
    }

    #[test]
    fn a_token_serves_one_message_at_a_time() {
        let mut slots = Slots::new(false);
        let tokens: Vec<usize> = (0..1_000).map(|message| slots.first_token(message, "a")).collect();
        assert!(tokens.iter().enumerate().all(|(at, token)| !tokens[..at].contains(token)));
        assert_eq!((tokens[255], tokens[256]), (255, Slots::own_token(256)));
        assert_eq!(stored(&mut slots, tokens[7], "S"), Some(7));
        assert_eq!(stored(&mut slots, tokens[999], "S"), Some(999));
        assert_eq!(slots.first_token(1_000, "a"), tokens[7]);
        assert_eq!(slots.first_token(1_001, "a"), Slots::own_token(1_001));
        assert_eq!(stored(&mut slots, tokens[7], "S"), Some(1_000));
    }

    #[test]
    fn a_second_answer_to_one_message_is_not_that_to_the_next() {
        let mut slots = Slots::new(false);
        let token = slots.first_token(0, "a");
        assert_eq!(stored(&mut slots, token, "S"), Some(0));
        assert_eq!(stored(&mut slots, token, "T"), None, "nobody waits");
        assert_eq!(slots.first_token(1, "a"), token);
        assert_eq!(stored(&mut slots, token, "T"), None);
        assert_eq!(answer(&mut slots, token, "pong"), None);
        let refusal =
            |stream: &str| format!(r#"{{"error":{{"code":400,"err_code":10071}},"stream":"{stream}","seq":0}}"#);
        assert_eq!(answer(&mut slots, token, &refusal("T")), None);
        assert_eq!(answer(&mut slots, token, &refusal("S")), Some(1));
    }

    #[test]
    fn only_a_stored_message_leaves_its_token_to_another() {
        for payload in ["", "pong", r#"{"error":{"code":503,"err_code":10077},"stream":"S","seq":0}"#] {
            let mut slots = Slots::new(true);
            let token = slots.first_token(0, "a");
            assert_eq!(answer(&mut slots, token, payload), Some(0), "{payload}");
            assert_ne!(slots.first_token(1, "a"), token, "{payload}");
            assert_eq!(answer(&mut slots, token, payload), None, "{payload}");
        }
    }

    #[test]
    fn other_subjects_may_lead_to_other_streams() {
        let mut slots = Slots::new(false);
        let a = slots.first_token(0, "a");
        assert_eq!(stored(&mut slots, a, "S"), Some(0));
        let b = slots.first_token(1, "b");
        assert_ne!(a, b);
        assert_eq!(stored(&mut slots, b, "T"), Some(1));
        assert_eq!((slots.first_token(2, "a"), slots.first_token(3, "b")), (a, b));
        assert_eq!((stored(&mut slots, b, "T"), stored(&mut slots, a, "S")), (Some(3), Some(2)));
        let mut many = Slots::new(false);
        for message in 0..100 {
            let token = many.first_token(message, &message.to_string());
            assert_eq!(token == Slots::own_token(message), message >= MOST_POOLS);
        }
    }

    #[test]
    fn a_call_for_one_stream_hears_of_every_other() {
        let mut slots = Slots::new(true);
        let token = slots.first_token(0, "a");
        assert_eq!(stored(&mut slots, token, "S"), Some(0));
        assert_eq!(slots.first_token(1, "b"), token);
        assert_eq!(answer(&mut slots, token, "pong"), None);
        assert_eq!(stored(&mut slots, token, "T"), Some(1));
    }

    #[test]
    fn another_connection_begins_anew() {
        let mut slots = Slots::new(true);
        let token = slots.first_token(5, "a");
        slots.forget();
        assert_eq!(slots.answered(token, &Outcome::NoStream, b""), None);
        assert_eq!(slots.first_token(6, "a"), 0);
    }
}
