//! Where the value of an option comes from: the first of the sources that has one.
//!
//! Named parameter, URL (its userinfo), setting, context, environment, in this order.

use std::fmt;

use super::context::{self, Context};
use super::table::{CONTEXT, ConnectionOption, OPTIONS, PASSWORD, TOKEN, URL, USER};
use super::url::Userinfo;
use crate::error::{Error, Result};
use crate::value::{Arguments, Value};

/// Who said a value; the earlier, the more it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    Parameter,
    Url,
    Setting,
    Context,
    Environment,
}

/// A value and who said it.
#[derive(Clone)]
pub struct Found {
    pub value: Value,
    pub rank: Rank,
    /// The name by which the user said it: `creds`, `setting nats_creds`, `NATS_CREDS`.
    pub name: String,
}

/// Everything that was said about one connection.
pub struct Sources<'a> {
    arguments: &'a Arguments,
    environment: &'a dyn Fn(&str) -> Option<String>,
    context: Option<Context>,
    userinfo: Option<Userinfo>,
}

impl<'a> Sources<'a> {
    /// Collects the sources; reads the file of the context, if one is named or selected.
    ///
    /// A context that is only selected (`NATS_CONTEXT`, or the NATS CLI's choice) is a default: it counts when neither
    /// the call nor a setting names a URL or a context, so that its credentials never go to a server that was named by
    /// hand. The CLI's choice counts less than `NATS_URL` as well.
    pub fn new(arguments: &'a Arguments, environment: &'a dyn Fn(&str) -> Option<String>) -> Result<Self> {
        for option in &OPTIONS {
            if let Some(synonym) = option.synonym
                && arguments.find(option.name).is_some()
                && arguments.find(synonym).is_some()
            {
                return Err(Error::new(format!("{} and {synonym} are the same option: give one", option.name)));
            }
        }
        let mut sources = Self { arguments, environment, context: None, userinfo: None };
        let url = sources.find(URL)?;
        let named_here = |found: &Option<Found>| found.as_ref().is_some_and(|found| found.rank < Rank::Environment);
        let context = sources.find(CONTEXT)?;
        if let Some(found) = context.filter(|found| found.rank < Rank::Environment || !named_here(&url)) {
            if let Value::Text(name) = &found.value {
                sources.context = Some(context::read(name, &found.name)?);
            }
        } else if url.is_none()
            && let Some(name) = context::selected()?
        {
            sources.context = Some(context::read(&name, "the context that the NATS CLI selected")?);
        }
        Ok(sources)
    }

    /// Adds what the userinfo of the URL says.
    pub fn with_userinfo(mut self, userinfo: Option<Userinfo>) -> Self {
        self.userinfo = userinfo;
        self
    }

    /// The value of an option, if anybody said one.
    pub fn find(&self, name: &str) -> Result<Option<Found>> {
        let Some(option) = OPTIONS.iter().find(|option| option.name == name) else { return Ok(None) };
        if let Some(found) = self.parameter(option)? {
            return Ok(Some(found));
        }
        Ok(self
            .in_url(name)
            .or_else(|| self.setting(option))
            .or_else(|| self.field(option))
            .or_else(|| self.variable(option)))
    }

    fn parameter(&self, option: &ConnectionOption) -> Result<Option<Found>> {
        for name in [Some(option.name), option.synonym].into_iter().flatten() {
            match self.arguments.find(name) {
                None => {}
                Some(Value::Null) => {
                    return Err(Error::new(format!("{name} is NULL; it needs a value"))
                        .advice("leave the parameter out to use its default, or give a value"));
                }
                Some(value) => {
                    return Ok(Some(Found { value: value.clone(), rank: Rank::Parameter, name: name.to_owned() }));
                }
            }
        }
        Ok(None)
    }

    fn in_url(&self, name: &str) -> Option<Found> {
        let text = match (self.userinfo.as_ref()?, name) {
            (Userinfo::Password { user, .. }, USER) => user,
            (Userinfo::Password { password, .. }, PASSWORD) => password,
            (Userinfo::Token(token), TOKEN) => token,
            _ => return None,
        };
        Some(Found { value: Value::Text(text.clone()), rank: Rank::Url, name: "url".into() })
    }

    fn setting(&self, option: &ConnectionOption) -> Option<Found> {
        let (_, value) = self.arguments.settings.iter().find(|(name, _)| *name == option.setting)?;
        let unset = match value {
            Value::Null => true,
            Value::Text(text) => text.is_empty(),
            _ => false,
        };
        let found = || Found { value: value.clone(), rank: Rank::Setting, name: format!("setting {}", option.setting) };
        (!unset).then(found)
    }

    fn field(&self, option: &ConnectionOption) -> Option<Found> {
        let context = self.context.as_ref()?;
        let (_, value) = context.values.iter().find(|(name, _)| *name == option.name)?;
        let field = option.context_field?;
        let name = format!("{field} of context '{}'", context.name);
        Some(Found { value: value.clone(), rank: Rank::Context, name })
    }

    fn variable(&self, option: &ConnectionOption) -> Option<Found> {
        let name = option.environment?;
        let text = (self.environment)(name).filter(|text| !text.is_empty())?;
        Some(Found { value: Value::Text(text), rank: Rank::Environment, name: name.to_owned() })
    }
}

impl Found {
    /// The value as text. An error does not show it.
    pub fn text(&self) -> Result<&str> {
        match &self.value {
            Value::Text(text) => Ok(text),
            other => Err(Error::new(format!("{} must be VARCHAR, not {}", self.name, other.kind()))),
        }
    }
}

/// Shows who said a value, and never the value.
impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Found({})", self.name)
    }
}
