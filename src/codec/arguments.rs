//! The arguments of the formats that are read by a schema.

use std::sync::Arc;

use super::path::Path;
use super::registry::SchemaRegistry;

/// A parameter that one format has.
#[derive(Debug, Clone, Copy)]
pub struct FormatParameter {
    /// Its name, as SQL writes it.
    pub name: &'static str,
    /// Whether it takes a list of texts; otherwise it takes one text.
    pub is_list: bool,
}

impl FormatParameter {
    /// A parameter that takes one text.
    #[must_use]
    pub const fn text(name: &'static str) -> Self {
        Self { name, is_list: false }
    }

    /// A parameter that takes a list of texts.
    #[must_use]
    pub const fn list(name: &'static str) -> Self {
        Self { name, is_list: true }
    }
}

/// The arguments of a call for formats.
#[derive(Debug, Clone)]
pub struct FormatArguments {
    /// The arguments of their parameters, by name.
    pub texts: Vec<(&'static str, Vec<String>)>,
    /// The source of schemas by number, where payloads begin with the number of their schema.
    pub registry: Option<Arc<dyn SchemaRegistry>>,
    /// The list whose elements the payloads are, where they are rows.
    pub element_of: Option<Path>,
    /// The most bytes to which compressed data inside a payload may grow.
    pub max_inflated: usize,
}

impl FormatArguments {
    /// The texts of a parameter; none when the call does not give it.
    #[must_use]
    pub fn texts(&self, name: &str) -> &[String] {
        self.texts.iter().find(|(known, _)| *known == name).map_or(&[], |(_, texts)| texts)
    }

    /// The text of a parameter that takes one.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).first().map(String::as_str)
    }
}
