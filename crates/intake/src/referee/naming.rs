//! Calls that are asked for by name, where a provider answers that.

use live_users_core::{CallId, Evidence, Millis, Said};
use live_users_sources::{Answer, Ask, What};

use super::SourceReferee;

/// So many rounds later a call is asked for again that is missing and not known to be over: its record
/// may be on its way.
const ROUNDS_UNTIL_AGAIN: u64 = 3;

/// The same of a call that is none of ours.
const ROUNDS_OF_OTHERS: u64 = 30;

/// A call to ask for by its name.
pub(super) struct Named {
    pub(super) call: CallId,
    pub(super) ask: Ask,
    /// Whether it is missing; if not, it is one that we do not know.
    pub(super) is_missing: bool,
}

impl SourceReferee {
    /// What follows from what the provider says of one call.
    pub(super) fn resolve(
        &mut self,
        now: Millis,
        named: &Named,
        answer: Answer,
    ) -> Option<Evidence> {
        let rounds = if named.is_missing { ROUNDS_UNTIL_AGAIN } else { ROUNDS_OF_OTHERS };
        let again = Millis(now.0 + self.rules.poll_every_ms * rounds);
        let found = answer.calls.into_iter().next();
        let found = found.filter(|listed| self.is_named(&named.call, &listed.event.call));
        let evidence = found.and_then(|listed| match named.is_missing {
            true => self.over(&named.call, &listed),
            false => self.beginning(&listed).filter(|it| self.is_ours(it)),
        });
        if evidence.is_none() {
            self.not_again.insert(named.call.clone(), again);
        }
        evidence
    }

    /// The end of a call, by the provider's own word.
    fn over(&self, call: &CallId, listed: &live_users_sources::Listed) -> Option<Evidence> {
        let What::Ended(reason) = listed.event.what else { return None };
        let over = self.about(call.clone(), Said::Over(reason));
        Some(Evidence { duration_s: listed.event.duration_s, ..over })
    }

    /// Whether a call of the whole account is ours: only what comes in at an agent's number is. An
    /// outbound one may be a leg of a call, and a list does not tell these apart.
    fn is_ours(&self, evidence: &Evidence) -> bool {
        let live_users_core::Agent::Id(agent) = &evidence.agent else { return false };
        let is_inbound = evidence.direction == Some(live_users_core::Direction::Inbound);
        is_inbound && self.agents.by_id(agent).is_some()
    }
}
