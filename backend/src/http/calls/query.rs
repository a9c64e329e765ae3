//! Parses a query, field by field. An error names the field that is wrong.

use live_users_twilio::{FieldError, FieldProblem, Form};

/// The longest value, in bytes.
const VALUE_BYTES_MAX: usize = 128;

/// The fields of a query.
pub(super) struct Query(Form);

impl Query {
    /// A query that cannot be parsed counts as an empty one.
    pub(super) fn parse(query: &str) -> Self {
        Self(Form::parse(query.as_bytes()).unwrap_or_default())
    }

    /// The text of a field.
    pub(super) fn text(&self, field: &str, expected: &str) -> Result<Option<&str>, FieldError> {
        self.0.text_within(field, VALUE_BYTES_MAX).map_err(|_| wrong(field, expected))
    }

    /// The most items to return.
    pub(super) fn limit(&self, default: usize, max: usize) -> Result<usize, FieldError> {
        let expected = format!("a whole number from 1 to {max}");
        match self.text("limit", &expected)? {
            None => Ok(default),
            Some(text) => {
                let limit = text.parse().ok().filter(|limit| (1..=max).contains(limit));
                limit.ok_or_else(|| wrong("limit", &expected))
            }
        }
    }
}

pub(super) fn wrong(field: &str, expected: &str) -> FieldError {
    FieldError {
        field: field.to_owned(),
        problem: FieldProblem::Invalid,
        expected: expected.to_owned(),
    }
}
