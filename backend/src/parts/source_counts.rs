//! The live users by who tells of them, and by account, as answers show them.

use std::sync::Arc;

use live_users_core::Numbers;
use live_users_intake::alerts::TWILIO;
use live_users_intake::sources::Ends;
use live_users_sources::{Basis, Gives, Tells};
use live_users_twilio::rest::Failure;
use live_users_wire::{AccountCount, SourceCount, SourceEnds, SourceReferee};

use super::clock::moment;
use super::replica_status::ReplicaStatus;
use super::scope::Scope;
use super::sentences;
use super::sources::{OWN_ID, SourceEntry, SourceRegistry, Sources};

/// What Twilio tells: everything, and where a webhook is lost its lists do.
const TWILIO_TELLS: Tells = Tells {
    is_carrier: true,
    start: Basis::Event,
    answer: Basis::Event,
    hand_over: Basis::Event,
    end: Basis::Event,
    longest_s: None,
};

/// Every source with its numbers: Twilio, those of the agents file that are in scope, and whatever else
/// has told of calls that are up. Nothing if only Twilio tells of calls.
pub(crate) fn source_counts(
    (registry, scope): (&SourceRegistry, &Scope),
    by_source: &[(Option<Arc<str>>, Numbers)],
    all: Numbers,
    status: &ReplicaStatus,
) -> Vec<SourceCount> {
    // When something came from a source that is no account's own says when others have calls.
    let mut configured = Sources::clone(&registry.now());
    configured.retain(|_, entry| scope.has(entry.table.account.as_deref()));
    if configured.is_empty() && by_source.is_empty() {
        return Vec::new();
    }
    let of = |id: Option<&str>| {
        let found = by_source.iter().find(|(source, _)| source.as_deref() == id);
        found.map(|(_, numbers)| *numbers).unwrap_or_default()
    };
    // Where no other source has told of anything, all that is counted is Twilio's.
    let twilios = if by_source.is_empty() { all } else { of(None) };
    let ours = SourceEnds { by_word: true, by_list: true, ..SourceEnds::default() };
    let twilio = count(TWILIO, (TWILIO, "Twilio"), twilios, (TWILIO_TELLS, ours));
    let entries = configured.values().map(|entry| SourceCount {
        referee: referee(entry, status),
        ..of_entry(entry, of(Some(&entry.table.id)))
    });
    let is_gone = |id: &&Arc<str>| !configured.contains_key(&***id);
    let gone = by_source.iter().filter_map(|(source, _)| source.as_ref()).filter(is_gone);
    // Its calls are up: it is not in the file any more, shows `API_TOKEN`, or is no account's own.
    let unknown = Tells { is_carrier: false, ..TWILIO_TELLS };
    let gone = gone.map(|id| {
        let ends = SourceEnds { by_word: true, by_clock: true, ..SourceEnds::default() };
        let counted = count(id, ("events", "Events"), of(Some(id)), (unknown, ends));
        if **id != *OWN_ID || scope.is_limited() {
            return counted;
        }
        let own = &registry.own;
        let [heard_at, refused_at] = [own.heard_at(), own.refused_at()].map(|at| at.map(moment));
        SourceCount { heard_at, refused_at, ..counted }
    });
    [twilio].into_iter().chain(entries).chain(gone).collect()
}

/// The live users of each account.
pub(crate) fn account_counts(by_account: Vec<(Option<Arc<str>>, Numbers)>) -> Vec<AccountCount> {
    if by_account.iter().all(|(account, _)| account.is_none()) {
        return Vec::new();
    }
    let shown = |(account, Numbers { users, calls }): (Option<Arc<str>>, Numbers)| AccountCount {
        account: account.map(|account| account.to_string()),
        live_users: users as u64,
        live_calls: calls as u64,
    };
    by_account.into_iter().map(shown).collect()
}

fn of_entry(entry: &SourceEntry, numbers: Numbers) -> SourceCount {
    let (kind, table) = (entry.kind, &entry.table);
    let Ends { by_word, by_list, quiet_s, longest_s } = table.ends();
    let ends = SourceEnds {
        by_word,
        by_list,
        by_clock: false,
        quiet_seconds: quiet_s,
        longest_seconds: longest_s,
    };
    let told = (kind.tells, ends);
    SourceCount {
        account: table.account.clone(),
        heard_at: entry.seen.heard_at().map(moment),
        refused_at: entry.seen.refused_at().map(moment),
        ..count(&table.id, (kind.name, kind.title), numbers, told)
    }
}

fn count(
    id: &str,
    (kind, title): (&str, &str),
    Numbers { users, calls }: Numbers,
    (tells, ends): (Tells, SourceEnds),
) -> SourceCount {
    SourceCount {
        source: id.to_owned(),
        kind: kind.to_owned(),
        title: title.to_owned(),
        account: None,
        live_users: users as u64,
        live_calls: calls as u64,
        heard_at: None,
        refused_at: None,
        start: word(tells.start),
        answer: word(tells.answer),
        hand_over: word(tells.hand_over),
        end: word(tells.end),
        ends_by: sentences::of_ends(&ends),
        ends: Some(ends),
        referee: None,
    }
}

/// What its provider says, if it is asked.
fn referee(entry: &SourceEntry, status: &ReplicaStatus) -> Option<SourceReferee> {
    let gives = match entry.table.referee()?.referee.gives {
        Gives::Calls => "list",
        Gives::Number => "number",
    };
    let known = status.referees.iter().find(|it| *it.source == *entry.table.id);
    let failure = known.and_then(|it| it.failure.as_ref()).filter(|_| status.leads);
    let state = match failure {
        _ if !status.leads => "elsewhere",
        Some(Failure::Refused(_)) => "refused",
        Some(_) => "failing",
        None => "watching",
    };
    let found = known.and_then(|it| it.found).filter(|_| status.leads);
    Some(SourceReferee {
        state: state.to_owned(),
        gives: gives.to_owned(),
        asked_at: found.map(|it| moment(it.at)),
        calls: found.map(|it| it.calls),
        difference: found.map(|it| it.difference),
        failure: failure.map(ToString::to_string),
    })
}

fn word(basis: Basis) -> String {
    let word = match basis {
        Basis::Event => "event",
        Basis::Derived => "derived",
        Basis::Untold => "untold",
    };
    word.to_owned()
}
