//! Forms as they are sent, and variations of them.

use proptest::prelude::*;

use super::*;

fn read(body: &str) -> CallEvents {
    CallEvents::read(&Form::parse(body.as_bytes()).unwrap())
}

#[test]
fn machine_detection_has_many_words_for_a_machine() {
    for (text, expected) in [
        ("human", Some(AnsweredBy::Human)),
        ("machine_start", Some(AnsweredBy::Machine)),
        ("machine_end_beep", Some(AnsweredBy::Machine)),
        ("machine_end_silence", Some(AnsweredBy::Machine)),
        ("machine_end_other", Some(AnsweredBy::Machine)),
        ("machine", Some(AnsweredBy::Machine)),
        ("fax", Some(AnsweredBy::Fax)),
        ("unknown", Some(AnsweredBy::Human)),
        ("", None),
        ("nobody", None),
    ] {
        let events = read(&format!("CallSid=x&CallStatus=in-progress&AnsweredBy={text}"));
        assert_eq!((events.answered_by, events.is_any()), (expected, false), "{text}");
    }
}

#[test]
fn a_result_without_a_status_is_the_report_of_asynchronous_detection() {
    for text in ["machine_start", "human", "unknown"] {
        let events = read(&format!("CallSid=x&AnsweredBy={text}&MachineDetectionDuration=3100"));
        assert!(events.is_detection && events.is_report(), "{text}");
    }
    assert!(!read("CallSid=x&AnsweredBy=").is_detection);
}

#[test]
fn a_dial_that_is_over_names_its_leg_unless_it_was_a_conference() {
    let dial = |fields: &str| read(&format!("CallSid=x&CallStatus=in-progress&{fields}")).dial;
    let result = dial("DialCallSid=CA2&DialCallStatus=busy&DialCallDuration=7&DialBridged=false");
    let expected = DialResult {
        call_sid: Some("CA2".to_owned()),
        status: Some(CallStatus::Busy),
        duration_s: Some(7),
    };
    assert_eq!(result, Some(expected));
    for status in ["answered", "in-progress", "something"] {
        let result = dial(&format!("DialCallStatus={status}")).unwrap();
        assert_eq!((result.call_sid, result.status), (None, None), "{status}");
    }
    assert_eq!(dial("DialCallSid=CA2"), None);
    assert_eq!(dial("DialCallStatus=completed&DialCallSid=a+b").unwrap().call_sid, None);
}

#[test]
fn a_queue_says_who_waits_who_goes_on_and_who_has_hung_up() {
    for (fields, expected) in [
        ("QueueSid=QU1&QueuePosition=1&QueueTime=4&AvgQueueTime=4", Some(QueueEvent::Waits)),
        ("QueueSid=QU1&CurrentQueueSize=2", Some(QueueEvent::Waits)),
        ("QueueSid=QU1&QueueTime=4&DequeingCallSid=CA9", Some(QueueEvent::IsTaken)),
        ("QueueSid=QU1&QueueResult=bridged&QueueTime=30", Some(QueueEvent::HasLeft)),
        ("QueueSid=QU1&QueueResult=leave&QueuePosition=1", Some(QueueEvent::HasLeft)),
        ("QueueResult=queue-full", Some(QueueEvent::HasLeft)),
        ("QueueSid=QU1&QueueResult=hangup&QueueTime=30", Some(QueueEvent::HungUp)),
        ("QueueSid=QU1", None),
        ("QueuePosition=1", None),
    ] {
        assert_eq!(read(&format!("CallSid=x&{fields}")).queue, expected, "{fields}");
    }
}

#[test]
fn a_session_that_is_over_is_known_by_its_id_or_its_status() {
    assert!(read("CallSid=x&SessionId=VX1&SessionStatus=ended&HandoffData=%7B%7D").ends_session);
    assert!(read("CallSid=x&SessionStatus=failed&ErrorCode=64105").ends_session);
    assert!(!read("CallSid=x&HandoffData=%7B%7D").ends_session);
}

#[test]
fn a_stream_starts_and_ends() {
    for (event, expected) in [
        ("stream-started", StreamEvent::Started),
        ("stream-stopped", StreamEvent::Ended),
        ("stream-error", StreamEvent::Ended),
        ("stream-something", StreamEvent::Ended),
    ] {
        let events = read(&format!("CallSid=x&StreamSid=MZ1&StreamEvent={event}"));
        assert_eq!(events.stream, Some(expected), "{event}");
    }
    assert_eq!(read("CallSid=x&StreamSid=MZ1").stream, None);
}

#[test]
fn a_conference_reports_where_its_participants_are() {
    for (event, more, expected) in [
        ("participant-join", "&Hold=false", ConferenceEvent::IsIn),
        ("participant-join", "", ConferenceEvent::IsIn),
        ("participant-mute", "&Hold=true", ConferenceEvent::IsHeld),
        ("participant-speech-start", "&Hold=false", ConferenceEvent::IsIn),
        ("participant-hold", "&Hold=true", ConferenceEvent::IsHeld),
        ("participant-unhold", "&Hold=false", ConferenceEvent::IsIn),
        ("participant-leave", "&Hold=false", ConferenceEvent::HasLeft),
        ("conference-end", "&CallSidEndingConference=CA1", ConferenceEvent::IsOver),
        ("conference-start", "", ConferenceEvent::Other),
        ("announcement-end", "", ConferenceEvent::Other),
    ] {
        let body = format!("ConferenceSid=CF1&SequenceNumber=4&StatusCallbackEvent={event}{more}");
        let report = read(&body).conference.unwrap();
        assert_eq!((report.event, report.sequence_number), (expected, Some(4)), "{event}");
        assert_eq!(report.participant_status, None);
    }
    let left = "ConferenceSid=CF1&StatusCallbackEvent=participant-leave&ParticipantCallStatus=";
    let status = |text: &str| read(&format!("{left}{text}")).conference.unwrap().participant_status;
    assert_eq!(status("no-answer"), Some(CallStatus::NoAnswer));
    let no_report = read("CallSid=x&CallStatus=in-progress&ConferenceSid=CF1");
    assert!(no_report.conference.is_none() && no_report.names_conference);
    assert_eq!(read("CallSid=x&StatusCallbackEvent=completed").conference, None);
}

#[test]
fn the_path_of_the_url_that_failed_is_known_without_slashes_at_its_end() {
    for (url, expected) in [
        ("https://a.example/speech-result", "/speech-result"),
        ("https://a.example/x/speech-result/?agent=booking#rc=2", "/x/speech-result"),
        ("/speech-result", "/speech-result"),
        ("https://a.example", ""),
    ] {
        let form = Form::from_pairs([("ErrorUrl", url)]);
        assert_eq!(CallEvents::read(&form).lost_path.as_deref(), Some(expected), "{url}");
    }
    assert_eq!(read("CallSid=x&ErrorCode=64105").lost_path, None);
}

#[test]
fn what_an_application_hands_on_is_not_kept() {
    let events = read("CallSid=x&SessionId=VX1&HandoffData=my+secret&DialCallStatus=completed");
    assert!(!format!("{events:?}").contains("secret"));
}

proptest! {
    #[test]
    fn any_form_is_read(body: Vec<u8>) {
        if let Ok(form) = Form::parse(&body) {
            let _events = CallEvents::read(&form);
        }
    }
}
