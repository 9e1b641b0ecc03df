//! The window against a server that follows the rules of fast batches and whose messages may be lost, refused, or be
//! duplicates, and whose leader may change: whatever happens, the rows that the window calls stored are those that the
//! server has, in order and once.

use std::collections::VecDeque;

use super::answer::{Answer, Failure, Operation};
use super::window::{FastWindow, Message, Taken};
use crate::error::Error;

/// A message that knows which row it is.
#[derive(Debug, Clone, Copy)]
struct Row {
    number: u64,
    idempotent: bool,
}

impl Message for Row {
    fn subject(&self) -> &'static str {
        "s"
    }

    fn size(&self) -> usize {
        10
    }

    fn is_idempotent(&self) -> bool {
        self.idempotent
    }
}

/// Numbers that follow from a seed (the generator of Steele, Lea and Flood, 2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % below
    }
}

/// A batch as its server keeps it.
#[derive(Debug, Clone, Copy)]
struct Batch {
    id: u64,
    last: u64,
    spoke_at: u64,
    every: u64,
    /// Its last message was refused when it was to be stored: until another one is stored, the end has no answer.
    hangs: bool,
    /// Its end was taken.
    ended: bool,
}

/// A stream that takes fast batches.
#[derive(Default)]
struct Server {
    stored: Vec<u64>,
    batch: Option<Batch>,
    /// The row that it refuses, and whether only when it is to be stored.
    refused: u64,
    refuses_late: bool,
}

/// A message on its way: batch, position, what it does, and the row.
type Sent = (u64, u64, Operation, Option<Row>);

impl Server {
    /// What the server does with a message, and what it says about it.
    fn take(&mut self, (id, position, operation, row): Sent, every: u64) -> Vec<Answer> {
        let mut answers = Vec::new();
        let refused = self.refused;
        let Some(batch) = self.batch.as_mut().filter(|batch| batch.id == id) else {
            if operation != Operation::Start {
                let failure = Failure::UnknownBatch;
                return vec![Answer::Failed { position, stream: "S".into(), failure }];
            }
            let Some(row) = row else { return answers };
            if row.number == refused {
                let failure = Failure::Refused(Error::new("no"));
                return vec![Answer::Failed { position, stream: "S".into(), failure }];
            }
            if self.stored.contains(&row.number) {
                // A duplicate at the beginning ends the batch.
                return vec![Answer::Ended { messages: 1 }];
            }
            self.stored.push(row.number);
            self.batch = Some(Batch { id, last: 1, spoke_at: 0, every, hangs: false, ended: false });
            return vec![Answer::Stored { position: 0, every }];
        };
        if operation == Operation::Ping {
            if position > batch.last {
                answers.push(Answer::Gap);
                answers.push(Answer::Ended { messages: batch.last });
                self.batch = None;
            } else {
                answers.push(Answer::Stored { position: batch.spoke_at, every: batch.every });
            }
            return answers;
        }
        if batch.ended {
            return answers;
        }
        if position != batch.last + 1 {
            answers.push(Answer::Gap);
            answers.push(Answer::Ended { messages: batch.last });
            self.batch = None;
            return answers;
        }
        if operation == Operation::End && batch.hangs {
            batch.ended = true;
            return answers;
        }
        if operation == Operation::End {
            answers.push(Answer::Ended { messages: batch.last });
            self.batch = None;
            return answers;
        }
        let Some(row) = row else { return answers };
        if row.number == refused && self.refuses_late {
            (batch.last, batch.hangs) = (position, true);
            let failure = Failure::Refused(Error::new("no"));
            return vec![Answer::Failed { position, stream: "S".into(), failure }];
        }
        if row.number == refused {
            answers.push(Answer::Refused { position, error: Error::new("no") });
            answers.push(Answer::Ended { messages: batch.last });
            self.batch = None;
            return answers;
        }
        (batch.last, batch.hangs) = (position, false);
        if !self.stored.contains(&row.number) {
            self.stored.push(row.number);
        }
        if position >= batch.spoke_at + batch.every {
            batch.spoke_at = position;
            answers.push(Answer::Stored { position, every: batch.every });
        }
        answers
    }
}

/// Whether it is about a message that counts as one of the batch and is not stored: such a word gets lost with the connection
/// alone.
fn is_late(answer: &Answer) -> bool {
    matches!(answer, Answer::Failed { failure: Failure::Refused(_), .. })
}

/// One call from its first row to its end, under a schedule that follows from the seed; the steps that it took.
fn run(seed: u64) -> u64 {
    let mut chance = Chance(seed);
    let rows = 1 + chance.next(60);
    let idempotent = chance.next(2) == 0;
    let refused = if chance.next(3) == 0 { 1 + chance.next(rows) } else { 0 };
    let refuses_late = chance.next(2) == 0;
    let faults = chance.next(3) * 40;
    let mut window = FastWindow::new();
    let mut server = Server { refused, refuses_late, ..Server::default() };
    let (mut out, mut back) = (VecDeque::<Sent>::new(), VecDeque::<(u64, Answer)>::new());
    let (mut pushed, mut id, mut steps, mut lost, mut silent) = (0, 0, 0, false, 0);
    while !lost {
        steps += 1;
        assert!(steps < 100_000, "seed {seed}: no end");
        let faults = if steps < 2_000 { faults } else { 0 };
        if pushed < rows && chance.next(3) == 0 {
            pushed += 1;
            window.push(Row { number: pushed, idempotent });
        }
        while let Some(next) = window.next() {
            let operation = if next.position == 1 { Operation::Start } else { Operation::Append };
            id += u64::from(next.position == 1);
            out.push_back((id, next.position, operation, window.message(next.index).copied()));
        }
        let is_whole = pushed == rows && window.is_sent();
        if window.is_open() && (is_whole || window.refused().is_some()) {
            out.push_back((id, window.end(), Operation::End, None));
        }
        if window.is_idle() && (window.refused().is_some() || is_whole) {
            break;
        }
        // A message is lost on its way, or the batch is forgotten: by a pause, or with the leader.
        if let Some(sent) = out.pop_front() {
            if chance.next(1_000) >= faults {
                let every = 1 + chance.next(5);
                back.extend(server.take(sent, every).into_iter().map(|answer| (sent.0, answer)));
            }
        } else if back.is_empty() && !window.is_idle() {
            // Silence: the server is asked, and at last given up.
            silent += 1;
            lost = silent > 50;
            let again = if window.is_ending() {
                (id, window.end(), Operation::End, None)
            } else {
                (id, window.position(), Operation::Ping, None)
            };
            out.push_back(again);
        }
        if chance.next(1_000) < faults / 8 {
            server.batch = None;
        }
        // The connection is lost, and with it what is on its way.
        if chance.next(1_000) < faults / 8 && !window.is_idle() {
            out.clear();
            back.clear();
            lost = window.lose() == Taken::Lost;
            continue;
        }
        if chance.next(2) == 0
            && let Some((of, answer)) = back.pop_front()
            && of == id
            && !window.is_idle()
            && (is_late(&answer) || chance.next(1_000) >= faults)
        {
            let taken = window.take(answer, "S");
            lost = taken == Taken::Lost;
            silent = if taken == Taken::Progress { 0 } else { silent };
        }
    }
    let expected: Vec<u64> = (1..=rows).filter(|row| *row != refused).take(server.stored.len()).collect();
    assert_eq!(server.stored, expected, "seed {seed}: rows are missing, doubled, or out of order");
    let called: Vec<u64> = window.stored_runs().into_iter().flat_map(|(first, last)| first..=last).collect();
    assert_eq!(called.len() as u64, window.stored_count(), "seed {seed}");
    assert!(server.stored.starts_with(&called), "seed {seed}: {called:?} are called stored, {:?} are", server.stored);
    // At a loss, what is on its way is not known either.
    if lost {
        window.lose();
    }
    let (first, last) = window.unknown().unwrap_or((1, 0));
    let missed = &server.stored[called.len()..];
    assert!(
        missed.iter().all(|row| (first..=last).contains(row)),
        "seed {seed}: {missed:?} are stored, and not said to be open"
    );
    if !lost {
        assert_eq!(window.refused().map(|(row, ..)| row), (refused > 0).then_some(refused), "seed {seed}");
        assert!(refused > 0 || called.len() as u64 == rows, "seed {seed}");
    }
    let may_hang = refused > 0 && refuses_late;
    assert!(!(lost && idempotent) || may_hang, "seed {seed}: rows that may be sent twice were given up");
    steps
}

#[test]
fn what_is_called_stored_is_stored() {
    let steps: u64 = (0..20_000).map(run).sum();
    assert!(steps > 1_000_000, "{steps} steps");
}
