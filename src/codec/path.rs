//! Paths into a document, as users write them in `json_extract` and `columns`.
//!
//! ```text
//! location.zone      member `zone` of member `location`
//! readings.0.kw      the first element of a list; also the member named `0` of an object
//! readings[0].kw     the first element of a list, nothing else
//! readings[-1].kw    the last element of a list; [-2] the one before
//! readings[*].kw     all elements, as a LIST: one value an element, NULL where it has none
//! readings[].kw where `readings` is unnested, the element of the row
//! "a.b".c            a key that holds a dot, a bracket or a quote (written twice: `""`)
//! [pkg.name].c       an extension of a protobuf message, by its full name; the same as "[pkg.name]".c
//! $                  the document itself; $[0].kw and $.a begin there (a key that is called $ is quoted)
//! ```
//!
//! Where alternatives are accepted, `a|b.c` has the value of the first path that leads to one. A key that holds `|` is quoted.
//!
//! A path's column is named by its steps joined with `_`: `location_zone`, `readings_0_kw`; a quoted key stays as it is: `a.b_c`; `[-1]` is `last`,
//! `[-2]` is `last_2`, and `[*]` adds nothing: `readings_kw`. The document itself is called `json`, as `read_json` calls a document that is not an
//! object.

use std::fmt;

use crate::column::Type;
use crate::error::{Error, Result};

/// The place of a column's value in a document; the path of the document itself has no step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    steps: Vec<Step>,
}

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A member of an object, by name.
    Key(String),
    /// An element of a list, from 0.
    Index(usize),
    /// A bare number: an element of a list, or the member of an object with that name.
    KeyOrIndex(String, usize),
    /// An element of a list from its end: 1 is the last.
    FromEnd(usize),
    /// All elements of a list.
    All,
    /// The element of the row, where a statement unnests a list.
    Each,
}

impl Path {
    /// Reads a path; the error quotes it and names the fault.
    ///
    /// # Errors
    /// The path is malformed.
    pub fn parse(text: &str) -> Result<Self> {
        let fail = |why: &str| Error::new(format!("invalid path '{text}': {why}"));
        let mut steps = Vec::new();
        let mut rest = text;
        let from_root = text.strip_prefix('$').filter(|after| after.is_empty() || after.starts_with(['.', '[']));
        let mut at_root = from_root.is_some();
        loop {
            if let Some(after) = from_root.filter(|_| std::mem::take(&mut at_root)) {
                rest = after;
            } else {
                let (step, after) = parse_key(rest).map_err(fail)?;
                steps.push(step);
                rest = after;
            }
            while let Some(bracket) = rest.strip_prefix('[') {
                let (element, after) = bracket.split_once(']').ok_or_else(|| fail("a '[' is not closed"))?;
                steps.push(parse_element(element).ok_or_else(|| fail("expected a list index or * in brackets"))?);
                rest = after;
            }
            if rest.is_empty() {
                return Ok(Self { steps });
            }
            rest = rest.strip_prefix('.').ok_or_else(|| fail("expected '.' or '[' after a step"))?;
        }
    }

    /// Reads a path, or alternatives: `a|b.c`.
    ///
    /// # Errors
    /// One of them is malformed.
    pub fn parse_alternatives(text: &str) -> Result<Vec<Self>> {
        let mut quoted = false;
        let bar = |c: char| {
            quoted ^= c == '"';
            c == '|' && !quoted
        };
        text.split(bar).map(Self::parse).collect()
    }

    /// The document itself.
    #[must_use]
    pub fn root() -> Self {
        Self { steps: Vec::new() }
    }

    /// A path of one step: a member of the document, whatever its name.
    pub fn member(key: impl Into<String>) -> Self {
        Self { steps: vec![Step::Key(key.into())] }
    }

    /// A path of these steps.
    #[must_use]
    pub fn of_steps(steps: Vec<Step>) -> Self {
        Self { steps }
    }

    /// The steps, outermost first.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The name of the path's column, unless the statement gives it another one.
    #[must_use]
    pub fn column_name(&self) -> String {
        let named = self.steps.iter().filter_map(|step| match step {
            Step::Key(key) | Step::KeyOrIndex(key, _) => Some(key.clone()),
            Step::Index(index) => Some(index.to_string()),
            Step::FromEnd(1) => Some("last".to_owned()),
            Step::FromEnd(place) => Some(format!("last_{place}")),
            Step::All | Step::Each => None,
        });
        let names: Vec<String> = named.collect();
        if names.is_empty() { "json".to_owned() } else { names.join("_") }
    }

    /// The path below the element of a list that is unnested, and the path of that list; None when the path has no `[]`.
    #[must_use]
    pub fn of_element(&self) -> Option<(Path, Path)> {
        let at = self.steps.iter().position(|step| *step == Step::Each)?;
        let (list, element) = self.steps.split_at(at);
        let element = element.split_first().map_or(&[][..], |(_, rest)| rest);
        Some((Self { steps: list.to_vec() }, Self { steps: element.to_vec() }))
    }

    /// The number of its steps that are all elements of a list.
    #[must_use]
    pub fn lists(&self) -> usize {
        self.steps.iter().filter(|step| **step == Step::All).count()
    }
}

/// The path in a spelling that [`Path::parse`] reads.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !matches!(self.steps.first(), Some(Step::Key(_) | Step::KeyOrIndex(..))) {
            f.write_str("$")?;
        }
        for (i, step) in self.steps.iter().enumerate() {
            let dot = if i == 0 { "" } else { "." };
            match step {
                Step::Key(key) => write!(f, "{dot}{}", quoted(key))?,
                Step::KeyOrIndex(key, _) => write!(f, "{dot}{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::FromEnd(place) => write!(f, "[-{place}]")?,
                Step::All => f.write_str("[*]")?,
                Step::Each => f.write_str("[]")?,
            }
        }
        Ok(())
    }
}

/// A key as a path spells it: quoted when it must be.
pub(super) fn quoted(key: &str) -> String {
    let plain = !key.is_empty() && key != "$" && !key.contains(['.', '[', '"', '|']) && parse_index(key).is_none();
    if plain { key.to_owned() } else { format!("\"{}\"", key.replace('"', "\"\"")) }
}

/// The parts of a document that a statement wants.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The columns that it shows: paths and types.
    pub columns: Vec<(Path, Type)>,
    /// Paths that are read as VARCHAR beside them, for keys; their columns come last.
    pub texts: Vec<Path>,
    /// The positions of the columns with a path that may step into a value without parts; there the path leads to nothing.
    pub lenient: Vec<usize>,
}

impl Wanted {
    /// The paths of all columns, in their order.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.columns.iter().map(|(path, _)| path).chain(&self.texts)
    }
}

impl From<Vec<(Path, Type)>> for Wanted {
    fn from(columns: Vec<(Path, Type)>) -> Self {
        Self { columns, ..Self::default() }
    }
}

impl FromIterator<(Path, Type)> for Wanted {
    fn from_iter<I: IntoIterator<Item = (Path, Type)>>(columns: I) -> Self {
        columns.into_iter().collect::<Vec<_>>().into()
    }
}

fn parse_key(text: &str) -> std::result::Result<(Step, &str), &'static str> {
    if let Some(mut rest) = text.strip_prefix('"') {
        let mut key = String::new();
        loop {
            let (part, after) = rest.split_once('"').ok_or("a quote is not closed")?;
            key.push_str(part);
            match after.strip_prefix('"') {
                Some(doubled) => {
                    key.push('"');
                    rest = doubled;
                }
                None => return Ok((Step::Key(key), after)),
            }
        }
    }
    if let Some((name, after)) = text.strip_prefix('[').and_then(|inside| inside.split_once(']'))
        && is_full_name(name)
    {
        return Ok((Step::Key(format!("[{name}]")), after));
    }
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    if key.is_empty() {
        return Err("a step is empty");
    }
    if key.contains('|') {
        return Err("alternatives have no place here; a key that holds '|' is written in quotes");
    }
    if key.contains('"') {
        return Err("a key that holds a quote is written in quotes, the quote twice");
    }
    let key = key.to_owned();
    Ok((parse_index(&key).map_or_else(|| Step::Key(key.clone()), |index| Step::KeyOrIndex(key.clone(), index)), rest))
}

/// Whether a text is a name with the packages around it, as protobuf has them.
fn is_full_name(text: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    text.split('.').all(is_name)
}

/// The content of brackets: the position of an element, from the front or the end, or `*`.
fn parse_element(text: &str) -> Option<Step> {
    match (text, text.strip_prefix('-')) {
        ("*", _) => Some(Step::All),
        ("", _) => Some(Step::Each),
        (_, Some(place)) => parse_index(place).filter(|place| *place > 0).map(Step::FromEnd),
        (index, None) => parse_index(index).map(Step::Index),
    }
}

/// A list index: digits without sign or needless zeros.
fn parse_index(text: &str) -> Option<usize> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    if digits && (text == "0" || !text.starts_with('0')) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_parse_name_their_column_and_print_again() {
        for (text, column, printed) in [
            ("a", "a", "a"),
            ("location.zone", "location_zone", "location.zone"),
            ("a.0.b", "a_0_b", "a.0.b"),
            ("a[0].b", "a_0_b", "a[0].b"),
            ("a[0][12]", "a_0_12", "a[0][12]"),
            ("\"a.b\".c", "a.b_c", "\"a.b\".c"),
            ("\"say \"\"hi\"\"\"", "say \"hi\"", "\"say \"\"hi\"\"\""),
            ("\"0\".x", "0_x", "\"0\".x"),
            ("\"plain\"", "plain", "plain"),
            ("a.007", "a_007", "a.007"),
            ("\"\"", "", "\"\""),
            ("größe.x y", "größe_x y", "größe.x y"),
            ("$", "json", "$"),
            ("$[0].a", "0_a", "$[0].a"),
            ("$.a", "a", "a"),
            ("$type", "$type", "$type"),
            ("a[-1].b", "a_last_b", "a[-1].b"),
            ("$[-12]", "last_12", "$[-12]"),
            ("a[*].b[*]", "a_b", "a[*].b[*]"),
            ("$[*]", "json", "$[*]"),
            ("a[].b", "a_b", "a[].b"),
            ("$[]", "json", "$[]"),
            ("a.*", "a_*", "a.*"),
            ("\"$\".a", "$_a", "\"$\".a"),
            ("[pkg.v1._ext].a", "[pkg.v1._ext]_a", "\"[pkg.v1._ext]\".a"),
            ("a.[ext][0]", "a_[ext]_0", "a.\"[ext]\"[0]"),
        ] {
            let path = Path::parse(text).unwrap();
            assert_eq!(path.column_name(), column, "{text}");
            assert_eq!(path.to_string(), printed, "{text}");
            assert_eq!(Path::parse(printed).unwrap(), path, "{text}");
        }
    }

    #[test]
    fn alternatives_are_told_apart() {
        let parse = |text| Path::parse_alternatives(text).map(|paths| paths.iter().map(Path::to_string).collect());
        assert_eq!(parse("a|b.c|\"x|y\"[0]"), Ok(["a", "b.c", "\"x|y\"[0]"].map(str::to_owned).to_vec()));
        assert_eq!(parse("a"), Ok(vec!["a".to_owned()]));
        assert!(parse("a|").is_err() && parse("|a").is_err());
    }

    #[test]
    fn broken_paths_say_why() {
        for (text, why) in [
            ("", "a step is empty"),
            (".a", "a step is empty"),
            ("a.", "a step is empty"),
            ("a..b", "a step is empty"),
            ("[0]", "a step is empty"),
            ("[a b]", "a step is empty"),
            ("[a.]", "a step is empty"),
            ("$.", "a step is empty"),
            ("a[0", "a '[' is not closed"),
            ("a[x]", "expected a list index or * in brackets"),
            ("a[-0]", "expected a list index or * in brackets"),
            ("a[**]", "expected a list index or * in brackets"),
            ("a[--1]", "expected a list index or * in brackets"),
            ("a[0]b", "expected '.' or '[' after a step"),
            ("\"a", "a quote is not closed"),
            ("a|b", "alternatives have no place here; a key that holds '|' is written in quotes"),
            ("a\"b", "a key that holds a quote is written in quotes, the quote twice"),
        ] {
            let error = Path::parse(text).unwrap_err().to_string();
            assert_eq!(error, format!("invalid path '{text}': {why}"));
        }
    }
}
