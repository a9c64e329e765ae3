//! The calls that have not ended, looked at without copying them.

use alloc::sync::Arc;

use crate::call::Entry;
use crate::{Agent, Call, CallId, Caller, Limits, Millis, Party, Phase, Place, Told, Tracker};

/// A call that has not ended, looked at in its place.
#[derive(Clone, Copy)]
pub struct OpenCall<'a> {
    tracker: &'a Tracker,
    entry: &'a Entry,
    slot: u32,
}

impl<'a> OpenCall<'a> {
    /// The call.
    pub fn id(&self) -> &'a CallId {
        &self.entry.id
    }

    /// Whether it was answered; if not, it is still dialing.
    pub fn is_live(&self) -> bool {
        self.entry.phase == Phase::Live
    }

    /// With whom its caller is connected; `None` of a leg and of a colleague's call.
    pub fn party(&self) -> Option<Party> {
        self.entry.flags.party()
    }

    /// Whether it is counted as live.
    pub fn is_counted(&self) -> bool {
        self.party().is_some_and(|party| self.tracker.counting.counts(party))
    }

    /// Who has told of it; `None` if that is Twilio alone.
    pub fn told(&self) -> Option<&'a Told> {
        self.tracker.told(self.slot)
    }

    /// What follows from silence.
    pub fn limits(&self) -> Limits {
        self.told().map(|told| told.limits).unwrap_or_default()
    }

    /// The account that it belongs to, if it is known.
    pub fn owner(&self) -> Option<&'a Arc<str>> {
        self.told()?.owner()
    }

    /// Whether Twilio knows of it, as far as was heard.
    pub fn is_twilios(&self) -> bool {
        self.told().is_none_or(|told| told.by_twilio)
    }

    /// Whether it is a leg of another call.
    pub fn is_leg(&self) -> bool {
        self.entry.flags.is_leg()
    }

    /// Whether it is a leg of a call that is over, or of one that is not known: then nothing depends
    /// on it.
    pub fn is_loose_leg(&self) -> bool {
        self.tracker.is_loose_leg_at(self.slot)
    }

    /// Whether machine detection has said something of it.
    pub fn is_detected(&self) -> bool {
        self.entry.flags.answered_by().is_some()
    }

    /// Since when it is in its phase.
    pub fn since(&self) -> Millis {
        self.entry.since
    }

    /// When the last report came that agrees with its being in its phase.
    pub fn heard(&self) -> Millis {
        self.entry.heard
    }

    /// The person, if the caller id was usable.
    pub fn caller(&self) -> Option<Caller> {
        self.entry.caller
    }

    /// The agent that it counts for now.
    pub fn agent(&self) -> &'a Agent {
        self.tracker.agents.value(self.tracker.acting_agent(self.slot))
    }

    /// Where the caller is, as far as it is known.
    pub fn place(&self) -> &'a Place {
        self.tracker.places.place(self.entry.place)
    }

    /// All that is known of it.
    pub fn call(&self) -> Call {
        self.tracker.public(self.slot, self.entry)
    }
}

impl Tracker {
    /// As [`OpenCall::is_loose_leg`], of a call that is known.
    pub fn is_loose_leg(&self, id: &CallId) -> bool {
        self.slot(id).is_some_and(|slot| self.is_loose_leg_at(slot))
    }

    /// Who has told of a call; `None` if it is not known, or that is Twilio alone.
    pub fn told_of(&self, id: &CallId) -> Option<&Told> {
        self.told(self.slot(id)?)
    }

    /// As [`OpenCall::is_twilios`], of a call that is known.
    pub fn is_twilios(&self, id: &CallId) -> bool {
        let told = self.slot(id).and_then(|slot| self.told(slot));
        told.is_none_or(|told| told.by_twilio)
    }

    fn is_loose_leg_at(&self, slot: u32) -> bool {
        let parent = || self.links(slot)?.parent.as_ref();
        let is_up = |id| self.slot(id).is_some_and(|at| !self.entry(at).has_ended());
        self.entry(slot).flags.is_leg() && !parent().is_some_and(is_up)
    }

    /// When each call that is known was first heard of, legs among them, in no order.
    pub fn first_heard(&self) -> impl Iterator<Item = (Millis, &CallId)> {
        self.entries.iter().map(|(_, entry)| (entry.first(), &entry.id))
    }

    /// Looks at a call that is known and has not ended.
    pub fn open_call(&self, id: &CallId) -> Option<OpenCall<'_>> {
        let slot = self.slot(id)?;
        let entry = Some(self.entry(slot)).filter(|entry| !entry.has_ended())?;
        Some(OpenCall { tracker: self, entry, slot })
    }

    /// Looks at every call that has not ended, legs among them, in no order.
    pub fn open(&self) -> impl Iterator<Item = OpenCall<'_>> {
        let open = self.entries.iter().filter(|(_, entry)| !entry.has_ended());
        open.map(|(slot, entry)| OpenCall { tracker: self, entry, slot })
    }
}
