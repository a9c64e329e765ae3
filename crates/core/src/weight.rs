//! How much a piece of evidence weighs.

use crate::call::Entry;
use crate::flags::Word;
use crate::{AgentFrom, Claim, Connection, EndReason, Evidence, Phase, Said, Source};

/// How strong the word about the agent is.
pub(crate) fn word(evidence: &Evidence) -> Word {
    match (evidence.agent_from, evidence.source, evidence.said) {
        (AgentFrom::Address, _, _) => Word::NUMBER,
        (AgentFrom::Url, Source::Event, Said::InProgress | Said::StillUp) => Word::LAST,
        (AgentFrom::Url, Source::Event, _) => Word::FIRST,
        (AgentFrom::Url, Source::Voice | Source::Speech, Said::InProgress | Said::Over(_)) => {
            Word::LAST
        }
        (AgentFrom::Url, Source::Voice | Source::Speech, _) => Word::FIRST,
        (AgentFrom::Url, _, _) => Word::CALLBACK,
    }
}

/// Whether it shows that the call talks with an agent, and is no colleague's.
pub(crate) fn proves(evidence: &Evidence) -> bool {
    let asks = matches!(evidence.source, Source::Voice | Source::Speech);
    let streams = evidence.connection == Some(Connection::Agent);
    // What we hear of a platform's or an application's calls is that its agents have them, or have had.
    let converses = match evidence.said {
        Said::InProgress => true,
        Said::Over(reason) => {
            matches!(reason, EndReason::Completed | EndReason::HandedOver) && !is_carriers(evidence)
        }
        _ => false,
    };
    let asks = asks || evidence.source == Source::Event && converses;
    (asks || streams || evidence.answered_by.is_some()) && !evidence.is_leg()
}

/// Whether it is what a carrier says.
pub(crate) fn is_carriers(evidence: &Evidence) -> bool {
    match (&evidence.origin, evidence.source) {
        (Some(origin), _) => origin.is_carrier,
        (None, Source::Clock | Source::Operator | Source::Event) => false,
        (None, Source::Voice | Source::Speech | Source::StatusCallback | Source::Referee) => true,
    }
}

pub(crate) fn entry_reason(entry: &Entry) -> Option<EndReason> {
    match entry.phase {
        Phase::Ended(reason) => Some(reason),
        Phase::Dialing | Phase::Live => None,
    }
}

/// Whether a claim is an end that stands whatever comes later.
pub(crate) fn is_firm(claim: Claim) -> bool {
    matches!(claim, Claim::Ended(reason) if !reason.is_guess())
}
