//! Who tells of a call, and what follows from that: the numbers by source and by account.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::max;

use smallvec::SmallVec;

use crate::applied::Applied;
use crate::links::Links;
use crate::{
    CallId, Direction, Endpoint, Evidence, Numbers, OpenCall, SECOND_MS, Said, Source, Told,
    Tracker,
};

impl Tracker {
    /// Who has told of a call; `None` if that is Twilio alone.
    pub(crate) fn told(&self, slot: u32) -> Option<&Told> {
        self.links(slot)?.told.as_deref()
    }

    /// The same, to be changed. A call that has none of it was told of by Twilio alone.
    pub(crate) fn told_mut(&mut self, slot: u32) -> &mut Told {
        self.entry_mut(slot).flags.set_linked(true);
        let plain = || Box::new(Told { by_twilio: true, by_carrier: true, ..Told::default() });
        self.ties.links_mut(slot).told.get_or_insert_with(plain)
    }

    /// Sets it.
    pub(crate) fn set_told(&mut self, slot: u32, told: Told) {
        if !told.is_plain() || self.told(slot).is_some() {
            self.leave_rooms(slot);
            *self.told_mut(slot) = told;
            self.enter_rooms(slot);
        }
    }

    /// The calls of a room and of a session are found by these.
    pub(crate) fn enter_rooms(&mut self, slot: u32) {
        let rooms = self.links(slot).into_iter().flat_map(Links::rooms);
        let rooms: SmallVec<[_; 2]> = rooms.map(|room| (room.clone(), slot)).collect();
        self.ties.rooms.extend(rooms);
    }

    fn leave_rooms(&mut self, slot: u32) {
        let rooms = self.ties.links.get(&slot).into_iter().flat_map(Links::rooms);
        for room in rooms {
            self.ties.rooms.remove(&(room.clone(), slot));
        }
    }

    /// Notes who says this, about a call that is known. `is_new` says that nobody did before.
    pub(crate) fn note_told(&mut self, slot: u32, evidence: &Evidence, is_new: bool) {
        let is_ours = matches!(evidence.source, Source::Clock | Source::Operator);
        let is_plain = evidence.origin.is_none()
            && evidence.account.is_none()
            && evidence.twilio_account.is_none();
        if is_ours || is_plain && (is_new || self.told(slot).is_none()) {
            return;
        }
        let now = self.now;
        let told = self.told_mut(slot);
        if is_new {
            *told = Told::default();
        }
        // Where Twilio alone tells, the order in which its words come is the order that counts.
        let is_beside_others = evidence.origin.is_some() || !told.sources.is_empty();
        if evidence.connection.is_some() && is_beside_others {
            // What has no time is of the moment in which it came, and nothing is of a later one.
            let said_at = evidence.said_at.map_or(now, |at| at.min(now));
            told.word_at = told.word_at.max(Some(said_at));
        }
        let is_first = told.sources.is_empty() && !told.by_twilio;
        match &evidence.origin {
            None => (told.by_twilio, told.by_carrier) = (true, true),
            Some(origin) => {
                told.add_source(&origin.source);
                told.by_carrier |= origin.is_carrier;
                // Whatever carrier gives one of its ids to a call is Twilio.
                told.by_twilio |= origin.is_carrier && evidence.call.is_sid();
                if let Some(id) = evidence.event_id {
                    told.remember(id);
                }
            }
        }
        told.limit(evidence.limits, is_first);
        match evidence.twilio_account.filter(|_| evidence.is_twilios()) {
            Some(digest) => told.be_of_twilio_account(digest, evidence.account.as_ref()),
            None => {
                told.spoken_for = told.spoken_for.or(evidence.twilio_account);
                told.account = max(told.account.take(), evidence.account.clone());
            }
        }
        if told.room < evidence.room || told.session < evidence.session {
            self.leave_rooms(slot);
            let told = self.told_mut(slot);
            told.room = told.room.take().max(evidence.room.clone());
            told.session = told.session.take().max(evidence.session.clone());
            self.enter_rooms(slot);
        }
    }

    /// Whether a call is older than its sources let it be: no later word of theirs changes that.
    pub(crate) fn is_too_long(&self, slot: u32) -> bool {
        let longest_s = self.told(slot).and_then(|told| told.limits.longest_s);
        let age_ms = self.now.since(self.entry(slot).first());
        longest_s.is_some_and(|longest_s| age_ms > u64::from(longest_s) * SECOND_MS)
    }

    /// Live users and live calls that each source has told of, in the order of their ids; `None` is
    /// Twilio. Who is told of by two sources is in both. Nothing if only Twilio tells of calls.
    /// This takes time in proportion to the calls that are known.
    pub fn by_source(&self) -> Vec<(Option<Arc<str>>, Numbers)> {
        let is_sourced =
            |links: &Links| links.told.as_ref().is_some_and(|told| !told.sources.is_empty());
        if !self.ties.links.values().any(is_sourced) {
            return Vec::new();
        }
        self.grouped(|told| {
            let twilio = told.is_none_or(|told| told.by_twilio).then_some(None);
            let sources = told.map(|told| told.sources.as_slice()).unwrap_or_default();
            twilio.into_iter().chain(sources.iter().cloned().map(Some)).collect()
        })
    }

    /// Live users and live calls of each account, in the order of their names; `None` is those of
    /// which no account is known. Nothing if Twilio alone tells of calls and no account is known. It
    /// takes as long as
    /// [`Tracker::by_source`].
    pub fn by_account(&self) -> Vec<(Option<Arc<str>>, Numbers)> {
        self.grouped(|told| [told.and_then(|told| told.owner().cloned())].into_iter().collect())
    }

    fn grouped(
        &self,
        groups: impl Fn(Option<&Told>) -> Vec<Option<Arc<str>>>,
    ) -> Vec<(Option<Arc<str>>, Numbers)> {
        if self.ties.links.values().all(|links| links.told.is_none()) {
            return Vec::new();
        }
        let mut found = BTreeMap::<_, (BTreeSet<_>, Numbers)>::new();
        for call in self.open().filter(OpenCall::is_counted) {
            for group in groups(call.told()) {
                let (callers, numbers) = found.entry(group).or_default();
                let caller = call.caller().filter(|_| !self.counting.by_call);
                numbers.users += usize::from(caller.is_none_or(|caller| callers.insert(caller)));
                numbers.calls += 1;
            }
        }
        found.into_iter().map(|(group, (_, numbers))| (group, numbers)).collect()
    }

    /// The call that a session of a carrier began with, except this one: the first one that is up and
    /// no leg, or else the first that came in and is over, since its legs have no caller any more.
    pub fn first_in_session(&self, session: &CallId, except: &CallId) -> Option<CallId> {
        let except = self.slot(except);
        let calls = self.known_in(session);
        let calls = calls.filter(|slot| Some(*slot) != except && !self.entry(*slot).flags.is_leg());
        let came_in = |slot: &u32| self.entry(*slot).flags.direction() == Some(Direction::Inbound);
        let stands = |slot: &u32| match self.entry(*slot).has_ended() {
            true => came_in(slot),
            false => !self.is_nobodys(*slot),
        };
        let first = calls.filter(stands).min_by_key(|slot| {
            let entry = self.entry(*slot);
            (entry.has_ended(), entry.first(), &entry.id)
        });
        first.map(|slot| self.entry(slot).id.clone())
    }

    /// Makes the calls that were made in the session of a call its legs, if it came in and was heard of
    /// after them. Whoever tells of a leg later finds the call by [`Tracker::first_in_session`].
    pub(crate) fn adopt_legs(&mut self, evidence: &Evidence, applied: &mut Applied) {
        let Some(session) = &evidence.session else { return };
        let Some(slot) = self.slot(&evidence.call) else { return };
        let came_in = self.entry(slot).flags.direction() == Some(Direction::Inbound);
        if !came_in || self.entry(slot).has_ended() || self.is_nobodys(slot) {
            return;
        }
        let is_made = |slot: &u32| {
            let direction = self.entry(*slot).flags.direction();
            direction == Some(Direction::Outbound) && !self.entry(*slot).flags.is_leg()
        };
        let made: SmallVec<[_; 2]> = self.slots_in(session).filter(is_made).collect();
        for leg in made {
            // What was made after it was taken for its leg.
            let of_leg = self.ties.legs_of(&self.entry(leg).id);
            let of_leg: SmallVec<[_; 2]> =
                of_leg.iter().copied().filter(|it| self.is_in(*it, session)).collect();
            let said = Evidence {
                parent: Some(evidence.call.clone()),
                direction: Some(Direction::Dial),
                // Where it leads was not kept. If it is to an agent, later news of it says so.
                endpoint: Some(Endpoint::Person),
                origin: evidence.origin.clone(),
                limits: evidence.limits,
                ..Evidence::about(self.entry(leg).id.clone(), evidence.source, Said::Nothing)
            };
            of_leg.into_iter().for_each(|it| self.tie_again(it, &evidence.call));
            self.join(leg, &said, applied);
        }
    }

    fn is_in(&self, slot: u32, room: &CallId) -> bool {
        self.ties.rooms.contains(&(room.clone(), slot))
    }

    /// Makes a leg the leg of this call instead.
    fn tie_again(&mut self, slot: u32, parent: &CallId) {
        if let Some(known) = self.ties.links_mut(slot).parent.replace(parent.clone()) {
            self.ties.untie(&known, slot);
        }
        self.ties.legs.entry(parent.clone()).or_default().push(slot);
    }

    /// The calls that are up and in this room, in the order of their ids.
    pub fn in_room(&self, room: &CallId) -> Vec<CallId> {
        let mut calls: Vec<_> =
            self.slots_in(room).map(|slot| self.entry(slot).id.clone()).collect();
        calls.sort_unstable();
        calls
    }

    /// The slots of the calls that are up and in a room, or a session.
    pub(crate) fn slots_in(&self, room: &CallId) -> impl Iterator<Item = u32> {
        self.known_in(room).filter(|slot| !self.entry(*slot).has_ended())
    }

    /// The same with those that are over and not forgotten.
    fn known_in(&self, room: &CallId) -> impl Iterator<Item = u32> {
        let all = self.ties.rooms.range((room.clone(), 0)..=(room.clone(), u32::MAX));
        all.map(|(_, slot)| *slot)
    }
}
