//! The version of what is written, and why bytes that are read may be no record and no snapshot.

/// The version that is written. Anything of a later one is refused: it may mean anything.
///
/// Version 2 has the words `referee`, `operator` and `evicted`, which version 1 does not know.
pub(crate) const VERSION: u8 = 2;

/// The version of the main part of a snapshot. Version 3 has calls, legs and conferences in parts of
/// their own; what version 2 and 1 have written is one piece of JSON with all of it.
pub(crate) const SNAPSHOT_VERSION: u8 = 3;

/// Why bytes are no record, or no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// They are not JSON of the right shape.
    #[error("not readable: {0}")]
    Json(#[from] serde_json::Error),
    /// A later version wrote them.
    #[error("written in version {0} of the format; this program knows {VERSION}: run a newer one")]
    Newer(u8),
    /// A later version wrote the snapshot.
    #[error(
        "written in version {0} of the format; this program knows {SNAPSHOT_VERSION}: run a newer one"
    )]
    NewerSnapshot(u8),
    /// A later version wrote this part of the snapshot.
    #[error(
        "a part in version {0} of its format, which this program does not know: run a newer one"
    )]
    NewerPart(u8),
    /// A snapshot has a part that this program does not know.
    #[error("of a newer program: it has a part `{0}`, which this one does not know")]
    UnknownPart(String),
    /// A value in them cannot be.
    #[error("`{0}` has a value that cannot be")]
    Value(&'static str),
}

pub(crate) fn known_snapshot(version: u8) -> Result<(), DecodeError> {
    if version > SNAPSHOT_VERSION { Err(DecodeError::NewerSnapshot(version)) } else { Ok(()) }
}

pub(crate) fn known_version(version: u8) -> Result<(), DecodeError> {
    if version > VERSION { Err(DecodeError::Newer(version)) } else { Ok(()) }
}
