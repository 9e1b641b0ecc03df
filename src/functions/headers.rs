//! `nats_headers({...})`: the headers by which a publisher instructs a server about a message, by names and types of SQL.
//!
//! Source: ADR-22 and ADR-43 (`Nats-TTL`), ADR-49 (counters), ADR-51 (schedules), and the JetStream headers of
//! <https://docs.nats.io/nats-concepts/jetstream/headers>.

use super::publish::header_buffer;
use crate::column::{Buffer, Interval, Type};
use crate::error::{Error, Result};
use crate::ffi::{Input, ScalarFunction, ScalarSignature};
use crate::jetstream::utc_text;
use crate::value::{ParameterType, Value};

/// One member of the argument: its name, its header, and how its value is written.
struct Member {
    name: &'static str,
    header: &'static str,
    write: fn(&Value) -> Option<String>,
    /// The values that it accepts, for errors.
    wanted: &'static str,
}

const MEMBERS: [Member; 17] = [
    text("msg_id", "Nats-Msg-Id"),
    Member { name: "ttl", header: "Nats-TTL", write: ttl, wanted: "an INTERVAL of whole seconds, or 'never'" },
    text("expected_stream", "Nats-Expected-Stream"),
    number("expected_last_seq", "Nats-Expected-Last-Sequence"),
    number("expected_last_subject_seq", "Nats-Expected-Last-Subject-Sequence"),
    text("expected_last_subject", "Nats-Expected-Last-Subject-Sequence-Subject"),
    text("expected_last_msg_id", "Nats-Expected-Last-Msg-Id"),
    Member { name: "rollup", header: "Nats-Rollup", write: rollup, wanted: "'sub' or 'all'" },
    number("increment", "Nats-Incr"),
    Member { name: "at", header: SCHEDULE, write: at, wanted: "a TIMESTAMP or TIMESTAMPTZ" },
    Member { name: "every", header: SCHEDULE, write: every, wanted: "an INTERVAL of at least a second" },
    text("cron", SCHEDULE),
    text("target", "Nats-Schedule-Target"),
    text("source", "Nats-Schedule-Source"),
    Member {
        name: "target_ttl",
        header: "Nats-Schedule-TTL",
        write: ttl,
        wanted: "an INTERVAL of whole seconds, or 'never'",
    },
    text("time_zone", "Nats-Schedule-Time-Zone"),
    Member { name: "target_rollup", header: "Nats-Schedule-Rollup", write: rollup, wanted: "'sub' or 'all'" },
];

const SCHEDULE: &str = "Nats-Schedule";

const fn text(name: &'static str, header: &'static str) -> Member {
    Member { name, header, write: written_text, wanted: "a VARCHAR that is not empty" }
}

const fn number(name: &'static str, header: &'static str) -> Member {
    Member { name, header, write: written_number, wanted: "a whole number" }
}

fn written_text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

fn written_number(value: &Value) -> Option<String> {
    match value {
        Value::Integer(number) => Some(number.to_string()),
        Value::Decimal { unscaled, scale: 0 } => Some(unscaled.to_string()),
        _ => None,
    }
}

fn rollup(value: &Value) -> Option<String> {
    match value {
        Value::Text(word) if word == "sub" || word == "all" => Some(word.clone()),
        _ => None,
    }
}

/// Whole seconds, as every server reads them; `never` keeps the message whatever the stream's limit on age.
fn ttl(value: &Value) -> Option<String> {
    match value {
        Value::Text(word) if word == "never" => Some(word.clone()),
        value => seconds(value).map(|seconds| format!("{seconds}s")),
    }
}

fn every(value: &Value) -> Option<String> {
    seconds(value).map(|seconds| format!("@every {seconds}s"))
}

fn seconds(value: &Value) -> Option<i64> {
    let Value::Interval(Interval { months: 0, days, micros }) = value else { return None };
    let micros = i64::from(*days).checked_mul(86_400_000_000)?.checked_add(*micros)?;
    (micros >= 1_000_000 && micros % 1_000_000 == 0).then_some(micros / 1_000_000)
}

fn at(value: &Value) -> Option<String> {
    match value {
        Value::Timestamp { micros, .. } => Some(format!("@at {}", utc_text(*micros)?)),
        _ => None,
    }
}

/// A MAP(VARCHAR, VARCHAR) for each STRUCT. NULL for NULL; a member that is NULL is left out.
pub struct NatsHeaders;

impl ScalarFunction for NatsHeaders {
    const NAME: &'static str = "nats_headers";
    const VOLATILE: bool = false;
    const SIGNATURES: &'static [ScalarSignature] = &[&[ParameterType::Any]];

    fn returns() -> Type {
        Type::map(Type::Varchar, Type::Varchar)
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        let rows = (0..input.len()).map(|row| headers(&input.value(0, row)?)).collect::<Result<Vec<_>>>()?;
        Ok(header_buffer(&rows))
    }
}

/// Headers with their values.
type Written = Vec<(&'static str, String)>;

fn headers(value: &Value) -> Result<Option<Written>> {
    let members = match value {
        Value::Null => return Ok(None),
        Value::Struct(members) => members,
        other => {
            return Err(Error::new(format!("the argument must be a STRUCT, not {}", other.kind()))
                .advice("write {'ttl': INTERVAL 1 HOUR}"));
        }
    };
    let mut headers = Written::new();
    for (name, value) in members {
        let Some(member) = MEMBERS.iter().find(|member| member.name.eq_ignore_ascii_case(name)) else {
            let names: Vec<&str> = MEMBERS.iter().map(|member| member.name).collect();
            return Err(Error::new(format!("unknown member '{name}'")).advice(format!("they are {}", names.join(", "))));
        };
        if *value == Value::Null {
            continue;
        }
        if headers.iter().any(|(header, _)| *header == member.header) {
            return Err(Error::new(format!("{} says when as another member does", member.name))
                .advice("give one of at, every and cron"));
        }
        let text = (member.write)(value);
        let text = text.ok_or_else(|| Error::new(format!("{} must be {}", member.name, member.wanted)))?;
        headers.push((member.header, text));
    }
    let has = |header: &str| headers.iter().any(|(name, _)| *name == header);
    if has(SCHEDULE) && !has("Nats-Schedule-Target") {
        return Err(
            Error::new("a schedule needs target").advice("target is the subject to which the message goes then")
        );
    }
    Ok(Some(headers))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Members<'a> = Vec<(&'a str, Value)>;

    fn of(members: Members<'_>) -> Result<Option<Written>> {
        headers(&Value::Struct(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
    }

    fn interval(micros: i64) -> Value {
        Value::Interval(Interval { months: 0, days: 0, micros })
    }

    #[test]
    fn members_become_headers() {
        let text = |text: &str| Value::Text(text.into());
        let moment = Value::Timestamp { micros: 1_705_314_600_000_000, zoned: false };
        let cases: [(Members<'_>, &[(&str, &str)]); 6] = [
            (vec![("ttl", interval(3_600_000_000))], &[("Nats-TTL", "3600s")]),
            (vec![("TTL", text("never")), ("msg_id", Value::Null)], &[("Nats-TTL", "never")]),
            (vec![("increment", Value::Integer(-5))], &[("Nats-Incr", "-5")]),
            (
                vec![("at", moment), ("target", text("a.b"))],
                &[("Nats-Schedule", "@at 2024-01-15T10:30:00.000000Z"), ("Nats-Schedule-Target", "a.b")],
            ),
            (
                vec![("every", interval(300_000_000)), ("target", text("a"))],
                &[("Nats-Schedule", "@every 300s"), ("Nats-Schedule-Target", "a")],
            ),
            (
                vec![("cron", text("0 0 5 * * *")), ("target", text("a")), ("time_zone", text("CET"))],
                &[("Nats-Schedule", "0 0 5 * * *"), ("Nats-Schedule-Target", "a"), ("Nats-Schedule-Time-Zone", "CET")],
            ),
        ];
        for (members, expected) in cases {
            let expected: Vec<(&str, String)> =
                expected.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            assert_eq!(of(members).unwrap(), Some(expected));
        }
        assert_eq!(headers(&Value::Null), Ok(None));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let text = |text: &str| Value::Text(text.into());
        let cases = [
            (vec![("tll", text("1"))], "unknown member 'tll'; they are msg_id, ttl"),
            (vec![("ttl", interval(1_500_000))], "ttl must be an INTERVAL of whole seconds, or 'never'"),
            (vec![("every", interval(1)), ("target", text("a"))], "every must be an INTERVAL of at least a second"),
            (vec![("cron", text("@daily"))], "a schedule needs target"),
            (vec![("cron", text("@daily")), ("every", interval(1_000_000))], "give one of at, every and cron"),
            (vec![("rollup", text("some"))], "rollup must be 'sub' or 'all'"),
            (vec![("msg_id", text(""))], "msg_id must be a VARCHAR that is not empty"),
        ];
        for (members, expected) in cases {
            let error = of(members).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(headers(&Value::Integer(1)).is_err());
    }
}
