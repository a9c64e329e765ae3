//! A shard that answers by itself, as long as the test does not change what it tells.

use serde_json::json;
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use crate::backend::{Backend, Request, ok};

const UNKNOWN: &str = r#"{"error":"the number is not known at present"}"#;

const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

pub(crate) const AS_OF: &str = "2026-11-23T09:30:00.000Z";

/// A backend that answers by itself: its number, its summary, and streams of them. The test changes it.
pub(crate) struct Shard {
    pub(crate) url: String,
    pub(crate) told: Sender<Told>,
    _answering: JoinHandle<()>,
}

/// What a shard tells.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) live_users: u64,
    pub(crate) epoch: String,
    pub(crate) seq: u64,
    /// It answers nothing, as a process that is stopped.
    pub(crate) is_frozen: bool,
    /// It says that its number is not known.
    pub(crate) is_unknown: bool,
    /// It opens no stream.
    pub(crate) has_no_stream: bool,
    /// The shards of others of which it says that they lack evidence.
    pub(crate) lacking: &'static str,
    /// Which shard it says to be, if it does.
    pub(crate) shard: &'static str,
}

impl Shard {
    /// One that tells this number.
    pub(crate) fn start(live_users: u64) -> Self {
        Self::behind(Backend::start(), live_users)
    }

    /// The same at a place that has been opened.
    pub(crate) fn behind(mut backend: Backend, live_users: u64) -> Self {
        let told = Told {
            live_users,
            epoch: format!("{live_users:x}"),
            seq: 1,
            is_frozen: false,
            is_unknown: false,
            has_no_stream: false,
            lacking: "",
            shard: "",
        };
        let (told, now) = channel(told);
        let url = backend.url.clone();
        let answering = tokio::spawn(async move {
            while let Some(request) = backend.recv().await {
                tokio::spawn(answer(request, now.clone()));
            }
        });
        Self { url, told, _answering: answering }
    }

    pub(crate) fn tell(&self, live_users: u64) {
        self.told.send_modify(|told| (told.live_users, told.seq) = (live_users, told.seq + 1));
    }
}

impl Told {
    /// What an answer says of shards in its head.
    fn with_headers(&self, answer: String) -> String {
        let headers = [("lacking-shards", self.lacking), ("shard", self.shard)];
        let headers = headers.into_iter().filter(|(_, value)| !value.is_empty());
        let lines: String = headers.map(|(name, value)| format!("\r\n{name}: {value}")).collect();
        answer.replacen("\r\n", &format!("{lines}\r\n"), 1)
    }

    /// Of this agent, if one is asked for.
    fn frame(&self, agent: Option<&str>) -> String {
        let Self { live_users, epoch, seq, .. } = self;
        let mut frame = json!({"liveUsers": live_users, "epoch": epoch, "seq": seq, "asOf": AS_OF});
        if let Some(agent) = agent {
            frame["agent"] = agent.into();
        }
        frame.to_string()
    }

    fn summary(&self) -> String {
        let talked = json!({"calls": 0, "averageMs": null, "longestMs": null});
        json!({
            "liveUsers": self.live_users, "sumIsUpperBound": true, "liveCalls": self.live_users,
            "confirmed": self.live_users,
            "suspect": 0, "asOf": AS_OF, "epoch": self.epoch, "seq": self.seq,
            "averageMs": 1_000 * self.live_users, "longestMs": 60_000, "lastHour": talked,
            "lastDay": talked,
            "byAgent": [{
                "agent": "booking", "name": "Table bookings", "numbers": [], "capacity": 5,
                "ownVoice": false, "liveUsers": self.live_users, "liveCalls": self.live_users,
                "averageMs": null, "longestMs": null, "lastHour": talked, "lastDay": talked,
            }],
            "byCountry": [{"country": "DE", "liveUsers": self.live_users, "liveCalls": 1}],
            "byRegion": [], "referee": {"state": "off", "requests": 0},
            "drift": {"healed": 0, "byCause": {}, "recent": []},
        })
        .to_string()
    }

    /// Two activities, and a cursor that has what was asked for in it.
    fn activity(&self, line: &str) -> String {
        let n = self.live_users;
        let activity = |second: u64| {
            json!({
                "cursor": format!("e-{second}"), "at": format!("2026-11-23T09:30:{second:02}.000Z"),
                "what": "started", "callSid": format!("CA{n}-{second}"), "agent": null,
                "caller": null, "country": null, "region": null, "city": null, "direction": null,
            })
        };
        let asked = line.split("after=").nth(1).unwrap_or_default();
        let asked = asked.split(['&', ' ']).next().unwrap_or_default();
        json!({
            "activities": [activity(n + 10), activity(n)], "asOf": AS_OF, "missed": false,
            "cursor": format!("{asked}x{n}"),
        })
        .to_string()
    }

    /// Two calls.
    fn calls(&self) -> String {
        let n = self.live_users;
        let call = |second: u64| {
            json!({
                "callSid": format!("CA{n}-{second}"), "phase": "live", "counted": true,
                "suspect": false, "direction": null, "agent": null, "caller": null, "country": null,
                "region": null, "city": null, "firstHeardAt": AS_OF, "heardAt": AS_OF,
                "since": format!("2026-11-23T09:30:{second:02}.000Z"), "liveMs": 5,
            })
        };
        json!({
            "calls": [call(n), call(n + 10)], "asOf": AS_OF, "matching": 2, "total": 4,
            "epoch": self.epoch, "seq": self.seq, "next": null,
        })
        .to_string()
    }
}

/// Answers one request, as what the shard tells is then.
pub(crate) async fn answer(mut request: Request, mut now: Receiver<Told>) {
    let line = request.head.lines().next().unwrap_or_default().to_owned();
    let path = line.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
    if now.wait_for(|told| !told.is_frozen).await.is_err() {
        return;
    }
    let told = now.borrow().clone();
    let n = told.live_users;
    let agent = line.split("agent=").nth(1).and_then(|it| it.split(['&', ' ']).next());
    let agent = agent.map(str::to_owned);
    let of_call = [format!("/calls/CA{n}"), format!("/calls/CA{n}/evict")];
    let says = match path.strip_prefix("/api/live-users").unwrap_or_default() {
        "" | "/summary" if told.is_unknown => ok(UNKNOWN).replacen("200 OK", "503 No", 1),
        "" | "/stream" if agent.as_deref() == Some("nobody") => {
            ok(r#"{"error":"agent: there is no such agent here"}"#).replacen("200 OK", "404 Not", 1)
        }
        "" => ok(&told.frame(agent.as_deref())),
        "/summary" => ok(&told.summary()),
        "/stream" if told.has_no_stream => ok("{}").replacen("200 OK", "500 Oops", 1),
        // It is of before there were changes.
        "/summary/stream" if line.contains("changes=true") => {
            ok("{}").replacen("200 OK", "400 Bad", 1)
        }
        path @ ("/stream" | "/summary/stream") => {
            let is_summary = path == "/summary/stream";
            request.start_to_say(&told.with_headers(STREAM.to_owned())).await;
            return tell(request, now, (is_summary, agent)).await;
        }
        "/activity" => ok(&told.activity(&line)),
        "/calls" => ok(&told.calls()),
        path if of_call.iter().any(|it| it == path) => {
            ok(&json!({"by": n, "line": line.split(' ').next()}).to_string())
        }
        "/history" | "/alerts" => ok(&json!({"by": n, "line": line}).to_string()),
        _ => ok(r#"{"error":"there is no such call"}"#).replacen("200 OK", "404 Not", 1),
    };
    request.say(&told.with_headers(says)).await;
}

/// Tells each change, until the shard is gone.
async fn tell(
    mut request: Request,
    mut now: Receiver<Told>,
    (is_summary, agent): (bool, Option<String>),
) {
    loop {
        let told = now.borrow_and_update().clone();
        match told {
            Told { is_frozen: true, .. } => {}
            Told { is_unknown: true, .. } => request.tell(UNKNOWN).await,
            told if is_summary => request.tell(&told.summary()).await,
            told => request.tell(&told.frame(agent.as_deref())).await,
        }
        if now.changed().await.is_err() {
            return;
        }
    }
}
