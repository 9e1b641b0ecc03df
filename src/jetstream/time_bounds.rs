//! Finds the place of a span of time in a stream.

use std::sync::Arc;

use super::access::Access;
use super::connection::Connection;
use super::failure::Failure;
use super::runtime::block_on_read;
use super::single::next_messages;
use crate::error::Result;
use crate::plan::{StreamState, TimeSearch};

/// Runs searches to their ends, side by side: about log8(messages) round trips, on every server, each of a few requests.
///
/// The leader is asked where it may be, because a replica that is behind would let the range end early. A hole is skipped
/// by reading the next message there is. (Direct Get's own `start_time` needs server 2.11, and was found to answer with an
/// earlier message, nats-server#6032, and to start at the first message for times beyond the year 2262.)
///
/// # Errors
/// `Kind::Unsupported` when store times step back too far for a bound of time; those of any request.
pub fn search_times(
    connection: &Arc<Connection>,
    stream: &str,
    state: &StreamState,
    searches: &mut [&mut TimeSearch],
) -> Result<()> {
    let mut access = Access::MsgGet;
    block_on_read(async {
        loop {
            let probes: Vec<Vec<u64>> = searches.iter().map(|search| search.probes()).collect();
            if probes.iter().all(Vec::is_empty) {
                return Ok(());
            }
            let probed: Vec<u64> = probes.iter().flatten().copied().collect();
            let answers = next_messages(connection, access, stream, &probed).await?;
            let mut answers = probed.into_iter().zip(answers).collect::<Vec<_>>().into_iter();
            let forbidden = |answer: &Failure| *answer == Failure::Forbidden;
            if access == Access::MsgGet
                && state.direct != Some(false)
                && answers.as_slice().iter().any(|(_, answer)| answer.as_ref().is_err_and(forbidden))
            {
                access = Access::Direct;
                continue;
            }
            for (search, probes) in searches.iter_mut().zip(&probes) {
                let mut found = Vec::with_capacity(probes.len());
                for (probe, answer) in answers.by_ref().take(probes.len()) {
                    match answer {
                        Ok(record) => found.push((probe, record.map(|record| (record.sequence, record.time_ns)))),
                        Err(failure) => return Err(connection.explain(failure, &access.call(stream), stream).await),
                    }
                }
                search.take(&found)?;
            }
        }
    })
    .map_err(|error| error.stream(stream).server(connection.label()))
}
