//! Calls that are over, as the journal tells of them, in the order in which they were first heard of.
//!
//! The state keeps only a fingerprint of a call that is long over. The journal still has what was
//! said about it. Its records are applied to another tracker, from so long before the first wanted
//! call on that this tracker knows the calls that were up then. A call is shown some minutes after
//! its end, and what is shown waits until the calls before it are over. So memory follows from how
//! many calls are up at once, as in a replica, and not from how many are shown.

use std::collections::BTreeMap;

use live_users_core::{Call, CallId, HOUR_MS, MINUTE_MS, Millis, Phase, Tracker};
use live_users_journal::{PageLimit, Reader};

use crate::explain::{first_record_at, last_told, time_of};
use crate::record::{Change, Record};
use crate::recovery::{RecoveryError, decode};

/// Records are applied from so long before the first wanted call on, in milliseconds. A call that is
/// longer may seem to begin there.
const WARM_UP_MS: u64 = 25 * HOUR_MS;

/// What comes later than this after the end of a call may be missing, in milliseconds.
const AFTER_MS: u64 = 5 * MINUTE_MS;

/// At most about so many calls wait until one before them is over. The end of that one is then looked
/// for on its own.
const HELD_MAX: usize = 20_000;

/// When a call was first heard of, and its id as text: calls are in the order of this.
type Place = (Millis, String);

/// Whether a call is wanted that was first heard of then, under this id.
pub type Wanted = Box<dyn Fn(Millis, &CallId) -> bool + Send>;

/// What is shown of a call that is over, by the tracker that knows it and its legs, if anything is.
pub type Show<T> = Box<dyn Fn(&Tracker, &Call) -> Option<T> + Send>;

/// Reads the journal, page by page, and shows calls that are over.
pub struct PastCalls<T> {
    tracker: Tracker,
    /// The next record, and the last one that is read.
    next: u64,
    last: u64,
    wanted: Wanted,
    show: Show<T>,
    /// Wanted calls that are not shown yet.
    open: BTreeMap<Place, CallId>,
    /// When the open ones are looked through again.
    look_at: Millis,
    /// What is shown of calls behind an open one.
    held: BTreeMap<Place, T>,
    held_max: usize,
    page: PageLimit,
}

impl<T> PastCalls<T> {
    /// Begins with the calls that were first heard of at this moment. Records behind `last` are left
    /// out.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn begin(
        reader: &mut dyn Reader,
        (from, last): (Millis, u64),
        wanted: Wanted,
        show: Show<T>,
    ) -> Result<Self, RecoveryError> {
        let first_kept = reader.first_seq()?;
        let next = first_record_at(reader, from.minus(WARM_UP_MS), first_kept, last + 1)?;
        Ok(Self {
            tracker: Tracker::default(),
            next,
            last,
            wanted,
            show,
            open: BTreeMap::new(),
            look_at: Millis(0),
            held: BTreeMap::new(),
            held_max: HELD_MAX,
            page: PageLimit::default(),
        })
    }

    /// Reads the next page, and returns what can be shown by then, which may be nothing. `None` at the
    /// end.
    ///
    /// # Errors
    /// If the journal cannot be read, also if it does not keep any more what comes next.
    pub fn read_on(&mut self, reader: &mut dyn Reader) -> Result<Option<Vec<T>>, RecoveryError> {
        if self.next > self.last && self.open.is_empty() && self.held.is_empty() {
            return Ok(None);
        }
        if self.next <= self.last {
            for stored in reader.read(self.next, self.page)? {
                if stored.seq > self.last {
                    break;
                }
                self.next = stored.seq + 1;
                self.take(&decode(&stored)?);
            }
        }
        if self.next > self.last {
            self.close(Millis(u64::MAX));
            // Those that are up are no past calls.
            self.open.clear();
        }
        let mut shown = self.in_order();
        while self.held.len() > self.held_max
            && let Some((place, id)) = self.open.pop_first()
        {
            let told = last_told(reader, &id, place.0)?;
            let told = told.filter(|(_, call)| matches!(call.phase, Phase::Ended(_)));
            let it = told.and_then(|(tracker, call)| (self.show)(&tracker, &call));
            self.held.extend(it.map(|it| (place, it)));
            shown.extend(self.in_order());
        }
        Ok(Some(shown))
    }

    /// What is held and waits for no call before it.
    fn in_order(&mut self) -> Vec<T> {
        let waiting = match self.open.first_key_value() {
            Some((place, _)) => self.held.split_off(place),
            None => BTreeMap::new(),
        };
        std::mem::replace(&mut self.held, waiting).into_values().collect()
    }

    fn take(&mut self, record: &Record) {
        if self.look_at <= record.at {
            self.close(record.at.minus(AFTER_MS));
            self.look_at = Millis(record.at.0.saturating_add(AFTER_MS));
        }
        match &record.change {
            Change::Evidence(evidence) => {
                self.tracker.apply(record.at, evidence);
                let Some(call) = self.tracker.call(&evidence.call) else { return };
                if call.first == record.at && (self.wanted)(call.first, &call.id) {
                    self.open.insert((call.first, call.id.to_string()), call.id);
                }
            }
            Change::Forget { ended_before } => {
                self.tracker.forget(*ended_before);
            }
            Change::EndSession(_)
            | Change::Told(_)
            | Change::PassOn(_)
            | Change::PassedOn(_)
            | Change::Forward(_)
            | Change::Forwarded(_)
            | Change::Alert(_)
            | Change::Link(_)
            | Change::Shard(_) => {}
        }
    }

    /// Shows the open calls that have ended before this.
    fn close(&mut self, before: Millis) {
        let Self { tracker, open, held, show, .. } = self;
        open.retain(|place, id| {
            if tracker.open_call(id).is_some() {
                return true;
            }
            let Some(call) = tracker.call(id) else { return false };
            if call.id == *id && call.since >= before {
                return true;
            }
            // Of two calls that are one, the other name has its own place.
            if call.id == *id {
                held.extend(show(tracker, &call).map(|it| (place.clone(), it)));
            }
            false
        });
    }
}

/// Whether the journal has all that was said since this moment.
///
/// # Errors
/// If it cannot be read.
pub fn reaches_back_to(reader: &mut dyn Reader, at: Millis) -> Result<bool, RecoveryError> {
    let first_kept = reader.first_seq()?;
    let is_all_kept = first_kept <= 1;
    Ok(is_all_kept || time_of(reader, first_kept)? <= at)
}

#[cfg(test)]
mod tests;
