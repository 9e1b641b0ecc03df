//! Pure decisions: options and the state of a stream become a range of sequences, and replies become an ordered run of records, and the messages of a
//! durable are settled. No async, no clock, no network.

mod checkpoint;
mod completeness;
mod connections;
mod delivery_order;
mod duplicates;
mod filters;
mod given;
mod isolation;
mod key_table;
pub mod kv;
mod merge;
mod merged_keys;
mod newest;
mod progress;
mod range;
mod region;
mod row_keys;
mod sequence_set;
mod settlement;
mod stream_names;
mod subject;
mod subjects;
mod survey;
mod time_search;
mod verdict;
mod window;

pub use checkpoint::{Checkpoint, Fingerprint, Removal, StreamNow, gap_error};
pub use completeness::{Absent, Continuity, continuity, continuity_of_last, damaged};
pub use connections::{Connections, Pace};
pub use delivery_order::DeliveryOrder;
pub use duplicates::{KeptKeys, Repeats};
pub use given::{AckNames, AckPlace, Given};
pub use isolation::Backoff;
pub use merge::Merge;
pub use merged_keys::{MergedKeys, MergedRow};
pub use newest::{Newest, NewestKeys};
pub use progress::Progress;
pub use range::{Bounds, SequenceRange, StreamState};
pub use region::{Region, RegionColumns, Span};
pub use row_keys::RowKeys;
pub use sequence_set::SequenceSet;
pub use settlement::{Confirmed, Decided, Decision, Outcome, Settlement, Unsettled, messages};
pub use stream_names::StreamNames;
pub use subject::{
    check_consumer, check_durable, check_publish_subject, check_stream, check_subject_filter, is_possible_subject,
    subject_matches,
};
pub use subjects::Subjects;
pub use survey::{Counted, Finding, Kind as FindingKind, Runs, Seen, Survey};
pub use time_search::{MAX_STEP_BACK_NS, StoreTimes, TimeSearch};
pub use verdict::{ReadEnd, Verdict};
pub use window::{Reply, Request, Window};
