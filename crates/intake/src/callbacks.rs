//! What follows from a webhook beside the status of its call: hand-overs, queues, streams,
//! conferences and machine detection.

use live_users_core::{
    AnsweredBy, Attendance, CallId, ConferenceEvent, Connection, Evidence, Said, Source,
};
use live_users_twilio::{self as twilio, CallEvents, ConferenceReport, QueueEvent, StreamEvent};

use crate::evidence::said_by;
use crate::legs::end_of_leg;

/// The end of the path where the provider sends what the caller said. Only there we end a call by
/// our own answer, and only that answer can have been lost.
const SPEECH_PATH: &str = "/speech-result";

/// Who sends it: a report is no question what to say, wherever it is sent.
pub(crate) fn source(events: &CallEvents, source: Source) -> Source {
    if events.is_report() { Source::StatusCallback } else { source }
}

/// The evidence of a conference that names no call, if the webhook is such a one: that it is over,
/// or nothing that matters.
pub(crate) fn of_conference(events: &CallEvents, names_a_call: bool) -> Option<Vec<Evidence>> {
    let report = events.conference.as_ref()?;
    let is_over = report.event == twilio::ConferenceEvent::IsOver;
    if names_a_call && !is_over {
        return None;
    }
    // It is about all participants, of which the one that has ended it may be over already.
    let conference = CallId::parse(&report.conference_sid).ok()?;
    let about = Evidence::about(conference, Source::StatusCallback, Said::Nothing);
    let event = of_report(report).filter(|_| is_over);
    Some(event.map(|it| Evidence { conference: Some(it), ..about }).into_iter().collect())
}

/// All that follows from a webhook whose own evidence is this, in the order of its events.
pub(crate) fn with_events(evidence: Evidence, events: &CallEvents) -> Vec<Evidence> {
    let of_leg = events.dial.as_ref().and_then(|dial| end_of_leg(&evidence.call, dial));
    let report = events.conference.as_ref();
    // Whose call is over has left, and that alone is no sign of a call.
    let left = report.and_then(|report| report.participant_status).map(said_by);
    let said = match (evidence.said, left) {
        (Said::Nothing, Some(over @ Said::Over(_))) => over,
        (said, _) => said,
    };
    let evidence = Evidence { said, ..evidence };
    let own = Evidence {
        answered_by: events.answered_by.map(answered_by),
        connection: connection(&evidence, events),
        conference: report.and_then(of_report),
        is_after_lost_answer: is_after_lost_answer(&evidence, events),
        ..evidence
    };
    of_leg.into_iter().chain([own]).collect()
}

/// What a result of machine detection means.
pub(crate) fn answered_by(result: twilio::AnsweredBy) -> AnsweredBy {
    match result {
        twilio::AnsweredBy::Human => AnsweredBy::Human,
        twilio::AnsweredBy::Machine => AnsweredBy::Machine,
        twilio::AnsweredBy::Fax => AnsweredBy::Fax,
    }
}

/// With whom the caller is connected, as a request says that belongs to the call itself.
fn connection(evidence: &Evidence, events: &CallEvents) -> Option<Connection> {
    if evidence.is_leg() || matches!(evidence.said, Said::Over(_)) {
        return None;
    }
    if let Some(stream) = events.stream {
        return (stream == StreamEvent::Started).then_some(Connection::Agent);
    }
    match events.queue {
        Some(QueueEvent::Waits) => return Some(Connection::Waiting),
        Some(QueueEvent::HasLeft) => return Some(Connection::Agent),
        Some(QueueEvent::IsTaken) => return Some(Connection::Person),
        Some(QueueEvent::HungUp) => return None,
        None => {}
    }
    if events.dial.is_some() || events.ends_session {
        return Some(Connection::Agent);
    }
    // The first request of a call comes before anything that it could take back.
    let asks = matches!(evidence.source, Source::Voice | Source::Speech)
        && evidence.said != Said::Dialing
        && !events.names_conference;
    asks.then_some(Connection::Agent)
}

fn of_report(report: &ConferenceReport) -> Option<ConferenceEvent> {
    let what = match report.event {
        twilio::ConferenceEvent::IsIn => Attendance::Joined,
        twilio::ConferenceEvent::IsHeld => Attendance::Held,
        twilio::ConferenceEvent::HasLeft => Attendance::Left,
        twilio::ConferenceEvent::IsOver => Attendance::Over,
        twilio::ConferenceEvent::Other => return None,
    };
    let conference = CallId::parse(&report.conference_sid).ok()?;
    Some(ConferenceEvent { conference, what, order: report.sequence_number })
}

/// Whether it comes because our answer to what the caller said did not arrive.
fn is_after_lost_answer(evidence: &Evidence, events: &CallEvents) -> bool {
    evidence.said == Said::InProgress
        && matches!(evidence.source, Source::Voice | Source::Speech)
        && events.lost_path.as_ref().is_some_and(|path| path.ends_with(SPEECH_PATH))
}

#[cfg(test)]
mod tests;
