//! The correlation key: a template becomes the exact text under which two reports of one event are the same.
//!
//! ```text
//! {user_id}                      a field of the payload, by path
//! {player|device|'unknown'}      the first alternative that is present and not empty; text in single quotes
//! {album|''}                     the part may be empty
//! {started_at@5m}                a time truncated to a bucket (s, m, h, d) since 1970 in UTC: 2024-01-15T10:30
//! {started_at@5m:ms}             the same of a Unix epoch in the unit that follows (s, ms, us, ns)
//! {subject} {seq} {header:Name}  the message's own
//! {unnest_index}                 the place of a row among several of its message, from 1
//! {{ }}                          a brace
//! ```
//!
//! Text outside braces is literal. In a value, `:` and `%` are written `%3A` and `%25`, and any other character that ends a value in this template is
//! encoded, too (`escape`), so that different values make different keys; the colons of a bucket stay. A key is its text, and not a hash.

mod bucket;
mod escape;
mod parse;
mod percent;
mod template;

pub use percent::push_escaped;
pub use template::{KeyError, KeyText, PartValues, Template};

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
