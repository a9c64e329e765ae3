//! The honest number, the calls behind it, and why each is counted.
//! Moments are RFC 3339 in UTC with milliseconds (`2026-11-23T09:30:00.000Z`), spans are whole
//! milliseconds. No caller's number is in any of these: a caller is a label for the same person.

use serde::{Deserialize, Serialize};

use crate::{AccountCount, AlertsView, ByAgent, DeliveryView, DriftView, Reason, SourceCount};

/// The answer of `GET /api/live-users/summary`: the number, how sure it is, and how old.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// How many distinct callers have at least one live call.
    pub live_users: u64,
    /// Whether there may be fewer, in the sum of several shards by agent: who talks to agents of two of
    /// them is a user of each.
    #[serde(default, skip_serializing_if = "is_false")]
    pub upper_bound: bool,
    /// The same of the sum that this is a part of, in what one shard tells.
    #[serde(default, skip_serializing_if = "is_false")]
    pub sum_is_upper_bound: bool,
    /// How many calls are live.
    pub live_calls: u64,
    /// The users of each party.
    #[serde(flatten)]
    pub line: LineView,
    /// The live users of each agent with an id, as in public; only if `PUBLIC_BY_AGENT` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_by_agent: Option<ByAgent>,
    /// How many live users are suspect, as far as everybody is told; only if that is a share worth
    /// telling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_suspect: Option<u64>,
    /// Live users with recent evidence.
    pub confirmed: u64,
    /// Live users without evidence for a while: counted, since silence is no proof.
    pub suspect: u64,
    /// The moment at which all of this held.
    pub as_of: String,
    /// Which journal it comes from: another one after the journal was lost.
    pub epoch: String,
    /// The last record of the journal that is in it.
    pub seq: u64,
    /// For how long the live calls have been going on, on average; `None` if there is none.
    pub average_ms: Option<u64>,
    /// For how long the longest of them; `None` if there is none.
    pub longest_ms: Option<u64>,
    /// The calls that were over within the last hour.
    pub last_hour: TalkedView,
    /// The calls that were over within the last day.
    pub last_day: TalkedView,
    /// The agents of the file in its order, then whatever else is called, or was within a day.
    pub by_agent: Vec<AgentCount>,
    /// The countries that the live users are in, those with the most first.
    pub by_country: Vec<CountryCount>,
    /// Where the live users are, in the order of countries and regions.
    pub by_region: Vec<RegionCount>,
    /// Who tells of calls, Twilio first; absent if only Twilio does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceCount>,
    /// The live users of each account, in the order of their names; absent if no call has one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_account: Vec<AccountCount>,
    /// Who asks the provider when webhooks are silent.
    pub referee: RefereeView,
    /// What had to be healed because webhooks did not come.
    pub drift: DriftView,
    /// How what is sent to others stands; absent if nothing is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<DeliveryView>,
    /// How alerts stand; absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<AlertsView>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Everybody who is on the line, by whom they are connected with. Each call that is up is in
/// exactly one of the four parties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LineView {
    /// Callers who are connected with an agent.
    pub with_agent: u64,
    /// Those who are connected with nobody yet, or for now: dialling, ringing, in a queue, on hold.
    pub waiting: u64,
    /// Those who were handed over to a person.
    pub with_person: u64,
    /// Calls that a voicemail or a fax has answered.
    pub machine: u64,
    /// The sum of the four.
    pub on_the_line: u64,
}

/// Calls that are over, and how long they were, as far as that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TalkedView {
    /// How many.
    pub calls: u64,
    /// How long they were on average; `None` if there was none.
    pub average_ms: Option<u64>,
    /// How long the longest was; `None` if there was none.
    pub longest_ms: Option<u64>,
}

/// One agent and its live users. A person who talks to two agents at once is a user of both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentCount {
    /// Which agent.
    #[serde(flatten)]
    pub agent: AgentRef,
    /// What people call it; `None` if the agents file has none.
    pub name: Option<String>,
    /// The numbers that it answers, in full, as in the agents file.
    pub numbers: Vec<String>,
    /// The account that its calls belong to, if the agents file has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// How many calls it can hold at once, if the agents file has it.
    pub capacity: Option<u32>,
    /// Whether a voice application of its own talks to its callers.
    pub own_voice: bool,
    /// How many distinct callers it talks to.
    pub live_users: u64,
    /// How many of them are suspect, as far as everybody is told; only if that is a share worth telling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_suspect: Option<u64>,
    /// In how many calls.
    pub live_calls: u64,
    /// Its users by party.
    #[serde(flatten)]
    pub line: LineView,
    /// For how long these have been going on, on average; `None` if there is none.
    pub average_ms: Option<u64>,
    /// For how long the longest of them; `None` if there is none.
    pub longest_ms: Option<u64>,
    /// Its calls that were over within the last hour.
    pub last_hour: TalkedView,
    /// Its calls that were over within the last day.
    pub last_day: TalkedView,
}

/// An agent: by its id, or by the address that was called if no agent is configured for that;
/// neither if nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AgentRef {
    /// The id in the agents file or in the URL of the webhook.
    pub agent: Option<String>,
    /// The address, with the middle of a phone number left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// Where a person is, as far as the provider or the number shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceView {
    /// Two letters; `None` if unknown.
    pub country: Option<String>,
    /// State or province as the provider writes it; `None` if unknown.
    pub region: Option<String>,
    /// City as the provider writes it; `None` if unknown.
    pub city: Option<String>,
}

/// The live users in one country. A person who is on the line from two is counted in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CountryCount {
    /// Two letters; `None` if unknown.
    pub country: Option<String>,
    /// How many distinct callers are there.
    pub live_users: u64,
    /// In how many calls.
    pub live_calls: u64,
}

/// The live users of one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegionCount {
    /// Two letters; `None` if unknown.
    pub country: Option<String>,
    /// State or province as the provider writes it; `None` if unknown.
    pub region: Option<String>,
    /// How many distinct callers are there.
    pub live_users: u64,
    /// In how many calls.
    pub live_calls: u64,
}

/// How the referee stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefereeView {
    /// `off`, `watching`, `failing`, or `elsewhere`: another replica asks.
    pub state: String,
    /// When the provider's lists were last compared with ours.
    pub looked_at: Option<String>,
    /// When the next request to the provider is due.
    pub next_at: Option<String>,
    /// Why the last request failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Requests to the provider since the start of this process.
    pub requests: u64,
    /// Where only asking tells of calls: those that are up on numbers that no agent has.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unlisted: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// The answer of `GET /api/live-users/calls`: the calls that are up and were answered, counted or
/// not, the longest first. With `dialing=true` or `party=waiting`, also those not answered yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallPage {
    /// The calls.
    pub calls: Vec<CallView>,
    /// How many calls the filters leave, on all pages; `None` from an older backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matching: Option<u64>,
    /// How many there are without filters, of the account that is named or of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The moment at which this held.
    pub as_of: String,
    /// Which journal it comes from, as in [`Summary`]; `None` from an older backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// The last record of the journal that is in it; `None` from an older backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// What to ask for as `after` to go on; `None` if there are no more.
    pub next: Option<String>,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallView {
    /// Which call.
    pub call_sid: String,
    /// `dialing`, `live`, or why it is over.
    pub phase: String,
    /// Whether it is in the count.
    pub counted: bool,
    /// Whether there was no evidence of it for a while.
    pub suspect: bool,
    /// `inbound` or `outbound`, if it is known.
    pub direction: Option<String>,
    /// With whom the caller is connected: `agent`, `waiting`, `person` or `machine`; `None` if the
    /// call is over, or no user's.
    #[serde(default)]
    pub party: Option<String>,
    /// Who or what has answered, if machine detection said so: `human`, `machine` or `fax`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
    /// The agent that the call counts for now.
    #[serde(flatten)]
    pub agent: AgentRef,
    /// The same label for the same person; `None` if the caller id is withheld or unusable.
    pub caller: Option<String>,
    /// Where the person is.
    #[serde(flatten)]
    pub place: PlaceView,
    /// When the first evidence of it came.
    pub first_heard_at: String,
    /// Since when it is in its phase.
    pub since: String,
    /// When the last evidence came that agrees with that.
    pub heard_at: String,
    /// How long it has counted so far, which is the time with agents; `None` if it is not up.
    pub live_ms: Option<u64>,
    /// How long the caller has been waiting by now; `None` if the caller does not wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_ms: Option<u64>,
    /// Who has told of it, `twilio` among them; absent if only Twilio has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// The account that it belongs to, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Other ids of the same call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// With whom the caller was connected and is, the oldest first. Empty of a call that is no
    /// user's, and of one that is over and of which it is not known.
    #[serde(default)]
    pub stretches: Vec<StretchView>,
}

/// A span of a call in which neither the party nor the agent changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StretchView {
    /// With whom the caller was connected, as [`CallView::party`].
    pub with: String,
    /// The agent that the call counted for.
    #[serde(flatten)]
    pub agent: AgentRef,
    /// Since when.
    pub from: String,
    /// Until when; `None` of the present one.
    pub to: Option<String>,
}

/// A leg of a call: a call that joined its conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LegView {
    /// Which call it is.
    pub call_sid: String,
    /// `dialing`, `live`, or why it is over.
    pub phase: String,
    /// What is at its other end, `person` or `agent`; `None` if unknown.
    pub endpoint: Option<String>,
}

/// The answer of `GET /api/live-users/calls/{CallSid}`: why a call is counted, or is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The call.
    pub call: CallView,
    /// Why it is counted or not, in English.
    pub because: String,
    /// The same as codes and values; `None` from an older backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What happens next without further evidence.
    pub next: Expectation,
    /// The legs of the call that are known.
    #[serde(default)]
    pub legs: Vec<LegView>,
    /// All that was said about it, the oldest first.
    pub evidence: Vec<EvidenceView>,
    /// Whether there may be more than what is listed, beside what was refused: of that the last 20 pieces
    /// are.
    pub incomplete: bool,
    /// The moment at which this held.
    pub as_of: String,
}

/// What is going to happen to a call without further evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// `suspect`, `asked`, `timed-out` or `forgotten`.
    pub what: String,
    /// When.
    pub at: String,
    /// The same in English.
    pub text: String,
    /// Why that is to happen, in a code: each has its own `text`. Absent from an older backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// One thing that was said about a call, and what it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceView {
    /// The number of its record in the journal.
    pub seq: u64,
    /// When it was recorded.
    pub at: String,
    /// `voice`, `speech`, `status-callback`, `clock`, `referee`, `operator` or `event`.
    pub source: String,
    /// The source that said it, if that is not Twilio or ourselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// `nothing`, `dialing`, `in-progress`, or why it is over.
    pub said: String,
    /// What it did: `started`, `dialing`, `answered`, `confirmed`, `ended`, `ended-unseen`,
    /// `duplicate`, `late`, `leg` or `resumed`.
    pub outcome: String,
    /// With whom the caller was connected after it, as [`CallView::party`].
    #[serde(default)]
    pub party: Option<String>,
    /// The leg that it was said about, if it was not the call itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<String>,
}
