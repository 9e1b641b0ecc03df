//! A part of a stream as each server gave it.

use crate::plan::{Seen, SequenceRange};

/// What the servers gave of a range; None is a server that did not answer.
pub(super) struct Part {
    pub range: SequenceRange,
    pub seen: Vec<Option<Vec<Seen>>>,
}
