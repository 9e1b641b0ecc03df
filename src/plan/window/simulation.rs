//! A whole read in a world with all faults at once: replies are lost, doubled, late and out of order between requests, connections break, replicas
//! lag, messages are deleted while they are read, and some are damaged on some replicas. A read that ends must have brought every message that was
//! there throughout, or must have failed with a reason.

use std::collections::{BTreeMap, BTreeSet};

use super::tests::record;
use super::*;
use crate::testing::Numbers;

/// The number of simulated reads, unless `NATS_JS_SIMULATED_READS` gives it (`make simulate`).
const READS: u64 = 400;
/// The most messages of a stream.
const MOST: u64 = 1_500;

fn reads() -> u64 {
    std::env::var("NATS_JS_SIMULATED_READS").ok().and_then(|reads| reads.parse().ok()).unwrap_or(READS)
}

/// One replica, with the differences between its answers and the true stream.
#[derive(Default)]
struct Replica {
    /// Sequences that it counts and cannot give.
    damaged: BTreeSet<u64>,
    /// It has nothing after this sequence.
    knows_to: u64,
}

/// The stream, as its leader reports it.
struct World {
    numbers: Numbers,
    batches: bool,
    /// The messages that exist now.
    stored: BTreeSet<u64>,
    last: u64,
    /// The first of them is the leader.
    replicas: Vec<Replica>,
    /// One reply in this many is lost, comes twice, or breaks the connection; 0 for never.
    trouble: u64,
    /// One step in this many deletes a message; 0 for never.
    deletes: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut numbers = Numbers(seed);
        let last = 1 + numbers.below(MOST);
        let keep = 1 + numbers.below(5);
        let stored: BTreeSet<u64> = (1..=last).filter(|s| *s == last || keep == 1 || numbers.below(keep) > 0).collect();
        let batches = numbers.below(3) > 0;
        let trouble = [0, 60, 200, 900][numbers.below(4) as usize];
        let deletes = [0, 0, 40, 7][numbers.below(4) as usize];
        let count = 1 + 2 * numbers.below(2);
        let replicas = (0..count)
            .map(|number| {
                let hurt = numbers.below(3) == 0;
                let damaged = if hurt {
                    stored.iter().copied().filter(|_| numbers.below(200) == 0).collect()
                } else {
                    BTreeSet::new()
                };
                let lags = number > 0 && numbers.below(4) == 0;
                Replica { damaged, knows_to: if lags { numbers.below(last + 1) } else { last } }
            })
            .collect();
        World { numbers, batches, stored, last, replicas, trouble, deletes }
    }

    fn chance(&mut self, one_in: u64) -> bool {
        one_in > 0 && self.numbers.below(one_in) == 0
    }

    fn delete_something(&mut self) {
        let from = self.numbers.below(self.last);
        let many = if self.numbers.below(4) == 0 { 40 } else { 1 };
        let doomed: Vec<u64> = self.stored.range(from..).take(many).copied().collect();
        doomed.iter().for_each(|sequence| {
            self.stored.remove(sequence);
        });
    }

    /// The frames with which a replica answers.
    fn answer(&mut self, request: Request) -> VecDeque<Reply> {
        let number = if request.leader { 0 } else { self.numbers.below(self.replicas.len() as u64) as usize };
        let replica = &self.replicas[number];
        let known = self.stored.range(request.from..=replica.knows_to.max(request.from));
        let known: Vec<u64> = known.copied().filter(|s| *s <= replica.knows_to).collect();
        let given: Vec<u64> = known.iter().copied().filter(|s| !replica.damaged.contains(s)).collect();
        if given.is_empty() {
            return VecDeque::from([Reply::Nothing]);
        }
        if !self.batches || request.leader {
            return VecDeque::from([Reply::Message {
                record: record(given[0]),
                previous: None,
                pending: None,
                size: 300,
            }]);
        }
        let short = if self.numbers.below(5) == 0 { 1 + self.numbers.below(9) as usize } else { usize::MAX };
        let count = given.len().min(request.batch as usize).min(short);
        let mut frames = VecDeque::new();
        let mut previous = 0;
        for (at, sequence) in given[..count].iter().enumerate() {
            let pending = (at == 0).then_some(known.len() as u64 - 1);
            frames.push_back(Reply::Message {
                record: record(*sequence),
                previous: Some(previous),
                pending,
                size: 300,
            });
            previous = *sequence;
        }
        frames.push_back(Reply::End { pending: (known.len() - count) as u64, last: previous });
        frames
    }

    /// The result of a check of gaps; an error for messages that no replica has.
    fn inspect(&self, gaps: &[SequenceRange]) -> std::result::Result<(Absent, Vec<Record>), u64> {
        let mut deleted = SequenceSet::default();
        deleted.extend((1..=self.last).filter(|s| !self.stored.contains(s)));
        let absent = Absent::new(1, deleted);
        let mut found = Vec::new();
        for sequence in gaps.iter().flat_map(|gap| absent.unexplained(*gap)).flat_map(|run| run.first..=run.last) {
            let has = |replica: &Replica| sequence <= replica.knows_to && !replica.damaged.contains(&sequence);
            if !self.replicas.iter().any(has) {
                return Err(sequence);
            }
            found.push(record(sequence));
        }
        Ok((absent, found))
    }
}

/// How a read ended.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Exact,
    Damaged,
    GaveUp,
    /// A message is missing that was there throughout, and there was no error.
    Short,
}

/// Simulates one read. Returns its end, and the number of steps.
fn play(seed: u64, questions: bool) -> (Outcome, u64) {
    let mut world = World::new(seed);
    let began = world.stored.clone();
    let first = 1 + if world.numbers.below(3) == 0 { world.numbers.below(world.last) } else { 0 };
    let last = world.last - if world.numbers.below(3) == 0 { world.numbers.below(world.last) } else { 0 };
    let range = SequenceRange { first, last };
    let mut window = Window::new(range, None, began.len() as f64 / world.last as f64, false);
    if world.batches && seed.is_multiple_of(3) {
        window = window.delivered();
    }
    if questions {
        window = window.explaining_gaps(Absent::new(1, SequenceSet::default()));
    }
    let mut open: BTreeMap<u64, VecDeque<Reply>> = BTreeMap::new();
    let (mut out, mut steps): (Vec<Record>, u64) = (Vec::new(), 0);
    while !window.is_finished() {
        steps += 1;
        assert!(steps < 200_000, "seed {seed}: the read does not end");
        if world.chance(world.deletes) {
            world.delete_something();
        }
        if let Some(gaps) = window.unexplained_gaps() {
            match world.inspect(&gaps) {
                Ok((absent, found)) => window.explain_gaps(absent, found),
                Err(sequence) => {
                    let nobody = world.replicas.iter().all(|r| r.damaged.contains(&sequence) || sequence > r.knows_to);
                    assert!(nobody && world.stored.contains(&sequence), "seed {seed}: {sequence} is not damaged");
                    return (Outcome::Damaged, steps);
                }
            }
            window.take_ready(&mut out);
            continue;
        }
        for request in window.requests() {
            let frames = world.answer(request);
            open.insert(request.token, frames);
        }
        if open.is_empty() {
            // Every answer was lost: the driver asks again.
            if !window.forget_requests() {
                return (Outcome::GaveUp, steps);
            }
            continue;
        }
        // Any request's next frame may come now, also of one that was given up.
        let at = world.numbers.below(open.len() as u64) as usize;
        let Some(token) = open.keys().nth(at).copied() else { continue };
        let Some(frame) = open.get_mut(&token).and_then(VecDeque::pop_front) else {
            open.remove(&token);
            continue;
        };
        let twice = matches!(frame, Reply::Nothing) && world.chance(world.trouble);
        if world.chance(world.trouble) {
            match world.numbers.below(3) {
                // The frame is lost.
                0 => {}
                // The connection is lost; replies that were under way may still come, late.
                1 if !window.forget_requests() => return (Outcome::GaveUp, steps),
                1 if world.chance(2) => open.clear(),
                _ => {}
            }
            window.take_ready(&mut out);
            continue;
        }
        if window.accept(token, frame).is_err() {
            return (Outcome::GaveUp, steps);
        }
        if twice && window.accept(token, Reply::Nothing).is_err() {
            return (Outcome::GaveUp, steps);
        }
        window.take_ready(&mut out);
    }
    let got: Vec<u64> = out.iter().map(|record| record.sequence).collect();
    assert!(got.windows(2).all(|two| two[0] < two[1]), "seed {seed}: not in order, or twice");
    let read: BTreeSet<u64> = got.iter().copied().collect();
    let is_read = |sequence: &u64| !(first..=last).contains(sequence) || read.contains(sequence);
    if !world.stored.iter().all(is_read) {
        return (Outcome::Short, steps);
    }
    assert!(read.iter().all(|s| began.contains(s)), "seed {seed}: a message that never was");
    assert_eq!(window.read().len(), got.len() as u64);
    (Outcome::Exact, steps)
}

#[test]
fn a_read_is_whole_or_fails_whatever_happens() {
    let mut ends: BTreeMap<Outcome, u64> = BTreeMap::new();
    let (mut steps, reads) = (0, reads());
    for seed in 0..reads {
        let (outcome, took) = play(seed, true);
        *ends.entry(outcome).or_default() += 1;
        steps += took;
    }
    // Every kind of end was met, and most reads were whole.
    assert_eq!(ends.get(&Outcome::Short), None);
    let count = |outcome| ends.get(&outcome).copied().unwrap_or(0);
    println!("{reads} reads, {steps} steps, {ends:?}");
    assert!(count(Outcome::Exact) > reads / 2, "{ends:?}");
    assert!(count(Outcome::Damaged) > reads / 50 && count(Outcome::GaveUp) > 0, "{ends:?}");
    assert!(steps > 100_000, "{steps} steps");
}

#[test]
fn a_read_that_asks_nothing_about_gaps_may_be_short() {
    assert!((0..READS / 4).any(|seed| play(seed, false).0 == Outcome::Short));
}
