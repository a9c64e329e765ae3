//! Hand-overs, queues, conferences, streams and machine detection, as Twilio sends them.

use live_users_simulator::rest::CallFacts;
use live_users_testkit::{Server, Twilio};
use live_users_twilio::{CallStatus, Direction};
use serde_json::Value;
use tempfile::TempDir;

use crate::honest::{WITH_TOKEN, read, sid};
use crate::referee::{ACCOUNT, note, stand_in};
use crate::replicas::team::await_look;
use crate::{TOKEN, agents_file, start};

const AGENTS: &str = r#"
    [[agent]]
    id = "booking"
    name = "Bookings"
    numbers = ["+15005550006"]

    [[agent]]
    id = "support"
    name = "Support"
    numbers = ["+15005550007"]
    sip_hosts = ["bots.example.org"]
"#;

const BOOKING: &str = "+15005550006";
const SUPPORT: &str = "+15005550007";
const COLLEAGUE: &str = "+12065550100";

const AGENT: [u64; 4] = [1, 0, 0, 0];
const WAITING: [u64; 4] = [0, 1, 0, 0];
const PERSON: [u64; 4] = [0, 0, 1, 0];
const MACHINE: [u64; 4] = [0, 0, 0, 1];
const NOBODY: [u64; 4] = [0; 4];

struct Scene {
    _folder: TempDir,
    server: Server,
    twilio: Twilio,
}

type Fields<'a> = [(&'a str, &'a str)];

impl Scene {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(env: &[(&str, &str)]) -> Self {
        let (_folder, file) = agents_file(AGENTS);
        let (server, twilio) =
            start(&[&[WITH_TOKEN, ("AGENTS_FILE", file.as_str())], env].concat());
        Self { _folder, server, twilio }
    }

    /// Sends a webhook, whose answer has to be right for its path, and returns the answer's body.
    fn send(&self, path: &str, n: u8, fields: &Fields<'_>) -> String {
        let sid = sid(n);
        let answer = self.twilio.post(path, &[&[("CallSid", sid.as_str())], fields].concat());
        let expected = if path.starts_with("/call-status") { 204 } else { 200 };
        assert_eq!(answer.status, expected, "{path} {fields:?}: {}", answer.body);
        assert!(expected == 204 || answer.body.contains("<Response>"), "{}", answer.body);
        answer.body
    }

    /// A request of the first caller's own call.
    fn caller(&self, path: &str, status: &str, more: &Fields<'_>) -> String {
        let fields = [
            ("CallStatus", status),
            ("Direction", "inbound"),
            ("From", "+14155550123"),
            ("To", BOOKING),
        ];
        self.send(path, 1, &[&fields, more].concat())
    }

    /// A callback of a leg of the first call.
    fn leg(&self, n: u8, to: &str, status: &str) {
        let parent = sid(1);
        let fields = [
            ("CallStatus", status),
            ("Direction", "outbound-dial"),
            ("ParentCallSid", parent.as_str()),
            ("From", "+14155550123"),
            ("To", to),
        ];
        self.send("/call-status", n, &fields);
    }

    /// A report of a conference about a participant.
    fn attends(&self, path: &str, n: u8, event: &str, order: &str) {
        let fields = [
            ("ConferenceSid", "CF00000000000000000000000000000001"),
            ("StatusCallbackEvent", event),
            ("SequenceNumber", order),
            ("Hold", if event == "participant-hold" { "true" } else { "false" }),
        ];
        self.send(path, n, &fields);
    }

    /// With whom callers are: an agent, nobody yet, a person, a machine.
    fn parties(&self) -> [u64; 4] {
        let summary = read(&self.server, "/summary");
        ["withAgent", "waiting", "withPerson", "machine"]
            .map(|name| summary[name].as_u64().expect("a number"))
    }

    /// The agents that have live users.
    fn agents(&self) -> Vec<String> {
        let summary = read(&self.server, "/summary");
        let rows = summary["byAgent"].as_array().expect("rows").iter();
        let busy = rows.filter(|row| row["liveUsers"] != 0);
        busy.map(|row| row["agent"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

#[test]
fn by_dial_a_caller_waits_is_with_a_colleague_and_comes_back_again_and_again() {
    let scene = Scene::new();
    scene.caller("/voice", "ringing", &[]);
    for leg in [2, 3] {
        assert_eq!(scene.parties(), AGENT);
        for status in ["initiated", "ringing"] {
            scene.leg(leg, COLLEAGUE, status);
            assert_eq!(scene.parties(), WAITING, "{status}");
        }
        scene.leg(leg, COLLEAGUE, "in-progress");
        assert_eq!((scene.parties(), scene.twilio.count()), (PERSON, r#"{"liveUsers":0}"#.into()));
        scene.leg(leg, COLLEAGUE, "completed");
        assert_eq!(scene.parties(), AGENT);
    }
    scene.caller("/call-status", "completed", &[]);
    assert_eq!(scene.parties(), NOBODY);
}

#[test]
fn the_action_of_a_dial_ends_a_leg_whose_callback_was_lost_at_each_path() {
    for path in ["/voice", "/voice?agent=booking", "/speech-result", "/call-status"] {
        for status in ["completed", "answered", "canceled", "strange"] {
            let scene = Scene::new();
            scene.caller("/voice", "ringing", &[]);
            scene.leg(2, COLLEAGUE, "in-progress");
            assert_eq!(scene.parties(), PERSON);
            let leg = sid(2);
            let dial = [("DialCallSid", leg.as_str()), ("DialCallStatus", status)];
            scene.caller(path, "in-progress", &dial);
            assert_eq!(scene.parties(), AGENT, "{path} {status}");
            scene.leg(2, COLLEAGUE, "in-progress");
            assert_eq!(scene.parties(), AGENT, "what comes late revives no leg");
        }
    }
    // The caller has hung up.
    let scene = Scene::new();
    scene.caller("/voice", "ringing", &[]);
    scene.leg(2, COLLEAGUE, "in-progress");
    scene.caller("/voice", "completed", &[("DialCallStatus", "completed")]);
    assert_eq!(scene.parties(), NOBODY);
}

#[test]
fn a_leg_to_an_ai_agent_is_the_agent_that_it_leads_to() {
    for (to, agent) in [
        ("sip:proj_1@sip.api.openai.com;transport=tls", "booking"),
        ("SIP:Room@ABC.EU.SIP.LIVEKIT.CLOUD:5061", "booking"),
        ("sip:x@sip.rtc.in.residency.elevenlabs.io", "booking"),
        ("sip:x@eu.bots.example.org:5060;transport=tcp?a=b", "support"),
        (SUPPORT, "support"),
        ("sip:15005550007@pbx.example.com", "support"),
    ] {
        let scene = Scene::new();
        scene.caller("/voice", "ringing", &[]);
        scene.leg(2, to, "initiated");
        assert_eq!(scene.parties(), AGENT, "{to}");
        scene.leg(2, to, "in-progress");
        assert_eq!((scene.parties(), scene.agents()), (AGENT, vec![agent.to_owned()]), "{to}");
        // It fails, and a colleague takes over.
        scene.leg(2, to, "failed");
        scene.leg(3, "sip:desk@bots.example.com", "in-progress");
        assert_eq!(scene.parties(), PERSON, "{to}");
    }
}

#[test]
fn the_far_end_of_our_own_leg_is_not_another_user() {
    let scene = Scene::new();
    scene.caller("/voice", "ringing", &[]);
    for (n, from) in [(3, SUPPORT), (4, "15005550007"), (5, "sip:+15005550007@a.example")] {
        let fields = [("CallStatus", "ringing"), ("Direction", "inbound"), ("From", from)];
        scene.send("/voice", n, &[&fields[..], &[("To", BOOKING)]].concat());
    }
    assert_eq!(scene.parties(), AGENT);
}

#[test]
fn who_waits_in_a_queue_hears_that_and_waits_until_the_queue_is_left() {
    let scene = Scene::new();
    scene.caller("/voice", "ringing", &[]);
    for path in ["/voice?agent=booking", "/speech-result"] {
        let waits = [("QueueSid", "QU1"), ("QueuePosition", "1"), ("CurrentQueueSize", "1")];
        let body = scene.caller(path, "in-progress", &waits);
        assert!(body.contains("<Say>") && body.contains("<Pause length="), "{body}");
        assert!(!body.contains("<Gather") && !body.contains("<Hangup"), "{body}");
        assert_eq!(scene.parties(), WAITING);
        let left = [("QueueSid", "QU1"), ("QueueResult", "bridged"), ("QueueTime", "30")];
        let body = scene.caller(path, "in-progress", &left);
        assert!(body.contains("<Gather"), "{body}");
        assert_eq!(scene.parties(), AGENT);
    }
    // A colleague takes the caller out of the queue, and is not to be hung up on.
    scene.caller("/voice", "in-progress", &[("QueueSid", "QU1"), ("QueuePosition", "1")]);
    let taken = [("QueueSid", "QU1"), ("QueueTime", "9"), ("DequeingCallSid", "CA9")];
    let body = scene.caller("/voice", "in-progress", &taken);
    assert!(!body.contains("<Gather") && !body.contains("<Hangup"), "{body}");
    assert_eq!(scene.parties(), PERSON);
    scene.caller("/voice", "in-progress", &[("QueueSid", "QU1"), ("QueueResult", "bridged")]);
    assert_eq!(scene.parties(), AGENT);
    // Without an action, the next request says that the caller is back.
    let waits = [("QueueSid", "QU1"), ("QueuePosition", "1")];
    scene.caller("/voice", "in-progress", &waits);
    scene.caller("/voice", "in-progress", &[]);
    assert_eq!(scene.parties(), AGENT);
}

#[test]
fn in_a_conference_the_callers_are_with_whom_it_reports() {
    for path in ["/call-status", "/voice"] {
        let scene = Scene::new();
        scene.caller("/voice", "ringing", &[]);
        scene.attends(path, 1, "participant-join", "2");
        assert_eq!(scene.parties(), WAITING);
        // The colleague is called by the API, and only the conference tells of it.
        scene.attends(path, 9, "participant-join", "3");
        assert_eq!(scene.parties(), PERSON);
        scene.attends(path, 1, "participant-hold", "4");
        scene.attends(path, 9, "participant-mute", "5");
        assert_eq!(scene.parties(), WAITING);
        scene.attends(path, 1, "participant-unhold", "6");
        assert_eq!(scene.parties(), PERSON);
        scene.attends(path, 9, "participant-leave", "7");
        assert_eq!(scene.parties(), WAITING);
        // What was overtaken is no news.
        scene.attends(path, 9, "participant-join", "3");
        assert_eq!(scene.parties(), WAITING);
        scene.attends(path, 9, "participant-join", "8");
        let end = [
            ("ConferenceSid", "CF00000000000000000000000000000001"),
            ("StatusCallbackEvent", "conference-end"),
            ("SequenceNumber", "9"),
        ];
        let status = scene.twilio.post(path, &end).status;
        assert_eq!((status / 100, scene.parties()), (2, AGENT), "{path}");
    }
}

#[test]
fn a_conference_without_a_call_and_events_that_say_nothing_are_taken() {
    let scene = Scene::new();
    scene.caller("/voice", "ringing", &[]);
    for event in ["conference-start", "announcement-end", "something-new"] {
        let fields = [("ConferenceSid", "CF1"), ("StatusCallbackEvent", event)];
        assert_eq!(scene.twilio.post("/call-status", &fields).status, 204, "{event}");
        assert_eq!(scene.twilio.post("/voice", &fields).status, 200, "{event}");
    }
    // A conference that is only named is no report of it.
    scene.caller("/voice", "in-progress", &[("ConferenceSid", "CF1")]);
    assert_eq!(scene.parties(), AGENT);
}

#[test]
fn a_machine_is_no_user_whichever_request_says_so() {
    let dialled = [
        ("CallStatus", "in-progress"),
        ("Direction", "outbound-api"),
        ("From", BOOKING),
        ("To", "+14155550199"),
    ];
    let results = [
        ("machine_start", MACHINE),
        ("machine_end_beep", MACHINE),
        ("machine_end_silence", MACHINE),
        ("machine_end_other", MACHINE),
        ("fax", MACHINE),
        ("human", AGENT),
        ("unknown", AGENT),
    ];
    for (result, expected) in results {
        for path in ["/voice", "/call-status"] {
            let scene = Scene::new();
            let answered = [("AnsweredBy", result)];
            scene.send(path, 1, &[&dialled[..], &answered].concat());
            assert_eq!(scene.parties(), expected, "{path} {result}");
            // Asynchronously, and without a status.
            let scene = Scene::new();
            scene.send("/call-status", 1, &dialled);
            assert_eq!(scene.parties(), AGENT);
            scene.send(path, 1, &answered);
            assert_eq!(scene.parties(), expected, "{path} {result} late");
            scene.send(
                "/call-status",
                1,
                &[&dialled[1..], &[("CallStatus", "completed")]].concat(),
            );
            assert_eq!(scene.parties(), NOBODY);
        }
    }
}

#[test]
fn sessions_and_streams_are_taken_and_leave_no_word_in_the_log() {
    let scene = Scene::with(&[("RUST_LOG", "trace")]);
    scene.caller("/voice", "ringing", &[]);
    let session = [
        ("SessionId", "VX1"),
        ("SessionStatus", "failed"),
        ("ErrorCode", "64105"),
        ("HandoffData", "{\"reason\":\"my private reason\"}"),
    ];
    for path in ["/call-status", "/voice"] {
        let waits = [("QueueSid", "QU1"), ("QueuePosition", "1")];
        scene.caller("/voice", "in-progress", &waits);
        scene.caller(path, "in-progress", &session);
        assert_eq!(scene.parties(), AGENT, "{path}");
        scene.caller("/voice", "in-progress", &waits);
        for (event, expected) in
            [("stream-stopped", WAITING), ("stream-error", WAITING), ("stream-started", AGENT)]
        {
            scene.send(path, 1, &[("StreamSid", "MZ1"), ("StreamEvent", event)]);
            assert_eq!(scene.parties(), expected, "{path} {event}");
        }
    }
    scene.caller("/voice", "completed", &session);
    assert_eq!(scene.parties(), NOBODY);
    let (_, log) = scene.server.terminate();
    for private in ["private reason", "4155550123", "HandoffData"] {
        assert!(!log.contains(private), "{private} is in the log:\n{log}");
    }
}

#[test]
fn a_goodbye_whose_answer_was_lost_is_taken_back_by_the_fallback() {
    for (failed, expected) in [
        ("https://a.example/speech-result", AGENT),
        ("https://a.example/x/speech-result/?agent=booking", AGENT),
        ("https://a.example/voice", NOBODY),
    ] {
        let scene = Scene::new();
        scene.caller("/voice", "ringing", &[]);
        scene.caller("/speech-result", "in-progress", &[("SpeechResult", "goodbye")]);
        assert_eq!(scene.parties(), NOBODY);
        let fallback = [("ErrorCode", "11205"), ("ErrorUrl", failed)];
        scene.caller("/voice", "in-progress", &fallback);
        assert_eq!(scene.parties(), expected, "{failed}");
        scene.caller("/speech-result", "in-progress", &[("SpeechResult", "hello?")]);
        assert_eq!(scene.parties(), expected, "{failed}");
        scene.caller("/call-status", "completed", &[]);
        scene.caller("/voice", "in-progress", &fallback);
        assert_eq!(scene.parties(), NOBODY, "the provider's word stands");
    }
}

/// Looks until it is so. Not a wait for time: the referee looks each second.
fn await_parties(scene: &Scene, expected: [u64; 4]) {
    await_look("who is on the line", || scene.parties(), |seen| *seen == expected);
}

#[test]
fn the_referee_finds_hand_overs_machines_and_wrong_guesses_in_the_list() {
    let api = stand_in(TOKEN);
    let url = api.url();
    let scene = Scene::with(&[
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_API_URL", &url),
        ("REFEREE_LOOK_SECONDS", "1"),
        ("REFEREE_REQUESTS_PER_MINUTE", "6000"),
    ]);
    let (call, leg) = (sid(1), sid(2));
    let lists_leg = |status| {
        let facts = CallFacts {
            sid: &leg,
            parent: Some(&call),
            status,
            direction: Direction::OutboundDial,
            from: "+14155550123",
            to: COLLEAGUE,
        };
        api.api().note(0, &facts);
    };
    note(&api, &call, CallStatus::InProgress);
    scene.caller("/voice", "ringing", &[]);
    lists_leg(CallStatus::InProgress);
    await_parties(&scene, PERSON);
    lists_leg(CallStatus::Completed);
    await_parties(&scene, AGENT);
    // Our goodbye did not arrive.
    scene.caller("/speech-result", "in-progress", &[("SpeechResult", "goodbye")]);
    assert_eq!(scene.parties(), NOBODY);
    await_parties(&scene, AGENT);
    api.api().note_answered_by(0, &call, "machine_end_beep");
    await_parties(&scene, MACHINE);
    note(&api, &call, CallStatus::Completed);
    await_parties(&scene, NOBODY);
    let summary: Value = read(&scene.server, "/summary");
    assert_eq!(summary["onTheLine"], 0);
}
