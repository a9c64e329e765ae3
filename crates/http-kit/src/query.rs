//! Reads the parameters of a query. An error names the parameter and the expected form.

use std::borrow::Cow;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

/// The longest accepted value, in bytes.
const VALUE_BYTES_MAX: usize = 128;

/// The longest name of a parameter that an error repeats, in bytes.
const NAME_BYTES_MAX: usize = 32;

/// What may not be empty: with nothing in it, an answer would be about all and not about one.
const NAMES_ONE: [&str; 3] = ["account", "agent", "source"];

/// The query of a URL: pairs `name=value`, separated by `&` and encoded like a form.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a>(&'a str);

/// A parameter that cannot be used. The message does not repeat its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {problem}; expected {expected}")]
pub struct ParameterError {
    /// The name of the parameter.
    pub name: String,
    /// What is wrong with it.
    pub problem: &'static str,
    /// The accepted form, as the end of the sentence "expected ...".
    pub expected: String,
}

impl ParameterError {
    /// The error for this parameter, whose value cannot be used, with the accepted form.
    pub fn new(name: &str, expected: impl Into<String>) -> Self {
        Self { name: name.to_owned(), problem: "invalid", expected: expected.into() }
    }

    fn repeated(name: &str) -> Self {
        let (name, problem) = (name.to_owned(), "it is there more than once");
        Self { name, problem, expected: "one value".to_owned() }
    }

    /// The error for a parameter that is none of these. Its name is told if it looks like one: what
    /// was pasted in the place of a name may be anything.
    fn unknown(name: &[u8], known: &[&str]) -> Self {
        let name = str::from_utf8(name).ok().filter(|name| is_name(name));
        let expected = match known {
            [] => "no parameters".to_owned(),
            [one] => (*one).to_owned(),
            [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
        };
        Self {
            name: name.unwrap_or("query").to_owned(),
            problem: match name {
                Some(_) => "this path has no such parameter",
                None => "it has a parameter that this path does not have",
            },
            expected,
        }
    }
}

impl<'a> Query<'a> {
    /// Takes the part of a URL after the question mark.
    pub fn new(query: &'a str) -> Self {
        Self(query)
    }

    /// Checks that all parameters are among these, each of them at most once, and that none is empty
    /// that names an account, an agent or a source: a template with a variable that is not set would
    /// get the numbers of all.
    ///
    /// # Errors
    /// If one is not.
    pub fn check_names(&self, known: &[&str]) -> Result<(), ParameterError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut seen = vec![false; known.len()];
        for (name, value) in self.pairs() {
            let place = known.iter().position(|known| *known.as_bytes() == *name);
            let place = place.ok_or_else(|| ParameterError::unknown(&name, known))?;
            if std::mem::replace(&mut seen[place], true) {
                return Err(ParameterError::repeated(known[place]));
            }
            if NAMES_ONE.contains(&known[place]) && value.trim_ascii().is_empty() {
                let expected = "an id, or no such parameter for all".to_owned();
                let (name, problem) = (known[place].to_owned(), "it is empty");
                return Err(ParameterError { name, problem, expected });
            }
        }
        Ok(())
    }

    /// Checks that a parameter is there at most once, where a path takes any others.
    ///
    /// # Errors
    /// If it is there more than once.
    pub fn check_once(&self, name: &str) -> Result<(), ParameterError> {
        match self.pairs().filter(|(other, _)| **other == *name.as_bytes()).nth(1) {
            Some(_) => Err(ParameterError::repeated(name)),
            None => Ok(()),
        }
    }

    /// Reads a parameter with `parse`, without the white space around it. `None` if it is absent or
    /// blank. Of a repeated parameter, the first value counts.
    ///
    /// # Errors
    /// If `parse` returns `None`, or the value is too long or not UTF-8.
    pub fn parsed<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ParameterError> {
        self.parsed_within(VALUE_BYTES_MAX, name, expected, parse)
    }

    /// Does the same with a value of at most so many bytes.
    ///
    /// # Errors
    /// If `parse` returns `None`, or the value is too long or not UTF-8.
    pub fn parsed_within<T>(
        &self,
        bytes_max: usize,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ParameterError> {
        let Some((_, value)) = self.pairs().find(|(other, _)| **other == *name.as_bytes()) else {
            return Ok(None);
        };
        let value = value.trim_ascii();
        if value.is_empty() {
            return Ok(None);
        }
        let text = str::from_utf8(value).ok().filter(|text| text.len() <= bytes_max);
        text.and_then(parse).map(Some).ok_or_else(|| ParameterError::new(name, expected))
    }

    /// Reads a whole number.
    ///
    /// # Errors
    /// If it is no whole number, or out of range.
    pub fn number<T: Copy + Display + FromStr + PartialOrd>(
        &self,
        name: &str,
        default: T,
        range: RangeInclusive<T>,
    ) -> Result<T, ParameterError> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let parse = |text: &str| text.parse().ok().filter(|number| range.contains(number));
        self.parsed(name, &expected, parse).map(|number| number.unwrap_or(default))
    }

    /// The decoded pairs, in the order of the query, to pass on. Bytes that are not UTF-8 become
    /// U+FFFD.
    pub fn decoded(&self) -> Vec<(String, String)> {
        let text = |bytes: Cow<'_, [u8]>| String::from_utf8_lossy(&bytes).into_owned();
        self.pairs().map(|(name, value)| (text(name), text(value))).collect()
    }

    fn pairs(&self) -> impl Iterator<Item = (Cow<'a, [u8]>, Cow<'a, [u8]>)> {
        self.0.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
    }
}

/// Whether a text looks like the name of a parameter, and like nothing that is kept secret.
fn is_name(text: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    text.len() <= NAME_BYTES_MAX
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(is_of_name)
}

/// Decodes form encoding: `+` is a space, and an invalid `%` stands for itself (WHATWG URL
/// standard, 5.1).
fn decoded(text: &str) -> Cow<'_, [u8]> {
    if text.contains('+') {
        Cow::Owned(percent_decode_str(&text.replace('+', " ")).collect())
    } else {
        percent_decode_str(text).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_decoded_and_a_blank_one_is_absent() {
        let query = Query::new("&a=+b%20c%2B+&a=second&blank=+&bare&%64=1%2&=x");
        let text = |name| query.parsed(name, "text", |text| Some(text.to_owned())).unwrap();
        assert_eq!(text("a").as_deref(), Some("b c+"));
        assert_eq!(text("d").as_deref(), Some("1%2"));
        assert_eq!([text("blank"), text("bare"), text("absent")], [None, None, None]);
    }

    #[test]
    fn an_error_names_the_parameter_and_what_it_has_to_be_and_not_what_it_is() {
        let long = format!("a={}", "x".repeat(129));
        for query in ["a=%ff", &long] {
            let error = Query::new(query).parsed("a", "text", |_| Some(())).unwrap_err();
            assert_eq!(error.to_string(), "a: invalid; expected text");
        }
        let number = |query| Query::new(query).number("limit", 7u32, 1..=200);
        assert_eq!(
            (number("limit="), number("limit=1"), number("limit=200")),
            (Ok(7), Ok(1), Ok(200))
        );
        for query in ["limit=0", "limit=201", "limit=-1", "limit=1.5", "limit=hunter2"] {
            let error = number(query).unwrap_err();
            assert_eq!(error, ParameterError::new("limit", "a whole number from 1 to 200"));
        }
    }

    #[test]
    fn pairs_are_passed_on_decoded() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [pair("limit", ""), pair("after", "a&b \u{fffd}")];
        assert_eq!(Query::new("limit=&after=a%26b+%ff").decoded(), expected);
    }

    #[test]
    fn a_parameter_that_is_not_known_is_named_with_those_that_are() {
        let check = |query, known: &[&str]| Query::new(query).check_names(known);
        for good in ["", "&&", "a=1", "a=&b", "%61=1&b=2"] {
            assert_eq!(check(good, &["a", "b"]), Ok(()), "{good}");
        }
        let text = |query, known: &[&str]| check(query, known).unwrap_err().to_string();
        let unknown = "this path has no such parameter; expected";
        assert_eq!(text("a=1&tz=x", &["a", "b", "c"]), format!("tz: {unknown} a, b or c"));
        assert_eq!(text("tz", &["a"]), format!("tz: {unknown} a"));
        assert_eq!(text("A=1", &[]), format!("A: {unknown} no parameters"));
        for empty in ["agent=", "b=1&agent", "agent=%20"] {
            let expected = "agent: it is empty; expected an id, or no such parameter for all";
            assert_eq!(text(empty, &["agent", "b"]), expected, "{empty}");
        }
        let repeated = "a: it is there more than once; expected one value";
        assert_eq!(text("a=1&%61=", &["a"]), repeated);
        let once = |query| Query::new(query).check_once("a").map_err(|error| error.to_string());
        assert_eq!((once(""), once("b=1&a=1&b=2")), (Ok(()), Ok(())));
        assert_eq!(once("a=1&b=2&%61="), Err(repeated.to_owned()));
    }

    #[test]
    fn an_error_repeats_nothing_that_does_not_look_like_a_name() {
        let long = "x".repeat(33);
        for query in ["=x", "+15005550006=1", "%ff=1", "a%20b", "<b>", "15005550006", &long] {
            let error = Query::new(query).check_names(&["a"]).unwrap_err();
            let expected = "query: it has a parameter that this path does not have; expected a";
            assert_eq!(error.to_string(), expected, "{query}");
        }
    }
}
