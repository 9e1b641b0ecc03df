//! Key-value buckets as tables: `nats_kv_*`. The conventions are those of ADR-8 (`plan::kv`), so other clients see the
//! same buckets.

mod bucket;
mod entries;
mod get;
mod scan;
mod write;

use super::rows::Small;
use crate::error::Result;
use crate::ffi::Registrar;

/// Registers the functions of this folder.
///
/// # Errors
/// The host refuses a registration.
pub fn register<R: Registrar>(registrar: &R) -> Result<()> {
    registrar.table::<Small<bucket::Buckets>>()?;
    registrar.table::<Small<bucket::BucketEnsure>>()?;
    registrar.table::<Small<bucket::BucketDelete>>()?;
    registrar.table::<Small<get::Get>>()?;
    registrar.scalar::<get::GetScalar>()?;
    registrar.table::<scan::Scan>()?;
    registrar.table::<scan::History>()?;
    registrar.scalar::<write::Put>()?;
    registrar.scalar::<write::Create>()?;
    registrar.scalar::<write::Update>()?;
    registrar.scalar::<write::Delete>()?;
    registrar.scalar::<write::Purge>()
}
