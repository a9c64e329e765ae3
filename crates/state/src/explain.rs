//! Why a call is counted, or was: all that was said about it, found in the journal.

use std::sync::Arc;

use live_users_core::{
    Admission, Bound, Call, CallId, Evidence, LimitOf, Millis, Outcome, Party, Phase, Said, Source,
    Tracker,
};
use live_users_journal::{PageLimit, Reader};
use memchr::memmem::Finder;

use crate::record::{Change, Record};
use crate::recovery::{RecoveryError, decode};

/// So many pieces of evidence are listed at most; a call seldom has more than fifty.
pub const PIECES_MAX: usize = 1_000;

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
    /// Whether there may be more: older than what the journal keeps, or beyond [`PIECES_MAX`].
    pub incomplete: bool,
}

/// All that was said about a call. Only the records between the first and the last report about it
/// are looked at. So the time that this takes follows from how much was recorded while the call
/// went on, and not from the length of the journal.
///
/// # Errors
/// If the journal cannot be read.
pub fn pieces(reader: &mut dyn Reader, call: &Call) -> Result<Pieces, RecoveryError> {
    let last = reader.position()?.seq;
    let (first_kept, until) = (reader.first_seq()?, last_word(call));
    let mut next = first_record_at(reader, call.first, first_kept, last + 1)?;
    let mut found =
        Pieces { incomplete: next == first_kept && first_kept > 1, ..Pieces::default() };
    let names = names(call);
    let needles: Vec<_> = names.iter().map(as_written).collect();
    let finders: Vec<_> = needles.iter().map(Finder::new).collect();
    let mut replay = Tracker::default();
    let decided = decided(call);
    while next <= last {
        for stored in reader.read(next, PageLimit::default())? {
            next = stored.seq + 1;
            let may_be_about_it = finders.iter().any(|it| it.find(&stored.bytes).is_some());
            if !may_be_about_it && next <= last {
                continue;
            }
            let record = decode(&stored)?;
            if record.at > until {
                return Ok(found);
            }
            let Some(piece) = piece(&mut replay, stored.seq, &record, &names, decided) else {
                continue;
            };
            if found.list.len() == PIECES_MAX {
                found.incomplete = true;
                return Ok(found);
            }
            found.list.push(piece);
        }
        // Pages in which nothing is about the call say nothing of the time: look at one record.
        if next <= last && time_of(reader, next)? > until {
            break;
        }
    }
    Ok(found)
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
fn first_record_at(
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

fn time_of(reader: &mut dyn Reader, seq: u64) -> Result<Millis, RecoveryError> {
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

fn piece(
    replay: &mut Tracker,
    seq: u64,
    record: &Record,
    names: &[CallId],
    decided: Option<Admission>,
) -> Option<Piece> {
    let Change::Evidence(evidence) = &record.change else { return None };
    let admission = evidence.admission.and(decided);
    let evidence = &Evidence { admission, ..evidence.clone() };
    let is_own = names.contains(&evidence.call);
    if !is_own && !evidence.parent.as_ref().is_some_and(|parent| names.contains(parent)) {
        return None;
    }
    let outcome = replay.apply(record.at, evidence).outcome;
    let leg = (!is_own).then(|| evidence.call.clone());
    let (source, said) = (evidence.source, evidence.said);
    let origin = evidence.origin.as_ref().map(|origin| origin.source.clone());
    let party = names.iter().find_map(|name| replay.call(name)).and_then(|call| call.party);
    Some(Piece { seq, at: record.at, source, said, origin, leg, outcome, party })
}

#[cfg(test)]
mod tests;
