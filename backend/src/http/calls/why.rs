//! Explains in words why a call is counted or not, and what happens next.

use live_users_core::{
    AnsweredBy, Call, Direction, EndReason, Endpoint, LimitOf, Limits, Millis, Outcome, Party,
    Phase, SECOND_MS, Said, Source,
};
use live_users_intake::Status;
use live_users_replica::{DIALING_MS_MAX, QUIET_MS, TOMBSTONE_MS};
use live_users_state::explain::{Piece, Pieces};
use live_users_state::words;
use live_users_wire::Expectation;

use super::view::Presenter;
use crate::parts::clock::moment;
use crate::parts::presentation::age;

/// Why a call is in the count, or is not.
pub(super) fn because(
    call: &Call,
    legs: &[Call],
    pieces: &Pieces,
    presenter: &Presenter,
) -> String {
    let by = turning(&pieces.list).map_or_else(String::new, |piece| {
        let about = piece.leg.as_ref().map(|leg| format!(" of {leg}")).unwrap_or_default();
        format!(" ({}{about} at {})", told(piece), moment(piece.at))
    });
    if let Some(leg) = &call.details.leg {
        let whose = leg.parent.as_ref().map_or("another call".to_owned(), ToString::to_string);
        return format!("Not counted: a leg of {whose}: never a user.");
    }
    if call.details.is_colleague {
        return "Not counted: it is held for the call of a colleague, who is never a user: it never \
                asked what to say, and its agent had a caller on the line."
            .to_owned();
    }
    match call.phase {
        Phase::Dialing => format!("Not counted: nobody has picked up yet{by}."),
        Phase::Ended(reason) => format!("Not counted: {}{by}.", over(reason, call)),
        Phase::Live => {
            let since = moment(call.stretch_since());
            let what = match (limit_reached(call), call.party) {
                (Some(limit), Some(Party::Waiting)) => {
                    format!("the caller waits in a queue, since {limit},")
                }
                (Some(limit), Some(Party::Person)) => {
                    format!("somebody else answers, since {limit},")
                }
                _ => connected(call, legs).to_owned(),
            };
            if !presenter.is_counted(call) {
                let next = match call.party {
                    Some(Party::Person) => {
                        "; when that person hangs up and the call goes on, it counts again"
                    }
                    Some(Party::Waiting) => "; when an agent talks with the caller, it counts",
                    Some(Party::Agent | Party::Machine) | None => "",
                };
                return format!("Not counted: {what} since {since}{by}{next}.");
            }
            let silent = age(presenter.now.since(call.heard));
            let how_sure = if presenter.is_suspect((call.heard, call.limits())) {
                format!("suspect, since nothing was heard of it for {silent}")
            } else {
                format!("confirmed {silent} ago")
            };
            let rule = match call.party {
                Some(Party::Person) => "; COUNT_HANDED_OVER counts such calls",
                Some(Party::Agent | Party::Waiting | Party::Machine) | None => "",
            };
            format!("Counted: {what} since {since}{by}; no end was reported{rule}; {how_sure}.")
        }
    }
}

/// Who has told what: `call webhook: ringing`, `caller spoke`.
fn told(piece: &Piece) -> String {
    let source = match (piece.origin.as_deref(), piece.source) {
        (Some(origin), _) => origin.to_owned(),
        (None, Source::Voice) => "call webhook".to_owned(),
        (None, Source::Speech) if piece.said == Said::InProgress => {
            return "caller spoke".to_owned();
        }
        (None, source) => words::of_source(source).replace('-', " "),
    };
    let said = match piece.said {
        Said::Dialing => "ringing".to_owned(),
        said => words::of_said(said).replace('-', " "),
    };
    format!("{source}: {said}")
}

/// The limit because of which a call was turned away, unless it was let in since.
fn limit_reached(call: &Call) -> Option<&'static str> {
    let how = call.details.turned_away.filter(|how| !how.is_in)?;
    Some(match how.by {
        LimitOf::Agent => "its agent was at capacity",
        LimitOf::Account => "all agents together were at the limit",
    })
}

/// Why a call is over. An end that is our own guess says so.
fn over(reason: EndReason, call: &Call) -> String {
    if let Some(limit) = limit_reached(call) {
        let not_yet = if call.details.is_firm { "" } else { "; the provider has not said so yet" };
        return format!("turned away, since {limit}{not_yet}");
    }
    let guess = match reason {
        EndReason::Goodbye => "ended by a goodbye",
        EndReason::HandedOver => {
            return words::sentence_of_reason(reason).to_owned();
        }
        EndReason::Unlisted => "ended, since the list of its source does not have it any more",
        EndReason::TimedOut if limited(call).is_some() => {
            return limited(call).unwrap_or_default();
        }
        EndReason::TimedOut => "given up, since it was older than a call can be, and silent",
        EndReason::Canceled
        | EndReason::NoAnswer
        | EndReason::Busy
        | EndReason::Failed
        | EndReason::Completed
        | EndReason::Evicted => return words::sentence_of_reason(reason).to_owned(),
    };
    match call.details.is_firm {
        true => words::sentence_of_reason(reason).to_owned(),
        false => format!("{guess}; the provider has not said so yet"),
    }
}

/// That nothing was heard of a call in time, if those who told of it have such limits.
fn limited(call: &Call) -> Option<String> {
    let told = call.details.told.as_ref()?;
    let sources = told.sources.join(", ");
    let Limits { quiet_s, longest_s, .. } = told.limits;
    let quiet = quiet_s.map(|it| format!("is to be heard of it at least each {it} s"));
    let longest = longest_s.map(|it| format!("has no call longer than {} min", it / 60));
    let rules: Vec<_> = quiet.into_iter().chain(longest).collect();
    let was_up = "given up, since no word of it came in time";
    (!rules.is_empty()).then(|| format!("{was_up}: {sources} {}", rules.join(" and ")))
}

/// With whom the caller of a live call is connected.
fn connected(call: &Call, legs: &[Call]) -> &'static str {
    let is_dialled =
        |leg: &Call| leg.phase == Phase::Dialing && leg.details.endpoint == Some(Endpoint::Person);
    match call.party {
        Some(Party::Person) => "the caller was handed over to a person",
        Some(Party::Machine) => match call.details.answered_by {
            Some(AnsweredBy::Fax) => "a fax has answered",
            Some(AnsweredBy::Machine | AnsweredBy::Human) | None => "a voicemail has answered",
        },
        Some(Party::Waiting) if call.details.queue.is_some() => "the caller waits in a queue",
        Some(Party::Waiting) if legs.iter().any(is_dialled) => {
            "the caller waits while a person is dialled"
        }
        Some(Party::Waiting) => "the caller waits, on hold or alone in a conference",
        Some(Party::Agent) if !call.details.stretches.is_empty() => {
            "the caller is connected with an agent"
        }
        Some(Party::Agent) | None => match call.direction {
            Some(Direction::Outbound) => "the person has picked up",
            Some(Direction::Inbound | Direction::Dial) | None => "on the line",
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
    let (what, at, text) = match (call.phase, status) {
        (Phase::Live, _) if doubted.is_some() => (
            "suspect",
            doubted.unwrap_or_default(),
            "suspect if nothing is heard until then, and still counted",
        ),
        (Phase::Live, _) if limited.is_some() => (
            "timed-out",
            limited.unwrap_or_default().min(given_up),
            "given up if its source says nothing of it until then",
        ),
        (Phase::Dialing, _) => (
            "timed-out",
            after(call.since, DIALING_MS_MAX),
            "given up if nobody picks up until then",
        ),
        (Phase::Ended(_), _) if call.may_go_on() => (
            "forgotten",
            after(call.since, TOMBSTONE_MS),
            "forgotten; until then only what can have been said after the end makes it live again",
        ),
        (Phase::Ended(_), _) => (
            "forgotten",
            after(call.since, TOMBSTONE_MS),
            "forgotten; until then a late webhook cannot revive it",
        ),
        (Phase::Live, Some(status)) => (
            "asked",
            status.next.max(presenter.now),
            "the provider is asked; only its word ends the call before MAX_CALL_HOURS",
        ),
        (Phase::Live, None) if told.is_some_and(|told| !told.by_twilio) => (
            "timed-out",
            given_up,
            "given up as older than a call can be; its source tells the end before",
        ),
        (Phase::Live, None) => (
            "timed-out",
            given_up,
            "given up as older than a call can be; nobody is asked before, since there are no \
             credentials for the provider's API",
        ),
    };
    Expectation { what: what.to_owned(), at: moment(at), text: text.to_owned() }
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
