//! How calls and evidence about them are shown.

use std::sync::Arc;

use live_users_core::{
    Agent, AnsweredBy, Call, CallId, Direction, EndReason, Limits, Millis, Party, Phase, Stretch,
    Told, Tracker,
};
use live_users_intake::alerts::TWILIO;
use live_users_state::explain::Piece;
use live_users_state::{Activity, words};
use live_users_wire::{CallView, EvidenceView, LegView, StretchView};

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
    /// Whether a call is suspect of which something was last heard then, and that has these limits.
    pub(super) fn is_suspect(&self, heard: (Millis, Limits)) -> bool {
        self.rules.is_suspect(heard, self.now)
    }

    /// Whether a call is in the count.
    pub(super) fn is_counted(&self, call: &Call) -> bool {
        call.party.is_some_and(|party| self.rules.counting.counts(party))
    }

    pub(super) fn call(&self, call: &Call) -> CallView {
        let stretches = self.spans(call).into_iter().map(|span| span.view).collect();
        CallView { stretches, ..self.outline(call) }
    }

    /// The same without its stretches.
    pub(super) fn outline(&self, call: &Call) -> CallView {
        let counted = self.is_counted(call);
        CallView {
            call_sid: call.id.to_string(),
            phase: words::of_phase(call.phase).into_owned(),
            counted,
            suspect: counted && self.is_suspect((call.heard, call.limits())),
            direction: call.direction.map(|it| words::of_direction(it).into_owned()),
            party: call.party.map(|it| words::of_party(it).into_owned()),
            answered_by: call.details.answered_by.map(|it| words::of_answered_by(it).into_owned()),
            agent: agent_ref(call.acting_agent()),
            caller: call.caller.map(label),
            place: shown_place(&call.place),
            first_heard_at: moment(call.first),
            since: moment(call.since),
            heard_at: moment(call.heard),
            live_ms: self.live_ms(call),
            waiting_ms: self.waiting_ms(call),
            sources: call.details.told.as_ref().map(sources).unwrap_or_default(),
            account: text(owner(call).as_ref()),
            also: call
                .details
                .told
                .iter()
                .flat_map(|it| &it.names)
                .map(CallId::to_string)
                .collect(),
            stretches: Vec::new(),
        }
    }

    /// For how long a call that is up has counted so far.
    fn live_ms(&self, call: &Call) -> Option<u64> {
        let is_up = call.phase == Phase::Live && call.party.is_some();
        let counts = |party| self.rules.counting.counts(party);
        let past = call.details.stretches.iter().filter(|it| counts(it.party));
        let past_ms = past.map(|it| it.until.since(it.since)).fold(0, u64::saturating_add);
        let is_counted = self.is_counted(call);
        let present_ms = if is_counted { self.now.since(call.stretch_since()) } else { 0 };
        is_up.then(|| past_ms.saturating_add(present_ms))
    }

    /// For how long a caller who waits has done so, also while the agent has changed.
    fn waiting_ms(&self, call: &Call) -> Option<u64> {
        let is_waiting = |it: &&Stretch| it.party == Party::Waiting;
        let earlier = call.details.stretches.iter().rev().take_while(is_waiting).last();
        let since = earlier.map_or(call.stretch_since(), |it| it.since);
        (call.party == Some(Party::Waiting)).then(|| self.now.since(since))
    }

    /// The stretches of a call, the oldest first; the dialling of a call that we have made is one.
    pub(super) fn spans(&self, call: &Call) -> Vec<Span> {
        let mut past = call.details.stretches.clone();
        if past.is_empty() {
            past.extend(only_stretch(call));
        }
        let present = call.party.map(|party| (party, call.stretch_since()));
        let connected = past.first().map(|it| it.since).or(present.map(|(_, since)| since));
        let dialling = connected
            .filter(|since| call.direction == Some(Direction::Outbound) && *since > call.first);
        let dialling = dialling.map(|until| {
            // Whoever it was connected with first had dialled it.
            let first = past.first();
            Stretch {
                party: Party::Waiting,
                agent: first.map_or(&call.agent, |it| &it.agent).clone(),
                account: first.map_or_else(|| owner(call), |it| it.account.clone()),
                since: call.first,
                until,
            }
        });
        let past = dialling.into_iter().chain(past).map(|stretch| Span {
            view: view(stretch.party, &stretch.agent, stretch.since, Some(stretch.until)),
            lasted_ms: Some(stretch.until.since(stretch.since)),
            account: account(call, &stretch),
        });
        let present = present.map(|(party, since)| Span {
            view: view(party, call.acting_agent(), since, None),
            lasted_ms: None,
            account: owner(call),
        });
        past.chain(present).collect()
    }
}

/// A stretch, and whose it is.
pub(super) struct Span {
    pub(super) view: StretchView,
    /// How long it was, if it is over.
    pub(super) lasted_ms: Option<u64>,
    /// The account that the call belonged to then.
    pub(super) account: Option<Arc<str>>,
}

fn owner(call: &Call) -> Option<Arc<str>> {
    call.details.told.as_ref()?.owner().cloned()
}

/// The account that a call belonged to during a stretch that is over. Where that is not kept, it is of
/// whoever has told of the call, and never of the agent that it has moved to.
fn account(call: &Call, stretch: &Stretch) -> Option<Arc<str>> {
    let teller = || match stretch.agent == *call.acting_agent() {
        true => owner(call),
        false => call.details.told.as_ref()?.teller().cloned(),
    };
    stretch.account.clone().or_else(teller)
}

/// The account that a call belonged to at the time of an activity, where no later activity has one:
/// that of its stretch, unless the call had another agent.
pub(super) fn account_then(tracker: &Tracker, activity: &Activity) -> Option<Arc<str>> {
    let call = tracker.call(&activity.call)?;
    let past = call.details.stretches.iter().find(|it| activity.at < it.until);
    let (agent, account) = match past {
        Some(stretch) => (&stretch.agent, account(&call, stretch)),
        None => (call.acting_agent(), owner(&call)),
    };
    let is_its = *agent == activity.agent || !matches!(activity.agent, Agent::Id(_));
    account.filter(|_| is_its)
}

/// Whether a call is a user's, and no leg or a colleague's.
pub(super) fn is_users(call: &Call) -> bool {
    call.details.leg.is_none() && !call.details.is_colleague
}

/// The one stretch of a call that is over, as far as it is known: when a call that we have made was
/// answered is not kept.
fn only_stretch(call: &Call) -> Option<Stretch> {
    let Phase::Ended(reason) = call.phase else { return None };
    let was_answered = match reason {
        EndReason::Completed
        | EndReason::Goodbye
        | EndReason::HandedOver
        | EndReason::Unlisted
        | EndReason::TimedOut
        | EndReason::Evicted => true,
        EndReason::Canceled | EndReason::NoAnswer | EndReason::Busy | EndReason::Failed => false,
    };
    let is_known = was_answered
        && is_users(call)
        && call.direction != Some(Direction::Outbound)
        && call.first < call.since;
    let party = match call.details.answered_by {
        Some(AnsweredBy::Machine | AnsweredBy::Fax) => Party::Machine,
        Some(AnsweredBy::Human) | None => Party::Agent,
    };
    let (since, until) = (call.first, call.since);
    let (agent, account) = (call.agent.clone(), owner(call));
    is_known.then_some(Stretch { party, agent, account, since, until })
}

fn view(with: Party, agent: &Agent, from: Millis, to: Option<Millis>) -> StretchView {
    let with = words::of_party(with).into_owned();
    StretchView { with, agent: agent_ref(agent), from: moment(from), to: to.map(moment) }
}

/// Who has told of a call.
fn sources(told: &Told) -> Vec<String> {
    let twilio = told.by_twilio.then(|| TWILIO.to_owned());
    twilio.into_iter().chain(told.sources.iter().map(ToString::to_string)).collect()
}

fn text(text: Option<&Arc<str>>) -> Option<String> {
    text.map(ToString::to_string)
}

pub(super) fn leg(call: &Call) -> LegView {
    LegView {
        call_sid: call.id.to_string(),
        phase: words::of_phase(call.phase).into_owned(),
        endpoint: call.details.endpoint.map(|it| words::of_endpoint(it).into_owned()),
    }
}

pub(super) fn evidence(piece: &Piece) -> EvidenceView {
    EvidenceView {
        seq: piece.seq,
        at: moment(piece.at),
        source: words::of_source(piece.source).into_owned(),
        from: text(piece.origin.as_ref()),
        said: words::of_said(piece.said).into_owned(),
        outcome: words::of_outcome(piece.outcome).into_owned(),
        party: piece.party.map(|it| words::of_party(it).into_owned()),
        leg: piece.leg.as_ref().map(ToString::to_string),
    }
}
