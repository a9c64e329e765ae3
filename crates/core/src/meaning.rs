//! What evidence says of a call that is known: less than by itself, where that was said before.

use crate::weight::is_carriers;
use crate::{AgentFrom, Claim, Connection, Direction, EndReason, Evidence, Phase, Said, Tracker};

impl Tracker {
    /// Of evidence that a platform has no more part in a call, since the caller was handed over: the
    /// call goes on with a person if a carrier tells of it, too.
    pub(crate) fn after_hand_over(&self, slot: u32, evidence: &Evidence) -> Option<Evidence> {
        let is_carried = self.told(slot).is_none_or(|told| told.by_carrier);
        let has_left = evidence.said == Said::Over(EndReason::HandedOver);
        let is_up = !self.entry(slot).has_ended();
        let goes_on = is_up && is_carried && !is_carriers(evidence);
        // Who has left says nothing else of who is with the caller.
        let (said, connection) = match goes_on {
            true => (Said::InProgress, Some(Connection::Person)),
            false => (evidence.said, None),
        };
        has_left.then(|| Evidence { said, connection, ..evidence.clone() })
    }

    /// Of evidence that was overtaken by a later word of who is with the caller, or that was taken in
    /// before: what is left of it.
    pub(crate) fn overtaken(&self, slot: u32, evidence: &Evidence) -> Option<Evidence> {
        let told = self.told(slot)?;
        let is_repeat = evidence.event_id.is_some_and(|id| told.words.contains(&id));
        let is_older = evidence.said_at.zip(told.word_at).is_some_and(|(said, known)| said < known);
        let names = evidence.connection.is_some() || evidence.agent_from == AgentFrom::Url;
        let (connection, agent_from) = (None, AgentFrom::Address);
        let says_less = (is_older || is_repeat) && names;
        says_less.then(|| Evidence { connection, agent_from, ..evidence.clone() })
    }

    /// What evidence claims of a call that is known: a heartbeat, that all is as it was.
    pub(crate) fn claim(&self, slot: u32, evidence: &Evidence) -> Claim {
        let entry = self.entry(slot);
        let is_dialled = match entry.phase {
            Phase::Dialing => true,
            Phase::Live => false,
            // Of an end that is taken back: nobody has said that it was answered before.
            Phase::Ended(_) => {
                entry.flags.direction() == Some(Direction::Outbound) && !entry.flags.is_proven()
            }
        };
        match (evidence.said, is_dialled) {
            (Said::StillUp, true) => Claim::Dialing,
            (Said::StillUp, false) => Claim::Live,
            _ => evidence.claim(),
        }
    }
}
