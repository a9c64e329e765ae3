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
                Some(View { known, change: known.listed_at(now_ms)?, sid })
            },
        ))
    }

    /// A call by itself.
    pub(super) fn call(&self, now_ms: u64, sid: &str) -> Option<View<'_>> {
        let (sid, known) = self.calls.get_key_value(sid)?;
        Some(View { known, change: known.alone_at(now_ms)?, sid })
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
    pub(super) fn resource(&self) -> CallResource {
        CallResource {
            sid: self.sid.to_owned(),
            parent_call_sid: self.known.parent.clone(),
            status: Some(self.change.status),
            direction: Some(self.known.direction),
            from: Some(self.known.from.clone()).filter(|from| !from.is_empty()),
            to: Some(self.known.to.clone()).filter(|to| !to.is_empty()),
            duration_s: self.duration_s(),
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts(sid: &str, status: CallStatus) -> CallFacts<'_> {
        let direction = Direction::Inbound;
        CallFacts { sid, parent: None, status, direction, from: "+14155550100", to: "+15005550006" }
    }

    fn shows(in_lists_from_ms: u64, alone_from_ms: u64) -> Shows {
        Shows { in_lists_from_ms, alone_from_ms }
    }

    fn sids(ledger: &mut Ledger, now_ms: u64, status: CallStatus) -> Vec<String> {
        ledger.settle(now_ms);
        ledger.list(now_ms, status, None).unwrap().map(|view| view.sid.to_owned()).collect()
    }

    #[test]
    fn what_shows_is_never_taken_back() {
        let mut ledger = Ledger::default();
        ledger.note(0, &facts("CA1", CallStatus::InProgress), shows(5000, 900));
        ledger.note(100, &facts("CA1", CallStatus::Completed), shows(1000, 200));
        let alone = |ledger: &Ledger, ms| ledger.call(ms, "CA1").map(|view| view.change.status);
        assert_eq!(alone(&ledger, 199), None);
        for ms in [200, 900, 9000] {
            assert_eq!(alone(&ledger, ms), Some(CallStatus::Completed));
        }
        for ms in [999, 1000, 5000, 9000] {
            assert_eq!(sids(&mut ledger, ms, CallStatus::InProgress), [""; 0]);
            let over = sids(&mut ledger, ms, CallStatus::Completed);
            assert_eq!(over.len(), usize::from(ms >= 1000));
        }
    }

    #[test]
    fn a_call_that_is_over_stays_over_until_it_is_forgotten() {
        let mut ledger = Ledger::default();
        ledger.note(0, &facts("CA1", CallStatus::InProgress), shows(0, 0));
        ledger.note(2500, &facts("CA1", CallStatus::Completed), shows(2500, 2500));
        ledger.note(3000, &facts("CA1", CallStatus::InProgress), shows(3000, 3000));
        ledger.note(3000, &facts("CA2", CallStatus::Ringing), shows(3000, 3000));
        assert_eq!(sids(&mut ledger, 4000, CallStatus::Completed), ["CA1"]);
        assert_eq!(ledger.call(4000, "CA1").unwrap().duration_s(), Some(2));
        ledger.forget(2500);
        assert_eq!(ledger.n_calls(), 2);
        ledger.forget(2501);
        assert_eq!(sids(&mut ledger, 4000, CallStatus::Completed), [""; 0]);
        assert!(ledger.call(4000, "CA1").is_none() && ledger.call(4000, "CA2").is_some());
    }

    #[test]
    fn nothing_is_left_of_a_forgotten_call_even_if_nobody_ever_asked() {
        let mut ledger = Ledger::default();
        ledger.note(0, &facts("CA1", CallStatus::InProgress), shows(9000, 0));
        ledger.note(100, &facts("CA1", CallStatus::Completed), shows(4000, 100));
        ledger.forget(200);
        assert_eq!((ledger.n_calls(), ledger.unlisted.len(), ledger.ended.len()), (0, 0, 0));
    }

    proptest! {
        /// The lists are an index kept by and by; this recounts them from the notes.
        #[test]
        fn lists_show_the_newest_change_that_shows(
            notes in prop::collection::vec((0..8u8, 0..9usize, 0..50u64, 0..50u64), 0..60),
            moments in prop::collection::vec(0..200u64, 1..10),
        ) {
            let mut ledger = Ledger::default();
            let mut truth: BTreeMap<String, Vec<(CallStatus, u64)>> = BTreeMap::new();
            for (i, (call, status, list_lag, call_lag)) in (0u64..).zip(notes) {
                let (sid, status) = (format!("CA{call}"), CallStatus::ALL[status]);
                let lists_from = i + list_lag;
                ledger.note(i, &facts(&sid, status), shows(lists_from, i + call_lag));
                let changes = truth.entry(sid).or_default();
                if changes.last().is_none_or(|(last, _)| !last.is_terminal()) {
                    let shown = if status == CallStatus::Initiated { CallStatus::Ringing } else { status };
                    if changes.last().is_none_or(|(last, _)| *last != shown) {
                        changes.push((shown, lists_from));
                    }
                }
            }
            let mut moments = moments;
            moments.sort_unstable();
            for now in moments {
                for status in CallStatus::ALL {
                    let mut listed = sids(&mut ledger, now, status);
                    listed.sort();
                    let newest = |changes: &[(CallStatus, u64)]| {
                        changes.iter().rfind(|(_, from)| *from <= now).map(|(status, _)| *status)
                    };
                    let expected: Vec<_> = truth.iter()
                        .filter(|(_, changes)| newest(changes) == Some(status))
                        .map(|(sid, _)| sid.clone())
                        .collect();
                    prop_assert_eq!(listed, expected);
                }
            }
        }
    }
}
