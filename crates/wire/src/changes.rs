//! A summary as a snapshot and the changes that follow it.
//!
//! The snapshot is a document, and each change a JSON Merge Patch (RFC 7396) for it. Three rules make
//! patches small and exact:
//!
//! - A list is an object whose name ends with `[]`. The order of its keys is the order of the list, and
//!   the keys mean nothing else. So a row that comes or goes touches no other row.
//! - What lasts until now has the moment since when (`averageSince`) in place of the span (`averageMs`),
//!   which would be another one in each frame.
//! - A field without a value is absent. A patch takes a field away by `null`, so nothing else is null.
//!
//! `epoch`, `seq` and `asOf` stand beside the document, since they change each time.

mod document;
mod folded;
mod rows;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use document::{Document, NotADocument};
pub use folded::Folded;

/// A frame of the stream of changes: the snapshot, or what has changed since the frame before.
///
/// If `since` is the frame itself, there is nothing new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangesFrame {
    /// Its name, which no other frame has. It is also the id of the event.
    pub frame: String,
    /// The frame that `changed` follows. A reader that does not have it needs a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Which journal it comes from, as in [`crate::Summary`].
    pub epoch: String,
    /// The last record of the journal that is in it.
    pub seq: u64,
    /// The moment at which all of this held.
    pub as_of: String,
    /// The whole document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Map<String, Value>>,
    /// What has changed in it, as a JSON Merge Patch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Map<String, Value>>,
}

/// What ends the name of a list.
const LIST: &str = "[]";

/// Spans that last until now, and the moments since when.
const AGES: [(&str, &str); 2] = [("averageMs", "averageSince"), ("longestMs", "longestSince")];

/// In milliseconds since 1970; `None` if it is no moment.
pub(crate) fn ms_of(moment: &str) -> Option<u64> {
    moment.parse::<Timestamp>().ok().and_then(|at| at.as_millisecond().try_into().ok())
}

pub(crate) fn moment_of(ms: u64) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", at.unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests;
