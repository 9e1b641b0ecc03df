//! Random histories of statements, callers and a server, against a model that knows everything.

use std::time::Duration;

use super::*;
use crate::testing::Numbers;

/// The number of random histories.
const HISTORIES: u64 = 1_000_000;

/// The factor by which there are more histories with `NATS_JS_SOAK` set.
fn histories() -> u64 {
    let rounds = std::env::var("NATS_JS_SOAK").ok().and_then(|rounds| rounds.parse().ok());
    HISTORIES * rounds.unwrap_or(1_u64).max(1)
}

const STEPS: u64 = 10;
/// Sequences run from 0 to here; a mask of bits holds a set of them.
const SEQUENCES: u64 = 6;
const MAX_DELIVER: u8 = 3;
const ACK_WAIT: u64 = 5;

/// The true state, which no participant knows in full.
#[derive(Default)]
struct World {
    now: u64,
    /// The number of deliveries of each message.
    delivered: [u8; SEQUENCES as usize],
    /// The messages for which the server waits, each until its time.
    out: [u64; SEQUENCES as usize],
    acknowledged: u8,
    /// The rows of the statement that runs or ran last, and whether it is over.
    written: u8,
    committed: u8,
    /// The messages that the settlement was given, in order, and those that it keeps to read them by themselves.
    given: Vec<u64>,
    kept: u8,
    ended: u8,
    by_itself: bool,
    running: bool,
    whole: bool,
}

fn bit(sequence: u64) -> u8 {
    1 << sequence
}

struct History {
    world: World,
    settlement: Settlement,
    start: Instant,
}

impl History {
    fn new(start: Instant) -> Self {
        Self { world: World::default(), settlement: Settlement::default(), start }
    }

    fn at(&self, time: u64) -> Instant {
        self.start + Duration::from_secs(time)
    }

    fn step(&mut self, numbers: &mut Numbers) {
        // Mostly a step that makes sense now, and sometimes one that does not.
        let running = self.world.running != (numbers.below(16) == 0);
        match numbers.below(10) {
            0..=4 if running => self.give(numbers.below(SEQUENCES)),
            5 | 6 if running => self.end(numbers.below(4)),
            7 if running => self.fail(),
            0..=2 => self.begin(),
            3 => self.world.now += numbers.below(4),
            // The caller commits or rolls back, and then does what goes with it.
            5 => self.by_evidence(numbers),
            7 => self.roll_back(numbers),
            8 => self.one_by_one(numbers),
            9 => self.longer(numbers),
            _ => self.commit(numbers),
        }
        let pending: Vec<u64> = self.settlement.given.iter().map(|entry| entry.given.sequence).collect();
        assert_eq!(pending, self.world.given, "what is given, in order");
        assert!(self.settlement.decided.is_none());
        let kept = self.settlement.isolation.messages().fold(0, |kept, message| kept | bit(message.sequence));
        assert_eq!(kept, self.world.kept, "what is kept");
        self.settlement.keep_alive(self.at(self.world.now), Duration::from_secs(ACK_WAIT));
        let until = self.world.now + ACK_WAIT;
        (0..SEQUENCES)
            .filter(|sequence| kept & bit(*sequence) != 0)
            .for_each(|kept| self.world.out[kept as usize] = until);
    }

    fn begin(&mut self) {
        let started = self.settlement.start(self.at(self.world.now));
        let world = &mut self.world;
        let latest = world.given.iter().map(|sequence| world.out[*sequence as usize]).max();
        let free = latest.is_none_or(|until| until <= world.now);
        assert_eq!(started.is_ok(), !world.running && free, "{started:?}");
        if let Ok(taken_back) = started {
            assert_eq!(taken_back, world.given.len() as u64);
            world.given.clear();
            (world.written, world.running, world.whole) = (0, true, false);
            let group = self.settlement.next_kept(usize::MAX, self.at(self.world.now));
            self.world.by_itself = !group.is_empty();
            for given in group {
                assert_ne!(self.world.kept & bit(given.sequence), 0);
                self.world.kept &= !bit(given.sequence);
                self.hand(given);
            }
        }
    }

    /// The statement is given a message.
    fn hand(&mut self, given: Given) {
        let (sequence, until) = (given.sequence, self.world.now + ACK_WAIT);
        // All given messages share one clock: earlier messages are taken back with this one.
        self.world.given.iter().for_each(|given| self.world.out[*given as usize] = until);
        self.world.out[sequence as usize] = until;
        let new = self.settlement.give(given, self.at(until));
        assert_eq!(new, self.world.written & bit(sequence) == 0, "a statement is given a message once");
        assert!(self.settlement.gave(sequence));
        if new {
            self.world.written |= bit(sequence);
            self.world.given.push(sequence);
        }
    }

    /// The server delivers what is not acknowledged, not on its way and not given up.
    fn give(&mut self, sequence: u64) {
        let world = &mut self.world;
        let index = sequence as usize;
        let held = world.out[index] > world.now && !world.given.contains(&sequence);
        if !world.running || world.acknowledged & bit(sequence) != 0 || held || world.delivered[index] >= MAX_DELIVER {
            return;
        }
        world.delivered[index] += 1;
        let delivered = world.delivered[index];
        self.hand(Given { sequence, delivered: delivered.into(), last: delivered == MAX_DELIVER, ..Given::default() });
    }

    fn end(&mut self, how: u64) {
        if !self.world.running {
            return;
        }
        if how > 0 {
            self.settlement.end();
        }
        self.settlement.stop();
        (self.world.running, self.world.whole) = (false, how > 0);
    }

    /// A statement fails by an error of the extension: all messages go back.
    fn fail(&mut self) {
        if self.world.running {
            let back = self.settlement.fail(self.at(self.world.now));
            self.back_to_server(&back);
            self.world.kept |= self.world.given.drain(..).map(bit).sum::<u8>();
            self.end(0);
        }
    }

    /// The server may deliver these again, which it does `MAX_DELIVER` times.
    fn back_to_server(&mut self, messages: &[Given]) {
        for message in messages {
            assert!(!message.last, "given up by a return");
            self.world.out[message.sequence as usize] = 0;
            self.world.given.retain(|sequence| *sequence != message.sequence);
        }
    }

    fn commit(&mut self, numbers: &mut Numbers) {
        let world = &mut self.world;
        if !world.running && world.whole {
            world.committed |= world.written;
        }
        let up_to = (numbers.below(2) == 0).then(|| numbers.below(SEQUENCES));
        let (running, whole) = (world.running, world.whole);
        match self.settlement.acknowledge(up_to) {
            Err(_) => assert!(running || (!whole && up_to.is_none() && !self.world.given.is_empty())),
            Ok(decided) => {
                let told = &decided.messages;
                assert!(!running);
                if let Some(limit) = up_to {
                    assert!(told.iter().all(|given| given.sequence <= limit));
                }
                if !whole {
                    // The statement was cut short: the caller gives the sequence up to which it wrote, and the rows that came first were written.
                    let first = self.world.given.iter().zip(told).all(|(given, told)| *given == told.sequence);
                    assert!(first);
                    told.iter().for_each(|given| self.world.committed |= bit(given.sequence));
                } else if let Some(limit) = up_to {
                    assert_eq!(told.len(), self.world.given.iter().filter(|given| **given <= limit).count());
                } else {
                    assert_eq!(told.len(), self.world.given.len());
                }
                self.confirm(&decided, numbers);
            }
        }
    }

    /// Some rows of the statement are in the table, whatever its outcome, and exactly those are acknowledged.
    fn by_evidence(&mut self, numbers: &mut Numbers) {
        if !self.world.running {
            self.world.committed |= self.world.written & numbers.below(1 << SEQUENCES) as u8;
        }
        let committed = self.world.committed;
        let held: HashSet<u64> = (0..SEQUENCES).filter(|sequence| committed & bit(*sequence) != 0).collect();
        match self.settlement.acknowledge_these(&held) {
            Err(_) => assert!(self.world.running),
            Ok(decided) => {
                let told_sequences: Vec<u64> = decided.messages.iter().map(|given| given.sequence).collect();
                let expected: Vec<u64> =
                    self.world.given.iter().copied().filter(|given| held.contains(given)).collect();
                assert_eq!(told_sequences, expected);
                self.confirm(&decided, numbers);
            }
        }
    }

    fn roll_back(&mut self, numbers: &mut Numbers) {
        let bury = numbers.below(2) == 0;
        match self.settlement.return_all(bury, &Backoff::default(), self.at(self.world.now)) {
            Err(_) => assert!(self.world.running),
            Ok(decided) => {
                assert_eq!(decided.messages.len() + decided.kept.len(), self.world.given.len());
                assert!(decided.decision != Decision::End || bury && decided.messages.len() == 1);
                self.world.given.retain(|sequence| !decided.kept.contains(sequence));
                self.world.kept |= decided.kept.iter().copied().map(bit).sum::<u8>();
                self.confirm(&decided, numbers);
            }
        }
    }

    /// Some of the given messages are returned, or ended.
    fn one_by_one(&mut self, numbers: &mut Numbers) {
        let (chosen, end) = (numbers.below(1 << SEQUENCES) as u8, numbers.below(4) == 0);
        let sequences: HashSet<u64> = (0..SEQUENCES).filter(|sequence| chosen & bit(*sequence) != 0).collect();
        let decided =
            if end { self.settlement.end_these(&sequences) } else { self.settlement.return_these(&sequences, None) };
        let Ok(decided) = decided else { return assert!(self.world.running) };
        let expected = self.world.given.iter().filter(|given| sequences.contains(given)).count();
        assert_eq!(decided.messages.len() + decided.kept.len(), expected);
        assert!(!end || decided.kept.is_empty());
        self.world.given.retain(|sequence| !decided.kept.contains(sequence));
        self.world.kept |= decided.kept.iter().copied().map(bit).sum::<u8>();
        self.confirm(&decided, numbers);
    }

    /// Some messages are reported to the server as in progress.
    fn longer(&mut self, numbers: &mut Numbers) {
        let chosen = numbers.below(1 << SEQUENCES) as u8;
        let sequences: HashSet<u64> = (0..SEQUENCES).filter(|sequence| chosen & bit(*sequence) != 0).collect();
        let until = self.world.now + ACK_WAIT;
        let chosen = self.settlement.given(&sequences);
        assert!(chosen.iter().all(|given| self.world.given.contains(&given.sequence)));
        if !chosen.is_empty() {
            // All given messages share one clock.
            self.world.given.iter().for_each(|given| self.world.out[*given as usize] = until);
        }
        self.settlement.extend(&sequences, self.at(until));
        // The kept messages are reported by themselves.
        let (count, lowest) = self.settlement.in_hand();
        assert_eq!(count, self.world.given.len() as u64 + u64::from(self.world.kept.count_ones()));
        assert!(lowest.is_none_or(|lowest| self.world.given.iter().all(|given| *given >= lowest)));
    }

    /// The server confirms some messages, or the decision is not sent, or the consumer is gone. Meanwhile no statement reads or settles.
    fn confirm(&mut self, decided: &Decided, numbers: &mut Numbers) {
        let later = self.at(self.world.now + 1_000);
        assert!(self.settlement.start(later).is_err());
        assert!(self.settlement.return_all(false, &Backoff::default(), later).is_err());
        assert!(self.settlement.acknowledge(None).is_err());
        let told = &decided.messages;
        match numbers.below(8) {
            0 => return self.settlement.undo(),
            1 => {
                self.settlement.forget();
                self.world.kept = 0;
                return self.world.given.retain(|sequence| told.iter().all(|given| given.sequence != *sequence));
            }
            _ => {}
        }
        let heard = numbers.below(1 << SEQUENCES) | numbers.below(1 << SEQUENCES);
        let confirmed: Vec<bool> = (0..told.len()).map(|position| heard >> position & 1 == 1).collect();
        let outcome = self.settlement.confirm(confirmed.iter().copied());
        for (given, _) in told.iter().zip(&confirmed).filter(|(_, confirmed)| **confirmed) {
            self.world.given.retain(|sequence| *sequence != given.sequence);
            match decided.decision {
                Decision::Acknowledge => {
                    let committed = self.world.committed & bit(given.sequence);
                    assert_ne!(committed, 0, "an acknowledgement of what is not in the table");
                    self.world.acknowledged |= bit(given.sequence);
                }
                Decision::Return => self.back_to_server(std::slice::from_ref(given)),
                Decision::End => self.world.ended |= bit(given.sequence),
            }
        }
        let count = confirmed.iter().filter(|confirmed| **confirmed).count();
        assert_eq!((outcome.sequences.len(), outcome.unconfirmed), (count, told.len() - count));
        assert_eq!(outcome.still_pending, self.world.given.len() as u64);
    }
}

#[test]
fn in_every_history_what_is_acknowledged_is_in_the_table() {
    let start = Instant::now();
    let mut numbers = Numbers(13);
    let (mut acknowledged, mut pending, mut kept) = (0_u64, 0_u64, 0_u64);
    for _ in 0..histories() {
        let mut history = History::new(start);
        for _ in 0..STEPS {
            history.step(&mut numbers);
        }
        acknowledged += u64::from(history.world.acknowledged.count_ones());
        pending += history.world.given.len() as u64;
        kept += u64::from(history.world.kept.count_ones() + history.world.ended.count_ones());
    }
    // The histories met every case.
    let few = histories() / 20;
    assert!(acknowledged > few && pending > few && kept > few, "{acknowledged} {pending} {kept}");
}

#[test]
fn what_is_not_confirmed_keeps_its_place() {
    let now = Instant::now();
    let mut settlement = Settlement::default();
    assert_eq!(settlement.start(now), Ok(0));
    for sequence in [5, 1, 4] {
        assert!(settlement.give(Given { sequence, ..Given::default() }, now));
    }
    settlement.end();
    let decided = settlement.acknowledge(Some(4)).unwrap();
    assert_eq!(decided.messages.iter().map(|given| given.sequence).collect::<Vec<_>>(), [1, 4]);
    assert_eq!(settlement.confirm([false]).unconfirmed, 2);
    assert_eq!(shown(&settlement).iter().map(|(sequence, ..)| *sequence).collect::<Vec<_>>(), [5, 1, 4]);
}

fn keys(list: &[Option<&str>]) -> RowKeys {
    list.iter().copied().collect()
}

/// The unsettled messages: sequence, correlation key, outcome.
fn shown(settlement: &Settlement) -> Vec<(u64, Option<String>, Option<Outcome>)> {
    settlement
        .unsettled(0, usize::MAX)
        .into_iter()
        .map(|message| (message.sequence, message.correlation_key, message.outcome))
        .collect()
}

#[test]
fn the_evidence_of_a_repeat_is_the_row_that_it_repeats() {
    let now = Instant::now();
    let mut settlement = Settlement::default();
    assert_eq!(settlement.start(now), Ok(0));
    for sequence in 1..=4 {
        settlement.give(Given { sequence, ..Given::default() }, now);
    }
    // Noted in two pages; the message of the last outcome was not given.
    let repeats = Outcome::Repeats(1);
    settlement.note([(1, Outcome::Row, keys(&[Some("a"), Some("x")])), (2, repeats, keys(&[Some("b"), Some("x")]))]);
    settlement.note([(3, Outcome::DeadLetter, keys(&[])), (9, Outcome::Row, keys(&[Some("z")]))]);
    settlement.stop();
    let a = || Some("a".to_owned());
    let rest = [(2, a(), Some(repeats)), (3, None, Some(Outcome::DeadLetter)), (4, None, None)];
    assert_eq!(shown(&settlement), [&[(1, a(), Some(Outcome::Row))], &rest[..]].concat());
    assert_eq!(settlement.unsettled(0, usize::MAX)[1].keys, [Some("x".to_owned())]);
    // The row is settled before its repeat, and its key still stands for the repeat.
    assert_eq!(settlement.acknowledge_these(&HashSet::from([1])).unwrap().messages.len(), 1);
    assert_eq!(settlement.confirm([true]).sequences, [1]);
    assert_eq!(shown(&settlement), rest);
}
