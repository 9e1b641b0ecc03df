//! A model of the server answers in random order, with holes, short batches and lost frames.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::answers::MAX_RETRIES;
use super::asking::MAX_LOSSES;
use super::end_policy::REPLICAS_ASKED;
use super::*;
use crate::record::Headers;
use crate::testing::Numbers;

#[derive(Clone, Copy, PartialEq)]
enum Server {
    Batches,
    Singles,
}

/// The faults that the model makes on purpose.
#[derive(Clone, Copy, Default)]
struct Faults {
    /// One frame in this many is lost; 0 for none.
    lose_one_in: u64,
    /// A batch ends after this many messages, as by `max_bytes`; 0 for never.
    short_batch: u64,
    /// One answer in this many comes from a replica that lacks the newest messages, up to half of them; 0 for none.
    lag_one_in: u64,
}

pub(super) fn record(sequence: u64) -> Record {
    Record {
        subject: Bytes::from_static(b"s"),
        sequence,
        time_ns: 0,
        headers: Headers::default(),
        payload: Bytes::from_static(b"payload"),
        part: None,
    }
}

/// The frames that answer one request.
fn answer(stored: &[u64], request: Request, server: Server, faults: Faults) -> Vec<Reply> {
    let from = stored.partition_point(|s| *s < request.from);
    let matching = &stored[from..];
    if matching.is_empty() {
        return vec![Reply::Nothing];
    }
    if server == Server::Singles {
        return vec![Reply::Message { record: record(matching[0]), previous: None, pending: None, size: 300 }];
    }
    let mut count = usize::try_from(request.batch).unwrap().min(matching.len());
    if faults.short_batch > 0 {
        count = count.min(usize::try_from(faults.short_batch).unwrap());
    }
    let mut frames = Vec::new();
    let mut previous = 0;
    for sequence in &matching[..count] {
        frames.push(Reply::Message { record: record(*sequence), previous: Some(previous), pending: None, size: 300 });
        previous = *sequence;
    }
    frames.push(Reply::End { pending: (matching.len() - count) as u64, last: previous });
    frames
}

/// Runs a read to its end; the sequences in the order in which they left, and the number of requests.
fn read(stored: &[u64], mut window: Window, server: Server, faults: Faults, seed: u64) -> (Vec<u64>, usize) {
    let mut numbers = Numbers(seed);
    let mut open: BTreeMap<u64, VecDeque<Reply>> = BTreeMap::new();
    let (mut out, mut sent) = (Vec::new(), 0);
    while !window.is_finished() {
        for request in window.requests() {
            sent += 1;
            let lags = faults.lag_one_in > 0 && numbers.below(faults.lag_one_in) == 0;
            let has =
                if lags { stored.len() - numbers.below(stored.len() as u64 / 2 + 1) as usize } else { stored.len() };
            let frames = if request.leader {
                answer(stored, request, Server::Singles, faults)
            } else {
                answer(&stored[..has], request, server, faults)
            };
            open.insert(request.token, frames.into());
        }
        assert!(sent < 100_000, "the read does not end");
        let tokens: Vec<u64> = open.keys().copied().collect();
        assert!(!tokens.is_empty(), "the window waits for nothing");
        let token = tokens[usize::try_from(numbers.below(tokens.len() as u64)).unwrap()];
        let frames = open.get_mut(&token).unwrap();
        let frame = frames.pop_front().unwrap();
        if frames.is_empty() {
            open.remove(&token);
        }
        let loses = matches!(frame, Reply::Message { previous: Some(_), .. }) && faults.lose_one_in > 0;
        if !loses || numbers.below(faults.lose_one_in) != 0 {
            window.accept(token, frame).unwrap();
        }
        window.take_ready(&mut out);
    }
    (out.into_iter().map(|r| r.sequence).collect(), sent)
}

fn whole(stored: &[u64]) -> SequenceRange {
    SequenceRange { first: 1, last: stored.last().copied().unwrap_or(0) }
}

#[test]
fn every_message_leaves_once_and_in_order() {
    for seed in 0..60 {
        let mut numbers = Numbers(seed);
        let length = numbers.below(9_000);
        let keep_one_in = 1 + numbers.below(12);
        let stored: Vec<u64> = (1..=length).filter(|_| numbers.below(keep_one_in) == 0).collect();
        for server in [Server::Batches, Server::Singles] {
            for faults in [
                Faults::default(),
                Faults { short_batch: 7, ..Faults::default() },
                Faults { lose_one_in: 400, ..Faults::default() },
                Faults { lag_one_in: 3, ..Faults::default() },
            ] {
                let window = Window::new(whole(&stored), None, 1.0, false);
                let (got, _) = read(&stored, window, server, faults, seed);
                assert_eq!(got, stored, "seed {seed}");
                if server == Server::Batches && seed < 2 {
                    let window = Window::new(whole(&stored), None, 1.0, false).delivered();
                    let (got, _) = read(&stored, window, server, faults, seed);
                    assert_eq!(got, stored, "seed {seed}, delivered");
                }
            }
        }
    }
}

#[test]
fn a_range_inside_a_growing_stream_ends_at_its_end() {
    let stored: Vec<u64> = (1..=20_000).filter(|s| s % 3 != 0).collect();
    let range = SequenceRange { first: 4_000, last: 9_999 };
    let (got, _) = read(&stored, Window::new(range, None, 1.0, false), Server::Batches, Faults::default(), 1);
    let expected: Vec<u64> = stored.iter().copied().filter(|s| (4_000..=9_999).contains(s)).collect();
    assert_eq!(got, expected);
}

#[test]
fn a_delivery_is_one_request_until_the_leader_is_asked() {
    let stored: Vec<u64> = (1..=3_000).collect();
    let window = || Window::new(whole(&stored), None, 1.0, false).delivered();
    let (got, sent) = read(&stored, window(), Server::Batches, Faults::default(), 1);
    assert_eq!((got.len(), sent), (3_000, 1));
    // The connection breaks at a message, and the messages behind it are asked from the leader, many at once.
    let mut window = window();
    let mut out: Vec<Record> = Vec::new();
    let request = window.requests()[0];
    for frame in answer(&stored, request, Server::Batches, Faults::default()).into_iter().take(10) {
        window.accept(request.token, frame).unwrap();
    }
    window.take_ready(&mut out);
    window.restart_with_leader();
    window.take_ready(&mut out);
    assert_eq!(window.requests().iter().map(|request| request.from).collect::<Vec<_>>(), [11, 12, 13, 14]);
    window.forget_requests();
    let (rest, _) = read(&stored, window, Server::Singles, Faults::default(), 1);
    let all: Vec<u64> = out.iter().map(|record| record.sequence).chain(rest).collect();
    assert_eq!(all, stored);
}

#[test]
fn a_limit_ends_the_read() {
    let stored: Vec<u64> = (1..=5_000).collect();
    for (limit, server) in [(0, Server::Batches), (1, Server::Batches), (300, Server::Batches), (700, Server::Singles)]
    {
        let window = Window::new(whole(&stored), Some(limit), 1.0, false);
        let (got, _) = read(&stored, window, server, Faults::default(), 3);
        assert_eq!(got, stored[..usize::try_from(limit).unwrap()]);
    }
}

#[test]
fn a_dense_stream_costs_one_request_a_batch() {
    let stored: Vec<u64> = (1..=100_256).collect();
    let (got, sent) =
        read(&stored, Window::new(whole(&stored), None, 1.0, false), Server::Batches, Faults::default(), 9);
    assert_eq!(got.len(), stored.len());
    assert_eq!(sent, 15);
}

#[test]
fn a_sparse_stream_costs_little_more_than_one_request_a_batch() {
    let stored: Vec<u64> = (1..=1_000_000).filter(|s| s % 97 == 0).collect();
    let (got, sent) =
        read(&stored, Window::new(whole(&stored), None, 0.01, false), Server::Batches, Faults::default(), 5);
    assert_eq!(got, stored);
    assert!(sent < 40, "{sent} requests for {} messages", stored.len());
}

#[test]
fn an_empty_range_asks_nothing() {
    let mut window = Window::new(SequenceRange { first: 5, last: 4 }, None, 1.0, false);
    assert!(window.requests().is_empty());
    assert!(window.is_finished());
}

#[test]
fn frames_that_stay_lost_are_an_error() {
    let mut window = Window::new(SequenceRange { first: 1, last: 10 }, None, 1.0, false);
    let mut outcome = Ok(());
    for _ in 0..=MAX_RETRIES {
        for request in window.requests() {
            outcome = window.accept(
                request.token,
                Reply::Message { record: record(2), previous: Some(1), pending: None, size: 300 },
            );
        }
    }
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains("replies are missing from a batch at sequence 1"), "{error}");
}

#[test]
fn a_batch_that_ends_at_another_sequence_is_asked_for_again() {
    let mut window = Window::new(SequenceRange { first: 1, last: 3 }, None, 1.0, false);
    let first = window.requests()[0];
    window
        .accept(first.token, Reply::Message { record: record(1), previous: Some(0), pending: None, size: 300 })
        .unwrap();
    window.accept(first.token, Reply::End { pending: 1, last: 2 }).unwrap();
    let again = window.requests()[0];
    assert_eq!((again.from, window.retries()), (2, 1));
}

#[test]
fn an_earlier_message_than_asked_for_is_an_error() {
    let mut window = Window::new(SequenceRange { first: 5, last: 9 }, None, 1.0, false);
    let request = window.requests()[0];
    assert!(
        window
            .accept(request.token, Reply::Message { record: record(4), previous: Some(0), pending: None, size: 300 })
            .is_err()
    );
}

#[test]
fn forgotten_requests_are_sent_again_from_where_they_were() {
    let stored: Vec<u64> = (1..=2_000).collect();
    let mut window = Window::new(whole(&stored), None, 1.0, false);
    let first = window.requests()[0];
    window
        .accept(first.token, Reply::Message { record: record(1), previous: Some(0), pending: None, size: 300 })
        .unwrap();
    window.forget_requests();
    let again = window.requests()[0];
    assert_eq!(again.from, 2);
    window
        .accept(first.token, Reply::Message { record: record(2), previous: Some(1), pending: None, size: 300 })
        .unwrap();
    let mut out = Vec::new();
    window.take_ready(&mut out);
    assert_eq!(out.len(), 1, "an answer to a forgotten request is dropped");
}

#[test]
fn losses_at_the_same_sequence_are_counted() {
    let stored: Vec<u64> = (1..=2_000).collect();
    let mut window = Window::new(whole(&stored), None, 1.0, false);
    for _ in 0..MAX_LOSSES {
        let _ = window.requests();
        assert!(window.forget_requests());
    }
    let request = window.requests()[0];
    window
        .accept(request.token, Reply::Message { record: record(1), previous: Some(0), pending: None, size: 300 })
        .unwrap();
    assert!(window.forget_requests(), "a message came in between");
    for _ in 1..MAX_LOSSES {
        assert!(window.forget_requests());
    }
    assert!(!window.forget_requests());
    assert_eq!(window.next_sequence(), 2);
}

#[test]
fn a_read_goes_on_one_message_a_request() {
    let stored: Vec<u64> = (1..=5_000).filter(|s| s % 4 != 0).collect();
    let mut window = Window::new(whole(&stored), None, 1.0, false);
    let mut out = Vec::new();
    for _ in 0..2 {
        for request in window.requests() {
            for frame in answer(&stored, request, Server::Batches, Faults::default()) {
                window.accept(request.token, frame).unwrap();
            }
        }
        window.take_ready(&mut out);
    }
    let before = window.requests();
    window.restart_with_leader();
    assert!(before.iter().all(|request| !window.awaits(request.token)));
    let (rest, _) = read(&stored, window, Server::Singles, Faults::default(), 11);
    let got: Vec<u64> = out.iter().map(|r| r.sequence).chain(rest).collect();
    assert_eq!(got, stored);
}

#[test]
fn a_replica_that_is_behind_does_not_end_the_read() {
    for seed in 0..40 {
        let stored: Vec<u64> = (1..=6_000).filter(|s| s % (1 + seed % 4) == 0).collect();
        let range = SequenceRange { first: 1, last: 6_000 };
        for server in [Server::Batches, Server::Singles] {
            let faults = Faults { lag_one_in: 2, short_batch: 200, ..Faults::default() };
            let (got, _) = read(&stored, Window::new(range, None, 1.0, false), server, faults, seed);
            assert_eq!(got, stored, "seed {seed}");
        }
    }
}

/// The leader is asked once, however many spans lie beyond the stream's last message.
#[test]
fn the_end_of_a_range_without_messages_costs_one_question_to_the_leader() {
    let stored: Vec<u64> = (1..=50_000).collect();
    let range = SequenceRange { first: 1, last: 90_000 };
    for server in [Server::Batches, Server::Singles] {
        let mut window = Window::new(range, None, 1.0, false);
        let (mut asked, mut out) = (0, Vec::new());
        while !window.is_finished() {
            for request in window.requests() {
                asked += usize::from(request.leader);
                for frame in answer(&stored, request, server, Faults::default()) {
                    window.accept(request.token, frame).unwrap();
                }
            }
            window.take_ready(&mut out);
        }
        assert_eq!((out.len(), asked), (stored.len(), 1));
    }
}

#[test]
fn a_range_that_is_full_costs_no_question_to_the_leader() {
    let stored: Vec<u64> = (1..=3_000).collect();
    let mut window = Window::new(whole(&stored), None, 1.0, false);
    let mut out = Vec::new();
    while !window.is_finished() {
        for request in window.requests() {
            assert!(!request.leader);
            for frame in answer(&stored, request, Server::Batches, Faults::default()) {
                window.accept(request.token, frame).unwrap();
            }
        }
        window.take_ready(&mut out);
    }
    assert_eq!(out.len(), stored.len());
}

#[test]
fn without_the_leader_several_answers_must_agree() {
    let mut window = Window::new(SequenceRange { first: 1, last: 3 }, None, 1.0, false);
    let first = window.requests()[0];
    window.accept(first.token, Reply::Nothing).unwrap();
    let question = window.requests()[0];
    assert!(question.leader && !window.is_finished());
    window.leader_is_denied();
    for _ in 1..REPLICAS_ASKED {
        assert!(!window.is_finished());
        let again = window.requests()[0];
        assert!(!again.leader);
        window.accept(again.token, Reply::Nothing).unwrap();
        window.take_ready(&mut Vec::<Record>::new());
    }
    assert!(window.is_finished());
}

#[test]
fn an_endless_range_ends_with_the_stream() {
    let stored: Vec<u64> = (1..=700).collect();
    let range = SequenceRange { first: 1, last: u64::MAX };
    let (got, _) = read(&stored, Window::new(range, None, 1.0, false), Server::Batches, Faults::default(), 2);
    assert_eq!(got, stored);
}

#[test]
fn several_connections_have_more_and_smaller_requests_under_way() {
    for (connections, bytes) in [(1, 4 << 20), (2, 4 << 20), (4, 2 << 20), (8, 1 << 20), (16, 1 << 19)] {
        let mut window = Window::new(SequenceRange { first: 1, last: 10 }, None, 1.0, false);
        window.spread(connections);
        assert_eq!(window.batch_bytes(), bytes, "{connections}");
    }
    let stored: Vec<u64> = (1..=60_000).collect();
    let mut window = Window::new(whole(&stored), None, 1.0, false);
    window.spread(8);
    assert_eq!(read(&stored, window, Server::Batches, Faults::default(), 1).0, stored);
}

#[test]
fn a_connection_that_breaks_costs_its_own_requests_alone() {
    let stored: Vec<u64> = (1..=60_000).collect();
    let mut window = Window::new(whole(&stored), None, 1.0, false);
    window.spread(4);
    let mut out: Vec<Record> = Vec::new();
    let first = window.requests()[0];
    for frame in answer(&stored, first, Server::Batches, Faults::default()) {
        window.accept(first.token, frame).unwrap();
    }
    window.take_ready(&mut out);
    let open = window.requests();
    assert!(open.len() > 1, "{open:?}");
    // Time after time another connection breaks: the next message is under way on one that does not.
    let mut lost = open[1];
    for _ in 0..3 * asking::MAX_LOSSES {
        assert!(window.forget_these(&[lost.token]));
        let again = window.requests();
        assert_eq!(again.iter().map(|request| request.from).collect::<Vec<_>>(), [lost.from]);
        lost = again[0];
    }
    let mut lost = open[0];
    for time in 1..=asking::MAX_LOSSES {
        assert!(window.forget_these(&[lost.token]), "time {time}");
        lost = window.requests()[0];
    }
    assert!(!window.forget_these(&[lost.token]));
}
