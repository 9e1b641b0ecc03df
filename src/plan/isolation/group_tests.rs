//! The state of the other groups when one is written or fails, step by step.

use super::*;

fn message(sequence: u64, delivered: u64) -> Given {
    Given { sequence, delivered, ..Given::default() }
}

fn messages(sequences: &[u64]) -> Vec<Given> {
    sequences.iter().map(|sequence| message(*sequence, 2)).collect()
}

fn sequences(messages: &[Given]) -> Vec<u64> {
    messages.iter().map(|message| message.sequence).collect()
}

/// A statement reads the next group, at most `most` of it, and is given all of that.
fn read(isolation: &mut Isolation, most: usize, now: Instant) -> Vec<u64> {
    isolation.start();
    let read = sequences(&isolation.next(most, now));
    read.iter().for_each(|sequence| isolation.given(*sequence));
    isolation.stop();
    read
}

/// As [`read`] of a whole group, which is then written.
fn write(isolation: &mut Isolation, now: Instant) -> Vec<u64> {
    let read = read(isolation, usize::MAX, now);
    isolation.succeeded();
    read
}

/// Two halves, 1 and 2, 3 and 4, and behind them a group each of 9 and of 10.
fn halves(now: Instant) -> Isolation {
    let mut isolation = Isolation::default();
    let failed = isolation.failed(messages(&[1, 2, 3, 4]), false, &Backoff::default(), now);
    assert_eq!((failed.to_server, failed.culprit, failed.kept), (vec![], None, vec![1, 2, 3, 4]));
    isolation.keep(messages(&[9]));
    isolation.keep(messages(&[10]));
    isolation
}

#[test]
fn when_both_halves_are_written_the_rest_is_one_group() {
    let now = Instant::now();
    let mut isolation = halves(now);
    assert_eq!(write(&mut isolation, now), [1, 2]);
    assert_eq!(write(&mut isolation, now), [3, 4]);
    assert_eq!(write(&mut isolation, now), [9, 10]);
}

#[test]
fn what_failed_alone_still_waits_when_both_halves_are_written() {
    let now = Instant::now();
    let mut isolation = halves(now);
    assert_eq!(isolation.failed(vec![message(7, 2)], false, &Backoff::default(), now).kept, [7]);
    assert_eq!(write(&mut isolation, now), [1, 2]);
    assert_eq!(write(&mut isolation, now), [3, 4]);
    assert_eq!(write(&mut isolation, now), [9, 10]);
    assert_eq!(write(&mut isolation, now), [0; 0]);
    assert_eq!(write(&mut isolation, now + MAX_DELAY), [7]);
}

#[test]
fn a_part_of_a_half_says_nothing_about_the_other_half() {
    let now = Instant::now();
    let mut isolation = halves(now);
    assert_eq!(read(&mut isolation, 1, now), [1]);
    isolation.succeeded();
    assert_eq!(write(&mut isolation, now), [2]);
    assert_eq!(write(&mut isolation, now), [3, 4]);
    assert_eq!(write(&mut isolation, now), [9]);
}

#[test]
fn groups_that_are_no_halves_say_nothing_about_each_other() {
    let now = Instant::now();
    let mut isolation = Isolation::default();
    (9..=12).for_each(|sequence| isolation.keep(messages(&[sequence])));
    (9..=12).for_each(|sequence| assert_eq!(write(&mut isolation, now), [sequence]));
}

#[test]
fn who_fails_alone_waits_twice_as_long_each_time_up_to_a_minute() {
    let now = Instant::now();
    for (delivered, seconds) in [(1, 2), (2, 4), (5, 32), (6, 60), (400, 60)] {
        let mut isolation = Isolation::default();
        isolation.keep(vec![message(1, delivered)]);
        assert_eq!(read(&mut isolation, usize::MAX, now), [1]);
        assert_eq!(isolation.failed(vec![message(1, delivered)], false, &Backoff::default(), now).kept, [1]);
        assert_eq!(isolation.next_at(now), Some(now + Duration::from_secs(seconds)), "delivered {delivered} times");
    }
}
