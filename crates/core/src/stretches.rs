//! The stretches of a call: how long it was connected, and with whom.

use core::cmp::max;

use crate::applied::Talk;
use crate::call::{Stretch, millis_between};
use crate::{EndReason, Party, Phase, Tracker};

impl Tracker {
    /// The call goes on as if it had never ended.
    pub(crate) fn resume(&mut self, slot: u32) {
        let now = self.now;
        let entry = self.entry(slot);
        let (end, first) = (entry.since, entry.first());
        let mut since = first;
        if let Some(links) = self.ties.links.get_mut(&slot) {
            let last = links.stretches.pop_if(|last| last.until == end);
            since = links.stretches.first().or(last.as_ref()).map_or(first, |it| it.since);
            links.stretch_since = last.map(|last| last.since);
        }
        self.over -= 1;
        let entry = self.entry_mut(slot);
        (entry.phase, entry.since, entry.heard) = (Phase::Live, since, now);
        entry.first_ms = millis_between(first, since);
    }

    /// Whether a call has past stretches.
    pub(crate) fn has_several_stretches(&self, slot: u32) -> bool {
        self.links(slot).is_some_and(|it| !it.stretches.is_empty())
    }

    /// Keeps the last stretch of a call that has several, or whose end may be taken back.
    pub(crate) fn close_last_stretch(&mut self, slot: u32, reason: EndReason) {
        let entry = self.entry(slot);
        let began_later = entry.first_ms > 0;
        let is_kept = self.has_several_stretches(slot) || (reason.is_guess() && began_later);
        if !is_kept {
            return;
        }
        if let Some(stretch) = self.present_stretch(slot) {
            self.entry_mut(slot).flags.set_linked(true);
            let links = self.ties.links_mut(slot);
            links.close(stretch);
            links.stretch_since = None;
        }
    }

    /// The stretch that goes on, up to now.
    pub(crate) fn present_stretch(&self, slot: u32) -> Option<Stretch> {
        let entry = self.entry(slot);
        let party = entry.flags.party()?;
        let links = self.links(slot);
        let since = links.and_then(|it| it.stretch_since).unwrap_or(entry.since);
        let agent = self.agents.value(self.acting_agent(slot)).clone();
        let account = self.told(slot).and_then(|told| told.owner()).cloned();
        Some(Stretch { party, agent, account, since, until: max(since, self.now) })
    }

    /// How long a call was connected, and with whom, up to now or to its end.
    pub(crate) fn talk(&self, slot: u32) -> Option<Talk> {
        let entry = self.entry(slot);
        let mut talk = Talk::default();
        let links = self.links(slot);
        let past = links.into_iter().flat_map(|links| &links.stretches);
        let present = match entry.phase {
            Phase::Dialing => return None,
            Phase::Live => self.present_stretch(slot),
            Phase::Ended(reason) if !self.has_several_stretches(slot) => {
                // A call of one stretch: only our guess of its end is ever asked for it.
                let (agent, until) = (self.agents.value(entry.agent).clone(), entry.since);
                let since = entry.first();
                let was_up = reason.is_guess() && !entry.flags.is_machine();
                let (party, account) = (Party::Agent, None);
                was_up.then_some(Stretch { party, agent, account, since, until })
            }
            Phase::Ended(_) => None,
        };
        for Stretch { party, agent, since, until, .. } in past.chain(&present) {
            let ms = until.since(*since);
            // A machine was one from the beginning, also when it was recognised late.
            match self.counting.counts(*party) && !entry.flags.is_machine() {
                true => talk.add(agent, ms),
                false => talk.other_ms = talk.other_ms.saturating_add(ms),
            }
        }
        Some(talk)
    }
}
