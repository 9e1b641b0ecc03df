//! Waiting until a stream has something new, without a trace on the server: it is asked again and again, ever less often.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::access::Access;
use super::connection::Connection;
use super::runtime::block_on_read;
use super::single::next_of_each;
use super::state::state_or_error;
use crate::error::{Error, Result};
use crate::plan::Subjects;

/// The pause after the first question; each is half as long again as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause: how late a message may be seen.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Waits until the stream has a message that matches at or behind a sequence, at most for a length of time. Whether it has. One
/// round trip for the stream's state, and one for each question.
///
/// # Errors
/// There is no such stream, no permission, or no answer.
pub fn wait_for_message(
    connection: &Arc<Connection>,
    stream: &str,
    subjects: &Subjects,
    from: u64,
    at_most: Duration,
) -> Result<bool> {
    block_on_read(async {
        let until = Instant::now() + at_most;
        let access = Access::of(&state_or_error(connection, stream).await?);
        let mut pause = FIRST_PAUSE;
        loop {
            for answer in next_of_each(connection, access, stream, subjects, from).await? {
                match answer {
                    Ok(Some(_)) => return Ok(true),
                    Ok(None) => {}
                    Err(failure) => return Err(connection.explain(failure, &access.call(stream), stream).await),
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            tokio::time::sleep(pause.min(left)).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    })
    .map_err(|error: Error| error.stream(stream).server(connection.label()))
}
