//! What happened to each call, and how much of it shows already: in lists and by itself.
//!
//! Of the changes of a call that show at a moment the newest counts, so that what was seen once is
//! never taken back, however the lags fell.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use live_users_twilio::rest::CallResource;
use live_users_twilio::{CallStatus, Direction};

/// How a call stands, as the simulated world knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallFacts<'a> {
    /// Its CallSid.
    pub sid: &'a str,
    /// The call that it is a leg of.
    pub parent: Option<&'a str>,
    /// How it stands.
    pub status: CallStatus,
    /// Who began it.
    pub direction: Direction,
    /// Who calls.
    pub from: &'a str,
    /// Who is called.
    pub to: &'a str,
}

/// All calls.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    calls: HashMap<Arc<str>, Known>,
    /// By status, as lists show it.
    lists: BTreeMap<CallStatus, BTreeMap<Place, Arc<str>>>,
    /// When lists show the next changes, with the number of the change.
    unlisted: BTreeMap<(u64, u64), Arc<str>>,
    /// Calls that are over, by when they ended.
    ended: BTreeSet<(u64, Arc<str>)>,
    n_changes: u64,
}

/// When the changes of one call show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shows {
    pub(super) in_lists_from_ms: u64,
    pub(super) alone_from_ms: u64,
}

/// A call as it shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    now_ms: u64,
    known: &'a Known,
    change: &'a Change,
    pub(super) sid: &'a str,
}

/// Where a call stands in a list: the newest first.
type Place = Reverse<(u64, u64)>;

#[derive(Debug)]
struct Known {
    place: Place,
    parent: Option<String>,
    direction: Direction,
    from: String,
    to: String,
    /// What has picked up, and from when on that shows.
    answered_by: Option<(u64, String)>,
    /// In which list it stands.
    listed: Option<CallStatus>,
    /// In the order in which they were noted. Those that show nowhere any more are dropped.
    changes: Vec<Change>,
}

#[derive(Clone, Copy, Debug)]
struct Change {
    /// Its number among the changes of all calls.
    n: u64,
    status: CallStatus,
    at_ms: u64,
    /// When the call was answered.
    started_ms: Option<u64>,
    shows: Shows,
}

impl Ledger {
    /// Notes how a call stands from `at_ms` on. What is no change is ignored, and so is everything
    /// about a call that is over.
    pub(super) fn note(&mut self, at_ms: u64, facts: &CallFacts<'_>, shows: Shows) {
        // The resource never shows `initiated`, and Twilio does not say what it shows instead.
        let status = match facts.status {
            CallStatus::Initiated => CallStatus::Ringing,
            status => status,
        };
        self.n_changes += 1;
        let sid = match self.calls.get_key_value(facts.sid) {
            Some((sid, _)) => Arc::clone(sid),
            None => Arc::from(facts.sid),
        };
        let known = self.calls.entry(Arc::clone(&sid)).or_insert_with(|| Known {
            place: Reverse((at_ms, self.n_changes)),
            parent: facts.parent.map(str::to_owned),
            direction: facts.direction,
            from: facts.from.to_owned(),
            to: facts.to.to_owned(),
            answered_by: None,
            listed: None,
            changes: Vec::new(),
        });
        let last = known.changes.last();
        if last.is_some_and(|last| last.status == status || last.status.is_terminal()) {
            return;
        }
        let started_ms = last
            .and_then(|last| last.started_ms)
            .or((status == CallStatus::InProgress).then_some(at_ms));
        let n = self.n_changes;
        known.changes.push(Change { n, status, at_ms, started_ms, shows });
        self.unlisted.insert((shows.in_lists_from_ms, n), Arc::clone(&sid));
        if status.is_terminal() {
            self.ended.insert((at_ms, sid));
        }
    }

    /// Notes what has picked up a call that is known.
    pub(super) fn note_answered_by(&mut self, shows_from_ms: u64, sid: &str, by: &str) {
        if let Some(known) = self.calls.get_mut(sid) {
            known.answered_by.get_or_insert_with(|| (shows_from_ms, by.to_owned()));
        }
    }

    /// Brings the lists to this moment.
    pub(super) fn settle(&mut self, now_ms: u64) {
        let later = self.unlisted.split_off(&(now_ms.saturating_add(1), 0));
        for sid in std::mem::replace(&mut self.unlisted, later).into_values() {
            let Some(known) = self.calls.get_mut(&sid) else { continue };
            let status = known.listed_at(now_ms).map(|change| change.status);
            let place = known.place;
            let before = std::mem::replace(&mut known.listed, status);
            known.drop_what_shows_no_more(now_ms);
            if let Some(list) = before.and_then(|before| self.lists.get_mut(&before)) {
                list.remove(&place);
            }
            if let Some(status) = status {
                self.lists.entry(status).or_default().insert(place, sid);
            }
        }
    }

    /// The calls that the list of this status shows, from the one after `after` on. `None` if
    /// there is no such call as `after`. The ledger has to be settled to `now_ms`.
    pub(super) fn list(
        &self,
        now_ms: u64,
        status: CallStatus,
        after: Option<&str>,
    ) -> Option<impl Iterator<Item = View<'_>> + use<'_>> {
        let from = match after {
            None => Bound::Unbounded,
            Some(sid) => Bound::Excluded(self.calls.get(sid)?.place),
        };
        let listed = self.lists.get(&status).into_iter();
        Some(listed.flat_map(move |list| list.range((from, Bound::Unbounded))).filter_map(
            move |(_, sid)| {
                let known = self.calls.get(sid)?;
                Some(View { now_ms, known, change: known.listed_at(now_ms)?, sid })
            },
        ))
    }

    /// A call by itself.
    pub(super) fn call(&self, now_ms: u64, sid: &str) -> Option<View<'_>> {
        let (sid, known) = self.calls.get_key_value(sid)?;
        Some(View { now_ms, known, change: known.alone_at(now_ms)?, sid })
    }

    /// Forgets the calls that ended before this moment, wherever they still show.
    pub(super) fn forget(&mut self, ended_before_ms: u64) {
        while let Some((at_ms, sid)) = self.ended.pop_first() {
            if at_ms >= ended_before_ms {
                self.ended.insert((at_ms, sid));
                return;
            }
            let Some(known) = self.calls.remove(&sid) else { continue };
            if let Some(list) = known.listed.and_then(|listed| self.lists.get_mut(&listed)) {
                list.remove(&known.place);
            }
            for change in known.changes {
                self.unlisted.remove(&(change.shows.in_lists_from_ms, change.n));
            }
        }
    }

    pub(super) fn n_calls(&self) -> usize {
        self.calls.len()
    }
}

impl Known {
    fn listed_at(&self, now_ms: u64) -> Option<&Change> {
        self.changes.iter().rfind(|change| change.shows.in_lists_from_ms <= now_ms)
    }

    fn alone_at(&self, now_ms: u64) -> Option<&Change> {
        self.changes.iter().rfind(|change| change.shows.alone_from_ms <= now_ms)
    }

    fn drop_what_shows_no_more(&mut self, now_ms: u64) {
        let shows = |is: &dyn Fn(&Shows) -> u64| {
            self.changes.iter().rposition(|change| is(&change.shows) <= now_ms).unwrap_or(0)
        };
        let n = shows(&|it| it.in_lists_from_ms).min(shows(&|it| it.alone_from_ms));
        self.changes.drain(..n);
    }
}

impl View<'_> {
    pub(super) fn status(&self) -> CallStatus {
        self.change.status
    }

    pub(super) fn created_ms(&self) -> u64 {
        let Reverse((created_ms, _)) = self.known.place;
        created_ms
    }

    pub(super) fn updated_ms(&self) -> u64 {
        self.change.at_ms
    }

    /// When it began: for who is called, when it was answered.
    pub(super) fn started_ms(&self) -> Option<u64> {
        match self.known.direction {
            Direction::Inbound => Some(self.created_ms()),
            Direction::Outbound | Direction::OutboundDial => {
                self.change.started_ms.or(self.ended_ms())
            }
        }
    }

    /// What has picked up, if that was detected.
    pub(super) fn answered_by(&self) -> Option<&str> {
        let shown = self.known.answered_by.as_ref().filter(|(from_ms, _)| *from_ms <= self.now_ms);
        shown.map(|(_, by)| by.as_str())
    }

    pub(super) fn resource(&self) -> CallResource {
        CallResource {
            sid: self.sid.to_owned(),
            parent_call_sid: self.known.parent.clone(),
            status: Some(self.change.status),
            direction: Some(self.known.direction),
            from: Some(self.known.from.clone()).filter(|from| !from.is_empty()),
            to: Some(self.known.to.clone()).filter(|to| !to.is_empty()),
            duration_s: self.duration_s(),
            answered_by: None,
        }
    }

    /// In whole seconds; `None` while the call goes on.
    pub(super) fn duration_s(&self) -> Option<u32> {
        let started_ms = self.change.started_ms.unwrap_or(self.change.at_ms);
        let s = self.ended_ms()?.saturating_sub(started_ms) / 1000;
        Some(u32::try_from(s).unwrap_or(u32::MAX))
    }

    pub(super) fn ended_ms(&self) -> Option<u64> {
        self.change.status.is_terminal().then_some(self.change.at_ms)
    }
}

#[cfg(test)]
mod tests;
