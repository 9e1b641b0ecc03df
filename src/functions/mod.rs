//! What SQL sees: one file per function, and the list of them.
//!
//! A new function is one file here and one line in [`register_all`].

mod ack;
mod connection;
mod correlation_key;
mod get;
mod ingest;
mod last_seq;
mod messages;
mod payload;
mod ping;
mod range;
mod scan;
mod stats;

use crate::error::Result;
use crate::ffi::Registrar;

/// Registers every function with the database that loads the extension.
pub fn register_all(registrar: &Registrar) -> Result<()> {
    registrar.settings(&connection::settings())?;
    registrar.table::<scan::NatsScan>()?;
    registrar.table::<get::NatsGet>()?;
    registrar.table::<ingest::NatsIngest>()?;
    registrar.table::<ack::NatsAck>()?;
    registrar.table::<ack::NatsNak>()?;
    registrar.scalar::<correlation_key::NatsCorrelationKey>()?;
    registrar.table::<last_seq::NatsLastSeq>()?;
    registrar.scalar::<last_seq::NatsLastSeqScalar>()?;
    registrar.table::<ping::NatsPing>()?;
    registrar.table::<stats::NatsStats>()
}
