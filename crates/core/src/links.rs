//! What ties calls together: legs to their calls, participants to their conferences, and the
//! stretches of a call. Most calls have none of it.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::call::Stretch;
use crate::intern::{HASHER, Key};
use crate::{Attendance, CallId, ConferenceEvent, Millis, Told, TurnedAway};

/// So many past stretches of a call are kept. A call that moves more often keeps the last of them,
/// and the first one stands for all before.
pub(crate) const STRETCHES_MAX: usize = 64;

/// So many participants of one conference are kept.
const PARTICIPANTS_MAX: usize = 256;

/// What is kept of a call that is tied to others, or has more than one stretch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    /// The call that it is a leg of.
    pub(crate) parent: Option<CallId>,
    /// The last word about the caller, if it is not that the agent talks: waiting in a queue, or
    /// taken out of it by a person.
    pub(crate) queue: Option<Queue>,
    /// The agent that the caller is connected with, if it is not the call's own. The tracker holds
    /// the key.
    pub(crate) acting_agent: Option<Key>,
    /// The past stretches, the oldest first.
    pub(crate) stretches: Vec<Stretch>,
    /// Since when the present stretch goes on; `None` if since when the call is in its phase.
    pub(crate) stretch_since: Option<Millis>,
    /// Who has told of it, if that is not Twilio alone.
    pub(crate) told: Option<Box<Told>>,
    /// How it was turned away, if a limit was reached when it began.
    pub(crate) turned_away: Option<TurnedAway>,
}

impl Links {
    /// The room and the session that the call is in.
    pub(crate) fn rooms(&self) -> impl Iterator<Item = &CallId> {
        let told = self.told.iter();
        told.flat_map(|told| told.room.iter().chain(&told.session))
    }

    /// Ends the present stretch.
    pub(crate) fn close(&mut self, stretch: Stretch) {
        if stretch.since == stretch.until {
            return;
        }
        if self.stretches.len() == STRETCHES_MAX {
            let first = self.stretches.remove(0);
            self.stretches[0].since = first.since;
        }
        self.stretches.push(stretch);
    }
}

/// Where a caller is who was put into a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Queue {
    /// Waiting in it.
    Waiting,
    /// With the person who took the caller out of it.
    Bridged,
    /// Nowhere: a machine has answered, as an application says, which may take that back.
    Machine,
}

/// The ties between calls.
#[derive(Clone, Debug)]
pub(crate) struct Ties {
    /// By the slot of a call.
    pub(crate) links: HashMap<u32, Links, FixedState>,
    /// The slots of the legs of a call, whether that call is known or not.
    pub(crate) legs: HashMap<CallId, Vec<u32>, FixedState>,
    pub(crate) conferences: HashMap<CallId, Conference, FixedState>,
    /// The conference that a call is in, whether that call is known or not.
    pub(crate) conference_of: HashMap<CallId, CallId, FixedState>,
    /// The slots of calls by the ids that they have beside their own.
    pub(crate) aliases: HashMap<CallId, u32, FixedState>,
    /// The slots of the calls that are in a room, or in a session.
    pub(crate) rooms: BTreeSet<(CallId, u32)>,
}

impl Default for Ties {
    fn default() -> Self {
        Self {
            links: HashMap::with_hasher(HASHER),
            legs: HashMap::with_hasher(HASHER),
            conferences: HashMap::with_hasher(HASHER),
            conference_of: HashMap::with_hasher(HASHER),
            aliases: HashMap::with_hasher(HASHER),
            rooms: BTreeSet::new(),
        }
    }
}

/// What is known of a conference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conference {
    /// The participants that were ever named.
    pub participants: Vec<Participant>,
    /// When something was last said about it.
    pub heard: Millis,
    /// Whether it is over: then nobody joins it any more, whatever comes late.
    pub is_over: bool,
}

impl Conference {
    /// Who is in it.
    pub(crate) fn present(&self) -> impl Iterator<Item = &Participant> {
        self.participants.iter().filter(|it| it.presence != Presence::Left)
    }
}

/// A participant of a conference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// The participant's call.
    pub call: CallId,
    /// Whether it is there.
    pub presence: Presence,
    /// The place of the newest event about it among those of the conference.
    pub order: Option<u32>,
    /// When that event was recorded.
    pub since: Millis,
}

/// Whether a participant is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    /// It has left.
    Left,
    /// It is in the conference.
    Joined,
    /// It is in the conference, and on hold.
    Held,
}

impl Ties {
    /// The links of a call that is tied to others from now on.
    pub(crate) fn links_mut(&mut self, slot: u32) -> &mut Links {
        self.links.entry(slot).or_default()
    }

    /// A call is no leg of this one any more.
    pub(crate) fn untie(&mut self, parent: &CallId, slot: u32) {
        if let Some(legs) = self.legs.get_mut(parent) {
            legs.retain(|&leg| leg != slot);
            if legs.is_empty() {
                self.legs.remove(parent);
            }
        }
    }

    pub(crate) fn legs_of(&self, call: &CallId) -> &[u32] {
        self.legs.get(call).map(Vec::as_slice).unwrap_or_default()
    }

    /// The conference that a call is in.
    pub(crate) fn attended_by(&self, call: &CallId) -> Option<&Conference> {
        self.conferences.get(self.conference_of.get(call)?)
    }

    /// The calls in a conference.
    pub(crate) fn members(&self, conference: &CallId) -> Vec<CallId> {
        let conference = self.conferences.get(conference);
        let present = conference.into_iter().flat_map(Conference::present);
        present.map(|it| it.call.clone()).collect()
    }

    /// Notes an event of a call. Returns the calls that may stand differently now.
    pub(crate) fn note(
        &mut self,
        now: Millis,
        call: &CallId,
        event: &ConferenceEvent,
    ) -> Vec<CallId> {
        let mut touched = Vec::new();
        let presence = match event.what {
            Attendance::Joined | Attendance::Resumed => Presence::Joined,
            Attendance::Held => Presence::Held,
            Attendance::Left | Attendance::Over => Presence::Left,
        };
        let is_there = presence != Presence::Left;
        // Who joins one conference has left another.
        let elsewhere = self.conference_of.get(call).filter(|it| **it != event.conference);
        if let Some(elsewhere) = elsewhere.filter(|_| is_there).cloned() {
            touched.extend(self.leave(call, &elsewhere));
        }
        let conference = self.conferences.entry(event.conference.clone()).or_default();
        conference.heard = now;
        if conference.is_over {
            return touched;
        }
        if event.what == Attendance::Over {
            conference.is_over = true;
            let present = conference.participants.iter_mut();
            for participant in present.filter(|it| it.presence != Presence::Left) {
                participant.presence = Presence::Left;
                self.conference_of.remove(&participant.call);
                touched.push(participant.call.clone());
            }
            return touched;
        }
        let is_full = conference.participants.len() == PARTICIPANTS_MAX;
        let known = conference.participants.iter_mut().find(|it| it.call == *call);
        match known {
            Some(known) if event.order.is_some() && event.order < known.order => return touched,
            Some(known) => {
                (known.presence, known.since) = (presence, now);
                known.order = event.order.or(known.order);
            }
            None if is_full => return touched,
            None => {
                let (call, order) = (call.clone(), event.order);
                conference.participants.push(Participant { call, presence, order, since: now });
            }
        }
        if is_there {
            self.conference_of.insert(call.clone(), event.conference.clone());
        } else if self.conference_of.get(call) == Some(&event.conference) {
            self.conference_of.remove(call);
        }
        touched.extend(self.members(&event.conference));
        touched
    }

    /// Takes a call out of its conference, since it is over or elsewhere. Returns who is left.
    pub(crate) fn leave(&mut self, call: &CallId, conference: &CallId) -> Vec<CallId> {
        self.conference_of.remove(call);
        let known = self.conferences.get_mut(conference);
        let participants = known.into_iter().flat_map(|it| &mut it.participants);
        participants.filter(|it| it.call == *call).for_each(|it| it.presence = Presence::Left);
        self.members(conference)
    }

    /// The conference that a call has been in since before this moment.
    pub(crate) fn attended_since_before(&self, call: &CallId, moment: Millis) -> Option<CallId> {
        let id = self.conference_of.get(call)?;
        let mut participants = self.conferences.get(id)?.participants.iter();
        let own = participants.find(|it| it.call == *call)?;
        (own.since < moment).then(|| id.clone())
    }

    /// Drops the conferences of which nothing was heard since this moment, unless somebody whose
    /// call `is_open` is in them.
    pub(crate) fn forget(&mut self, before: Millis, is_open: impl Fn(&CallId) -> bool) {
        let conference_of = &mut self.conference_of;
        self.conferences.retain(|_, conference| {
            let stays =
                conference.heard >= before || conference.present().any(|it| is_open(&it.call));
            if !stays {
                conference.present().for_each(|it| drop(conference_of.remove(&it.call)));
            }
            stays
        });
    }
}
