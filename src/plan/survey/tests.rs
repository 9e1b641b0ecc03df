use bytes::Bytes;

use super::*;
use crate::record::{Headers, Record};

fn seen(sequence: u64, time_ns: i64, payload: &str) -> Seen {
    let payload = Bytes::copy_from_slice(payload.as_bytes());
    let record = Record { subject: Bytes::new(), sequence, time_ns, headers: Headers::default(), payload, part: None };
    Seen { print: Fingerprint::of(&record), time_ns }
}

/// The messages of some sequences, each stored at its sequence.
fn plain(sequences: impl IntoIterator<Item = u64>) -> Option<Vec<Seen>> {
    Some(sequences.into_iter().map(|sequence| seen(sequence, i64::try_from(sequence).unwrap(), "x")).collect())
}

fn range(first: u64, last: u64) -> SequenceRange {
    SequenceRange { first, last }
}

fn counted(first: u64, deleted: &[u64]) -> Counted {
    Counted { first, messages: None, deleted: Some(deleted.to_vec()) }
}

/// Kind, range and server of each finding.
fn short(findings: &[Finding]) -> Vec<(Kind, u64, u64, Option<&str>)> {
    let place = |finding: &Finding| finding.range.map_or((0, 0), |range| (range.first, range.last));
    findings
        .iter()
        .map(|finding| (finding.kind, place(finding).0, place(finding).1, finding.server.as_deref()))
        .collect()
}

#[test]
fn a_stream_that_is_well_has_no_findings() {
    let mut survey = Survey::new(vec!["a".into(), "b".into()]);
    survey.take(range(1, 10), &[plain(1..=10), plain(1..=10)]);
    survey.take(range(11, 20), &[plain((11..=20).filter(|s| *s != 15)), plain((11..=20).filter(|s| *s != 15))]);
    assert_eq!(survey.findings(&counted(1, &[15]), false), []);
    assert_eq!(short(&survey.findings(&counted(1, &[15]), true)), [(Kind::Hole, 15, 15, None)]);
}

#[test]
fn what_is_counted_and_not_given_is_damaged() {
    let mut survey = Survey::new(vec!["a".into()]);
    survey.take(range(1, 10), &[plain([1, 2, 6, 7])]);
    survey.take(range(11, 20), &[plain([15])]);
    // 3 to 5, 8 to 14 and 16 to 20 were not given; some of them left the stream.
    let found = survey.findings(&counted(4, &[5, 9, 10, 18]), false);
    let damaged = [(4, 4), (8, 8), (11, 14), (16, 17), (19, 20)];
    assert_eq!(short(&found), damaged.map(|(first, last)| (Kind::Damaged, first, last, Some("a"))));
    assert_eq!(found[2].messages, Some(4));
    let holes = survey.findings(&counted(1, &[5, 9, 10, 18]), true).into_iter().filter(|f| f.kind == Kind::Hole);
    assert_eq!(short(&holes.collect::<Vec<_>>()), [(5, 5), (9, 10), (18, 18)].map(|(a, b)| (Kind::Hole, a, b, None)));
    // Without a list the number is known.
    let found = survey.findings(&Counted { first: 1, messages: Some(8), deleted: None }, false);
    assert_eq!((short(&found), found[0].messages), (vec![(Kind::Damaged, 0, 0, Some("a"))], Some(3)));
}

#[test]
fn a_replica_that_lacks_or_differs_is_named() {
    let mut survey = Survey::new(vec!["a".into(), "b".into(), "c".into()]);
    let mut other = plain(1..=10).unwrap();
    other[6] = seen(7, 7, "y");
    survey.take(range(1, 10), &[plain([1, 2, 3, 6, 7, 8, 9, 10]), Some(other), None]);
    let found = survey.findings(&counted(1, &[]), false);
    assert_eq!(short(&found), [(Kind::Damaged, 4, 5, Some("a")), (Kind::Differs, 7, 7, None)]);
    survey.lacking[0].remove(&[4]);
    assert_eq!(short(&survey.findings(&counted(1, &[]), false))[0], (Kind::Damaged, 5, 5, Some("a")));
    // Nobody gave 11.
    survey.take(range(11, 12), &[plain([12]), plain([12]), plain([12])]);
    assert_eq!(short(&survey.findings(&counted(1, &[]), false))[2], (Kind::Damaged, 11, 11, None));
}

#[test]
fn times_that_step_back_are_told_with_their_size() {
    let mut survey = Survey::new(vec!["a".into()]);
    let times = [(1, 5_000_000_000), (2, 4_000_000_000), (3, 4_000_000_000), (9, 3_500_000_000)];
    let messages = |times: &[(u64, i64)]| Some(times.iter().map(|(s, t)| seen(*s, *t, "x")).collect());
    survey.take(range(1, 2), &[messages(&times[..2])]);
    survey.take(range(3, 9), &[messages(&times[2..])]);
    let found = survey.findings(&counted(1, &[4, 5, 6, 7, 8]), false);
    assert_eq!(short(&found), [(Kind::Time, 2, 2, None), (Kind::Time, 9, 9, None)]);
    assert!(found[0].evidence.starts_with("stored 1.000000 s before sequence 1"), "{}", found[0].evidence);
    assert!(found[1].evidence.starts_with("stored 0.500000 s before sequence 3"), "{}", found[1].evidence);
}
