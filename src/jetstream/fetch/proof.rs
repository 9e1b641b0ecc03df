//! The end of a read: the missing messages were deleted, and the stream is the one with which the read began, or the read fails.

use std::sync::Arc;

use super::counts::{Proof, check_counts};
use super::request::FetchRequest;
use crate::error::{Error, Kind, Result};
use crate::jetstream::access::Access;
use crate::jetstream::connection::Connection;
use crate::jetstream::inspect::{Gaps, check_identity, inspect};
use crate::jetstream::newest::counted;
use crate::jetstream::wire::Want;
use crate::plan::{ReadEnd, Verdict, Window};

/// Proves that every message of the range has left the window: one round trip to see that the stream is the same, and more where [`ReadEnd::verdict`]
/// asks for more.
///
/// Where `access`, the way in which the read ended, is not Direct Get, its counts are not asked for.
pub(super) async fn prove(
    connection: &Arc<Connection>,
    request: &FetchRequest,
    window: &Window,
    access: Access,
) -> Result<Proof> {
    let (stream, began) = (&request.stream, &request.state);
    let (read, range) = (window.read(), window.covered());
    let now = check_identity(connection, stream, began).await?;
    let end = ReadEnd {
        began,
        now: &now,
        range,
        read: read.len(),
        counted: window.counted(),
        filter: request.subject(),
        explained: window.explains_gaps(),
        counts: access == Access::Direct && request.counts(connection),
    };
    match end.verdict() {
        Verdict::Whole | Verdict::Unproven => Ok(Proof::Whole),
        Verdict::Count => check_counts(connection, request, read, range).await,
        Verdict::CountSubject => {
            match counted(connection, stream, request.subject().unwrap_or(">")).await? > read.len() {
                true => Ok(Proof::Unsure),
                false => Ok(Proof::Whole),
            }
        }
        Verdict::List => {
            let inspection = inspect(connection, stream, began, Gaps::Beside(read, range), Want::default()).await?;
            match inspection.found.len() {
                0 => Ok(Proof::Whole),
                count => Err(left_out(count as u64)),
            }
        }
    }
}

/// The error for messages that a replica did not give.
pub(super) fn left_out(count: u64) -> Error {
    let messages = if count == 1 { "a message".to_owned() } else { format!("{count} messages") };
    Error::of(Kind::Damaged, format!("a replica left out {messages} that the stream counts and another replica has"))
        .advice("run the statement again; a replica is damaged")
}
