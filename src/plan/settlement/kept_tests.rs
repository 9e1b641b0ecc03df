//! The messages that a process keeps, and the time until the server takes them back: one test for each case that the random histories cannot check.

use std::time::Duration;

use super::*;

const ACK_WAIT: Duration = Duration::from_secs(8);

fn message(sequence: u64, last: bool) -> Given {
    Given { sequence, delivered: 1, last, ..Given::default() }
}

/// A settlement whose statement was given these messages, the last time that the server delivers them, and read to the end.
fn given(now: Instant, sequences: &[u64]) -> Settlement {
    let mut settlement = Settlement::default();
    assert_eq!(settlement.start(now), Ok(0));
    for sequence in sequences {
        assert!(settlement.give(message(*sequence, true), now + ACK_WAIT));
    }
    settlement.end();
    settlement.stop();
    settlement
}

/// The same, with all of them returned by the caller, so that the process keeps them.
fn kept(now: Instant, sequences: &[u64]) -> Settlement {
    let mut settlement = given(now, sequences);
    let all: HashSet<u64> = sequences.iter().copied().collect();
    let decided = settlement.return_these(&all, None).unwrap();
    assert_eq!((decided.messages.len(), decided.kept), (0, sequences.to_vec()));
    settlement.confirm([]);
    settlement
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn heard_of(settlement: &mut Settlement, now: Instant) -> Vec<u64> {
    settlement.keep_alive(now, ACK_WAIT).iter().map(|message| message.sequence).collect()
}

#[test]
fn kept_messages_are_taken_back_when_the_server_heard_nothing_for_ack_wait() {
    let now = Instant::now();
    let mut settlement = kept(now, &[3, 4]);
    assert_eq!(heard_of(&mut settlement, now), [3, 4]);
    // Long before that time they are not.
    assert_eq!(settlement.start(now + seconds(3.0)), Ok(0));
    settlement.stop();
    assert_eq!(settlement.in_hand(), (2, Some(3)));
    assert_eq!(settlement.start(now + ACK_WAIT), Ok(2));
    assert_eq!(settlement.in_hand(), (0, None));
    assert!(settlement.next_kept(usize::MAX, now + ACK_WAIT).is_empty());
}

#[test]
fn the_server_hears_of_kept_messages_each_quarter_of_ack_wait() {
    let now = Instant::now();
    let mut settlement = kept(now, &[3]);
    assert_eq!(heard_of(&mut settlement, now), [3]);
    assert!(heard_of(&mut settlement, now + seconds(1.9)).is_empty());
    assert_eq!(heard_of(&mut settlement, now + seconds(2.0)), [3]);
    assert!(heard_of(&mut settlement, now + seconds(3.9)).is_empty());
}

#[test]
fn the_server_hears_at_once_of_messages_that_are_kept_newly() {
    let now = Instant::now();
    let heard = |settlement: &mut Settlement| heard_of(settlement, now).len();
    // The messages go back without being given.
    let mut settlement = kept(now, &[3]);
    assert_eq!(heard(&mut settlement), 1);
    assert_eq!(settlement.hand_back(vec![message(5, true), message(6, false)]), [message(6, false)]);
    assert_eq!(heard(&mut settlement), 2);
    assert_eq!(heard(&mut settlement), 0);
    // Returned by the caller, and returned because they failed.
    let later = [message(7, true), message(8, true)];
    for returned in [true, false] {
        let mut settlement = kept(now, &[3]);
        assert_eq!(heard(&mut settlement), 1);
        assert_eq!(settlement.start(now), Ok(0));
        later.iter().for_each(|given| assert!(settlement.give(given.clone(), now + ACK_WAIT)));
        settlement.end();
        settlement.stop();
        let decided = match returned {
            true => settlement.return_these(&HashSet::from([7, 8]), None).unwrap(),
            false => settlement.return_all(false, &Backoff::default(), now).unwrap(),
        };
        assert_eq!((decided.messages.len(), decided.kept), (0, vec![7, 8]));
        settlement.confirm([]);
        assert_eq!(heard(&mut settlement), 3, "returned by the caller: {returned}");
    }
}

#[test]
fn what_is_given_is_in_hand_until_the_latest_time_that_the_server_named() {
    let now = Instant::now();
    let at = |after: f64| now + seconds(after);
    // A shorter time takes no message back sooner; a time for other messages does not change the time of these.
    let mut settlement = given(now, &[1, 2]);
    settlement.extend(&HashSet::from([2]), at(1.0));
    assert!(settlement.start(at(7.0)).is_err());
    settlement.extend(&HashSet::from([9]), at(20.0));
    assert_eq!(settlement.start(at(8.0)), Ok(2));
    let mut settlement = given(now, &[1, 2]);
    settlement.extend(&HashSet::from([2]), at(20.0));
    assert!(settlement.start(at(19.0)).is_err());
    assert_eq!(settlement.start(at(20.0)), Ok(2));
}

#[test]
fn a_later_delivery_keeps_all_that_was_given_in_hand() {
    let now = Instant::now();
    let mut settlement = Settlement::default();
    assert_eq!(settlement.start(now), Ok(0));
    assert!(settlement.give(message(1, false), now + seconds(8.0)));
    assert!(settlement.give(message(2, false), now + seconds(12.0)));
    settlement.stop();
    assert!(settlement.start(now + seconds(9.0)).is_err());
    assert_eq!(settlement.start(now + seconds(12.0)), Ok(2));
}

#[test]
fn an_acknowledgement_goes_to_the_newest_delivery() {
    let now = Instant::now();
    let mut settlement = Settlement::default();
    assert_eq!(settlement.start(now), Ok(0));
    let again = Given { delivered: 2, ..message(1, false) };
    assert!(settlement.give(message(1, false), now));
    assert!(settlement.give(message(2, false), now));
    assert!(!settlement.give(again.clone(), now));
    settlement.end();
    settlement.stop();
    assert_eq!(settlement.acknowledge(None).unwrap().messages, [again, message(2, false)]);
}

#[test]
fn a_decision_that_is_undone_or_not_confirmed_changes_no_order() {
    let now = Instant::now();
    let sequences = |settlement: &Settlement| -> Vec<u64> {
        settlement.unsettled(0, usize::MAX).iter().map(|message| message.sequence).collect()
    };
    let mut settlement = given(now, &[5, 1, 4]);
    assert_eq!(settlement.acknowledge_these(&HashSet::from([5, 1])).unwrap().messages.len(), 2);
    settlement.undo();
    assert_eq!(sequences(&settlement), [5, 1, 4]);
    assert_eq!(settlement.end_these(&HashSet::from([5])).unwrap().messages.len(), 1);
    assert_eq!(settlement.confirm([]).unconfirmed, 1);
    assert_eq!(sequences(&settlement), [5, 1, 4]);
}

#[test]
fn a_consumer_that_is_gone_takes_along_what_is_kept() {
    let now = Instant::now();
    let mut settlement = kept(now, &[3, 4]);
    settlement.forget();
    assert_eq!(settlement.in_hand(), (0, None));
}

#[test]
fn only_a_statement_that_was_cut_short_needs_a_sequence() {
    let now = Instant::now();
    let mut whole = given(now, &[1]);
    assert_eq!(whole.acknowledge(None).unwrap().messages.len(), 1);
    let mut cut = Settlement::default();
    assert_eq!(cut.start(now), Ok(0));
    assert!(cut.give(message(1, false), now));
    cut.stop();
    assert!(cut.acknowledge(None).is_err());
    assert_eq!(cut.acknowledge(Some(1)).unwrap().messages.len(), 1);
    cut.confirm([true]);
    // No message is left unsettled.
    assert_eq!(cut.acknowledge(None).unwrap().messages, []);
}

#[test]
fn outcomes_are_those_of_the_statement_that_reads() {
    let now = Instant::now();
    let row = |sequence| [(sequence, Outcome::Row, std::iter::once(Some("key")).collect())];
    let mut settlement = given(now, &[1, 2]);
    settlement.note(row(2));
    settlement.acknowledge(None).unwrap();
    settlement.confirm([true, true]);
    assert_eq!(settlement.start(now), Ok(0));
    assert!(settlement.give(message(3, false), now));
    settlement.note(row(3));
    assert_eq!(settlement.unsettled(0, usize::MAX)[0].outcome, Some(Outcome::Row));
}

#[test]
fn a_batch_of_the_server_that_fails_first_goes_back_whatever_was_read_before() {
    let now = Instant::now();
    let mut settlement = kept(now, &[3]);
    assert_eq!(settlement.start(now), Ok(0));
    assert_eq!(settlement.next_kept(usize::MAX, now), [message(3, true)]);
    assert!(settlement.give(message(3, true), now + ACK_WAIT));
    settlement.end();
    settlement.stop();
    // Nobody settles it, and the server takes it back.
    let later = now + ACK_WAIT;
    assert_eq!(settlement.start(later), Ok(1));
    [message(8, false), message(9, false)].into_iter().for_each(|given| assert!(settlement.give(given, later)));
    settlement.end();
    settlement.stop();
    let decided = settlement.return_all(true, &Backoff::default(), later).unwrap();
    assert_eq!((decided.decision, decided.messages.len(), decided.kept), (Decision::Return, 2, vec![]));
}

/// Halves of 1 to 4, which failed together, and behind them a group each of 9 and of 10.
fn halves(now: Instant) -> Settlement {
    let mut settlement = given(now, &[1, 2, 3, 4]);
    let decided = settlement.return_all(false, &Backoff::default(), now).unwrap();
    assert_eq!(decided.kept, [1, 2, 3, 4]);
    settlement.confirm([]);
    [9, 10].into_iter().for_each(|sequence| assert_eq!(settlement.hand_back(vec![message(sequence, true)]), []));
    settlement
}

/// A statement is given the next group; all of it but the messages that are not in the stream any more.
fn read(settlement: &mut Settlement, now: Instant, gone: bool) -> Vec<u64> {
    assert_eq!(settlement.start(now), Ok(0));
    let group = settlement.next_kept(usize::MAX, now);
    for given in &group {
        match gone {
            true => settlement.is_gone(given.sequence),
            false => assert!(settlement.give(given.clone(), now + ACK_WAIT)),
        }
    }
    settlement.end();
    settlement.stop();
    group.iter().map(|given| given.sequence).collect()
}

fn written(settlement: &mut Settlement, now: Instant) -> Vec<u64> {
    let read = read(settlement, now, false);
    settlement.acknowledge(None).unwrap();
    settlement.confirm(read.iter().map(|_| true));
    read
}

#[test]
fn a_half_that_was_not_written_says_nothing_about_the_other() {
    let now = Instant::now();
    // Its messages were ended by the caller, or are gone.
    for gone in [false, true] {
        let mut settlement = halves(now);
        assert_eq!(read(&mut settlement, now, gone), [1, 2]);
        match gone {
            true => settlement.acknowledge(None).unwrap(),
            false => settlement.end_these(&HashSet::from([1, 2])).unwrap(),
        };
        settlement.confirm([true, true]);
        assert_eq!(written(&mut settlement, now), [3, 4]);
        assert_eq!(written(&mut settlement, now), [9], "gone: {gone}");
    }
    let mut settlement = halves(now);
    assert_eq!([written(&mut settlement, now), written(&mut settlement, now)], [[1, 2], [3, 4]]);
    assert_eq!(written(&mut settlement, now), [9, 10], "both were written");
}

#[test]
fn what_a_statement_was_not_given_of_a_group_is_kept() {
    let now = Instant::now();
    let mut settlement = kept(now, &[3, 4]);
    assert_eq!(settlement.start(now), Ok(0));
    let group = settlement.next_kept(usize::MAX, now);
    assert!(settlement.give(group[0].clone(), now + ACK_WAIT));
    settlement.stop();
    assert_eq!(settlement.acknowledge(Some(3)).unwrap().messages.len(), 1);
    settlement.confirm([true]);
    assert_eq!(settlement.in_hand(), (1, Some(4)));
    assert_eq!(read(&mut settlement, now, false), [4]);
}
