//! Relations between subject filters: their intersection, a filter that includes two others, and whether one includes another.

use super::subject::subject_matches;

/// Filters that together match every subject that both lists match; they may match more.
pub(super) fn common(some: &[String], others: &[String]) -> Vec<String> {
    let literal = |filters: &[String]| filters.iter().all(|filter| !has_wildcard(filter));
    let (kept, checks) = if literal(some) || !literal(others) { (some, others) } else { (others, some) };
    let fits =
        |filter: &&String| has_wildcard(filter) || checks.iter().any(|check| subject_matches(filter.as_bytes(), check));
    kept.iter().filter(fits).cloned().collect()
}

fn has_wildcard(filter: &str) -> bool {
    filter.split('.').any(|token| matches!(token, "*" | ">"))
}

/// One filter that matches every subject that either of two filters matches.
pub(super) fn generalised(one: &str, other: &str) -> String {
    let (mut ones, mut others) = (one.split('.'), other.split('.'));
    let mut tokens = Vec::new();
    loop {
        match (ones.next(), others.next()) {
            (None, None) => return tokens.join("."),
            (Some(a), Some(b)) if a != ">" && b != ">" => tokens.push(if a == b { a } else { "*" }),
            (Some(_), Some(_)) => break,
            // One filter ends where the other goes on. `>` needs a token, so the common part ends one token before.
            (Some(_), None) | (None, Some(_)) => {
                tokens.pop();
                break;
            }
        }
    }
    tokens.push(">");
    tokens.join(".")
}

/// Whether a subject can match both filters.
#[must_use]
pub fn filters_overlap(one: &str, other: &str) -> bool {
    let (mut ones, mut others) = (one.split('.'), other.split('.'));
    loop {
        match (ones.next(), others.next()) {
            (None, None) | (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
            (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
            _ => return false,
        }
    }
}

/// Whether every subject that matches `inner` matches `outer`, too.
#[must_use]
pub fn filter_includes(outer: &str, inner: &str) -> bool {
    let (mut outers, mut inners) = (outer.split('.'), inner.split('.'));
    loop {
        match (outers.next(), inners.next()) {
            (None, None) => return true,
            (Some(">"), Some(_)) => return true,
            (Some(a), Some(b)) if b != ">" && (a == "*" || a == b) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_includes_another() {
        for (outer, inner, included) in [
            (">", "a.b", true),
            ("a.>", "a.*", true),
            ("a.>", "a.b.>", true),
            ("a.*", "a.b", true),
            ("a.b", "a.b", true),
            ("a.*", "a.>", false),
            ("a.b", "a.*", false),
            ("a.*.c", "a.b", false),
            ("a", "a.>", false),
            ("a.>", "a", false),
        ] {
            assert_eq!(filter_includes(outer, inner), included, "{outer} {inner}");
        }
    }

    /// Over all pairs of short filters: they overlap when some short subject matches both.
    #[test]
    fn filters_overlap_when_a_subject_matches_both() {
        let lists = |tokens: &[&str]| -> Vec<String> {
            let mut out: Vec<String> = tokens.iter().map(|&token| token.to_owned()).collect();
            for length in 1..3 {
                let longest: Vec<String> =
                    out.iter().filter(|text| text.split('.').count() == length).cloned().collect();
                out.extend(longest.iter().flat_map(|text| tokens.iter().map(move |token| format!("{text}.{token}"))));
            }
            out
        };
        // ">" stands at the end alone.
        let filters: Vec<String> =
            lists(&["a", "b", "*", ">"]).into_iter().filter(|text| !text.contains(">.")).collect();
        let subjects = lists(&["a", "b"]);
        for one in &filters {
            for other in &filters {
                let both = |subject: &String| {
                    subject_matches(subject.as_bytes(), one) && subject_matches(subject.as_bytes(), other)
                };
                assert_eq!(filters_overlap(one, other), subjects.iter().any(both), "{one} {other}");
            }
        }
    }
}
