//! Explains in words why a call is counted or not, and what happens next.

use live_users_core::{Call, Direction, Millis, Outcome, Phase, SECOND_MS};
use live_users_intake::Status;
use live_users_replica::{DIALING_MS_MAX, QUIET_MS, TOMBSTONE_MS};
use live_users_state::explain::{Piece, Pieces};
use live_users_state::words;
use live_users_wire::Expectation;

use super::view::Presenter;
use crate::parts::clock::moment;

/// Why a call is in the count, or is not.
pub(super) fn because(call: &Call, pieces: &Pieces, presenter: &Presenter) -> String {
    let turning = pieces.list.iter().rev().find(|piece| is_turning(piece));
    let by = turning.map_or_else(String::new, |piece| {
        let (source, said) = (words::of_source(piece.source), words::of_said(piece.said));
        format!(" ({source} said {said} at {})", moment(piece.at))
    });
    match call.phase {
        Phase::Dialing => format!("Not counted: nobody has picked up yet{by}."),
        Phase::Ended(reason) => {
            format!("Not counted: {}{by}.", words::sentence_of_reason(reason))
        }
        Phase::Live => {
            let since = moment(call.since);
            let silent_s = presenter.now.since(call.heard) / SECOND_MS;
            let how_sure = if presenter.is_suspect(call.heard) {
                format!("suspect, since nothing was heard of it for {silent_s} s")
            } else {
                format!("confirmed {silent_s} s ago")
            };
            let what = match call.direction {
                Some(Direction::Outbound) => "the person has picked up",
                _ => "a person is on the line",
            };
            format!(
                "Counted: {what} since {since}{by}, and nothing says that it is over; {how_sure}."
            )
        }
    }
}

/// What happens next if no evidence arrives.
pub(super) fn next(call: &Call, presenter: &Presenter, status: Option<&Status>) -> Expectation {
    let after = |from: Millis, ms: u64| Millis(from.0.saturating_add(ms));
    let given_up = after(call.since, presenter.rules.max_call_ms).max(after(call.heard, QUIET_MS));
    let (what, at, text) = match (call.phase, status) {
        (Phase::Dialing, _) => (
            "timed-out",
            after(call.since, DIALING_MS_MAX),
            "given up if nobody picks up until then",
        ),
        (Phase::Ended(_), _) => (
            "forgotten",
            after(call.since, TOMBSTONE_MS),
            "forgotten; until then a late webhook cannot revive it",
        ),
        (Phase::Live, _) if !presenter.is_suspect(call.heard) => (
            "suspect",
            after(call.heard, presenter.rules.suspect_after_ms),
            "suspect if nothing is heard until then, and still counted",
        ),
        (Phase::Live, Some(status)) => (
            "asked",
            status.next.max(presenter.now),
            "the referee asks the provider; only its word ends the call before MAX_CALL_HOURS",
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

/// Whether it has changed the phase of the call.
fn is_turning(piece: &Piece) -> bool {
    match piece.outcome {
        Outcome::Started
        | Outcome::Dialing
        | Outcome::Answered
        | Outcome::Ended(_)
        | Outcome::EndedUnseen(_)
        | Outcome::Resumed => true,
        Outcome::Confirmed | Outcome::Duplicate | Outcome::Late | Outcome::Leg => false,
    }
}
