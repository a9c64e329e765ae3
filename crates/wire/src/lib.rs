//! The JSON shapes on both hops, written once: what the backend says to the proxy and what the
//! proxy says to browsers.
//!
//! Only this crate and the edges of the two servers know JSON. The names here are the names in
//! the documentation and in the page.

mod access;
mod activity;
mod alerts;
mod calls;
mod changes;
mod deliveries;
mod drift;
mod history;
mod hooks;
mod links;
pub mod openapi;
mod orders;
pub mod parameters;
mod reason;
mod sessions;
mod setup;
mod sources;
mod stream;
mod sum;

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

pub use access::{
    ACCESS_ENDED, ACCESS_HEADER, Access, Introspected, Introspection, NotAnAccess, Role,
};
pub use activity::{ActivityPage, ActivityView};
pub use alerts::{AlertEventView, AlertRuleView, AlertTested, AlertView, AlertsView};
pub use calls::{
    AgentCount, AgentRef, CallPage, CallView, CountryCount, EvidenceView, Expectation, Explanation,
    LegView, LineView, PlaceView, RefereeView, RegionCount, StretchView, Summary, TalkedView,
};
pub use changes::{ChangesFrame, Document, Folded, NotADocument};
pub use deliveries::DeliveryView;
pub use drift::{DriftView, HealedView};
pub use history::{
    HistoryView, LinePointView, PeakView, PeaksView, PointView, RangeView, StepView,
};
pub use hooks::{AlertData, CallData, ChangedData, HookMessage, ThresholdData};
pub use links::{
    LinkAccess, LinkInfo, LinkList, LinkMade, LinkRevoked, LinkScope, LinkView, NewLink, True,
};
pub use orders::{AgentsReloaded, Evicted, JournalRewritten};
pub use reason::{Certainty, Reason, SourceEnds};
pub use sessions::{EndedSession, EndedSessions};
pub use setup::{
    AcceptedView, Checked, FoundView, NumberView, ProviderApiView, RefusedView, Setup, SetupUrls,
    WebhooksView,
};
pub use sources::{AccountCount, SourceCount, SourceReferee};
pub use stream::{LastCount, LiveCount, NoFrame};
pub use sum::{
    LACKING_HEADER, SHARD_HEADER, SHARDS_MAX, ShardOf, ShardSet, SummarySum, Summed, all_parts,
    merged_activities, merged_calls, sum_of_counts, sum_of_summaries, sum_of_totals,
};

/// The longest `CallSid` in a path, in bytes. It is that of `CallId::BYTES_MAX`, which only the
/// backend sees: the backend asserts that they are the same.
pub const CALL_SID_BYTES_MAX: usize = 128;

/// The live users of each agent that has any, by its id.
pub type ByAgent = BTreeMap<String, u64>;

/// The public total, as the backend answers it: exactly `{"liveUsers":3}`. With `PUBLIC_BY_AGENT`
/// it is `{"liveUsers":3,"byAgent":{"booking":3}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// How many distinct callers have at least one live call.
    pub live_users: u64,
    /// The same of each agent that has an id and live users, if the backend gives them out.
    #[serde(default, deserialize_with = "if_object", skip_serializing_if = "Option::is_none")]
    pub by_agent: Option<ByAgent>,
    /// How many of them are suspect, if that is a share worth telling. Polled answers have it only on
    /// request, by [`WITH_DOUBT`] or a setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspect: Option<u64>,
    /// The agent that was asked for. On request, as `suspect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The time of the last record in it. On request, as `suspect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
}

/// The media type by which a client asks, in `Accept`, for all that is told of the total. The answer is
/// `application/json` all the same.
pub const WITH_DOUBT: &str = "application/vnd.live-users+json";

impl Count {
    /// Without what is told only on request.
    #[must_use]
    pub fn plain(self) -> Self {
        Self { suspect: None, agent: None, as_of: None, ..self }
    }
}

/// Whatever the field of a later version may be: the total beside it is one all the same.
///
/// # Errors
/// If it is no JSON.
pub fn if_object<'de, D: Deserializer<'de>>(value: D) -> Result<Option<ByAgent>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Found {
        Object(ByAgent),
        Other(IgnoredAny),
    }
    Found::deserialize(value).map(|found| match found {
        Found::Object(by_agent) => Some(by_agent),
        Found::Other(_) => None,
    })
}

/// The public total in the proxy's envelope: `{"success":true,"liveUsers":3}`, or on trouble
/// `{"success":false,"liveUsers":0,"error":"..."}`.
///
/// The zero beside `success: false` is part of the contract with existing pages; it is not a
/// count, and a reader looks at `success` first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// Whether `live_users` is a count that the backend gave for this very request.
    pub success: bool,
    /// The count, or 0 when `success` is false.
    pub live_users: u64,
    /// The count of each agent, if the backend gives them out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_agent: Option<ByAgent>,
    /// How many of the live users are suspect, as in [`Count`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspect: Option<u64>,
    /// The agent that was asked for, as in [`Count`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The time of the last record in the count, as in [`Count`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// What went wrong, for people; present only when `success` is false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The header, parameter or form field at fault, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What would have been accepted in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

impl Envelope {
    /// The envelope around a count that the backend has just given.
    pub fn success(count: Count) -> Self {
        Self {
            success: true,
            live_users: count.live_users,
            by_agent: count.by_agent,
            suspect: count.suspect,
            agent: count.agent,
            as_of: count.as_of,
            error: None,
            field: None,
            expected: None,
        }
    }

    /// The envelope around trouble.
    pub fn failure(error: impl Into<String>) -> Self {
        Problem { error: error.into(), field: None, expected: None }.into()
    }
}

/// Any other value in the envelope of success: its own fields behind `"success":true`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Success<T> {
    /// Always true.
    success: bool,
    /// The value, which is a struct or a map.
    #[serde(flatten)]
    value: T,
}

impl<T> Success<T> {
    /// The envelope around a value that the backend has given.
    pub fn new(value: T) -> Self {
        Self { success: true, value }
    }
}

impl From<Problem> for Envelope {
    fn from(Problem { error, field, expected }: Problem) -> Self {
        let error = Some(error);
        Self { success: false, live_users: 0, error, field, expected, ..Self::default() }
    }
}

/// The body of every 4xx and 5xx answer of the backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What is wrong, for people.
    pub error: String,
    /// The header, parameter or form field at fault, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What would have been accepted in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

/// The answer of `/healthz` and `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `ok`, `ready` or `unready`.
    pub status: String,
    /// Why the service is not ready; absent when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What somebody should look into, though the service does its work; absent when there is
    /// nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_shapes_are_exactly_the_documented_ones() {
        let plain = Count { live_users: 3, ..Count::default() };
        let count = plain.clone();
        assert_eq!(serde_json::to_string(&count).unwrap(), r#"{"liveUsers":3}"#);
        assert_eq!(
            serde_json::to_string(&Envelope::success(count.clone())).unwrap(),
            r#"{"success":true,"liveUsers":3}"#
        );
        let by_agent = ByAgent::from([("support".to_owned(), 1), ("booking".to_owned(), 2)]);
        let count = Count { by_agent: Some(by_agent), ..plain };
        let agents = r#""byAgent":{"booking":2,"support":1}"#;
        assert_eq!(
            serde_json::to_string(&count).unwrap(),
            format!(r#"{{"liveUsers":3,{agents}}}"#)
        );
        assert_eq!(
            serde_json::to_string(&Envelope::success(count.clone())).unwrap(),
            format!(r#"{{"success":true,"liveUsers":3,{agents}}}"#)
        );
        let as_of = Some("2026-11-23T09:30:00.000Z".to_owned());
        let doubtful = Count { suspect: Some(2), as_of, ..count.clone() };
        let json = r#"{"liveUsers":3,"suspect":2,"asOf":"2026-11-23T09:30:00.000Z"}"#;
        let doubtful_alone = Count { by_agent: None, ..doubtful.clone() };
        assert_eq!(serde_json::to_string(&doubtful_alone).unwrap(), json);
        assert_eq!(doubtful.plain(), count);
        assert_eq!(
            serde_json::to_string(&Envelope::failure("backend unreachable")).unwrap(),
            r#"{"success":false,"liveUsers":0,"error":"backend unreachable"}"#
        );
        let problem = Problem {
            error: "limit: invalid".to_owned(),
            field: Some("limit".to_owned()),
            expected: Some("a number".to_owned()),
        };
        assert_eq!(
            serde_json::to_string(&Envelope::from(problem)).unwrap(),
            concat!(
                r#"{"success":false,"liveUsers":0,"error":"limit: invalid","#,
                r#""field":"limit","expected":"a number"}"#
            )
        );
    }

    #[test]
    fn a_count_is_read_whatever_stands_beside_it() {
        let read = |json: &str| serde_json::from_str::<Count>(json).unwrap().by_agent;
        for other in ["", r#","byAgent":null"#, r#","byAgent":[{"agent":"a"}]"#] {
            assert_eq!(read(&format!(r#"{{"liveUsers":3{other}}}"#)), None, "{other}");
        }
        let by_agent = read(r#"{"liveUsers":3,"byAgent":{"a":3}}"#);
        assert_eq!(by_agent, Some(ByAgent::from([("a".to_owned(), 3)])));
    }

    #[test]
    fn a_summary_of_before_there_were_parties_is_read() {
        let agent = r#""agent":"a","name":null,"numbers":[],"capacity":null,"ownVoice":false"#;
        let numbers = r#""liveUsers":1,"liveCalls":1,"averageMs":null,"longestMs":null"#;
        let talked = r#"{"calls":0,"averageMs":null,"longestMs":null}"#;
        let lately = format!(r#""lastHour":{talked},"lastDay":{talked}"#);
        let json = format!(
            r#"{{{numbers},"confirmed":1,"suspect":0,"asOf":"","epoch":"","seq":1,{lately},
            "byAgent":[{{{agent},{numbers},{lately}}}],"byCountry":[],"byRegion":[],
            "referee":{{"state":"off","lookedAt":null,"nextAt":null,"requests":0}},
            "drift":{{"healed":0,"byCause":{{}},"recent":[]}}}}"#
        );
        let summary: Summary = serde_json::from_str(&json).unwrap();
        assert_eq!((summary.line, summary.by_agent[0].line), Default::default());
        assert_eq!((summary.live_users, summary.public_by_agent), (1, None));
    }

    #[test]
    fn a_count_is_a_whole_number_that_is_not_negative() {
        for wrong in [r#"{"liveUsers":-1}"#, r#"{"liveUsers":1.5}"#, r#"{"liveUsers":"3"}"#, "{}"] {
            assert!(serde_json::from_str::<Count>(wrong).is_err(), "{wrong}");
        }
    }
}
