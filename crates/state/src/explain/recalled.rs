//! A call of which only the fingerprint is left, as the journal tells of it.

use std::collections::BTreeSet;

use live_users_core::{Call, CallId, HOUR_MS, MINUTE_MS, Millis, Said, Tracker};
use live_users_journal::Reader;

use super::{Found, Pieces, Replay, search};
use crate::recovery::RecoveryError;

/// A call is looked for from so long before its end on, and then from twice as long, in milliseconds.
const FIRST_MS: u64 = 15 * MINUTE_MS;

/// The longest way back, in milliseconds: a call that is queued for a day, dialled, and long.
const LONGEST_MS: u64 = 50 * HOUR_MS;

/// What comes later than this after the end of a call is not looked for, in milliseconds.
const AFTER_MS: u64 = 5 * MINUTE_MS;

/// As many names as one call can have, and its own.
const NAMES_MAX: usize = 9;

/// What the journal still has of a call.
pub struct Recalled {
    /// The call and its legs, as they were, and nothing else.
    pub tracker: Tracker,
    /// The call in it.
    pub call: Call,
    /// What was said about it.
    pub pieces: Pieces,
}

/// All that the journal has about a call that ended then, and of which no more is known. `None` if it
/// has nothing any more. It takes time in proportion to how much was recorded while the call went on.
///
/// # Errors
/// If the journal cannot be read.
pub fn recalled(
    reader: &mut dyn Reader,
    id: &CallId,
    end: Millis,
) -> Result<Option<Recalled>, RecoveryError> {
    let (mut names, mut back_ms) = (vec![id.clone()], FIRST_MS);
    loop {
        let mut replay = Replay::of_names(names.clone());
        let (mut found, until) = (Found::default(), Millis(end.0 + AFTER_MS));
        search(reader, (end.minus(back_ms), until), &mut replay, &mut found)?;
        let call = names.iter().find_map(|name| replay.tracker.call(name));
        let told = call.iter().flat_map(|call| call.details.told.iter());
        let others = told.flat_map(|told| &told.names).chain(&replay.others);
        let others = others.chain(call.iter().map(|call| &call.id));
        let others: BTreeSet<_> = others.filter(|name| !names.contains(name)).cloned().collect();
        // Whoever gives one name to all of his calls names no other one.
        let new: Vec<_> = others.into_iter().take(NAMES_MAX - names.len()).collect();
        let mut own = found.list.iter().filter(|piece| piece.leg.is_none());
        let has_beginning = own.next().is_some_and(|piece| piece.said == Said::Dialing);
        let is_whole = has_beginning || back_ms >= LONGEST_MS || found.incomplete;
        if new.is_empty() && is_whole {
            let tracker = replay.tracker;
            return Ok(call.map(|call| Recalled { tracker, call, pieces: found.pieces() }));
        }
        names.extend(new);
        // Under its own id it is found first, as what is known of it is.
        names.sort_by_key(|name| call.as_ref().is_none_or(|call| *name != call.id));
        if !is_whole {
            back_ms *= 2;
        }
    }
}

/// The call of this id after the last that was said about it, with the tracker that knows it and its
/// legs. It was first heard of at this moment. All that was recorded since is looked through.
///
/// # Errors
/// If the journal cannot be read.
pub(crate) fn last_told(
    reader: &mut dyn Reader,
    id: &CallId,
    first: Millis,
) -> Result<Option<(Tracker, Call)>, RecoveryError> {
    let mut replay = Replay::of_names(vec![id.clone()]);
    search(reader, (first, Millis(u64::MAX)), &mut replay, &mut Found::default())?;
    let call = replay.tracker.call(id);
    Ok(call.map(|call| (replay.tracker, call)))
}

#[cfg(test)]
mod tests;
