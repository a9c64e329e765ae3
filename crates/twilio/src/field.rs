//! What is wrong with one field of a form, said without repeating its value.

/// One field of a form that cannot be used: which, why, and what would have been accepted.
///
/// The value is left out on purpose: it may be somebody's phone number or words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}; expected {expected}")]
pub struct FieldError {
    /// The name of the field, as it stands in the form: `CallSid`.
    pub field: String,
    /// What is wrong with it.
    pub problem: FieldProblem,
    /// What would have been accepted, as the end of the sentence "expected ...".
    pub expected: String,
}

/// How a field can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// Absent or blank, although needed.
    #[error("missing")]
    Missing,
    /// The decoded bytes are not UTF-8.
    #[error("not valid UTF-8")]
    NotUtf8,
    /// Longer than its limit.
    #[error("too long")]
    TooLong,
    /// Text of another kind than this field has.
    #[error("invalid")]
    Invalid,
    /// Sent more than once, with different values.
    #[error("sent twice, with different values")]
    Contradictory,
}
