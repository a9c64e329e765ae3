//! What the caller hears.

use live_users_testkit::{Answer, Twilio};

use crate::{AGENTS, agents_file, start};

/// Agents with an application of their own, and something to take over from it.
const STAND_INS: &str = r#"
    [[agent]]
    id = "sent-on"
    name = "Sent on"
    voice_url = "https://a.example.com/voice"
    fallback_url = "https://b.example.com/down?x=1&y=2"
    fallback_number = "+14155550100"

    [[agent]]
    id = "dialled"
    name = "Dialled"
    voice_url = "https://a.example.com/voice"
    fallback_number = "+14155550100"
"#;

const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;

fn say(twilio: &Twilio, words: &str) -> Answer {
    let fields = [
        ("CallSid", "CA1"),
        ("CallStatus", "in-progress"),
        ("Direction", "inbound"),
        ("From", "+14155550123"),
        ("SpeechResult", words),
    ];
    twilio.post("/speech-result", &fields)
}

#[test]
fn a_caller_is_greeted_and_listened_to_and_told_goodbye_when_nothing_is_said() {
    let (_server, twilio) = start(&[]);
    let answer = twilio.start(1);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/xml; charset=utf-8");
    let expected = concat!(
        r#"<Response><Gather input="speech" action="/speech-result" method="POST" timeout="5" "#,
        r#"speechTimeout="2" actionOnEmptyResult="false"><Say>Hello! How can I help you?</Say>"#,
        "</Gather><Say>I did not hear anything. Goodbye!</Say><Hangup/></Response>"
    );
    assert_eq!(answer.body, format!("{DECLARATION}{expected}"));
}

#[test]
fn what_the_caller_says_is_answered_until_a_goodbye_ends_the_call() {
    let (_server, twilio) = start(&[]);
    twilio.start(1);
    for words in ["I want a table", "", "don't hang up", "goodbyes are hard"] {
        let answer = say(&twilio, words);
        assert!(answer.body.contains(r#"<Gather input="speech" action="/speech-result""#));
        assert!(!words.is_empty() || answer.body.contains("did not catch that"));
        assert!(words.is_empty() || !answer.body.contains(words), "words are not repeated");
        assert_eq!(twilio.count(), r#"{"liveUsers":2}"#);
    }
    let answer = say(&twilio, "okay, goodbye.");
    let expected = "<Response><Say>Goodbye! Thank you for your call.</Say><Hangup/></Response>";
    assert_eq!(answer.body, format!("{DECLARATION}{expected}"));
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    // What Twilio reports afterwards changes nothing, nor does a webhook that was overtaken.
    say(&twilio, "are you there");
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
}

#[test]
fn the_phrases_that_end_a_call_can_be_set() {
    let (_server, twilio) = start(&[("FAREWELL_PHRASES", "adieu, au revoir")]);
    say(&twilio, "goodbye");
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    say(&twilio, "Merci, au revoir !");
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
}

#[test]
fn an_agent_with_an_application_of_its_own_gets_the_call() {
    let (_folder, file) = agents_file(AGENTS);
    let (_server, twilio) = start(&[("AGENTS_FILE", &file)]);
    let fields = [("CallSid", "CA1"), ("CallStatus", "ringing"), ("Direction", "inbound")];
    let answer = twilio.post("/voice?agent=support", &fields);
    let expected = concat!(
        r#"<Response><Redirect method="POST">https://support.example.com/voice?a=1&amp;b=2"#,
        "</Redirect></Response>"
    );
    assert_eq!(answer.body, format!("{DECLARATION}{expected}"));
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
}

#[test]
fn an_application_or_a_fallback_that_takes_get_is_redirected_to_by_get() {
    let (_folder, file) = agents_file(
        r#"
        [[agent]]
        id = "static"
        name = "Static"
        voice_url = "https://a.example.com/voice.xml?a=1&b=2"
        voice_method = "GET"
        fallback_url = "https://b.example.com/down.xml"
        fallback_method = "GET"
        "#,
    );
    let (_server, twilio) = start(&[("AGENTS_FILE", &file)]);
    let fields = [("CallSid", "CA1"), ("CallStatus", "ringing"), ("Direction", "inbound")];
    let answer = twilio.post("/voice?agent=static", &fields);
    let expected = concat!(
        r#"<Response><Redirect method="GET">https://a.example.com/voice.xml?a=1&amp;b=2"#,
        "</Redirect></Response>"
    );
    assert_eq!(answer.body, format!("{DECLARATION}{expected}"));
    let down = r#"<Redirect method="GET">https://b.example.com/down.xml</Redirect>"#;
    let failed = "https://a.example.com/voice.xml?a=1&b=2";
    let heard = after_failure(&twilio, "/voice?agent=static", failed, "");
    assert!(heard.contains(down), "{heard}");
}

/// What a caller hears when this URL has failed.
fn after_failure(twilio: &Twilio, path: &str, failed: &str, words: &str) -> String {
    let fields = [
        ("CallSid", "CA1"),
        ("CallStatus", "in-progress"),
        ("Direction", "inbound"),
        ("ErrorCode", "11200"),
        ("ErrorUrl", failed),
        ("SpeechResult", words),
    ];
    let answer = twilio.post(path, &fields);
    assert_eq!(answer.status, 200);
    assert!(!answer.body.contains("noted"), "{}", answer.body);
    answer.body
}

#[test]
fn when_the_agents_own_application_has_failed_its_fallback_takes_over() {
    let (_folder, file) = agents_file(STAND_INS);
    let (_server, twilio) =
        start(&[("AGENTS_FILE", &file), ("PUBLIC_URL", "https://calls.example.com/x")]);
    let post = |path: &str, failed: &str| {
        let url = format!("https://calls.example.com/x{path}");
        let fields = [("CallSid", "CA1"), ("CallStatus", "in-progress"), ("ErrorUrl", failed)];
        let form = live_users_twilio::Form::from_pairs(fields);
        let payload = live_users_twilio::Payload::Form(&form);
        let signature = live_users_twilio::sign(crate::TOKEN, &url, &payload);
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("X-Twilio-Signature", &*signature),
        ];
        let address = format!("{}{path}", twilio.url);
        live_users_testkit::send("POST", &address, &headers, form.encode().as_bytes()).body
    };
    let dialled = concat!(
        r#"<Response><Dial><Number statusCallback="https://calls.example.com/x/call-status" "#,
        r#"statusCallbackEvent="initiated ringing answered completed">+14155550100</Number>"#,
        "</Dial></Response>"
    );
    let redirected = concat!(
        r#"<Response><Redirect method="POST">https://b.example.com/down?x=1&amp;y=2"#,
        "</Redirect></Response>"
    );
    for path in ["/voice", "/speech-result"] {
        let failed = "https://a.example.com/voice";
        let body = post(&format!("{path}?agent=sent-on"), failed);
        assert_eq!(body, format!("{DECLARATION}{redirected}"), "{path}");
        let body = post(&format!("{path}?agent=dialled"), failed);
        assert_eq!(body, format!("{DECLARATION}{dialled}"), "{path}");
        // A fallback that fails as well is not tried for ever.
        let body = post(&format!("{path}?agent=sent-on"), "https://b.example.com/down?x=1&y=2");
        assert_eq!(body, format!("{DECLARATION}{dialled}"), "{path}");
    }
}

#[test]
fn without_a_fallback_the_caller_is_told_the_truth() {
    let (_folder, file) = agents_file(AGENTS);
    let (_server, twilio) = start(&[("AGENTS_FILE", &file)]);
    for path in ["/voice?agent=support", "/speech-result?agent=support"] {
        let body =
            after_failure(&twilio, path, "https://support.example.com/voice", "cancel it all");
        assert!(body.contains("cannot be reached right now"), "{body}");
        assert!(body.contains("<Hangup/>") && !body.contains("<Gather"), "{body}");
    }
    // The built-in conversation has nothing else to fall back on, and works.
    let body = after_failure(&twilio, "/voice?agent=booking", "https://x.example/voice", "");
    assert!(body.contains("Hello, this is Tables"), "{body}");
}

#[test]
fn an_agent_with_an_application_of_its_own_never_takes_note_here() {
    let (_folder, file) = agents_file(AGENTS);
    let (_server, twilio) = start(&[("AGENTS_FILE", &file)]);
    let call = [("CallSid", "CA1"), ("CallStatus", "in-progress"), ("Direction", "inbound")];
    for (path, more) in [
        ("/speech-result", vec![("SpeechResult", "cancel my flight")]),
        ("/speech-result", vec![]),
        // A session of <Connect> that ended with an error is no request to a fallback URL.
        ("/voice", vec![("SessionStatus", "failed"), ("ErrorCode", "64105")]),
    ] {
        let fields = [&call[..], &more].concat();
        let body = twilio.post(&format!("{path}?agent=support"), &fields).body;
        assert!(body.contains("<Redirect method=\"POST\">https://support.example.com/"), "{body}");
    }
    let goodbye = [&call[..], &[("SpeechResult", "goodbye")]].concat();
    let body = twilio.post("/speech-result?agent=support", &goodbye).body;
    assert!(body.contains("<Hangup/>"), "{body}");
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
}

#[test]
fn the_agent_that_answers_is_the_agent_that_the_call_counts_for() {
    let (_folder, file) = agents_file(AGENTS);
    let (mut server, twilio) = start(&[("AGENTS_FILE", &file)]);
    let ours = "+15005550006";
    for (sid, direction, from, to, is_ours) in [
        ("CA1", "inbound", "+14155550123", ours, true),
        ("CA2", "inbound", "whatsapp:+15005550007", "whatsapp:+15005550006", true),
        ("CA3", "outbound-api", ours, "+14155550123", true),
        ("CA4", "outbound-api", "+14155550123", "+14155550124", false),
    ] {
        let fields = [
            ("CallSid", sid),
            ("CallStatus", "in-progress"),
            ("Direction", direction),
            ("From", from),
            ("To", to),
        ];
        let body = twilio.post("/voice", &fields).body;
        assert_eq!(body.contains("this is Tables"), is_ours, "{sid}: {body}");
        let line = server.await_log(sid);
        assert_eq!(line.ends_with("agent booking"), is_ours, "{line}");
    }
}

#[test]
fn an_agent_is_known_by_its_number_and_its_name_is_escaped() {
    let (_folder, file) = agents_file(AGENTS);
    let (_server, twilio) = start(&[("AGENTS_FILE", &file)]);
    let body = twilio.start(1).body;
    assert!(body.contains("Hello, this is Tables &amp; &lt;More&gt;."), "{body}");
    let fields = [("CallSid", "CA2"), ("CallStatus", "ringing"), ("Direction", "inbound")];
    let body = twilio.post("/voice?agent=booking", &fields).body;
    assert!(body.contains(r#"action="/speech-result?agent=booking""#), "{body}");
}
