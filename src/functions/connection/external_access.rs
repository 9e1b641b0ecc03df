//! Whether this session may open connections and files at all: DuckDB's `enable_external_access`, and a variable of the environment for hosts that
//! give no extension their settings.

use crate::error::{Error, Kind, Result};
use crate::value::{Arguments, EXTERNAL_ACCESS, Value};

/// Set to `false` or `0`, nothing outside of the process is opened, whatever the settings are.
pub const VARIABLE: &str = "NATS_JS_EXTERNAL_ACCESS";

/// Refuses when the session may open nothing outside of the process.
///
/// # Errors
/// [`Kind::Denied`]: the setting or the variable forbids it.
pub fn check(arguments: &Arguments, environment: &dyn Fn(&str) -> Option<String>) -> Result<()> {
    let denied = |by: &str| {
        Err(Error::of(Kind::Denied, format!("{by}: neither servers nor files can be opened"))
            .advice("ask whoever set it, or start DuckDB without it"))
    };
    let setting = arguments.settings.iter().find(|(name, _)| *name == EXTERNAL_ACCESS);
    if let Some((_, Value::Boolean(false))) = setting {
        return denied(&format!("external access is disabled by the setting {EXTERNAL_ACCESS}"));
    }
    let variable = environment(VARIABLE).unwrap_or_default().to_lowercase();
    if matches!(variable.trim(), "false" | "0" | "off" | "no") {
        return denied(&format!("external access is disabled by the environment variable {VARIABLE}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{VARIABLE, check};
    use crate::value::{Arguments, EXTERNAL_ACCESS, Value};

    fn allowed(setting: Option<bool>, variable: Option<&str>) -> bool {
        let settings = setting.map(|value| (EXTERNAL_ACCESS, Value::Boolean(value))).into_iter().collect();
        let arguments = Arguments { settings, ..Arguments::default() };
        check(&arguments, &|name| (name == VARIABLE).then(|| variable.map(str::to_owned)).flatten()).is_ok()
    }

    #[test]
    fn the_setting_and_the_variable_each_forbid() {
        assert!(allowed(None, None));
        assert!(allowed(Some(true), Some("true")));
        assert!(allowed(None, Some("")));
        assert!(!allowed(Some(false), None));
        assert!(!allowed(Some(false), Some("true")));
        for word in ["false", "FALSE", "0", "off", "no "] {
            assert!(!allowed(Some(true), Some(word)), "{word}");
        }
    }
}
