//! The summary as a snapshot and changes: what is told at each change, and that it is the summary.

use std::fmt::Write;

use live_users_testkit::{Events, Server, Socket, Twilio, send};
use live_users_wire::{ChangesFrame, Document, Summary};
use serde_json::Value;

use crate::honest::WITH_TOKEN;
use crate::{agents_file, start};

const SHOWN: (&str, &str) = ("Authorization", "Bearer 4p1t0k3n4p1t0k3n4p1t0k3n");
const WALL: &str = "w4llt0k3nw4llt0k3nw4llt0k3n";
const AGENTS: usize = 1_000;

/// A change of one call has at most so many bytes, however many agents there are.
const CHANGE_BYTES_MAX: usize = 2_048;

fn at(server: &Server, path: &str) -> String {
    format!("{}/api/live-users{path}", server.url)
}

fn agents() -> String {
    let mut file =
        "[[token]]\nid = \"wall\"\nsecret_env = \"WALL_TOKEN\"\naccounts = [\"acme\"]\n".to_owned();
    for n in 0..AGENTS {
        let account = if n % 100 == 0 { "acme" } else { "zeta" };
        write!(
            file,
            "[[agent]]\nid = \"agent-{n}\"\nname = \"The agent with the number {n}\"\naccount = \"{account}\"\n\
             numbers = [\"+1500555{n:04}\"]\ncapacity = 20\n",
        )
        .expect("a string can be written to");
    }
    file
}

/// What happens to the call of this number, with this agent.
fn post(twilio: &Twilio, n: usize, agent: usize, status: &str) {
    let (sid, from) = (format!("CA{n:032x}"), format!("+1415555{n:04}"));
    let to = format!("+1500555{agent:04}");
    let path = if status == "ringing" { "/voice" } else { "/call-status" };
    let fields = [
        ("CallSid", sid.as_str()),
        ("CallStatus", status),
        ("Direction", "inbound"),
        ("From", from.as_str()),
        ("FromCity", "OAKLAND"),
        ("FromState", "CA"),
        ("FromCountry", "US"),
        ("To", to.as_str()),
    ];
    assert!(twilio.post(path, &fields).status < 300);
}

/// A reader of changes, and what it knows by them.
struct Follower {
    last: ChangesFrame,
    document: Document,
    /// Bytes of the longest change, as it was sent.
    longest: usize,
}

impl Follower {
    fn new(first: &str) -> Self {
        let mut last = read(first);
        let snapshot = last.snapshot.take().expect("the first frame has all");
        assert_eq!(last.since, None);
        Self { last, document: Document::new(snapshot), longest: 0 }
    }

    fn take(&mut self, text: &str) {
        let mut frame = read(text);
        assert_eq!(frame.since.as_ref(), Some(&self.last.frame), "no frame is missing");
        self.document.merge(frame.changed.take().expect("a change"));
        self.longest = self.longest.max(text.len());
        self.last = frame;
    }

    fn summary(&self) -> Summary {
        let ChangesFrame { epoch, seq, as_of, .. } = &self.last;
        self.document.summary(epoch, *seq, as_of).expect("a summary")
    }
}

fn read(json: &str) -> ChangesFrame {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

#[tokio::test]
async fn a_change_of_one_call_among_a_thousand_agents_is_small_and_the_summary_stays_exact() {
    let (_folder, file) = agents_file(&agents());
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file), ("WALL_TOKEN", WALL)]);
    for n in 0..50 {
        post(&twilio, n, n * 20, "ringing");
    }
    let mut whole = Socket::open(&at(&server, "/summary/ws"), &[SHOWN]).await.unwrap();
    let path = at(&server, "/summary/ws?changes=true");
    let mut changes = Socket::open(&path, &[SHOWN]).await.unwrap();
    let first = changes.text().await;
    assert!(first.len() > 100_000, "all agents are in it: {} bytes", first.len());
    let mut follower = Follower::new(&first);
    let mut summary: Summary = serde_json::from_str(&whole.text().await).unwrap();
    for n in 0..30 {
        // One begins, and two end.
        let (agent, status) = if n % 3 == 0 { (n * 7, "ringing") } else { (n * 20, "completed") };
        post(&twilio, if n % 3 == 0 { 100 + n } else { n }, agent, status);
        let seq = summary.seq;
        while summary.seq == seq {
            summary = serde_json::from_str(&whole.text().await).unwrap();
        }
        // Both are made of the same summary at the same time. Each socket may skip some.
        while follower.last.as_of != summary.as_of {
            if follower.last.as_of < summary.as_of {
                follower.take(&changes.text().await);
            } else {
                summary = serde_json::from_str(&whole.text().await).unwrap();
            }
        }
        assert_eq!(follower.summary(), summary);
    }
    assert!(follower.longest > 0, "changes were told");
    assert!(follower.longest <= CHANGE_BYTES_MAX, "{} bytes", follower.longest);
    assert_eq!((summary.live_users, summary.by_agent.len()), (40, AGENTS));
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed_or_all() {
    let (server, twilio) = start(&[WITH_TOKEN]);
    let path = at(&server, "/summary/stream?changes=true");
    // While somebody reads, what was sent is kept.
    let mut stays = Events::open(&path, &[SHOWN]).await.unwrap();
    let mut goes = Events::open(&path, &[SHOWN]).await.unwrap();
    let event = goes.next_event().await.unwrap();
    let id = event.id.clone().unwrap();
    let mut follower = Follower::new(&event.into_text());
    assert_eq!(follower.last.frame, id, "the id of an event is the name of its frame");
    drop(goes);
    let mut last = Follower::new(&stays.next().await.unwrap());
    for n in 0..3 {
        post(&twilio, n, 0, "ringing");
        while last.document.field::<usize>("liveUsers") != Some(n + 1) {
            last.take(&stays.next().await.unwrap());
        }
    }
    let known = [SHOWN, ("Last-Event-ID", id.as_str())];
    let mut back = Events::open(&path, &known).await.unwrap();
    while follower.document.field::<u64>("liveUsers") != Some(3) {
        follower.take(&back.next().await.unwrap());
    }
    for unknown in ["0-0", "0a1b2c3d4e5f6071-0"] {
        let known = [SHOWN, ("Last-Event-ID", unknown)];
        let mut back = Events::open(&path, &known).await.unwrap();
        // It may be a snapshot of before, and what has changed since.
        let mut all = Follower::new(&back.next().await.unwrap());
        while all.document.field::<u64>("liveUsers") != Some(3) {
            all.take(&back.next().await.unwrap());
        }
    }
}

#[tokio::test]
async fn another_process_has_other_frames() {
    let mut names = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().to_str().unwrap();
    for _ in 0..2 {
        let (server, _) = start(&[WITH_TOKEN, ("DATA_DIR", journal)]);
        let path = at(&server, "/summary/stream?changes=true");
        let known: Vec<_> =
            names.last().map(|id: &String| ("Last-Event-ID", id.as_str())).into_iter().collect();
        let headers = [&[SHOWN][..], &known].concat();
        let mut events = Events::open(&path, &headers).await.unwrap();
        names.push(Follower::new(&events.next().await.unwrap()).last.frame);
    }
    assert_ne!(names[0], names[1]);
}

#[tokio::test]
async fn a_token_of_an_account_gets_changes_of_its_calls_alone() {
    let (_folder, file) = agents_file(&agents());
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file), ("WALL_TOKEN", WALL)]);
    let bearer = format!("Bearer {WALL}");
    let shown = [("Authorization", bearer.as_str())];
    let mut events =
        Events::open(&at(&server, "/summary/stream?changes=true"), &shown).await.unwrap();
    let first = events.next().await.unwrap();
    assert!(first.contains("agent-100") && !first.contains("agent-101"), "{first}");
    let mut follower = Follower::new(&first);
    post(&twilio, 1, 101, "ringing");
    post(&twilio, 2, 100, "ringing");
    while follower.summary().live_users == 0 {
        let change = events.next().await.unwrap();
        assert!(!change.contains("agent-101") && !change.contains("zeta"), "{change}");
        follower.take(&change);
    }
    assert_eq!((follower.summary().live_users, follower.summary().by_agent.len()), (1, 10));
}

#[tokio::test]
async fn the_form_is_asked_for_by_a_word_and_a_list_of_calls_says_where_it_stands() {
    let (server, twilio) = start(&[WITH_TOKEN]);
    for path in ["/summary/stream?changes=maybe", "/summary/ws?changes=1"] {
        let answer = Events::open(&at(&server, path), &[SHOWN]).await.err().expect("refused");
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains(r#""field":"changes""#), "{}", answer.body);
    }
    let mut events =
        Events::open(&at(&server, "/summary/stream?changes=false"), &[SHOWN]).await.unwrap();
    let frame: Value = serde_json::from_str(&events.next().await.unwrap()).unwrap();
    assert!(frame["byAgent"].is_array() && frame.get("frame").is_none(), "{frame}");
    twilio.start(1);
    let page = send("GET", &at(&server, "/calls"), &[SHOWN], b"").body;
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!((&page["epoch"], page["seq"].as_u64()), (&frame["epoch"], Some(1)));
}
