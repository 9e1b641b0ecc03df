//! The messages from which `columns := 'auto'` infers columns: those that the call is about to read.

use crate::error::Result;
use crate::functions::connection;
use crate::functions::range::{self, RangeOptions};
use crate::jetstream::ConnectOptions;
use crate::jetstream::durable::{DurableOptions, Standing, standing};
use crate::record::Record;

/// At most `size` messages: the first of a range; of a durable those that it delivers next, or, when there are none yet, the
/// newest of its filters.
pub(super) fn sample(
    range: &RangeOptions,
    durable: Option<&DurableOptions>,
    connect: &ConnectOptions,
    size: u64,
) -> Result<Vec<Record>> {
    let connection = connection::open(connect)?;
    let Some(durable) = durable else { return range::sample(range, &connection, size) };
    let ahead = match standing(&connection, &durable.stream, &durable.durable)? {
        Some(Standing { next, subjects }) => {
            range::sample(&range.starting_at(next).of_subjects(&subjects), &connection, size)?
        }
        // This call makes the durable, and it begins where the arguments say.
        None if durable.starts_at_the_end() => Vec::new(),
        None => range::sample(&range.unbounded(), &connection, size)?,
    };
    if !ahead.is_empty() {
        return Ok(ahead);
    }
    range::sample(&range.newest_messages(size), &connection, size)
}
