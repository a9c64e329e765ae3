//! Calls beyond a limit. The record of the first voice request has the limit in it, so where it stands
//! in the journal decides, on every replica alike. A caller about whom nothing could be decided in
//! time is let in.

use live_users_core::{Connection, Direction, Evidence, LimitOf, Said, TurnedAway};
use live_users_intake::Inbound;
use live_users_intake::agents::{Agents, Beyond};
use live_users_twilio::twiml::Response;

use crate::parts::conversation::turned_away;
use crate::parts::counters::{Counters, TurnedAwayBy};
use crate::parts::shards::Shards;

/// Gives the evidence of a voice request the limits that its call has to keep. A request that tells of
/// what was before it begins no call.
pub(super) fn limit(inbound: &mut Inbound<'_>, agents: &Agents) {
    if inbound.has_events {
        return;
    }
    for evidence in inbound.evidence.iter_mut().flatten() {
        evidence.admission = agents.admission(evidence);
    }
}

/// Whether a limit decides about what this says.
pub(super) fn is_limited(evidence: &[Evidence]) -> bool {
    evidence.iter().any(|evidence| evidence.admission.is_some())
}

/// The caller is let in because nothing was decided in time. It may be decided later all the same, by
/// a record that was under way: what is recorded after it takes that back.
pub(super) fn let_in(shards: &Shards, evidence: &[Evidence]) {
    for evidence in evidence.iter().filter(|evidence| evidence.admission.is_some()) {
        shards.tell(Evidence {
            said: Said::InProgress,
            connection: Some(Connection::Agent),
            is_after_lost_answer: true,
            admission: None,
            ..evidence.clone()
        });
    }
}

/// The answer to a call that was turned away; it is counted unless it is a repeat.
pub(super) fn answer(
    (counters, agents): (&Counters, &Agents),
    inbound: &Inbound<'_>,
    how: TurnedAway,
    is_repeat: bool,
) -> Response {
    let evidence = inbound.evidence.iter().flatten().find(|it| it.admission.is_some());
    let beyond = evidence.and_then(|evidence| agents.beyond(evidence, how.by));
    let decision = beyond.as_ref().map(|beyond| beyond.decision);
    let agent = beyond.as_ref().and_then(|Beyond { agent, .. }| *agent);
    if !is_repeat {
        counters.turn_away(TurnedAwayBy {
            agent: agent.unwrap_or_default().to_owned(),
            limit: match how.by {
                LimitOf::Agent => "agent",
                LimitOf::Account => "account",
            },
            decision: decision.map_or("busy", |decision| decision.word()),
        });
    }
    let is_ringing_here = evidence.is_some_and(|evidence| {
        evidence.said == Said::Dialing && evidence.direction != Some(Direction::Outbound)
    });
    turned_away(decision, how.instead, is_ringing_here)
}
