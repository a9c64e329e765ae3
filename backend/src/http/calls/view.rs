//! How calls and evidence about them are shown.

use live_users_core::{Call, Millis, Phase};
use live_users_state::explain::Piece;
use live_users_state::words;
use live_users_wire::{CallView, EvidenceView};

use crate::parts::clock::moment;
use crate::parts::counting_rules::CountingRules;
use crate::parts::presentation::{agent_ref, label, shown_place};

/// Shows calls as they are at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Presenter {
    pub(super) now: Millis,
    pub(super) rules: CountingRules,
}

impl Presenter {
    pub(super) fn is_suspect(&self, heard: Millis) -> bool {
        self.rules.is_suspect(heard, self.now)
    }

    pub(super) fn call(&self, call: &Call) -> CallView {
        let counted = call.phase == Phase::Live;
        CallView {
            call_sid: call.id.to_string(),
            phase: words::of_phase(call.phase).into_owned(),
            counted,
            suspect: counted && self.is_suspect(call.heard),
            direction: call.direction.map(|it| words::of_direction(it).into_owned()),
            agent: agent_ref(&call.agent),
            caller: call.caller.map(label),
            place: shown_place(&call.place),
            first_heard_at: moment(call.first),
            since: moment(call.since),
            heard_at: moment(call.heard),
            live_ms: counted.then(|| self.now.since(call.since)),
        }
    }
}

pub(super) fn evidence(piece: &Piece) -> EvidenceView {
    EvidenceView {
        seq: piece.seq,
        at: moment(piece.at),
        source: words::of_source(piece.source).into_owned(),
        said: words::of_said(piece.said).into_owned(),
        outcome: words::of_outcome(piece.outcome).into_owned(),
        leg: piece.leg.as_ref().map(ToString::to_string),
    }
}
