//! What whoever connects Twilio with the backend has to know: what has arrived, and what has not.

use serde::{Deserialize, Serialize};

/// The answer to a signed webhook that only checks, because its form has the field
/// `LiveUsersCheck`: `{"instance":"0a1b...","check":"42"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// Which process has answered: 32 hexadecimal digits, drawn at its start.
    pub instance: String,
    /// The value of the field, as it came.
    pub check: String,
}

/// How far this process of the backend is connected with Twilio. All ages are milliseconds, and
/// `None` if there was nothing yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Setup {
    /// Which process this is: 32 hexadecimal digits, drawn at its start.
    pub instance: String,
    /// `PUBLIC_URL`, without a slash at its end.
    pub public_url: Option<String>,
    /// The agents file, as `AGENTS_FILE` or the default names it; `None` if there is none.
    #[serde(default)]
    pub agents_file: Option<String>,
    /// What to set at Twilio; with `PUBLIC_URL` alone.
    pub urls: Option<SetupUrls>,
    /// Whether the provider's API answers.
    pub provider_api: ProviderApiView,
    /// The webhooks that have arrived at this process.
    pub webhooks: WebhooksView,
    /// The numbers of the agents file in its order, then called numbers that belong to no agent.
    pub numbers: Vec<NumberView>,
    /// The calls that no webhook has told of.
    pub found_by_asking: FoundView,
}

/// The URLs to set at Twilio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetupUrls {
    /// For `A call comes in`.
    pub voice: String,
    /// For `Call status changes`, with the connection overrides behind the `#`.
    pub status_callback: String,
}

/// Whether the provider's API answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderApiView {
    /// `off` (no credentials), `unasked`, `answers` or `fails`.
    pub state: String,
    /// What the last request failed with.
    pub reason: Option<String>,
    /// The age of the last whole answer.
    pub last_answer_ago_ms: Option<u64>,
}

/// The webhooks that have arrived at this process. Those that only check are in none of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhooksView {
    /// For how long this process has listened.
    pub since_ms: u64,
    /// `/voice`.
    pub voice: AcceptedView,
    /// `/speech-result`.
    pub speech_result: AcceptedView,
    /// `/call-status`.
    pub call_status: AcceptedView,
    /// Those at any of the three paths that Twilio has not signed for this URL.
    pub refused: RefusedView,
}

/// The webhooks at one path that were signed and tell of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AcceptedView {
    /// How many there were.
    pub accepted: u64,
    /// The age of the last one.
    pub last_ago_ms: Option<u64>,
}

/// The webhooks that were refused with 403.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedView {
    /// How many there were.
    pub count: u64,
    /// The age of the last one.
    pub last_ago_ms: Option<u64>,
}

/// A number that calls come in at, and the age of its last webhook of each kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NumberView {
    /// In E.164.
    pub number: String,
    /// Whose number it is in the agents file.
    pub agent: Option<String>,
    /// At `/voice`.
    pub voice_ago_ms: Option<u64>,
    /// At `/speech-result`.
    pub speech_result_ago_ms: Option<u64>,
    /// At `/call-status`.
    pub call_status_ago_ms: Option<u64>,
}

/// The calls that began by the provider's answer alone while this process ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundView {
    /// How many there were.
    pub calls: u64,
    /// How long ago the last one was found.
    pub last_ago_ms: Option<u64>,
}
