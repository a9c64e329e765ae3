//! Settings from environment variables. All errors are reported at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::slips::{self, Form};

/// The exit code of a process whose settings are wrong: `EX_USAGE` of BSD's `sysexits.h`.
pub const EXIT_USAGE: u8 = 64;

/// A set of environment variables: those of the process, or those of a test.
#[derive(Clone, Default)]
pub struct Env {
    vars: BTreeMap<String, String>,
    /// The variables whose values are not UTF-8.
    no_text: BTreeSet<String>,
}

impl Env {
    /// The variables of this process.
    pub fn process() -> Self {
        let mut env = Self::default();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => drop(env.vars.insert(name, value)),
                Err(_) => drop(env.no_text.insert(name)),
            }
        }
        env
    }

    /// The given variables and no others.
    pub fn of<const N: usize>(vars: [(&str, &str); N]) -> Self {
        let vars = vars.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        Self { vars, no_text: BTreeSet::new() }
    }

    /// The same variables, with one more or another value.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.vars.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The names of the variables that are set and not blank.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.vars.keys().map(String::as_str).filter(|name| self.get(name).is_some())
    }

    /// The value of a variable, without the white space around it. `None` if it is not set or
    /// blank: a blank line in a compose file means "not set".
    pub fn get(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

/// Reads settings one by one and collects all errors, so that they are reported together.
pub struct SettingsReader<'a> {
    env: &'a Env,
    errors: Vec<String>,
    /// The variables that somebody has pasted wrongly. What follows from it is no error of its own.
    slipped: BTreeSet<String>,
}

impl<'a> SettingsReader<'a> {
    /// A reader of these variables.
    pub fn new(env: &'a Env) -> Self {
        Self { env, errors: Vec::new(), slipped: BTreeSet::new() }
    }

    /// The variables that it reads.
    pub fn env(&self) -> &'a Env {
        self.env
    }

    /// The value of a variable, without the white space around it. `None` if it is not set or
    /// blank. Quotes around it, a byte order mark and control characters are errors.
    pub fn text(&mut self, name: &str) -> Option<&'a str> {
        self.read(name, Form::Text)
    }

    /// The value of a variable in which there can be no white space: a secret, a SID, an address.
    /// `None` if it is not set or blank. White space, also around it, quotes around it, and
    /// characters that cannot be seen are errors, which never repeat the value.
    pub fn word(&mut self, name: &str) -> Option<&'a str> {
        self.read(name, Form::Word)
    }

    fn read(&mut self, name: &str, form: Form) -> Option<&'a str> {
        if self.env.no_text.contains(name) {
            self.slip(name, "is not UTF-8: expected text");
        }
        let value = self.env.get(name)?;
        let raw = self.env.vars.get(name).map_or(value, String::as_str);
        if let Some(slip) = slips::find(raw, form) {
            self.slip(name, slip);
        }
        Some(value)
    }

    /// Notes one slip of a variable, and no more.
    fn slip(&mut self, name: &str, what: impl Display) {
        if !self.slipped.contains(name) {
            self.error(format!("{name} {what}"));
            self.slipped.insert(name.to_owned());
        }
    }

    /// The value of a variable that has to be set. Otherwise it returns "" and notes an error.
    /// `why` completes the sentence "NAME is not set: ...".
    pub fn required(&mut self, name: &str, why: &str) -> &'a str {
        match self.text(name) {
            Some(text) => text,
            None => {
                self.error(format!("{name} is not set: {why}"));
                ""
            }
        }
    }

    /// The value of a variable as a `T`, or `default` if it is not set. A value that is not a `T`
    /// is an error. `expected` completes the sentence "NAME is "...": expected ...".
    ///
    /// Trap: not for secrets, because the message repeats the value.
    pub fn parsed<T: FromStr>(&mut self, name: &str, default: T, expected: &str) -> T {
        let Some(text) = self.text(name) else { return default };
        text.parse().unwrap_or_else(|_| {
            self.error(format!("{name} is {text:?}: expected {expected}"));
            default
        })
    }

    /// A whole number within these bounds, or `default` if it is not set. `unit` is the plural of
    /// what is counted, for the error.
    pub fn within(
        &mut self,
        name: &str,
        default: u64,
        bounds: RangeInclusive<u64>,
        unit: &str,
    ) -> u64 {
        let expected = format!("{unit} from {} to {}", bounds.start(), bounds.end());
        let value = self.parsed(name, default, &expected);
        if bounds.contains(&value) {
            return value;
        }
        self.error(format!("{name} is {value}: expected {expected}"));
        default
    }

    /// A switch: `true`/`1` or `false`/`0`. It is off if it is not set.
    pub fn switch(&mut self, name: &str) -> bool {
        self.switch_or(name, false)
    }

    /// As [`SettingsReader::switch`], with what it is if it is not set.
    pub fn switch_or(&mut self, name: &str, default: bool) -> bool {
        match self.text(name) {
            None => default,
            Some("false" | "0") => false,
            Some("true" | "1") => true,
            Some(text) => {
                self.error(format!("{name} is {text:?}: expected true or false"));
                default
            }
        }
    }

    /// The values of a comma-separated list, without the blank ones.
    pub fn list(&mut self, name: &str) -> Vec<&'a str> {
        self.text(name).map(values).unwrap_or_default()
    }

    /// The values of a comma-separated list, each as [`SettingsReader::word`]. Beside the commas
    /// there may be white space.
    pub fn words(&mut self, name: &str) -> Vec<&'a str> {
        self.read(name, Form::Words).map(values).unwrap_or_default()
    }

    /// Notes an error. Reading goes on. One that begins with the name of a variable in which a slip
    /// was found already follows from that, and is left out.
    pub fn error(&mut self, what: impl Into<String>) {
        let what = what.into();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = what.split(|c| !is_name(c)).next().unwrap_or_default();
        if !self.slipped.contains(name) {
            self.errors.push(what);
        }
    }

    /// Returns the settings if there was no error.
    ///
    /// # Errors
    /// All errors that were noted.
    pub fn finish<T>(self, settings: T) -> Result<T, ConfigErrors> {
        if self.errors.is_empty() { Ok(settings) } else { Err(ConfigErrors(self.errors)) }
    }
}

fn values(list: &str) -> Vec<&str> {
    list.split(',').map(str::trim).filter(|value| !value.is_empty()).collect()
}

/// Everything that is wrong with the settings, one sentence for each error.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(pub Vec<String>);

impl Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, s) = (self.0.len(), if self.0.len() == 1 { "" } else { "s" });
        write!(f, "{n} mistake{s} in the settings:")?;
        for mistake in &self.0 {
            write!(f, "\n  - {mistake}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_reported_at_once() {
        let env = Env::of([("PORT", "http"), ("LOUD", "yes")]);
        let mut reader = SettingsReader::new(&env);
        let _ = reader.parsed::<u16>("PORT", 8080, "a port number");
        let _ = reader.switch("LOUD");
        let _ = reader.required("TOKEN", "requests cannot be verified without it");
        let ConfigErrors(mistakes) = reader.finish(()).unwrap_err();
        assert_eq!(
            mistakes,
            [
                "PORT is \"http\": expected a port number",
                "LOUD is \"yes\": expected true or false",
                "TOKEN is not set: requests cannot be verified without it",
            ]
        );
    }

    #[test]
    fn a_value_that_is_no_text_is_a_mistake_and_not_the_default() {
        let env = Env { no_text: BTreeSet::from(["PORT".to_owned()]), ..Env::default() };
        let mut reader = SettingsReader::new(&env);
        reader.parsed("PORT", 8080u16, "a port number");
        assert!(reader.finish(()).unwrap_err().to_string().contains("PORT is not UTF-8"));
    }

    #[test]
    fn a_blank_value_counts_as_not_set() {
        let env = Env::of([("PORT", "  ")]);
        let mut reader = SettingsReader::new(&env);
        assert_eq!(reader.parsed("PORT", 8080u16, "a port number"), 8080);
        assert_eq!(reader.text("PORT"), None);
        assert!(reader.finish(()).is_ok());
    }

    #[test]
    fn a_slip_is_one_error_of_its_setting_whatever_follows_from_it() {
        let env = Env::of([("PORT", "\"8080\""), ("TOKEN", "hunter 2"), ("LOUD", "yes")]);
        let mut reader = SettingsReader::new(&env);
        let _ = reader.parsed("PORT", 8080u16, "a port number");
        for _ in 0..2 {
            let _ = (reader.word("TOKEN"), reader.words("TOKEN"), reader.text("TOKEN"));
        }
        reader.error("TOKEN cannot be used: it is too short");
        reader.error("TOKENS is another setting");
        let _ = reader.switch("LOUD");
        let ConfigErrors(mistakes) = reader.finish(()).unwrap_err();
        assert_eq!(
            mistakes,
            [
                "PORT has quotation marks around it: expected the value alone",
                "TOKEN has white space (U+0020) in it: expected the value alone",
                "TOKENS is another setting",
                "LOUD is \"yes\": expected true or false",
            ]
        );
    }

    #[test]
    fn a_list_drops_blanks_and_spaces() {
        let env = Env::of([("TOKENS", " a, b,,c ,")]);
        assert_eq!(SettingsReader::new(&env).list("TOKENS"), ["a", "b", "c"]);
    }
}
