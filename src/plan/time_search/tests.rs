use super::*;

/// A generator of numbers that is the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Messages by sequence, with holes, whose times step back by at most `disorder`.
fn stream(random: &mut Random, disorder: i64) -> Vec<(u64, i64)> {
    let (mut sequence, mut clock, mut latest) = (random.below(1_000), 0_i64, i64::MIN);
    let pace = 1 + random.below(20_000_000_000);
    let mut messages = Vec::new();
    for _ in 0..random.below(400) {
        sequence += 1 + if random.below(3) == 0 { random.below(50) } else { 0 };
        clock += i64::try_from(random.below(pace)).unwrap();
        let skew = if random.below(4) == 0 { i64::try_from(random.next() >> 1).unwrap() % (disorder + 1) } else { 0 };
        let time = (clock - skew).max(latest.saturating_sub(disorder));
        latest = latest.max(time);
        messages.push((sequence, time));
    }
    messages
}

fn run(mut search: TimeSearch, messages: &[(u64, i64)]) -> Result<(u64, usize)> {
    let mut rounds = 0;
    loop {
        let probes = search.probes();
        if probes.is_empty() {
            return Ok((search.found(), rounds));
        }
        rounds += 1;
        let next = |probe: u64| messages.iter().find(|(sequence, _)| *sequence >= probe).copied();
        let answers: Vec<_> = probes.into_iter().map(|probe| (probe, next(probe))).collect();
        search.take(&answers)?;
    }
}

fn range(messages: &[(u64, i64)]) -> SequenceRange {
    match (messages.first(), messages.last()) {
        (Some((first, _)), Some((last, _))) => SequenceRange { first: *first, last: *last },
        _ => SequenceRange { first: 1, last: 0 },
    }
}

#[test]
fn nothing_of_the_span_is_left_out_whatever_the_order_of_times() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut left_out = 0;
    for _ in 0..4_000 {
        let messages = stream(&mut random, MAX_STEP_BACK_NS);
        let latest = messages.iter().map(|(_, time)| *time).max().unwrap_or(0).unsigned_abs();
        let mut moment = || i64::try_from(random.below(latest + 2)).unwrap() / 1_000;
        let (start, end) = (moment(), moment());
        let (first, rounds) = run(TimeSearch::start(range(&messages), start), &messages).unwrap();
        let (after, _) = run(TimeSearch::end(range(&messages), end), &messages).unwrap();
        assert!(rounds <= 20, "{rounds} rounds");
        for (sequence, time) in messages {
            let micros = time.div_euclid(1_000);
            assert!(sequence >= first || micros < start, "{sequence} at {micros} is left out before {start}");
            assert!(sequence < after || micros > end, "{sequence} at {micros} is left out after {end}");
            left_out += usize::from(sequence < first) + usize::from(sequence >= after);
        }
    }
    assert!(left_out > 100_000, "the search leaves in all: {left_out}");
}

#[test]
fn what_is_left_in_is_near_the_span_when_times_are_in_order() {
    let mut random = Random(42);
    for _ in 0..1_000 {
        let messages = stream(&mut random, 0);
        let latest = messages.iter().map(|(_, time)| *time).max().unwrap_or(0).unsigned_abs();
        let moment = i64::try_from(random.below(latest + 2)).unwrap() / 1_000;
        let (first, _) = run(TimeSearch::start(range(&messages), moment), &messages).unwrap();
        let (after, _) = run(TimeSearch::end(range(&messages), moment), &messages).unwrap();
        for (sequence, time) in messages {
            let near = (time - moment * 1_000).abs() <= MAX_STEP_BACK_NS + 1_000;
            assert!(near || !(first..after).contains(&sequence), "{sequence} at {time} is left in for {moment}");
        }
    }
}

#[test]
fn few_rounds_for_many_messages() {
    for side in [TimeSearch::start, TimeSearch::end] {
        let mut search = side(SequenceRange { first: 1, last: 1_000_000 }, 500_000_000_000);
        let mut rounds = 0;
        while let probes @ [_, ..] = search.probes().as_slice() {
            rounds += 1;
            let answers: Vec<_> = probes
                .iter()
                .map(|probe| (*probe, Some((*probe, i64::try_from(*probe).unwrap() * 1_000_000_000))))
                .collect();
            search.take(&answers).unwrap();
        }
        assert!(rounds <= 8, "{rounds}");
        let minute = 60;
        let found = search.found();
        assert!(found == 500_000 - minute || found == 500_000 + minute + 1, "{found}");
    }
}

#[test]
fn bounds_beyond_every_time() {
    let messages = [(3, 5_000), (9, 6_000)];
    let cases = [
        (TimeSearch::start(range(&messages), i64::MIN), 3),
        (TimeSearch::start(range(&messages), i64::MAX), 10),
        (TimeSearch::end(range(&messages), i64::MIN), 3),
        (TimeSearch::end(range(&messages), i64::MAX), 10),
        (TimeSearch::end(range(&[]), 5), 1),
    ];
    for (search, expected) in cases {
        assert_eq!(run(search.clone(), &messages).unwrap().0, expected, "{search:?}");
    }
}

#[test]
fn a_step_back_that_is_too_large_is_told_where_it_is_seen() {
    let mut times = StoreTimes::default();
    assert_eq!(times.take(1, MAX_STEP_BACK_NS), Ok(()));
    assert_eq!(times.take(2, 0), Ok(()));
    assert!(times.take(3, -1).unwrap_err().to_string().starts_with("sequence 3: it was stored 60 s before sequence 1"));
    let messages = [(1, 10 * MAX_STEP_BACK_NS), (2, 0), (3, 0)];
    assert!(run(TimeSearch::start(range(&messages), 5), &messages).is_err());
}
