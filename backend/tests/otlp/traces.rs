//! The way of a webhook as spans.

use std::io::Write;
use std::net::TcpListener;

use live_users_otlp::messages::trace::v1::Span;
use live_users_otlp::messages::trace::v1::span::SpanKind;
use live_users_testkit::{Twilio, send};
use live_users_twilio::{Form, Payload, SIGNATURE_HEADER, sign};

use crate::collector::{Collector, Manner, read};
use crate::spans::{Spans, attribute, attributes, sent_for};
use crate::{AGENTS, TOKEN, agents_file, is_twiml, sid, start};

/// A parent that is kept, and its ids.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The spans below a server span, once it and the one that ends last are there.
fn tree(spans: &mut Spans, collector: &Collector, name: &str) -> (Span, Vec<(usize, String)>) {
    // A span is exported after those below it.
    let server = spans.until(collector, |it| it.named(name));
    let below = spans.below(&server, 1);
    (server, below)
}

fn names(below: &[(usize, String)]) -> Vec<(usize, &str)> {
    below.iter().map(|(depth, name)| (*depth, name.as_str())).collect()
}

#[test]
fn a_voice_webhook_is_one_trace_from_its_signature_to_its_answer() {
    let collector = Collector::start(Manner::Takes);
    let (_folder, file) = agents_file(AGENTS);
    let (_server, twilio) = start(&collector, &[("AGENTS_FILE", &file)]);
    assert!(is_twiml(&twilio.start(1)));
    let mut spans = Spans::default();
    let (server, below) = tree(&mut spans, &collector, "POST /voice");
    let expected = [
        (1, "verify signature"),
        (1, "read form"),
        (1, "record evidence"),
        (2, "wait for writer"),
        (2, "append to journal"),
        (2, "apply"),
        (2, "publish"),
        (1, "answer"),
    ];
    assert_eq!(names(&below), expected);
    assert_eq!(server.kind(), SpanKind::Server);
    assert!(server.parent_span_id.is_empty(), "nobody has sent a parent");
    let said = attributes(&server.attributes);
    let said: Vec<_> = said.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let expected = [
        ("http.request.method", "POST"),
        ("http.response.status_code", "200"),
        ("http.route", "/voice"),
        ("live_users.agent", "booking"),
        ("live_users.outcome", "accepted"),
        ("url.scheme", "http"),
    ];
    assert_eq!(said, expected);

    twilio.end(1);
    let (server, below) = tree(&mut spans, &collector, "POST /call-status");
    assert_eq!(below.len(), 7, "{below:?}");
    assert_eq!(attribute(&server, "http.response.status_code").as_deref(), Some("204"));
}

#[test]
fn the_parent_of_a_request_is_followed_and_refused_requests_are_traces_too() {
    let collector = Collector::start(Manner::Takes);
    let (server, _twilio) = start(&collector, &[]);
    let url = format!("{}/voice?agent=made-up", server.url);
    let form = Form::from_pairs([("CallSid", sid(7).as_str()), ("CallStatus", "ringing")]);
    let signature = sign(TOKEN, &url, &Payload::Form(&form));
    let parent = format!("00-{TRACE}-{PARENT}-01");
    let headers = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        (SIGNATURE_HEADER, signature.as_str()),
        ("traceparent", parent.as_str()),
    ];
    assert!(is_twiml(&send("POST", &url, &headers, form.encode().as_bytes())));
    let mut spans = Spans::default();
    let (served, below) = tree(&mut spans, &collector, "POST /voice");
    assert_eq!(
        (hex(&served.trace_id).as_str(), hex(&served.parent_span_id).as_str()),
        (TRACE, PARENT)
    );
    assert_eq!(below.len(), 8, "{below:?}");
    assert_eq!(attribute(&served, "live_users.agent"), None, "anybody may name an agent in a URL");

    send("POST", &format!("{}/speech-result", server.url), &headers[..1], b"CallSid=CA1");
    let (refused, below) = tree(&mut spans, &collector, "POST /speech-result");
    assert_eq!(names(&below), [(1, "verify signature")]);
    assert_eq!(attribute(&refused, "http.response.status_code").as_deref(), Some("403"));
    assert_eq!(attribute(&refused, "live_users.outcome").as_deref(), Some("unsigned"));

    // A parent that is not kept says that its trace is kept nowhere.
    let left_out = format!("00-{}-{PARENT}-00", "a".repeat(32));
    let headers = [headers[0], headers[1], ("traceparent", left_out.as_str())];
    send("POST", &url, &headers, form.encode().as_bytes());
    send("GET", &format!("{}/call-status", server.url), &[], b"");
    tree(&mut spans, &collector, "GET /call-status");
    assert!(!spans.0.iter().any(|span| hex(&span.trace_id).starts_with("aaaa")));
}

#[test]
fn a_batch_that_serves_several_webhooks_is_linked_with_each() {
    let collector = Collector::start(Manner::Takes);
    let folder = tempfile::tempdir().expect("a folder");
    let journal = format!("file:{}", folder.path().display());
    let (server, _) = start(&collector, &[("JOURNAL_URL", &journal)]);
    let mut spans = Spans::default();
    let mut batch = None;
    // Whether two fall into one batch is not for the test to say; with this many, some do.
    for round in 0..50 {
        std::thread::scope(|scope| {
            for n in 0..16 {
                let twilio = Twilio::new(&server.url, TOKEN);
                scope.spawn(move || twilio.start(round * 4 + n));
            }
        });
        let answered = 16 * (usize::from(round) + 1);
        let n_served = |it: &Spans| it.0.iter().filter(|span| span.name == "POST /voice").count();
        spans.until(&collector, |it| (n_served(it) == answered).then_some(()));
        batch = spans.named("commit batch");
        if batch.is_some() {
            break;
        }
    }
    let batch = batch.expect("two webhooks in one batch");
    let n = attribute(&batch, "live_users.batch.webhooks").expect("a number");
    assert_eq!(n, batch.links.len().to_string());
    assert!(batch.links.len() >= 2 && batch.parent_span_id.is_empty());
    for link in &batch.links {
        let waiting = spans.by_id(&link.span_id).expect("the span that waited");
        assert_eq!((waiting.name.as_str(), &waiting.trace_id), ("record evidence", &link.trace_id));
        let is_append =
            |it: &&Span| it.parent_span_id == link.span_id && it.name == "append to journal";
        let append = spans.0.iter().find(is_append).expect("its append");
        assert_eq!(append.links[0].span_id, batch.span_id, "the way back");
    }
}

/// Somebody whom the backend sends something to: the heads of what came.
fn receiver(answer: &'static str) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let (sender, heads) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let Some((head, _)) = read(&stream) else { continue };
            let _has_gone = write!(
                stream,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{answer}",
                answer.len()
            );
            if sender.send(head).is_err() {
                break;
            }
        }
    });
    (url, heads)
}

#[test]
fn what_goes_out_is_a_span_of_its_own_and_its_receiver_learns_of_it() {
    let (url, heads) = receiver("{\"reply\": \"a table it is\"}");
    let agents = format!(
        "[[agent]]\nid = \"booking\"\nname = \"Tables\"\nnumbers = [\"+15005550006\"]\n\
         chat_url = \"{url}/chat?key=s3cr3t\"\nstatus_callback_url = \"{url}/status?key=s3cr3t\"\n"
    );
    let (_folder, file) = agents_file(&agents);
    let collector = Collector::start(Manner::Takes);
    let (_server, twilio) = start(&collector, &[("AGENTS_FILE", &file)]);
    let said = [
        ("CallSid", sid(1)),
        ("CallStatus", "in-progress".to_owned()),
        ("SpeechResult", "a table".to_owned()),
    ];
    let said = said.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert!(is_twiml(&twilio.post("/speech-result?agent=booking", &said)));
    let mut spans = Spans::default();
    let asked = spans.until(&collector, |it| sent_for(it, "chat"));
    let (server, below) = tree(&mut spans, &collector, "POST /speech-result");
    assert!(names(&below).ends_with(&[(1, "ask chat"), (2, "POST"), (1, "answer")]), "{below:?}");
    assert_eq!(asked.trace_id, server.trace_id);
    assert_eq!(attribute(&asked, "http.response.status_code").as_deref(), Some("200"));
    assert_eq!(attribute(&asked, "server.address").as_deref(), Some("127.0.0.1"));
    let head = heads.recv().expect("a request");
    let told = format!("traceparent: 00-{}-{}-01", hex(&asked.trace_id), hex(&asked.span_id));
    assert!(head.contains(&told), "{told} in {head}");
    assert!(!head.to_lowercase().contains("tracestate"), "there is none: {head}");

    twilio.end(1);
    let passed_on = spans.until(&collector, |it| sent_for(it, "status_callback"));
    assert!(heads.recv().expect("a request").contains(&hex(&passed_on.trace_id)));
    assert!(!collector.has_seen("s3cr3t"), "neither the path nor the query of an address is told");
}
