//! Shards that several backends have: any of them takes any webhook, and each tells of its own shards.

mod kept;
mod together;

use live_users_testkit::{Answer, Relay, Server, Twilio, get, send};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::honest::{API_TOKEN, WITH_TOKEN, ask, sid};
use crate::metrics::scrape;
use crate::replicas::team::await_look;
use crate::shards::{agents, leg_of, number, refused};
use crate::{agents_file, start};

/// Three backends with two of six shards each.
struct Team {
    folders: [TempDir; 3],
    /// How they reach each other.
    ways: [Relay; 3],
    servers: Vec<(Server, Twilio)>,
    by: &'static str,
    agents: String,
    _agents_folder: TempDir,
}

impl Team {
    fn start(by: &'static str) -> Self {
        let (folder, agents) = agents_file(&agents(12));
        let folders = [(); 3].map(|()| tempfile::tempdir().expect("a folder"));
        let ways = [(); 3].map(|()| Relay::to_nowhere());
        let mut team =
            Self { folders, ways, servers: Vec::new(), by, agents, _agents_folder: folder };
        for n in 0..3 {
            let started = team.start_one(n, &[]);
            team.servers.push(started);
        }
        team
    }

    fn start_one(&self, n: usize, more: &[(&str, &str)]) -> (Server, Twilio) {
        let [a, b, c] = &self.ways;
        let places = format!("0-1={},2-3={},4-5={}", a.url, b.url, c.url);
        let journal = format!("file:{}", self.folders[n].path().display());
        let here = format!("{}-{}", 2 * n, 2 * n + 1);
        let own = [
            ("JOURNAL_URL", journal.as_str()),
            ("SHARDS", "6"),
            ("SHARD_BY", self.by),
            ("SHARDS_HERE", here.as_str()),
            ("SHARD_BACKENDS", places.as_str()),
            ("AGENTS_FILE", self.agents.as_str()),
            WITH_TOKEN,
        ];
        let (server, twilio) = start(&[&own[..], more].concat());
        self.ways[n].lead_to(&server.url);
        (server, twilio)
    }

    /// The same again, with its journals.
    fn start_again(&mut self, n: usize) {
        self.servers[n] = self.start_one(n, &[]);
    }

    fn of_shard(&self, shard: usize) -> u64 {
        let (server, _) = &self.servers[shard / 2];
        let answer = get(&format!("{}/shards/{shard}/api/live-users", server.url));
        let body: Value = serde_json::from_str(&answer.body).expect("JSON");
        body["liveUsers"].as_u64().unwrap_or_else(|| panic!("{}", answer.body))
    }

    fn of_each(&self) -> Vec<u64> {
        (0..6).map(|shard| self.of_shard(shard)).collect()
    }

    fn total(&self) -> u64 {
        self.of_each().iter().sum()
    }

    /// The sum, if each shard tells its number.
    fn told(&self) -> Option<u64> {
        let told = |shard: usize| {
            let (server, _) = &self.servers[shard / 2];
            let answer = get(&format!("{}/shards/{shard}/api/live-users", server.url));
            serde_json::from_str::<Value>(&answer.body).ok()?["liveUsers"].as_u64()
        };
        (0..6).map(told).sum()
    }

    fn with_person(&self) -> u64 {
        let each = (0..6).map(|shard| {
            let (server, _) = &self.servers[shard / 2];
            let url = format!("{}/shards/{shard}/api/live-users/summary", server.url);
            let bearer = format!("Bearer {API_TOKEN}");
            let answer = send("GET", &url, &[("Authorization", &bearer)], b"");
            let summary: Value = serde_json::from_str(&answer.body).expect("JSON");
            summary["withPerson"].as_u64().expect("a number")
        });
        each.sum()
    }

    /// What is posted of the call with this number, to this backend.
    fn post(&self, to: usize, path: &str, n: u8, fields: &[(&str, &str)]) -> Answer {
        let call = sid(n);
        self.servers[to].1.post(path, &[&[("CallSid", call.as_str())], fields].concat())
    }

    /// Somebody calls this agent, and the webhook comes to this backend.
    fn call(&self, to: usize, n: u8, agent: u32) {
        let (number, from) = (number(agent), format!("+1415555{n:04}"));
        let fields = [
            ("CallStatus", "in-progress"),
            ("Direction", "inbound"),
            ("From", from.as_str()),
            ("To", number.as_str()),
        ];
        let answer = self.post(to, "/voice", n, &fields);
        assert!(answer.status == 200 && answer.body.contains("<Gather "), "{}", answer.body);
    }

    fn end(&self, to: usize, n: u8) -> u16 {
        self.post(to, "/call-status", n, &[("CallStatus", "completed")]).status
    }
}

/// One of the three, as it were by chance: each call comes by at each of them.
fn any(n: u8, step: u8) -> usize {
    usize::from(n.wrapping_mul(7).wrapping_add(step.wrapping_mul(5)) % 3)
}

#[test]
fn a_webhook_counts_in_its_shard_whatever_backend_it_comes_to() {
    let team = Team::start("agent");
    for n in 0..36 {
        team.call(any(n, 0), n, u32::from(n) % 12);
    }
    let each = team.of_each();
    assert_eq!(each.iter().sum::<u64>(), 36);
    assert!(each.iter().all(|n| n % 3 == 0), "each agent is in one shard: {each:?}");
    assert!(each.iter().filter(|n| **n > 0).count() > 2, "{each:?}");

    // A leg names its call, which began at another backend, and neither agent nor caller of it.
    for n in 0..36 {
        let parent = sid(n);
        assert_eq!(team.post(any(n, 1), "/call-status", 100 + n, &leg_of(&parent)).status, 204);
    }
    assert_eq!((team.total(), team.with_person()), (0, 36));
    for n in 0..36 {
        assert_eq!(team.end(any(n, 2), 100 + n), 204);
    }
    // A call that names another agent stays where it is.
    for n in 0..36 {
        let other = number((u32::from(n) + 5) % 12);
        let fields =
            [("CallStatus", "in-progress"), ("To", other.as_str()), ("SpeechResult", "yes")];
        let answer = team.post(any(n, 2), "/speech-result", n, &fields);
        assert!(answer.status == 200 && answer.body.contains("<Gather "), "{}", answer.body);
    }
    assert_eq!(team.of_each(), each);
    for n in 0..36 {
        assert_eq!(team.end(any(n, 1), n), 204);
    }
    assert_eq!(team.total(), 0);
    for (server, _) in &team.servers {
        let figures = scrape(server);
        let sent = figures.get(r#"live_users_evidence_sent_total{reason="recorded"}"#);
        assert!(sent.is_some_and(|n| n > 0.0), "{sent:?}");
        assert!(figures.get("live_users_calls_placed_unasked_total").is_some());
    }
}

#[test]
fn the_end_of_a_conference_reaches_all_who_are_in_it() {
    let team = Team::start("agent");
    for n in 0..6 {
        team.call(any(n, 0), n, u32::from(n));
        let place = (n + 1).to_string();
        let fields = [
            ("ConferenceSid", "CF00000000000000000000000000000001"),
            ("StatusCallbackEvent", "participant-join"),
            ("SequenceNumber", place.as_str()),
        ];
        assert_eq!(team.post(any(n, 1), "/call-status", n, &fields).status, 204);
    }
    assert_eq!(team.total(), 0, "all are in a conference, in several shards");
    let over = [
        ("ConferenceSid", "CF00000000000000000000000000000001"),
        ("StatusCallbackEvent", "conference-end"),
        ("SequenceNumber", "9"),
    ];
    assert_eq!(team.servers[1].1.post("/call-status", &over).status, 204);
    assert_eq!(team.total(), 6, "all are with their agents again");
}

#[test]
fn each_backend_tells_of_its_own_shards_and_of_no_sum_that_is_too_small() {
    let team = Team::start("account");
    let (server, _) = &team.servers[1];
    let above = get(&format!("{}/api/live-users", server.url));
    assert_eq!(above.status, 503, "{}", above.body);
    let told: Value = serde_json::from_str(&above.body).expect("JSON");
    assert_eq!(told["missingShards"], json!([0, 1, 4, 5]), "{told}");
    assert_eq!(ask(server, "GET", "/summary", API_TOKEN).status, 503);
    assert_eq!(get(&format!("{}/readyz", server.url)).status, 200, "its own are ready");
    for shard in [2, 3] {
        assert_eq!(get(&format!("{}/shards/{shard}/api/live-users", server.url)).status, 200);
    }
    let of_others = get(&format!("{}/shards/1/api/live-users", server.url));
    assert_eq!(of_others.status, 404);
    let told = "shard 1 is at another backend";
    assert!(of_others.body.contains(told) && of_others.body.contains("2, 3"), "{}", of_others.body);
    assert!(!get(&format!("{}/shards/6/api/live-users", server.url)).body.contains("backend"));
    let figures = scrape(server);
    assert_eq!(figures.get(r#"live_users_users{shard="2"}"#), Some(0.0));
    assert_eq!(figures.get(r#"live_users_users{shard="0"}"#), None);
    // What belongs to no call is in shard 0.
    let bearer = format!("Bearer {API_TOKEN}");
    let ended = |n: usize| {
        let url = format!("{}/api/sessions/ended", team.servers[n].0.url);
        send("GET", &url, &[("Authorization", &bearer)], b"").status
    };
    assert_eq!([ended(0), ended(1), ended(2)], [200, 503, 503]);
    let url = format!("{}/api/live-users/links", server.url);
    let links = send("GET", &url, &[("Authorization", &bearer)], b"");
    assert_eq!(links.status, 503);
    assert!(links.body.contains("the backend of shard 0 has this"), "{}", links.body);
    // Only the journals of the own shards are there.
    let has = |n: usize, name: &str| team.folders[n].path().join(name).exists();
    assert!(has(1, "shard-2") && has(1, "shard-3"));
    assert!(!has(1, "shard-0") && !has(1, "shard-1") && !has(1, "shard-4"));
}

#[test]
fn who_is_not_signed_or_shows_no_token_gets_nothing_recorded() {
    let team = Team::start("agent");
    team.call(0, 1, 1);
    let before = team.of_each();
    for (server, _) in &team.servers {
        let forged = Twilio::new(&server.url, "n0tthet0kenn0tthet0kenn0tthet0ken");
        assert_eq!(forged.start(9).status, 403);
        assert_eq!(forged.end(1).status, 403);
        for path in ["where", "record"] {
            let url = format!("{}/shards/{path}", server.url);
            let post =
                |headers: &[(&str, &str)], body: &str| send("POST", &url, headers, body.as_bytes());
            let empty = r#"{"from":{"shards":6,"by":"agent","here":[]},"evidence":[]}"#;
            assert_eq!(post(&[], empty).status, 401);
            assert_eq!(post(&[("Authorization", "Bearer 0123456789abcdef")], empty).status, 403);
            let bearer = format!("Bearer {API_TOKEN}");
            let with_token = [("Authorization", bearer.as_str())];
            assert_eq!(post(&with_token, empty).status, 200);
            assert_eq!(post(&with_token, "{}").status, 400);
            // Another idea of the shards, as after a change of settings at one of them.
            for (other, told) in [
                (empty.replace('6', "5"), "SHARDS=5"),
                (empty.replace("agent", "caller"), "SHARD_BY=caller"),
                (empty.replacen("[]", "[0,1,2,3,4,5]", 1), "in SHARDS_HERE of both"),
            ] {
                let answer = post(&with_token, &other);
                assert_eq!(answer.status, 503, "{}", answer.body);
                assert!(answer.body.contains(told), "{}", answer.body);
            }
        }
    }
    assert_eq!(team.of_each(), before);
}

#[test]
fn while_a_backend_is_away_callers_are_answered_and_the_rest_is_counted() {
    let mut team = Team::start("agent");
    for n in 0..12 {
        team.call(any(n, 0), n, n.into());
    }
    let before = team.of_each();
    let lost: u64 = before[2..4].iter().sum();
    assert!(lost > 0 && lost < 12, "{before:?}");
    team.servers[1].0.kill();
    // Nobody knows of these yet.
    for n in 12..24 {
        team.call(if n % 2 == 0 { 0 } else { 2 }, n, u32::from(n) % 12);
    }
    let others = |team: &Team| [0, 1, 4, 5].map(|shard| team.of_shard(shard)).iter().sum::<u64>();
    assert_eq!(others(&team), 2 * (12 - lost), "the others count on");
    team.start_again(1);
    await_look("all is counted", || team.told(), |n| *n == Some(24));
    assert_eq!(team.of_each(), before.iter().map(|n| 2 * n).collect::<Vec<_>>());
    for n in 0..24 {
        assert_eq!(team.end(any(n, 2), n), 204);
    }
    assert_eq!(team.total(), 0);
}

#[test]
fn settings_that_leave_a_shard_nowhere_or_in_two_places_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let three = ("SHARDS", "3");
    let here = |value| ("SHARDS_HERE", value);
    let places = |value| ("SHARD_BACKENDS", value);
    for (env, told) in [
        (&[here("0")][..], "SHARDS_HERE is set while SHARDS is 1"),
        (&[places("0=http://a")], "SHARD_BACKENDS is set while SHARDS is 1"),
        (&[three, here("3")], "from 0 to 2"),
        (&[three, here("0,0"), places("1-2=http://a")], "shard 0 twice"),
        (
            &[three, here("0")],
            "SHARD_BACKENDS lacks the address of shards that are not in SHARDS_HERE: expected one for each of 1, 2",
        ),
        (&[three, here("0"), places("1=http://a")], "expected one for each of 2"),
        (&[three, places("0-2=http://a")], "SHARDS_HERE is not"),
        (&[three, here("0"), places("1=http://a,1-2=http://b")], "two addresses of shard 1"),
        (
            &[three, here("0"), places("0-1=http://a,2=http://b")],
            "all shards of this backend's own address",
        ),
        (&[three, here("0"), places("1-2=ftp://a")], "http://"),
        (&[three, here("0"), places("1-3=http://a")], "from 0 to 2"),
        (&[three, here("0"), places("1-2=http://a"), ("API_TOKEN", "")], "API_TOKEN is not set"),
    ] {
        let words = refused(folder.path(), env);
        assert!(words.contains(told), "{told}: {words}");
    }
    let secret = refused(folder.path(), &[three, here("0"), places("1-2=http://user:hunter2@a")]);
    assert!(secret.contains("SHARD_BACKENDS") && !secret.contains("hunter2"), "{secret}");
}
