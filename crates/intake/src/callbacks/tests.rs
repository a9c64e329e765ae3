//! Each kind of webhook, as a form, at each of the three paths.

use live_users_core::{Direction, EndReason, Endpoint, Tracker};
use live_users_twilio::Form;

use super::*;
use crate::agents::Agents;
use crate::{CallerKey, Farewell, Inbound, InboundRules};

const CALL: &str = "CallSid=CA1&Direction=inbound&From=%2B14155550123&To=%2B15005550006";

fn read_at(source: Source, body: &str) -> Vec<Evidence> {
    let (agents, _) = Agents::parse(
        "[[agent]]\nid = \"booking\"\nname = \"Bookings\"\nnumbers = [\"+15005550006\"]",
    );
    let key = CallerKey::new("0123456789abcdef").unwrap();
    let farewell = Farewell::default();
    let rules = InboundRules { agents: &agents, key: &key, farewell: &farewell, accounts: &[] };
    let form = Form::parse(body.as_bytes()).unwrap();
    Inbound::read(&form, source, None, rules).evidence.expect("nothing is wrong with it")
}

/// The only evidence of a webhook.
fn one(source: Source, body: &str) -> Evidence {
    let [evidence] = <[_; 1]>::try_from(read_at(source, body)).unwrap();
    evidence
}

fn in_progress(more: &str) -> String {
    format!("{CALL}&CallStatus=in-progress&{more}")
}

const EVERYWHERE: [Source; 3] = [Source::Voice, Source::Speech, Source::StatusCallback];

#[test]
fn a_request_of_the_call_itself_says_that_the_agent_is_there() {
    for source in [Source::Voice, Source::Speech] {
        let connection = |body: &str| one(source, body).connection;
        assert_eq!(connection(&in_progress("")), Some(Connection::Agent));
        assert_eq!(connection(CALL), Some(Connection::Agent));
        // Before the first answer there is nothing to take back.
        assert_eq!(connection(&format!("{CALL}&CallStatus=ringing")), None);
        assert_eq!(connection(&format!("{CALL}&CallStatus=completed")), None);
        // What is asked for while the caller is in a conference does not take it out.
        assert_eq!(connection(&in_progress("ConferenceSid=CF1")), None);
        // A leg's own document, such as a whisper, is no talk with the agent.
        assert_eq!(connection("CallSid=CA2&ParentCallSid=CA1&CallStatus=in-progress"), None);
    }
    assert_eq!(one(Source::StatusCallback, &in_progress("")).connection, None);
}

#[test]
fn a_queue_is_entered_and_left_at_each_path() {
    for source in EVERYWHERE {
        let connection = |more: &str| one(source, &in_progress(more)).connection;
        assert_eq!(connection("QueueSid=QU1&QueuePosition=2"), Some(Connection::Waiting));
        for result in ["bridged", "leave", "redirected", "queue-full", "error", "system-error"] {
            let left = connection(&format!("QueueSid=QU1&QueueResult={result}&QueueTime=30"));
            assert_eq!(left, Some(Connection::Agent), "{result}");
        }
        assert_eq!(connection("QueueSid=QU1&QueueResult=hangup&QueueTime=30"), None);
        let taken = connection("QueueSid=QU1&DequeingCallSid=CA9&QueueTime=3");
        assert_eq!(taken, Some(Connection::Person));
    }
}

#[test]
fn a_dial_that_is_over_ends_its_leg_first() {
    for source in EVERYWHERE {
        let told = read_at(
            source,
            &in_progress("DialCallSid=CA2&DialCallStatus=completed&DialCallDuration=600"),
        );
        let [leg, own] = <[_; 2]>::try_from(told).unwrap();
        assert_eq!(leg.call, CallId::parse("CA2").unwrap());
        assert_eq!(
            (leg.parent.as_ref(), leg.said),
            (Some(&own.call), Said::Over(EndReason::Completed))
        );
        assert_eq!((own.said, own.connection), (Said::InProgress, Some(Connection::Agent)));
        let conference = one(source, &in_progress("DialCallStatus=answered"));
        assert_eq!(conference.connection, Some(Connection::Agent));
        // The caller has hung up while the leg was connected.
        let over = "CallStatus=completed&DialCallSid=CA2&DialCallStatus=completed";
        let told = read_at(source, &format!("{CALL}&{over}"));
        assert_eq!(told[1].said, Said::Over(EndReason::Completed));
        assert_eq!(told[1].connection, None);
    }
}

#[test]
fn a_session_that_is_over_is_a_request_of_the_call_and_no_fallback() {
    for source in EVERYWHERE {
        let more = "SessionId=VX1&SessionStatus=failed&ErrorCode=64105&HandoffData=my+secret";
        let own = one(source, &in_progress(more));
        assert_eq!((own.connection, own.is_after_lost_answer), (Some(Connection::Agent), false));
        assert!(!format!("{own:?}").contains("secret"));
        let over = one(source, &format!("{CALL}&CallStatus=completed&SessionId=VX1"));
        assert_eq!((over.connection, over.said), (None, Said::Over(EndReason::Completed)));
    }
}

#[test]
fn a_stream_that_has_started_hears_the_caller() {
    for source in EVERYWHERE {
        let stream =
            |event| one(source, &format!("CallSid=CA1&StreamSid=MZ1&StreamEvent=stream-{event}"));
        let started = stream("started");
        assert_eq!(started.source, Source::StatusCallback);
        assert_eq!((started.said, started.connection), (Said::Nothing, Some(Connection::Agent)));
        for event in ["stopped", "error"] {
            let ended = stream(event);
            assert_eq!((ended.said, ended.connection), (Said::Nothing, None));
            assert_eq!(ended.claim(), live_users_core::Claim::Nothing);
        }
    }
}

#[test]
fn machine_detection_is_taken_with_a_status_and_without() {
    for source in EVERYWHERE {
        for (text, expected) in [
            ("human", Some(AnsweredBy::Human)),
            ("machine_start", Some(AnsweredBy::Machine)),
            ("machine_end_silence", Some(AnsweredBy::Machine)),
            ("fax", Some(AnsweredBy::Fax)),
            ("unknown", Some(AnsweredBy::Human)),
        ] {
            let field = format!("AnsweredBy={text}");
            let with_status = one(source, &in_progress(&field));
            assert_eq!((with_status.answered_by, with_status.source), (expected, source));
            let report = one(source, &format!("CallSid=CA1&{field}"));
            assert_eq!((report.answered_by, report.said), (expected, Said::Nothing));
            assert_eq!(report.source, Source::StatusCallback);
            assert_eq!(report.connection, None);
        }
    }
}

#[test]
fn a_conference_reports_each_participant_and_its_end() {
    let report = |event: &str, more: &str| {
        let body = format!(
            "CallSid=CA1&ConferenceSid=CF1&SequenceNumber=4&StatusCallbackEvent={event}{more}"
        );
        one(Source::Voice, &body)
    };
    for (event, more, what) in [
        ("participant-join", "", Attendance::Joined),
        ("participant-hold", "&Hold=true", Attendance::Held),
        ("participant-unhold", "&Hold=false", Attendance::Joined),
        ("participant-mute", "&Hold=true", Attendance::Held),
        ("participant-leave", "", Attendance::Left),
    ] {
        let evidence = report(event, more);
        let conference = evidence.conference.unwrap();
        assert_eq!(conference.what, what, "{event}");
        assert_eq!(conference.order, Some(4));
        assert_eq!(evidence.source, Source::StatusCallback);
        assert_eq!((evidence.said, evidence.connection), (Said::Nothing, None));
    }
    let left = |status| report("participant-leave", &format!("&ParticipantCallStatus={status}"));
    assert_eq!(left("in-progress").said, Said::Nothing, "it has left, and its call goes on");
    assert_eq!(left("no-answer").said, Said::Over(EndReason::NoAnswer));
    assert_eq!(left("completed").said, Said::Over(EndReason::Completed));
}

#[test]
fn the_end_of_a_conference_is_taken_though_it_names_no_call() {
    for source in EVERYWHERE {
        for more in ["&CallSidEndingConference=CA1", "", "&CallSid=CA1"] {
            let end = format!("ConferenceSid=CF1&StatusCallbackEvent=conference-end{more}");
            let evidence = one(source, &end);
            assert_eq!(evidence.call, CallId::parse("CF1").unwrap());
            assert_eq!(evidence.conference.unwrap().what, Attendance::Over);
            for event in ["conference-start", "announcement-end"] {
                let body = format!("ConferenceSid=CF1&StatusCallbackEvent={event}");
                assert_eq!(read_at(source, &body), []);
            }
        }
    }
}

#[test]
fn the_end_of_a_conference_that_a_participant_has_ended_frees_the_others() {
    let mut tracker = Tracker::default();
    let mut hears = |body: &str| {
        for evidence in read_at(Source::StatusCallback, body) {
            let at = tracker.now();
            tracker.apply(live_users_core::Millis(at.0 + 1_000), &evidence);
        }
        tracker.check().unwrap();
        tracker.breakdown().parties.map(|numbers| numbers.users)
    };
    let joins = |call: &str, order: u32| {
        format!(
            "CallSid={call}&ConferenceSid=CF1&StatusCallbackEvent=participant-join\
             &SequenceNumber={order}"
        )
    };
    assert_eq!(hears(&in_progress("")), [1, 0, 0, 0]);
    assert_eq!(hears(&joins("CA1", 1)), [0, 1, 0, 0]);
    assert_eq!(hears(&joins("CA9", 2)), [0, 0, 1, 0]);
    // The colleague has hung up, and the conference ends with that.
    assert_eq!(hears("CallSid=CA9&CallStatus=completed&Direction=outbound-api"), [0, 1, 0, 0]);
    let end = "ConferenceSid=CF1&StatusCallbackEvent=conference-end&CallSidEndingConference=CA9";
    assert_eq!(hears(&format!("{end}&SequenceNumber=5")), [1, 0, 0, 0]);
    assert_eq!(hears(&format!("{CALL}&CallStatus=completed")), [0; 4]);
}

#[test]
fn only_a_request_after_our_lost_answer_to_speech_comes_after_it() {
    let after = |source, more: &str| one(source, &in_progress(more)).is_after_lost_answer;
    let of = |url: &str| format!("ErrorCode=11205&ErrorUrl={url}");
    for url in [
        "https://a.example/speech-result",
        "https://a.example/live/speech-result/?agent=booking",
        "https://a.example:8443//speech-result",
    ] {
        assert!(after(Source::Voice, &of(url)), "{url}");
        assert!(!after(Source::StatusCallback, &of(url)));
        let over = format!("{CALL}&CallStatus=completed&{}", of(url));
        assert!(!one(Source::Voice, &over).is_after_lost_answer);
    }
    for url in ["https://a.example/voice", "https://a.example/my-speech-result2", ""] {
        assert!(!after(Source::Voice, &of(url)), "{url}");
    }
    assert!(!after(Source::Voice, "ErrorCode=64105&SessionId=VX1"));
}

#[test]
fn a_voice_request_of_a_call_that_is_over_ends_it() {
    for status in ["completed", "canceled", "busy", "failed", "no-answer"] {
        for source in [Source::Voice, Source::Speech] {
            let evidence = one(source, &format!("{CALL}&CallStatus={status}"));
            assert!(matches!(evidence.said, Said::Over(_)), "{status}");
        }
    }
}

#[test]
fn a_leg_is_known_by_its_parent_or_its_direction() {
    for role in ["ParentCallSid=CA1", "Direction=outbound-dial"] {
        let body = format!("CallSid=CA2&CallStatus=ringing&From=%2B14155550123&{role}");
        let leg = one(Source::StatusCallback, &format!("{body}&To=%2B12065550100"));
        assert!(leg.is_leg());
        assert_eq!((leg.endpoint, leg.caller), (Some(Endpoint::Person), None));
        let long = "x".repeat(600);
        let to = format!("&To=sip:proj@sip.api.openai.com?X-Context={long}");
        let body = body.replace("&From", "&Caller");
        let leg = one(Source::StatusCallback, &format!("{body}{to}"));
        assert_eq!(leg.endpoint, Some(Endpoint::Agent), "also by an address that is long");
    }
    let to_ai = "CallSid=CA2&Direction=outbound-api&From=%2B15005550006&To=sip:x@sip.vapi.ai";
    assert_eq!(one(Source::StatusCallback, to_ai).direction, Some(Direction::Dial));
}
