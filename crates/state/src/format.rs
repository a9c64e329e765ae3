//! The version of what is written, and why bytes that are read may be no record and no snapshot.

/// The version that is written. Anything of a later one is refused: it may mean anything.
///
/// Version 2 has the words `referee`, `operator` and `evicted`, which version 1 does not know.
pub(crate) const VERSION: u8 = 2;

/// Why bytes are no record, or no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// They are not JSON of the right shape.
    #[error("not readable: {0}")]
    Json(#[from] serde_json::Error),
    /// A later version wrote them.
    #[error("written in version {0} of the format; this program knows {VERSION}: run a newer one")]
    Newer(u8),
    /// A value in them cannot be.
    #[error("`{0}` has a value that cannot be")]
    Value(&'static str),
}

pub(crate) fn known_version(version: u8) -> Result<(), DecodeError> {
    if version > VERSION { Err(DecodeError::Newer(version)) } else { Ok(()) }
}
