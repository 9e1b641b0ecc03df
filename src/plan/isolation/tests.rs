//! A follower, a table that refuses some messages, and a server that counts its deliveries.

use std::collections::BTreeSet;

use super::*;
use crate::plan::settlement::{Decision, Settlement};
use crate::testing::Numbers;

const ACK_WAIT: Duration = Duration::from_secs(30);

struct Follower {
    settlement: Settlement,
    now: Instant,
    /// The messages that the server delivers next, in its order, each with the number of its deliveries.
    queue: VecDeque<(u64, u64)>,
    max_deliver: u64,
    poison: BTreeSet<u64>,
    /// Nothing can be written until this step, as on a disk that is full.
    outage: std::ops::Range<usize>,
    table: BTreeSet<u64>,
    letters: BTreeSet<u64>,
    /// The size of each batch, and whether it was written.
    batches: Vec<(usize, bool)>,
}

impl Follower {
    fn new(count: u64, max_deliver: u64, poison: BTreeSet<u64>) -> Self {
        Self {
            settlement: Settlement::default(),
            now: Instant::now(),
            queue: (1..=count).map(|sequence| (sequence, 0)).collect(),
            max_deliver,
            poison,
            outage: 0..0,
            table: BTreeSet::new(),
            letters: BTreeSet::new(),
            batches: Vec::new(),
        }
    }

    /// One statement, and what the caller does after it: acknowledge, or return with a reason when the rows are at fault.
    fn step(&mut self, batch: usize) {
        self.now += Duration::from_millis(700);
        self.settlement.start(self.now).unwrap();
        let mut given = self.settlement.next_kept(batch, self.now);
        if given.is_empty() {
            let from_server: Vec<(u64, u64)> = self.queue.drain(..self.queue.len().min(batch)).collect();
            given.extend(from_server.into_iter().map(|(sequence, delivered)| {
                assert!(delivered < self.max_deliver, "{sequence} is given up");
                let (delivered, last) = (delivered + 1, delivered + 1 == self.max_deliver);
                Given { sequence, delivered, last, ..Given::default() }
            }));
        }
        for message in &given {
            assert!(self.settlement.give(message.clone(), self.now + ACK_WAIT));
        }
        self.settlement.end();
        self.settlement.stop();
        let sequences: Vec<u64> = given.iter().map(|message| message.sequence).collect();
        let out = self.outage.contains(&self.batches.len());
        let written = !out && sequences.iter().all(|sequence| !self.poison.contains(sequence));
        self.batches.push((sequences.len(), written));
        if written {
            self.table.extend(&sequences);
            let decided = self.settlement.acknowledge(None).unwrap();
            self.settlement.confirm(decided.messages.iter().map(|_| true));
        } else {
            let decided = self.settlement.return_all(!out, &Backoff::default(), self.now).unwrap();
            match decided.decision {
                Decision::End => self.letters.extend(decided.messages.iter().map(|message| message.sequence)),
                _ => self.queue.extend(decided.messages.iter().map(|message| (message.sequence, message.delivered))),
            }
            self.settlement.confirm(decided.messages.iter().map(|_| true));
        }
        self.settlement.keep_alive(self.now, ACK_WAIT);
    }

    fn is_done(&self) -> bool {
        self.queue.is_empty() && self.settlement.next_kept_at(self.now).is_none()
    }
}

#[test]
fn the_culprits_alone_become_dead_letters() {
    let mut numbers = Numbers(7);
    for round in 0..3_000 {
        let count = numbers.below(60) + 1;
        let share = [0, 1, 5, 50, 100][numbers.below(5) as usize];
        let poison: BTreeSet<u64> = (1..=count).filter(|_| numbers.below(100) < share).collect();
        let max_deliver = [1, 2, 3, 1_000][numbers.below(4) as usize];
        let batch = numbers.below(20) as usize + 1;
        let mut follower = Follower::new(count, max_deliver, poison.clone());
        let start = numbers.below(20) as usize;
        follower.outage = start..start + numbers.below(30) as usize;
        let mut steps = 0;
        while !follower.is_done() {
            steps += 1;
            assert!(steps < 5_000, "round {round} has no end");
            follower.step(batch);
        }
        let innocent: BTreeSet<u64> = (1..=count).filter(|sequence| !poison.contains(sequence)).collect();
        assert_eq!(follower.table, innocent, "round {round}");
        assert_eq!(follower.letters, poison, "round {round}");
    }
}

#[test]
fn one_culprit_is_found_by_halves_and_the_rest_goes_on_at_full_size() {
    let mut follower = Follower::new(4_000, 3, BTreeSet::from([700]));
    while !follower.is_done() {
        follower.step(1_000);
    }
    let failed: Vec<usize> = follower.batches.iter().filter(|(_, written)| !written).map(|(size, _)| *size).collect();
    assert_eq!(failed, [1_000, 1_000, 500, 250, 125, 62, 31, 16, 8, 4, 2, 1]);
    assert_eq!(follower.batches.iter().filter(|batch| **batch == (1_000, true)).count(), 3);
    assert_eq!(follower.batches.len(), 12 + 3 + 10);
}

#[test]
fn after_an_outage_the_batches_are_full_again() {
    let mut follower = Follower::new(1_000, 3, BTreeSet::new());
    // Long enough for single messages.
    follower.outage = 0..1_500;
    while !follower.is_done() {
        follower.step(100);
    }
    assert_eq!(follower.letters, BTreeSet::new());
    assert_eq!(follower.table.len(), 1_000);
    let written: Vec<usize> = follower.batches[1_500..].iter().map(|(size, _)| *size).collect();
    assert!(written.len() < 40, "{written:?}");
}

#[test]
fn what_waits_does_not_hold_up_the_server() {
    let now = Instant::now();
    let message = |sequence| Given { sequence, delivered: 2, ..Given::default() };
    let mut isolation = Isolation::default();
    let backoff = Backoff(vec![Duration::from_secs(1), Duration::from_secs(5)]);
    assert_eq!(isolation.failed(vec![message(1)], false, &backoff, now).kept, [1]);
    assert_eq!(isolation.next(10, now), []);
    let at = isolation.next_at(now);
    assert_eq!(at, Some(now + Duration::from_secs(5)));
    assert_eq!(isolation.next(10, now + Duration::from_secs(5)), [message(1)]);
    // The message is not given, because the statement ended before. It comes once more, but not after the server delivered it again.
    isolation.stop();
    assert_eq!(isolation.next(10, now), [message(1)]);
    isolation.given(1);
    isolation.stop();
    assert_eq!((isolation.next(10, now), isolation.next_at(now), isolation.clear()), (vec![], None, 0));
}

#[test]
fn a_delay_is_that_of_the_failure() {
    let second = Duration::from_secs;
    let backoff = Backoff(vec![second(1), second(2), second(4)]);
    assert_eq!([0, 1, 2, 3, 9].map(|failures| backoff.delay(failures)), [1, 1, 2, 4, 4].map(|s| Some(second(s))));
    assert_eq!(Backoff::default().delay(1), None);
}
