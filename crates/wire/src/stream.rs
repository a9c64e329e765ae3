//! The frames of the stream of the total.

use serde::{Deserialize, Serialize};

use crate::ByAgent;

/// The total at one record of the journal, as the backend publishes it. The summary has the same
/// fields, among others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveCount {
    /// How many distinct callers have at least one live call.
    pub live_users: u64,
    /// The same of each agent, as in [`crate::Count`].
    #[serde(
        default,
        deserialize_with = "crate::if_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub by_agent: Option<ByAgent>,
    /// How many of them are suspect, if that is a share worth telling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspect: Option<u64>,
    /// The agent that it is of, if one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Which journal it comes from: another one after the journal was lost.
    pub epoch: String,
    /// The last record of the journal that is in it.
    pub seq: u64,
    /// Since when it is so, as far as this server knows.
    pub as_of: String,
    /// The time by the server's clock when this was sent; only of the proxy. A browser's own clock may be
    /// wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
}

impl LiveCount {
    /// The name of its frame: `EPOCH-SEQ`, and behind it `-SUSPECT` if some are suspect. Calls become so
    /// without a record, and a reader that comes back does not get again what it names.
    pub fn name(&self) -> String {
        match self.suspect {
            Some(suspect) => format!("{}-{}-{suspect}", self.epoch, self.seq),
            None => format!("{}-{}", self.epoch, self.seq),
        }
    }
}

/// What the proxy publishes in place of a frame while it has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NoFrame {
    /// Always false.
    pub success: bool,
    /// Always 0, and no count, as in the envelope.
    pub live_users: u64,
    /// What is wrong, for people.
    pub error: String,
    /// The last count there was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastCount>,
    /// The time by the server's clock when this was sent: how old the last count is goes by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
}

/// A count that was true once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastCount {
    /// How many there were.
    pub live_users: u64,
    /// When that was last known to be so.
    pub as_of: String,
}

impl NoFrame {
    /// Trouble, and what was known before it.
    pub fn new(error: impl Into<String>, last: Option<LastCount>) -> Self {
        Self { success: false, live_users: 0, error: error.into(), last, now: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frames_are_exactly_the_documented_ones() {
        let as_of = "2026-11-23T09:30:00.000Z".to_owned();
        let epoch = "0a1b".to_owned();
        let count = LiveCount {
            live_users: 3,
            by_agent: None,
            suspect: None,
            agent: None,
            epoch,
            seq: 42,
            as_of,
            now: None,
        };
        let json = r#"{"liveUsers":3,"epoch":"0a1b","seq":42,"asOf":"2026-11-23T09:30:00.000Z"}"#;
        assert_eq!(serde_json::to_string(&count).unwrap(), json);
        let envelope = serde_json::to_string(&crate::Success::new(&count)).unwrap();
        assert_eq!(envelope, format!(r#"{{"success":true,{}"#, &json[1..]));
        let doubtful =
            serde_json::to_string(&LiveCount { suspect: Some(2), ..count.clone() }).unwrap();
        assert_eq!(doubtful, json.replace(":3,", r#":3,"suspect":2,"#));
        let none = NoFrame::new("unreachable", None);
        let json = r#"{"success":false,"liveUsers":0,"error":"unreachable"}"#;
        assert_eq!(serde_json::to_string(&none).unwrap(), json);
        let last = LastCount { live_users: 3, as_of: count.as_of };
        let json = concat!(
            r#"{"success":false,"liveUsers":0,"error":"unreachable","#,
            r#""last":{"liveUsers":3,"asOf":"2026-11-23T09:30:00.000Z"}}"#
        );
        assert_eq!(serde_json::to_string(&NoFrame::new("unreachable", Some(last))).unwrap(), json);
    }
}
