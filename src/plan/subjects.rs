//! The subject filters of a read: several, of which a message matches at least one.

use super::filters::{filter_includes, filters_overlap, generalised};
use super::subject::{check_subject_filter, subject_matches};
use crate::error::{Error, Result};

/// Filters of which none includes another; no filter at all stands for every subject.
///
/// A message that matches two of them is one message: filters may overlap (`a.*.c`, `a.b.*`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Subjects(Vec<String>);

impl Subjects {
    /// Every subject.
    pub const ALL: Subjects = Subjects(Vec::new());

    /// These filters, in their order, without those that another one includes.
    ///
    /// # Errors
    /// A text is not a subject filter, or the list is empty: an empty list would read everything where nothing was asked for.
    pub fn new<T: AsRef<str>>(filters: &[T]) -> Result<Self> {
        filters.iter().try_for_each(|filter| check_subject_filter(filter.as_ref()))?;
        if filters.is_empty() {
            return Err(Error::new("the list of subjects is empty").advice("name at least one, or leave it out"));
        }
        let mut kept: Vec<&str> = Vec::new();
        for filter in filters.iter().map(AsRef::as_ref) {
            if !kept.iter().any(|other| filter_includes(other, filter)) {
                kept.retain(|other| !filter_includes(filter, other));
                kept.push(filter);
            }
        }
        if kept == [">"] {
            return Ok(Self::ALL);
        }
        Ok(Self(kept.into_iter().map(str::to_owned).collect()))
    }

    /// Whether every subject matches.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// The filters; none when every subject matches.
    #[must_use]
    pub fn filters(&self) -> &[String] {
        &self.0
    }

    /// The filter, where there is exactly one.
    #[must_use]
    pub fn single(&self) -> Option<&str> {
        match self.0.as_slice() {
            [filter] => Some(filter),
            _ => None,
        }
    }

    /// Whether a subject matches.
    #[must_use]
    pub fn matches(&self, subject: &[u8]) -> bool {
        self.is_all() || self.0.iter().any(|filter| subject_matches(subject, filter))
    }

    /// One filter that matches whatever these match, and perhaps more.
    #[must_use]
    pub fn cover(&self) -> Self {
        let mut filters = self.0.iter();
        let Some(first) = filters.next() else { return Self::ALL };
        let cover = filters.fold(first.clone(), |cover, filter| generalised(&cover, filter));
        if cover == ">" { Self::ALL } else { Self(vec![cover]) }
    }

    /// Whether no filter matches a captured subject; the captured subjects are filters, too.
    #[must_use]
    pub fn are_outside(&self, captured: &[String]) -> bool {
        let meets = |filter: &String| captured.iter().any(|other| filters_overlap(other, filter));
        !self.is_all() && !self.0.iter().any(meets)
    }

    /// Whether these match every subject that a filter matches.
    #[must_use]
    pub fn include(&self, filter: &str) -> bool {
        self.is_all() || self.0.iter().any(|own| filter_includes(own, filter))
    }
}

impl From<String> for Subjects {
    /// One filter that has been checked.
    fn from(filter: String) -> Self {
        if filter == ">" { Self::ALL } else { Self(vec![filter]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_includes_is_left_out() {
        let cases: [(&[&str], &[&str]); 6] = [
            (&["a.b", "a.>", "a.c.d"], &["a.>"]),
            (&["a.>", "a.b"], &["a.>"]),
            (&["a.b", "a.b", "c"], &["a.b", "c"]),
            (&["a.*.c", "a.b.*"], &["a.*.c", "a.b.*"]),
            (&["a", ">"], &[]),
            (&["b", "a"], &["b", "a"]),
        ];
        for (given, kept) in cases {
            assert_eq!(Subjects::new(given).unwrap().filters(), kept, "{given:?}");
        }
        assert!(Subjects::new::<&str>(&[]).is_err());
        assert!(Subjects::new(&["a", "b..c"]).is_err());
    }

    #[test]
    fn filters_that_match_nothing_captured_are_outside() {
        let captured = ["orders.>".to_owned(), "audit".to_owned()];
        let outside = |filters: &[&str]| Subjects::new(filters).unwrap().are_outside(&captured);
        assert!(!outside(&["orders.*.new"]) && !outside(&["*"]) && !outside(&["order", "orders.1"]));
        assert!(outside(&["order"]) && outside(&["orders"]) && outside(&["order", "audit.x"]));
        assert!(!Subjects::ALL.are_outside(&captured));
    }

    /// Over many lists: the reduced list matches what the list matches, and the cover matches all of it.
    #[test]
    fn reducing_and_covering_change_no_answer() {
        const TOKENS: [&str; 4] = ["a", "b", "*", ">"];
        let mut seed = 7_u64;
        let mut any = |below: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 11) as usize % below
        };
        for _ in 0..20_000 {
            let mut filter = |tokens: usize, last: usize| {
                let length = 1 + any(3);
                let parts = (0..length).map(|at| TOKENS[any(if at + 1 == length { last } else { tokens })]);
                parts.collect::<Vec<_>>().join(".")
            };
            let list: Vec<String> = (0..3).map(|_| filter(3, 4)).collect();
            let subject = filter(2, 2);
            let subjects = Subjects::new(&list).unwrap();
            let matches = list.iter().any(|filter| subject_matches(subject.as_bytes(), filter));
            assert_eq!(subjects.matches(subject.as_bytes()), matches, "{list:?} {subject}");
            assert!(!matches || subjects.cover().matches(subject.as_bytes()), "{list:?} {subject}");
            assert!(subjects.cover().filters().len() <= 1);
        }
    }
}
