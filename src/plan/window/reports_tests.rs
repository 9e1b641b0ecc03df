//! The facts about a read that its driver asks the window for, and how much it asks for at first and after a loss.

use super::answers::MAX_RETRIES;
use super::tests::record;
use super::*;

const RANGE: SequenceRange = SequenceRange { first: 1, last: 1_000 };
/// The bytes of a message by the sizing: payload and what surrounds it.
const SIZE: u64 = 300 + 250;

fn window(single: bool) -> Window {
    Window::new(RANGE, None, 1.0, single)
}

/// A message of a batch, of which so many are left.
fn message(sequence: u64, pending: u64) -> Reply {
    let previous = Some(sequence - 1);
    Reply::Message { record: record(sequence), previous, pending: Some(pending), size: 300 }
}

#[test]
fn the_first_answer_shows_what_follows() {
    let mut window = window(false);
    assert!(!window.is_waiting() && !window.is_single());
    let request = window.requests()[0];
    assert_eq!((window.received_bytes(), window.bytes_under_way(), window.bytes_left()), (0, 0, 0));
    assert!(window.is_waiting());
    window.accept(request.token, message(1, 999)).unwrap();
    assert_eq!(window.counted(), Some(1_000));
    assert_eq!(window.received_bytes(), SIZE);
    assert_eq!(window.bytes_under_way(), request.batch * SIZE);
    assert_eq!(window.bytes_left(), 999 * SIZE);
    window.take_ready(&mut Vec::new());
    assert_eq!(window.bytes_under_way(), (request.batch - 1) * SIZE);
    assert!(window.awaits(request.token) && !window.awaits(request.token + 1));
    assert_eq!(window.take_bytes(), 300);
    assert_eq!(window.take_bytes(), 0);
}

#[test]
fn a_limit_bounds_what_is_left() {
    let mut window = Window::new(RANGE, Some(3), 1.0, false);
    let request = window.requests()[0];
    window.accept(request.token, message(1, 999)).unwrap();
    let mut out = Vec::new();
    window.take_ready(&mut out);
    assert_eq!((out.len(), window.bytes_left()), (1, 2 * SIZE));
}

#[test]
fn a_server_without_batches_is_told_by_its_first_answer() {
    assert!(window(true).is_single());
    let mut window = window(false);
    let request = window.requests()[0];
    window
        .accept(request.token, Reply::Message { record: record(1), previous: None, pending: None, size: 300 })
        .unwrap();
    assert!(window.is_single());
    assert_eq!(window.counted(), None);
}

#[test]
fn gaps_are_explained_where_that_is_demanded() {
    assert!(!window(false).explains_gaps());
    let mut window = window(false).explaining_gaps(Absent::default());
    assert!(window.explains_gaps());
    let request = window.requests()[0];
    for (sequence, previous, pending) in [(1, 0, 997), (3, 1, 996), (5, 3, 995), (7, 5, 994)] {
        let reply =
            Reply::Message { record: record(sequence), previous: Some(previous), pending: Some(pending), size: 300 };
        window.accept(request.token, reply).unwrap();
    }
    let only = |sequence| SequenceRange { first: sequence, last: sequence };
    let mut out = Vec::new();
    window.take_ready(&mut out);
    assert_eq!(out.len(), 1);
    assert_eq!(window.unexplained_gaps(), Some(vec![only(2), only(4), only(6)]));
    let mut deleted = SequenceSet::default();
    deleted.push(4);
    window.explain_gaps(Absent::new(1, deleted), Vec::new());
    assert_eq!(window.unexplained_gaps(), Some(vec![only(2), only(6)]));
    let mut deleted = SequenceSet::default();
    [4, 6].into_iter().for_each(|sequence| deleted.push(sequence));
    window.explain_gaps(Absent::new(1, deleted), vec![record(2)]);
    window.take_ready(&mut out);
    assert_eq!(out.iter().map(|record| record.sequence).collect::<Vec<_>>(), [1, 2, 3, 5, 7]);
    assert_eq!(window.retries(), 1);
}

#[test]
fn a_gap_at_the_end_is_filled() {
    let range = SequenceRange { first: 1, last: 3 };
    let mut window = Window::new(range, None, 1.0, false).explaining_gaps(Absent::default());
    let request = window.requests()[0];
    window.accept(request.token, message(1, 2)).unwrap();
    let mut out = Vec::new();
    window.take_ready(&mut out);
    window.accept(request.token, Reply::End { pending: 0, last: 1 }).unwrap();
    // The leader says that nothing is left, too.
    while let [request] = window.requests()[..] {
        window.accept(request.token, Reply::Nothing).unwrap();
    }
    window.take_ready(&mut out);
    assert_eq!(window.unexplained_gaps(), Some(vec![SequenceRange { first: 2, last: 3 }]));
    window.explain_gaps(Absent::default(), vec![record(2), record(3)]);
    window.take_ready(&mut out);
    assert_eq!(out.len(), 3);
    assert!(window.is_finished());
}

#[test]
fn the_density_of_the_first_answer_replaces_the_guess() {
    let mut window = window(false);
    let request = window.requests()[0];
    let mut previous = 0;
    for sequence in [10, 20, 30] {
        let reply = Reply::Message { record: record(sequence), previous: Some(previous), pending: None, size: 300 };
        window.accept(request.token, reply).unwrap();
        previous = sequence;
    }
    window.accept(request.token, Reply::End { pending: 97, last: 30 }).unwrap();
    // A tenth of 970 sequences; the density is a fraction of two.
    assert!((96..=97).contains(&(window.bytes_left() / SIZE)), "{}", window.bytes_left());
}

#[test]
fn a_batch_without_its_messages_is_asked_for_again_three_times() {
    let mut window = window(false);
    for attempt in 0..=MAX_RETRIES {
        let request = window.requests()[0];
        let outcome = window.accept(request.token, Reply::End { pending: 5, last: 0 });
        assert_eq!(outcome.is_err(), attempt == MAX_RETRIES, "{attempt}");
    }
    assert_eq!(window.retries(), u64::from(MAX_RETRIES) + 1);
}

#[test]
fn what_follows_a_loss_is_asked_for_alone() {
    let mut window = window(false);
    let request = window.requests()[0];
    window.accept(request.token, message(1, 999)).unwrap();
    let behind = Reply::Message { record: record(3), previous: Some(2), pending: Some(997), size: 300 };
    window.accept(request.token, behind).unwrap();
    let again = window.requests()[0];
    assert_eq!((again.from, again.batch), (2, 1));
}

#[test]
fn a_read_begins_with_few_requests() {
    assert_eq!(window(false).requests().len(), 1);
    assert_eq!(window(true).requests().len(), 2);
    assert_eq!(Window::new(RANGE, Some(1), 1.0, true).requests().len(), 1);
}
