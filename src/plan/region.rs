//! The part of a stream that can fulfil a query's conditions.
//!
//! A region is a box: sequences from one to another, times from one to another, and subjects by filters. It holds every message that fulfils the
//! conditions, and commonly others, too; the query still applies the conditions to the rows.

use super::filters::{common, filter_includes, generalised};
use super::subject::check_subject_filter;
use crate::predicate::{Comparison, Predicate};
use crate::value::Value;

/// The positions of the columns that a region knows, where the result has them.
#[derive(Debug, Clone, Copy, Default)]
pub struct RegionColumns {
    /// The stream sequence.
    pub sequence: Option<usize>,
    /// When the server stored the message, in microseconds.
    pub time: Option<usize>,
    /// The subject.
    pub subject: Option<usize>,
}

/// Messages from one bound to another on each axis; both ends inclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// The sequences; empty when the first is larger than the last.
    pub sequences: Span<u64>,
    /// The times, in microseconds since 1970-01-01 UTC.
    pub times: Span<i64>,
    /// Subject filters; a subject matches at least one of them. None for every subject.
    pub subjects: Option<Vec<String>>,
}

/// Values from one to another, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span<T> {
    /// The smallest.
    pub first: T,
    /// The largest.
    pub last: T,
}

const EVERY_SEQUENCE: Span<u64> = Span { first: 0, last: u64::MAX };
const EVERY_TIME: Span<i64> = Span { first: i64::MIN, last: i64::MAX };

impl Span<i64> {
    /// The smallest value, if it bounds anything.
    #[must_use]
    pub fn first_bound(self) -> Option<i64> {
        (self.first > i64::MIN).then_some(self.first)
    }

    /// The largest value, if it bounds anything.
    #[must_use]
    pub fn last_bound(self) -> Option<i64> {
        (self.last < i64::MAX).then_some(self.last)
    }
}

impl<T: Ord + Copy> Span<T> {
    /// Whether there is no value.
    pub fn is_empty(self) -> bool {
        self.first > self.last
    }

    fn within(self, other: Self) -> Self {
        Span { first: self.first.max(other.first), last: self.last.min(other.last) }
    }

    fn hull(self, other: Self) -> Self {
        Span { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

impl Region {
    /// Every message.
    pub const WHOLE: Region = Region { sequences: EVERY_SEQUENCE, times: EVERY_TIME, subjects: None };

    /// The messages that can fulfil all of the conditions.
    #[must_use]
    pub fn of(conditions: &[Predicate], columns: RegionColumns) -> Self {
        conditions.iter().fold(Region::WHOLE, |region, condition| region.within(Region::one(condition, columns)))
    }

    fn one(condition: &Predicate, columns: RegionColumns) -> Self {
        match condition {
            Predicate::All(parts) => Region::of(parts, columns),
            Predicate::Any(parts) => {
                let parts = parts.iter().map(|part| Region::one(part, columns)).filter(|part| !part.is_empty());
                parts.reduce(Region::hull).unwrap_or_else(Region::nothing)
            }
            Predicate::Compare { column, by, value } => Region::compared(Some(*column), *by, value, columns),
            Predicate::Prefix { column, prefix } if Some(*column) == columns.subject => {
                Region { subjects: prefix_filter(prefix).map(|filter| vec![filter]), ..Region::WHOLE }
            }
            Predicate::Prefix { .. } | Predicate::Unknown => Region::WHOLE,
        }
    }

    fn compared(column: Option<usize>, by: Comparison, value: &Value, columns: RegionColumns) -> Self {
        match value {
            Value::Integer(number) if column == columns.sequence => {
                Region { sequences: sequences(by, *number), ..Region::WHOLE }
            }
            Value::Timestamp { micros, .. } if column == columns.time => {
                Region { times: times(by, *micros), ..Region::WHOLE }
            }
            Value::Text(text) if column == columns.subject && by == Comparison::Equal => {
                Region { subjects: literal_filter(text).map(|filter| vec![filter]), ..Region::WHOLE }
            }
            _ => Region::WHOLE,
        }
    }

    fn nothing() -> Self {
        Region { sequences: Span { first: 1, last: 0 }, ..Region::WHOLE }
    }

    /// Whether no message can be in the region.
    pub fn is_empty(&self) -> bool {
        self.sequences.is_empty() || self.times.is_empty() || self.subjects.as_ref().is_some_and(Vec::is_empty)
    }

    /// The filters of the region's subjects, where they match fewer subjects than `own`.
    #[must_use]
    pub fn narrower_filters(&self, own: &[String]) -> Option<Vec<String>> {
        let filter = self.subject_filter()?;
        own.iter().any(|outer| filter_includes(outer, &filter) && *outer != filter).then(|| vec![filter])
    }

    /// The region with all that comes before it, and every subject.
    #[must_use]
    pub fn from_the_start(&self) -> Self {
        Region {
            sequences: Span { first: 0, last: self.sequences.last },
            times: Span { first: i64::MIN, last: self.times.last },
            subjects: None,
        }
    }

    fn within(self, other: Self) -> Self {
        Region {
            sequences: self.sequences.within(other.sequences),
            times: self.times.within(other.times),
            subjects: match (self.subjects, other.subjects) {
                (Some(some), Some(others)) => Some(common(&some, &others)),
                (some, others) => some.or(others),
            },
        }
    }

    fn hull(self, other: Self) -> Self {
        let subjects = self.subjects.zip(other.subjects).map(|(mut some, others)| {
            some.extend(others);
            some.sort();
            some.dedup();
            some
        });
        Region { sequences: self.sequences.hull(other.sequences), times: self.times.hull(other.times), subjects }
    }

    /// One filter that all subjects of the region match; None where that would be every subject.
    #[must_use]
    pub fn subject_filter(&self) -> Option<String> {
        let mut filters = self.subjects.as_ref()?.iter();
        let first = filters.next()?.clone();
        let filter = filters.fold(first, |filter, other| generalised(&filter, other));
        (filter != ">").then_some(filter)
    }
}

fn sequences(by: Comparison, number: i128) -> Span<u64> {
    let clamped = |number: i128| u64::try_from(number.max(0)).unwrap_or(u64::MAX);
    let nothing = Span { first: 1, last: 0 };
    let to = |last: i128| if last < 0 { nothing } else { Span { first: 0, last: clamped(last) } };
    let from = |first: i128| match first > i128::from(u64::MAX) {
        true => nothing,
        false => Span { first: clamped(first), last: u64::MAX },
    };
    match by {
        Comparison::Equal => from(number).within(to(number)),
        Comparison::Less => to(number.saturating_sub(1)),
        Comparison::LessOrEqual => to(number),
        Comparison::Greater => from(number.saturating_add(1)),
        Comparison::GreaterOrEqual => from(number),
    }
}

/// Strict comparisons include their bound: a microsecond more costs nothing.
fn times(by: Comparison, micros: i64) -> Span<i64> {
    match by {
        Comparison::Equal => Span { first: micros, last: micros },
        Comparison::Less | Comparison::LessOrEqual => Span { first: i64::MIN, last: micros },
        Comparison::Greater | Comparison::GreaterOrEqual => Span { first: micros, last: i64::MAX },
    }
}

/// The filter for the subject that SQL shows as this text. None for a text that may stand for several subjects (SQL shows
/// U+FFFD for bytes that are not UTF-8), and for a text that is no subject filter.
fn literal_filter(text: &str) -> Option<String> {
    let known = !text.contains(char::REPLACEMENT_CHARACTER) && check_subject_filter(text).is_ok();
    known.then(|| text.to_owned())
}

/// The filter that every subject with this prefix matches: its whole tokens, then anything.
fn prefix_filter(prefix: &str) -> Option<String> {
    let tokens = &prefix[..prefix.rfind('.')?];
    literal_filter(&format!("{tokens}.>"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::subject::subject_matches;

    const COLUMNS: RegionColumns = RegionColumns { sequence: Some(2), time: Some(3), subject: Some(1) };

    struct Row {
        subject: &'static str,
        sequence: u64,
        micros: i64,
    }

    const SUBJECTS: [&str; 8] = ["a", "a.b", "a.b.c", "a.c", "b", "b.a.x", "ab.c", "a.b.d"];

    fn any(seed: &mut u64, below: usize) -> usize {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        (*seed >> 11) as usize % below
    }

    fn predicate(seed: &mut u64, depth: usize) -> Predicate {
        let by = [
            Comparison::Equal,
            Comparison::Less,
            Comparison::LessOrEqual,
            Comparison::Greater,
            Comparison::GreaterOrEqual,
        ][any(seed, 5)];
        match any(seed, if depth == 0 { 5 } else { 7 }) {
            0 => Predicate::Compare { column: 2, by, value: Value::Integer(any(seed, 14) as i128 - 2) },
            1 => {
                let micros = any(seed, 12) as i64;
                Predicate::Compare { column: 3, by, value: Value::Timestamp { micros, zoned: false } }
            }
            2 => Predicate::Compare { column: 1, by, value: Value::Text(SUBJECTS[any(seed, 8)].into()) },
            3 => {
                let prefix = ["", "a", "a.", "a.b", "a.b.", "b.a.", ".", "x."][any(seed, 8)];
                Predicate::Prefix { column: 1, prefix: prefix.into() }
            }
            4 => Predicate::Unknown,
            5 => Predicate::All((0..1 + any(seed, 3)).map(|_| predicate(seed, depth - 1)).collect()),
            _ => Predicate::Any((0..1 + any(seed, 3)).map(|_| predicate(seed, depth - 1)).collect()),
        }
    }

    /// Whether the row fulfils the condition; the flag is the result for an unknown condition.
    fn holds(condition: &Predicate, row: &Row, unknown: bool) -> bool {
        let ordered = |by, order: std::cmp::Ordering| match by {
            Comparison::Equal => order.is_eq(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        };
        match condition {
            Predicate::All(parts) => parts.iter().all(|part| holds(part, row, unknown)),
            Predicate::Any(parts) => parts.iter().any(|part| holds(part, row, unknown)),
            Predicate::Compare { by, value, .. } => match value {
                Value::Integer(number) => ordered(*by, i128::from(row.sequence).cmp(number)),
                Value::Timestamp { micros, .. } => ordered(*by, row.micros.cmp(micros)),
                Value::Text(text) => ordered(*by, row.subject.cmp(text)),
                _ => unknown,
            },
            Predicate::Prefix { prefix, .. } => row.subject.starts_with(prefix),
            Predicate::Unknown => unknown,
        }
    }

    #[test]
    fn no_row_that_fulfils_the_conditions_lies_outside() {
        let mut seed = 0x2545_f491_4f6c_dd1d;
        let (mut spared, mut held) = (0, 0);
        for _ in 0..20_000 {
            let conditions: Vec<Predicate> = (0..1 + any(&mut seed, 3)).map(|_| predicate(&mut seed, 3)).collect();
            let region = Region::of(&conditions, COLUMNS);
            let filter = region.subject_filter();
            for _ in 0..10 {
                let row = Row {
                    subject: SUBJECTS[any(&mut seed, 8)],
                    sequence: any(&mut seed, 12) as u64,
                    micros: any(&mut seed, 12) as i64,
                };
                let (s, t) = (region.sequences, region.times);
                let subject = filter.as_ref().is_none_or(|filter| subject_matches(row.subject.as_bytes(), filter));
                let inside = (s.first..=s.last).contains(&row.sequence)
                    && (t.first..=t.last).contains(&row.micros)
                    && !region.is_empty()
                    && subject;
                let fulfils = conditions.iter().all(|condition| holds(condition, &row, true));
                assert!(
                    inside || !fulfils,
                    "{conditions:?}: {region:?} leaves out {row:?}",
                    row = (row.subject, row.sequence, row.micros)
                );
                held += usize::from(fulfils);
                spared += usize::from(!inside);
            }
        }
        assert!(spared > 50_000 && held > 10_000, "{spared} rows spared, {held} held: the test says too little");
    }

    fn compare(column: usize, by: Comparison, value: Value) -> Predicate {
        Predicate::Compare { column, by, value }
    }

    #[test]
    fn sequences_keep_to_what_a_stream_can_hold() {
        let at = |by, number| Region::of(&[compare(2, by, Value::Integer(number))], COLUMNS).sequences;
        assert_eq!(at(Comparison::Greater, 9), Span { first: 10, last: u64::MAX });
        assert_eq!(at(Comparison::Less, 9), Span { first: 0, last: 8 });
        assert_eq!(at(Comparison::Equal, 9), Span { first: 9, last: 9 });
        assert_eq!(at(Comparison::GreaterOrEqual, -5), EVERY_SEQUENCE);
        assert!(at(Comparison::Less, 0).is_empty() && at(Comparison::Equal, -1).is_empty());
        assert!(at(Comparison::Greater, u64::MAX.into()).is_empty());
    }

    #[test]
    fn subjects_become_one_filter() {
        let equal = |text: &str| compare(1, Comparison::Equal, Value::Text(text.into()));
        let filter = |parts: Vec<Predicate>| Region::of(&[Predicate::Any(parts)], COLUMNS).subject_filter();
        assert_eq!(filter(vec![equal("a.b")]).as_deref(), Some("a.b"));
        assert_eq!(filter(vec![equal("a.1.new"), equal("a.2.new")]).as_deref(), Some("a.*.new"));
        assert_eq!(filter(vec![equal("a.1.new"), equal("a.2")]).as_deref(), Some("a.>"));
        assert_eq!(filter(vec![equal("a.1"), equal("a")]), None);
        assert_eq!(filter(vec![equal("a b")]), None);
        assert_eq!(filter(vec![equal("a.\u{fffd}")]), None);
        let prefix = |text: &str| filter(vec![Predicate::Prefix { column: 1, prefix: text.into() }]);
        assert_eq!(prefix("a.b.").as_deref(), Some("a.b.>"));
        assert_eq!(prefix("a.b").as_deref(), Some("a.>"));
        assert_eq!(prefix("a"), None);
    }

    #[test]
    fn conditions_that_no_message_fulfils_leave_nothing() {
        let seq = |by, n| compare(2, by, Value::Integer(n));
        let equal = |text: &str| compare(1, Comparison::Equal, Value::Text(text.into()));
        assert!(Region::of(&[seq(Comparison::Greater, 9), seq(Comparison::Less, 5)], COLUMNS).is_empty());
        assert!(Region::of(&[equal("a"), equal("b")], COLUMNS).is_empty());
        assert!(!Region::of(&[equal("a"), seq(Comparison::Less, 5)], COLUMNS).is_empty());
        assert_eq!(Region::of(&[Predicate::Unknown], COLUMNS), Region::WHOLE);
    }

    #[test]
    fn filters_are_narrowed_and_never_widened() {
        let region = Region { subjects: Some(vec!["a.b".into()]), ..Region::WHOLE };
        let narrower =
            |own: &[&str]| region.narrower_filters(&own.iter().map(|&own| own.to_owned()).collect::<Vec<_>>());
        assert_eq!(narrower(&[">"]), Some(vec!["a.b".into()]));
        assert_eq!(narrower(&["b.>", "a.*"]), Some(vec!["a.b".into()]));
        assert_eq!(narrower(&["b.>", "a.*.c"]), None);
        assert_eq!(narrower(&["a.b"]), None);
        assert_eq!(Region::WHOLE.narrower_filters(&[">".into()]), None);
    }

    #[test]
    fn what_comes_before_a_region_belongs_to_its_start() {
        let one = |by, n| compare(2, by, Value::Integer(n));
        let region = Region::of(&[one(Comparison::Greater, 5), one(Comparison::Less, 9)], COLUMNS).from_the_start();
        assert_eq!(region.sequences, Span { first: 0, last: 8 });
        assert_eq!(Region::WHOLE.from_the_start(), Region::WHOLE);
    }
}
