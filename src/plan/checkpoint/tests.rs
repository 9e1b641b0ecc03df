use bytes::Bytes;

use super::*;
use crate::record::Headers;

fn message(sequence: u64, time_ns: i64, payload: &'static str) -> Record {
    let headers = Headers(vec![("A".into(), "1".into()), ("B".into(), "2".into())]);
    Record {
        subject: Bytes::from_static(b"s"),
        sequence,
        time_ns,
        headers,
        payload: Bytes::from_static(payload.as_bytes()),
        part: None,
    }
}

fn now(first: u64, last: u64) -> StreamNow {
    let messages = (last + 1).saturating_sub(first);
    StreamNow {
        state: StreamState {
            first,
            last,
            messages,
            direct: Some(true),
            exact: true,
            created_ns: Some(7),
            last_time_ns: Some(1_000),
            replicas: 1,
            consumers_remove: false,
        },
        created_ns: 7,
        last_time_ns: Some(1_000),
        removal: Removal::default(),
        captures: None,
    }
}

fn checkpoint() -> Checkpoint {
    Checkpoint::at_end("S", &now(1, 10), Some(&message(10, 1_000, "x")))
}

#[test]
fn a_text_is_read_back() {
    let empty = Checkpoint::at_end("Ünïcode", &StreamNow { last_time_ns: None, ..now(1, 0) }, None);
    assert_eq!(empty.time_ns, 7);
    let edge = Checkpoint { created_ns: i64::MIN, last: u64::MAX, time_ns: i64::MAX, ..checkpoint() };
    for checkpoint in [checkpoint(), empty, edge] {
        let text = checkpoint.to_text();
        assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'), "{text}");
        assert_eq!(Checkpoint::from_text("after", &text), Ok(checkpoint));
    }
}

#[test]
fn a_text_that_was_changed_anywhere_is_refused() {
    let text = checkpoint().to_text();
    assert!(text.len() < 100, "{}", text.len());
    for at in 0..text.len() {
        let cut = &text[..at];
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        for wrong in [cut, std::str::from_utf8(&changed).unwrap()] {
            let error = Checkpoint::from_text("after", wrong).unwrap_err().to_string();
            assert!(error.starts_with("after is not a checkpoint"), "{wrong}: {error}");
        }
    }
}

#[test]
fn every_part_of_a_message_is_in_its_fingerprint() {
    let same = message(10, 1_000, "x");
    let mut swapped = same.clone();
    swapped.headers.0.reverse();
    assert_eq!(Fingerprint::of(&same), Fingerprint::of(&swapped));
    let mut others = vec![message(10, 1_001, "x"), message(10, 1_000, "y"), same.clone(), same.clone(), same.clone()];
    others[2].subject = Bytes::from_static(b"t");
    others[3].headers.0[0].1 = "3".into();
    // A text that moves from a header into the payload changes the digest, too.
    others[4].headers = Headers(vec![("A".into(), "1".into())]);
    for other in others {
        assert_ne!(Fingerprint::of(&same), Fingerprint::of(&other), "{other:?}");
    }
}

#[test]
fn a_stream_that_is_the_same_passes() {
    let checkpoint = checkpoint();
    for now in [now(1, 10), now(1, 500), now(11, 500), now(11, 10)] {
        assert_eq!(checkpoint.check_created(&now), Ok(()));
        assert!(!checkpoint.is_beyond(&now));
        assert_eq!(checkpoint.gap(&now), None, "{now:?}");
    }
    // The message, one before it, and nothing at all.
    for newest in [Some(message(10, 1_000, "x")), Some(message(4, 900, "older")), None] {
        assert_eq!(checkpoint.check_newest(newest.as_ref()), Ok(()));
    }
}

#[test]
fn another_stream_is_told() {
    let checkpoint = checkpoint();
    assert!(checkpoint.check_stream("T").unwrap_err().to_string().contains("one of stream 'S'"));
    let anew = StreamNow { created_ns: 8, ..now(1, 3) };
    assert!(checkpoint.check_created(&anew).unwrap_err().to_string().contains("made anew"));
    assert!(checkpoint.is_beyond(&now(1, 9)));
    assert!(checkpoint.rewound_to(7).to_string().contains("sequences 8 to 10 (at most 3 messages)"));
    let late = 1_000 + MAX_STEP_BACK_NS + 1;
    for other in [message(10, 1_000, "y"), message(4, late, "written after the rewind")] {
        assert!(checkpoint.check_newest(Some(&other)).unwrap_err().to_string().contains("rewound"), "{other:?}");
    }
    let over_hole = Checkpoint::at_end("S", &now(1, 10), Some(&message(8, 900, "x")));
    assert!(over_hole.check_newest(Some(&message(9, 1_000, "x"))).is_err());
    let empty = Checkpoint::at_end("S", &now(11, 10), None);
    assert!(empty.check_newest(Some(&message(9, 1_000, "x"))).is_err());
}

#[test]
fn what_counts_as_a_gap() {
    let checkpoint = checkpoint();
    let gap = SequenceRange { first: 11, last: 14 };
    let minute_later = 1_000 + MAX_STEP_BACK_NS;
    let removal = |by_newer, by_limit, before_ns| Removal { by_newer, by_limit, before_ns };
    let cases = [
        (removal(false, false, None), true),
        (removal(false, true, None), true),
        (removal(true, false, None), false),
        (removal(true, true, None), true),
        // Nothing that came after the checkpoint can have expired, or it can.
        (removal(true, false, Some(1_000 - MAX_STEP_BACK_NS - 1)), false),
        (removal(true, false, Some(1_000 - MAX_STEP_BACK_NS)), true),
        (removal(true, false, Some(minute_later)), true),
    ];
    for (removal, is_gap) in cases {
        assert_eq!(checkpoint.gap(&StreamNow { removal, ..now(15, 20) }), is_gap.then_some(gap), "{removal:?}");
    }
    assert!(gap_error(gap).to_string().contains("sequences 11 to 14 (at most 4 messages)"));
}
