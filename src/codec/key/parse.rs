//! The grammar of a template.

use super::bucket::Bucket;
use super::escape;
use super::template::{Alternative, PartSource, Segment, Template};
use crate::codec::path::Path;
use crate::error::{Error, Result};

impl Template {
    /// Checks a template; the error names the position of the first fault.
    ///
    /// # Errors
    /// The template is malformed, or no part of it comes from an event.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parser = Parser { text, rest: text, paths: Vec::new() };
        let mut segments = Vec::new();
        // Where each segment begins.
        let mut starts = Vec::new();
        while !parser.rest.is_empty() {
            let start = parser.rest;
            let segment = parser.segment()?;
            match (segments.last_mut(), segment) {
                (Some(Segment::Literal(before)), Segment::Literal(more)) => before.push_str(&more),
                (_, segment) => {
                    segments.push(segment);
                    starts.push(start);
                }
            }
        }
        let varies = |segment: &Segment| match segment {
            Segment::Literal(_) => false,
            Segment::Part(alternatives) => {
                !matches!(alternatives.first(), None | Some(Alternative { source: PartSource::Text(_), .. }))
            }
        };
        if !segments.iter().any(varies) {
            return Err(Error::new(format!(
                "the key template '{text}' has no part in braces that varies: every row would have one key"
            ))
            .advice("name fields in braces, as in '{user_id}:{started_at@5m}'"));
        }
        let encoded = escape::encoded(&segments, |index, what| {
            let rest = starts.get(index).copied().unwrap_or_default();
            Parser { text, rest, paths: Vec::new() }.fault(what)
        })?;
        Ok(Template { text: text.to_owned(), segments, paths: parser.paths, encoded })
    }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    paths: Vec<Path>,
}

impl Parser<'_> {
    fn segment(&mut self) -> Result<Segment> {
        for brace in ["{", "}"] {
            if self.rest.starts_with(&brace.repeat(2)) {
                self.rest = &self.rest[2..];
                return Ok(Segment::Literal(brace.to_owned()));
            }
        }
        if self.rest.starts_with('}') {
            return Err(self.fault("a '}' without its '{'; write '}}' for a brace"));
        }
        if self.rest.starts_with('{') {
            self.rest = &self.rest[1..];
            return self.part();
        }
        let end = self.rest.find(['{', '}']).unwrap_or(self.rest.len());
        let literal = self.rest[..end].to_owned();
        self.rest = &self.rest[end..];
        Ok(Segment::Literal(literal))
    }

    /// The text between braces; the opening brace has been read.
    fn part(&mut self) -> Result<Segment> {
        let mut alternatives = Vec::new();
        loop {
            alternatives.push(self.alternative()?);
            let mut chars = self.rest.chars();
            match chars.next() {
                Some('|') => self.rest = chars.as_str(),
                Some('}') => {
                    self.rest = chars.as_str();
                    return Ok(Segment::Part(alternatives));
                }
                Some(_) => return Err(self.fault("expected '|' or '}'")),
                None => return Err(self.fault("a '{' is not closed")),
            }
        }
    }

    fn alternative(&mut self) -> Result<Alternative> {
        let source = if self.rest.starts_with('\'') { self.quoted()? } else { self.named()? };
        let Some(after) = self.rest.strip_prefix('@') else { return Ok(Alternative { source, bucket: None }) };
        let end = after.find(['|', '}']).unwrap_or(after.len());
        let bucket = Bucket::parse(&after[..end]).ok_or_else(|| {
            self.fault(&format!(
                "'{}' is not a time bucket; write a number and s, m, h or d, as in @5m, \
                 and behind it :s, :ms, :us or :ns for a Unix epoch, as in @5m:ms",
                &after[..end]
            ))
        })?;
        self.rest = &after[end..];
        Ok(Alternative { source, bucket: Some(bucket) })
    }

    /// A text in single quotes; a quote inside is written twice.
    fn quoted(&mut self) -> Result<PartSource> {
        let mut text = String::new();
        let mut rest = &self.rest[1..];
        loop {
            let Some(end) = rest.find('\'') else { return Err(self.fault("a quoted text is not closed")) };
            text.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.strip_prefix('\'') {
                Some(after) => {
                    text.push('\'');
                    rest = after;
                }
                None => break,
            }
        }
        self.rest = rest;
        Ok(PartSource::Text(text))
    }

    /// A field, or one of the words `subject`, `seq`, `unnest_index` and `header:Name`.
    fn named(&mut self) -> Result<PartSource> {
        let end = end_of_name(self.rest);
        let name = &self.rest[..end];
        let source = match name {
            "" => return Err(self.fault("a field's name is missing")),
            "subject" => PartSource::Subject,
            "seq" => PartSource::Sequence,
            "unnest_index" => PartSource::Index,
            name => match name.strip_prefix("header:") {
                Some("") => return Err(self.fault("a header's name is missing")),
                Some(header) => PartSource::Header(header.to_owned()),
                None => {
                    let path = Path::parse(name).map_err(|error| self.fault(error.cause()))?;
                    PartSource::Field(self.field(path))
                }
            },
        };
        self.rest = &self.rest[end..];
        Ok(source)
    }

    fn field(&mut self, path: Path) -> usize {
        self.paths.iter().position(|known| *known == path).unwrap_or_else(|| {
            self.paths.push(path);
            self.paths.len() - 1
        })
    }

    fn fault(&self, what: &str) -> Error {
        let position = self.text[..self.text.len() - self.rest.len()].chars().count() + 1;
        Error::new(format!("the key template '{}', position {position}: {what}", self.text))
    }
}

/// Where a name ends: at `|`, `}` or `@` outside double quotes.
fn end_of_name(text: &str) -> usize {
    let mut quoted = false;
    for (index, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '|' | '}' | '@' | '{' if !quoted => return index,
            _ => {}
        }
    }
    text.len()
}
