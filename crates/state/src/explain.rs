//! Why a call is counted, or was: all that was said about it, found in the journal.

mod recalled;

use std::collections::VecDeque;
use std::sync::Arc;

use live_users_core::{
    Admission, Bound, Call, CallId, Evidence, LimitOf, Millis, Outcome, Party, Phase, Said, Source,
    Told, Tracker,
};
use live_users_journal::{PageLimit, Reader};
use memchr::memmem::Finder;

pub(crate) use self::recalled::last_told;
pub use self::recalled::{Recalled, recalled};
use crate::record::{Change, Record};
use crate::recovery::{RecoveryError, decode};

/// So many pieces of evidence are listed at most; a call seldom has more than fifty.
pub const PIECES_MAX: usize = 1_000;

/// So many that were refused are listed beside these, the last ones: whoever may not speak about a call
/// takes no place from those who may.
pub const REFUSED_MAX: usize = 20;

/// One thing that was said about a call, and what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The number of its record.
    pub seq: u64,
    /// When it was recorded.
    pub at: Millis,
    /// Where it comes from.
    pub source: Source,
    /// What it says.
    pub said: Said,
    /// The source that said it; `None` if that is Twilio, or ourselves.
    pub origin: Option<Arc<str>>,
    /// The leg of this call that it was said about; `None` if it was the call itself.
    pub leg: Option<CallId>,
    /// What it did to what was known then.
    pub outcome: Outcome,
    /// With whom the caller was connected after it, by what was said about this call and its legs.
    pub party: Option<Party>,
}

/// What the journal has about one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    /// The oldest first.
    pub list: Vec<Piece>,
    /// Whether there may be more: older than what the journal keeps, or beyond [`PIECES_MAX`]. Of
    /// those that were refused there may always be more than [`REFUSED_MAX`].
    pub incomplete: bool,
}

/// The pieces that are found, one after the other.
#[derive(Default)]
struct Found {
    list: Vec<Piece>,
    refused: VecDeque<Piece>,
    incomplete: bool,
}

/// What was said about one call, applied again to nothing else.
struct Replay<'a> {
    tracker: Tracker,
    names: Vec<CallId>,
    decided: Option<Admission>,
    /// Who has told of the call up to now.
    told: Option<&'a Told>,
    /// Other names that somebody has told it under.
    others: Vec<CallId>,
}

/// All that was said about a call. Only the records between the first and the last report about it
/// are looked at. So the time that this takes follows from how much was recorded while the call
/// went on, and not from the length of the journal.
///
/// # Errors
/// If the journal cannot be read.
pub fn pieces(reader: &mut dyn Reader, call: &Call) -> Result<Pieces, RecoveryError> {
    let mut found = Found::default();
    find(reader, call, &mut found)?;
    Ok(found.pieces())
}

fn find(reader: &mut dyn Reader, call: &Call, found: &mut Found) -> Result<(), RecoveryError> {
    search(reader, (call.first, last_word(call)), &mut Replay::of(call), found)
}

/// Finds what was said between these moments.
fn search(
    reader: &mut dyn Reader,
    (from, until): (Millis, Millis),
    replay: &mut Replay<'_>,
    found: &mut Found,
) -> Result<(), RecoveryError> {
    let last = reader.position()?.seq;
    let first_kept = reader.first_seq()?;
    let mut next = first_record_at(reader, from, first_kept, last + 1)?;
    found.incomplete = next == first_kept && first_kept > 1;
    let needles: Vec<_> = replay.names.iter().map(as_written).collect();
    let finders: Vec<_> = needles.iter().map(Finder::new).collect();
    while next <= last {
        for stored in reader.read(next, PageLimit::default())? {
            next = stored.seq + 1;
            let may_be_about_it = finders.iter().any(|it| it.find(&stored.bytes).is_some());
            if !may_be_about_it && next <= last {
                continue;
            }
            let record = decode(&stored)?;
            if record.at > until {
                return Ok(());
            }
            let Some(piece) = replay.piece(stored.seq, &record) else { continue };
            if !found.has_room_for(piece) {
                found.incomplete = true;
                return Ok(());
            }
        }
        // Pages in which nothing is about the call say nothing of the time: look at one record.
        if next <= last && time_of(reader, next)? > until {
            break;
        }
    }
    Ok(())
}

impl Found {
    /// Takes in the next piece, if there is room for it.
    fn has_room_for(&mut self, piece: Piece) -> bool {
        if piece.outcome == Outcome::Refused {
            if self.refused.len() == REFUSED_MAX {
                self.refused.pop_front();
            }
            self.refused.push_back(piece);
            return true;
        }
        let has_room = self.list.len() < PIECES_MAX;
        if has_room {
            self.list.push(piece);
        }
        has_room
    }

    fn pieces(self) -> Pieces {
        let Self { mut list, refused, incomplete } = self;
        list.extend(refused);
        list.sort_by_key(|piece| piece.seq);
        Pieces { list, incomplete }
    }
}

/// The ids that anybody has told of a call under.
fn names(call: &Call) -> Vec<CallId> {
    let others = call.details.told.iter().flat_map(|told| told.names.iter().cloned());
    [call.id.clone()].into_iter().chain(others).collect()
}

/// An id as it stands in the bytes of a record, with its quotes. An id may have `"` and `\` in it,
/// which JSON escapes: the plain text of such an id is in no record.
fn as_written(call: &CallId) -> String {
    serde_json::Value::from(call.to_string()).to_string()
}

/// Whatever is known of a call was said before this.
fn last_word(call: &Call) -> Millis {
    match call.phase {
        // `heard` is when something agreed with the phase; other things may have been said since.
        Phase::Dialing | Phase::Live => Millis(u64::MAX),
        Phase::Ended(_) => call.heard,
    }
}

/// The number of the first record that is not older than this, by halving: times never go
/// backwards in a journal.
pub(crate) fn first_record_at(
    reader: &mut dyn Reader,
    at: Millis,
    mut from: u64,
    mut to: u64,
) -> Result<u64, RecoveryError> {
    while from < to {
        let middle = from + (to - from) / 2;
        if time_of(reader, middle)? < at {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    Ok(from)
}

pub(crate) fn time_of(reader: &mut dyn Reader, seq: u64) -> Result<Millis, RecoveryError> {
    let page = reader.read(seq, PageLimit { records_max: 1, bytes_max: 0 })?;
    page.first().map_or(Ok(Millis(u64::MAX)), |stored| Ok(decode(stored)?.at))
}

/// A limit by which a call is decided about as it was, where the other calls of then are not known.
fn decided(call: &Call) -> Option<Admission> {
    let how = call.details.turned_away?;
    let bound = Some(Bound { places: 0, instead: how.instead });
    Some(match how.by {
        LimitOf::Agent => Admission { agent: bound, all: None },
        LimitOf::Account => Admission { agent: None, all: bound },
    })
}

impl<'a> Replay<'a> {
    fn of(call: &'a Call) -> Self {
        let (names, decided) = (names(call), decided(call));
        let told = call.details.told.as_ref();
        Self { tracker: Tracker::default(), names, decided, told, others: Vec::new() }
    }

    /// Of a call of which no more is known than these names.
    fn of_names(names: Vec<CallId>) -> Self {
        let (tracker, others) = Default::default();
        Self { tracker, names, decided: None, told: None, others }
    }

    /// What the next record says about the call, if it does.
    fn piece(&mut self, seq: u64, record: &Record) -> Option<Piece> {
        let Change::Evidence(evidence) = &record.change else { return None };
        let admission = evidence.admission.and(self.decided);
        let evidence = &Evidence { admission, ..evidence.clone() };
        let names = &self.names;
        let is_own = names.contains(&evidence.call);
        if !is_own && evidence.also.iter().any(|name| names.contains(name)) {
            self.others.push(evidence.call.clone());
        }
        if !is_own && !evidence.parent.as_ref().is_some_and(|parent| names.contains(parent)) {
            return None;
        }
        let outcome = match self.is_of_another_account(evidence, is_own) {
            true => Outcome::Refused,
            false => self.tracker.apply(record.at, evidence).outcome,
        };
        let leg = (!is_own).then(|| evidence.call.clone());
        let (source, said) = (evidence.source, evidence.said);
        let origin = evidence.origin.as_ref().map(|origin| origin.source.clone());
        let known = self.names.iter().find_map(|name| self.tracker.call(name));
        let party = known.and_then(|call| call.party);
        Some(Piece { seq, at: record.at, source, said, origin, leg, outcome, party })
    }

    /// Whether it was refused since it speaks for another account than the call's. What ties a call to
    /// that account may be said of other calls alone, which are not replayed.
    fn is_of_another_account(&self, evidence: &Evidence, is_own: bool) -> bool {
        let Some(told) = self.told else { return false };
        let known = told.twilio_account.as_ref().map(|account| account.digest);
        let known = known.or(told.spoken_for);
        let (Some(known), Some(said)) = (known, evidence.twilio_account) else { return false };
        // A source of another account is heard before Twilio says whose call it is, and of calls with
        // the agents of its account. The replay can tell when. Who tells of a leg is not told here.
        let heard = |source| !is_own || told.sources.contains(source);
        let was_heard = evidence.origin.as_ref().is_some_and(|origin| heard(&origin.source));
        said != known && !was_heard
    }
}

#[cfg(test)]
mod tests;
