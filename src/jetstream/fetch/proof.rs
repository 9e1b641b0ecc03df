//! The end of a read: what it lacks was deleted, and the stream is the one with which it began, or it fails.

use std::sync::Arc;

use super::counts::{Proof, check_counts};
use super::request::FetchRequest;
use crate::error::{Error, Kind, Result};
use crate::jetstream::access::Access;
use crate::jetstream::connection::Connection;
use crate::jetstream::inspect::{Gaps, check_identity, inspect};
use crate::jetstream::newest::counted;
use crate::jetstream::wire::Want;
use crate::plan::Window;

/// Proves that what left the window is everything that there is of its range.
///
/// 1. Where the window questions gaps, everything that it let pass is accounted for. It remains to see that the stream is
///    the same: one round trip.
/// 2. What was received is a part of what existed when the read began: a range has an end, and nothing is stored below
///    it. So when its number is the number that existed then, nothing is missing. That number is the stream's own count
///    for a whole stream; under a filter, for a range that ends with the stream, it is the count in the server's first
///    answer, if nothing was stored meanwhile.
/// 3. Otherwise messages were deleted meanwhile, or are missing, and the deleted ones have to be listed; under a filter, when
///    counts do not settle it, the range is read again without the filter.
///
/// Where `access`, the way in which the read ended, is not Direct Get, its counts are not asked for.
pub(super) async fn prove(
    connection: &Arc<Connection>,
    request: &FetchRequest,
    window: &Window,
    access: Access,
) -> Result<Proof> {
    let (stream, began) = (&request.stream, &request.state);
    if window.explains_gaps() {
        check_identity(connection, stream, began).await?;
        return Ok(Proof::Whole);
    }
    let (read, range) = (window.read(), window.covered());
    let filtered = request.subject().is_some();
    let whole = range.first <= began.first.max(1) && range.last >= began.last;
    let now = check_identity(connection, stream, began).await?;
    let still = now.last == began.last;
    let expected = match filtered {
        false => Some(began.messages).filter(|_| whole && began.exact),
        // Replicas that count differently are found by asking several, below.
        true => window.counted().filter(|_| range.last >= began.last && still && began.exact && began.replicas == 1),
    };
    if expected == Some(read.len()) {
        return Ok(Proof::Whole);
    }
    if access == Access::Direct && request.counts(connection) && (filtered || !began.exact) {
        return check_counts(connection, request, read, range).await;
    }
    if let Some(filter) = request.subject() {
        // Servers before 2.11, and streams without Direct Get: the stream's own count of a subject is that of all of it.
        if !whole || !still || now.messages != began.messages || filter.contains(['*', '>']) {
            return Ok(Proof::Whole);
        }
        return match counted(connection, stream, filter).await? > read.len() {
            true => Ok(Proof::Unsure),
            false => Ok(Proof::Whole),
        };
    }
    if !began.exact {
        // Who may not ask for the state, on a server that does not count, cannot tell a deletion from a missing message.
        return Ok(Proof::Whole);
    }
    let inspection = inspect(connection, stream, began, Gaps::Beside(read, range), Want::default()).await?;
    match inspection.found.len() {
        0 => Ok(Proof::Whole),
        count => Err(left_out(count as u64)),
    }
}

/// The error for messages that a replica did not give.
pub(super) fn left_out(count: u64) -> Error {
    let messages = if count == 1 { "a message".to_owned() } else { format!("{count} messages") };
    Error::of(Kind::Damaged, format!("a replica left out {messages} that the stream counts and another replica has"))
        .advice("run the statement again; a replica is damaged")
}
