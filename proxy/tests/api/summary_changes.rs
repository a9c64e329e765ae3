//! The summary as a snapshot and changes: passed on as it comes, and made whole for who wants that.

use live_users_testkit::{Events, Server, Socket};
use live_users_wire::{ChangesFrame, Document, Folded, Summary};
use serde_json::{Value, json};

use crate::admin::{RIGHT, TOKENS};
use crate::backend::{Backend, Request};
use crate::proxy::{start_with, timeless};

fn at(proxy: &Server, path: &str) -> String {
    format!("{}/api/live-users{path}", proxy.url)
}

/// A summary with so many users, all of one agent among several.
fn summary(users: u64, seq: u64) -> Summary {
    let talked = json!({"calls": 0, "averageMs": null, "longestMs": null});
    let agent = |n: u64| {
        json!({
            "agent": format!("agent-{n}"), "name": null, "numbers": [], "capacity": null, "ownVoice": false,
            "liveUsers": if n == 1 { users } else { 0 }, "liveCalls": 0, "averageMs": null,
            "longestMs": null, "lastHour": talked, "lastDay": talked,
        })
    };
    let summary = json!({
        "liveUsers": users, "liveCalls": users, "publicByAgent": {"agent-1": users},
        "confirmed": users, "suspect": 0, "asOf": format!("2026-11-23T09:30:{seq:02}.000Z"), "epoch": "e",
        "seq": seq, "averageMs": 1_000 * seq, "longestMs": null, "lastHour": talked, "lastDay": talked,
        "byAgent": (0..20).map(agent).collect::<Vec<_>>(), "byCountry": [], "byRegion": [],
        "referee": {"state": "off", "requests": 0}, "drift": {"healed": 0, "byCause": {}, "recent": []},
    });
    serde_json::from_value(summary).expect("a summary")
}

/// The stream of a backend.
struct Told {
    stream: Request,
    folded: Option<Folded>,
    n: u64,
}

impl Told {
    async fn open(backend: &mut Backend) -> Self {
        let mut stream = backend.next().await;
        let line = stream.head.lines().next().expect("a request line").to_owned();
        assert_eq!(line, "GET /api/live-users/summary/stream?changes=true HTTP/1.1");
        stream.open_stream().await;
        Self { stream, folded: None, n: 0 }
    }

    /// Tells a summary, and returns the frame.
    async fn tell(&mut self, summary: &Summary) -> String {
        let (since, name) = (format!("run-{}", self.n), format!("run-{}", self.n + 1));
        self.n += 1;
        let Summary { epoch, seq, as_of, .. } = summary.clone();
        let mut frame = ChangesFrame {
            frame: name,
            since: None,
            epoch,
            seq,
            as_of,
            snapshot: None,
            changed: None,
        };
        match &mut self.folded {
            Some(folded) => {
                (frame.since, frame.changed) = (Some(since), Some(folded.update(summary.clone())));
            }
            none => frame.snapshot = Some(none.insert(Folded::new(summary.clone())).document()),
        }
        let json = serde_json::to_string(&frame).expect("JSON");
        self.stream.tell(&json).await;
        json
    }
}

fn read(json: &str) -> ChangesFrame {
    assert!(json.starts_with(r#"{"success":true,"#), "{json}");
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn in_envelope(frame: &str) -> String {
    format!(r#"{{"success":true,{}"#, &frame[1..])
}

#[tokio::test]
async fn changes_are_passed_on_as_they_came_and_all_else_is_made_of_them() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let mut changes =
        Events::open(&at(&proxy, "/summary/stream?changes=true"), &[RIGHT]).await.unwrap();
    let mut told = Told::open(&mut backend).await;
    let first = told.tell(&summary(0, 1)).await;
    let event = changes.next_event().await.unwrap();
    assert_eq!(event.id.as_deref(), Some("run-1"));
    assert_eq!(event.into_text(), in_envelope(&first));
    // These begin to read while nothing happens.
    let mut whole = Socket::open(&at(&proxy, "/summary/ws"), &[RIGHT]).await.unwrap();
    let mut total = Socket::open(&at(&proxy, "/ws"), &[RIGHT]).await.unwrap();
    let envelope = |summary: &Summary| {
        let json = serde_json::to_string(summary).unwrap();
        serde_json::from_str::<Value>(&in_envelope(&json)).unwrap()
    };
    let value = |json: String| serde_json::from_str::<Value>(&json).unwrap();
    assert_eq!(value(whole.text().await), envelope(&summary(0, 1)));
    assert_eq!(value(timeless(&total.text().await))["byAgent"], json!({"agent-1": 0}));
    for n in 2..10 {
        let change = told.tell(&summary(n, n)).await;
        assert!(change.len() < 500, "{change}");
        assert_eq!(changes.next().await, Some(in_envelope(&change)));
        assert_eq!(value(whole.text().await), envelope(&summary(n, n)));
        let total = value(timeless(&total.text().await));
        assert_eq!((&total["liveUsers"], &total["byAgent"]), (&json!(n), &json!({"agent-1": n})));
    }
    let mut later = Socket::open(&at(&proxy, "/summary/ws?changes=true"), &[RIGHT]).await.unwrap();
    let mut document = Document::new(read(&later.text().await).snapshot.expect("all there is"));
    let mut last = document.summary("e", 1, "2026-11-23T09:30:01.000Z").unwrap();
    while last.live_users != 9 {
        let change = read(&later.text().await);
        document.merge(change.changed.expect("a change"));
        last = document.summary(&change.epoch, change.seq, &change.as_of).unwrap();
    }
    assert_eq!(last, summary(9, 9));
    assert!(backend.is_idle(), "one stream serves all");
}

#[tokio::test]
async fn a_missing_frame_is_a_loss_and_the_next_stream_begins_with_all() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let mut changes =
        Socket::open(&at(&proxy, "/summary/ws?changes=true"), &[RIGHT]).await.unwrap();
    let mut told = Told::open(&mut backend).await;
    told.tell(&summary(1, 1)).await;
    assert!(read(&changes.text().await).snapshot.is_some());
    told.n += 1;
    told.tell(&summary(2, 2)).await;
    assert!(changes.text().await.starts_with(r#"{"success":false,"liveUsers":0,"error":"#));
    let mut told = Told::open(&mut backend).await;
    let all = told.tell(&summary(3, 3)).await;
    assert_eq!(changes.text().await, in_envelope(&all));
    // What the backend says of itself is told, and a snapshot follows.
    told.stream.tell(r#"{"error":"the writer has stopped"}"#).await;
    assert!(changes.text().await.contains("the writer has stopped"));
    told.folded = None;
    let all = told.tell(&summary(4, 4)).await;
    assert_eq!(changes.text().await, in_envelope(&all));
}

#[tokio::test]
async fn summaries_of_an_older_backend_are_passed_on_to_all() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let mut changes =
        Socket::open(&at(&proxy, "/summary/ws?changes=true"), &[RIGHT]).await.unwrap();
    let refused = backend.next().await;
    assert!(refused.head.contains("changes=true"), "{}", refused.head);
    let body = r#"{"error":"changes: this path has no such parameter; expected no parameters","field":"changes"}"#;
    refused
        .say(&format!(
            "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
    let mut stream = backend.next().await;
    assert!(!stream.head.contains("changes"), "{}", stream.head);
    stream.open_stream().await;
    for n in 1..3 {
        let frame = serde_json::to_string(&summary(n, n)).unwrap();
        stream.tell(&frame).await;
        assert_eq!(changes.text().await, in_envelope(&frame));
    }
    drop(stream);
    assert!(changes.text().await.starts_with(r#"{"success":false"#));
    // It may have been replaced by a newer one.
    let mut told = Told::open(&mut backend).await;
    let all = told.tell(&summary(3, 3)).await;
    assert_eq!(changes.text().await, in_envelope(&all));
}

#[tokio::test]
async fn the_form_is_asked_for_by_a_word() {
    let backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    for path in ["/summary/stream?changes=maybe", "/summary/ws?changes=1"] {
        let answer = Events::open(&at(&proxy, path), &[RIGHT]).await.err().expect("refused");
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains(r#""field":"changes""#), "{}", answer.body);
    }
}
