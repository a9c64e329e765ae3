//! From what the provider says to evidence: the last place where a stray string can exist.

use std::sync::Arc;

use crate::agents::{self, Agents};
use live_users_core::{
    Agent, AgentFrom, CallId, CallIdError, Country, Direction, EndReason, Evidence, Place, Said,
    Source,
};
use live_users_twilio::rest::CallResource;
use live_users_twilio::{self as twilio, CallStatus, Geography, StatusField, Webhook};

use crate::callbacks::answered_by;
use crate::caller::CallerKey;
use crate::caller_id::CallerId;
use crate::country;
use crate::legs::with_role;

/// The longest call that there can be, in seconds: Twilio's limit is 24 h, and an hour is added for
/// compatible providers that count the ringing. A longer duration is a mistake.
const DURATION_S_MAX: u32 = 25 * 3600;

/// What a webhook may name its call is what a call may be named.
const _: () = assert!(twilio::CALL_SID_BYTES_MAX == CallId::BYTES_MAX);

/// Whose call it is.
pub(crate) struct Attribution<'a> {
    /// The agent that the call counts for.
    pub(crate) agent: Agent,
    /// How that is known.
    pub(crate) from: AgentFrom,
    /// The agent that answers, if it is configured.
    pub(crate) configured: Option<&'a agents::Agent>,
}

impl<'a> Attribution<'a> {
    /// The agent by its id in the URL, else by its number, else the number itself: an agent that
    /// nobody configured is never dropped.
    pub(crate) fn of(id: Option<&str>, parties: &Parties<'_>, agents: &'a Agents) -> Self {
        let ours = parties.ours;
        let by_number = ours.and_then(|ours| agents.by_number(ours));
        if let Some(id) = id {
            let configured = agents.by_id(id).or(by_number);
            return Self { agent: Agent::Id(Arc::from(id)), from: AgentFrom::Url, configured };
        }
        let agent = match (by_number, ours) {
            (Some(agent), _) => Agent::Id(Arc::from(agent.id.as_str())),
            (None, Some(ours)) if !parties.is_dialled_by_a_client => {
                Agent::Address(Arc::from(ours))
            }
            (None, _) => Agent::Unknown,
        };
        Self { agent, from: AgentFrom::Address, configured: by_number }
    }

    /// The same as far as who speaks for this account may say it: whoever has the token of one account
    /// puts no call to the agents of another.
    pub(crate) fn by(
        self,
        speaker: Option<&Arc<str>>,
        parties: &Parties<'_>,
        agents: &'a Agents,
    ) -> Self {
        let may_have = |it: &Self| {
            let owner = it.configured.and_then(|agent| agent.account.as_deref());
            !agents.accounts.are_two(speaker.map(|it| &**it), owner)
        };
        if may_have(&self) {
            return self;
        }
        // The number may be that of an agent of its own.
        let by_number = Self::of(None, parties, agents);
        if may_have(&by_number) {
            return by_number;
        }
        let ours = parties.ours.filter(|_| !parties.is_dialled_by_a_client);
        let agent = ours.map_or(Agent::Unknown, |ours| Agent::Address(Arc::from(ours)));
        Self { agent, from: AgentFrom::Address, configured: None }
    }
}

/// What a webhook says about its call.
///
/// # Errors
/// If the id of the call cannot be one.
pub(crate) fn of_webhook(
    webhook: &Webhook<'_>,
    source: Source,
    parties: &Parties<'_>,
    attribution: &Attribution<'_>,
    (agents, key): (&Agents, &CallerKey),
) -> Result<Evidence, CallIdError> {
    let said = said(webhook.status);
    let call = CallId::parse(webhook.call_sid)?;
    let parent = webhook.parent_call_sid.and_then(|sid| CallId::parse(sid).ok());
    let evidence =
        between(parties, attribution, (agents, key), Evidence::about(call, source, said));
    Ok(Evidence {
        // A parent whose id cannot be used makes this call a leg all the same.
        direction: match parent {
            None if webhook.has_parent => Some(Direction::Dial),
            _ => evidence.direction,
        },
        parent,
        duration_s: of_a_call_that_is_over(said, webhook.call_duration_s),
        ..evidence
    })
}

/// What the provider's list of calls says about one of which there was no webhook, if it is one for
/// us. Only what is on an agent's number is ours: other calls on the account are somebody else's. If
/// `takes_all` says so, every inbound call is. A leg belongs to its conversation, and the far end of one of ours is no call of its own.
pub(crate) fn of_unheard(
    call: &CallResource,
    agents: &Agents,
    key: &CallerKey,
    takes_all: bool,
) -> Option<Evidence> {
    let parties = Parties::of_resource(call);
    let is_whole = call.parent_call_sid.is_none()
        && matches!(parties.direction, Some(Direction::Inbound | Direction::Outbound));
    let attribution = Attribution::of(None, &parties, agents);
    let is_inbound = parties.direction == Some(Direction::Inbound);
    let is_ours = attribution.configured.is_some() || takes_all && is_inbound;
    if !is_whole || !is_ours {
        return None;
    }
    let evidence = between(&parties, &attribution, (agents, key), about_listed(call)?);
    let evidence = with_role(evidence, (call.from.as_deref(), call.to.as_deref()), agents);
    (!evidence.is_leg()).then_some(evidence)
}

/// What the provider's list of calls says about a leg of a call that is known.
pub(crate) fn of_unheard_leg(
    call: &CallResource,
    parent: &CallId,
    agents: &Agents,
) -> Option<Evidence> {
    let evidence = Evidence {
        parent: Some(parent.clone()),
        direction: Some(Direction::Dial),
        ..about_listed(call)?
    };
    Some(with_role(evidence, (call.from.as_deref(), call.to.as_deref()), agents))
}

fn about_listed(call: &CallResource) -> Option<Evidence> {
    let said = call.status.map_or(Said::Nothing, said_by);
    let answered_by = call.answered_by.map(answered_by);
    let id = CallId::parse(&call.sid).ok()?;
    Some(Evidence { answered_by, ..Evidence::about(id, Source::Referee, said) })
}

/// The evidence with who is on the call: the agent, the person and where that person is.
pub(crate) fn between(
    parties: &Parties<'_>,
    attribution: &Attribution<'_>,
    (agents, key): (&Agents, &CallerKey),
    evidence: Evidence,
) -> Evidence {
    let theirs = parties.theirs.unwrap_or_default();
    let caller_id = CallerId::parse(theirs);
    let is_told = parties.their_place.is_some_and(|it| it.is_told());
    let identity = caller_id.identity(is_told).filter(|_| !agents.is_own_number(theirs));
    Evidence {
        direction: parties.direction,
        agent: attribution.agent.clone(),
        agent_from: attribution.from,
        agent_account: attribution.configured.and_then(agents::Agent::account),
        // Behind the number of a switchboard is always somebody else.
        caller: identity
            .filter(|_| !agents.is_shared_number(theirs))
            .map(|identity| key.caller(identity)),
        // Twilio takes the country from the number, and a number that stands for "withheld" has
        // none, whatever its digits say. Our own numbers are where we rented them.
        place: match identity {
            Some(_) => place(parties.their_place, &caller_id),
            None => Place::default(),
        },
        ..evidence
    }
}

/// What the provider says about a single call that it was asked for, if its status is known.
pub(crate) fn of_known(call: CallId, resource: &CallResource) -> Option<Evidence> {
    let said = said_by(resource.status?);
    let duration_s = of_a_call_that_is_over(said, resource.duration_s);
    let answered_by = resource.answered_by.map(answered_by).filter(|_| said == Said::InProgress);
    Some(Evidence { duration_s, answered_by, ..Evidence::about(call, Source::Referee, said) })
}

/// While a call goes on there is no duration, or one that is 0 or still grows.
pub(crate) fn of_a_call_that_is_over(said: Said, duration_s: Option<u32>) -> Option<u32> {
    match said {
        Said::Over(_) => duration_s.filter(|duration_s| *duration_s <= DURATION_S_MAX),
        Said::Nothing | Said::Dialing | Said::InProgress | Said::StillUp => None,
    }
}

/// The two ends of a call: the person is who calls us, or whom we call.
#[derive(Default)]
pub(crate) struct Parties<'a> {
    direction: Option<Direction>,
    /// The agent's number or address.
    ours: Option<&'a str>,
    /// The person's.
    theirs: Option<&'a str>,
    /// Where the person is, as far as the provider says.
    their_place: Option<Geography<'a>>,
    /// A call from a browser or an app is inbound although a person dials out: what it calls may be
    /// anybody's phone number, which is none of ours and must not be kept.
    is_dialled_by_a_client: bool,
}

impl<'a> Parties<'a> {
    /// As a webhook names them.
    pub(crate) fn of_webhook(webhook: &Webhook<'a>) -> Self {
        let from = (webhook.from, Some(webhook.from_place));
        let to = (webhook.to, Some(webhook.to_place));
        Self::of(webhook.direction, from, to)
    }

    /// As the provider's list of calls names them, which says nothing of places.
    pub(crate) fn of_resource(call: &'a CallResource) -> Self {
        Self::of(call.direction, (call.from.as_deref(), None), (call.to.as_deref(), None))
    }

    fn of(
        direction: Option<twilio::Direction>,
        from: (Option<&'a str>, Option<Geography<'a>>),
        to: (Option<&'a str>, Option<Geography<'a>>),
    ) -> Self {
        let direction = direction.map(|direction| match direction {
            twilio::Direction::Inbound => Direction::Inbound,
            twilio::Direction::Outbound => Direction::Outbound,
            twilio::Direction::OutboundDial => Direction::Dial,
        });
        Self::towards(direction, from, to)
    }

    /// As another source names them, which says nothing of places.
    pub(crate) fn of_source(
        direction: Option<Direction>,
        (from, to): (&'a Option<String>, &'a Option<String>),
    ) -> Self {
        Self::towards(direction, (from.as_deref(), None), (to.as_deref(), None))
    }

    fn towards(
        direction: Option<Direction>,
        from: (Option<&'a str>, Option<Geography<'a>>),
        to: (Option<&'a str>, Option<Geography<'a>>),
    ) -> Self {
        let ((ours, _), (theirs, their_place)) = match direction {
            None | Some(Direction::Inbound) => (to, from),
            Some(Direction::Outbound | Direction::Dial) => (from, to),
        };
        let is_dialled_by_a_client = from.0.is_some_and(|from| from.starts_with("client:"));
        Self { direction, ours, theirs, their_place, is_dialled_by_a_client }
    }
}

fn said(status: StatusField) -> Said {
    match status {
        StatusField::Missing | StatusField::Unknown => Said::Nothing,
        StatusField::Known(status) => said_by(status),
    }
}

/// What a status means.
pub(crate) fn said_by(status: CallStatus) -> Said {
    match status {
        CallStatus::Queued | CallStatus::Initiated | CallStatus::Ringing => Said::Dialing,
        CallStatus::InProgress => Said::InProgress,
        CallStatus::Completed => Said::Over(EndReason::Completed),
        CallStatus::Busy => Said::Over(EndReason::Busy),
        CallStatus::Failed => Said::Over(EndReason::Failed),
        CallStatus::NoAnswer => Said::Over(EndReason::NoAnswer),
        CallStatus::Canceled => Said::Over(EndReason::Canceled),
    }
}

/// The provider's word counts; without it, as in its lists of calls and with some compatible
/// providers, the number's own country.
fn place(geography: Option<Geography<'_>>, theirs: &CallerId<'_>) -> Place {
    let Geography { country, state, city, .. } = geography.unwrap_or_default();
    let named = country.and_then(Country::parse);
    let country = named.or_else(|| country::of_number(theirs.international_number()?));
    // A region or a city of no country could be anywhere.
    let within = |name: Option<&str>| name.filter(|_| country.is_some()).map(Arc::from);
    Place { country, region: within(state), city: within(city) }
}

#[cfg(test)]
mod tests;
