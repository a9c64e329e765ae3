//! Explains why a call is counted or not, and what happens next: in codes and values, of which the words are made.

mod codes;

use live_users_core::{
    AnsweredBy, Call, Direction, EndReason, Endpoint, Limits, Millis, Outcome, Party, Phase,
    SECOND_MS,
};
use live_users_intake::Status;
use live_users_replica::{DIALING_MS_MAX, QUIET_MS, TOMBSTONE_MS};
use live_users_state::explain::{Piece, Pieces};
use live_users_state::words;
use live_users_wire::{Certainty, Expectation, Reason};

use self::codes::{CountsWhen, Next, Rule, Sure, What};
use super::view::{Presenter, evidence};
use crate::parts::clock::moment;
use crate::parts::sentences;

/// Why a call is in the count, or is not.
pub(super) fn reason(call: &Call, legs: &[Call], pieces: &Pieces, presenter: &Presenter) -> Reason {
    if let Some(leg) = &call.details.leg {
        return Reason { parent: leg.parent.as_ref().map(ToString::to_string), ..of(What::Leg) };
    }
    if call.details.is_colleague {
        return of(What::Colleague);
    }
    let evidence = turning(&pieces.list).map(evidence);
    let reason = match call.phase {
        Phase::Dialing => of(What::Dialing),
        Phase::Ended(reason) => over(reason, call),
        Phase::Live => live(call, legs, presenter),
    };
    Reason { evidence, ..reason }
}

/// A call that is not counted, for this.
fn of(what: What) -> Reason {
    Reason { code: what.code().to_owned(), ..Reason::default() }
}

/// Why a live call is in the count, or is not.
fn live(call: &Call, legs: &[Call], presenter: &Presenter) -> Reason {
    let (what, limit) = match (limit_reached(call), call.party) {
        (Some(limit), Some(Party::Waiting)) => (What::InQueue, Some(limit)),
        (Some(limit), Some(Party::Person)) => (What::AnsweredElsewhere, Some(limit)),
        _ => (connected(call, legs), None),
    };
    let counted = presenter.is_counted(call);
    let reason = Reason { counted, since: Some(moment(call.stretch_since())), limit, ..of(what) };
    if !counted {
        let counts_when = match call.party {
            Some(Party::Person) => Some(CountsWhen::PersonHangsUp),
            Some(Party::Waiting) => Some(CountsWhen::AgentTalks),
            Some(Party::Agent | Party::Machine) | None => None,
        };
        return Reason { counts_when: counts_when.map(|it| it.code().to_owned()), ..reason };
    }
    let is_suspect = presenter.is_suspect((call.heard, call.limits()));
    let sure = if is_suspect { Sure::Suspect } else { Sure::Confirmed };
    let rule = (call.party == Some(Party::Person)).then_some(Rule::CountHandedOver);
    Reason {
        rule: rule.map(|it| it.code().to_owned()),
        certainty: Some(Certainty {
            code: sure.code().to_owned(),
            heard_ms: presenter.now.since(call.heard),
        }),
        ..reason
    }
}

/// The limit because of which a call was turned away, unless it was let in since.
fn limit_reached(call: &Call) -> Option<String> {
    let how = call.details.turned_away.filter(|how| !how.is_in)?;
    Some(words::of_limit(how.by).into_owned())
}

/// Why a call is over. An end that is our own guess says so.
fn over(reason: EndReason, call: &Call) -> Reason {
    if let Some(limit) = limit_reached(call) {
        return Reason {
            limit: Some(limit),
            unconfirmed: !call.details.is_firm,
            ..of(What::TurnedAway)
        };
    }
    if let (EndReason::TimedOut, Some(limits_broken)) = (reason, limits_broken(call)) {
        return limits_broken;
    }
    // Who was handed over is told of by nobody: there is nothing to wait for.
    let unconfirmed = reason.is_guess() && reason != EndReason::HandedOver && !call.details.is_firm;
    Reason { code: words::of_reason(reason).into_owned(), unconfirmed, ..Reason::default() }
}

/// That nothing was heard of a call in time, if those who told of it have such limits.
fn limits_broken(call: &Call) -> Option<Reason> {
    let told = call.details.told.as_ref()?;
    let Limits { quiet_s, longest_s, .. } = told.limits;
    (quiet_s.is_some() || longest_s.is_some()).then(|| Reason {
        sources: told.sources.iter().map(ToString::to_string).collect(),
        quiet_seconds: quiet_s,
        longest_seconds: longest_s,
        ..of(What::LimitsBroken)
    })
}

/// With whom the caller of a live call is connected.
fn connected(call: &Call, legs: &[Call]) -> What {
    let is_dialled =
        |leg: &Call| leg.phase == Phase::Dialing && leg.details.endpoint == Some(Endpoint::Person);
    match call.party {
        Some(Party::Person) => What::WithPerson,
        Some(Party::Machine) => match call.details.answered_by {
            Some(AnsweredBy::Fax) => What::Fax,
            Some(AnsweredBy::Machine | AnsweredBy::Human) | None => What::Voicemail,
        },
        Some(Party::Waiting) if call.details.queue.is_some() => What::InQueue,
        Some(Party::Waiting) if legs.iter().any(is_dialled) => What::DialingPerson,
        Some(Party::Waiting) => What::OnHold,
        Some(Party::Agent) if !call.details.stretches.is_empty() => What::WithAgent,
        Some(Party::Agent) | None => match call.direction {
            Some(Direction::Outbound) => What::PickedUp,
            Some(Direction::Inbound | Direction::Dial) | None => What::OnTheLine,
        },
    }
}

/// What happens next if no evidence arrives.
pub(super) fn next(call: &Call, presenter: &Presenter, status: Option<&Status>) -> Expectation {
    let given_up = after(call.since, presenter.rules.max_call_ms).max(after(call.heard, QUIET_MS));
    let told = call.details.told.as_ref();
    let limited = limited_until(call);
    let doubted = doubted_from(call, presenter).filter(|it| limited.is_none_or(|end| *it < end));
    let status = status.filter(|_| told.is_none_or(|told| told.by_twilio));
    let (what, at, why) = match (call.phase, status) {
        (Phase::Live, _) if doubted.is_some() => {
            ("suspect", doubted.unwrap_or_default(), Next::BecomesSuspect)
        }
        (Phase::Live, _) if limited.is_some() => {
            ("timed-out", limited.unwrap_or_default().min(given_up), Next::SourceSilent)
        }
        (Phase::Dialing, _) => ("timed-out", after(call.since, DIALING_MS_MAX), Next::NotAnswered),
        (Phase::Ended(_), _) if call.may_go_on() => {
            ("forgotten", after(call.since, TOMBSTONE_MS), Next::EndGuessed)
        }
        (Phase::Ended(_), _) => ("forgotten", after(call.since, TOMBSTONE_MS), Next::EndFinal),
        (Phase::Live, Some(status)) => {
            ("asked", status.next.max(presenter.now), Next::ProviderAsked)
        }
        (Phase::Live, None) if told.is_some_and(|told| !told.by_twilio) => {
            ("timed-out", given_up, Next::TooOld)
        }
        (Phase::Live, None) => ("timed-out", given_up, Next::TooOldNobodyAsked),
    };
    let why = why.code();
    let text = sentences::of_next(why);
    Expectation { what: what.to_owned(), at: moment(at), text, why: Some(why.to_owned()) }
}

fn after(from: Millis, ms: u64) -> Millis {
    Millis(from.0.saturating_add(ms))
}

/// When the call becomes suspect, if it counts and is not yet.
fn doubted_from(call: &Call, presenter: &Presenter) -> Option<Millis> {
    let is_sure = presenter.is_counted(call) && !presenter.is_suspect((call.heard, call.limits()));
    let doubt_ms = call.limits().in_doubt_after_ms(presenter.rules.doubt.suspect_after_ms);
    is_sure.then(|| after(call.heard, doubt_ms))
}

/// When the call is over by the limits of its sources, if they have any.
fn limited_until(call: &Call) -> Option<Millis> {
    let Limits { quiet_s, longest_s, .. } = call.limits();
    let by = |from, limit_s: Option<u32>| Some(after(from, u64::from(limit_s?) * SECOND_MS));
    let ends = [by(call.heard, quiet_s), by(call.since, longest_s)];
    ends.into_iter().flatten().min()
}

/// The last piece that has changed the phase of the call, or with whom its caller is connected.
fn turning(pieces: &[Piece]) -> Option<&Piece> {
    let before = pieces.iter().map(|piece| piece.party);
    let before = std::iter::once(None).chain(before);
    let turns = |(piece, before): &(&Piece, Option<Party>)| {
        has_changed_phase(piece) || (piece.party.is_some() && piece.party != *before)
    };
    pieces.iter().zip(before).filter(turns).last().map(|(piece, _)| piece)
}

fn has_changed_phase(piece: &Piece) -> bool {
    let is_own = piece.leg.is_none();
    match piece.outcome {
        Outcome::Started
        | Outcome::Dialing
        | Outcome::Answered
        | Outcome::Ended(_)
        | Outcome::EndedUnseen(_)
        | Outcome::Resumed => is_own,
        Outcome::Confirmed
        | Outcome::Duplicate
        | Outcome::Late
        | Outcome::Leg
        | Outcome::Refused => false,
    }
}

#[cfg(test)]
mod tests;
