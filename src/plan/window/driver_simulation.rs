//! Simulates whole reads of the driver (`jetstream/fetch/driver.rs`), with the proof at their end (`fetch/proof.rs`), in a world with all faults at
//! once. Replies are lost, doubled by a second replica, late and out of order between requests; the server falls silent, connections break, nobody
//! answers for a while. Replicas lag and are damaged. The stream grows, loses messages, is deleted and made anew, and goes back to an older copy of
//! its store. A read that ends has brought all messages that were there throughout, of the stream with which it began, or it fails with a reason.
//!
//! The loop is the driver's, decision by decision, without its sockets. The code that ships makes the decisions: the window, `continuity` and
//! [`ReadEnd::verdict`].

use std::collections::{BTreeMap, VecDeque};

use super::driver_world::World;
use super::*;
use crate::error::{Error, Kind, Result};
use crate::plan::{ReadEnd, StreamState, Verdict};

/// The number of simulated reads, unless `NATS_JS_SIMULATED_READS` gives it (`make simulate`).
const READS: u64 = 200;
/// The number of repeated requests without an answer before the timeout is over.
const PATIENCE: u32 = 30;
/// The subject that every other message of some streams has.
const FILTER: &str = "odd";

fn reads() -> u64 {
    std::env::var("NATS_JS_SIMULATED_READS").ok().and_then(|reads| reads.parse().ok()).unwrap_or(READS)
}

/// One read of the driver, and the records that it passed on.
struct Read<'w> {
    world: &'w mut World,
    began: StreamState,
    window: Window,
    filtered: bool,
    out: Vec<Record>,
    steps: u64,
}

impl<'w> Read<'w> {
    fn new(world: &'w mut World, began: StreamState, range: SequenceRange, filtered: bool) -> Self {
        let mut window = Window::new(range, None, began.density(), false);
        // Gaps are looked at one by one, unless there is a filter or there are many.
        if !filtered && world.numbers.below(3) > 0 {
            window = window.explaining_gaps(Absent::new(1, SequenceSet::default()));
        }
        Self { world, began, window, filtered, out: Vec::new(), steps: 0 }
    }

    /// The driver's loop, until the window has everything.
    fn run(&mut self) -> Result<()> {
        let mut open: BTreeMap<u64, VecDeque<Reply>> = BTreeMap::new();
        let (mut asked_again, mut unanswered) = (false, 0);
        loop {
            self.steps += 1;
            assert!(self.steps < 300_000, "the read does not end");
            self.world.pass();
            if let Some(gaps) = self.window.unexplained_gaps() {
                let (absent, found) = self.world.inspect(&self.began, &gaps)?;
                self.window.explain_gaps(absent, found);
                self.window.take_ready(&mut self.out);
                continue;
            }
            if self.window.is_finished() {
                return Ok(());
            }
            if self.world.numbers.below(64) == 0 {
                // The number of connections changes while the read goes on.
                self.window.spread(1 + self.world.numbers.below(4) as usize);
            }
            for request in self.window.requests() {
                let mut frames = self.world.answer(request, self.filtered);
                if !request.leader && self.world.chance(self.world.odds.doubles) {
                    // Another replica answers as well; each keeps its own order.
                    let mut second = self.world.answer(request, self.filtered);
                    let mut both = VecDeque::new();
                    while !frames.is_empty() || !second.is_empty() {
                        let next = if self.world.numbers.below(2) == 0 { &mut frames } else { &mut second };
                        both.extend(next.pop_front());
                    }
                    frames = both;
                }
                open.insert(request.token, frames);
            }
            let waiting = open.values().any(|frames| !frames.is_empty());
            if !waiting || self.world.chance(self.world.odds.silent) {
                // Half of the timeout passes; replies that are still under way may come later.
                if self.window.is_waiting() {
                    if std::mem::replace(&mut asked_again, true) {
                        return Err(Error::of(Kind::TimedOut, "silence"));
                    }
                    self.ask_again(None)?;
                }
                continue;
            }
            if self.world.chance(self.world.odds.breaks) {
                self.world.check_identity(&self.began)?;
                let tokens: Vec<u64> = open.keys().copied().collect();
                let lost = match self.world.numbers.below(2) {
                    0 => None,
                    _ => Some(tokens.into_iter().filter(|_| self.world.numbers.below(2) == 0).collect::<Vec<u64>>()),
                };
                if self.world.numbers.below(2) == 0 {
                    open.retain(|token, _| lost.as_ref().is_some_and(|lost| !lost.contains(token)));
                }
                self.ask_again(lost.as_deref())?;
                asked_again = false;
                continue;
            }
            let tokens: Vec<u64> =
                open.iter().filter(|(_, frames)| !frames.is_empty()).map(|(token, _)| *token).collect();
            let token = tokens[self.world.numbers.below(tokens.len() as u64) as usize];
            let Some(frame) = open.get_mut(&token).and_then(VecDeque::pop_front) else { continue };
            if self.world.chance(self.world.odds.loses_frame) {
                continue;
            }
            if self.world.chance(self.world.odds.nobody) && self.window.awaits(token) {
                unanswered += 1;
                if unanswered > PATIENCE {
                    return Err(Error::of(Kind::Unavailable, "nobody answers"));
                }
                self.window.postpone(token);
                continue;
            }
            unanswered = 0;
            self.window.accept(token, frame)?;
            self.window.take_ready(&mut self.out);
            asked_again = false;
        }
    }

    fn ask_again(&mut self, lost: Option<&[u64]>) -> Result<()> {
        let goes_on = match lost {
            None => self.window.forget_requests(),
            Some(tokens) => self.window.forget_these(tokens),
        };
        if goes_on {
            return Ok(());
        }
        Err(Error::of(Kind::Damaged, "the connection is lost whenever this message is read"))
    }

    /// The proof at the end of a read; false where the range has to be read again without the filter.
    fn prove(&mut self) -> Result<bool> {
        let now = self.world.check_identity(&self.began)?;
        let (range, read) = (self.window.covered(), self.window.read());
        let end = ReadEnd {
            began: &self.began,
            now: &now,
            range,
            read: read.len(),
            counted: self.window.counted(),
            filter: self.filtered.then_some(FILTER),
            explained: self.window.explains_gaps(),
            counts: true,
        };
        match end.verdict() {
            Verdict::Whole => Ok(true),
            Verdict::Count => {
                let present = |sequence: u64| self.world.stored.contains_key(&sequence);
                let left = read.runs().flat_map(|run| run.first..=run.last).filter(|s| present(*s)).count();
                let counts = (0..self.world.replicas.len()).map(|number| {
                    let from = |from| self.world.holds(number, from, self.filtered).0.len();
                    from(range.first).saturating_sub(from(range.last + 1))
                });
                Ok(counts.max() == Some(left))
            }
            Verdict::List => {
                let gaps: Vec<SequenceRange> = read.gaps(range).collect();
                match self.world.inspect(&self.began, &gaps)?.1.len() {
                    0 => Ok(true),
                    _ => Err(Error::of(Kind::Damaged, "a replica left them out")),
                }
            }
            verdict => unreachable!("the state is exact, and the server counts: {verdict:?}"),
        }
    }
}

/// How a read ended.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Exact,
    Failed(&'static str),
    /// The records that were passed on are wrong, and there was no error.
    Wrong,
}

/// Simulates one read. Returns its end, and the number of steps.
fn play(seed: u64) -> (Outcome, u64) {
    let mut world = World::new(seed);
    let (before, began) = (world.stored.clone(), world.state());
    let first = 1 + if world.numbers.below(3) == 0 { world.numbers.below(world.last) } else { 0 };
    let last = world.last - if world.numbers.below(3) == 0 { world.numbers.below(world.last) } else { 0 };
    let range = SequenceRange { first, last };
    let filtered = world.numbers.below(3) == 0;
    let mut read = Read::new(&mut world, began, range, filtered);
    let outcome = read.run().and_then(|()| read.prove());
    let (out, mut steps) = (std::mem::take(&mut read.out), read.steps);
    let outcome = outcome.and_then(|proven| {
        if proven || !filtered {
            return Ok(());
        }
        // The counts do not prove the read: the range is read again without the filter, and every gap is checked.
        let mut all = Read::new(&mut world, began, range, false);
        all.window =
            Window::new(range, None, began.density(), false).explaining_gaps(Absent::new(1, SequenceSet::default()));
        let again = all.run().and_then(|()| all.prove());
        steps += all.steps;
        let came = std::mem::take(&mut all.out);
        again?;
        let came: Vec<u64> = came.iter().map(|record| record.sequence).collect();
        let missed = |s: &&u64| before.get(s).is_some_and(|m| m.matches) && !out.iter().any(|r| r.sequence == **s);
        match came.iter().find(missed) {
            Some(_) => Err(Error::of(Kind::Damaged, "a replica left them out")),
            None => Ok(()),
        }
    });
    if let Err(error) = outcome {
        return (Outcome::Failed(error.kind().word()), steps);
    }
    let in_range = |sequence: &u64| (first..=last).contains(sequence);
    let passed_on: BTreeMap<u64, i64> = out.iter().map(|record| (record.sequence, record.time_ns)).collect();
    let ordered = out.windows(2).all(|two| two[0].sequence < two[1].sequence);
    let ours = passed_on.iter().all(|(s, time_ns)| before.get(s).is_some_and(|stored| stored.time_ns == *time_ns));
    let throughout = before.iter().filter(|(s, stored)| in_range(s) && world.stored.get(s) == Some(stored));
    let wanted = throughout.filter(|(_, stored)| !filtered || stored.matches);
    let whole = wanted.into_iter().all(|(s, _)| passed_on.contains_key(s));
    if ordered && ours && whole { (Outcome::Exact, steps) } else { (Outcome::Wrong, steps) }
}

#[test]
fn a_read_is_of_one_stream_and_whole_or_fails_whatever_happens() {
    let mut ends: BTreeMap<Outcome, u64> = BTreeMap::new();
    let (mut steps, reads) = (0, reads());
    for seed in 0..reads {
        let (outcome, took) = play(seed);
        assert_ne!(outcome, Outcome::Wrong, "seed {seed}");
        *ends.entry(outcome).or_default() += 1;
        steps += took;
    }
    println!("{reads} reads, {steps} steps, {ends:?}");
    let count = |outcome| ends.get(&outcome).copied().unwrap_or(0);
    assert!(count(Outcome::Exact) > reads / 3, "{ends:?}");
    for kind in [Kind::Damaged, Kind::Replaced] {
        assert!(count(Outcome::Failed(kind.word())) > reads / 100, "{ends:?}");
    }
}
