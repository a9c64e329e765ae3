//! Three backends with two of six shards each behind one proxy, in real processes.

use live_users_testkit::{Events, Relay, Server, Twilio, get};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{ADMIN_TOKEN, TOKEN, backend_with, proxy_all, write_agents};

struct Team {
    folders: [TempDir; 3],
    ways: [Relay; 3],
    agents: String,
    backends: Vec<Server>,
}

impl Team {
    /// Starts the backend, or starts it again with its journals.
    fn start(&self, n: usize) -> Server {
        let journal = format!("file:{}", self.folders[n].path().display());
        let (here, places) = (format!("{},{}", n, n + 3), self.places());
        let backend = backend_with(
            &self.agents,
            &[
                ("JOURNAL_URL", &journal),
                ("SHARDS", "6"),
                ("SHARD_BY", "agent"),
                ("SHARDS_HERE", &here),
                ("SHARD_BACKENDS", &places),
            ],
        );
        self.ways[n].lead_to(&backend.url);
        backend
    }

    /// Where the shards are: the same value for all backends and for the proxy.
    fn places(&self) -> String {
        let of = |n: usize| format!("{n}={url},{}={url}", n + 3, url = self.ways[n].url);
        [0, 1, 2].map(of).join(",")
    }

    fn twilio(&self, n: usize) -> Twilio {
        Twilio::new(&self.backends[n].url, TOKEN)
    }
}

fn number(n: u8) -> String {
    format!("+1500555{n:04}")
}

fn call(twilio: &Twilio, n: u8) {
    let (sid, from) = (format!("CA{n:032x}"), format!("+1415555{n:04}"));
    let to = number(n % 12);
    let fields = [
        ("CallSid", sid.as_str()),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("From", from.as_str()),
        ("To", to.as_str()),
    ];
    let answer = twilio.post("/voice", &fields);
    assert!(answer.status == 200 && answer.body.contains("<Gather "), "{}", answer.body);
}

fn polled(proxy: &Server) -> Value {
    serde_json::from_str(&get(&format!("{}/api/live-users", proxy.url)).body).expect("JSON")
}

/// Reads until a frame is as expected: others may come before.
async fn told(events: &mut Events, is_so: impl Fn(&Value) -> bool) {
    let is_so = |text: &str| is_so(&serde_json::from_str(text).expect("JSON"));
    while !is_so(&events.next().await.expect("the stream is open")) {}
}

/// Three backends that have two of six shards each.
fn team() -> (Team, TempDir) {
    let agent = |n| {
        let number = number(n);
        format!("[[agent]]\nid = \"a{n}\"\nname = \"Agent {n}\"\nnumbers = [\"{number}\"]\n")
    };
    let (folder, agents) = write_agents(&(0..12).map(agent).collect::<String>());
    let folders = [(); 3].map(|()| tempfile::tempdir().expect("a folder"));
    let ways = [(); 3].map(|()| Relay::to_nowhere());
    let mut team = Team { folders, ways, agents, backends: Vec::new() };
    for n in 0..3 {
        let backend = team.start(n);
        team.backends.push(backend);
    }
    (team, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_knows_another_number_of_shards_tells_no_sum_and_names_the_setting() {
    let (team, _folder) = team();
    (0..12).for_each(|n| call(&team.twilio(0), n));
    let [a, b, c] = team.ways.each_ref().map(|way| way.url.as_str());
    let listed = (0..4).map(|n| format!("{}/shards/{n}", [a, b, c, a][n]));
    let listed = listed.collect::<Vec<_>>().join(",");
    let four = format!("0={a},1={b},2={c},3={a}");
    let swapped = team.places().replace("1=", "x=").replace("2=", "1=").replace("x=", "2=");
    for (settings, missing, why) in [
        (
            &[("SHARDS", "4"), ("SHARD_BACKENDS", four.as_str())][..],
            "0, 1, 2, 3",
            "the backend counts in 6 shards: expected the same SHARDS in the proxy",
        ),
        (
            &[("BACKEND_URLS", listed.as_str())],
            "0, 1, 2, 3",
            "the backend counts in 6 shards: expected the address of each in BACKEND_URLS",
        ),
        (
            &[("SHARDS", "6"), ("SHARD_BACKENDS", swapped.as_str())],
            "1, 2",
            "the backend there does not have this shard: expected the same SHARDS and SHARD_BACKENDS \
             as at the backends",
        ),
        (
            &[("SHARDS", "6"), ("BACKEND_URL", a)],
            "1, 2, 4, 5",
            "the backend does not have this shard: expected its SHARDS, and SHARD_BACKENDS in place of \
             BACKEND_URL if several backends have the shards",
        ),
    ] {
        let mut proxy = proxy_all(settings);
        let is_told = |text: &str| {
            let start = format!("shards without a number: {missing} (since 20");
            assert!(text.starts_with(&start) && text.ends_with(&format!("): {why}")), "{text}");
        };
        let answer = polled(&proxy);
        assert_eq!((&answer["success"], &answer["liveUsers"]), (&json!(false), &json!(0)));
        is_told(answer["error"].as_str().expect("a text"));
        let ready = get(&format!("{}/readyz", proxy.url));
        let ready: Value = serde_json::from_str(&ready.body).expect("JSON");
        assert_eq!(ready["status"], "unready");
        is_told(ready["reason"].as_str().expect("a text"));
        let stream = format!("{}/api/live-users/stream", proxy.url);
        let mut events = Events::open(&stream, &[]).await.expect("a stream");
        // Its streams are refused one after the other.
        told(&mut events, |frame| {
            assert_eq!((&frame["success"], &frame["liveUsers"]), (&json!(false), &json!(0)));
            let error = frame["error"].as_str().expect("a text");
            assert!(error.ends_with(&format!("): {why}")), "{frame}");
            error.starts_with(&format!("shards without a number: {missing} (since 20"))
        })
        .await;
        proxy.await_log(why);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_without_shards_or_with_a_wrong_token_names_the_setting() {
    let (team, _folder) = team();
    let one = proxy_all(&[("BACKEND_URL", &team.ways[0].url)]);
    let in_shards =
        "the backend counts in shards: expected SHARDS (or also SHARD_BACKENDS) in the proxy";
    let told = polled(&one);
    assert_eq!((&told["success"], &told["error"]), (&json!(false), &json!(in_shards)));
    let ready = get(&format!("{}/readyz", one.url));
    let ready: Value = serde_json::from_str(&ready.body).expect("JSON");
    assert_eq!((&ready["status"], &ready["reason"]), (&json!("unready"), &json!(in_shards)));
    let stream = format!("{}/api/live-users/stream", one.url);
    let mut events = Events::open(&stream, &[]).await.expect("a stream");
    let frame: Value = serde_json::from_str(&events.next().await.expect("open")).expect("JSON");
    assert_eq!((&frame["success"], &frame["error"]), (&json!(false), &json!(in_shards)));

    let places = team.places();
    let token = ("BACKEND_TOKEN", "not-the-token-of-these-backends-at-all");
    let mut refused = proxy_all(&[("SHARDS", "6"), ("SHARD_BACKENDS", &places), token]);
    let why = "the backend refuses the proxy's BACKEND_TOKEN: expected the backend's API_TOKEN";
    refused.await_log(&format!("sessions that ended elsewhere are not known: {why}"));
    let bearer = format!("Bearer {ADMIN_TOKEN}");
    let url = format!("{}/api/live-users/summary", refused.url);
    let told = live_users_testkit::send("GET", &url, &[("Authorization", &bearer)], b"");
    let told: Value = serde_json::from_str(&told.body).expect("JSON");
    assert_eq!((&told["success"], &told["error"]), (&json!(false), &json!(why)));
    assert_eq!(polled(&refused), json!({"success": true, "liveUsers": 0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_backend_a_webhook_comes_to_the_proxy_tells_all_and_names_what_is_missing() {
    let (mut team, _folder) = team();
    let proxy = proxy_all(&[("SHARDS", "6"), ("SHARD_BACKENDS", &team.places())]);
    let stream = format!("{}/api/live-users/stream", proxy.url);
    let mut events = Events::open(&stream, &[]).await.expect("a stream");
    for n in 0..24 {
        call(&team.twilio(usize::from(n * 5 % 3)), n);
    }
    told(&mut events, |frame| frame["liveUsers"] == 24).await;
    assert_eq!(polled(&proxy), json!({"success": true, "liveUsers": 24}));

    team.backends[1].kill();
    told(&mut events, |frame| {
        let error = frame["error"].as_str().unwrap_or_default();
        error.starts_with("shards without a number: 1, 4 (since 20")
    })
    .await;
    let lost = polled(&proxy);
    assert_eq!((&lost["success"], &lost["liveUsers"]), (&json!(false), &json!(0)), "{lost}");
    // Callers are answered all the same, whatever their shard.
    (24..36).for_each(|n| call(&team.twilio(if n % 2 == 0 { 0 } else { 2 }), n));

    team.backends[1] = team.start(1);
    // What was said meanwhile was kept by the two others: no sum is told without it.
    told(&mut events, |frame| {
        let is_told = frame["success"] == true;
        assert!(!is_told || frame["liveUsers"] == 36, "{frame}");
        is_told
    })
    .await;
    assert_eq!(polled(&proxy), json!({"success": true, "liveUsers": 36}));
}
