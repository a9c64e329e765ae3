//! Nothing private leaves in any byte.

use std::collections::HashSet;

use live_users_otlp::messages::trace::v1::Span;
use live_users_testkit::send;

use crate::collector::{Collector, Manner};
use crate::spans::Spans;
use crate::{AGENTS, API_TOKEN, TOKEN, agents_file, sid, start};

#[test]
fn no_number_no_word_no_call_and_no_secret_is_in_what_a_collector_gets() {
    let collector = Collector::start(Manner::Takes);
    let agents = format!(
        "{AGENTS}\n[[source]]\nid = \"own\"\nkind = \"events\"\n\
         secret_env = \"OWN_SECRET\"\n"
    );
    let (_folder, file) = agents_file(&agents);
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let set = [("AGENTS_FILE", file.as_str()), ("OWN_SECRET", secret), ("RUST_LOG", "debug")];
    let (server, twilio) = start(&collector, &set);
    let (call, account) = (sid(0xab), "ACfa4e0000000000000000000000000009");
    let told = [
        ("CallSid", call.as_str()),
        ("AccountSid", account),
        ("CallStatus", "in-progress"),
        ("From", "+14155550123"),
        ("To", "+15005550006"),
        ("CallerName", "ALICE O'BRIEN"),
        ("FromCity", "SAN FRANCISCO"),
        ("SpeechResult", "my card is four one one one"),
    ];
    twilio.post("/voice?agent=made-up-agent", &told);
    twilio.post("/speech-result?agent=booking", &told);
    twilio.post("/call-status", &told);
    let url = &server.url;
    let authorization = format!("Bearer {API_TOKEN}");
    let json = [("Content-Type", "application/json"), ("Authorization", authorization.as_str())];
    let event = br#"{"call": "private-call-1", "event": "started", "caller": "+14155550123"}"#;
    send("POST", &format!("{url}/api/events"), &json, event);
    send("POST", &format!("{url}/sources/+14155550123?x=alice"), &json, event);
    send("POST", &format!("{url}/sources/own?token=alice"), &json, event);
    send("POST", &format!("{url}///voice//?From=%2B14155550123"), &json, event);
    send("PUT", &format!("{url}/voice?From=%2B14155550123"), &[], b"");
    let mut spans = Spans::default();
    spans.until(&collector, |it| it.named("HTTP /voice"));
    let names = ["POST /voice", "POST /call-status", "POST /api/events", "POST /sources/{id}"];
    assert!(names.iter().all(|name| spans.named(name).is_some()), "{spans:?}");
    collector.metrics();
    assert!(server.terminate().0.success());
    for private in [
        "4155550123",
        "5005550006",
        "ALICE",
        "alice",
        "FRANCISCO",
        "four one",
        "made-up",
        "private-call",
        call.as_str(),
        account,
        TOKEN,
        API_TOKEN,
        secret,
    ] {
        assert!(!collector.has_seen(private), "{private} is in what was sent");
    }
    assert!(collector.has_seen("live_users.agent"), "the look itself finds what is there");
}

#[test]
fn what_a_sender_writes_beside_the_ids_of_a_trace_is_in_no_span() {
    let collector = Collector::start(Manner::Takes);
    let (server, _twilio) = start(&collector, &[]);
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let exact = format!("00-{trace}-{parent}-01");
    let state = ("tracestate", "v=+14155550123,w=alice");
    let ask = |headers: &[(&str, &str)]| {
        send("POST", &format!("{}/voice", server.url), headers, b"CallSid=CA1");
    };
    ask(&[("traceparent", exact.as_str()), state]);
    let wrong = [
        format!("00-+14155550123-{parent}-01"),
        format!("00-14155550123-{parent}-01"),
        format!("00-{trace}-{parent}-1"),
        format!("01-{trace}-{parent}-01-alice"),
    ];
    wrong.iter().for_each(|it| ask(&[("traceparent", it.as_str()), state]));
    // Two of them name none.
    ask(&[("traceparent", exact.as_str()), ("traceparent", exact.as_str())]);
    let mut spans = Spans::default();
    let served = spans.until(&collector, |it| {
        let served: Vec<_> = it.0.iter().filter(|it| it.name == "POST /voice").cloned().collect();
        (served.len() == wrong.len() + 2).then_some(served)
    });
    let followed = |it: &&Span| !it.parent_span_id.is_empty();
    assert_eq!(served.iter().filter(followed).count(), 1, "{served:?}");
    let traces: HashSet<_> = served.iter().map(|it| &it.trace_id).collect();
    assert_eq!(traces.len(), served.len(), "each other one is a trace of its own");
    assert!(spans.0.iter().all(|it| it.trace_state.is_empty()), "{:?}", spans.0);
    assert!(!collector.has_seen("4155550123") && !collector.has_seen("alice"));
}
