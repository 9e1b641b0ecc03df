//! The correlation key: a template becomes the exact text under which two reports of one event are the same.
//!
//! ```text
//! {user_id}                      a field of the payload, by path
//! {player|device|'unknown'}      the first alternative that is present and not empty; text in single quotes
//! {started_at@5m}                a time truncated to a bucket (s, m, h, d) since 1970 in UTC: 2024-01-15T10:30
//! {subject} {seq} {header:Name}  the message's own
//! {{ }}                          a brace
//! ```
//!
//! Text outside braces is literal. In a value, `:` and `%` are written `%3A` and `%25`, so that values joined by
//! colons can be told apart; the colons of a bucket stay. No hash is involved: a key is its text.

mod bucket;
mod parse;
mod template;

pub use template::{KeyError, Parts, Template, push_escaped};

#[cfg(test)]
mod tests;
