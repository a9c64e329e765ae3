//! JSON bodies of requests of our own form.

use live_users_http_kit::ParameterError;
use live_users_sources::{NotDistinct, distinct};
use serde_json::{Map, Value};

/// Reads a JSON object. Of what is wrong nothing is repeated: `known` has the fields that an answer may
/// name.
///
/// # Errors
/// `otherwise` if it is anything else. If a name stands in it twice, that: whoever has looked at the
/// request before may have taken the other one.
pub(super) fn object(
    body: &[u8],
    otherwise: ParameterError,
    known: impl FnOnce(&str) -> Option<&'static str>,
) -> Result<Map<String, Value>, ParameterError> {
    match distinct(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) | Err(NotDistinct::NotJson) => Err(otherwise),
        Err(NotDistinct::Repeated(name)) => Err(ParameterError {
            name: known(&name).unwrap_or("body").to_owned(),
            problem: "a name is there more than once",
            expected: "each field once".to_owned(),
        }),
    }
}
