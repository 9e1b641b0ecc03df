//! Replacement scans: names of tables that a function reads.

use duckdb_neo as neo;
use neo::ToValue;
use neo::connection::Context;
use neo::extension::Extension;
use neo::qualified_name::QualifiedName;
use neo::replacement_scan::{ReplacementHandle, ReplacementScanBuilder, ReplacementScanCallbacks, ReplacementType};

/// The prefixes of the names, and the function that reads them.
struct Replacement {
    prefixes: &'static [&'static str],
    function: &'static str,
}

/// Makes `FROM 'name'` a call `FROM function('name')` where the name begins with one of the prefixes, in any case.
pub(super) fn register(
    extension: &Extension,
    prefixes: &'static [&'static str],
    function: &'static str,
) -> neo::Result<()> {
    ReplacementScanBuilder::new(Replacement { prefixes, function }).register(extension)
}

impl ReplacementScanCallbacks for Replacement {
    fn scan(&self, context: &Context, name: &QualifiedName, handle: ReplacementHandle<'_>) -> neo::Result<()> {
        // A name with dots that is not quoted is a table of a schema, not an address.
        if name.parts_count()? != 1 {
            return Ok(());
        }
        let text = name.part(0)?;
        let matches = |prefix: &&str| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if !self.prefixes.iter().any(matches) {
            return Ok(());
        }
        handle.set_reference(ReplacementType::Table(QualifiedName::from_parts(&[self.function])?))?;
        handle.add_parameter(text.value(context)?)
    }
}
