//! Legs: calls that belong to the conversation of another call, and what is at their other end.
//!
//! A leg is never a user. What it leads to decides with whom the caller of its conversation is
//! connected: an AI agent or a person.

use std::sync::Arc;

use live_users_core::{
    Agent, AgentFrom, CallId, Direction, EndReason, Endpoint, Evidence, Place, Said, Source,
};
use live_users_twilio::DialResult;

use crate::agents::{self, Agents};
use crate::caller_id::sip_host;
use crate::evidence::said_by;

/// Hosts of SIP addresses that lead to an AI agent, with the hosts below them: those of OpenAI,
/// LiveKit, ElevenLabs, Vapi and Retell. Regions are below them or have hosts of their own.
const AI_HOSTS: [&str; 7] = [
    "sip.api.openai.com",
    "sip.livekit.cloud",
    "sip.rtc.elevenlabs.io",
    "residency.elevenlabs.io",
    "sip.vapi.ai",
    "sip.eu.vapi.ai",
    "sip.retellai.com",
];

/// What a call leads to.
#[derive(Clone, Copy, Debug)]
struct Target<'a> {
    endpoint: Endpoint,
    /// The agent, if it is a configured one.
    agent: Option<&'a agents::Agent>,
}

impl<'a> Target<'a> {
    /// By the number or address that is called.
    fn of(to: Option<&str>, agents: &'a Agents) -> Self {
        let to = to.unwrap_or_default();
        let host = sip_host(to);
        let agent = agents.by_number(to).or_else(|| agents.by_sip_host(to));
        let is_ai = agent.is_some() || host.is_some_and(|host| is_ai_host(&host));
        let endpoint = if is_ai { Endpoint::Agent } else { Endpoint::Person };
        Self { endpoint, agent }
    }
}

/// Whether a number or address is an agent's.
pub(crate) fn leads_to_agent(to: Option<&str>, agents: &Agents) -> bool {
    Target::of(to, agents).endpoint == Endpoint::Agent
}

/// The evidence with what its call is in a conversation. `ends` are who calls and who is called.
///
/// - A call that we have made has an endpoint: it may turn out to be a colleague's.
/// - A leg has an endpoint. It has no caller and no place: these are nobody's in the count.
/// - A call that the provider's API makes to an AI agent is a leg, such as one that is brought into
///   a conference.
/// - A call that comes in from one of our own numbers is the far end of a leg of ours. The person on
///   it is known by another call.
pub(crate) fn with_role(
    evidence: Evidence,
    ends: (Option<&str>, Option<&str>),
    agents: &Agents,
) -> Evidence {
    let (from, to) = ends;
    let target = Target::of(to, agents);
    let is_far_end = match evidence.direction {
        Some(Direction::Inbound) => from.is_some_and(|from| agents.is_own_number(from)),
        Some(Direction::Outbound | Direction::Dial) | None => false,
    };
    let is_to_ai =
        evidence.direction == Some(Direction::Outbound) && target.endpoint == Endpoint::Agent;
    if is_far_end && !evidence.is_leg() {
        let direction = Some(Direction::Dial);
        return Evidence { direction, caller: None, place: Place::default(), ..evidence };
    }
    if !evidence.is_leg() && !is_to_ai {
        let is_ours = evidence.direction == Some(Direction::Outbound);
        return Evidence { endpoint: is_ours.then_some(target.endpoint), ..evidence };
    }
    let (agent, agent_from, agent_account) = match (target.agent, evidence.agent_from) {
        (Some(agent), _) => {
            (Agent::Id(Arc::from(agent.id.as_str())), AgentFrom::Address, agent.account())
        }
        (None, AgentFrom::Url) => (evidence.agent, AgentFrom::Url, evidence.agent_account),
        // Its From may be the caller's number, and whose it is does not say where it leads.
        (None, AgentFrom::Address) => (Agent::Unknown, AgentFrom::Address, None),
    };
    Evidence {
        direction: if is_to_ai { Some(Direction::Dial) } else { evidence.direction },
        endpoint: Some(target.endpoint),
        agent,
        agent_from,
        agent_account,
        caller: None,
        place: Place::default(),
        ..evidence
    }
}

/// That the leg of a `<Dial>` is over, since the verb is. `None` if no leg is named.
pub(crate) fn end_of_leg(parent: &CallId, dial: &DialResult) -> Option<Evidence> {
    let leg = CallId::parse(dial.call_sid.as_deref()?).ok()?;
    if leg == *parent {
        return None;
    }
    let said = dial.status.map_or(Said::Over(EndReason::Completed), said_by);
    Some(Evidence {
        parent: Some(parent.clone()),
        direction: Some(Direction::Dial),
        duration_s: dial.duration_s,
        ..Evidence::about(leg, Source::StatusCallback, said)
    })
}

fn is_ai_host(host: &str) -> bool {
    AI_HOSTS.into_iter().any(|known| is_within(host, known))
}

/// Whether a host is this one, or below it.
fn is_within(host: &str, parent: &str) -> bool {
    let above = host.strip_suffix(parent);
    above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

#[cfg(test)]
mod tests;
