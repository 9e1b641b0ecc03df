//! The sources of option values: named parameter, URL (its userinfo), setting, context, environment, in this order.

use super::context::{self, Context};
use super::found::{Found, Rank};
use super::table::{CONTEXT, ConnectionOption, OPTIONS, PASSWORD, TOKEN, URL, USER};
use super::url::Userinfo;
use crate::error::{Error, Result};
use crate::value::{Arguments, Value};

/// The sources of one connection.
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
    /// hand. `NATS_URL` also goes before the CLI's choice.
    ///
    /// # Errors
    /// The context cannot be read, or has a field that no connection here can have.
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
                sources.context = Some(context::read(name, &found.origin)?);
            }
        } else if url.is_none()
            && let Some(name) = context::selected()?
        {
            sources.context = Some(context::read(&name, "the context that the NATS CLI selected")?);
        }
        Ok(sources)
    }

    /// Adds the userinfo of the URL.
    pub fn with_userinfo(mut self, userinfo: Option<Userinfo>) -> Self {
        self.userinfo = userinfo;
        self
    }

    /// The value of the option of this name, from the first source that has one.
    ///
    /// # Errors
    /// A parameter is of the wrong type.
    pub fn find(&self, name: &str) -> Result<Option<Found>> {
        let Some(option) = OPTIONS.iter().find(|option| option.name == name) else { return Ok(None) };
        self.value(option)
    }

    /// The value of an option, from the first source that has one.
    ///
    /// # Errors
    /// A parameter is of the wrong type.
    pub fn value(&self, option: &ConnectionOption) -> Result<Option<Found>> {
        if let Some(found) = self.parameter(option)? {
            return Ok(Some(found));
        }
        Ok(self
            .in_url(option.name)
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
                    return Ok(Some(Found { value: value.clone(), rank: Rank::Parameter, origin: name.to_owned() }));
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
        Some(Found { value: Value::Text(text.clone()), rank: Rank::Url, origin: URL.to_owned() })
    }

    fn setting(&self, option: &ConnectionOption) -> Option<Found> {
        let (_, value) = self.arguments.settings.iter().find(|(name, _)| *name == option.setting)?;
        let unset = match value {
            Value::Null => true,
            Value::Text(text) => text.is_empty(),
            _ => false,
        };
        let found =
            || Found { value: value.clone(), rank: Rank::Setting, origin: format!("setting {}", option.setting) };
        (!unset).then(found)
    }

    fn field(&self, option: &ConnectionOption) -> Option<Found> {
        let context = self.context.as_ref()?;
        let (_, value) = context.values.iter().find(|(name, _)| *name == option.name)?;
        let field = option.context_field?;
        let origin = format!("{field} of context '{}'", context.name);
        Some(Found { value: value.clone(), rank: Rank::Context, origin })
    }

    fn variable(&self, option: &ConnectionOption) -> Option<Found> {
        let name = option.environment?;
        let text = (self.environment)(name).filter(|text| !text.is_empty())?;
        Some(Found { value: Value::Text(text), rank: Rank::Environment, origin: name.to_owned() })
    }
}
