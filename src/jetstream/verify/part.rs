//! A part of a stream as each server gave it.

use crate::plan::{Seen, SequenceRange};

/// The messages of a range that each server gave; None for a server that did not answer.
pub(super) struct Part {
    pub range: SequenceRange,
    pub seen: Vec<Option<Vec<Seen>>>,
}
