//! What differs between a list and what we know, and what follows from it.

use std::collections::{BTreeSet, VecDeque};

use live_users_core::{
    Call, CallId, EndReason, Evidence, Millis, OpenCall, Origin, Phase, SECOND_MS, Said, Source,
    Told, Tracker,
};
use live_users_sources::{CallEvent, Gives, Listed, Scope, What};

use super::SourceReferee;
use super::naming::Named;
use super::reading::Read;
use super::status::Found;
use crate::source_event::{name, of_source_event};

/// What differs in one round.
#[derive(Default)]
pub(super) struct Differences {
    /// We have it and the list does not.
    pub(super) missing: BTreeSet<CallId>,
    /// The list has it and we do not.
    pub(super) unheard: BTreeSet<CallId>,
}

impl SourceReferee {
    /// Compares a list with what we know. What follows at once is evidence: that a call that was
    /// silent goes on.
    pub(super) fn differences(
        &self,
        now: Millis,
        read: &Read,
        calls: &Tracker,
    ) -> (Differences, Vec<Evidence>) {
        let (mut differences, mut evidence) = (Differences::default(), Vec::new());
        for open in calls.open() {
            match self.listed_as(&open, read) {
                Some(listed) => evidence.extend(self.confirmation(now, open, listed)),
                None if self.is_missing(&open, read) => {
                    differences.missing.insert(open.id().clone());
                }
                None => {}
            }
        }
        let heads = self.heads(read, calls);
        for (at, listed) in read.calls.iter().enumerate() {
            let Some(id) = self.name(&listed.event.call) else { continue };
            let is_unheard = match self.known(calls, &listed.event) {
                None if self.is_long_over(calls, &listed.event) => false,
                None => {
                    listed.event.what != What::Dialing
                        && heads.contains(&at)
                        && !self.not_again.contains_key(&id)
                }
                Some(known) => self.may_go_on(now, read, &known, listed),
            };
            if is_unheard {
                differences.unheard.insert(id);
            }
        }
        (differences, evidence)
    }

    /// What follows from differences that two lists have shown.
    pub(super) fn confirmed(
        &self,
        read: &Read,
        calls: &Tracker,
        missing: BTreeSet<CallId>,
        unheard: BTreeSet<CallId>,
    ) -> (VecDeque<Named>, Vec<Evidence>) {
        let (mut named, mut evidence) = (VecDeque::new(), Vec::new());
        let ids = &self.settings.ids;
        let by_name = self.settings.referee.by_name.as_ref();
        for call in missing {
            match by_name {
                Some(by_name) => {
                    let ask = (by_name.over)(ids, &self.own_name(&call));
                    named.push_back(Named { call, ask, is_missing: true });
                }
                None => evidence.push(self.about(call, Said::Over(EndReason::Unlisted))),
            }
        }
        for call in unheard {
            let Some(listed) = read.places.get(&call).map(|at| &read.calls[*at]) else { continue };
            if self.is_long_over(calls, &listed.event) {
                continue;
            }
            match (self.known(calls, &listed.event), by_name) {
                (Some(known), _) => evidence.push(self.about(known.id, Said::InProgress)),
                (None, Some(by_name)) => {
                    let ask = (by_name.live)(ids, &listed.event.call);
                    named.push_back(Named { call, ask, is_missing: false });
                }
                (None, None) => evidence.extend(self.beginning(listed)),
            }
        }
        (named, evidence)
    }

    /// What is shown of a round.
    pub(super) fn found(&self, now: Millis, read: &Read, calls: &Tracker) -> Found {
        let is_live = |open: &OpenCall<'_>| open.is_live() && !open.is_leg();
        let ours = calls.open().filter(|open| self.is_of_source(open));
        let is_number = self.settings.referee.gives == Gives::Number;
        let (theirs, ours) = match read.number {
            Some(number) => (number, ours.filter(is_live).count()),
            None if is_number => (0, 0),
            None => (read.calls.len() as u64, ours.filter(|it| self.is_in_scope(it)).count()),
        };
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let difference = signed(theirs).saturating_sub(signed(ours as u64));
        Found { at: now, calls: theirs, difference }
    }

    /// The beginning of a call of which there was no webhook.
    pub(super) fn beginning(&self, listed: &Listed) -> Option<Evidence> {
        // What is up and no more is told of: it is taken for a conversation with the agent.
        let what = What::Answered;
        let event = CallEvent { what, ..listed.event.clone() };
        let known = (&self.agents, &self.key);
        let found = of_source_event(&self.settings.source, &event, known, None).pop()?;
        Some(Evidence { source: Source::Referee, ..found })
    }

    /// Something about a call that is known.
    pub(super) fn about(&self, call: CallId, said: Said) -> Evidence {
        let source = &self.settings.source;
        let origin = Origin { source: source.id.clone(), is_carrier: source.is_carrier };
        Evidence {
            origin: Some(origin),
            account: source.account.clone(),
            limits: source.limits,
            ..Evidence::about(call, Source::Referee, said)
        }
    }

    /// Whether an answer is about the call that was asked for.
    pub(super) fn is_named(&self, call: &CallId, answered: &str) -> bool {
        self.name(answered).is_some_and(|answered| answered == *call)
    }

    fn name(&self, id: &str) -> Option<CallId> {
        name(&self.settings.source, id)
    }

    /// What the provider calls it: an id that is no name of ours stands as it is.
    fn own_name(&self, call: &CallId) -> String {
        let id = call.to_string();
        let own = id.strip_prefix(&*self.settings.source.id).and_then(|it| it.strip_prefix('/'));
        own.map_or_else(|| id.clone(), str::to_owned)
    }

    /// What is known of a call in the list, under any of its names.
    fn known(&self, calls: &Tracker, event: &CallEvent) -> Option<Call> {
        let ids = std::iter::once(&event.call).chain(&event.also);
        ids.filter_map(|id| self.name(id)).find_map(|id| calls.call(&id))
    }

    /// Whether a call in the list was over so long ago that no more is known of it.
    fn is_long_over(&self, calls: &Tracker, event: &CallEvent) -> bool {
        let ids = std::iter::once(&event.call).chain(&event.also);
        ids.filter_map(|id| self.name(id)).any(|id| calls.remembered_end(&id).is_some())
    }

    /// The entry of a call that is open, under any of its names.
    fn listed_as<'a>(&self, open: &OpenCall<'_>, read: &'a Read) -> Option<&'a Listed> {
        let names = open.told().map(|told| told.names.as_slice()).unwrap_or_default();
        let at = std::iter::once(open.id()).chain(names).find_map(|id| read.places.get(id))?;
        read.calls.get(*at)
    }

    fn confirmation(&self, now: Millis, open: OpenCall<'_>, listed: &Listed) -> Option<Evidence> {
        let told = open.told()?;
        if open.is_leg() || !open.is_live() || !told.sources.contains(&self.settings.source.id) {
            return None;
        }
        let quiet_ms = told.limits.quiet_s.map(|quiet_s| u64::from(quiet_s) * SECOND_MS / 2);
        let after_ms = quiet_ms.map_or(self.rules.confirm_after_ms, |quiet_ms| {
            quiet_ms.min(self.rules.confirm_after_ms)
        });
        let room = listed.event.room.as_deref().and_then(|room| self.name(room));
        // Where it belongs is known from now on, so that a later list may lack it.
        let places = self.settings.referee.room.is_some() && room.is_some() && told.room.is_none();
        let is_silent = now.since(open.heard()) > after_ms;
        let goes_on = || self.about(open.id().clone(), Said::InProgress);
        (is_silent || places).then(|| Evidence { room, ..goes_on() })
    }

    /// Whether a call is one that the list should have. The list is younger than all that was heard.
    fn is_missing(&self, open: &OpenCall<'_>, read: &Read) -> bool {
        self.is_of_source(open)
            && self.is_in_scope(open)
            && !open.is_leg()
            && open.told().is_some_and(|told| self.is_ours_to_end(told))
            && read.began.since(open.heard()) >= self.rules.grace_ms
            && !self.not_again.contains_key(open.id())
    }

    /// Whether nobody else has a word about the end of a call: no other carrier, and for a platform
    /// nobody at all.
    fn is_ours_to_end(&self, told: &Told) -> bool {
        let own = &self.settings.source;
        let others: Vec<_> = told.sources.iter().filter(|it| **it != own.id).collect();
        if told.by_twilio || !own.is_carrier {
            return !told.by_twilio && !told.by_carrier && others.is_empty();
        }
        let is_carrier = |id: &str| {
            let table = self.agents.sources().iter().find(|table| table.id == id);
            // One that is not in the file any more may have been one.
            table.is_none_or(|table| table.settings().is_carrier)
        };
        !others.iter().any(|id| is_carrier(id))
    }

    /// Whether a call is of the source; where agents are named, also one that another source tells of
    /// and one of these agents has.
    fn is_of_source(&self, open: &OpenCall<'_>) -> bool {
        let is_told =
            open.told().is_some_and(|told| told.sources.contains(&self.settings.source.id));
        is_told || self.is_of_asked_agent(open)
    }

    fn is_of_asked_agent(&self, open: &OpenCall<'_>) -> bool {
        if self.settings.referee.scope != Scope::Agents {
            return false;
        }
        let live_users_core::Agent::Id(agent) = open.agent() else { return false };
        let mut ids = self.settings.ids.iter();
        ids.any(|id| {
            **id == **agent || self.agents.by_assistant(id).is_some_and(|it| *it.id == **agent)
        })
    }

    /// Whether a call is on what was asked for, as far as that makes a difference.
    fn is_in_scope(&self, open: &OpenCall<'_>) -> bool {
        let Some(room_of) = self.settings.referee.room else { return true };
        let room = open.told().and_then(|told| told.room.as_ref());
        let mut asked = self.settings.ids.iter().filter_map(|id| self.name(&room_of(id)));
        room.is_some_and(|room| asked.any(|asked| asked == *room))
    }

    /// Whether a call that we have otherwise is on the line by what the list says.
    fn may_go_on(&self, now: Millis, read: &Read, known: &Call, listed: &Listed) -> bool {
        match known.phase {
            Phase::Live => false,
            Phase::Dialing => listed.event.what == What::Answered,
            Phase::Ended(reason) => {
                let longest_s = known.details.told.as_ref().and_then(|told| told.limits.longest_s);
                let age_ms = now.since(known.first);
                let is_too_long = longest_s.is_some_and(|it| age_ms > u64::from(it) * SECOND_MS);
                // Who has handed a caller over may list the call a while longer.
                let has_left = reason == EndReason::HandedOver && !self.settings.source.is_carrier;
                known.may_go_on()
                    && known.details.leg.is_none()
                    && listed.event.what != What::Dialing
                    && !is_too_long
                    && !has_left
                    && read.began.since(known.since) >= self.rules.grace_ms
            }
        }
    }

    /// Of calls that we do not know, the first of each conversation that we do not know either: the
    /// others are legs.
    fn heads(&self, read: &Read, calls: &Tracker) -> BTreeSet<usize> {
        let mut known = BTreeSet::new();
        let (mut heads, mut rest) = (BTreeSet::new(), Vec::new());
        for (at, listed) in read.calls.iter().enumerate() {
            let is_known = self.known(calls, &listed.event).is_some()
                || self.is_long_over(calls, &listed.event);
            match (&listed.session, is_known) {
                (None, _) => drop(heads.insert(at)),
                (Some(session), true) => drop(known.insert(session)),
                (Some(session), false) => {
                    rest.push((session, std::cmp::Reverse(listed.up_s), &listed.event.call, at));
                }
            }
        }
        rest.sort_unstable();
        for (session, _, _, at) in rest {
            if known.insert(session) {
                heads.insert(at);
            }
        }
        heads
    }
}
