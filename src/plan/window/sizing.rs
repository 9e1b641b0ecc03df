//! The size of requests. The size of the messages so far and their density among the sequences decide it.

/// The way in which the server answers, as far as it is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Nothing is known: one request in flight.
    Probe,
    /// The server answers batches.
    Batch,
    /// One message a request.
    Single,
    /// One request brings all that is left.
    Delivery,
}

/// The largest number of messages that one request asks for.
const MAX_BATCH: u64 = 8_192;
/// The size of the first request: small enough for `LIMIT 10`, large enough to learn from.
const FIRST_BATCH: u64 = 256;
/// The bytes of messages that one request should bring, over one connection or two.
const BATCH_BYTES: f64 = 4.0 * 1024.0 * 1024.0;
/// The most bytes of messages that may be under way or wait for their turn.
const WINDOW_BYTES: f64 = 16.0 * 1024.0 * 1024.0;
/// The most messages that may be under way or wait for their turn: fewer than a subscription of the client holds (65 536).
const WINDOW_MESSAGES: f64 = 32_768.0;
/// The most requests in flight, in batches.
const MAX_REQUESTS: usize = 16;
/// The most requests in flight, of one message each.
const MAX_SINGLE_REQUESTS: usize = 512;
/// The bytes that a message takes on the wire beside its payload; a round figure for the sizing.
const OVERHEAD: usize = 250;

/// Size and density of the messages so far.
pub(super) struct Sizing {
    /// Messages per sequence, from 0 to 1.
    density: f64,
    /// Bytes per message on the wire; 0 before the first.
    size: f64,
    /// Bytes of all messages so far.
    received: u64,
    /// The number of connections that share the window.
    connections: usize,
}

impl Sizing {
    pub(super) fn new(density: f64) -> Self {
        Self { density, size: 0.0, received: 0, connections: 1 }
    }

    /// This many connections share the window: each shall have a request under way and one behind it.
    pub(super) fn spread(&mut self, connections: usize) {
        self.connections = connections.max(1);
    }

    /// The most bytes that one request shall bring.
    pub(super) fn batch_bytes(&self) -> u64 {
        (WINDOW_BYTES / (2 * self.connections) as f64).min(BATCH_BYTES) as u64
    }

    /// A message with this many bytes of payload has come.
    pub(super) fn message(&mut self, payload: usize) {
        self.received += (payload + OVERHEAD) as u64;
        let bytes = (payload + OVERHEAD) as f64;
        self.size = if self.size == 0.0 { bytes } else { self.size + (bytes - self.size) / 64.0 };
    }

    /// Bytes of all messages so far.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The messages that are expected on this many sequences.
    pub(super) fn expected(&self, sequences: u64) -> u64 {
        (sequences as f64 * self.density) as u64
    }

    /// The bytes of this many messages, estimated from the messages so far.
    pub(super) fn bytes_of(&self, messages: u64) -> u64 {
        // A number that is too large for the type becomes its largest.
        (messages as f64 * self.size) as u64
    }

    /// An answer is complete: `messages` messages on `sequences` sequences. The first answer replaces the guess; later ones
    /// move it.
    pub(super) fn answered(&mut self, messages: u64, sequences: u64, first: bool) {
        let weight = if first { 1.0 } else { 0.25 };
        self.density += (messages as f64 / sequences as f64 - self.density) * weight;
    }

    /// The number of messages that the next request asks for. After a loss it is one, so that a message at fault is asked for alone.
    pub(super) fn batch(&self, mode: Mode, after_a_loss: bool) -> u64 {
        match mode {
            Mode::Single => 1,
            Mode::Probe => FIRST_BATCH,
            Mode::Batch if after_a_loss => 1,
            Mode::Delivery => u64::MAX,
            Mode::Batch => ((self.batch_bytes() as f64 / self.size.max(1.0)) as u64).clamp(1, MAX_BATCH),
        }
    }

    /// The number of sequences of the next span. Over holes a little less than a full batch is expected in it: a
    /// request that runs past its span costs less than one more round trip.
    pub(super) fn width(&self, mode: Mode) -> u64 {
        let batch = self.batch(mode, false);
        if self.density > 0.999 { batch } else { ((batch as f64 / self.density * 0.9) as u64).max(batch) }
    }

    /// The most spans at once, after this many have been passed on.
    pub(super) fn max_spans(&self, mode: Mode, handed_on: u64) -> usize {
        let (most, per_span) = match mode {
            Mode::Probe | Mode::Delivery => return 1,
            Mode::Batch => (MAX_REQUESTS.max(2 * self.connections), self.batch(mode, false) as f64),
            Mode::Single => (MAX_SINGLE_REQUESTS, 1.0),
        };
        let by_bytes = (WINDOW_BYTES / self.size.max(1.0)).min(WINDOW_MESSAGES) / per_span;
        // Slow start: a query that stops after a few rows should not ask for a thousand times as many.
        let ramp = 2_usize.saturating_pow(u32::try_from(handed_on + 1).unwrap_or(u32::MAX).min(16));
        (by_bytes as usize).clamp(2, most).min(ramp.max(2))
    }
}
