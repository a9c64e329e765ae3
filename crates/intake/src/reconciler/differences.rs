//! What differs between the provider's lists and what we know, and what follows from it.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroU64;

use live_users_core::{
    AnsweredBy, Call, CallId, Evidence, Millis, OpenCall, Phase, Said, Source, Tracker,
};
use live_users_twilio::rest::CallResource;
use live_users_twilio::{CallStatus, Direction};

use super::Reconciler;
use crate::agents::Agent;
use crate::callbacks::answered_by;
use crate::evidence::{of_unheard, of_unheard_leg};

/// The longest sentence to somebody who is turned away takes less than this to say, in milliseconds.
const SENTENCE_MS_MAX: u64 = 60_000;

/// What differs in one poll.
#[derive(Default)]
pub(super) struct Differences {
    /// We have it and the provider's lists do not.
    pub(super) missing: BTreeSet<CallId>,
    /// The provider has it in progress and we do not, or has a leg that we do not know.
    pub(super) unheard: BTreeSet<CallId>,
}

/// Whether a call that nobody has told of is taken.
pub(super) type Takes = Box<dyn Fn(&Evidence) -> bool + Send>;

impl Reconciler {
    /// The same where others look at the same lists, each for a state of its own: of the calls that
    /// nobody has told of it takes those of which this is true.
    #[must_use]
    pub fn taking(mut self, takes: impl Fn(&Evidence) -> bool + Send + 'static) -> Self {
        self.takes = Some(Box::new(takes));
        self
    }

    /// The account of Twilio's that its lists are of.
    fn twilio_account(&self) -> Option<NonZeroU64> {
        match &self.account {
            Some(own) => self.agents.accounts.digest_of(own),
            None => self.agents.accounts.digest(self.sid.as_deref()?),
        }
    }

    /// Compares the lists, which were asked for at `began`. What follows at once is evidence.
    pub(super) fn differences(
        &self,
        now: Millis,
        began: Millis,
        listed: &HashMap<CallId, CallResource>,
        calls: &Tracker,
    ) -> (Differences, Vec<Evidence>) {
        let mut differences = Differences::default();
        let mut evidence = Vec::new();
        let is_ours =
            |open: &OpenCall<'_>| !open.is_loose_leg() && self.is_responsible_for(open.told());
        for open in calls.open().filter(is_ours) {
            let (call, heard) = (open.id(), open.heard());
            match listed.get(call) {
                Some(listed) => evidence.extend(self.listed(now, open, listed)),
                None if !open.is_twilios() => {}
                None if began.since(heard) < self.rules.grace_ms => {}
                None if self.unknown.contains_key(call) => {}
                None => drop(differences.missing.insert(call.clone())),
            }
        }
        for (id, call) in listed {
            if self.missed(calls, began, call).is_some() {
                differences.unheard.insert(id.clone());
            }
        }
        (differences, evidence)
    }

    /// What follows from a call that is open and in the provider's lists. A leg needs no
    /// confirmation, since its conversation has one.
    fn listed(&self, now: Millis, open: OpenCall<'_>, listed: &CallResource) -> Option<Evidence> {
        if open.is_leg() {
            return None;
        }
        // Whoever has answered, detection proves that a call held for a colleague's is none.
        let is_held = open.party().is_none();
        let news = listed.answered_by.map(answered_by);
        let news = news.filter(|it| is_held || *it != AnsweredBy::Human);
        if let Some(answered_by) = news.filter(|_| !open.is_detected()) {
            let detected = Evidence::about(open.id().clone(), Source::Referee, Said::Nothing);
            return Some(Evidence { answered_by: Some(answered_by), ..detected });
        }
        let is_silent = now.since(open.heard()) > self.rules.confirm_after_ms;
        let is_up = is_in_progress(listed) && open.is_live();
        (is_up && is_silent)
            .then(|| Evidence::about(open.id().clone(), Source::Referee, Said::InProgress))
    }

    /// What follows from a call that the provider lists, if we do not have it so. The list was asked
    /// for at `began`.
    pub(super) fn missed(
        &self,
        calls: &Tracker,
        began: Millis,
        call: &CallResource,
    ) -> Option<Evidence> {
        let evidence = self.found(calls, began, call)?;
        let twilio_account = self.twilio_account();
        let evidence = Evidence { account: self.account.clone(), twilio_account, ..evidence };
        let is_known = || calls.call(&evidence.call).is_some();
        let is_taken = self.takes.as_ref().is_none_or(|takes| is_known() || takes(&evidence));
        is_taken.then_some(evidence)
    }

    fn found(&self, calls: &Tracker, began: Millis, call: &CallResource) -> Option<Evidence> {
        let id = CallId::parse(&call.sid).ok()?;
        let known = calls.call(&id);
        if known.is_none() && calls.has_ended(&id) {
            // It was over so long ago that nobody's list may lag behind so far.
            return None;
        }
        let goes_on = |id| Some(Evidence::about(id, Source::Referee, Said::InProgress));
        match known.as_ref().map(|known| known.phase) {
            None => match call.parent_call_sid.as_deref() {
                Some(parent) => self.missed_leg(calls, call, parent),
                None if is_in_progress(call) => {
                    of_unheard(call, &self.agents, &self.key, self.takes_all())
                }
                None => None,
            },
            _ if !is_in_progress(call) => None,
            Some(Phase::Dialing) => goes_on(id),
            // The lists lag behind, so they may have it for a while after a true end.
            Some(Phase::Ended(_)) if known.as_ref().is_some_and(Call::may_go_on) => {
                let known = known.filter(|it| it.details.leg.is_none())?;
                // Who is turned away with a sentence listens to it.
                let listens_ms = known.details.turned_away.map_or(0, |_| SENTENCE_MS_MAX);
                let grace_ms = self.rules.grace_ms.max(listens_ms);
                let is_later = began.since(known.since) >= grace_ms;
                is_later.then(|| goes_on(id)).flatten()
            }
            Some(Phase::Live | Phase::Ended(_)) => None,
        }
    }

    /// Whether a call is ours whatever number it is on. Who names numbers means these alone.
    fn takes_all(&self) -> bool {
        let has_place = |agent: &Agent| !agent.numbers.is_empty() || !agent.sip_hosts.is_empty();
        self.rules.is_only_source && !self.agents.iter().any(has_place)
    }

    /// See [`super::Status::unlisted`].
    pub fn unlisted(&self) -> usize {
        self.unlisted
    }

    /// How many inbound calls are up that nothing tells of, since no agent has their number.
    pub(super) fn count_unlisted(
        &self,
        listed: &HashMap<CallId, CallResource>,
        calls: &Tracker,
    ) -> usize {
        if !self.rules.is_only_source {
            return 0;
        }
        let is_inbound = |call: &CallResource| {
            call.parent_call_sid.is_none() && call.direction == Some(Direction::Inbound)
        };
        let is_unlisted = |(id, call): &(&CallId, &CallResource)| {
            is_in_progress(call)
                && is_inbound(call)
                && calls.call(id).is_none()
                && !calls.has_ended(id)
        };
        let ours = |call| of_unheard(call, &self.agents, &self.key, self.takes_all()).is_some();
        listed.iter().filter(is_unlisted).filter(|(_, call)| !ours(call)).count()
    }

    /// What follows from a leg that the provider lists and we do not know.
    fn missed_leg(&self, calls: &Tracker, leg: &CallResource, parent: &str) -> Option<Evidence> {
        let parent = CallId::parse(parent).ok()?;
        let is_up = calls.call(&parent).is_some_and(|it| !matches!(it.phase, Phase::Ended(_)));
        let is_there = matches!(leg.status, Some(CallStatus::InProgress | CallStatus::Ringing));
        let adds = is_up && is_there && self.agents.iter().any(|agent| !agent.numbers.is_empty());
        adds.then(|| of_unheard_leg(leg, &parent, &self.agents)).flatten()
    }
}

fn is_in_progress(call: &CallResource) -> bool {
    call.status == Some(CallStatus::InProgress)
}
