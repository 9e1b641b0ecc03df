//! The messages of a stream that a statement reads, shared by the functions that read a range.
//!
//! ```text
//! options      the parameters that say which messages
//! checkpoints  those of a read from one checkpoint to another
//! plan         options and the stream as it is become a range of sequences
//! read         a running read of that range
//! ```

mod checkpoints;
mod options;
mod plan;
mod read;

pub use options::{PARAMETERS, RangeOptions, read, read_several};
pub use plan::{RangePlan, last_sequence_at, sample};
pub use read::RangeRead;
