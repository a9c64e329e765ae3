//! An `application/x-www-form-urlencoded` body, kept as the bytes that its signature covers.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

use crate::field::{FieldError, FieldProblem};

/// The most fields that a form may have. A voice webhook has about 30, plus what the caller's
/// SIP headers and an SDK's own parameters add.
pub const FIELDS_MAX: usize = 500;

/// The longest value that [`Form::text`] gives, in bytes after decoding.
pub const TEXT_BYTES_MAX: usize = 4096;

/// What stays as it is when encoding: the unreserved characters of RFC 3986. Space becomes `%20`
/// and not `+`, as in the requests that Twilio sends.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The fields of a form in the order in which they came, decoded, with nothing dropped: blank,
/// repeated and unknown fields are part of the signed text too.
///
/// Names and values are bytes, because the signature covers bytes that need not be UTF-8.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Form {
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Form {
    /// Decodes a body. `+` is a space, and a `%` that starts no valid escape stands for itself
    /// (WHATWG URL standard, section 5.1), so that no body is refused for its encoding.
    ///
    /// # Errors
    /// When there are more than [`FIELDS_MAX`] fields. The caller bounds the bytes of the body.
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        let mut fields = Vec::new();
        for field in body.split(|&byte| byte == b'&').filter(|field| !field.is_empty()) {
            if fields.len() == FIELDS_MAX {
                return Err(FormError::TooManyFields);
            }
            let mut parts = field.splitn(2, |&byte| byte == b'=');
            let name = decoded(parts.next().unwrap_or_default());
            let value = decoded(parts.next().unwrap_or_default());
            fields.push((name, value));
        }
        Ok(Self { fields })
    }

    /// A form of these names and values, for whoever sends one.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let fields = pairs
            .into_iter()
            .map(|(name, value)| (name.as_bytes().into(), value.as_bytes().into()));
        Self { fields: fields.collect() }
    }

    /// The body that [`Form::parse`] reads back as this form.
    pub fn encode(&self) -> String {
        let mut body = String::new();
        for (name, value) in self.fields() {
            if !body.is_empty() {
                body.push('&');
            }
            body.extend(percent_encode(name, ESCAPED));
            body.push('=');
            body.extend(percent_encode(value, ESCAPED));
        }
        body
    }

    /// The text of a field without the white space around it; `None` when the field is absent or
    /// blank, which mean the same to Twilio.
    ///
    /// # Errors
    /// When the value is not UTF-8, longer than [`TEXT_BYTES_MAX`], or one of several different
    /// ones: nobody can say which of them is meant.
    pub fn text(&self, name: &str) -> Result<Option<&str>, FieldError> {
        self.text_within(name, TEXT_BYTES_MAX)
    }

    /// As [`Form::text`], with a limit of its own in bytes.
    ///
    /// # Errors
    /// When the value is not UTF-8, longer than `bytes_max`, or one of several different ones.
    pub fn text_within(&self, name: &str, bytes_max: usize) -> Result<Option<&str>, FieldError> {
        let mut values = self.values(name);
        let Some(value) = values.next() else { return Ok(None) };
        let wrong = |problem| FieldError {
            field: name.to_owned(),
            problem,
            expected: format!("at most {bytes_max} bytes of UTF-8 text"),
        };
        if values.any(|other| other != value) {
            return Err(wrong(FieldProblem::Contradictory));
        }
        if value.is_empty() {
            return Ok(None);
        }
        if value.len() > bytes_max {
            return Err(wrong(FieldProblem::TooLong));
        }
        std::str::from_utf8(value).map(Some).map_err(|_| wrong(FieldProblem::NotUtf8))
    }

    /// Whether a field has a value that is not blank, usable or not.
    pub fn has(&self, name: &str) -> bool {
        self.values(name).any(|value| !value.is_empty())
    }

    /// Adds a field at the end.
    pub(crate) fn push(&mut self, name: String, value: String) -> Result<(), FormError> {
        if self.fields.len() == FIELDS_MAX {
            return Err(FormError::TooManyFields);
        }
        self.fields.push((name.into_bytes(), value.into_bytes()));
        Ok(())
    }

    /// The values of a field, without the white space around them.
    fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let named = self.fields().filter(move |(n, _)| *n == name.as_bytes());
        named.map(|(_, value)| value.trim_ascii())
    }

    /// Every name and value, decoded, in the order in which they came.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }
}

/// The names of the fields only: the values are private.
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Form")?;
        f.debug_list()
            .entries(self.fields().map(|(name, _)| String::from_utf8_lossy(name)))
            .finish()
    }
}

/// Why a body is no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// More than [`FIELDS_MAX`] fields.
    #[error("the form has too many fields; expected at most {FIELDS_MAX}")]
    TooManyFields,
}

fn decoded(text: &[u8]) -> Vec<u8> {
    // Before the escapes are resolved, so that `%2B` stays a plus.
    let spaced: Cow<'_, [u8]> = match text.contains(&b'+') {
        true => text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect(),
        false => text.into(),
    };
    percent_decode(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(body: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let form = Form::parse(body).unwrap();
        form.fields().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
    }

    fn pair(name: &[u8], value: &[u8]) -> (Vec<u8>, Vec<u8>) {
        (name.to_vec(), value.to_vec())
    }

    #[test]
    fn every_field_is_kept_in_order_with_blank_repeated_and_nameless_ones() {
        assert_eq!(
            pairs(b"b=2&a=1&&b=2&City=&flag&=x&e=a=b"),
            [
                pair(b"b", b"2"),
                pair(b"a", b"1"),
                pair(b"b", b"2"),
                pair(b"City", b""),
                pair(b"flag", b""),
                pair(b"", b"x"),
                pair(b"e", b"a=b"),
            ]
        );
        assert!(pairs(b"").is_empty());
    }

    #[test]
    fn plus_is_a_space_and_an_escaped_plus_is_a_plus() {
        assert_eq!(pairs(b"a+b=%2B1+415%20555"), [pair(b"a b", b"+1 415 555")]);
    }

    #[test]
    fn escapes_are_resolved_once_and_malformed_ones_stay_as_they_are() {
        assert_eq!(
            pairs(b"t=%257B&bad=100%&worse=%zz%4"),
            [pair(b"t", b"%7B"), pair(b"bad", b"100%"), pair(b"worse", b"%zz%4"),]
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_are_neither_lost_nor_replaced() {
        assert_eq!(pairs(b"a=%FF%00\xFE"), [pair(b"a", b"\xFF\x00\xFE")]);
    }

    #[test]
    fn the_number_of_fields_is_bounded() {
        let most = vec!["a=1"; FIELDS_MAX].join("&");
        assert_eq!(pairs(most.as_bytes()).len(), FIELDS_MAX);
        let more = format!("{most}&a=1");
        assert_eq!(Form::parse(more.as_bytes()), Err(FormError::TooManyFields));
    }

    #[test]
    fn blank_text_means_absent() {
        let form = Form::parse(b"Digits=12&To=&City=+%20%09&From=%20a%20b+").unwrap();
        assert_eq!(form.text("Digits"), Ok(Some("12")));
        assert!(form.has("From") && !form.has("To") && !form.has("City") && !form.has("x"));
        assert_eq!(form.text("digits"), Ok(None));
        assert_eq!(form.text("To"), Ok(None));
        assert_eq!(form.text("City"), Ok(None));
        assert_eq!(form.text("From"), Ok(Some("a b")));
    }

    #[test]
    fn of_a_field_with_different_values_none_is_given() {
        let form = Form::parse(b"A=1&A=2&B=1&B=+1+&C=1&C=&D=&D=").unwrap();
        assert_eq!(
            form.text("A").unwrap_err().to_string(),
            "A: sent twice, with different values; expected at most 4096 bytes of UTF-8 text"
        );
        assert_eq!(form.text("B"), Ok(Some("1")));
        assert_eq!(form.text("C").unwrap_err().problem, FieldProblem::Contradictory);
        assert_eq!(form.text("D"), Ok(None));
        assert!(form.has("A") && form.has("C") && !form.has("D"));
    }

    #[test]
    fn an_unusable_value_is_named_by_its_field_and_not_repeated() {
        let form = Form::parse(b"From=%2B14155550123%FF&To=%2B14155550123").unwrap();
        assert_eq!(
            form.text("From").unwrap_err().to_string(),
            "From: not valid UTF-8; expected at most 4096 bytes of UTF-8 text"
        );
        assert_eq!(
            form.text_within("To", 11).unwrap_err().to_string(),
            "To: too long; expected at most 11 bytes of UTF-8 text"
        );
        assert_eq!(form.text_within("To", 12), Ok(Some("+14155550123")));
    }

    #[test]
    fn debug_shows_names_and_no_values() {
        let form = Form::from_pairs([("From", "+14155550123"), ("SpeechResult", "my secret")]);
        assert_eq!(format!("{form:?}"), r#"Form["From", "SpeechResult"]"#);
    }

    #[test]
    fn encoding_escapes_all_but_unreserved_characters() {
        let form = Form::from_pairs([("From", "+1415"), ("City", "São Paulo"), ("x&y", "a=b-._~")]);
        assert_eq!(form.encode(), "From=%2B1415&City=S%C3%A3o%20Paulo&x%26y=a%3Db-._~");
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(fields: Vec<(Vec<u8>, Vec<u8>)>) {
            let form = Form { fields };
            prop_assert_eq!(Form::parse(form.encode().as_bytes()), Ok(form));
        }

        #[test]
        fn any_bytes_are_a_form_that_survives_encoding(body: Vec<u8>) {
            let form = Form::parse(&body).unwrap();
            prop_assert_eq!(Form::parse(form.encode().as_bytes()), Ok(form));
        }
    }
}
