//! A process's knowledge of the order in which a durable delivers.

use crate::plan::{Absent, DeliveryOrder};

/// The order so far, and the passed over sequences that are known to be gone.
#[derive(Debug, Default)]
pub(super) struct PassedOver {
    pub(super) order: DeliveryOrder,
    /// Sequences that are known to be gone.
    pub(super) absent: Absent,
}
