//! The functions of SQL: one file each, and the list of them.
//!
//! A new function is one file here and one line in [`register_all`].

mod ack;
mod ack_sequences;
mod by_connection;
mod by_durable;
mod checkpoint;
mod connection;
mod consumer_control;
mod consumer_ensure;
mod consumers;
mod copy;
mod core_nats;
mod correlation_key;
mod counters;
mod dead_letters;
mod documentation;
mod get;
mod headers;
mod in_progress;
mod ingest;
mod json_value;
mod kv;
mod last;
mod last_seq;
mod manage;
mod message_scalars;
mod messages;
mod nak;
mod nak_sequences;
mod object;
mod object_store;
mod payload;
mod ping;
mod publish;
mod publish_atomic;
mod range;
mod reads;
mod rows;
mod scan;
mod stats;
mod store;
mod stream_delete;
mod stream_ensure;
mod stream_names;
mod stream_table;
mod streams;
mod subject_match;
mod subjects;
#[cfg(test)]
mod synopsis_tests;
mod system;
mod tail;
mod term;
mod try_publish;
mod unsettled;
mod url_scan;
mod verify;

use crate::error::Result;
use crate::ffi::Registrar;
use rows::{OfProcess, Small};
use stream_table::{StreamTable, StreamTableArguments};

/// Registers every function with the database that loads the extension.
///
/// # Errors
/// The host refuses a registration.
pub fn register_all<R: Registrar>(registrar: &R) -> Result<()> {
    registrar.describe(documentation::FUNCTIONS);
    registrar.settings(&connection::settings())?;
    registrar.table::<StreamTable<scan::NatsScan>>()?;
    registrar.table::<StreamTable<url_scan::NatsUrlScan>>()?;
    registrar.replacement(url_scan::PREFIXES, url_scan::NatsUrlScan::NAME)?;
    registrar.table::<get::NatsGet>()?;
    registrar.table::<ingest::NatsIngest>()?;
    registrar.table::<Small<ack::NatsAck>>()?;
    registrar.scalar::<ack_sequences::NatsAckSequences>()?;
    registrar.table::<Small<nak::NatsNak>>()?;
    registrar.scalar::<nak_sequences::NatsNakSequences>()?;
    registrar.scalar::<term::NatsTerm>()?;
    registrar.scalar::<in_progress::NatsInProgress>()?;
    registrar.table::<unsettled::NatsUnsettled>()?;
    registrar.scalar::<correlation_key::NatsCorrelationKey>()?;
    kv::register(registrar)?;
    registrar.table::<Small<object::NatsObjectList>>()?;
    registrar.table::<Small<object::NatsObjectGet>>()?;
    registrar.scalar::<object::NatsObjectPut>()?;
    registrar.table::<Small<object::NatsObjectDelete>>()?;
    registrar.table::<Small<object_store::NatsObjectStores>>()?;
    registrar.table::<Small<object_store::NatsObjectStoreEnsure>>()?;
    registrar.scalar::<message_scalars::NatsGetScalar>()?;
    registrar.table::<last::NatsLast>()?;
    registrar.scalar::<message_scalars::NatsLastScalar>()?;
    registrar.table::<tail::NatsTail>()?;
    registrar.scalar::<subject_match::NatsSubjectMatch>()?;
    registrar.table::<last_seq::NatsLastSeq>()?;
    registrar.scalar::<last_seq::NatsLastSeqScalar>()?;
    registrar.scalar::<checkpoint::NatsCheckpoint>()?;
    registrar.scalar::<publish::NatsPublish>()?;
    registrar.scalar::<try_publish::NatsTryPublish>()?;
    registrar.copy::<copy::CopyToStream>()?;
    registrar.scalar::<publish_atomic::NatsPublishAtomic>()?;
    registrar.scalar::<headers::NatsHeaders>()?;
    registrar.table::<counters::NatsCounters>()?;
    registrar.scalar::<core_nats::NatsRequest>()?;
    registrar.table::<Small<core_nats::NatsSubscribe>>()?;
    registrar.table::<Small<ping::NatsPing>>()?;
    registrar.table::<Small<streams::NatsStreams>>()?;
    registrar.table::<Small<streams::NatsStreamInfo>>()?;
    registrar.table::<subjects::NatsSubjects>()?;
    registrar.table::<Small<consumers::NatsConsumers>>()?;
    registrar.table::<Small<stream_ensure::NatsStreamEnsure>>()?;
    registrar.table::<Small<stream_delete::NatsStreamDelete>>()?;
    registrar.table::<Small<stream_delete::NatsStreamPurge>>()?;
    registrar.table::<Small<stream_delete::NatsMessageDelete>>()?;
    registrar.table::<Small<consumer_ensure::NatsConsumerEnsure>>()?;
    registrar.table::<Small<consumer_ensure::NatsConsumerDelete>>()?;
    registrar.table::<Small<consumer_control::NatsConsumerPause>>()?;
    registrar.table::<Small<consumer_control::NatsConsumerResume>>()?;
    registrar.table::<Small<consumer_control::NatsConsumerReset>>()?;
    registrar.table::<Small<consumer_control::NatsConsumerUnpin>>()?;
    registrar.table::<Small<system::NatsServers>>()?;
    registrar.table::<Small<system::NatsConnections>>()?;
    registrar.table::<Small<system::NatsAccounts>>()?;
    registrar.table::<Small<verify::NatsVerify>>()?;
    registrar.table::<OfProcess<reads::NatsReads>>()?;
    registrar.table::<OfProcess<stats::NatsStats>>()
}
