//! `nats_verify(stream)`: the faults of a stream, one row each.

use std::sync::Arc;

use super::rows::{Cell, Row, SmallTable, columns};
use crate::column::{Column, Type};
use crate::error::Result;
use crate::jetstream::{Connection, verify};
use crate::plan::check_stream;
use crate::value::{Arguments, Parameter, ParameterType};

pub struct NatsVerify;

/// The stream to verify, and whether its holes are shown too.
pub struct Call {
    stream: String,
    holes: bool,
}

impl SmallTable for NatsVerify {
    const NAME: &'static str = "nats_verify";
    type Call = Call;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("stream", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        vec![Parameter::new("holes", ParameterType::Boolean)]
    }

    fn columns() -> Vec<Column> {
        columns([
            ("finding", Type::Varchar),
            ("first_seq", Type::UBigInt),
            ("last_seq", Type::UBigInt),
            ("messages", Type::UBigInt),
            ("server", Type::Varchar),
            ("evidence", Type::Varchar),
        ])
    }

    fn read(arguments: &Arguments) -> Result<Call> {
        let stream = arguments.required_text("stream")?;
        check_stream(stream)?;
        Ok(Call { stream: stream.to_owned(), holes: arguments.flag("holes")? })
    }

    fn rows(connection: &Arc<Connection>, call: &Call) -> Result<Vec<Row>> {
        let findings = verify(connection, &call.stream, call.holes)?;
        let row = |finding: crate::plan::Finding| {
            vec![
                Cell::from(finding.kind.to_string()),
                Cell::from(finding.range.map(|range| range.first)),
                Cell::from(finding.range.map(|range| range.last)),
                Cell::from(finding.messages),
                Cell::from(finding.server),
                Cell::from(finding.evidence),
            ]
        };
        Ok(findings.into_iter().map(row).collect())
    }
}
