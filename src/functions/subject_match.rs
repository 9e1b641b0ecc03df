//! `nats_subject_match(subject, pattern)`: whether a subject matches a filter, by the rules of NATS. NULL for a NULL argument.

use crate::column::{Buffer, Type, Values};
use crate::error::{Error, Result};
use crate::ffi::{Input, ScalarFunction, ScalarSignature};
use crate::plan::{check_subject_filter, subject_matches};
use crate::value::ParameterType;

pub struct NatsSubjectMatch;

impl ScalarFunction for NatsSubjectMatch {
    const NAME: &'static str = "nats_subject_match";
    const VOLATILE: bool = false;
    const SIGNATURES: &'static [ScalarSignature] = &[&[ParameterType::Text, ParameterType::Text]];

    fn returns() -> Type {
        Type::Boolean
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        let (mut valid, mut values) = (Vec::with_capacity(input.len()), Vec::with_capacity(input.len()));
        // The pattern is nearly always a constant: it is checked once for a run of equal ones.
        let mut checked: Option<&str> = None;
        for row in 0..input.len() {
            let matches = match (input.bytes(0, row), input.bytes(1, row)) {
                (Some(subject), Some(pattern)) => {
                    let pattern = match checked.filter(|checked| checked.as_bytes() == pattern) {
                        Some(checked) => checked,
                        None => {
                            let text = std::str::from_utf8(pattern).map_err(|_| Error::new("pattern is not UTF-8"))?;
                            check_subject_filter(text)?;
                            text
                        }
                    };
                    checked = Some(pattern);
                    Some(subject_matches(subject, pattern))
                }
                _ => None,
            };
            valid.push(matches.is_some());
            values.push(matches.unwrap_or_default());
        }
        Ok(Buffer { valid, values: Values::Bool(values) })
    }
}
