//! JSON bodies.

use serde::de::DeserializeOwned;

use crate::Unreadable;

/// Reads a body. Of what cannot be read only the kind of mistake is told: a body may hold anything.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(body)
        .map_err(|_| Unreadable { field: "body", expected: "a JSON object of this kind of source" })
}
