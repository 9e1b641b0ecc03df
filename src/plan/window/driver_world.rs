//! The world of the simulated reads: a stream that changes during the read, and the replicas that answer for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::tests::record;
use super::{Reply, Request};
use crate::error::{Error, Kind, Result};
use crate::plan::{Absent, Continuity, SequenceRange, SequenceSet, StreamState, continuity, continuity_of_last};
use crate::record::Record;
use crate::testing::Numbers;

/// The most messages of a stream.
const MOST: u64 = 900;

/// A stored message; its time distinguishes it from another message with its sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored {
    pub time_ns: i64,
    pub matches: bool,
}

#[derive(Debug, Default)]
pub(super) struct Replica {
    /// Sequences that it counts and cannot give.
    damaged: BTreeSet<u64>,
    /// It has nothing after this sequence.
    knows_to: u64,
}

/// The frequency of each change of the world: one in this many steps; 0 for never.
#[derive(Debug, Default)]
pub(super) struct Odds {
    pub loses_frame: u64,
    pub doubles: u64,
    pub breaks: u64,
    pub silent: u64,
    pub nobody: u64,
    deletes: u64,
    grows: u64,
    replaced: u64,
    rewound: u64,
}

/// The stream, as its leader reports it.
pub(super) struct World {
    pub numbers: Numbers,
    pub odds: Odds,
    clock: i64,
    created_ns: i64,
    pub stored: BTreeMap<u64, Stored>,
    pub last: u64,
    last_time_ns: i64,
    /// The first of them is the leader.
    pub replicas: Vec<Replica>,
    /// The sequence at which the stream ended when the statement began: a rewind leaves a message there, which shows it.
    began_last: u64,
    /// The stream went back to an older copy, and only the message that was its last shows it.
    rewound: bool,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut numbers = Numbers(seed ^ 0x0dd5);
        let mut odds = Odds::default();
        let mut often = |odds: &mut u64, choices: [u64; 4]| *odds = choices[numbers.below(4) as usize];
        often(&mut odds.loses_frame, [0, 0, 300, 60]);
        often(&mut odds.doubles, [0, 0, 30, 8]);
        often(&mut odds.breaks, [0, 0, 400, 80]);
        often(&mut odds.silent, [0, 0, 600, 150]);
        often(&mut odds.nobody, [0, 0, 0, 200]);
        often(&mut odds.deletes, [0, 0, 60, 10]);
        often(&mut odds.grows, [0, 0, 30, 5]);
        often(&mut odds.replaced, [0, 0, 0, 400]);
        often(&mut odds.rewound, [0, 0, 0, 400]);
        let last = 1 + numbers.below(MOST);
        let keep = 1 + numbers.below(4);
        let mut world = World {
            numbers,
            odds,
            clock: 1_000,
            created_ns: 1,
            stored: BTreeMap::new(),
            last: 0,
            last_time_ns: 0,
            replicas: vec![Replica::default()],
            began_last: 0,
            rewound: false,
        };
        world.store(last);
        world.stored.retain(|sequence, _| *sequence == last || keep == 1 || world.numbers.below(keep) > 0);
        let count = 1 + 2 * world.numbers.below(2);
        world.replicas = (0..count).map(|_| Replica { knows_to: u64::MAX, damaged: BTreeSet::new() }).collect();
        for number in 0..world.replicas.len() {
            if world.numbers.below(3) == 0 {
                let all: Vec<u64> = world.stored.keys().copied().collect();
                let damaged = all.into_iter().filter(|_| world.numbers.below(150) == 0).collect();
                world.replicas[number].damaged = damaged;
            }
            if number > 0 && world.numbers.below(4) == 0 {
                world.replicas[number].knows_to = world.numbers.below(last + 1);
            }
        }
        world.began_last = last;
        world
    }

    /// Stores messages up to a sequence.
    fn store(&mut self, last: u64) {
        for sequence in self.last + 1..=last {
            self.clock += 1 + self.numbers.below(1_000) as i64;
            let stored = Stored { time_ns: self.clock, matches: self.numbers.below(2) == 0 };
            self.stored.insert(sequence, stored);
            (self.last, self.last_time_ns) = (sequence, self.clock);
        }
    }

    pub fn chance(&mut self, one_in: u64) -> bool {
        one_in > 0 && self.numbers.below(one_in) == 0
    }

    /// Time passes.
    pub fn pass(&mut self) {
        if self.chance(self.odds.deletes) {
            let (from, many) = (self.numbers.below(self.last + 1), [1, 1, 1, 40][self.numbers.below(4) as usize]);
            let kept = if self.rewound { self.began_last } else { 0 };
            let doomed: Vec<u64> =
                self.stored.range(from..).map(|(s, _)| *s).filter(|s| *s != kept).take(many).collect();
            self.stored.retain(|sequence, _| !doomed.contains(sequence));
        }
        if self.chance(self.odds.grows) {
            let more = self.numbers.below(3);
            self.store(self.last + 1 + more);
        }
        if self.chance(self.odds.replaced) {
            self.created_ns += 1;
            self.forget(0);
            // The creation date shows it, also where no message stands at the sequence that was the last.
            self.rewound = false;
            if self.chance(2) {
                self.stored.remove(&self.began_last);
            }
        }
        if self.chance(self.odds.rewound) {
            let last = self.numbers.below(self.last + 1);
            self.forget(last);
        }
    }

    /// The stream ends before it did and goes on with other messages, mostly beyond where it was.
    fn forget(&mut self, last: u64) {
        self.rewound = true;
        drop(self.stored.split_off(&(last + 1)));
        self.last = last;
        self.last_time_ns = self.stored.values().next_back().map_or(0, |stored| stored.time_ns);
        if self.numbers.below(4) > 0 {
            let more = self.numbers.below(MOST);
            self.store(last + 1 + more);
        }
        for replica in &mut self.replicas {
            replica.knows_to = u64::MAX;
            replica.damaged.retain(|sequence| *sequence <= last);
        }
    }

    pub fn state(&self) -> StreamState {
        StreamState {
            first: self.stored.keys().next().copied().unwrap_or(self.last + 1),
            last: self.last,
            messages: self.stored.len() as u64,
            direct: Some(true),
            exact: true,
            created_ns: Some(self.created_ns),
            last_time_ns: Some(self.last_time_ns),
            replicas: self.replicas.len() as u32,
            consumers_remove: false,
        }
    }

    /// As `check_identity` of the driver: the state, and where the stream has grown the message that was its last.
    pub fn check_identity(&self, began: &StreamState) -> Result<StreamState> {
        let now = self.state();
        if continuity(began, &now)? == Continuity::Grown && began.last > 0 {
            let leader = &self.replicas[0];
            let there = self.stored.get(&began.last).filter(|_| !leader.damaged.contains(&began.last));
            continuity_of_last(began, there.map(|stored| stored.time_ns))?;
        }
        Ok(now)
    }

    fn message(&self, sequence: u64, previous: Option<u64>, pending: Option<u64>) -> Reply {
        let time_ns = self.stored[&sequence].time_ns;
        Reply::Message { record: Record { time_ns, ..record(sequence) }, previous, pending, size: 300 }
    }

    /// The messages that a replica counts from a sequence on, and those of them that it gives.
    pub fn holds(&self, number: usize, from: u64, filtered: bool) -> (Vec<u64>, Vec<u64>) {
        let replica = &self.replicas[number];
        let matching =
            self.stored.range(from..).filter(|(s, stored)| **s <= replica.knows_to && (!filtered || stored.matches));
        let known: Vec<u64> = matching.map(|(sequence, _)| *sequence).collect();
        let given = known.iter().copied().filter(|sequence| !replica.damaged.contains(sequence)).collect();
        (known, given)
    }

    /// The frames with which a replica answers.
    pub fn answer(&mut self, request: Request, filtered: bool) -> VecDeque<Reply> {
        let number = if request.leader { 0 } else { self.numbers.below(self.replicas.len() as u64) as usize };
        let (known, given) = self.holds(number, request.from, filtered);
        if given.is_empty() {
            return VecDeque::from([Reply::Nothing]);
        }
        if request.leader {
            return VecDeque::from([self.message(given[0], None, None)]);
        }
        let short = if self.numbers.below(5) == 0 { 1 + self.numbers.below(9) as usize } else { usize::MAX };
        let count = given.len().min(request.batch as usize).min(short);
        let mut previous = 0;
        let mut frames = VecDeque::new();
        for (at, sequence) in given[..count].iter().enumerate() {
            let pending = (at == 0).then_some(known.len() as u64 - 1);
            frames.push_back(self.message(*sequence, Some(previous), pending));
            previous = *sequence;
        }
        frames.push_back(Reply::End { pending: (known.len() - count) as u64, last: previous });
        frames
    }

    /// As `inspect` of the driver: the deleted messages by the leader's list, and the other messages that any replica has.
    pub fn inspect(&self, began: &StreamState, gaps: &[SequenceRange]) -> Result<(Absent, Vec<Record>)> {
        self.check_identity(began)?;
        let mut deleted = SequenceSet::default();
        deleted.extend((1..=self.last).filter(|sequence| !self.stored.contains_key(sequence)));
        let absent = Absent::new(1, deleted);
        let mut found = Vec::new();
        for sequence in gaps.iter().flat_map(|gap| absent.unexplained(*gap)).flat_map(|run| run.first..=run.last) {
            let has = |replica: &Replica| sequence <= replica.knows_to && !replica.damaged.contains(&sequence);
            match self.stored.get(&sequence) {
                Some(stored) if self.replicas.iter().any(has) => {
                    found.push(Record { time_ns: stored.time_ns, ..record(sequence) });
                }
                Some(_) => return Err(Error::of(Kind::Damaged, format!("{sequence}"))),
                None => {}
            }
        }
        Ok((absent, found))
    }
}
