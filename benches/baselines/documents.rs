//! The messages in the streams and files of the benchmark. scripts/bench/data.py has the same twelve fields as SQL and as .proto.

use std::io::Write;
use std::str::FromStr;

use crate::Result;

const SECONDS_OF_DAY: u64 = 86_400;
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;

/// How the bytes of message `i` are made.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Twelve flat fields as a JSON object.
    Json,
    /// The same members, in each message in an order of its own.
    ShuffledJson,
    /// The same after a thirteenth: the key that `nats_ingest` makes of them.
    KeyedJson,
    /// The twelve fields as protobuf.
    Protobuf,
    /// Its number and then dots.
    Text,
}

impl FromStr for Kind {
    type Err = std::io::Error;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "shuffled-json" => Ok(Self::ShuffledJson),
            "keyed-json" => Ok(Self::KeyedJson),
            "protobuf" => Ok(Self::Protobuf),
            "text" => Ok(Self::Text),
            _ => Err(Self::Err::other("there are json, shuffled-json, keyed-json, protobuf and text")),
        }
    }
}

impl Kind {
    /// Appends message `i`: `size` bytes, or more where the fields need it. (`KeyedJson` has its key on top.)
    pub fn write(self, i: u64, size: usize, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Json => json(&Event::new(i), "", size, out)?,
            Self::ShuffledJson => {
                let start = out.len();
                json(&Event::new(i), "", size, out)?;
                shuffle(i, start, out)?;
            }
            Self::KeyedJson => {
                let event = Event::new(i);
                let key = format!(r#""correlation_key":"{}","#, event.key());
                json(&event, &key, size + key.len(), out)?;
            }
            Self::Protobuf => protobuf(&Event::new(i), size, out),
            Self::Text => {
                let start = out.len();
                write!(out, "{i}")?;
                out.resize(out.len().max(start + size), b'.');
            }
        }
        Ok(())
    }
}

struct Event {
    i: u64,
    event_id: String,
    user_id: u64,
    device_id: String,
    zone: String,
    event_type: &'static str,
    rating_key: String,
    title: String,
    day: u64,
    second: u64,
    position: f64,
    percent: u64,
}

impl Event {
    fn new(i: u64) -> Self {
        Self {
            i,
            event_id: format!("{:08x}-5eed-4000-8000-{i:012x}", i.wrapping_mul(2_654_435_761) & 0xffff_ffff),
            user_id: i % 10_007,
            device_id: format!("device-{:03}", i % 100),
            zone: format!("zone-{}", i % 7),
            event_type: ["start", "pause", "stop"][(i % 3) as usize],
            rating_key: i.to_string(),
            title: format!("Episode {} of season {}", i % 24 + 1, i % 9 + 1),
            day: i / SECONDS_OF_DAY % 28 + 1,
            second: i % SECONDS_OF_DAY,
            position: i as f64 / 4.0,
            percent: i % 101,
        }
    }

    fn started_at(&self) -> String {
        let (hour, minute, second) = (self.second / 3600, self.second / 60 % 60, self.second % 60);
        format!("2025-01-{:02}T{hour:02}:{minute:02}:{second:02}Z", self.day)
    }

    /// `{user_id}:{rating_key}:{started_at@5m}`
    fn key(&self) -> String {
        let (hour, minute) = (self.second / 3600, self.second / 300 * 5 % 60);
        format!("{}:{}:2025-01-{:02}T{hour:02}:{minute:02}", self.user_id, self.rating_key, self.day)
    }

    fn paused(&self) -> bool {
        self.event_type == "pause"
    }
}

/// `first` stands before the fields.
fn json(event: &Event, first: &str, size: usize, out: &mut Vec<u8>) -> Result<()> {
    let start = out.len();
    write!(
        out,
        r#"{{{first}"event_id":"{}","user_id":{},"device_id":"{}","zone":"{}","event_type":"{}","rating_key":"{}","#,
        event.event_id, event.user_id, event.device_id, event.zone, event.event_type, event.rating_key,
    )?;
    write!(
        out,
        r#""title":"{}","started_at":"{}","position":{:?},"percent":{},"paused":{},"note":""#,
        event.title,
        event.started_at(),
        event.position,
        event.percent,
        event.paused(),
    )?;
    out.resize(out.len().max((start + size).saturating_sub(2)), b'x');
    out.extend_from_slice(b"\"}");
    Ok(())
}

/// Puts the members of the object that begins at `start` in an order that looks random and is that of message `i`.
fn shuffle(i: u64, start: usize, out: &mut Vec<u8>) -> Result<()> {
    let object = String::from_utf8(out.split_off(start))?;
    // No text has a comma before a quote in it.
    let members = object.trim_matches(['{', '}']).replace(",\"", "\n\"");
    let mut members: Vec<&str> = members.split('\n').collect();
    let mut random = i;
    for last in (1..members.len()).rev() {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        members.swap(last, (random >> 33) as usize % (last + 1));
    }
    write!(out, "{{{}}}", members.join(","))?;
    Ok(())
}

fn protobuf(event: &Event, size: usize, out: &mut Vec<u8>) {
    let start = out.len();
    text(1, &event.event_id, out);
    number(2, event.user_id, out);
    text(3, &event.device_id, out);
    text(4, &event.zone, out);
    text(5, event.event_type, out);
    text(6, &event.rating_key, out);
    text(7, &event.title, out);
    number(8, event.i, out);
    varint(9 << 3 | FIXED64, out);
    out.extend_from_slice(&event.position.to_le_bytes());
    number(10, event.percent, out);
    number(11, u64::from(event.paused()), out);
    // A tag of one byte and a length of two.
    let padding = (start + size).saturating_sub(out.len() + 3);
    text(12, &"x".repeat(padding), out);
}

fn number(field: u64, value: u64, out: &mut Vec<u8>) {
    varint(field << 3 | VARINT, out);
    varint(value, out);
}

fn text(field: u64, value: &str, out: &mut Vec<u8>) {
    varint(field << 3 | LENGTH, out);
    varint(value.len() as u64, out);
    out.extend_from_slice(value.as_bytes());
}

/// Seven bits a byte, lowest first; the highest bit is set when more bytes follow.
fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
